/* h2_calm: clients that make work and want nothing (RFC 9113 10.5; pitfalls.md B6 126). Each gets so far and no
 * further, and then GOAWAY ENHANCE_YOUR_CALM:
 *
 * - rapid reset: streams that end in a reset, the client's or one that its malformed request provoked;
 * - PING, SETTINGS, PRIORITY, WINDOW_UPDATE, empty DATA: frames that move nothing live on credit, and frames that
 * move something earn it. No rate is measured: a busy connection may have as many as it has requests and data;
 * - CONTINUATION and HPACK bombs: h2_session.c counts the frames of a block, h2_head.c what they expand to. */
#include "common/core/log.h"
#include "common/serve/h2_private.h"

int h2_calm_end(struct h2_conn *h, const char *why)
{
	if (!h->deaf)
		log_info("an HTTP/2 client is told to calm down", LOG_STR("why", why),
		        LOG_INT("requests", h->base.conn->requests));
	h->deaf = true;
	nghttp2_session_terminate_session(h->session, NGHTTP2_ENHANCE_YOUR_CALM);
	return NGHTTP2_ERR_CALLBACK_FAILURE;
}

int h2_calm_reset(struct h2_conn *h)
{
	uint64_t now = timeouts_now();
	if (now - h->resets_since_ms >= H2_RESETS_MS) {
		h->resets_since_ms = now;
		h->resets = 0;
	}
	return ++h->resets > H2_RESETS ? h2_calm_end(h, "too many resets") : 0;
}

int h2_calm_idle(struct h2_conn *h)
{
	return --h->credit < 0 ? h2_calm_end(h, "too many frames that move nothing") : 0;
}

void h2_calm_useful(struct h2_conn *h, int frames)
{
	h->credit = h->credit + frames < H2_CREDIT ? h->credit + frames : H2_CREDIT;
}
