/* router: which route a request belongs to. Pure data: changed by one thread, read by any number.
 *
 * A router is like a catalog: router_copy() costs next to nothing, since both share all they have in common, and a
 * change to the copy costs what it touches and leaves the original as it was. So the router of the next version is a
 * changed copy of this version's, however large. Copies, changes and frees of routers that share belong to one thread
 * (the one that owns configuration); a router that no longer changes may be read by any thread, without locks.
 * Contract: proxy.md sections 1.2-1.8 and 1.11-1.13. */
#ifndef DP_ROUTER_ROUTER_H
#define DP_ROUTER_ROUTER_H

#include "common/core/ip.h"
#include "common/entity/route.h"
#include "common/core/text.h"
#include "common/http/head.h"

enum router_flavor { ROUTER_TRADITIONAL, ROUTER_TRADITIONAL_COMPATIBLE, ROUTER_EXPRESSIONS };
enum router_calculation { ROUTER_ORIGINAL, ROUTER_STRICT };

struct router_options {
	enum router_flavor flavor;
	enum router_calculation calculation; /* of the other two */
	unsigned max_headers; /* fields of a request that routes with headers look at (lua_max_req_headers); 0: 100 */
	unsigned max_args;    /* arguments that expressions look at (lua_max_uri_args); 0: 100 */
	void (*drop)(void *value); /* a route's value is no longer needed by any router; NULL: nobody wants to know */
};

/* One route as the router takes it; `value` is handed back by a match. */
struct router_entry {
	const struct route *route;
	void *value;
};

struct router;

struct router *router_new(const struct router_options *options);
struct router *router_copy(const struct router *r);
void router_free(struct router *r); /* NULL is fine */

/* Adds the route, or puts it in the place of the one with its id. The route must live until options->drop is called
 * with its value. False with e set: the route cannot work (a regex that does not compile); then the router has none
 * of its id, and the value is the caller's still. */
bool router_put(struct router *r, const struct router_entry *entry, struct err *e);
bool router_remove(struct router *r, const struct uuid *id); /* false: was not there */
size_t router_count(const struct router *r);

/* A router of these routes. Those that cannot work are left out and named in *problems (may be NULL). */
struct router *router_build(
        const struct router_entry *entries, size_t n, const struct router_options *options, struct text *problems);

struct router_request {
	struct slice method, host, path; /* host: the Host field as received; path: normalised */
	struct slice scheme, sni;        /* of the connection */
	int listener_port;               /* for hosts with a port when Host has none */
	const struct head *head;         /* for routes with headers */
	/* For expressions: */
	struct slice query;                    /* raw; unset: none */
	const struct ip *source, *destination; /* of the connection; NULL: not known */
	int source_port;
	struct arena *arena; /* for what the match needs */
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

/* Calls fn for pairs of routes, at most so many, that stand in this order here and in the other one under the other
 * route_match_calculation. There is a pair if any two routes are such. */
typedef void (*router_pair_fn)(const struct route *first, const struct route *second, void *arg);
void router_each_inversion(const struct router *r, unsigned most, router_pair_fn fn, void *arg);

/* ---- why (A2-5) ---- */

/* A rule that a request came near: one route with one of its paths, or a group of them. */
struct router_candidate {
	const struct route *route;
	void *value;
	struct slice paths; /* for people: "/a", "~/a, ~/b"; unset: any path */
	bool fits;          /* it would match if it were alone */
	const char *why;    /* "wins"; why it comes later than the winner; or what does not match */
};

struct router_explanation {
	bool has_match;
	struct router_match match;
	const struct router_candidate *candidates; /* in the order of the router */
	size_t count, left_out;                    /* left_out: further ones that do not fit */
	size_t other_hosts, other_paths;           /* routes of which no rule has the host, or the path: not listed */
};

enum { ROUTER_EXPLAIN_MAX = 100 };

/* Looks at every route, so it takes as long as there are routes: for people, not for requests, and for the thread
 * that owns routers. Everything is on q->arena. */
void router_explain(const struct router *r, const struct router_request *q, struct router_explanation *out);

/* the path sent upstream (not yet escaped) from service path, match and request path. */
struct slice router_upstream_path(struct arena *a, struct slice service_path, const struct router_match *m,
        struct slice path, enum router_flavor flavor);

#endif
