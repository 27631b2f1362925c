/* violations: what is wrong with a record, as a tree shaped like the input.
 *
 * The tree is the `fields` object of the Admin API: {"host":"required field missing","config":{"minute":"..."},
 * "@entity":["..."]}. Arrays of errors align with the input array, null for good elements (entities.md 1.1). */
#ifndef COMMON_SCHEMA_VIOLATIONS_H
#define COMMON_SCHEMA_VIOLATIONS_H

#include <jansson.h>

#include "common/core/text.h"

struct violations {
	json_t *fields; /* object; NULL until the first violation */
};

void violations_fini(struct violations *v);
static inline bool has_violations(const struct violations *v)
{
	return v->fields != NULL;
}

/* path is dotted ("config.redis.host"); a number addresses an array element, 1-based ("protocols.1").
 * The first message at a path wins. */
void violations_add(struct violations *v, const char *path, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
/* The same, but replaces a message that is there: for a check that knows better than the field's own rules. */
void violations_replace(struct violations *v, const char *path, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
/* Is there a message at or below this path? */
bool violations_at(const struct violations *v, const char *path);
/* Adds to the "@entity" list. */
void violations_add_entity(struct violations *v, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "schema violation (name: required field missing)" / "2 schema violations (...)": admin-api.md 3.2. `one` and `many`
 * name the thing: "schema violation", "schema violations"; "foreign key unresolved", "foreign keys unresolved". */
void violations_message(const json_t *fields, const char *one, const char *many, struct text *out);
/* A value as messages show it: '{id="...",name=null}', alphabetical, braces included, outer quotes not
 * (admin-api.md 3.2). */
void violations_braced(const json_t *value, struct text *out);

#endif
