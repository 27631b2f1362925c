/* formats: paths, URLs and regular expressions. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "common/schema/formats_private.h"

/* RFC 3986 characters of a path; the rest must be percent-encoded. */
static bool is_path_char(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c && strchr("-._~:/?#[]@!$&'()*+,;=%", c));
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* The first malformed triplet, up to three characters; unset when there is none. */
static struct slice bad_triplet(struct slice v)
{
	for (size_t i = 0; i < v.len; i++)
		if (v.ptr[i] == '%' && (i + 2 >= v.len || !is_hex(v.ptr[i + 1]) || !is_hex(v.ptr[i + 2])))
			return slice_of(v.ptr + i, v.len - i < 3 ? v.len - i : 3);
	return (struct slice){NULL, 0};
}

static bool has_empty_segment(struct slice v)
{
	for (size_t i = 1; i < v.len; i++)
		if (v.ptr[i] == '/' && v.ptr[i - 1] == '/')
			return true;
	return false;
}

static bool check_triplets(struct slice v, struct err *e)
{
	struct slice bad = bad_triplet(v);
	return !slice_is_set(bad) || err_set(e, "invalid url-encoded value: '%.*s'", SLICE_ARG(bad));
}

bool format_path(struct slice v, struct arena *a, struct slice *r, struct err *e)
{
	if (!slice_starts(v, S("/")))
		return err_set(e, "should start with: /");
	if (has_empty_segment(v))
		return err_set(e, "must not have empty segments");
	for (size_t i = 0; i < v.len; i++)
		if (!is_path_char((unsigned char)v.ptr[i]))
			return err_set(e, "invalid path: '%.*s' (characters outside of the reserved list of RFC 3986 found)",
				SLICE_ARG(v));
	return check_triplets(v, e);
}

static bool compiles(struct slice pattern, char *why, size_t size)
{
	int code;
	PCRE2_SIZE at;
	pcre2_code *re = pcre2_compile((PCRE2_SPTR)pattern.ptr, pattern.len, 0, &code, &at, NULL);
	if (re) {
		pcre2_code_free(re);
		return true;
	}
	pcre2_get_error_message(code, (PCRE2_UCHAR *)why, size);
	return false;
}

bool format_regex(struct slice v, struct arena *a, struct slice *r, struct err *e)
{
	char why[256];
	return compiles(v, why, sizeof why) || err_set(e, "not a valid regex: %.*s", SLICE_ARG(v));
}

static bool check_regex_path(struct slice v, struct err *e)
{
	char why[256];
	struct slice pattern = slice_from(v, 1);
	return compiles(pattern, why, sizeof why) ||
	       err_set(e, "invalid regex: '%.*s' (PCRE returned: %s)", SLICE_ARG(pattern), why);
}

static int hex_value(char c)
{
	return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* Step 1 of proxy.md 1.3: every triplet is decoded but those of reserved characters, which get upper-case digits. */
static struct slice decode_triplets(struct arena *a, struct slice v)
{
	char *out = arena_alloc(a, v.len + 1);
	size_t n = 0;
	for (size_t i = 0; i < v.len; i++) {
		if (v.ptr[i] != '%') {
			out[n++] = v.ptr[i];
			continue;
		}
		int c = hex_value(v.ptr[i + 1]) << 4 | hex_value(v.ptr[i + 2]);
		if (c && c < 0x80 && strchr("!*'();:@&=+$,/?%#[]", c)) {
			static const char digits[] = "0123456789ABCDEF";
			out[n++] = '%';
			out[n++] = digits[c >> 4];
			out[n++] = digits[c & 15];
		} else {
			out[n++] = (char)c;
		}
		i += 2;
	}
	return slice_of(out, n);
}

/* Step 2: dot segments (RFC 3986 5.2.4). Empty segments have been refused before. */
static struct slice remove_dots(struct arena *a, struct slice v)
{
	char *out = arena_alloc(a, v.len + 2);
	size_t n = 0;
	struct slice rest = slice_from(v, 1);
	while (slice_is_set(rest)) {
		struct slice segment = slice_cut(&rest, '/');
		bool last = !slice_is_set(rest), dot = slice_eq(segment, S(".")), dots = slice_eq(segment, S(".."));
		if (dots)
			while (n > 0 && out[--n] != '/')
				;
		out[n] = '/';
		if (dot || dots) {
			n += last;
			continue;
		}
		memcpy(out + n + 1, segment.ptr, segment.len);
		n += 1 + segment.len;
	}
	return slice_of(out, n);
}

bool format_router_path(struct slice v, struct arena *a, struct slice *r, struct err *e)
{
	bool regex = slice_starts(v, S("~/"));
	if (!regex && !slice_starts(v, S("/")))
		return err_set(e, "should start with: / (fixed path) or ~/ (regex path)");
	if (has_empty_segment(v))
		return err_set(e, "must not have empty segments");
	if (regex)
		return check_regex_path(v, e);
	if (!check_triplets(v, e))
		return false;
	struct slice normal = remove_dots(a, decode_triplets(a, v));
	return slice_eq(normal, v) || err_set(e, "non-normalized path, consider use '%.*s' instead", SLICE_ARG(normal));
}

bool format_url(struct slice v, struct arena *a, struct slice *r, struct err *e)
{
	struct slice rest = v;
	ptrdiff_t colon = slice_find(v, ':');
	if (colon <= 0 || !slice_starts(slice_from(v, (size_t)colon), S("://")))
		return err_set(e, "missing scheme in url");
	rest = slice_from(v, (size_t)colon + 3);
	struct slice authority = slice_cut(&rest, '/');
	return authority.len > 0 || err_set(e, "missing host in url");
}
