/* template_tables: what expressions can look at: the request's headers, its query, what plugins share, and the rest.
 */
#include "common/plugin/template_private.h"

/* One value is a string, several are a list. */
static struct value several(struct slice *items, size_t n)
{
	if (n == 1)
		return value_of_text(items[0]);
	return (struct value){.type = n ? VALUE_LIST : VALUE_NIL, .list = {items, n}};
}

static struct value header_named(struct arena *a, const struct head *head, struct slice name)
{
	struct slice *items = arena_array(a, struct slice, head->count + 1);
	enum header_id id = header_id_of(name);
	size_t n = 0;

	for (const struct header *h = NULL; (h = head_next(head, h, id, name));)
		items[n++] = h->value;
	return several(items, n);
}

/* headers.x_foo is "x-foo" unless there is an "x_foo". */
static struct value header_value(struct arena *a, const struct head *head, struct slice name)
{
	if (!head)
		return (struct value){0};
	struct value v = header_named(a, head, name);
	if (v.type != VALUE_NIL || slice_find(name, '_') < 0)
		return v;
	struct slice dashed = arena_dup(a, name);
	for (size_t i = 0; i < dashed.len; i++)
		if (dashed.ptr[i] == '_')
			((char *)dashed.ptr)[i] = '-';
	return header_named(a, head, dashed);
}

static struct value query_value(const struct template_env *env, struct slice name)
{
	struct slice *items = arena_array(env_arena(env), struct slice, env->query.len + 1);
	bool is_bare = false;
	size_t n = 0;

	for (size_t i = 0; i < env->query.len; i++) {
		const struct arg *arg = &env->query.items[i];
		if (!slice_eq(arg->name, name))
			continue;
		is_bare = !slice_is_set(arg->value);
		items[n++] = is_bare ? S("true") : arg->value;
	}
	if (n == 1 && is_bare)
		return (struct value){.type = VALUE_BOOLEAN, .boolean = true};
	return several(items, n);
}

static struct value string_member(struct slice name)
{
	int function = string_function(name);

	if (function < 0)
		return (struct value){0};
	return (struct value){.type = VALUE_FUNCTION, .function = FUNCTION_STRING + (unsigned)function};
}

struct value table_value(const struct template_env *env, enum value_table table, struct slice name)
{
	switch (table) {
	case TABLE_HEADERS: return header_value(env_arena(env), &env->headers, name);
	case TABLE_QUERY: return query_value(env, name);
	case TABLE_CAPTURES: return value_of_text(call_capture(env->call, name));
	case TABLE_SHARED: return value_of_text(call_shared(env->call, name));
	case TABLE_STRING: return string_member(name);
	case TABLE_RESPONSE: return header_value(env_arena(env), env->call->x->response, name);
	case TABLE_NGX_VAR: return library_variable(env, name);
	case TABLE_LIBRARY: break; /* the parser has looked it up */
	}
	return (struct value){0};
}

struct value table_global(struct slice name)
{
	static const struct {
		struct slice name;
		struct value value;
	} all[] = {
	        {SLICE("headers"), {.type = VALUE_TABLE, .table = TABLE_HEADERS}},
	        {SLICE("query_params"), {.type = VALUE_TABLE, .table = TABLE_QUERY}},
	        {SLICE("uri_captures"), {.type = VALUE_TABLE, .table = TABLE_CAPTURES}},
	        {SLICE("shared"), {.type = VALUE_TABLE, .table = TABLE_SHARED}},
	        {SLICE("string"), {.type = VALUE_TABLE, .table = TABLE_STRING}},
	        {SLICE("tostring"), {.type = VALUE_FUNCTION, .function = FUNCTION_TOSTRING}},
	        {SLICE("tonumber"), {.type = VALUE_FUNCTION, .function = FUNCTION_TONUMBER}},
	        {SLICE("type"), {.type = VALUE_FUNCTION, .function = FUNCTION_TYPE}},
	};
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		if (slice_eq(all[i].name, name))
			return all[i].value;
	return (struct value){0};
}
