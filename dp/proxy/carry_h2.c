/* carry_h2: requests to gRPC upstreams, which speak HTTP/2: an h2_client each, on links that many share
 * (proxy.md 7.5). Bodies stream both ways as they come, trailers with them. */
#include "dp/proxy/request.h"

/* ---- connecting ------------------------------------------------------------------------------------------------ */

static void on_ready(struct h2_client *x)
{
	request_wake(x->owner);
}

static void on_head(struct h2_client *x, struct head *response, struct slice piece, bool last)
{
	struct request *r = x->owner;
	r->x.trailers = last ? x->trailers : NULL;
	attempt_answered(r, response, piece, last);
}

static void on_piece(struct h2_client *x, struct slice piece, bool last)
{
	struct request *r = x->owner;
	r->x.trailers = last ? x->trailers : NULL;
	answer_piece(r, piece, last);
}

static void on_drained(struct h2_client *x)
{
	body_on_upstream_drained(x->owner);
}

static void on_fail(struct h2_client *x, enum client_failure why)
{
	struct request *r = x->owner;
	r->try.why = x->why;
	r->try.heard = x->received_any;
	r->try.refused = x->refused;
	attempt_failed(r, why);
}

static const struct h2_client_ops ops = {
        .on_ready = on_ready,
        .on_head = on_head,
        .on_piece = on_piece,
        .on_drained = on_drained,
        .on_fail = on_fail,
};

static struct h2_link *open_link(struct request *r, struct party *party)
{
	const struct pool_limits *pool = &r->proxy->options->pool;
	struct h2_link_limits limits = {
	        .connect_timeout_ms = (uint32_t)r->plan->service->connect_timeout,
	        .idle_timeout_ms = pool->idle_timeout_ms,
	        .max_requests = pool->max_requests,
	        .keep_idle = pool->size > 0,
	        .ping_ms = r->proxy->options->ping_ms,
	};
	return links_open(&r->proxy->links, (struct sockaddr *)&r->address, r->address_len, r->party,
	        party ? party_connect(party) : NULL, &limits);
}

static struct h2_link *find_link(struct request *r, struct party *party)
{
	struct h2_link *link = NULL;
	if (!r->fresh_only && r->proxy->options->pool.size > 0)
		link = links_find(&r->proxy->links, (struct sockaddr *)&r->address, r->address_len, r->party);
	r->reused = link && h2_link_carried(link) > 0;
	if (r->reused)
		r->conn_since_ms = h2_link_since_ms(link);
	return link ? link : open_link(r, party);
}

static enum flow connect_h2(struct request *r)
{
	struct party *party;

	if (r->h2 && r->h2->link)
		return r->h2->ready ? FLOW_NEXT : FLOW_WAIT;
	if (!attempt_begin(r, &party))
		return FLOW_NEXT;
	struct h2_link *link = find_link(r, party);
	if (!link) {
		attempt_failed(r, CLIENT_CLOSED);
		return FLOW_NEXT;
	}
	r->h2 = arena_new(r->x.arena, struct h2_client);
	r->h2->limits = &r->proxy->options->response_limits;
	r->h2->read_timeout_ms = (uint32_t)r->plan->service->read_timeout;
	r->h2->write_timeout_ms = (uint32_t)r->plan->service->write_timeout;
	h2_client_start(r->h2, link, r->x.arena,
	        slice_is_set(r->x.upstream.method) ? r->x.upstream.method : r->x.request->method, &ops, r);
	return r->h2->ready ? FLOW_NEXT : FLOW_WAIT;
}

/* ---- sending --------------------------------------------------------------------------------------------------- */

static void send_head(struct request *r, struct head *out, struct slice body, bool whole)
{
	h2_client_send_head(r->h2, out, r->plan->destination->tls ? S("https") : S("http"),
	        whole ? body : slice_of(NULL, 0), whole);
}

static void send_piece(struct request *r, struct slice piece, bool last)
{
	h2_client_send(r->h2, piece, last, r->stream->trailers);
}

static bool is_open(const struct request *r)
{
	return r->h2 && r->h2->link;
}

static size_t queued(const struct request *r)
{
	return r->h2 ? h2_client_queued(r->h2) : 0;
}

static void pause_answer(struct request *r, bool paused)
{
	if (r->h2)
		h2_client_pause(r->h2, paused);
}

static void cancel(struct request *r)
{
	if (r->h2)
		h2_client_cancel(r->h2);
}

const struct carrier carry_h2 = {
        .via = "2",
        .connect = connect_h2,
        .send_head = send_head,
        .send_piece = send_piece,
        .is_open = is_open,
        .queued = queued,
        .pause = pause_answer,
        .cancel = cancel,
};
