/* rust_regex: see rust_regex.h. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "common/expr/rust_regex.h"

#include <pcre2.h>

uint32_t rust_regex_options(void)
{
	return PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_UCP | PCRE2_DOLLAR_ENDONLY;
}

static bool starts_at(struct slice text, size_t i, const char *word)
{
	return slice_starts(slice_from(text, i), slice_cstr(word));
}

/* What stands at a '(' that is not escaped: NULL when the dialect knows it. */
static const char *foreign_group(struct slice text, size_t i)
{
	static const char *const around[] = {"(?=", "(?!", "(?<=", "(?<!"};

	for (size_t k = 0; k < sizeof around / sizeof around[0]; k++)
		if (starts_at(text, i, around[k]))
			return "look-around, including look-ahead and look-behind, is not supported";
	if (starts_at(text, i, "(?>") || starts_at(text, i, "(*") || starts_at(text, i, "(?|") ||
	        starts_at(text, i, "(?&") || starts_at(text, i, "(?R") || starts_at(text, i, "(?(") ||
	        starts_at(text, i, "(?#") || starts_at(text, i, "(?C"))
		return "unrecognized flag";
	return NULL;
}

static const char *foreign_escape(char c)
{
	if ((c >= '1' && c <= '9') || c == 'k' || c == 'g')
		return "backreferences are not supported";
	return strchr("KGZhHRXCQELUNVo", c) && c ? "unrecognized escape sequence" : NULL;
}

/* The last byte of the escape at i: \d, \p{Greek}, \x{263a}. */
static size_t escape_end(struct slice text, size_t i)
{
	struct slice rest = slice_from(text, i + 2);

	if (rest.len == 0 || rest.ptr[0] != '{')
		return i + 1;
	ptrdiff_t close = slice_find(rest, '}');
	return close < 0 ? text.len : i + 2 + (size_t)close;
}

/* The first thing that PCRE2 knows and Rust does not; NULL: none. */
static const char *find_foreign(struct slice text)
{
	bool in_class = false, after_quantifier = false;
	const char *what = NULL;

	for (size_t i = 0; i < text.len && !what; i++) {
		char c = text.ptr[i];
		bool was_quantifier = after_quantifier;
		after_quantifier = false;
		if (c == '\\') {
			what = i + 1 < text.len ? foreign_escape(text.ptr[i + 1]) : NULL;
			i = escape_end(text, i);
		} else if (in_class) {
			in_class = c != ']';
		} else if (c == '[') {
			in_class = true;
			i += i + 1 < text.len && text.ptr[i + 1] == '^';
			i += i + 1 < text.len && text.ptr[i + 1] == ']';
		} else if (c == '(') {
			what = foreign_group(text, i);
			i += i + 1 < text.len && text.ptr[i + 1] == '?';
		} else if (was_quantifier && c == '+') {
			what = "possessive quantifiers are not supported";
		} else {
			after_quantifier = c == '*' || c == '+' || (c == '?' && !was_quantifier) || c == '}';
		}
	}
	return what;
}

bool rust_regex_accepts(struct slice text, struct err *e)
{
	const char *foreign = find_foreign(text);
	int shown = (int)(text.len < 200 ? text.len : 200), code = 0;
	PCRE2_SIZE at = 0;
	PCRE2_UCHAR why[200] = "";

	if (foreign)
		return err_set(e, "regex parse error: '%.*s': %s", shown, text.ptr, foreign);
	pcre2_code *re = pcre2_compile(
	        (PCRE2_SPTR)(text.ptr ? text.ptr : ""), text.len, rust_regex_options(), &code, &at, NULL);
	if (re) {
		pcre2_code_free(re);
		return true;
	}
	pcre2_get_error_message(code, why, sizeof why);
	return err_set(e, "regex parse error: '%.*s': %s at byte %zu", shown, text.ptr, (char *)why, (size_t)at + 1);
}
