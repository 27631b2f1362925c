/* index: the rules of a router by host (R-1.5 Hosts, D-1). A host value is found by hash: whole, by each of its ends
 * (.example.com, .com) when there are "*.x" routes, by each of its starts when there are "x.*" routes. */
#ifndef DP_ROUTER_INDEX_H
#define DP_ROUTER_INDEX_H

#include "dp/router/trie.h"

/* The rules of one host value, or of no host. */
struct group {
	struct rule **rules; /* in their order once finished */
	uint32_t count, cap;
	const struct trie_node *trie; /* NULL: few rules */
};

enum { NO_PORT = -1 };
enum host_how { HOST_EXACT, HOST_ENDS, HOST_STARTS };

struct index_slot {
	struct group *group; /* NULL: free */
	struct slice name;   /* lower case */
	uint64_t hash;
	int32_t port; /* NO_PORT: any */
	enum host_how how;
};

struct index {
	struct arena *arena;
	bool compatible;
	struct index_slot *slots; /* heap */
	size_t mask, count;
	bool has[3];    /* by enum host_how */
	bool has_ports; /* some value has a port of its own */
	struct group any_host;
};

void index_init(struct index *x, struct arena *a, bool compatible);
void index_fini(struct index *x);
/* Are the hosts of a route well-formed? Else false with e set. */
bool index_accepts(const struct route *route, struct err *e);
/* Adds a rule under every host of its route, or under no host. */
void index_add(struct index *x, struct rule *r);
/* After the last index_add(): sorts. */
void index_finish(struct index *x);

/* Looks at every group that the request's Host leads to, then at the one without host. True when one had the host. */
bool index_search(const struct index *x, struct search *s);

#endif
