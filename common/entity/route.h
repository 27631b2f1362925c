/* route: which requests go to which service (entities.md 4.2, proxy.md 1). */
#ifndef COMMON_ENTITY_ROUTE_H
#define COMMON_ENTITY_ROUTE_H

#include "common/schema/schema.h"

struct cidr_port { /* of sources and destinations */
	struct slice ip;
	struct opt_int port;
};

struct route {
	/* What every request of it reads comes first, on a line of memory or two. */
	struct uuid id;
	struct ref service;
	bool strip_path, preserve_host, request_buffering, response_buffering;
	struct slice_list protocols;
	struct slice path_handling;

	int64_t created_at, updated_at;
	struct slice name;
	struct slice_list methods, hosts, paths, snis, tags;
	struct list_map headers;
	struct record_list sources, destinations; /* struct cidr_port */
	int64_t https_redirect_status_code, regex_priority;
	struct slice expression; /* router_flavor expressions; unset: the route matches by its other fields */
	int64_t priority;        /* of the expression */
};

extern const struct schema route_schema;

/* From now on regular expressions that Rust's dialect lacks are refused: in every router_flavor but traditional
 * (proxy.md 1.4). For the control plane, before it serves; data planes take what is stored. */
void route_use_rust_regexes(bool on);
/* That, and whether routes have expressions, as router_flavor says. Whoever judges routes calls it first. */
void route_use_flavor(struct slice router_flavor);

#endif
