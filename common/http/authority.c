/* authority: see authority.h. */
#include "common/http/authority.h"

#include "common/http/h1_scan.h"

static bool is_port(const char *p, const char *end)
{
	unsigned port = 0;

	for (; p < end; p++) {
		if (!h1_is(*p, H1_DIGIT))
			return false;
		port = port * 10 + (unsigned)(*p - '0');
		if (port > 65535)
			return false;
	}
	return true;
}

/* "[2001:db8::1]" or, as some clients write it, without brackets. */
static bool is_ipv6(struct slice s)
{
	size_t colons = 0;
	for (size_t i = 0; i < s.len; i++) {
		if (!h1_is(s.ptr[i], H1_HEX) && s.ptr[i] != ':' && s.ptr[i] != '.')
			return false;
		colons += s.ptr[i] == ':';
	}
	return colons >= 2;
}

static const char *scan_regname(const char *p, const char *end)
{
	p = h1_scan_bytes(p, end, H1_REGNAME);
	while (end - p >= 3 && *p == '%' && h1_is(p[1], H1_HEX) && h1_is(p[2], H1_HEX))
		p = h1_scan_bytes(p + 3, end, H1_REGNAME);
	return p;
}

bool authority_is_valid(struct slice s)
{
	if (s.len == 0)
		return false;
	const char *p = s.ptr, *end = s.ptr + s.len;
	if (*p == '[') {
		ptrdiff_t close = slice_find(s, ']');
		if (close < 0 || !is_ipv6(slice_of(p + 1, (size_t)close - 1)))
			return false;
		p += close + 1;
		return p == end || (*p == ':' && is_port(p + 1, end));
	}
	p = scan_regname(p, end);
	if (p == end)
		return true;
	return (p > s.ptr && *p == ':' && is_port(p + 1, end)) || is_ipv6(s);
}
