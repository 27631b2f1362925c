/* routes: from a path to what answers it. One table of special endpoints; everything below the kinds follows from
 * their schemas (admin-api.md 4 and 6). */
#ifndef CP_ADMIN_ROUTES_H
#define CP_ADMIN_ROUTES_H

#include "cp/admin/call.h"

struct admin_route {
	const char *pattern; /* "/schemas/plugins/:name"; literals stand before parameters in the table */
	unsigned methods;    /* that are answered */
	unsigned advertised; /* in Allow; 0: methods */
	bool raw_body;       /* the body is the handler's business: no gate, no parsing */
	admin_handler handler;
	const char *doc; /* one sentence: what can be done there */
};

size_t admin_routes_count(void);
const struct admin_route *admin_routes_at(size_t i);

/* The special endpoint at the request's path; params get what its :names stand for. NULL: none. */
const struct admin_route *admin_route_find(const struct admin_request *r, struct slice params[4]);
/* What the path means below the kinds. False: nothing. */
bool admin_target_find(const struct admin_request *r, struct admin_target *out);
/* The methods that a shape has. */
unsigned admin_shape_methods(enum admin_shape shape);
/* The last segment of /R/:r/C for a kind C: "key-auth". NULL: never nested. */
const char *admin_nested_name(const struct schema *kind);

/* Answers the request: finds the endpoint, reads the body, calls the handler. */
void admin_dispatch(struct admin_call *c);

#endif
