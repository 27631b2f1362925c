/* private: a compiled schema, shared by the files of this folder. */
#ifndef COMMON_JSONSCHEMA_PRIVATE_H
#define COMMON_JSONSCHEMA_PRIVATE_H

#include "common/core/map.h"
#include "common/jsonschema/jsonschema.h"
#include "common/plugin/regex.h"

struct node;

struct node_list {
	const struct node **items;
	size_t len;
};
struct named_node {
	struct slice name;
	const struct regex *pattern; /* of patternProperties */
	const struct node *node;
};
struct named_list {
	struct named_node *items;
	size_t len;
};
struct name_list {
	struct slice *items;
	size_t len;
};
/* When a value has `name`: these too (dependentRequired), and this schema (dependentSchemas). */
struct dependency {
	struct slice name;
	struct name_list required;
	const struct node *node;
};

enum format_id {
	FORMAT_ID_NONE,
	FORMAT_ID_DATE,
	FORMAT_ID_TIME,
	FORMAT_ID_DATE_TIME,
	FORMAT_ID_EMAIL,
	FORMAT_ID_UUID,
	FORMAT_ID_IPV4,
	FORMAT_ID_IPV6,
	FORMAT_ID_URI,
	FORMAT_ID_HOSTNAME
};

struct limit {
	bool set;
	double value;
};

/* One (sub)schema. Everything unset: true. */
struct node {
	bool never; /* false */
	const struct node *ref;
	unsigned types;

	const json_t *constant, *enumeration;
	struct limit minimum, maximum, above, below, multiple_of;

	struct limit min_length, max_length;
	const struct regex *pattern;
	enum format_id format;

	struct node_list prefix_items;
	const struct node *items, *contains, *unevaluated_items; /* items: those behind the prefix */
	struct limit min_items, max_items, min_contains, max_contains;
	bool unique_items;

	struct named_list properties, patterns;
	const struct node *additional, *property_names, *unevaluated_properties;
	struct name_list required;
	struct dependency *dependencies;
	size_t dependencies_len;
	struct limit min_properties, max_properties;

	struct node_list all_of, any_of, one_of;
	const struct node *negated, *condition, *consequence, *alternative;
};

struct jsonschema {
	enum jsonschema_draft draft;
	const struct node *root;
	bool has_unevaluated;
};

/* ---- refs.c: which subschema a reference means ---- */

/* A schema with an address of its own: the root, or one with $id. */
struct resource {
	const json_t *root;
	struct slice uri; /* "" when it has none */
};
struct ref_index {
	struct arena *arena;
	enum jsonschema_draft draft;
	struct map targets; /* absolute URI, perhaps with "#anchor" -> const json_t * */
	struct map owners;  /* address of a json_t -> struct resource * it belongs to */
	size_t count;       /* of subschemas that were looked at */
};
bool ref_index_make(struct ref_index *x, const json_t *root, struct err *e);
void ref_index_fini(struct ref_index *x);
/* The schema that `ref` in `from` means; NULL with e. */
const json_t *ref_index_find(const struct ref_index *x, const json_t *from, struct slice ref, struct err *e);

/* ---- equal.c ---- */

/* As JSON Schema has it: 1 and 1.0 are the same. */
bool jsonschema_equal(const json_t *a, const json_t *b);
bool jsonschema_is_unique(const json_t *array);

/* ---- formats.c ---- */

enum format_id jsonschema_format(struct slice name); /* NONE: not known, says nothing */
bool jsonschema_format_fits(enum format_id f, struct slice text);
const char *jsonschema_format_name(enum format_id f);

#endif
