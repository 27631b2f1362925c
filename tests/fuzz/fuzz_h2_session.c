/* A client's bytes on an HTTP/2 connection: whatever they are, every request that a handler is given can be written
 * as HTTP/1, each stream ends once, and nothing is left over.
 *
 * The input: a byte that says how it is cut into reads (the first few of them) and how the handler answers, then what
 * follows the preface. */
#include <nghttp2/nghttp2.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/http/h1_scan.h"
#include "common/http/h1_write.h"
#include "common/serve/server_private.h"

#define REQUIRE(condition)        \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

enum { PIECES = 6 };

static struct loop *loop;
static struct server server;
static unsigned style, open_streams;
static struct stream *later[8];

/* What is written must be read as the same request. */
static void check_request(struct stream *s)
{
	struct head again, *h = &s->request;
	struct h1_limits limits = {.line = 1 << 16, .block = 1 << 20, .fields = 2000};
	struct h1_error err;
	size_t used = 0;
	struct head out = *h;

	REQUIRE(h1_is_token(h->method) && h->target.len && h->target.ptr[0] == '/');
	REQUIRE(head_find(h, HEADER_HOST) && !head_find(h, HEADER_TRANSFER_ENCODING) &&
	        !head_find(h, HEADER_CONNECTION) && !head_find(h, HEADER_UPGRADE));
	char *bytes = malloc(h1_write_bound(h));
	size_t n = h1_write_request(bytes, &out, S("keep-alive"));
	head_init(&again, &s->arena);
	REQUIRE(h1_parse_request(bytes, n, &limits, &again, &used, &err) == H1_DONE && used == n);
	REQUIRE(slice_eq(again.method, h->method) && again.content_length == h->content_length &&
	        again.chunked == h->chunked);
	free(bytes);
}

static void answer(struct stream *s, bool whole)
{
	struct head h;
	head_init(&h, &s->arena);
	h.status = 200;
	h.chunked = !whole;
	stream_respond(s, &h, S("hello"), whole);
}

static void on_request(struct stream *s)
{
	check_request(s);
	open_streams++;
	switch (style & 3) {
	case 0: answer(s, true); break;
	case 1: stream_read_body(s, true); break;
	case 2: later[open_streams % 8] = s; break;
	case 3:
		answer(s, false);
		stream_read_body(s, true);
		break;
	}
}

static void on_bad_request(struct stream *s, const struct h1_error *why)
{
	REQUIRE(why->status >= 400 && why->why);
	if (s->responded)
		stream_abort(s);
	else
		answer(s, true);
}

static void on_body(struct stream *s, struct slice piece, bool last)
{
	if (s->responded)
		stream_send(s, piece, last);
	else if (last)
		answer(s, true);
	if (!last && stream_queued(s) > STREAM_HIGH_WATER)
		stream_read_body(s, false);
}

static void on_drained(struct stream *s)
{
	stream_read_body(s, true);
}

static void forget(struct stream *s)
{
	for (size_t i = 0; i < 8; i++)
		if (later[i] == s)
			later[i] = NULL;
}

static void on_done(struct stream *s)
{
	REQUIRE(s->responded && s->finished);
	forget(s);
}

static void on_abort(struct stream *s, enum stream_abort why)
{
	forget(s);
}

static const struct stream_ops ops = {.on_request = on_request,
        .on_bad_request = on_bad_request,
        .on_body = on_body,
        .on_drained = on_drained,
        .on_done = on_done,
        .on_abort = on_abort};

static void turn(int client)
{
	static char buffer[64 * 1024];
	for (int i = 0; i < 2; i++) {
		loop_turn(loop);
		while (!(style & 64) && recv(client, buffer, sizeof buffer, MSG_DONTWAIT) == sizeof buffer)
			;
	}
}

/* A server is made anew when the input says so; else what it has kept for reuse is used again. */
static void set_up(void)
{
	struct err e;
	if (!loop && !(loop = loop_new(&e)))
		abort();
	if (server.loop)
		return;
	server_init(&server, loop, &ops, NULL);
	server.limits = (struct h1_limits){.line = 300, .block = 1000, .fields = 20};
	server.max_streams = 8;
	server.max_body = 2000;
	server.stream_size = 8;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct listen_spec listener = {.serves_http2 = true};
	int fds[2];

	if (size < 2)
		return 0;
	set_up();
	style = data[0];
	size_t cut = style & 32 ? 1 + (size_t)data[1] : size;
	open_streams = 0;
	memset(later, 0, sizeof later);
	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
	server_accept(&server, &listener, fds[1], NULL);
	REQUIRE(send(fds[0], NGHTTP2_CLIENT_MAGIC, 24, 0) == 24);
	size_t pieces = 0;
	for (size_t at = 2, n; at < size; at += n) {
		n = size - at < cut || pieces++ == PIECES ? size - at : cut;
		if (send(fds[0], data + at, n, MSG_NOSIGNAL) < 0)
			break;
		turn(fds[0]);
		for (size_t i = 0; i < 8; i++)
			if (later[i] && (style & 16))
				answer(later[i], true);
	}
	turn(fds[0]);
	close(fds[0]);
	style |= 64;
	turn(fds[0]);
	turn(fds[0]);
	if (style & 128) {
		server_close(&server);
		server.loop = NULL;
	}
	REQUIRE(server.stats.active == 0 && loop->buffers.lent == 0);
	return 0;
}
