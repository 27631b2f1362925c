/* template: see template.h. Texts are cut at their $(...) once; each request walks the trees. */
#include <math.h>
#include <stdlib.h>

#include "common/core/text.h"
#include "common/plugin/template_private.h"

struct part {
	struct slice text;       /* literal; unset: an expression */
	const struct node *node; /* NULL: one that does not compile */
	struct part *next;
};

struct template
{
	struct part *parts;
};

/* ---- compiling ------------------------------------------------------------------------------------------------- */

/* The length of a "(...)" with balanced brackets that text begins with; 0: it is not closed. Quotes do not count, as
 * in Kong. */
static size_t balanced(struct slice text)
{
	size_t depth = 0;
	for (size_t i = 0; i < text.len; i++) {
		depth += text.ptr[i] == '(';
		if (text.ptr[i] == ')' && --depth == 0)
			return i + 1;
	}
	return 0;
}

/* Where the next $(...) is and how long its brackets are; text.len: there is none. */
static size_t find_expression(struct slice text, size_t *len)
{
	for (size_t i = 0; i + 1 < text.len; i++) {
		if (text.ptr[i] != '$' || text.ptr[i + 1] != '(')
			continue;
		*len = balanced(slice_from(text, i + 1));
		return *len ? i : text.len; /* what follows an open one cannot be closed either */
	}
	return text.len;
}

static struct part **add_part(struct arena *a, struct part **end, struct part part)
{
	*end = arena_new(a, struct part);
	**end = part;
	return &(*end)->next;
}

const struct template *template_compile(struct arena *a, struct slice text)
{
	struct template *t = arena_new(a, struct template);
	struct part **end = &t->parts;

	while (text.len > 0) {
		size_t len = 0, at = find_expression(text, &len);
		if (at > 0)
			end = add_part(a, end, (struct part){.text = slice_of(text.ptr, at)});
		if (at == text.len)
			break;
		struct slice inner = slice_of(text.ptr + at + 2, len - 2);
		end = add_part(a, end, (struct part){.node = template_parse(a, inner)});
		text = slice_from(text, at + 1 + len);
	}
	return t;
}

bool template_is_literal(const struct template *t)
{
	return !t->parts || (!t->parts->next && slice_is_set(t->parts->text));
}

/* ---- what expressions see -------------------------------------------------------------------------------------- */

void template_env_init(struct template_env *env, struct call *c)
{
	env->call = c;
	env->headers = *c->x->request;
	env->headers.headers = arena_array(c->x->arena, struct header, env->headers.count + 1);
	if (env->headers.count)
		memcpy(env->headers.headers, c->x->request->headers, env->headers.count * sizeof(struct header));
	env->query = call_query_args(c);
}

static struct arena *arena_of(const struct template_env *env)
{
	return env->call->x->arena;
}

static struct value text_value(struct slice text)
{
	return (struct value){.type = slice_is_set(text) ? VALUE_STRING : VALUE_NIL, .text = text};
}

/* One value is a string, several are a list. */
static struct value several(struct slice *items, size_t n)
{
	if (n == 1)
		return text_value(items[0]);
	return (struct value){.type = n ? VALUE_LIST : VALUE_NIL, .list = {items, n}};
}

static struct value header_named(const struct template_env *env, struct slice name)
{
	struct slice *items = arena_array(arena_of(env), struct slice, env->headers.count + 1);
	enum header_id id = header_id_of(name);
	size_t n = 0;

	for (const struct header *h = NULL; (h = head_next(&env->headers, h, id, name));)
		items[n++] = h->value;
	return several(items, n);
}

/* headers.x_foo is "x-foo" unless there is an "x_foo". */
static struct value header_value(const struct template_env *env, struct slice name)
{
	struct value v = header_named(env, name);
	if (v.type != VALUE_NIL || slice_find(name, '_') < 0)
		return v;
	struct slice dashed = arena_dup(arena_of(env), name);
	for (size_t i = 0; i < dashed.len; i++)
		if (dashed.ptr[i] == '_')
			((char *)dashed.ptr)[i] = '-';
	return header_named(env, dashed);
}

static struct value query_value(const struct template_env *env, struct slice name)
{
	struct slice *items = arena_array(arena_of(env), struct slice, env->query.len + 1);
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

static struct value global(struct slice name)
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

/* ---- values ---------------------------------------------------------------------------------------------------- */

static struct slice number_text(struct arena *a, double n)
{
	bool whole = fabs(n) < 1e15 && n == floor(n);
	return whole ? arena_decimal(a, (int64_t)n) : arena_printf(a, "%.14g", n);
}

/* What Kong shows of a table is its address, of use to nobody: the values of a repeated field are joined instead. */
static struct slice list_text(struct arena *a, struct slice_list list)
{
	struct text out = {0};
	for (size_t i = 0; i < list.len; i++) {
		if (i)
			text_put(&out, S(", "));
		text_put(&out, list.items[i]);
	}
	struct slice text = arena_dup(a, text_slice(&out));
	text_fini(&out);
	return text;
}

struct slice value_text(struct arena *a, const struct value *v)
{
	switch (v->type) {
	case VALUE_NIL: return S("nil");
	case VALUE_BOOLEAN: return v->boolean ? S("true") : S("false");
	case VALUE_NUMBER: return number_text(a, v->number);
	case VALUE_STRING: return v->text;
	case VALUE_LIST: return list_text(a, v->list);
	case VALUE_TABLE: return S("table");
	case VALUE_FUNCTION: return S("function");
	}
	return S("");
}

bool value_number_of(const struct value *v, double *out)
{
	char text[64], *end;
	struct slice s = slice_trim(v->text);

	if (v->type == VALUE_NUMBER) {
		*out = v->number;
		return true;
	}
	if (v->type != VALUE_STRING || s.len == 0 || s.len >= sizeof text)
		return false;
	memcpy(text, s.ptr, s.len);
	text[s.len] = '\0';
	*out = strtod(text, &end);
	return *end == '\0' && isfinite(*out);
}

static bool is_true(const struct value *v)
{
	return v->type != VALUE_NIL && !(v->type == VALUE_BOOLEAN && !v->boolean);
}

static bool is_equal(const struct value *a, const struct value *b)
{
	if (a->type != b->type)
		return false;
	switch (a->type) {
	case VALUE_NIL: return true;
	case VALUE_BOOLEAN: return a->boolean == b->boolean;
	case VALUE_NUMBER: return a->number == b->number;
	case VALUE_STRING: return slice_eq(a->text, b->text);
	case VALUE_TABLE: return a->table == b->table;
	case VALUE_FUNCTION: return a->function == b->function;
	case VALUE_LIST: return a->list.items == b->list.items;
	}
	return false;
}

/* ---- evaluation ------------------------------------------------------------------------------------------------ */

struct evaluation {
	const struct template_env *env;
	const char *why; /* NULL: all well so far */
};

static struct value eval(struct evaluation *e, const struct node *n);

static struct value broken(struct evaluation *e, const char *why)
{
	if (!e->why)
		e->why = why;
	return (struct value){0};
}

static struct value index_table(struct evaluation *e, enum value_table table, const struct value *key)
{
	struct arena *a = arena_of(e->env);
	struct slice name = key->type == VALUE_STRING || key->type == VALUE_NUMBER ? value_text(a, key)
	                                                                           : slice_of(NULL, 0);
	if (!slice_is_set(name))
		return (struct value){0};
	switch (table) {
	case TABLE_HEADERS: return header_value(e->env, name);
	case TABLE_QUERY: return query_value(e->env, name);
	case TABLE_CAPTURES: return text_value(call_capture(e->env->call, name));
	case TABLE_SHARED: return text_value(call_shared(e->env->call, name));
	case TABLE_STRING: break;
	}
	int function = string_function(name);
	return (struct value){.type = function < 0 ? VALUE_NIL : VALUE_FUNCTION,
	        .function = FUNCTION_STRING + (unsigned)(function < 0 ? 0 : function)};
}

static struct value eval_index(struct evaluation *e, const struct node *n)
{
	struct value of = eval(e, n->left), key = eval(e, n->right);
	double at;

	if (e->why)
		return of;
	if (of.type == VALUE_TABLE)
		return index_table(e, of.table, &key);
	if (of.type == VALUE_LIST)
		return value_number_of(&key, &at) && at >= 1 && at <= (double)of.list.len
		               ? text_value(of.list.items[(size_t)at - 1])
		               : (struct value){0};
	return broken(e, "attempt to index what is no table");
}

static struct value call_global(struct evaluation *e, unsigned function, const struct value *arg)
{
	static const char *const types[] = {"nil", "boolean", "number", "string", "table", "table", "function"};
	double number;

	if (function == FUNCTION_TYPE)
		return text_value(slice_cstr(types[arg->type]));
	if (function == FUNCTION_TOSTRING)
		return text_value(value_text(arena_of(e->env), arg));
	if (!value_number_of(arg, &number))
		return (struct value){0};
	return (struct value){.type = VALUE_NUMBER, .number = number};
}

static struct value eval_call(struct evaluation *e, const struct node *n)
{
	struct value function = eval(e, n->left), args[CALL_ARGS_MAX] = {{0}}, out = {0};

	for (unsigned i = 0; i < n->args_count; i++)
		args[i] = eval(e, n->args[i]);
	if (e->why)
		return out;
	if (function.type != VALUE_FUNCTION)
		return broken(e, "attempt to call what is no function");
	if (function.function < FUNCTION_STRING)
		return call_global(e, function.function, &args[0]);
	const char *why = NULL;
	if (!string_function_call(
	            arena_of(e->env), function.function - FUNCTION_STRING, args, n->args_count, &out, &why))
		return broken(e, why);
	return out;
}

static struct value eval_concat(struct evaluation *e, const struct node *n)
{
	struct value left = eval(e, n->left), right = eval(e, n->right);
	bool can_left = left.type == VALUE_STRING || left.type == VALUE_NUMBER;
	bool can_right = right.type == VALUE_STRING || right.type == VALUE_NUMBER;

	if (e->why)
		return left;
	if (!can_left || !can_right)
		return broken(e, "attempt to concatenate what is neither string nor number");
	struct slice a = value_text(arena_of(e->env), &left), b = value_text(arena_of(e->env), &right);
	if (a.len + b.len > TEMPLATE_TEXT_MAX)
		return broken(e, "a text is too long");
	return text_value(ARENA_JOIN(arena_of(e->env), a, b));
}

static struct value eval_order(struct evaluation *e, const struct node *n)
{
	struct value left = eval(e, n->left), right = eval(e, n->right);
	double order;

	if (e->why)
		return left;
	if (left.type == VALUE_NUMBER && right.type == VALUE_NUMBER)
		order = left.number - right.number;
	else if (left.type == VALUE_STRING && right.type == VALUE_STRING)
		order = slice_cmp(left.text, right.text);
	else
		return broken(e, "attempt to compare what has no order");
	bool yes = n->kind == NODE_LT   ? order < 0
	           : n->kind == NODE_LE ? order <= 0
	           : n->kind == NODE_GT ? order > 0
	                                : order >= 0;
	return (struct value){.type = VALUE_BOOLEAN, .boolean = yes};
}

static struct value eval_equal(struct evaluation *e, const struct node *n)
{
	struct value left = eval(e, n->left), right = eval(e, n->right);
	return (struct value){.type = VALUE_BOOLEAN, .boolean = is_equal(&left, &right) == (n->kind == NODE_EQ)};
}

static struct value eval(struct evaluation *e, const struct node *n)
{
	struct value v;

	if (e->why)
		return (struct value){0};
	switch (n->kind) {
	case NODE_LITERAL: return n->literal;
	case NODE_NAME: return global(n->literal.text);
	case NODE_INDEX: return eval_index(e, n);
	case NODE_CALL: return eval_call(e, n);
	case NODE_AND: v = eval(e, n->left); return is_true(&v) ? eval(e, n->right) : v;
	case NODE_OR: v = eval(e, n->left); return is_true(&v) ? v : eval(e, n->right);
	case NODE_NOT: v = eval(e, n->left); return (struct value){.type = VALUE_BOOLEAN, .boolean = !is_true(&v)};
	case NODE_EQ:
	case NODE_NE: return eval_equal(e, n);
	case NODE_CONCAT: return eval_concat(e, n);
	default: return eval_order(e, n);
	}
}

/* ---- rendering ------------------------------------------------------------------------------------------------- */

static bool put_expression(const struct node *n, const struct template_env *env, struct text *out, const char **why)
{
	struct evaluation e = {env, n ? NULL : "an expression cannot be understood"};
	struct value v = n ? eval(&e, n) : (struct value){0};

	if (!e.why && (v.type == VALUE_TABLE || v.type == VALUE_FUNCTION))
		e.why = "an expression is neither text nor number";
	*why = e.why;
	if (!e.why && v.type != VALUE_NIL)
		text_put(out, value_text(arena_of(env), &v));
	return !e.why;
}

bool template_render(const struct template *t, const struct template_env *env, struct slice *out, const char **why)
{
	struct text text = {0};
	bool ok = true;

	if (template_is_literal(t)) {
		*out = t->parts ? t->parts->text : S("");
		return true;
	}
	for (const struct part *p = t->parts; ok && p; p = p->next) {
		if (slice_is_set(p->text))
			text_put(&text, p->text);
		else
			ok = put_expression(p->node, env, &text, why);
		if (ok && text.len > TEMPLATE_TEXT_MAX) {
			*why = "a text is too long";
			ok = false;
		}
	}
	if (ok)
		*out = arena_dup(arena_of(env), text_slice(&text));
	text_fini(&text);
	return ok;
}
