/* formats_path: paths of services, paths of routes, and URLs (entities.md section 2).
 *
 * A route's plain path must already be in the form that requests are normalised to before they are matched
 * (proxy.md 1.3), or it could never match. The few lines of normalisation here serve the suggestion in the message;
 * requests are normalised in common/http, which this folder may not see. */
#include "common/schema/formats_private.h"

#include "common/schema/url.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)ascii_lower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Every '%' is followed by two digits; %00 is nothing that any request can hold. */
static bool check_triplets(struct slice s, struct check *c)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] != '%')
			continue;
		struct slice triplet = slice_from(s, i);
		triplet.len = triplet.len < 3 ? triplet.len : 3;
		if (triplet.len < 3 || hex_digit(triplet.ptr[1]) < 0 || hex_digit(triplet.ptr[2]) < 0 ||
		        slice_eq(triplet, S("%00")))
			return err_set(c->e, "invalid url-encoded value: '%.*s'", SLICE_ARG(triplet));
		i += 2;
	}
	return true;
}

static bool has_empty_segments(struct slice s)
{
	for (size_t i = 1; i < s.len; i++)
		if (s.ptr[i] == '/' && s.ptr[i - 1] == '/')
			return true;
	return false;
}

bool format_path(struct slice s, struct check *c)
{
	if (!slice_starts(s, S("/")))
		return err_set(c->e, "should start with: /");
	if (has_empty_segments(s))
		return err_set(c->e, "must not have empty segments");
	for (size_t i = 0; i < s.len; i++)
		if (!format_is_alnum(s.ptr[i]) && !format_is_one_of(s.ptr[i], "-._~/%!$&'()*+,;=:@"))
			return err_set(c->e,
			        "invalid path: '%.*s' (characters outside of the reserved list of RFC 3986 found)",
			        SLICE_ARG(s));
	return check_triplets(s, c);
}

/* ---- paths of routes ------------------------------------------------------------------------------------------- */

/* Triplets decoded, but for reserved characters, whose digits become upper case. */
static struct slice decode_triplets(struct slice s, struct arena *a)
{
	char *out = arena_alloc(a, s.len + 1);
	size_t n = 0;
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] != '%') {
			out[n++] = s.ptr[i];
			continue;
		}
		char c = (char)(hex_digit(s.ptr[i + 1]) << 4 | hex_digit(s.ptr[i + 2]));
		if (format_is_one_of(c, "!*'();:@&=+$,/?%#[]")) {
			static const char upper[] = "0123456789ABCDEF";
			out[n++] = '%';
			out[n++] = upper[(unsigned char)c >> 4];
			out[n++] = upper[c & 15];
		} else {
			out[n++] = c;
		}
		i += 2;
	}
	out[n] = '\0';
	return slice_of(out, n);
}

/* RFC 3986 section 5.2.4 on a path that starts with '/' and has no empty segments. Above the root is the root. */
static struct slice remove_dots(struct slice s, struct arena *a)
{
	char *out = arena_alloc(a, s.len + 2);
	size_t n = 0;
	bool slash_at_end = false;

	struct slice rest = slice_from(s, 1);
	while (slice_is_set(rest)) {
		struct slice segment = slice_cut(&rest, '/');
		bool up = slice_eq(segment, S("..")), here = slice_eq(segment, S("."));
		slash_at_end = up || here || segment.len == 0;
		if (up)
			while (n > 0 && out[--n] != '/')
				;
		if (slash_at_end)
			continue;
		out[n++] = '/';
		memcpy(out + n, segment.ptr, segment.len);
		n += segment.len;
	}
	if (slash_at_end || n == 0)
		out[n++] = '/';
	return slice_of(out, n);
}

static bool check_plain_path(struct slice s, struct check *c)
{
	if (!check_triplets(s, c))
		return false;
	struct slice normal = remove_dots(decode_triplets(s, c->arena), c->arena);
	return slice_eq(normal, s) ||
	       err_set(c->e, "non-normalized path, consider use '%.*s' instead", SLICE_ARG(normal));
}

static bool check_regex_path(struct slice pattern, struct check *c)
{
	struct err why;
	return format_regex_compiles(pattern, &why) ||
	       err_set(c->e, "invalid regex: '%.*s' (PCRE returned: %s)", SLICE_ARG(pattern), why.message);
}

bool format_router_path(struct slice s, struct check *c)
{
	if (has_empty_segments(s))
		return err_set(c->e, "must not have empty segments");
	if (slice_starts(s, S("~/")))
		return check_regex_path(slice_from(s, 1), c);
	if (slice_starts(s, S("/")))
		return check_plain_path(s, c);
	return err_set(c->e, "should start with: / (fixed path) or ~/ (regex path)");
}

/* ---- URLs ------------------------------------------------------------------------------------------------------ */

bool format_url(struct slice s, struct check *c)
{
	struct url u = url_split(s);
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.ptr[i] <= ' ' || s.ptr[i] == 0x7f)
			return err_set(c->e,
			        "could not parse url. blanks and control characters are not allowed in '%.*s'",
			        SLICE_ARG(s));
	if (!slice_is_set(u.host))
		return err_set(c->e, "missing host in url");
	return slice_is_set(u.scheme) || err_set(c->e, "missing scheme in url");
}
