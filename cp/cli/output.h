/* output: results for people and for programs. With -o json every command prints one JSON value, whose keys stay;
 * else text that needs no colour. */
#ifndef CP_CLI_OUTPUT_H
#define CP_CLI_OUTPUT_H

#include <jansson.h>
#include <stdio.h>

#include "common/core/text.h"

/* One JSON value and a line end on stdout. */
void output_json(const json_t *value);

/* A member's text; "" when it is not there or is none. */
const char *output_string(const json_t *object, const char *key);

/* Rows under headings, columns as wide as they need to be. A terminal's width cuts the last column, never the others;
 * what goes to a file or a pipe is not cut. */
struct table;
struct table *table_new(const char *const *headings); /* NULL-terminated */
void table_add(struct table *t, const char *cell);    /* the next cell; control characters become '?' */
void table_addf(struct table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* width: columns of the terminal; 0: no limit. */
void table_render(const struct table *t, unsigned width, struct text *out);
void table_print(struct table *t); /* on stdout; frees t */
void table_free(struct table *t);

/* "2026-11-28 12:03:04", local time of Unix seconds. */
const char *output_time(double unix_s, char out[20]);

#endif
