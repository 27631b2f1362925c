/* What the files of this folder share and nobody else needs.
 *
 * An "error" here is a new JSON value shaped like what is wrong: a string for a scalar, an array with null holes for
 * a list, an object for a record. NULL means that nothing is wrong. */
#ifndef COMMON_SCHEMA_SCHEMA_PRIVATE_H
#define COMMON_SCHEMA_SCHEMA_PRIVATE_H

#include "common/schema/load.h"

/* ---- values.c: small helpers over jansson ---- */

static inline struct slice value_slice(const json_t *string)
{
	return slice_of(json_string_value(string), json_string_length(string));
}
/* A printf-formatted JSON string; what would be cut in the middle of a character is cut before it. */
json_t *value_message(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The value at a dotted path below object, or NULL. */
json_t *value_at(const json_t *object, const char *path);
/* "5" for 5 and 5.0, "2.5" for 2.5: as numbers appear in messages. */
void value_number(double value, char out[32]);
/* 5.0 becomes 5; everything else stays. Replaces *value. */
void value_make_whole(json_t **value);
/* 'a', 'b' */
void value_names(const char *const *names, const char *prefix, struct text *out);

/* ---- schema.c ---- */

/* The table row for a dotted path, through nested records; NULL when there is none. */
const struct field *schema_field_at(const struct schema *s, const char *path);
/* f, or a copy of it in *room whose record is sub, when f is the record that the sub-schema fills. */
const struct field *field_with_sub(const struct field *f, const struct schema *sub, struct field *room);

static inline bool field_is_set(const struct field *f)
{
	return f->type == TYPE_SET || (f->type == TYPE_ARRAY && (f->flags & AS_SET));
}
/* A record is there in full unless its default says null. */
static inline bool field_is_implied(const struct field *f)
{
	return f->type == TYPE_RECORD && !f->dflt;
}
bool field_is_vault_reference(const struct field *f, const json_t *value);

/* ---- steps of a load ---- */

/* Shorthands and couplings; sub is the schema of `config`, or NULL. NULL with v filled. */
json_t *expand_with(const struct schema *s, const struct schema *sub, const json_t *input, struct violations *v);
/* The sub-schema that input chooses once it is merged over existing (which may be NULL). */
const struct schema *merge_subschema(const struct schema *s, const json_t *existing, const json_t *input);
/* A copy with the table's fields only, in its order. */
json_t *load_in_order(const struct schema *s, const struct schema *sub, const json_t *record);
/* Puts defaults where keys are missing, in nested records and elements too. `sub` is the schema of `config`, or NULL.
 */
void defaults_fill(const struct schema *s, const struct schema *sub, json_t *record);
/* Type and rules of one value, in the order of entities.md 1.2. May replace *value by its normal form. */
json_t *types_check(const struct field *f, json_t **value, bool required);
/* All fields of a record, and keys that it does not have. Cross-field checks only in records nested within. */
json_t *types_check_record(const struct schema *s, const struct schema *sub, json_t *record);
/* The fields that are there and keys that it does not have; nothing is said of what is missing. */
json_t *types_check_given(const struct schema *s, const json_t *given);
/* Only the rules of f, not its type: conditions of cross-field checks. */
json_t *rules_apply(const struct field *f, json_t **value);
/* The cross-field checks of s over record, which is a part of whole (or all of it). prefix ("config." or "") stands
 * before the names in messages. */
void checks_run(const struct schema *s, const json_t *record, const json_t *whole, const char *prefix, bool is_update,
        struct violations *v);

/* The key in the stored form of kinds that can expire: Unix seconds, or null. Clients see `ttl` instead. */
#define EXPIRY_KEY "expires_at"

#endif
