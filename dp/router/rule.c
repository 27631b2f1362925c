/* rule: testing a rule against a request. The cheap tests come first, regular expressions last. */
#include "dp/router/rule.h"

#include "dp/router/expr_match.h"

/* ---- headers ------------------------------------------------------------------------------------------------ */

static unsigned char folded(unsigned char c)
{
	return c == '_' ? '-' : ascii_lower(c);
}

bool rule_header_name_eq(const struct search *s, struct slice a, struct slice b)
{
	if (!s->compatible || a.len != b.len)
		return slice_ieq(a, b);
	for (size_t i = 0; i < a.len; i++)
		if (folded((unsigned char)a.ptr[i]) != folded((unsigned char)b.ptr[i]))
			return false;
	return true;
}

static struct slice lower_case(struct arena *a, struct slice s)
{
	char *copy = arena_alloc(a, s.len);

	for (size_t i = 0; i < s.len; i++)
		copy[i] = (char)ascii_lower((unsigned char)s.ptr[i]);
	return slice_of(copy, s.len);
}

static bool value_matches(const struct header_test *t, struct search *s, struct slice value)
{
	struct slice hit;

	for (uint32_t i = 0; i < t->values_count; i++)
		if (slice_ieq(t->values[i], value))
			return true;
	if (t->patterns_count && !s->compatible)
		value = lower_case(s->scratch.arena, value);
	for (uint32_t i = 0; i < t->patterns_count; i++)
		if (pattern_match(t->patterns[i], value, &s->scratch, &hit))
			return true;
	return false;
}

static bool header_matches(const struct header_test *t, struct search *s)
{
	const struct header *h = s->request->head ? s->request->head->headers : NULL;

	for (uint32_t i = 0; i < s->headers_count; i++)
		if (rule_header_name_eq(s, h[i].name, t->name) && value_matches(t, s, h[i].value))
			return true;
	return false;
}

static bool headers_match(const struct rule_tests *t, struct search *s)
{
	for (uint32_t i = 0; i < t->headers_count; i++)
		if (!header_matches(&t->headers[i], s))
			return false;
	return true;
}

/* ---- method, SNI, path -------------------------------------------------------------------------------------- */

static bool method_matches(const struct rule_tests *t, struct slice method)
{
	for (uint32_t i = 0; i < t->methods_count; i++)
		if (slice_eq(t->methods[i], method))
			return true;
	return t->methods_count == 0;
}

static bool sni_equals(const struct sni_test *t, struct slice sni)
{
	if (sni.len < t->text.len)
		return false;
	switch (t->how) {
	case SNI_ENDS: return slice_ieq(slice_from(sni, sni.len - t->text.len), t->text);
	case SNI_STARTS: return slice_ieq(slice_of(sni.ptr, t->text.len), t->text);
	case SNI_EXACT: break;
	}
	return slice_ieq(sni, t->text);
}

/* Plaintext satisfies any SNI, so that the redirect to https can happen. */
static bool sni_matches(const struct rule_tests *t, const struct search *s)
{
	if (!s->tls || t->snis_count == 0)
		return true;
	for (uint32_t i = 0; i < t->snis_count; i++)
		if (sni_equals(&t->snis[i], s->request->sni))
			return true;
	return false;
}

static bool has_prefix(const struct rule *r, struct slice path)
{
	for (uint32_t i = 0; i < r->prefixes_count; i++)
		if (slice_starts(path, r->prefixes[i]))
			return true;
	return false;
}

/* A rule stands in the trie where one of its prefixes ends, so on the way there it has been compared. */
static bool prefix_matches(const struct rule *r, const struct search *s, struct slice *prefix)
{
	struct slice path = s->request->path;

	if (s->path_met != r->prefix_len && !has_prefix(r, path))
		return false;
	*prefix = slice_of(path.ptr, r->prefix_len);
	return true;
}

static bool regex_matches(
        const struct rule *r, struct search *s, struct slice *prefix, const struct pattern **pattern)
{
	struct slice path = s->request->path;

	for (uint32_t i = 0; i < r->patterns_count; i++) {
		*pattern = r->patterns[i];
		if (pattern_match(*pattern, path, &s->scratch, prefix))
			return true;
	}
	return false;
}

enum rule_fault rule_fault(
        const struct rule *r, struct search *s, struct slice *prefix, const struct pattern **pattern)
{
	*prefix = (struct slice){0};
	*pattern = NULL;
	if (r->expr)
		return expr_rule_matches(r->expr, s, prefix, pattern) ? RULE_FITS : RULE_EXPRESSION;
	if (!method_matches(r->tests, s->request->method))
		return RULE_METHOD;
	if (!sni_matches(r->tests, s))
		return RULE_SNI;
	if (r->prefix_len && !prefix_matches(r, s, prefix))
		return RULE_PATH;
	if (r->tests->headers_count && !headers_match(r->tests, s))
		return RULE_HEADERS;
	if (r->prefix_len || r->patterns_count == 0)
		return RULE_FITS;
	return regex_matches(r, s, prefix, pattern) ? RULE_FITS : RULE_PATH;
}

bool rule_matches(const struct rule *r, struct search *s, struct slice *prefix, const struct pattern **pattern)
{
	return rule_fault(r, s, prefix, pattern) == RULE_FITS;
}
