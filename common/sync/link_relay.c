/* link_relay: copies between two connections in both directions.
 *
 * Back-pressure: while one side has LINK_QUEUE_MAX bytes waiting to be sent the other is not read; the kernel's
 * buffers fill, and the sender slows down (or, being a PUB socket, drops). Fairness: a side that always has more to
 * say is read a limited number of times per turn. A relay that ends stays in memory until its owner frees it later,
 * so `ended` may be looked at after any call. */
#include "common/sync/link_private.h"

static struct conn *other(const struct relay *r, const struct conn *c)
{
	return c == r->far ? r->near : r->far;
}

void relay_stop(struct relay *r)
{
	if (r->ended)
		return;
	r->ended = true;
	timeout_clear(&r->turn[0]);
	timeout_clear(&r->turn[1]);
	conn_close(r->far);
	conn_close(r->near);
	r->far = r->near = NULL;
}

static void end(struct relay *r)
{
	if (r->ended)
		return;
	relay_stop(r);
	r->ops->on_end(r);
}

/* Passes what was read from c on; false: the relay has to end. */
static bool forward(struct relay *r, struct conn *c)
{
	bool ok, from_far = c == r->far;
	struct slice bytes = iobuf_slice(c->in);
	if (from_far && r->ops->filter)
		ok = r->ops->filter(r, bytes);
	else
		ok = conn_write_slice(other(r, c), bytes);
	if (!ok)
		return false;
	iobuf_consume(c->in, bytes.len);
	conn_release_input(c);
	if (from_far && r->ops->on_traffic)
		r->ops->on_traffic(r);
	return true;
}

/* Reads once and passes on; true: there may be more. */
static bool copy_once(struct relay *r, struct conn *c)
{
	enum io_result got = conn_read(c);
	if (c->in && !forward(r, c)) {
		end(r);
		return false;
	}
	if (got != IO_OK && got != IO_AGAIN)
		end(r);
	return got == IO_OK;
}

static void next_turn(void *arg);

/* Copies from c until there is nothing left to read, the other side is full, or others want their turn. */
static void pump(struct relay *r, struct conn *c)
{
	int reads = c == r->far && r->ops->filter ? LINK_READS_FILTERED : LINK_READS;
	while (other(r, c)->queued < LINK_QUEUE_MAX) {
		if (reads-- == 0) {
			timeout_set(&c->loop->timeouts, &r->turn[c == r->near], LINK_TURN_MS, next_turn, c);
			return;
		}
		if (!copy_once(r, c))
			return;
	}
}

static void next_turn(void *arg)
{
	struct conn *c = arg;
	pump(c->owner, c);
}

static void on_readable(struct conn *c)
{
	pump(c->owner, c);
}

/* c has sent all that was waiting: its other side may be read again. */
static void on_drained(struct conn *c)
{
	struct relay *r = c->owner;
	pump(r, other(r, c));
}

static void on_closed(struct conn *c)
{
	end(c->owner);
}

static void on_timeout(struct conn *c)
{
	struct relay *r = c->owner;
	if (r->ops->on_stalled)
		r->ops->on_stalled(r);
	end(r);
}

static const struct conn_ops relay_conn_ops = {
        .on_readable = on_readable, .on_drained = on_drained, .on_closed = on_closed, .on_timeout = on_timeout};

void relay_start(struct relay *r, struct conn *far, struct conn *near, const struct relay_ops *ops)
{
	*r = (struct relay){.far = far, .near = near, .ops = ops};
	conn_adopt(far, &relay_conn_ops, r);
	conn_adopt(near, &relay_conn_ops, r);
	if (far->in && !forward(r, far)) { /* what its former owner has read */
		end(r);
		return;
	}
	pump(r, far);
	if (!r->ended)
		pump(r, near);
}
