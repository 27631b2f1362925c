/* addresses: see addresses.h. */
#include "dp/addresses.h"

static bool refuse(const struct listen_spec *spec, const char *flag, struct err *e)
{
	return err_set(e, "'%.*s' has the flag %s, which is not for it", SLICE_ARG(spec->text), flag);
}

/* Flags that mean something elsewhere only (10.2). */
static bool check_flags(const struct listen_spec *spec, bool is_stream, struct err *e)
{
	if (!is_stream)
		return !spec->udp || refuse(spec, "udp", e);
	if (spec->http2 || spec->deferred)
		return refuse(spec, spec->http2 ? "http2" : "deferred", e);
	if (spec->udp && (spec->ssl || spec->proxy_protocol))
		return refuse(spec, spec->ssl ? "ssl beside udp" : "proxy_protocol beside udp", e);
	return true;
}

static bool check(struct addresses *out, const struct listen_spec *spec, bool is_stream, struct err *e)
{
	out->any_ssl |= spec->ssl;
	/* with reuseport data planes may share a port; a datagram socket is asked when it is bound */
	return check_flags(spec, is_stream, e) && (spec->reuseport || spec->udp || listener_is_free(spec, e));
}

static bool read_list(struct addresses *out, struct arena *a, const struct settings *s, bool is_stream, struct err *e)
{
	struct listen_spec *all;
	size_t n;

	if (!listen_parse(a, is_stream ? s->stream_listen : s->proxy_listen, &all, &n, e))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!check(out, &all[i], is_stream, e))
			return false;
	*(is_stream ? &out->streams : &out->http) = all;
	*(is_stream ? &out->streams_count : &out->http_count) = n;
	return listen_map_ports(all, n, s->port_maps, e);
}

bool addresses_read(struct addresses *out, struct arena *a, const struct settings *s, struct err *e)
{
	*out = (struct addresses){0};
	return (read_list(out, a, s, false, e) || err_prefix(e, "proxy_listen")) &&
	       (read_list(out, a, s, true, e) || err_prefix(e, "stream_listen"));
}
