/* expr_literal: strings, raw strings, integers, addresses and networks. */
#include <errno.h>
#include <stdlib.h>

#include "common/expr/expr_private.h"

enum { WORD_MAX = 64 }; /* of a number or an address */

bool expr_literal_is_string(struct slice rest)
{
	return slice_starts(rest, S("\"")) || slice_starts(rest, S("r#\""));
}

/* ---- strings ------------------------------------------------------------------------------------------------ */

static bool unescape(char c, char *out)
{
	switch (c) {
	case '"':
	case '\\': *out = c; return true;
	case 'n': *out = '\n'; return true;
	case 'r': *out = '\r'; return true;
	case 't': *out = '\t'; return true;
	default: return false;
	}
}

static bool read_string(struct parser *p, struct slice *out)
{
	struct slice in = slice_from(p->rest, 1);
	char *text = arena_alloc(p->arena, in.len);
	size_t n = 0, i = 0;

	for (; i < in.len && in.ptr[i] != '"'; i++) {
		if (in.ptr[i] != '\\') {
			text[n++] = in.ptr[i];
			continue;
		}
		p->rest = slice_from(in, i);
		if (++i == in.len || !unescape(in.ptr[i], &text[n++]))
			return expr_expected(p, "one of \\\", \\\\, \\n, \\r, \\t");
	}
	p->rest = slice_from(in, i);
	if (i == in.len)
		return expr_expected(p, "'\"'");
	p->rest = slice_from(p->rest, 1);
	*out = slice_of(text, n);
	return true;
}

static bool read_raw_string(struct parser *p, struct slice *out)
{
	struct slice in = slice_from(p->rest, 3);

	for (size_t i = 0; i + 1 < in.len; i++) {
		if (in.ptr[i] == '"' && in.ptr[i + 1] == '#') {
			*out = slice_of(in.ptr, i);
			p->rest = slice_from(in, i + 2);
			return true;
		}
	}
	p->rest = slice_from(in, in.len);
	return expr_expected(p, "'\"#'");
}

/* ---- numbers and addresses ---------------------------------------------------------------------------------- */

static bool is_part(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == '.' || c == ':' ||
	       c == '/' || c == 'x' || c == '-';
}

static bool read_integer(const char *word, int64_t *out)
{
	const char *digits = word[0] == '-' ? word + 1 : word;
	char *end;

	if (digits[0] < '0' || digits[0] > '9')
		return false;
	bool is_hex = digits[0] == '0' && digits[1] == 'x', is_octal = digits[0] == '0' && digits[1] && !is_hex;
	errno = 0;
	*out = strtoll(word, &end, is_hex ? 16 : is_octal ? 8 : 10);
	return *end == '\0' && errno == 0 && (!is_hex || digits[2]);
}

static bool read_network(struct parser *p, struct slice word, struct expr_value *out)
{
	struct slice address = word;
	struct ip ip;

	out->type = slice_find(word, '/') < 0 ? EXPR_IP : EXPR_CIDR;
	if (!ip_parse(slice_cut(&address, '/'), &ip) || !ip_range_parse(word, &out->network))
		return expr_expected(p, out->type == EXPR_IP ? "a value" : "a network");
	return memcmp(&ip, &out->network.base, sizeof ip) == 0 || expr_expected(p, "a network without host bits");
}

static bool read_word(struct parser *p, struct expr_value *out)
{
	char word[WORD_MAX];
	size_t n = 0;

	while (n < p->rest.len && is_part(p->rest.ptr[n]))
		n++;
	if (n == 0 || n >= sizeof word)
		return expr_expected(p, "a value");
	memcpy(word, p->rest.ptr, n);
	word[n] = '\0';
	out->type = EXPR_INT;
	bool is_network = strpbrk(word, ".:") != NULL;
	if (is_network ? !read_network(p, slice_of(p->rest.ptr, n), out) : !read_integer(word, &out->number))
		return is_network ? false : expr_expected(p, "a value");
	p->rest = slice_from(p->rest, n);
	return true;
}

bool expr_literal_read(struct parser *p, struct expr_value *out)
{
	out->type = EXPR_STRING;
	if (slice_starts(p->rest, S("\"")))
		return read_string(p, &out->text);
	if (slice_starts(p->rest, S("r#\"")))
		return read_raw_string(p, &out->text);
	return read_word(p, out);
}
