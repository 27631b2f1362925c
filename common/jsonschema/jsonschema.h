/* jsonschema: JSON Schema, drafts 4, 6, 7 and 2020-12: a schema is compiled once, on an arena, and then judges
 * values, from any thread. README.md lists the vocabulary.
 *
 * Schemas come from configurations, values from clients: a schema that does not compile says where and why; a value
 * is judged within bounds (depth, steps), and one that would need more is refused. References reach within the schema
 * only; nothing is ever loaded. */
#ifndef COMMON_JSONSCHEMA_JSONSCHEMA_H
#define COMMON_JSONSCHEMA_JSONSCHEMA_H

#include <jansson.h>

#include "common/core/arena.h"
#include "common/core/err.h"

enum jsonschema_draft { JSONSCHEMA_DRAFT4, JSONSCHEMA_DRAFT6, JSONSCHEMA_DRAFT7, JSONSCHEMA_2020_12 };

enum {
	JSONSCHEMA_DEPTH = 64,             /* of a value, and of a schema's own nesting */
	JSONSCHEMA_NODES = 20000,          /* subschemas of a schema */
	JSONSCHEMA_STEPS = 2 * 1000 * 1000 /* looks at a subschema or a name, for one value */
};

struct jsonschema;

/* text: the schema as JSON. NULL with e: "at /properties/a/type: ...". */
const struct jsonschema *jsonschema_compile(
        struct arena *a, struct slice text, enum jsonschema_draft draft, struct err *e);

/* What the first failures were: where in the value ("a.b[2]"; "@root": the value itself), and why. */
enum { JSONSCHEMA_FAILURES = 10 };
struct jsonschema_failures {
	struct arena *arena; /* what the texts live on */
	struct jsonschema_failure {
		struct slice path, why;
	} items[JSONSCHEMA_FAILURES];
	size_t len;
};

/* failures: NULL when only the outcome matters, which is quicker. */
bool jsonschema_validate(const struct jsonschema *s, const json_t *value, struct jsonschema_failures *failures);

/* What the schema itself says about the type of its values, for whoever must make values from text: bits of enum
 * jsonschema_type; 0: any. */
enum jsonschema_type {
	TYPE_BIT_NULL = 1,
	TYPE_BIT_BOOLEAN = 2,
	TYPE_BIT_INTEGER = 4,
	TYPE_BIT_NUMBER = 8,
	TYPE_BIT_STRING = 16,
	TYPE_BIT_ARRAY = 32,
	TYPE_BIT_OBJECT = 64
};
unsigned jsonschema_types(const struct jsonschema *s);
/* The same of its items, and of one of its properties (also where additionalProperties says it). */
unsigned jsonschema_item_types(const struct jsonschema *s);
unsigned jsonschema_property_types(const struct jsonschema *s, struct slice name);

#endif
