/* load: from what a client sent to a complete, checked record (entities.md 1.4).
 *
 * Order: shorthands and adjust -> auto values and defaults -> sub-schema -> fields -> required -> entity checks ->
 * transform. References by unique key ({"name":"x"}) must have been replaced by ids before (cp/store/refs). */
#ifndef COMMON_SCHEMA_LOAD_H
#define COMMON_SCHEMA_LOAD_H

#include "common/schema/schema.h"
#include "common/schema/violations.h"

enum load_op {
	LOAD_CREATE,  /* POST, and PUT of something new: auto values and defaults are filled in */
	LOAD_REPLACE, /* PUT on something that exists: as create; `existing` gives the id */
	LOAD_UPDATE,  /* PATCH: input is merged over `existing`, then the whole is checked */
	/* From the store, the wire or a snapshot: fills in what a newer field lacks; no checks across fields, which
	 * were made when it was written, and no transform. */
	LOAD_STORED,
};

struct load_options {
	enum load_op op;
	const json_t *existing; /* rendered form; LOAD_REPLACE and LOAD_UPDATE */
	int64_t now_ms;         /* wall clock for created_at and updated_at */
	/* From a declarative file (declarative-config.md): times that are given stay, ttl is the time of expiry in
	 * Unix seconds, and transform is the caller's business. */
	bool is_document;
	/* The schema that a reference names ("services"), so that what is wrong within a reference without an id can
	 * be told; NULL: it is only said that the id is missing. */
	const struct schema *(*target)(struct slice name);
};

/* input: an object, not changed. On success *out is a new reference to the rendered form. On failure false, with v
 * filled and *out NULL. Never stops the process: hostile input is the normal case. */
bool schema_load(const struct schema *s, const json_t *input, const struct load_options *options, json_t **out,
        struct violations *v);

/* Has this record exactly the fields of the table, in its order, and so its nested records? Then LOAD_STORED would
 * not change it. Rules are not looked at. */
bool schema_is_rendered(const struct schema *s, const json_t *record);

/* Only the first step of LOAD_UPDATE/CREATE: shorthands expanded and adjust applied; a new object. NULL with v. */
json_t *schema_expand(const struct schema *s, const json_t *input, struct violations *v);

/* existing with input merged over it: records field by field, everything else replaced whole. New reference. */
json_t *schema_merge(const struct schema *s, const json_t *existing, const json_t *input);

/* The record schema of `config` for this input (plugins, vaults); NULL when s has no sub-schema or none is chosen. */
const struct schema *schema_subschema(const struct schema *s, const json_t *input);

/* What clients see: hidden fields left out, deprecated aliases echoed, whole numbers without fraction,
 * fields in the table's order. With reveal false, SECRET strings become "***" (history, logs). New reference. */
json_t *schema_render(const struct schema *s, const json_t *record, bool reveal);

#endif
