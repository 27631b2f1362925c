/* loading: records through schema_load() in tests. JSON is written with ' for " as in schema tables,
 * and with | for '. */
#ifndef TESTS_SUPPORT_LOADING_H
#define TESTS_SUPPORT_LOADING_H

#include "common/schema/load.h"

enum { LOADING_NOW = 1700000000 }; /* Unix seconds at which all loads here happen, plus 123 ms */

/* The rendered form; the test fails when the input is refused. existing may be NULL. The caller releases it. */
json_t *loaded(const struct schema *s, enum load_op op, const json_t *existing, const char *input);
json_t *created(const struct schema *s, const char *input);
/* The test fails unless the input is refused with this `fields` tree. */
void refused(const struct schema *s, enum load_op op, const json_t *existing, const char *input, const char *fields);
/* The same for LOAD_CREATE, with the text of violations_message(), without "schema violation (...)" around it. */
void refused_saying(const struct schema *s, const char *input, const char *message);
/* The test fails unless what is found at a dotted path ("a.b") equals the JSON. NULL: unless nothing is there. */
void has(const json_t *record, const char *path, const char *json);

/* The same for the whole. */
void is(const json_t *value, const char *json);

/* One suite with one case, run; the exit code of main(). */
struct Suite;
int run_suite(struct Suite *suite);

#endif
