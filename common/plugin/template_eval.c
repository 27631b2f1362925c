/* template_eval: computes expressions, by walking their trees. There are no loops: the time is bounded by the tree,
 * by the length that a text may have, and by all that one evaluation may make. */
#include <math.h>
#include <stdlib.h>

#include "common/core/text.h"
#include "common/core/utf8.h"
#include "common/plugin/template_private.h"

enum { SPENT_MAX = 1024 * 1024 };

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
	case VALUE_TABLE:
	case VALUE_JSON: return S("table");
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

bool value_is_true(const struct value *v)
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
	case VALUE_JSON: return a->json == b->json;
	}
	return false;
}

/* ---- evaluation ------------------------------------------------------------------------------------------------ */

struct value eval_broken(struct evaluation *e, const char *why)
{
	if (!e->why)
		e->why = why;
	return (struct value){0};
}

/* Texts that are made count; one that is too long, or too much of them, ends the evaluation. */
static struct value made(struct evaluation *e, struct value v)
{
	e->spent += v.type == VALUE_STRING ? v.text.len : v.weight;
	if (v.text.len > TEMPLATE_TEXT_MAX)
		return eval_broken(e, "a text is too long");
	return e->spent > SPENT_MAX ? eval_broken(e, "too much text is made") : v;
}

static struct value index_table(struct evaluation *e, enum value_table table, const struct value *key)
{
	bool is_name = key->type == VALUE_STRING || key->type == VALUE_NUMBER;

	return is_name ? table_value(e->env, table, value_text(env_arena(e->env), key)) : (struct value){0};
}

/* A member of a table that is data. Lists count from 1. */
static struct value index_json(struct evaluation *e, const struct value *of, const struct value *key)
{
	double at;
	json_t *found = NULL;

	if (json_is_array(of->json)) {
		if (value_number_of(key, &at) && at >= 1 && at <= (double)json_array_size(of->json))
			found = json_array_get(of->json, (size_t)at - 1);
	} else if (key->type == VALUE_STRING) {
		found = json_object_getn(of->json, key->text.ptr, key->text.len);
	}
	return value_of_json(NULL, found, of->weight);
}

static struct value eval_index(struct evaluation *e, const struct node *n)
{
	struct value of = template_eval(e, n->left), key = template_eval(e, n->right);
	double at;

	if (e->why)
		return of;
	if (of.type == VALUE_TABLE)
		return index_table(e, of.table, &key);
	if (of.type == VALUE_JSON)
		return index_json(e, &of, &key);
	if (of.type == VALUE_LIST)
		return value_number_of(&key, &at) && at >= 1 && at <= (double)of.list.len
		               ? value_of_text(of.list.items[(size_t)at - 1])
		               : (struct value){0};
	return eval_broken(e, "attempt to index what is no table");
}

static struct value call_global(struct evaluation *e, unsigned function, const struct value *arg)
{
	static const char *const types[] = {
	        "nil", "boolean", "number", "string", "table", "table", "table", "function"};
	double number;

	if (function == FUNCTION_TYPE)
		return value_of_text(slice_cstr(types[arg->type]));
	if (function == FUNCTION_TOSTRING)
		return value_of_text(value_text(env_arena(e->env), arg));
	if (!value_number_of(arg, &number))
		return (struct value){0};
	return value_of_number(number);
}

static struct value eval_call(struct evaluation *e, const struct node *n)
{
	struct value function = template_eval(e, n->left), args[CALL_ARGS_MAX] = {{0}}, out = {0};
	const char *why = NULL;

	for (unsigned i = 0; i < n->args_count; i++)
		args[i] = template_eval(e, n->args[i]);
	if (e->why)
		return out;
	if (function.type != VALUE_FUNCTION)
		return eval_broken(e, "attempt to call what is no function");
	if (function.function >= FUNCTION_LIBRARY)
		return made(e, library_call(e, function.function - FUNCTION_LIBRARY, args, n->args_count));
	if (function.function < FUNCTION_STRING)
		return made(e, call_global(e, function.function, &args[0]));
	if (!string_function_call(
	            env_arena(e->env), function.function - FUNCTION_STRING, args, n->args_count, &out, &why))
		return eval_broken(e, why);
	return made(e, out);
}

static struct value eval_concat(struct evaluation *e, const struct node *n)
{
	struct value left = template_eval(e, n->left), right = template_eval(e, n->right);
	bool can_left = left.type == VALUE_STRING || left.type == VALUE_NUMBER;
	bool can_right = right.type == VALUE_STRING || right.type == VALUE_NUMBER;

	if (e->why)
		return left;
	if (!can_left || !can_right)
		return eval_broken(e, "attempt to concatenate what is neither string nor number");
	struct slice a = value_text(env_arena(e->env), &left), b = value_text(env_arena(e->env), &right);
	if (a.len + b.len > TEMPLATE_TEXT_MAX)
		return eval_broken(e, "a text is too long");
	return made(e, value_of_text(ARENA_JOIN(env_arena(e->env), a, b)));
}

static struct value eval_order(struct evaluation *e, const struct node *n)
{
	struct value left = template_eval(e, n->left), right = template_eval(e, n->right);
	double order;

	if (e->why)
		return left;
	if (left.type == VALUE_NUMBER && right.type == VALUE_NUMBER)
		order = left.number - right.number;
	else if (left.type == VALUE_STRING && right.type == VALUE_STRING)
		order = slice_cmp(left.text, right.text);
	else
		return eval_broken(e, "attempt to compare what has no order");
	bool yes = n->kind == NODE_LT   ? order < 0
	           : n->kind == NODE_LE ? order <= 0
	           : n->kind == NODE_GT ? order > 0
	                                : order >= 0;
	return (struct value){.type = VALUE_BOOLEAN, .boolean = yes};
}

static struct value eval_equal(struct evaluation *e, const struct node *n)
{
	struct value left = template_eval(e, n->left), right = template_eval(e, n->right);
	return (struct value){.type = VALUE_BOOLEAN, .boolean = is_equal(&left, &right) == (n->kind == NODE_EQ)};
}

static struct value eval_arithmetic(struct evaluation *e, const struct node *n)
{
	struct value left = template_eval(e, n->left);
	struct value right = n->right ? template_eval(e, n->right) : value_of_number(0);
	double a, b;

	if (e->why)
		return left;
	if (!value_number_of(&left, &a) || !value_number_of(&right, &b))
		return eval_broken(e, "attempt to calculate with what is no number");
	switch (n->kind) {
	case NODE_ADD: return value_of_number(a + b);
	case NODE_SUBTRACT: return value_of_number(a - b);
	case NODE_MULTIPLY: return value_of_number(a * b);
	case NODE_DIVIDE: return value_of_number(a / b);
	case NODE_MODULO: return value_of_number(a - floor(a / b) * b);
	default: return value_of_number(-a);
	}
}

static struct value eval_length(struct evaluation *e, const struct node *n)
{
	struct value v = template_eval(e, n->left);

	switch (v.type) {
	case VALUE_STRING: return value_of_number((double)v.text.len);
	case VALUE_LIST: return value_of_number((double)v.list.len);
	case VALUE_JSON: return value_of_number((double)json_array_size(v.json));
	default: return eval_broken(e, "attempt to take the length of what has none");
	}
}

/* ---- tables that are data -------------------------------------------------------------------------------------- */

static void drop_json(void *json)
{
	json_decref(json);
}

struct value value_of_json(struct arena *a, json_t *json, size_t weight)
{
	if (a && json)
		arena_defer(a, drop_json, json);
	switch (json ? json_typeof(json) : JSON_NULL) {
	case JSON_STRING: return value_of_text(slice_of(json_string_value(json), json_string_length(json)));
	case JSON_INTEGER:
	case JSON_REAL: return value_of_number(json_number_value(json));
	case JSON_TRUE:
	case JSON_FALSE: return (struct value){.type = VALUE_BOOLEAN, .boolean = json_is_true(json)};
	case JSON_NULL: return (struct value){0};
	default: return (struct value){.type = VALUE_JSON, .json = json, .weight = weight};
	}
}

/* Bytes that are no UTF-8 become U+FFFD, as everywhere in the record. */
static json_t *json_text(struct slice s)
{
	struct text out = {0};
	json_t *json;

	if (utf8_invalid_at(s) < 0)
		return json_stringn_nocheck(s.ptr, s.len);
	text_put_json(&out, s);
	json = json_loadb(out.ptr, out.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	text_fini(&out);
	return json;
}

static json_t *json_number_of(double number)
{
	bool whole = fabs(number) < 9e15 && number == floor(number);

	return whole ? json_integer((json_int_t)number) : json_real(number); /* NULL: not finite */
}

static json_t *json_list(struct slice_list list)
{
	json_t *out = json_array();
	for (size_t i = 0; i < list.len; i++)
		json_array_append_new(out, json_text(list.items[i]));
	return out;
}

json_t *value_json(struct evaluation *e, const struct value *v)
{
	json_t *json = NULL;

	switch (v->type) {
	case VALUE_BOOLEAN: return json_boolean(v->boolean);
	case VALUE_NUMBER: json = json_number_of(v->number); break;
	case VALUE_STRING: json = json_text(v->text); break;
	case VALUE_LIST: return json_list(v->list);
	case VALUE_JSON: return json_incref((json_t *)v->json);
	case VALUE_NIL:
	case VALUE_TABLE:
	case VALUE_FUNCTION: break;
	}
	if (!json)
		eval_broken(e, "neither a string, nor a number, a boolean or a table of them");
	return json;
}

/* How many bytes it is at most as JSON. */
static size_t weight_of(const struct value *v)
{
	enum { ESCAPED = 6, OTHERS = 32 };
	size_t n = v->type == VALUE_STRING ? v->text.len * ESCAPED : v->weight;

	for (size_t i = 0; v->type == VALUE_LIST && i < v->list.len; i++)
		n += v->list.items[i].len * ESCAPED + OTHERS;
	return n + OTHERS;
}

static void put_member(struct evaluation *e, json_t *table, const struct node *item, struct value *out)
{
	struct value v = template_eval(e, item->left);
	struct value key = item->right ? template_eval(e, item->right) : (struct value){0};

	if (e->why || v.type == VALUE_NIL)
		return;
	out->weight += weight_of(&v) + weight_of(&key);
	if (out->weight > TEMPLATE_TEXT_MAX) {
		eval_broken(e, "a table is too large");
		return;
	}
	json_t *json = value_json(e, &v);
	if (!item->right)
		json_array_append_new(table, json);
	else if (key.type == VALUE_STRING && utf8_invalid_at(key.text) < 0 && !memchr(key.text.ptr, 0, key.text.len))
		json_object_setn_new_nocheck(table, key.text.ptr, key.text.len, json);
	else {
		json_decref(json);
		eval_broken(e, "a member's name is no text");
	}
}

static struct value eval_table(struct evaluation *e, const struct node *n)
{
	json_t *table = n->left && !n->left->right ? json_array() : json_object();
	struct value out = value_of_json(env_arena(e->env), table, 2);

	for (const struct node *item = n->left; item && !e->why; item = item->next)
		put_member(e, table, item, &out);
	return made(e, out);
}

/* ---- the tree -------------------------------------------------------------------------------------------------- */

struct value template_eval(struct evaluation *e, const struct node *n)
{
	struct value v;

	if (e->why)
		return (struct value){0};
	switch (n->kind) {
	case NODE_LITERAL: return n->literal;
	case NODE_NAME: return table_global(n->literal.text);
	case NODE_SLOT: return e->locals[n->slot];
	case NODE_INDEX: return eval_index(e, n);
	case NODE_CALL: return eval_call(e, n);
	case NODE_AND: v = template_eval(e, n->left); return value_is_true(&v) ? template_eval(e, n->right) : v;
	case NODE_OR: v = template_eval(e, n->left); return value_is_true(&v) ? v : template_eval(e, n->right);
	case NODE_NOT:
		v = template_eval(e, n->left);
		return (struct value){.type = VALUE_BOOLEAN, .boolean = !value_is_true(&v)};
	case NODE_EQ:
	case NODE_NE: return eval_equal(e, n);
	case NODE_LT:
	case NODE_LE:
	case NODE_GT:
	case NODE_GE: return eval_order(e, n);
	case NODE_CONCAT: return eval_concat(e, n);
	case NODE_ADD:
	case NODE_SUBTRACT:
	case NODE_MULTIPLY:
	case NODE_DIVIDE:
	case NODE_MODULO:
	case NODE_NEGATE: return eval_arithmetic(e, n);
	case NODE_LENGTH: return eval_length(e, n);
	case NODE_TABLE: return eval_table(e, n);
	default: return eval_broken(e, "a statement has no value");
	}
}
