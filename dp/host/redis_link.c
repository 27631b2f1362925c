/* redis_link: see redis_link.h. */
#include "dp/host/redis_link.h"

#include <stdlib.h>

/* WAITING_MAX: of commands that a server does not take; REPLY_MAX: of one answer; ELEMENTS_MAX: of an array in it;
 * KEPT_MAX: of the memory for commands that stays for the next ones. */
enum {
	WAITING_MAX = 32 * 1024 * 1024,
	REPLY_MAX = 64 * 1024 * 1024,
	ELEMENTS_MAX = 1024 * 1024,
	KEPT_MAX = 64 * 1024,
	RETIRE_MS = 100,
};

struct redis_asked {
	struct redis_asked *next;
	redis_reply_fn fn;
	void *arg;
};

struct redis_link {
	struct dial *dial;
	struct conn *conn; /* NULL: not yet open */
	redisReader *reader;
	struct redis_queue queue; /* bytes: what goes out at the end of this turn */
	size_t unread;            /* bytes of the answer that is coming in */
	struct dialer from;
	struct dial_to to;
	const struct redis_link_ops *ops;
	void *arg;
	bool is_over, is_flush_due, is_retired;
	struct timeout retirement;
	struct loop_deferred flush, opening, grave;
};

/* ---- queues ---------------------------------------------------------------------------------------------------- */

static void put_header(struct text *to, char sign, size_t n)
{
	text_putc(to, sign);
	text_put_int(to, (int64_t)n);
	text_put(to, S("\r\n"));
}

static void put_command(struct text *to, const struct slice *args, size_t n)
{
	put_header(to, '*', n);
	for (size_t i = 0; i < n; i++) {
		put_header(to, '$', args[i].len);
		text_put(to, args[i]);
		text_put(to, S("\r\n"));
	}
}

bool redis_queue_put(struct redis_queue *q, const struct slice *args, size_t n, redis_reply_fn fn, void *arg)
{
	if (q->bytes.len > WAITING_MAX)
		return false;
	struct redis_asked *one = malloc(sizeof *one);
	if (!one)
		abort();
	*one = (struct redis_asked){NULL, fn, arg};
	*(q->last ? &q->last->next : &q->first) = one;
	q->last = one;
	put_command(&q->bytes, args, n);
	return true;
}

static void answer_first(struct redis_queue *q, const redisReply *reply)
{
	struct redis_asked *one = q->first;
	q->first = one->next;
	if (!q->first)
		q->last = NULL;
	if (one->fn)
		one->fn(one->arg, reply);
	free(one);
}

void redis_queue_fail(struct redis_queue *q)
{
	struct redis_queue failed = *q;
	*q = (struct redis_queue){0};
	text_fini(&failed.bytes);
	while (failed.first)
		answer_first(&failed, NULL);
}

/* ---- answers --------------------------------------------------------------------------------------------------- */

static _Thread_local redisReplyObjectFunctions functions; /* hiredis' own, but for arrays */
static _Thread_local void *(*create_array)(const redisReadTask *, int);

/* hiredis would make room for whatever number the server names. NULL ends the connection. */
static void *create_bounded_array(const redisReadTask *task, int elements)
{
	return elements <= ELEMENTS_MAX ? create_array(task, elements) : NULL;
}

static redisReader *new_reader(void)
{
	redisReader *reader = redisReaderCreate();
	if (!reader)
		abort();
	create_array = reader->fn->createArray;
	functions = *reader->fn;
	functions.createArray = create_bounded_array;
	reader->fn = &functions;
	return reader;
}

static void free_link(void *arg)
{
	struct redis_link *k = arg;
	redisReaderFree(k->reader);
	free(k);
}

/* Ends once. The memory stays until the end of the turn: callers on the stack still look at it. */
static void end(struct redis_link *k, const char *why)
{
	if (k->is_over)
		return;
	k->is_over = true;
	timeout_clear(&k->retirement);
	dial_cancel(k->dial);
	if (k->conn)
		conn_close(k->conn);
	if (why && !k->is_retired)
		k->ops->on_over(k->arg, why);
	redis_queue_fail(&k->queue);
	loop_defer(k->from.loop, &k->grave, free_link, k);
}

static void take_reply(struct redis_link *k, redisReply *reply)
{
	k->unread = 0;
	if (k->queue.first)
		answer_first(&k->queue, reply);
	else
		end(k, "an answer that nobody had asked for");
	freeReplyObject(reply);
	if (k->is_retired && !k->queue.first)
		end(k, NULL);
}

static void take_bytes(struct redis_link *k, struct slice bytes)
{
	void *reply;

	k->unread += bytes.len;
	redisReaderFeed(k->reader, bytes.ptr, bytes.len);
	do {
		reply = NULL;
		if (redisReaderGetReply(k->reader, &reply) != REDIS_OK)
			end(k, k->reader->errstr);
		else if (reply)
			take_reply(k, reply);
	} while (reply && !k->is_over);
	if (k->unread > REPLY_MAX)
		end(k, "an answer that is too large");
}

static void on_readable(struct conn *c)
{
	struct redis_link *k = c->owner;
	enum io_result r = IO_OK;

	while (!k->is_over && (r = conn_read(c)) == IO_OK) {
		take_bytes(k, iobuf_slice(c->in));
		if (k->is_over)
			return;
		iobuf_consume(c->in, iobuf_slice(c->in).len);
		conn_release_input(c);
	}
	if (r == IO_EOF || r == IO_ERROR)
		end(k, "closed");
}

static void on_closed(struct conn *c)
{
	end(c->owner, "closed");
}

static void on_drained(struct conn *c)
{
}

static const struct conn_ops conn_ops = {
        .on_readable = on_readable,
        .on_drained = on_drained,
        .on_closed = on_closed,
        .on_timeout = on_closed,
};

/* ---- commands -------------------------------------------------------------------------------------------------- */

static void flush(void *arg)
{
	struct redis_link *k = arg;
	k->is_flush_due = false;
	if (k->is_over || k->queue.bytes.len == 0)
		return;
	if (!conn_write_slice(k->conn, text_slice(&k->queue.bytes))) {
		end(k, "closed");
		return;
	}
	if (k->queue.bytes.cap > KEPT_MAX)
		text_fini(&k->queue.bytes);
	else
		text_clear(&k->queue.bytes);
}

static void want_flush(struct redis_link *k)
{
	if (!k->conn || k->is_flush_due)
		return;
	k->is_flush_due = true;
	loop_defer(k->from.loop, &k->flush, flush, k);
}

bool redis_link_send(struct redis_link *k, const struct slice *args, size_t n, redis_reply_fn fn, void *arg)
{
	if (k->is_over || (k->conn && k->conn->queued > WAITING_MAX) || !redis_queue_put(&k->queue, args, n, fn, arg))
		return false;
	want_flush(k);
	return true;
}

void redis_link_send_all(struct redis_link *k, struct redis_queue *q)
{
	if (!q->first)
		return;
	*(k->queue.last ? &k->queue.last->next : &k->queue.first) = q->first;
	k->queue.last = q->last;
	text_put(&k->queue.bytes, text_slice(&q->bytes));
	text_fini(&q->bytes);
	*q = (struct redis_queue){0};
	want_flush(k);
}

bool redis_link_is_waited_for(const struct redis_link *k)
{
	return k->queue.first != NULL;
}

/* ---- opening and closing --------------------------------------------------------------------------------------- */

static void on_dialled(void *arg, struct conn *c, const char *why)
{
	struct redis_link *k = arg;
	k->dial = NULL;
	if (!c) {
		end(k, why);
		return;
	}
	k->conn = c;
	conn_adopt(c, &conn_ops, k);
	want_flush(k);
	k->ops->on_open(k->arg);
}

static void dial(void *arg)
{
	struct redis_link *k = arg;
	if (k->is_over)
		return;
	struct dial *d = dial_start(&k->from, &k->to, on_dialled, k);
	if (d)
		k->dial = d;
}

struct redis_link *redis_link_open(
        const struct dialer *from, const struct dial_to *to, const struct redis_link_ops *ops, void *arg)
{
	struct redis_link *k = calloc(1, sizeof *k);
	if (!k)
		abort();
	*k = (struct redis_link){.from = *from, .to = *to, .reader = new_reader(), .ops = ops, .arg = arg};
	loop_defer(from->loop, &k->opening, dial, k);
	return k;
}

void redis_link_close(struct redis_link *k)
{
	if (k)
		end(k, NULL);
}

static void on_retired(void *arg)
{
	end(arg, NULL);
}

void redis_link_retire(struct redis_link *k)
{
	k->is_retired = true;
	if (k->queue.first)
		timeout_set(&k->from.loop->timeouts, &k->retirement, RETIRE_MS, on_retired, k);
	else
		end(k, NULL);
}
