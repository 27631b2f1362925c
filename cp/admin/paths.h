/* paths: every path that the Admin API answers, from the table of routes and from the schemas. */
#ifndef CP_ADMIN_PATHS_H
#define CP_ADMIN_PATHS_H

#include "cp/admin/routes.h"

struct admin_path {
	struct slice pattern; /* "/services/{services}/routes" */
	unsigned methods;
	const struct admin_route *route; /* a line of the table; NULL: below the kinds */
	enum admin_shape shape;          /* when there is a kind */
	const struct schema *kind;       /* NULL: something else than entities is there */
	const struct schema *outer;
	const struct field *reference;
};

/* Sorted, '/' ranking below every other character, so that what is below a path follows it at once. *n: how many. On
 * the arena. */
const struct admin_path *admin_paths(struct arena *a, size_t *n);

#endif
