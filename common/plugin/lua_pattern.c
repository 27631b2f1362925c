/* lua_pattern: see lua_pattern.h. A backtracking matcher; every look at an item of the pattern is a step. */
#include "common/plugin/lua_pattern.h"

#include <ctype.h>

struct open_capture {
	const char *start, *end; /* end NULL: not closed yet */
};

struct matcher {
	const char *text_end, *pattern_end;
	struct open_capture captures[LUA_CAPTURES_MAX];
	unsigned count, depth;
	unsigned *steps;
	bool failed;
};

enum { DEPTH_MAX = 200 };

static const char *fail(struct matcher *m)
{
	m->failed = true;
	return NULL;
}

static bool is_of_class(unsigned char ch, unsigned char class)
{
	bool in;
	switch (ascii_lower(class)) {
	case 'a': in = isalpha(ch); break;
	case 'c': in = iscntrl(ch); break;
	case 'd': in = isdigit(ch); break;
	case 'g': in = isgraph(ch); break;
	case 'l': in = islower(ch); break;
	case 'p': in = ispunct(ch); break;
	case 's': in = isspace(ch); break;
	case 'u': in = isupper(ch); break;
	case 'w': in = isalnum(ch); break;
	case 'x': in = isxdigit(ch); break;
	default: return class == ch;
	}
	return isupper(class) ? !in : in;
}

/* Behind the single-character item that p begins with. */
static const char *item_end(struct matcher *m, const char *p)
{
	if (*p == '%') {
		bool is_known = p + 1 < m->pattern_end &&
		                (!isalnum((unsigned char)p[1]) || strchr("acdglpsuwxACDGLPSUWX", p[1]));
		return is_known ? p + 2 : fail(m);
	}
	if (*p != '[')
		return p + 1;
	p += p + 1 < m->pattern_end && p[1] == '^' ? 2 : 1;
	for (const char *first = p; p < m->pattern_end; p++) {
		if (*p == ']' && p > first)
			return p + 1;
		if (*p == '%')
			p++;
	}
	return fail(m);
}

/* set: from behind '[' up to its ']'. */
static bool is_in_set(const char *set, const char *end, unsigned char ch)
{
	bool is_inverse = *set == '^', found = false;
	for (set += is_inverse; set < end && !found; set++) {
		if (*set == '%' && set + 1 < end)
			found = is_of_class(ch, (unsigned char)*++set);
		else if (set + 2 < end && set[1] == '-')
			found = (unsigned char)set[0] <= ch && ch <= (unsigned char)set[2], set += 2;
		else
			found = (unsigned char)*set == ch;
	}
	return found != is_inverse;
}

static bool matches_one(const struct matcher *m, const char *s, const char *item, const char *end)
{
	if (s >= m->text_end)
		return false;
	unsigned char ch = (unsigned char)*s;
	switch (*item) {
	case '.': return true;
	case '%': return is_of_class(ch, (unsigned char)item[1]);
	case '[': return is_in_set(item + 1, end - 1, ch);
	default: return (unsigned char)*item == ch;
	}
}

static const char *match(struct matcher *m, const char *s, const char *p);

static const char *match_open(struct matcher *m, const char *s, const char *p)
{
	if (m->count == LUA_CAPTURES_MAX)
		return fail(m);
	m->captures[m->count++] = (struct open_capture){s, NULL};
	const char *end = match(m, s, p + 1);
	if (!end)
		m->count--;
	return end;
}

static const char *match_close(struct matcher *m, const char *s, const char *p)
{
	unsigned i = m->count;
	while (i > 0 && m->captures[i - 1].end)
		i--;
	if (i == 0)
		return fail(m);
	m->captures[i - 1].end = s;
	const char *end = match(m, s, p + 1);
	if (!end)
		m->captures[i - 1].end = NULL;
	return end;
}

/* As many as can be, or (lazy) as few as will do. */
static const char *match_many(struct matcher *m, const char *s, const char *item, const char *end, bool lazy)
{
	const char *most = s, *found = NULL;
	while (!lazy && matches_one(m, most, item, end))
		most++;
	if (!lazy) {
		for (; most >= s && !found && !m->failed; most--)
			found = match(m, most, end + 1);
		return found;
	}
	while (!(found = match(m, s, end + 1)) && !m->failed && matches_one(m, s, item, end))
		s++;
	return found;
}

static const char *match_item(struct matcher *m, const char *s, const char *p)
{
	const char *end = item_end(m, p), *found;
	if (!end)
		return NULL;
	char suffix = end < m->pattern_end ? *end : '\0';
	switch (suffix) {
	case '*':
	case '-': return match_many(m, s, p, end, suffix == '-');
	case '+': return matches_one(m, s, p, end) ? match_many(m, s + 1, p, end, false) : NULL;
	case '?':
		if (matches_one(m, s, p, end) && (found = match(m, s + 1, end + 1)))
			return found;
		return match(m, s, end + 1);
	default: return matches_one(m, s, p, end) ? match(m, s + 1, end) : NULL;
	}
}

/* Where the match that begins at s ends; NULL: there is none. */
static const char *match(struct matcher *m, const char *s, const char *p)
{
	if (p == m->pattern_end)
		return s;
	if (m->failed || *m->steps == 0 || m->depth == DEPTH_MAX)
		return fail(m);
	--*m->steps;
	m->depth++;
	const char *end;
	if (*p == '(')
		end = match_open(m, s, p);
	else if (*p == ')')
		end = match_close(m, s, p);
	else if (*p == '$' && p + 1 == m->pattern_end)
		end = s == m->text_end ? s : NULL;
	else
		end = match_item(m, s, p);
	m->depth--;
	return end;
}

static int take(const struct matcher *m, const char *start, const char *end, struct lua_match *out)
{
	out->whole = slice_of(start, (size_t)(end - start));
	out->count = m->count;
	for (unsigned i = 0; i < m->count; i++) {
		const struct open_capture *c = &m->captures[i];
		if (!c->end)
			return -1;
		out->captures[i] = slice_of(c->start, (size_t)(c->end - c->start));
	}
	return 1;
}

int lua_pattern_find(struct slice pattern, struct slice text, size_t from, struct lua_match *out, unsigned *steps)
{
	bool is_anchored = pattern.len > 0 && pattern.ptr[0] == '^';
	const char *p = pattern.ptr + is_anchored, *text_end = text.ptr + text.len;

	for (const char *s = text.ptr + from; s <= text_end; s++) {
		struct matcher m = {.text_end = text_end, .pattern_end = pattern.ptr + pattern.len, .steps = steps};
		const char *end = match(&m, s, p);
		if (m.failed)
			return -1;
		if (end)
			return take(&m, s, end, out);
		if (is_anchored)
			break;
	}
	return 0;
}
