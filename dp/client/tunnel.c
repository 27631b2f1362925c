/* tunnel: see tunnel.h. */
#include "dp/client/tunnel.h"

enum { READS_PER_TURN = 16 }; /* then other connections get their turn */

void tunnel_cancel(struct tunnel *t)
{
	struct conn *c = t->conn;
	t->conn = NULL;
	if (c)
		conn_close(c);
}

static void fail(struct tunnel *t, bool idle)
{
	tunnel_cancel(t);
	t->ops->on_fail(t, idle);
}

/* One deadline for both directions; it is moved when it fires, not with every byte. */
static void arm(struct tunnel *t)
{
	t->moved = t->conn->bytes_in + t->conn->bytes_out;
	conn_set_timeout(t->conn, t->idle_ms);
}

static void end_if_over(struct tunnel *t)
{
	if (!t->conn || !t->in_ended || !t->out_ended || t->conn->queued)
		return;
	tunnel_cancel(t);
	if (t->ops->on_over)
		t->ops->on_over(t);
}

/* Passes on what has been read. False: the tunnel is over or paused. */
static bool pass_on(struct tunnel *t)
{
	struct conn *c = t->conn;
	if (c->in && !t->paused) {
		struct slice piece = iobuf_slice(c->in);
		if (piece.len)
			t->ops->on_piece(t, piece, false);
		if (t->conn != c)
			return false;
		iobuf_consume(c->in, piece.len);
	}
	return !t->paused;
}

static void at_eof(struct tunnel *t)
{
	t->in_ended = true;
	conn_release_input(t->conn);
	t->ops->on_piece(t, slice_of("", 0), true);
	end_if_over(t);
}

void tunnel_run(struct tunnel *t)
{
	struct conn *c = t->conn;
	for (int reads = 0; c && t->conn == c && !t->in_ended; reads++) {
		if (!pass_on(t))
			return;
		if (reads == READS_PER_TURN) {
			conn_wake(c);
			return;
		}
		switch (conn_read(c)) {
		case IO_OK: break;
		case IO_AGAIN: conn_release_input(c); return;
		case IO_EOF: at_eof(t); return;
		case IO_ERROR: fail(t, false); return;
		}
	}
}

static void on_readable(struct conn *c)
{
	struct tunnel *t = c->owner;
	if (!t->paused)
		tunnel_run(t);
}

static void on_drained(struct conn *c)
{
	struct tunnel *t = c->owner;
	t->ops->on_drained(t);
	end_if_over(t);
}

static void on_closed(struct conn *c)
{
	fail(c->owner, false);
}

static void on_timeout(struct conn *c)
{
	struct tunnel *t = c->owner;
	if (c->bytes_in + c->bytes_out != t->moved)
		arm(t);
	else
		fail(t, true);
}

static const struct conn_ops conn_ops = {
        .on_readable = on_readable,
        .on_drained = on_drained,
        .on_closed = on_closed,
        .on_timeout = on_timeout,
};

void tunnel_start(struct tunnel *t, struct conn *c, uint32_t idle_ms, const struct tunnel_ops *ops, void *owner)
{
	*t = (struct tunnel){.conn = c, .ops = ops, .owner = owner, .idle_ms = idle_ms};
	conn_adopt(c, &conn_ops, t);
	arm(t);
}

void tunnel_write(struct tunnel *t, struct slice piece, bool last)
{
	struct conn *c = t->conn;
	if (!c)
		return;
	if (piece.len && !conn_write_slice(c, piece)) {
		fail(t, false);
		return;
	}
	if (!last || t->out_ended)
		return;
	t->out_ended = true;
	conn_shutdown(c);
	end_if_over(t);
}

void tunnel_pause(struct tunnel *t, bool paused)
{
	if (t->paused == paused)
		return;
	t->paused = paused;
	if (t->conn && !paused)
		tunnel_run(t);
}
