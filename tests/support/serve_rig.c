/* serve_rig: see serve_rig.h. */
#include "tests/support/serve_rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TURNS = 6, BIG = 1024 * 1024, PIECE = 16 * 1024 };

struct rig_stream {
	struct text body;
	size_t big_sent;
};

static struct rig *rig_of(struct stream *s)
{
	return s->server->context;
}

/* ---- the handler ---------------------------------------------------------------------------------------------- */

static void tell(struct rig *r, const char *format, ...)
{
	va_list ap;
	if (r->events.len)
		text_putc(&r->events, ' ');
	va_start(ap, format);
	text_vprintf(&r->events, format, ap);
	va_end(ap);
}

static bool is_path(struct stream *s, const char *path)
{
	return slice_eq(s->request.target, slice_cstr(path));
}

static void answer(struct stream *s, int status, struct slice body)
{
	struct head h;
	head_init(&h, &s->arena);
	h.status = status;
	h.content_length = (int64_t)body.len;
	stream_respond(s, &h, body, true);
}

static void begin_chunked(struct stream *s)
{
	struct head h;
	head_init(&h, &s->arena);
	h.status = 200;
	h.chunked = true;
	stream_respond(s, &h, slice_of("", 0), false);
}

static void measure(struct stream *s)
{
	struct rig *r = rig_of(s);
	if (stream_queued(s) > r->queued_most)
		r->queued_most = stream_queued(s);
}

static void send_big(struct stream *s)
{
	struct rig_stream *rs = s->data;
	static char piece[PIECE];
	memset(piece, 'b', sizeof piece);
	while (rs->big_sent < BIG && stream_queued(s) <= STREAM_HIGH_WATER) {
		rs->big_sent += sizeof piece;
		bool last = rs->big_sent == BIG;
		if (!last) {
			stream_send(s, slice_of(piece, sizeof piece), false);
			measure(s);
		} else {
			stream_send(s, slice_of(piece, sizeof piece), true);
			return;
		}
	}
}

static void begin_tunnel(struct stream *s)
{
	struct head h;
	head_init(&h, &s->arena);
	h.status = 101;
	head_add_id(&h, HEADER_UPGRADE, S("echo"));
	stream_respond(s, &h, slice_of("", 0), false);
	stream_read_body(s, true);
}

static void free_body(void *arg)
{
	struct rig_stream *rs = arg;
	text_fini(&rs->body);
}

static void on_request(struct stream *s)
{
	struct rig *r = rig_of(s);
	arena_defer(&s->arena, free_body, s->data);
	tell(r, "request:%.*s", SLICE_ARG(s->request.target));
	if (is_path(s, "/later") || is_path(s, "/open")) {
		r->later = s;
		if (is_path(s, "/open"))
			begin_chunked(s);
		if (r->keep_reading)
			stream_read_body(s, true);
	} else if (is_path(s, "/echo"))
		stream_read_body(s, true);
	else if (is_path(s, "/stream") || is_path(s, "/trailers")) {
		begin_chunked(s);
		stream_read_body(s, true);
	} else if (is_path(s, "/big")) {
		begin_chunked(s);
		send_big(s);
	} else if (is_path(s, "/tunnel"))
		begin_tunnel(s);
	else
		answer(s, is_path(s, "/hello") || is_path(s, "/early") ? 200 : 404, S("hello"));
}

static void on_bad_request(struct stream *s, const struct h1_error *why)
{
	tell(rig_of(s), "bad:%d", why->status);
	answer(s, why->status, S("refused"));
}

/* Sends the request's trailers back. */
static void return_trailers(struct stream *s, struct slice piece, bool last)
{
	stream_send(s, piece, false);
	if (last && s->trailers)
		stream_send_trailers(s, s->trailers);
	else if (last)
		stream_send(s, S(""), true);
}

static void on_body(struct stream *s, struct slice piece, bool last)
{
	struct rig *r = rig_of(s);
	struct rig_stream *rs = s->data;
	if (is_path(s, "/trailers")) {
		return_trailers(s, piece, last);
		return;
	}
	if (is_path(s, "/stream") || is_path(s, "/tunnel")) {
		stream_send(s, piece, last);
		if (last)
			return;
		measure(s);
		if (stream_queued(s) > STREAM_HIGH_WATER)
			stream_read_body(s, false);
		return;
	}
	text_put(&rs->body, piece);
	if (!last)
		return;
	tell(r, "body:%zu", rs->body.len);
	if (is_path(s, "/echo"))
		answer(s, 200, text_slice(&rs->body));
}

static void on_drained(struct stream *s)
{
	if (is_path(s, "/stream") || is_path(s, "/tunnel"))
		stream_read_body(s, true);
	else if (is_path(s, "/big"))
		send_big(s);
}

static void forget(struct stream *s)
{
	if (rig_of(s)->later == s)
		rig_of(s)->later = NULL;
}

static void on_done(struct stream *s)
{
	tell(rig_of(s), "done");
	forget(s);
}

static void on_abort(struct stream *s, enum stream_abort why)
{
	static const char *const words[] = {"gone", "bad-body", "shutdown"};
	tell(rig_of(s), "abort:%s", words[why]);
	forget(s);
}

static const struct stream_ops ops = {.on_request = on_request,
        .on_bad_request = on_bad_request,
        .on_body = on_body,
        .on_drained = on_drained,
        .on_done = on_done,
        .on_abort = on_abort};

void rig_answer(struct rig *r, const char *body)
{
	answer(r->later, 200, slice_cstr(body));
}

/* ---- the client ----------------------------------------------------------------------------------------------- */

static void make_pair(int fds[2])
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0)
		abort();
}

static void make_tcp_pair(int fds[2])
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof a;
	int listening = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(listening, (struct sockaddr *)&a, len) != 0 || listen(listening, 1) != 0 ||
	        getsockname(listening, (struct sockaddr *)&a, &len) != 0)
		abort();
	fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(fds[0], (struct sockaddr *)&a, len) != 0)
		abort();
	fds[1] = accept4(listening, NULL, NULL, SOCK_NONBLOCK);
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	close(listening);
}

static void reconnect(struct rig *r, void (*make)(int fds[2]))
{
	int fds[2];
	if (r->client >= 0)
		close(r->client);
	make(fds);
	r->client = fds[0];
	r->eof = false;
	r->error = 0;
	text_clear(&r->received);
	server_accept(&r->server, &r->listener, fds[1], NULL);
	rig_turn(r);
}

void rig_connect(struct rig *r)
{
	reconnect(r, make_pair);
}

void rig_connect_tcp(struct rig *r)
{
	reconnect(r, make_tcp_pair);
}

int rig_connect_other(struct rig *r)
{
	int fds[2];
	make_pair(fds);
	server_accept(&r->server, &r->listener, fds[1], NULL);
	return fds[0];
}

struct rig *rig_new(void)
{
	struct err e;
	struct rig *r = calloc(1, sizeof *r);
	if (!r || !(r->loop = loop_new(&e)))
		abort();
	r->client = -1;
	r->listener = (struct listen_spec){.text = S("test"), .port = 1};
	server_init(&r->server, r->loop, &ops, r);
	r->server.stream_size = sizeof(struct rig_stream);
	rig_connect(r);
	return r;
}

void rig_free(struct rig *r)
{
	server_close(&r->server);
	loop_free(r->loop);
	if (r->client >= 0)
		close(r->client);
	text_fini(&r->received);
	text_fini(&r->events);
	free(r);
}

static void stop(void *arg)
{
	loop_stop(arg);
}

static void turn_once(struct rig *r)
{
	loop_post(r->loop, stop, r->loop);
	loop_run(r->loop);
}

static void receive(struct rig *r)
{
	char buffer[64 * 1024];
	for (ssize_t n; !r->eof && !r->error;) {
		n = read(r->client, buffer, sizeof buffer);
		if (n > 0)
			text_put(&r->received, slice_of(buffer, (size_t)n));
		else if (n == 0)
			r->eof = true;
		else if (errno == EAGAIN)
			return;
		else
			r->error = errno;
	}
}

void rig_turn_deaf(struct rig *r)
{
	for (int i = 0; i < TURNS; i++)
		turn_once(r);
}

void rig_turn(struct rig *r)
{
	for (int i = 0; i < TURNS; i++) {
		turn_once(r);
		receive(r);
	}
}

void rig_wait(struct rig *r, unsigned ms)
{
	struct loop_timer *t = loop_timer_new(r->loop, ms, false, stop, r->loop);
	loop_run(r->loop);
	loop_timer_free(t);
	rig_turn(r);
}

size_t rig_send(struct rig *r, const char *bytes, size_t n)
{
	size_t done = 0;
	while (done < n) {
		ssize_t sent = send(r->client, bytes + done, n - done, MSG_NOSIGNAL);
		if (sent < 0)
			break;
		done += (size_t)sent;
	}
	rig_turn(r);
	return done;
}

void rig_say(struct rig *r, const char *text)
{
	if (rig_send(r, text, strlen(text)) != strlen(text))
		abort();
}

/* Cuts the Date fields out, which no test can foresee. */
static void drop_dates(struct rig *r)
{
	struct text *t = &r->received;
	char *at;
	while (t->len && (at = memmem(t->ptr, t->len, "\r\nDate: ", 8)) != NULL) {
		enum { LINE = 2 + 6 + 29 };
		memmove(at, at + LINE, t->len - (size_t)(at + LINE - t->ptr));
		t->len -= LINE;
		t->ptr[t->len] = '\0';
		r->dates++;
	}
}

static const char *hand_out(struct text *t)
{
	static char *last[2];
	static int turn;
	turn = !turn;
	free(last[turn]);
	last[turn] = slice_strdup(text_slice(t));
	text_clear(t);
	return last[turn];
}

const char *rig_heard(struct rig *r)
{
	drop_dates(r);
	return hand_out(&r->received);
}

const char *rig_events(struct rig *r)
{
	return hand_out(&r->events);
}
