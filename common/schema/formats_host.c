/* formats: hosts, addresses, server names, targets. "Host parsing" of entities.md section 2. */
#include <arpa/inet.h>
#include <stdio.h>

#include "common/schema/formats_private.h"

enum { TARGET_PORT = 8000 };

static bool is_name_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == '_';
}

/* Letters, digits, . - _; no label ends in '-', none is empty but the one behind a trailing dot. */
static bool is_host_name(struct slice v)
{
	if (v.len == 0)
		return false;
	for (size_t i = 0; i < v.len; i++) {
		bool label_ends = i + 1 == v.len || v.ptr[i + 1] == '.';
		if (!is_name_char(v.ptr[i]) || (v.ptr[i] == '-' && label_ends))
			return false;
		if (v.ptr[i] == '.' && (i == 0 || (i + 1 < v.len && v.ptr[i + 1] == '.')))
			return false;
	}
	return true;
}

static bool is_address(int family, struct slice v)
{
	char text[64];
	unsigned char out[16];
	if (v.len >= sizeof text)
		return false;
	snprintf(text, sizeof text, "%.*s", SLICE_ARG(v));
	return inet_pton(family, text, out) == 1;
}

static bool looks_like_ipv4(struct slice v)
{
	for (size_t i = 0; i < v.len; i++)
		if ((v.ptr[i] < '0' || v.ptr[i] > '9') && v.ptr[i] != '.')
			return false;
	return v.len > 0;
}

static size_t count_colons(struct slice v)
{
	size_t n = 0;
	for (size_t i = 0; i < v.len; i++)
		n += v.ptr[i] == ':';
	return n;
}

static int port_of(struct slice text)
{
	int64_t n;
	return slice_to_int(text, &n) && n >= 0 && n <= 65535 && text.ptr[0] != '-' ? (int)n : -2;
}

static enum host_kind parse_ipv6(struct slice v, struct slice *host, int *port)
{
	*host = v;
	if (v.len && v.ptr[0] == '[') {
		ptrdiff_t close = slice_find(v, ']');
		if (close < 0)
			return HOST_BAD;
		*host = slice_of(v.ptr + 1, (size_t)close - 1);
		struct slice rest = slice_from(v, (size_t)close + 1);
		if (rest.len)
			*port = rest.ptr[0] == ':' ? port_of(slice_from(rest, 1)) : -2;
	}
	return is_address(AF_INET6, *host) ? HOST_IPV6 : HOST_BAD;
}

enum host_kind host_parse(struct slice v, struct slice *host, int *port)
{
	*port = -1;
	if (count_colons(v) > 1)
		return parse_ipv6(v, host, port);
	*host = v;
	ptrdiff_t colon = slice_find(v, ':');
	if (colon >= 0) {
		*host = slice_of(v.ptr, (size_t)colon);
		*port = port_of(slice_from(v, (size_t)colon + 1));
	}
	if (*port == -2)
		return HOST_BAD;
	if (looks_like_ipv4(*host))
		return is_address(AF_INET, *host) ? HOST_IPV4 : HOST_BAD;
	return is_host_name(*host) ? HOST_NAME : HOST_BAD;
}

static bool invalid(struct slice v, struct err *e)
{
	return err_set(e, "invalid value: %.*s", SLICE_ARG(v));
}

bool format_host(struct slice v, struct arena *a, struct slice *r, struct err *e)
{
	struct slice host;
	int port;
	if (host_parse(v, &host, &port) == HOST_BAD)
		return invalid(v, e);
	return port == -1 || err_set(e, "must not have a port");
}

bool format_host_opt_port(struct slice v, struct arena *a, struct slice *r, struct err *e)
{
	struct slice host;
	int port;
	return host_parse(v, &host, &port) != HOST_BAD || invalid(v, e);
}

static size_t count_stars(struct slice v)
{
	size_t n = 0;
	for (size_t i = 0; i < v.len; i++)
		n += v.ptr[i] == '*';
	return n;
}

/* With a letter in the place of the star a wildcard must be a host name. */
static struct slice without_star(struct arena *a, struct slice v)
{
	char *copy = arena_cstr(a, v);
	for (size_t i = 0; i < v.len; i++)
		if (copy[i] == '*')
			copy[i] = 'w';
	return slice_of(copy, v.len);
}

bool format_wildcard_host(struct slice v, struct arena *a, struct slice *r, struct err *e)
{
	size_t stars = count_stars(v);
	if (stars > 1)
		return err_set(e, "only one wildcard must be specified");
	if (stars == 1 && v.ptr[0] != '*' && v.ptr[v.len - 1] != '*')
		return err_set(e, "wildcard must be leftmost or rightmost character");
	struct slice host;
	int port;
	enum host_kind kind = host_parse(without_star(a, v), &host, &port);
	if (kind == HOST_IPV4 || kind == HOST_IPV6)
		return err_set(e, "must not be an IP");
	if (kind == HOST_BAD)
		return invalid(v, e);
	return port == -1 || err_set(e, "must not have a port");
}

/* routes.hosts: the star is a whole label, first or last. */
bool format_route_host(struct slice v, struct arena *a, struct slice *r, struct err *e)
{
	size_t stars = count_stars(v);
	if (stars == 0)
		return format_host_opt_port(v, a, r, e);
	if (stars > 1)
		return err_set(e, "invalid wildcard: must have at most one wildcard");
	bool left = slice_starts(v, S("*.")), right = slice_ends(v, S(".*"));
	if (!left && !right)
		return err_set(e, "invalid wildcard: must be placed at leftmost or rightmost label");
	struct slice host;
	int port;
	return host_parse(without_star(a, v), &host, &port) != HOST_BAD || invalid(v, e);
}

bool format_sni(struct slice v, struct arena *a, struct slice *r, struct err *e)
{
	struct slice host;
	int port;
	enum host_kind kind = host_parse(v, &host, &port);
	if (kind == HOST_IPV4 || kind == HOST_IPV6)
		return err_set(e, "must not be an IP");
	if (kind == HOST_BAD)
		return invalid(v, e);
	return port == -1 || err_set(e, "must not have a port");
}

bool format_ip(struct slice v, struct arena *a, struct slice *r, struct err *e)
{
	return is_address(AF_INET, v) || is_address(AF_INET6, v) || err_set(e, "not an ip address: %.*s", SLICE_ARG(v));
}

bool format_ip_or_cidr(struct slice v, struct arena *a, struct slice *r, struct err *e)
{
	struct slice address = v, rest = v;
	int64_t bits = 0;
	bool ok = true;
	if (slice_find(v, '/') >= 0) {
		address = slice_cut(&rest, '/');
		ok = slice_to_int(rest, &bits) && bits >= 0 && rest.ptr[0] != '-';
	}
	ok = ok && ((is_address(AF_INET, address) && bits <= 32) || (is_address(AF_INET6, address) && bits <= 128));
	return ok || err_set(e, "invalid ip or cidr range: '%.*s'", SLICE_ARG(v));
}

bool format_upstream_name(struct slice v, struct arena *a, struct slice *r, struct err *e)
{
	struct slice host;
	int port;
	enum host_kind kind = host_parse(v, &host, &port);
	const char *why = NULL;
	if (kind == HOST_IPV4 || kind == HOST_IPV6)
		why = "no ip addresses allowed";
	else if (kind == HOST_NAME && port != -1)
		why = "no port allowed";
	else if (kind == HOST_BAD)
		why = "must be a valid hostname";
	return !why || err_set(e, "Invalid name ('%.*s'); %s", SLICE_ARG(v), why);
}

/* "[0000:0000:...:0001]": all eight groups, in brackets. */
static struct slice full_ipv6(struct arena *a, struct slice host)
{
	unsigned char b[16] = {0};
	inet_pton(AF_INET6, arena_cstr(a, host), b);
	return arena_printf(a, "[%02x%02x:%02x%02x:%02x%02x:%02x%02x:%02x%02x:%02x%02x:%02x%02x:%02x%02x]", b[0], b[1], b[2], b[3],
		b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

bool format_target(struct slice v, struct arena *a, struct slice *r, struct err *e)
{
	struct slice host;
	int port;
	enum host_kind kind = host_parse(v, &host, &port);
	if (kind == HOST_BAD || port == -2)
		return err_set(e, "Invalid target; not a valid hostname or ip address");
	if (kind == HOST_IPV6)
		host = full_ipv6(a, host);
	*r = arena_printf(a, "%.*s:%d", SLICE_ARG(host), port < 0 ? TARGET_PORT : port);
	return true;
}
