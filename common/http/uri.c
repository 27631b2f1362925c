/* uri: see uri.h. The normaliser decodes, removes dot segments and merges slashes in one pass over one buffer. */
#include "common/http/uri.h"

#include "common/http/h1_scan.h"

static const char hex_upper[] = "0123456789ABCDEF";

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)ascii_lower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte of the triplet at p, or -1 when there is none before end. */
static int triplet(const char *p, const char *end)
{
	if (end - p < 3 || p[0] != '%')
		return -1;
	int high = hex_value(p[1]), low = hex_value(p[2]);
	return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* --- splitting ------------------------------------------------------------------------------------------- */

static size_t scheme_length(struct slice target)
{
	if (target.len >= 7 && slice_ieq(slice_of(target.ptr, 7), S("http://")))
		return 7;
	if (target.len >= 8 && slice_ieq(slice_of(target.ptr, 8), S("https://")))
		return 8;
	return 0;
}

static void split_query(struct slice s, struct uri *out)
{
	out->query = s;
	out->path = slice_cut(&out->query, '?');
}

bool uri_split(struct slice target, struct uri *out)
{
	size_t at, scheme;

	*out = (struct uri){{NULL, 0}, {NULL, 0}, {NULL, 0}};
	if (target.len && target.ptr[0] == '/') {
		split_query(target, out);
		return true;
	}
	scheme = scheme_length(target);
	if (scheme == 0)
		return false;
	for (at = scheme; at < target.len && !memchr("/?#", target.ptr[at], 3);)
		at++;
	if (at == scheme)
		return false;
	out->authority = slice_of(target.ptr + scheme, at - scheme);
	split_query(slice_from(target, at), out);
	if (out->path.len == 0)
		out->path = S("/");
	return true;
}

bool query_next(struct slice *rest, struct slice *name, struct slice *value)
{
	while (slice_is_set(*rest)) {
		struct slice pair = slice_cut(rest, '&');
		if (pair.len == 0)
			continue;
		*name = slice_cut(&pair, '=');
		*value = pair;
		return true;
	}
	return false;
}

static bool is_port(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!h1_is(s.ptr[i], H1_DIGIT))
			return false;
	return true;
}

static bool read_port(struct slice s, int *port)
{
	int64_t n = -1;
	if (s.len && (!slice_to_int(s, &n) || n > 65535))
		return false;
	*port = (int)n;
	return true;
}

bool authority_split(struct slice authority, struct slice *host, int *port)
{
	ptrdiff_t colon;

	*host = authority;
	*port = -1;
	if (authority.len && authority.ptr[0] == '[') {
		ptrdiff_t close = slice_find(authority, ']');
		struct slice rest = slice_from(authority, (size_t)(close + 1));
		if (close < 0 || (rest.len && rest.ptr[0] != ':') || !is_port(slice_from(rest, 1)))
			return false;
		host->len = (size_t)close + 1;
		return read_port(slice_from(rest, 1), port);
	}
	colon = slice_find(authority, ':');
	if (colon < 0)
		return authority.len > 0;
	struct slice tail = slice_from(authority, (size_t)colon + 1);
	if (colon == 0)
		return slice_find(tail, ':') >= 0; /* "::1" */
	if (!is_port(tail))
		return true; /* a second colon or a name for a port: nothing to split */
	host->len = (size_t)colon;
	return read_port(tail, port);
}

/* --- normal form ----------------------------------------------------------------------------------------- */

/* Reserved by RFC 3986 2.2, and '%': their triplets stay, since decoding them would change the meaning. */
static bool is_reserved(int c)
{
	return c != 0 && strchr("!*'();:@&=+$,/?%#[]", c) != NULL;
}

static bool stays_encoded(const char *p, const char *end)
{
	int c = triplet(p, end);
	return c > 0 && is_reserved(c) && p[1] == hex_upper[c >> 4] && p[2] == hex_upper[c & 15];
}

/* Is the segment at p "." or ".."? */
static bool is_dot_segment(const char *p, const char *end)
{
	if (p == end || *p != '.')
		return false;
	if (++p < end && *p == '.')
		p++;
	return p == end || *p == '/';
}

bool uri_is_normal(struct slice path)
{
	const char *p = path.ptr, *end;

	if (path.len == 0)
		return true;
	end = p + path.len;
	if (is_dot_segment(p, end))
		return false;
	for (; p < end; p++) {
		if (*p == '/' && p + 1 < end && (p[1] == '/' || is_dot_segment(p + 1, end)))
			return false;
		if (*p == '\0' || (*p == '%' && !stays_encoded(p, end)))
			return false;
	}
	return true;
}

/* One byte of the path after decoding: 1 to 3 bytes to out, *p moves on. Returns how many, 0 when it is malformed. */
static size_t decode_step(const char **p, const char *end, char *out)
{
	int c;

	if (**p != '%') {
		out[0] = *(*p)++;
		return out[0] != '\0';
	}
	c = triplet(*p, end);
	if (c <= 0)
		return 0;
	*p += 3;
	if (!is_reserved(c)) {
		out[0] = (char)c;
		return 1;
	}
	out[0] = '%';
	out[1] = hex_upper[c >> 4];
	out[2] = hex_upper[c & 15];
	return 3;
}

static bool decode_all(struct slice path, char *out, size_t *len)
{
	const char *p = path.ptr, *end = p + path.len;
	size_t n = 0;

	while (p < end) {
		size_t step = decode_step(&p, end, out + n);
		if (step == 0)
			return false;
		n += step;
	}
	*len = n;
	return true;
}

/* Takes the last segment off what is written; false when there is none. out ends with its '/'. */
static bool pop_segment(const char *out, size_t *n)
{
	if (*n <= 1)
		return false;
	for (--*n; *n > 0 && out[*n - 1] != '/';)
		--*n;
	return true;
}

/* Dot segments (RFC 3986 5.2.4) and runs of slashes, in place. A run counts as one slash before dots are looked at.
 */
static bool remove_dots(char *s, size_t *len)
{
	const char *p = s, *end = s + *len;
	size_t n = 0;

	while (p < end) {
		if (*p == '/') {
			if (n == 0 || s[n - 1] != '/')
				s[n++] = '/';
			p++;
		} else if (is_dot_segment(p, end) && (n == 0 || s[n - 1] == '/')) {
			if (p + 1 < end && p[1] == '.' && !pop_segment(s, &n))
				return false;
			while (p < end && *p == '.')
				p++;
			p += p < end; /* its slash; the one before it is there already */
		} else {
			while (p < end && *p != '/')
				s[n++] = *p++;
		}
	}
	*len = n;
	return true;
}

bool uri_normalise(struct arena *a, struct slice path, struct slice *out)
{
	size_t len;

	*out = path;
	if (uri_is_normal(path))
		return true;
	char *copy = arena_alloc(a, path.len + 1);
	if (!decode_all(path, copy, &len) || !remove_dots(copy, &len))
		return false;
	copy[len] = '\0';
	*out = slice_of(copy, len);
	return true;
}

/* --- escaping -------------------------------------------------------------------------------------------- */

static bool goes_out(char c)
{
	return h1_is(c, H1_REGNAME) || (c != '\0' && strchr("#/:?@[]%", c) != NULL);
}

struct slice uri_escape(struct arena *a, struct slice path)
{
	size_t bad = 0, n = 0;

	for (size_t i = 0; i < path.len; i++)
		bad += !goes_out(path.ptr[i]);
	if (bad == 0)
		return path;
	char *out = arena_alloc(a, path.len + 2 * bad + 1);
	for (size_t i = 0; i < path.len; i++) {
		unsigned char c = (unsigned char)path.ptr[i];
		if (goes_out((char)c)) {
			out[n++] = (char)c;
			continue;
		}
		out[n++] = '%';
		out[n++] = hex_upper[c >> 4];
		out[n++] = hex_upper[c & 15];
	}
	out[n] = '\0';
	return slice_of(out, n);
}

struct slice uri_decode(struct arena *a, struct slice s, bool plus)
{
	const char *p, *end;
	size_t n = 0;

	if (slice_find(s, '%') < 0 && !(plus && slice_find(s, '+') >= 0))
		return s;
	char *out = arena_alloc(a, s.len + 1);
	for (p = s.ptr, end = p + s.len; p < end;) {
		int c = triplet(p, end);
		if (c >= 0) {
			out[n++] = (char)c;
			p += 3;
		} else {
			out[n++] = plus && *p == '+' ? ' ' : *p;
			p++;
		}
	}
	out[n] = '\0';
	return slice_of(out, n);
}

void uri_put_escaped(struct text *out, struct slice s)
{
	static const char hex[] = "0123456789ABCDEF";
	for (size_t i = 0; i < s.len; i++) {
		unsigned char ch = (unsigned char)s.ptr[i], low = ascii_lower(ch);
		if ((low >= 'a' && low <= 'z') || (ch >= '0' && ch <= '9') || memchr("-._~", ch, 4)) {
			text_putc(out, (char)ch);
			continue;
		}
		text_putc(out, '%');
		text_putc(out, hex[ch >> 4]);
		text_putc(out, hex[ch & 15]);
	}
}
