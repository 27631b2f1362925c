/* template: text of a configuration with $(expressions), filled in from the request (plugins.md 4.1).
 *
 * Expressions are a small part of Lua: paths (headers.x_foo, query_params["n"], uri_captures[1], shared.name),
 * literals, `or`, `and`, `not`, comparisons, `..`, arithmetic, `#`, and calls to string.*, tostring, tonumber and
 * type. There are no loops, and every text has a limit, so an expression's time is bounded by its length. What does
 * not compile is found out when it is rendered, as users of Kong expect; a "$(" that is never closed is just text. */
#ifndef COMMON_PLUGIN_TEMPLATE_H
#define COMMON_PLUGIN_TEMPLATE_H

#include "common/plugin/plugin.h"

enum { TEMPLATE_TEXT_MAX = 64 * 1024 };

struct template;

/* On the arena of the configuration; read-only afterwards. text must live as long. */
const struct template *template_compile(struct arena *a, struct slice text);

/* The setting untrusted_lua: when it is `off`, whatever has an expression in it cannot be rendered, and no chunk
 * (chunk.h) is taken. On at the start. */
void template_allow_lua(bool on);
bool template_runs_lua(void);

bool template_is_literal(const struct template *t); /* rendering needs no env */

/* The request as it was before anything was changed: what expressions see. */
struct template_env {
	struct call *call;
	struct head headers;
	struct arg_list query;
};
void template_env_init(struct template_env *env, struct call *c);

/* False: an expression does not compile or cannot be computed; *why says so, for a log. *out lives as long as the
 * request. */
bool template_render(const struct template *t, const struct template_env *env, struct slice *out, const char **why);

#endif
