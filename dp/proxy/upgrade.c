/* upgrade: WebSocket and what else `upgrade_protocols` names (proxy.md 7.6; pitfalls.md B4 74 to 76, A5-6 to A5-8).
 *
 * The request goes upstream with our own Connection and Upgrade. Until a 101 has come, nothing is different: what the
 * client sends meanwhile waits in its buffer, any other answer is an answer like all. After it plugins see nothing
 * more; client and upstream are tied together, and each holds the other back when it takes bytes too slowly. */
#include "common/core/log.h"
#include "dp/proxy/request.h"

static bool is_listed(struct slice list, struct slice token)
{
	while (slice_is_set(list))
		if (slice_ieq(slice_trim(slice_cut(&list, ',')), token))
			return true;
	return false;
}

struct slice upgrade_wanted(const struct request *r)
{
	const struct head *in = r->x.request;
	struct slice token = head_get(in, HEADER_UPGRADE);

	if (!slice_is_set(token) || in->version != HTTP_1_1 || r->carrier != &carry_h1 || r->body.mode != BODY_NONE)
		return (struct slice){0};
	if (slice_ieq(token, S("websocket")))
		return S("websocket");
	bool ours = token.len && in->upgrade && is_listed(r->proxy->options->upgrade_protocols, token);
	return ours ? token : (struct slice){0};
}

/* ---- the tunnel ------------------------------------------------------------------------------------------------ */

static void on_piece(struct tunnel *t, struct slice piece, bool last)
{
	struct request *r = t->owner;
	stream_send(r->stream, piece, last);
	if (!last && !r->over && stream_queued(r->stream) > STREAM_HIGH_WATER)
		tunnel_pause(t, true);
}

static void on_drained(struct tunnel *t)
{
	struct request *r = t->owner;
	stream_read_body(r->stream, true);
}

static void on_fail(struct tunnel *t, bool idle)
{
	struct request *r = t->owner;
	struct stream *s = r->stream;
	log_info("tunnel broken", LOG_SLICE("request_id", r->x.request_id), LOG_STR("why", idle ? "idle" : "closed"));
	request_finish(r);
	stream_abort(s);
}

static const struct tunnel_ops tunnel_ops = {
        .on_piece = on_piece,
        .on_drained = on_drained,
        .on_fail = on_fail,
};

static uint32_t idle_ms(const struct request *r)
{
	const struct service *s = r->plan->service;
	uint32_t own = r->proxy->options->websocket_idle_ms;
	int64_t timeout = s->read_timeout > s->write_timeout ? s->read_timeout : s->write_timeout;
	return own ? own : (uint32_t)timeout;
}

void upgrade_take(struct request *r, struct conn *c)
{
	tunnel_start(&r->tunnel, c, idle_ms(r), &tunnel_ops, r);
	r->tunnel.paused = true; /* until the client has its 101 */
}

void upgrade_begin(struct request *r)
{
	stream_read_body(r->stream, true);
	if (!r->over)
		tunnel_pause(&r->tunnel, false);
}

void upgrade_on_piece(struct request *r, struct slice piece, bool last)
{
	tunnel_write(&r->tunnel, piece, last);
	if (!r->over && tunnel_queued(&r->tunnel) > STREAM_HIGH_WATER)
		stream_read_body(r->stream, false);
}
