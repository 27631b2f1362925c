/* answer: the upstream's response on its way to the client (proxy.md 4.1, 4.3). A new head is built from data;
 * framing is ours. */
#include "dp/proxy/request.h"

#include <stdio.h>

#include "dp/proxy/respond.h"

static struct slice milliseconds(struct arena *a, uint64_t from_ns, uint64_t to_ns)
{
	return arena_decimal(a, to_ns > from_ns ? (int64_t)((to_ns - from_ns) / 1000000) : 0);
}

/* Media types that get a charset when they name none. */
static bool wants_charset(struct slice type)
{
	static const struct slice types[] = {SLICE("text/html"), SLICE("text/xml"), SLICE("text/plain"),
	        SLICE("text/vnd.wap.wml"), SLICE("application/javascript"), SLICE("application/rss+xml")};
	if (type.len < 8 || (type.ptr[0] != 't' && type.ptr[0] != 'a'))
		return false;
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (slice_ieq(type, types[i]))
			return true;
	return false;
}

static bool starts_ieq(struct slice s, struct slice prefix)
{
	return s.len >= prefix.len && slice_ieq(slice_of(s.ptr, prefix.len), prefix);
}

/* Fields of the upstream that do not reach the client. */
static bool is_dropped(const struct request *r, const struct head *up, const struct header *h)
{
	switch (h->id) {
	case HEADER_CONNECTION:
	case HEADER_KEEP_ALIVE:
	case HEADER_TRANSFER_ENCODING:
	case HEADER_CONTENT_LENGTH:
	case HEADER_TRAILER:
	case HEADER_X_ACCEL_BUFFERING: return true;
	case HEADER_UPGRADE: return !slice_is_set(r->upgrade) || !slice_ieq(h->value, r->upgrade);
	case HEADER_OTHER:
		if (starts_ieq(h->name, S("X-Accel-")) || slice_ieq(h->name, S("X-Pad")))
			return true;
		break;
	default: break;
	}
	return up->has_connection_options && !forward_is_protected(h) &&
	       head_has_token(up, HEADER_CONNECTION, h->name);
}

static void copy_fields(struct request *r, const struct head *up, struct head *out)
{
	const struct proxy_options *o = r->proxy->options;
	bool has_server = false;
	struct slice via = {0};

	for (uint32_t i = 0; i < up->count; i++) {
		const struct header *h = &up->headers[i];
		if (is_dropped(r, up, h))
			continue;
		if (h->id == HEADER_VIA && o->show_via) {
			via = slice_is_set(via) ? ARENA_JOIN(r->x.arena, via, S(", "), h->value) : h->value;
			continue;
		}
		if (h->id == HEADER_X_KONG_REQUEST_ID && o->show_request_id)
			continue;
		has_server |= h->id == HEADER_SERVER;
		struct header *copy = head_copy(out, h);
		if (h->id == HEADER_CONTENT_TYPE && slice_is_set(o->charset) && wants_charset(h->value))
			copy->value = ARENA_JOIN(r->x.arena, h->value, o->charset);
	}
	if (!has_server && o->show_server)
		head_add_id(out, HEADER_SERVER, o->server_token);
	if (o->show_via)
		head_add_id(
		        out, HEADER_VIA, slice_is_set(via) ? ARENA_JOIN(r->x.arena, via, S(", "), o->via) : o->via);
}

/* What plugins set, over what is there. */
static void add_set_by_plugins(struct request *r, struct head *out)
{
	for (uint32_t i = 0; i < r->x.added.count; i++)
		head_set(out, r->x.added.headers[i].name, r->x.added.headers[i].value);
}

/* An upstream that is a gateway itself sends such fields too: ours take their place. */
void answer_add_own_headers(struct request *r, struct head *out)
{
	const struct proxy_options *o = r->proxy->options;
	struct arena *a = r->x.arena;
	uint64_t started_ns = r->stream->started_ns;

	add_set_by_plugins(r, out);
	if (r->proxied) {
		if (o->show_upstream_latency)
			head_set(out, S("X-Kong-Upstream-Latency"), milliseconds(a, r->picked_ns, r->answered_ns));
		if (o->show_proxy_latency)
			head_set(out, S("X-Kong-Proxy-Latency"), milliseconds(a, started_ns, r->picked_ns));
	} else if (o->show_response_latency) {
		head_set(out, S("X-Kong-Response-Latency"), milliseconds(a, started_ns, clock_mono_ns()));
	}
	if (o->show_upstream_status && r->upstream_status)
		head_set(out, S("X-Kong-Upstream-Status"), arena_printf(a, "%d", r->upstream_status));
	if (o->show_request_id)
		head_add_id(out, HEADER_X_KONG_REQUEST_ID, r->x.request_id);
}

/* How the body is framed for the client: as the upstream did, unless plugins may change its length. */
static void set_framing(struct request *r, const struct head *up, struct head *out)
{
	enum h1_body body = h1_response_body(up, r->x.request->method);
	out->content_length = up->content_length;
	out->chunked = false;
	if (body == H1_BODY_NONE)
		return;
	if (body != H1_BODY_LENGTH || chain_has_response_body(r)) {
		out->content_length = -1;
		out->chunked = true;
	}
}

/* The client takes bytes slower than the upstream sends them: stop reading until on_drained. */
static void hold_back(struct request *r, bool last)
{
	if (!last && !r->over && stream_queued(r->stream) > STREAM_HIGH_WATER)
		h1_client_pause(&r->client, true);
}

void answer_begin(struct request *r, struct head *up, struct slice piece, bool last)
{
	struct head out;
	r->answered_ns = clock_mono_ns();
	r->upstream_status = up->status;
	head_init(&out, r->x.arena);
	out.status = up->status;
	out.reason = up->reason;
	copy_fields(r, up, &out);
	set_framing(r, up, &out);
	r->x.response = &out;
	chain_response_head(r);
	answer_add_own_headers(r, &out);
	if (chain_has_response_body(r))
		piece = chain_response_body(r, piece, last);
	r->x.response = NULL;
	stream_respond(r->stream, &out, piece, last);
	if (out.status == 101)
		upgrade_begin(r);
	hold_back(r, last);
}

void answer_piece(struct request *r, struct slice piece, bool last)
{
	if (chain_has_response_body(r))
		piece = chain_response_body(r, piece, last);
	stream_send(r->stream, piece, last);
	hold_back(r, last);
}
