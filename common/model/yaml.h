/* yaml: YAML 1.1 text to JSON values, and JSON values to YAML text. On libyaml; nobody else includes it.
 *
 * Plain scalars become null, booleans (true, yes, on, ...) and numbers as YAML 1.1 has them, but for base 60: 10:30
 * stays a string, and so do infinities and dates. Anchors, aliases and merge keys work. Limits keep hostile text
 * harmless: what aliases repeat is counted before it is copied. The same key twice in a mapping is an error. */
#ifndef COMMON_MODEL_YAML_H
#define COMMON_MODEL_YAML_H

#include <jansson.h>

#include "common/core/err.h"
#include "common/core/text.h"

enum {
	YAML_DEPTH_MAX = 64,           /* of nested collections */
	YAML_NODES_MAX = 8 * 1000000,  /* values in a document */
	YAML_ALIASED_MAX = 200 * 1000, /* values that aliases and merges add */
};

struct yaml {
	json_t *root; /* json null for an empty document */
	/* private: where things stand, and which strings were plain scalars of the form ${NAME} */
	struct yaml_place *places;
	size_t places_count, places_cap;
	unsigned *lines;
	size_t lines_len, lines_cap;
	const json_t **plain;
	size_t plain_count;
};

/* One document. False with e ("line 3, column 5: ..."). A value that an alias repeats is a copy of its own. */
bool yaml_read(struct slice text, struct yaml *out, struct err *e);
void yaml_fini(struct yaml *y); /* a zeroed one is fine */

/* The line (from 1) of an object or array of the document; 0: not known. */
unsigned yaml_line(const struct yaml *y, const json_t *container);
/* The line of its i-th member, in order of iteration; of an object: of the key. 0: not known. */
unsigned yaml_line_at(const struct yaml *y, const json_t *container, size_t i);
/* Was this string an unquoted scalar that consists of one ${...}? */
bool yaml_is_plain_variable(const struct yaml *y, const json_t *string);
/* What a plain scalar stands for; a new reference. */
json_t *yaml_scalar(struct slice plain);

/* Appends value in block style, `indent` blanks to the left. Strings that would be read as something else are quoted;
 * null is ~. What yaml_read() makes of it equals value. */
void yaml_write(struct text *out, const json_t *value, int indent);

#endif
