/* infer: from form and query arguments to JSON, driven by the table (admin-api.md 2.3 and 2.4). */
#ifndef COMMON_SCHEMA_INFER_H
#define COMMON_SCHEMA_INFER_H

#include "common/schema/schema.h"

struct form_arg {
	struct slice name;  /* decoded: "config.redis.host", "paths[]", "hosts[1]" */
	struct slice value; /* decoded; unset when the argument had no "=" (boolean true) */
};

/* Builds the tree of 2.3; every leaf a string (or true). `brackets` allows a[foo]=v. New reference; NULL with e set
 * when nesting is deeper than 32 or an index is above 10000. */
json_t *form_tree(const struct form_arg *args, size_t n, bool brackets, struct err *e);

/* Gives leaves the types that the schema wants, in place. sub: schema of `config`, or NULL. */
void form_infer(const struct schema *s, const struct schema *sub, json_t *tree);

#endif
