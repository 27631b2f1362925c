/* index: the rules of a router by host (R-1.5 Hosts, D-1). A host value is found by hash: whole, by each of its ends
 * (.example.com, .com) when there are "*.x" routes, by each of its starts when there are "x.*" routes. */
#ifndef DP_ROUTER_INDEX_H
#define DP_ROUTER_INDEX_H

#include "common/core/pmap.h"
#include "dp/router/trie.h"

enum host_how { HOST_EXACT, HOST_ENDS, HOST_STARTS, HOST_HOWS };

/* Embedded by value in a router; versions share what it leads to (see trie.h). */
struct index {
	bool compatible;
	struct pmap hosts[HOST_HOWS][2]; /* tries by "name", by "name:port" */
	struct trie_node *any_host;
};

void index_init(struct index *x, bool compatible);
struct index index_copy(const struct index *x);
void index_fini(struct index *x);

/* Are the hosts of a route well-formed? Else false with e set. */
bool index_accepts(const struct route *route, struct err *e);
/* Files a rule under every host of its route, or under no host; takes it away again. */
void index_add(struct index *x, const struct rule *r);
void index_remove(struct index *x, const struct rule *r);

/* Looks at every group that the request's Host leads to, then at the one without host. True when one had the host. */
bool index_search(const struct index *x, struct search *s);

#endif
