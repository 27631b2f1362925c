/* trust: see trust.h. */
#include "dp/proxy/trust.h"

#include "common/core/log.h"

static bool add(struct trust *t, struct slice item, struct err *e)
{
	if (slice_eq(item, S("unix:"))) {
		t->unix_peers = true;
		return true;
	}
	if (ip_range_parse(item, &t->ranges[t->count])) {
		t->count++;
		return true;
	}
	return err_set(e, "trusted_ips: '%.*s' is no address and no range, expected such as 10.0.0.0/8, ::1 or unix:",
	        SLICE_ARG(item));
}

static void warn_of_everybody(const struct trust *t)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->ranges[i].bits == 0 || (ip_is_v4(&t->ranges[i].base) && t->ranges[i].bits == 96)) {
			log_warn("trusted_ips trusts everybody: any client can choose the address it is known by");
			return;
		}
}

bool trust_init(struct trust *t, struct arena *a, struct slice trusted_ips, struct slice header, bool recursive,
        struct err *e)
{
	size_t commas = 0;
	for (size_t i = 0; i < trusted_ips.len; i++)
		commas += trusted_ips.ptr[i] == ',';
	*t = (struct trust){.ranges = arena_array(a, struct ip_range, commas + 1), .recursive = recursive};
	if (slice_eq(header, S("proxy_protocol")))
		t->source = REAL_IP_PROXY_PROTOCOL;
	t->header = arena_dup(a, header);
	t->header_id = header_id_of(header);
	for (struct slice rest = trusted_ips; slice_is_set(rest);) {
		struct slice item = slice_trim(slice_cut(&rest, ','));
		if (item.len && !add(t, item, e))
			return false;
	}
	warn_of_everybody(t);
	return true;
}

static bool is_trusted(const struct trust *t, const struct ip *a)
{
	return ip_in_any(t->ranges, t->count, a);
}

bool trust_peer(const struct trust *t, const struct conn *c)
{
	struct ip peer;
	return t->count && ip_of_sockaddr(&c->peer.any, &peer) && is_trusted(t, &peer);
}

/* Cuts the last element off a list that commas and blanks separate. */
static struct slice cut_last(struct slice *list)
{
	size_t end = list->len, begin;
	while (end && (list->ptr[end - 1] == ',' || list->ptr[end - 1] == ' ' || list->ptr[end - 1] == '\t'))
		end--;
	for (begin = end; begin && list->ptr[begin - 1] != ',' && list->ptr[begin - 1] != ' '; begin--)
		;
	struct slice last = slice_of(list->ptr + begin, end - begin);
	list->len = begin;
	return last;
}

/* Walks one field from its right end. False: do not look further left, also not in fields before it. */
static bool walk(const struct trust *t, struct slice list, struct ip *out, int *port)
{
	while (list.len) {
		struct ip next;
		int next_port;
		struct slice item = cut_last(&list);
		if (item.len == 0)
			break;
		if (!ip_parse_port(item, &next, &next_port))
			return false;
		*out = next;
		*port = next_port;
		if (!t->recursive || !is_trusted(t, &next))
			return false;
	}
	return true;
}

static void from_header(const struct trust *t, const struct head *request, struct ip *out, int *port)
{
	for (uint32_t i = request->count; i-- > 0;) {
		const struct header *h = &request->headers[i];
		if (h->id != t->header_id || (h->id == HEADER_OTHER && !slice_ieq(h->name, t->header)))
			continue;
		if (!walk(t, h->value, out, port))
			return;
	}
}

static bool is_believed(const struct trust *t, const struct conn *c, bool has_address, const struct ip *peer)
{
	return has_address ? is_trusted(t, peer) : t->unix_peers;
}

static int port_of(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)sa)->sin_port);
	return sa->sa_family == AF_INET6 ? ntohs(((const struct sockaddr_in6 *)sa)->sin6_port) : 0;
}

bool trust_client(const struct trust *t, const struct conn *c, const struct head *request, struct ip *out, int *port)
{
	const struct sockaddr *peer = &c->peer.any;
	bool known = ip_of_sockaddr(peer, out);

	*port = port_of(peer);
	if ((t->count == 0 && !t->unix_peers) || !is_believed(t, c, known, out))
		return known;
	if (t->source == REAL_IP_PROXY_PROTOCOL) {
		if (!c->proxied || !c->proxied->has_address)
			return known;
		*out = c->proxied->source;
		*port = c->proxied->source_port;
		return true;
	}
	if (t->source == REAL_IP_HEADER) {
		struct ip before = *out;
		from_header(t, request, out, port);
		return known || memcmp(&before, out, sizeof before) != 0;
	}
	return known;
}
