/* formats_host: host names and addresses, with and without ports, wildcards and networks (entities.md section 2).
 *
 * What looks like an address must be one: "1.2.3" and "300.1.1.1" are not names. */
#include "common/schema/formats_private.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "common/core/uuid.h"

enum host_type { HOST_NAME, HOST_V4, HOST_V6 };

struct host {
	enum host_type type;
	char text[64]; /* of an address, without port and brackets */
	struct slice name;
	struct in6_addr v6;
	int port; /* -1: none */
};

enum host_result { HOST_OK, HOST_BAD, HOST_BAD_PORT };

/* ---- taking apart ---------------------------------------------------------------------------------------------- */

static size_t count_of(struct slice s, char c)
{
	size_t n = 0;
	for (size_t i = 0; i < s.len; i++)
		n += s.ptr[i] == c;
	return n;
}

static bool consists_of(struct slice s, const char *set)
{
	for (size_t i = 0; i < s.len; i++)
		if (!format_is_one_of(s.ptr[i], set))
			return false;
	return s.len > 0;
}

/* Labels of letters, digits, '-' and '_'; none ends in '-', none is empty but the one after a trailing dot. */
static bool is_host_name(struct slice s)
{
	char before = '.';
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];
		if (!format_is_alnum(c) && !format_is_one_of(c, ".-_"))
			return false;
		if (c == '.' && (before == '.' || before == '-'))
			return false;
		before = c;
	}
	return s.len > 0 && before != '-';
}

static enum host_result take_port(struct slice digits, int *port)
{
	int64_t n;
	if (!consists_of(digits, "0123456789"))
		return HOST_BAD;
	if (!slice_to_int(digits, &n) || n > 65535)
		return HOST_BAD_PORT;
	*port = (int)n;
	return HOST_OK;
}

/* "::1", "[::1]", "[::1]:80" */
static enum host_result parse_v6(struct slice s, struct host *out)
{
	struct slice address = s;
	enum host_result result = HOST_OK;

	if (s.ptr[0] == '[') {
		ptrdiff_t end = slice_find(s, ']');
		if (end < 0)
			return HOST_BAD;
		address = slice_of(s.ptr + 1, (size_t)end - 1);
		struct slice rest = slice_from(s, (size_t)end + 1);
		if (rest.len && rest.ptr[0] != ':')
			return HOST_BAD;
		if (rest.len)
			result = take_port(slice_from(rest, 1), &out->port);
	}
	if (address.len >= sizeof out->text)
		return HOST_BAD;
	memcpy(out->text, address.ptr, address.len);
	out->text[address.len] = '\0';
	return inet_pton(AF_INET6, out->text, &out->v6) == 1 ? result : HOST_BAD;
}

static enum host_result parse_v4(struct host *out)
{
	struct in_addr address;
	if (out->name.len >= sizeof out->text)
		return HOST_BAD;
	memcpy(out->text, out->name.ptr, out->name.len);
	out->text[out->name.len] = '\0';
	return inet_pton(AF_INET, out->text, &address) == 1 ? HOST_OK : HOST_BAD;
}

static enum host_result parse_host(struct slice s, struct host *out)
{
	enum host_result result = HOST_OK;

	*out = (struct host){.type = HOST_NAME, .name = s, .port = -1};
	if (s.len == 0)
		return HOST_BAD;
	if (count_of(s, ':') > 1) {
		out->type = HOST_V6;
		return parse_v6(s, out);
	}

	ptrdiff_t colon = slice_find(s, ':');
	if (colon >= 0) {
		out->name.len = (size_t)colon;
		result = take_port(slice_from(s, (size_t)colon + 1), &out->port);
		if (result == HOST_BAD)
			return result;
	}
	if (consists_of(out->name, "0123456789.")) {
		out->type = HOST_V4;
		return parse_v4(out) == HOST_OK ? result : HOST_BAD;
	}
	return is_host_name(out->name) ? result : HOST_BAD;
}

static bool invalid_value(struct slice s, struct check *c)
{
	return err_set(c->e, "invalid value: %.*s", SLICE_ARG(s));
}

/* s with every '*' replaced by a letter, so that what stands around it can be checked as a host. */
static struct slice without_wildcards(struct slice s, struct arena *a)
{
	char *copy = arena_cstr(a, s);
	for (size_t i = 0; i < s.len; i++)
		if (copy[i] == '*')
			copy[i] = 'w';
	return slice_of(copy, s.len);
}

/* ---- the formats ----------------------------------------------------------------------------------------------- */

bool format_host(struct slice s, struct check *c)
{
	struct host h;
	enum host_result result = parse_host(s, &h);
	if (result == HOST_BAD)
		return invalid_value(s, c);
	return (result == HOST_OK && h.port < 0) || err_set(c->e, "must not have a port");
}

bool format_host_opt_port(struct slice s, struct check *c)
{
	struct host h;
	return parse_host(s, &h) == HOST_OK || invalid_value(s, c);
}

/* A host name only: no address, no port. `shown` is what messages quote. */
static bool check_only_name(struct slice s, struct slice shown, struct check *c)
{
	struct host h;
	enum host_result result = parse_host(s, &h);
	if (result == HOST_BAD)
		return invalid_value(shown, c);
	if (h.type != HOST_NAME)
		return err_set(c->e, "must not be an IP");
	return (result == HOST_OK && h.port < 0) || err_set(c->e, "must not have a port");
}

bool format_sni(struct slice s, struct check *c)
{
	return check_only_name(s, s, c);
}

bool format_wildcard_host(struct slice s, struct check *c)
{
	ptrdiff_t star = slice_find(s, '*');
	if (star > 0 && (size_t)star != s.len - 1)
		return err_set(c->e, "wildcard must be leftmost or rightmost character");
	if (count_of(s, '*') > 1)
		return err_set(c->e, "only one wildcard must be specified");
	return check_only_name(without_wildcards(s, c->arena), s, c);
}

bool format_route_host(struct slice s, struct check *c)
{
	struct host h;
	size_t stars = count_of(s, '*');
	if (stars > 1)
		return err_set(c->e, "invalid wildcard: must have at most one wildcard");
	if (stars == 1 && !slice_starts(s, S("*.")) && !slice_ends(s, S(".*")))
		return err_set(c->e, "invalid wildcard: must be placed at leftmost or rightmost label");
	return parse_host(without_wildcards(s, c->arena), &h) == HOST_OK || invalid_value(s, c);
}

bool format_upstream_name(struct slice s, struct check *c)
{
	struct host h;
	const char *why = NULL;
	if (parse_host(s, &h) != HOST_OK)
		why = "must be a valid hostname";
	else if (h.type != HOST_NAME)
		why = "no ip addresses allowed";
	else if (h.port >= 0)
		why = "no port allowed";
	return !why || err_set(c->e, "Invalid name ('%.*s'); %s", SLICE_ARG(s), why);
}

static bool is_network(struct slice s)
{
	unsigned char bytes[16];
	char text[64];
	int64_t bits = 0;
	ptrdiff_t slash = slice_find(s, '/');
	struct slice address = slash < 0 ? s : slice_of(s.ptr, (size_t)slash);

	if (address.len >= sizeof text)
		return false;
	memcpy(text, address.ptr, address.len);
	text[address.len] = '\0';
	bool v4 = inet_pton(AF_INET, text, bytes) == 1;
	if (!v4 && inet_pton(AF_INET6, text, bytes) != 1)
		return false;
	return slash < 0 ||
	       (slice_to_int(slice_from(s, (size_t)slash + 1), &bits) && bits >= 0 && bits <= (v4 ? 32 : 128));
}

bool format_ip(struct slice s, struct check *c)
{
	return (slice_find(s, '/') < 0 && is_network(s)) || err_set(c->e, "not an ip address: %.*s", SLICE_ARG(s));
}

bool format_ip_or_cidr(struct slice s, struct check *c)
{
	return is_network(s) || err_set(c->e, "invalid ip or cidr range: '%.*s'", SLICE_ARG(s));
}

/* All eight groups with all their digits, so that one address has one spelling. */
static struct slice full_v6(const struct in6_addr *v6, int port, struct arena *a)
{
	const uint8_t *b = v6->s6_addr;
	return arena_printf(a, "[%02x%02x:%02x%02x:%02x%02x:%02x%02x:%02x%02x:%02x%02x:%02x%02x:%02x%02x]:%d", b[0],
	        b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15], port);
}

bool format_target(struct slice s, struct check *c)
{
	enum { DEFAULT_PORT = 8000 };
	struct host h;

	if (parse_host(s, &h) != HOST_OK)
		return err_set(c->e, "Invalid target; not a valid hostname or ip address");
	int port = h.port < 0 ? DEFAULT_PORT : h.port;
	if (h.type == HOST_V6)
		*c->replacement = full_v6(&h.v6, port, c->arena);
	else
		*c->replacement = arena_printf(c->arena, "%.*s:%d", SLICE_ARG(h.name), port);
	return true;
}
