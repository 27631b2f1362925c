/* chunk: a piece of Lua that makes a value from a request: custom_fields_by_lua of logging plugins (plugins.md 0.10).
 *
 * What runs is a part of Lua, not a Lua machine: the expressions of template.h, with tables, and the statements
 * `local`, assignment to a local, `if` and `return`. Functions are those of string, some of math, table, kong
 * (reading the request, the answer and who asked) and ngx: chunk_library.c lists them. No loops and no functions of
 * its own, so a chunk's time is bounded by its length (500 nodes), and what it makes by a limit (1 MiB). What is not
 * part of it is refused when a chunk is compiled, which the control plane does before it is stored. */
#ifndef COMMON_PLUGIN_CHUNK_H
#define COMMON_PLUGIN_CHUNK_H

#include "common/core/err.h"
#include "common/plugin/template.h"

struct chunk;

/* On the arena; read-only afterwards. text must live as long. NULL with e set: where and why not. */
const struct chunk *chunk_compile(struct arena *a, struct slice text, struct err *e);

/* *out: a new reference, NULL for nil (or when nothing was returned). False: it cannot be computed; *why says so. */
bool chunk_run(const struct chunk *c, const struct template_env *env, json_t **out, const char **why);

#endif
