/* template_string: the string library of template expressions, with a limit on every text. */
#include <math.h>

#include "common/core/text.h"
#include "common/plugin/lua_pattern.h"
#include "common/plugin/template_private.h"

/* One call on its way. text is the first argument. */
struct string_call {
	struct arena *arena;
	const struct value *args;
	unsigned count;
	struct slice text;
	struct value *out;
	const char *why;
};

typedef bool (*string_fn)(struct string_call *c);

static bool fail(struct string_call *c, const char *why)
{
	c->why = why;
	return false;
}

static bool give(struct string_call *c, struct slice text)
{
	*c->out = (struct value){.type = slice_is_set(text) ? VALUE_STRING : VALUE_NIL, .text = text};
	return true;
}

static bool give_number(struct string_call *c, double number)
{
	*c->out = (struct value){.type = VALUE_NUMBER, .number = number};
	return true;
}

static bool number_at(struct string_call *c, unsigned i, double missing, double *out)
{
	*out = missing;
	if (i >= c->count || c->args[i].type == VALUE_NIL)
		return true;
	return (value_number_of(&c->args[i], out) && isfinite(*out)) || fail(c, "a number was expected");
}

static bool text_at(struct string_call *c, unsigned i, struct slice *out)
{
	const struct value *v = &c->args[i];
	if (i >= c->count || (v->type != VALUE_STRING && v->type != VALUE_NUMBER))
		return fail(c, "a string was expected");
	*out = value_text(c->arena, v);
	return true;
}

/* ---- plain functions ------------------------------------------------------------------------------------------- */

static bool change_case(struct string_call *c, bool upper)
{
	char *out = arena_alloc(c->arena, c->text.len + 1);
	for (size_t i = 0; i < c->text.len; i++) {
		unsigned char ch = (unsigned char)c->text.ptr[i];
		out[i] = (char)(upper && ch >= 'a' && ch <= 'z' ? ch & ~0x20 : upper ? ch : ascii_lower(ch));
	}
	return give(c, slice_of(out, c->text.len));
}

static bool lower(struct string_call *c)
{
	return change_case(c, false);
}

static bool upper(struct string_call *c)
{
	return change_case(c, true);
}

static bool len(struct string_call *c)
{
	return give_number(c, (double)c->text.len);
}

static bool reverse(struct string_call *c)
{
	char *out = arena_alloc(c->arena, c->text.len + 1);
	for (size_t i = 0; i < c->text.len; i++)
		out[i] = c->text.ptr[c->text.len - 1 - i];
	return give(c, slice_of(out, c->text.len));
}

static bool rep(struct string_call *c)
{
	double n;
	struct text out = {0};

	if (!number_at(c, 1, 0, &n))
		return false;
	if (n * (double)c->text.len > TEMPLATE_TEXT_MAX || n > TEMPLATE_TEXT_MAX)
		return fail(c, "a text is too long");
	for (double i = 1; i <= n; i++)
		text_put(&out, c->text);
	struct slice text = arena_dup(c->arena, text_slice(&out));
	text_fini(&out);
	return give(c, text);
}

/* Positions count from 1, from the end when negative; within 0 .. len + 1. */
static size_t position(const struct string_call *c, double n)
{
	double all = (double)c->text.len;
	if (n < 0)
		n = n + all + 1;
	return n < 0 ? 0 : n > all + 1 ? c->text.len + 1 : (size_t)n;
}

static bool sub(struct string_call *c)
{
	double first, last;
	if (!number_at(c, 1, 1, &first) || !number_at(c, 2, -1, &last))
		return false;
	size_t from = position(c, first), to = position(c, last);
	if (from < 1)
		from = 1;
	if (to > c->text.len)
		to = c->text.len;
	return give(c, to < from ? S("") : slice_of(c->text.ptr + from - 1, to - from + 1));
}

static bool byte(struct string_call *c)
{
	double at;
	if (!number_at(c, 1, 1, &at))
		return false;
	size_t i = position(c, at);
	return i < 1 || i > c->text.len ? give(c, slice_of(NULL, 0))
	                                : give_number(c, (unsigned char)c->text.ptr[i - 1]);
}

static bool character(struct string_call *c)
{
	char *out = arena_alloc(c->arena, CALL_ARGS_MAX);
	for (unsigned i = 0; i < c->count; i++) {
		double code;
		if (!number_at(c, i, 0, &code))
			return false;
		if (code < 0 || code > 255)
			return fail(c, "a number from 0 to 255 was expected");
		out[i] = (char)(unsigned char)code;
	}
	return give(c, slice_of(out, c->count));
}

/* One %-item of a format; at stands behind the '%'. */
static bool put_item(struct string_call *c, struct text *out, char kind, unsigned *arg)
{
	struct slice text;
	double number;

	if (kind == '%') {
		text_putc(out, '%');
		return true;
	}
	if (kind == 's') {
		if (*arg >= c->count)
			return fail(c, "format has more items than arguments");
		text_put(out, value_text(c->arena, &c->args[(*arg)++]));
		return true;
	}
	if (kind != 'd' && kind != 'x' && kind != 'X')
		return fail(c, "format knows %s, %d, %x, %X and %%");
	if (*arg >= c->count || !number_at(c, (*arg)++, 0, &number) || fabs(number) >= 9e15)
		return fail(c, "a number was expected");
	text = kind == 'd'   ? arena_decimal(c->arena, (int64_t)number)
	       : kind == 'x' ? arena_printf(c->arena, "%llx", (unsigned long long)(int64_t)number)
	                     : arena_printf(c->arena, "%llX", (unsigned long long)(int64_t)number);
	text_put(out, text);
	return true;
}

static bool format(struct string_call *c)
{
	struct text out = {0};
	unsigned arg = 1;
	bool ok = true;

	for (size_t i = 0; ok && i < c->text.len; i++) {
		if (c->text.ptr[i] != '%')
			text_putc(&out, c->text.ptr[i]);
		else
			ok = put_item(c, &out, ++i < c->text.len ? c->text.ptr[i] : '\0', &arg);
		if (ok && out.len > TEMPLATE_TEXT_MAX)
			ok = fail(c, "a text is too long");
	}
	struct slice text = ok ? arena_dup(c->arena, text_slice(&out)) : S("");
	text_fini(&out);
	return ok && give(c, text);
}

/* ---- patterns -------------------------------------------------------------------------------------------------- */

static const char bad_pattern[] = "a pattern is malformed, not supported or too slow";

/* 1 found, 0 not, -1 failed. Argument 2 is the pattern, argument 3 where to begin. */
static int find_pattern(struct string_call *c, struct lua_match *m)
{
	struct slice pattern;
	double from;
	unsigned steps = LUA_STEPS_MAX;

	if (!text_at(c, 1, &pattern) || !number_at(c, 2, 1, &from))
		return -1;
	size_t at = position(c, from);
	if (at > c->text.len + 1)
		return 0;
	int found = lua_pattern_find(pattern, c->text, at ? at - 1 : 0, m, &steps);
	if (found < 0)
		fail(c, bad_pattern);
	return found;
}

/* Of Lua's several results the first: where it begins. */
static bool find(struct string_call *c)
{
	struct lua_match m;
	struct slice word;

	if (c->count == 4 && c->args[3].type == VALUE_BOOLEAN && c->args[3].boolean) {
		if (!text_at(c, 1, &word))
			return false;
		const char *at = memmem(c->text.ptr, c->text.len, word.ptr, word.len);
		return at ? give_number(c, (double)(at - c->text.ptr) + 1) : give(c, slice_of(NULL, 0));
	}
	int found = find_pattern(c, &m);
	if (found < 0)
		return false;
	return found ? give_number(c, (double)(m.whole.ptr - c->text.ptr) + 1) : give(c, slice_of(NULL, 0));
}

static bool match(struct string_call *c)
{
	struct lua_match m;
	int found = find_pattern(c, &m);
	if (found < 0)
		return false;
	return give(c, !found ? slice_of(NULL, 0) : m.count ? m.captures[0] : m.whole);
}

/* A replacement with its %0 .. %9 filled in. */
static bool put_replacement(struct string_call *c, struct text *out, struct slice with, const struct lua_match *m)
{
	for (size_t i = 0; i < with.len; i++) {
		char ch = with.ptr[i];
		if (ch != '%') {
			text_putc(out, ch);
			continue;
		}
		ch = ++i < with.len ? with.ptr[i] : '\0';
		unsigned n = (unsigned)(ch - '0');
		if (ch == '%')
			text_putc(out, '%');
		else if (ch == '0' || (ch == '1' && m->count == 0))
			text_put(out, m->whole);
		else if (n >= 1 && n <= m->count)
			text_put(out, m->captures[n - 1]);
		else
			return fail(c, "a replacement names a capture that there is not");
	}
	return out->len <= TEMPLATE_TEXT_MAX || fail(c, "a text is too long");
}

static bool replace_all(struct string_call *c, struct slice pattern, struct slice with, double most, struct text *out)
{
	unsigned steps = LUA_STEPS_MAX;
	size_t at = 0;
	struct lua_match m;
	int found = 0;

	for (double n = 0; n < most && at <= c->text.len; n++) {
		found = lua_pattern_find(pattern, c->text, at, &m, &steps);
		if (found <= 0)
			break;
		size_t start = (size_t)(m.whole.ptr - c->text.ptr);
		text_put(out, slice_of(c->text.ptr + at, start - at));
		if (!put_replacement(c, out, with, &m))
			return false;
		at = start + m.whole.len;
		if (m.whole.len == 0 && at < c->text.len)
			text_putc(out, c->text.ptr[at]);
		at += m.whole.len == 0;
		if (pattern.len && pattern.ptr[0] == '^')
			break;
	}
	if (at < c->text.len)
		text_put(out, slice_from(c->text, at));
	return found >= 0 || fail(c, bad_pattern);
}

static bool gsub(struct string_call *c)
{
	struct slice pattern, with;
	struct text out = {0};
	double most;

	if (!text_at(c, 1, &pattern) || !text_at(c, 2, &with) || !number_at(c, 3, 1e9, &most))
		return false;
	bool ok = replace_all(c, pattern, with, most, &out);
	struct slice text = ok ? arena_dup(c->arena, text_slice(&out)) : S("");
	text_fini(&out);
	return ok && give(c, text);
}

/* ---- the table ------------------------------------------------------------------------------------------------- */

static const struct {
	struct slice name;
	string_fn fn;
} functions[] = {
        {SLICE("lower"), lower},
        {SLICE("upper"), upper},
        {SLICE("len"), len},
        {SLICE("sub"), sub},
        {SLICE("reverse"), reverse},
        {SLICE("rep"), rep},
        {SLICE("byte"), byte},
        {SLICE("char"), character},
        {SLICE("format"), format},
        {SLICE("find"), find},
        {SLICE("match"), match},
        {SLICE("gsub"), gsub},
};

int string_function(struct slice name)
{
	for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
		if (slice_eq(functions[i].name, name))
			return (int)i;
	return -1;
}

bool string_function_call(
        struct arena *a, unsigned n, const struct value *args, unsigned count, struct value *out, const char **why)
{
	struct string_call c = {.arena = a, .args = args, .count = count, .out = out};
	bool ok = (functions[n].fn == character || text_at(&c, 0, &c.text)) && functions[n].fn(&c);
	*why = c.why;
	return ok;
}
