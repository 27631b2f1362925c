/* carry_h1: requests to upstreams that speak HTTP/1.1: a connection of their own each, from the pool or new, and an
 * h1_client on it. */
#include <errno.h>

#include "common/http/h1_write.h"
#include "dp/proxy/request.h"

/* ---- connecting ------------------------------------------------------------------------------------------------ */

static bool take_pooled(struct request *r)
{
	r->reused = false;
	if (r->fresh_only)
		return false;
	r->conn = pool_take(&r->proxy->pool, (struct sockaddr *)&r->address, r->address_len, r->party);
	r->reused = r->conn != NULL;
	if (r->reused)
		r->conn_since_ms = r->conn->since_ms;
	return r->reused;
}

static void on_connected(struct conn *c, int error)
{
	struct request *r = c->owner;
	r->connecting = NULL;
	if (error) {
		r->try.why = party_problem(c->tls);
		conn_close(c);
		attempt_failed(r, CLIENT_CLOSED);
		return;
	}
	r->conn = c;
	request_wake(r);
}

static void on_connect_closed(struct conn *c)
{
	on_connected(c, ECONNRESET);
}

static void on_connect_timeout(struct conn *c)
{
	struct request *r = c->owner;
	r->connecting = NULL;
	conn_close(c);
	attempt_failed(r, CLIENT_TIMEOUT);
}

static const struct conn_ops connect_ops = {
        .on_connected = on_connected,
        .on_readable = on_connect_closed,
        .on_drained = on_connect_closed,
        .on_closed = on_connect_closed,
        .on_timeout = on_connect_timeout,
};

static enum flow connect_h1(struct request *r)
{
	struct party *party;

	if (r->conn)
		return FLOW_NEXT;
	if (r->connecting)
		return FLOW_WAIT;
	if (!attempt_begin(r, &party) || take_pooled(r))
		return FLOW_NEXT;
	r->connecting = conn_connect(r->proxy->loop, (struct sockaddr *)&r->address, r->address_len,
	        party ? party_connect(party) : NULL, &connect_ops, r);
	if (!r->connecting) {
		attempt_failed(r, CLIENT_CLOSED);
		return FLOW_NEXT;
	}
	conn_set_timeout(r->connecting, (uint32_t)r->plan->service->connect_timeout);
	return FLOW_WAIT;
}

/* ---- the client's callbacks ------------------------------------------------------------------------------------ */

static void on_reusable(struct h1_client *x, struct conn *c)
{
	struct request *r = x->owner;
	pool_give(&r->proxy->pool, c, (struct sockaddr *)&r->address, r->address_len, r->party);
}

static void on_head(struct h1_client *x, struct head *response, struct slice piece, bool last)
{
	attempt_answered(x->owner, response, piece, last);
}

static void on_piece(struct h1_client *x, struct slice piece, bool last)
{
	answer_piece(x->owner, piece, last);
}

static void on_upgrade(struct h1_client *x, struct head *response, struct conn *c)
{
	struct request *r = x->owner;
	upgrade_take(r, c);
	answer_begin(r, response, S(""), false);
}

static void on_client_drained(struct h1_client *x)
{
	body_on_upstream_drained(x->owner);
}

static void on_fail(struct h1_client *x, enum client_failure why)
{
	struct request *r = x->owner;
	r->try.why = x->why;
	r->try.heard = x->received_any;
	attempt_failed(r, why);
}

static const struct h1_client_ops client_ops = {
        .on_reusable = on_reusable,
        .on_head = on_head,
        .on_piece = on_piece,
        .on_upgrade = on_upgrade,
        .on_drained = on_client_drained,
        .on_fail = on_fail,
};

/* ---- sending --------------------------------------------------------------------------------------------------- */

static void send_head(struct request *r, struct head *out, struct slice body, bool whole)
{
	struct conn *c = r->conn;
	r->conn = NULL;
	r->client.limits = &r->proxy->options->response_limits;
	r->client.read_timeout_ms = (uint32_t)r->plan->service->read_timeout;
	r->client.write_timeout_ms = (uint32_t)r->plan->service->write_timeout;
	h1_client_start(&r->client, c, r->x.arena, out->method, &client_ops, r);
	c->requests++;
	bool upgrades = slice_is_set(r->upgrade);
	r->client.upgrade = upgrades;
	char *bytes = arena_alloc(r->x.arena, h1_write_bound(out));
	struct iovec parts[2] = {
	        {bytes, h1_write_request(
	                        bytes, out, upgrades ? r->proxy->options->upgrade_connection : S("keep-alive"))},
	        {(void *)body.ptr, body.len},
	};
	h1_client_write(&r->client, parts, whole && body.len ? 2 : 1, whole);
}

static void send_piece(struct request *r, struct slice piece, bool last)
{
	char size[24];
	struct iovec parts[3];
	int n = 0;

	if (r->body.chunked && piece.len) {
		parts[n++] = (struct iovec){size, h1_chunk_head(size, piece.len)};
		parts[n++] = (struct iovec){(void *)piece.ptr, piece.len};
		parts[n++] = (struct iovec){"\r\n0\r\n\r\n", last ? 7 : 2};
	} else if (r->body.chunked && last) {
		parts[n++] = (struct iovec){"0\r\n\r\n", 5};
	} else {
		parts[n++] = (struct iovec){(void *)piece.ptr, piece.len};
	}
	h1_client_write(&r->client, parts, n, last);
}

static bool is_open(const struct request *r)
{
	return r->client.conn != NULL;
}

static size_t queued(const struct request *r)
{
	return h1_client_queued(&r->client);
}

static void pause_answer(struct request *r, bool paused)
{
	h1_client_pause(&r->client, paused);
}

static void cancel(struct request *r)
{
	if (r->connecting)
		conn_close(r->connecting);
	r->connecting = NULL;
	if (r->conn)
		conn_close(r->conn);
	r->conn = NULL;
	h1_client_cancel(&r->client);
	tunnel_cancel(&r->tunnel);
}

const struct carrier carry_h1 = {
        .via = "1.1",
        .connect = connect_h1,
        .send_head = send_head,
        .send_piece = send_piece,
        .is_open = is_open,
        .queued = queued,
        .pause = pause_answer,
        .cancel = cancel,
};
