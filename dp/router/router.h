/* router: which route a request belongs to. Pure data: built once per version, then only read, by any thread.
 * Contract: proxy.md sections 1.2-1.8 and 1.11-1.13. */
#ifndef DP_ROUTER_ROUTER_H
#define DP_ROUTER_ROUTER_H

#include "common/entity/route.h"
#include "common/core/text.h"
#include "common/http/head.h"

enum router_flavor { ROUTER_TRADITIONAL, ROUTER_TRADITIONAL_COMPATIBLE };
enum router_calculation { ROUTER_ORIGINAL, ROUTER_STRICT };

struct router_options {
	enum router_flavor flavor;
	enum router_calculation calculation; /* of ROUTER_TRADITIONAL_COMPATIBLE */
	unsigned max_headers; /* fields of a request that routes with headers look at (lua_max_req_headers); 0: 100 */
};

/* One route as the router takes it; `value` is handed back by a match. */
struct router_entry {
	const struct route *route;
	void *value;
};

struct router;

/* entries are read only during the call; the routes must outlive the router. A route that cannot work (a regex that
 * does not compile) is left out and named in *problems (may be NULL). Never fails otherwise. */
struct router *router_build(
        const struct router_entry *entries, size_t n, const struct router_options *options, struct text *problems);
void router_free(struct router *r);

struct router_request {
	struct slice method, host, path; /* host: the Host field as received; path: normalised */
	struct slice scheme, sni;        /* of the connection */
	int listener_port;               /* for hosts with a port when Host has none */
	const struct head *head;         /* for routes with headers */
	struct arena *arena;             /* for what the match needs */
};

struct router_match {
	void *value;
	const struct route *route;
	struct slice prefix; /* the part of path that matched (strip_path); empty when the route has no paths */
	const struct slice_pair *captures; /* named and numbered groups of a regex path */
	size_t captures_count;
};

/* False: no route. Takes no locks and allocates only on the request's arena. */
bool router_match(const struct router *r, const struct router_request *q, struct router_match *out);

/* the path sent upstream (not yet escaped) from service path, match and request path. */
struct slice router_upstream_path(struct arena *a, struct slice service_path, const struct router_match *m,
        struct slice path, enum router_flavor flavor);

#endif
