/* router_private: what a router is made of, for router.c and explain.c. */
#ifndef DP_ROUTER_ROUTER_PRIVATE_H
#define DP_ROUTER_ROUTER_PRIVATE_H

#include "dp/router/entry.h"
#include "dp/router/index.h"

struct router {
	struct router_options options;
	struct pmap sets; /* struct rule_set by the route's id */
	struct index index;
	size_t with_snis;   /* routes */
	struct entry entry; /* traditional, while with_snis is not 0; else empty */
};

/* A search with nothing found yet. */
struct search router_search(const struct router *r, const struct router_request *q);

#endif
