/* listen_spec: the syntax of proxy_listen and its like (proxy.md 10.2); see listener.h. */
#include <stdio.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "common/net/listener.h"

/* Kong's own words: scripts look for them. */
#define USAGE                                                                                                        \
	"must be of form: [off] | <ip>:<port> [ssl] [http2] [proxy_protocol] [deferred] [bind] [reuseport] "         \
	"[backlog=%d+] [ipv6only=on] [ipv6only=off] [so_keepalive=on] [so_keepalive=off] [so_keepalive=%w*:%w*:%d*]" \
	", [... next entry ...]"

enum { BACKLOG = 16384 };

static bool usage(struct err *e, struct slice offending)
{
	return err_set(e, "%s (found '%.*s')", USAGE, SLICE_ARG(offending));
}

/* ---- address -------------------------------------------------------------------------------------------------- */

static bool parse_port(struct slice s, int *port)
{
	int64_t n;
	if (!slice_to_int(s, &n) || n < 0 || n > 65535 || s.ptr[0] == '-')
		return false;
	*port = (int)n;
	return true;
}

/* host: an address or a name, without brackets. */
static bool resolve(struct arena *a, struct slice host, bool v6, struct listen_spec *out, struct err *e)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | (v6 ? AI_NUMERICHOST : 0)};
	struct addrinfo *found = NULL;
	hints.ai_family = v6 ? AF_INET6 : AF_UNSPEC;
	int problem = getaddrinfo(arena_cstr(a, host), NULL, &hints, &found);
	if (problem)
		return err_set(e, "cannot resolve '%.*s': %s", SLICE_ARG(host), gai_strerror(problem));
	memcpy(&out->address, found->ai_addr, found->ai_addrlen);
	out->address_len = found->ai_addrlen;
	freeaddrinfo(found);
	if (out->address.ss_family == AF_INET6)
		((struct sockaddr_in6 *)&out->address)->sin6_port = htons((uint16_t)out->port);
	else
		((struct sockaddr_in *)&out->address)->sin_port = htons((uint16_t)out->port);
	return true;
}

static bool parse_address(struct arena *a, struct slice s, struct listen_spec *out, struct err *e)
{
	const char *colon = s.len ? memrchr(s.ptr, ':', s.len) : NULL;
	if (!colon || !parse_port(slice_from(s, (size_t)(colon + 1 - s.ptr)), &out->port))
		return usage(e, s);
	struct slice host = slice_of(s.ptr, (size_t)(colon - s.ptr));
	bool v6 = host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
	if (v6)
		host = slice_of(host.ptr + 1, host.len - 2);
	if (host.len == 0 || (!v6 && slice_find(host, ':') >= 0))
		return usage(e, s);
	out->text = arena_dup(a, s);
	return resolve(a, host, v6, out, e);
}

/* ---- flags ---------------------------------------------------------------------------------------------------- */

static bool take_prefix(struct slice *s, struct slice prefix)
{
	if (!slice_starts(*s, prefix))
		return false;
	*s = slice_from(*s, prefix.len);
	return true;
}

/* A number, with "m" or "h" as nginx has it for times; empty: the system's (0). */
static bool parse_keepalive_part(struct slice s, bool is_time, int *out)
{
	int64_t n = 0, unit = 1;
	*out = 0;
	if (s.len == 0)
		return true;
	char last = s.ptr[s.len - 1];
	if (is_time && (last == 's' || last == 'm' || last == 'h')) {
		unit = last == 'h' ? 3600 : last == 'm' ? 60 : 1;
		s.len--;
	}
	if (!slice_to_int(s, &n) || n < 0 || n > 32767)
		return false;
	*out = (int)(n * unit);
	return true;
}

static bool parse_keepalive(struct slice s, struct listen_spec *out)
{
	out->keepalive = !slice_eq(s, S("off"));
	if (slice_eq(s, S("on")) || slice_eq(s, S("off")))
		return true;
	struct slice idle = slice_cut(&s, ':'), interval = slice_is_set(s) ? slice_cut(&s, ':') : s;
	return slice_is_set(s) && slice_find(s, ':') < 0 &&
	       parse_keepalive_part(idle, true, &out->keepalive_idle_s) &&
	       parse_keepalive_part(interval, true, &out->keepalive_interval_s) &&
	       parse_keepalive_part(s, false, &out->keepalive_count);
}

static bool parse_backlog(struct slice s, struct listen_spec *out)
{
	int64_t n;
	if (!slice_to_int(s, &n) || n < 1 || n > INT32_MAX)
		return false;
	out->backlog = (int)n;
	return true;
}

static bool parse_flag(struct slice s, struct listen_spec *out)
{
	static const struct {
		struct slice name;
		size_t offset;
	} flags[] = {
	        {SLICE("ssl"), offsetof(struct listen_spec, ssl)},
	        {SLICE("http2"), offsetof(struct listen_spec, http2)},
	        {SLICE("proxy_protocol"), offsetof(struct listen_spec, proxy_protocol)},
	        {SLICE("deferred"), offsetof(struct listen_spec, deferred)},
	        {SLICE("reuseport"), offsetof(struct listen_spec, reuseport)},
	        {SLICE("udp"), offsetof(struct listen_spec, udp)},
	};
	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
		if (slice_eq(s, flags[i].name)) {
			*(bool *)((char *)out + flags[i].offset) = true;
			return true;
		}
	if (take_prefix(&s, S("backlog=")))
		return parse_backlog(s, out);
	if (take_prefix(&s, S("so_keepalive=")))
		return parse_keepalive(s, out);
	if (take_prefix(&s, S("ipv6only="))) {
		out->ipv6_dual = slice_eq(s, S("off"));
		return out->ipv6_dual || slice_eq(s, S("on"));
	}
	return slice_eq(s, S("bind")); /* as nginx: every address is bound anyway */
}

/* ---- the list ------------------------------------------------------------------------------------------------- */

/* Cuts the next word off; empty at the end. */
static struct slice next_word(struct slice *rest)
{
	*rest = slice_trim(*rest);
	size_t n = 0;
	while (n < rest->len && rest->ptr[n] != ' ' && rest->ptr[n] != '\t')
		n++;
	struct slice word = slice_of(rest->ptr, n);
	*rest = slice_from(*rest, n);
	return word;
}

static void set_public_port(struct listen_spec *s, int port)
{
	s->public_port = port;
	snprintf(s->public_text, sizeof s->public_text, "%d", port);
}

static bool parse_entry(struct arena *a, struct slice entry, struct listen_spec *out, struct err *e)
{
	struct slice word = next_word(&entry);
	*out = (struct listen_spec){.backlog = BACKLOG};
	if (!parse_address(a, word, out, e))
		return false;
	set_public_port(out, out->port);
	while ((word = next_word(&entry)).len > 0)
		if (!parse_flag(word, out))
			return usage(e, word);
	return true;
}

bool listen_parse(struct arena *a, struct slice value, struct listen_spec **out, size_t *n, struct err *e)
{
	size_t count = 1;
	for (size_t i = 0; i < value.len; i++)
		count += value.ptr[i] == ',';
	struct listen_spec *specs = arena_array(a, struct listen_spec, count);

	*out = specs;
	*n = 0;
	if (slice_trim(value).len == 0)
		return usage(e, value);
	for (struct slice rest = value; slice_is_set(rest);) {
		struct slice entry = slice_trim(slice_cut(&rest, ','));
		if (*n == 0 && slice_eq(entry, S("off")))
			return true;
		if (!parse_entry(a, entry, &specs[*n], e))
			return false;
		++*n;
	}
	bool http2 = false;
	for (size_t i = 0; i < *n; i++)
		http2 |= specs[i].http2;
	for (size_t i = 0; i < *n; i++)
		specs[i].serves_http2 = http2;
	return true;
}

static bool read_port(struct slice text, int64_t *port)
{
	return slice_to_int(slice_trim(text), port) && *port >= 1 && *port <= 65535;
}

bool listen_map_ports(struct listen_spec *specs, size_t n, struct slice port_maps, struct err *e)
{
	for (struct slice rest = port_maps; slice_is_set(rest);) {
		struct slice item = slice_trim(slice_cut(&rest, ',')), own = item;
		struct slice outer = slice_cut(&own, ':');
		int64_t from, to;
		if (item.len == 0)
			continue;
		if (!slice_is_set(own) || !read_port(outer, &from) || !read_port(own, &to))
			return err_set(
			        e, "port_maps: '%.*s' is not two ports, expected such as 80:8000", SLICE_ARG(item));
		for (size_t i = 0; i < n; i++)
			if (specs[i].port == to)
				set_public_port(&specs[i], (int)from);
	}
	return true;
}

bool is_loopback(const struct sockaddr *sa)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)sa;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)sa;
	if (sa->sa_family == AF_INET)
		return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
	if (sa->sa_family != AF_INET6)
		return sa->sa_family == AF_UNIX;
	return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr) ||
	       (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr) && v6->sin6_addr.s6_addr[12] == 127);
}
