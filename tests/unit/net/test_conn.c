/* Connections: edges, queues, half-closing, closing inside callbacks; plain sockets. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/core/text.h"
#include "common/net/conn.h"

static struct loop *l;
static struct conn *c;
static int peer;
static struct text got;
static int readables, drains, closes, connects, timeouts, connect_error;
static enum io_result last;
static bool close_when_readable;

static void drop(struct conn *x)
{
	conn_close(x);
	if (x == c)
		c = NULL;
}

static void on_readable(struct conn *x)
{
	readables++;
	if (close_when_readable) {
		conn_close(x);
		drop(x);
		return;
	}
	while ((last = conn_read(x)) == IO_OK) {
		text_put(&got, iobuf_slice(x->in));
		iobuf_consume(x->in, iobuf_slice(x->in).len);
	}
	conn_release_input(x);
}

static void on_drained(struct conn *x)
{
	drains++;
}

static void on_closed(struct conn *x)
{
	closes++;
	drop(x);
}

static void on_connected(struct conn *x, int error)
{
	connects++;
	connect_error = error;
	if (error)
		drop(x);
}

static void on_timeout(struct conn *x)
{
	timeouts++;
}

static const struct conn_ops ops = {on_readable, on_drained, on_connected, on_closed, on_timeout};

static void set_up(void)
{
	int fds[2];
	struct err e;
	l = loop_new(&e);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	peer = fds[0];
	c = conn_accepted(l, fds[1], NULL, &ops, NULL);
	readables = drains = closes = connects = timeouts = 0;
	close_when_readable = false;
	text_clear(&got);
}

static void tear_down(void)
{
	if (c)
		conn_close(c);
	loop_free(l);
	if (peer >= 0)
		close(peer);
	text_fini(&got);
}

static void stop(void *arg)
{
	loop_stop(l);
}

static void turn(void)
{
	for (int i = 0; i < 4; i++) {
		loop_post(l, stop, NULL);
		loop_run(l);
	}
}

static void run_for(uint32_t ms)
{
	struct loop_timer *t = loop_timer_new(l, ms, false, stop, NULL);
	loop_run(l);
	loop_timer_free(t);
}

static void say(const char *text)
{
	ck_assert_int_eq(write(peer, text, strlen(text)), (ssize_t)strlen(text));
	turn();
}

/* ---- reading -------------------------------------------------------------------------------------------------- */

START_TEST(a_short_read_means_that_there_is_no_more)
{
	say("hello");
	ck_assert_str_eq(text_cstr(&got), "hello");
	ck_assert_int_eq(last, IO_AGAIN);
	ck_assert(!c->can_read);
	ck_assert_uint_eq(c->bytes_in, 5);
	ck_assert_ptr_null(c->in);
	int before = readables;
	turn();
	ck_assert_int_eq(readables, before);
	say("again");
	ck_assert_str_eq(text_cstr(&got), "helloagain");
}
END_TEST

/* The poller reports bytes and FIN together, once: reading must not stop at the short read. */
START_TEST(fin_behind_bytes_is_seen)
{
	ck_assert_int_eq(write(peer, "bye", 3), 3);
	close(peer);
	peer = -1;
	turn();
	ck_assert_str_eq(text_cstr(&got), "bye");
	ck_assert_int_eq(last, IO_EOF);
	ck_assert(c->peer_closed);
	ck_assert_int_eq(conn_read(c), IO_EOF);
}
END_TEST

static void read_nothing(struct conn *x)
{
	readables++;
}

static const struct conn_ops lazy_ops = {.on_readable = read_nothing, .on_closed = on_closed};

START_TEST(what_an_owner_leaves_is_there_for_the_next)
{
	conn_adopt(c, &lazy_ops, NULL);
	say("kept");
	ck_assert(c->can_read);
	conn_adopt(c, &ops, NULL);
	conn_wake(c);
	conn_wake(c);
	int before = readables;
	turn();
	ck_assert_int_eq(readables, before + 1);
	ck_assert_str_eq(text_cstr(&got), "kept");
}
END_TEST

START_TEST(a_full_buffer_is_not_read_into)
{
	static char big[IOBUF_SIZE + 100];
	conn_adopt(c, &lazy_ops, NULL);
	memset(big, 'x', sizeof big);
	ck_assert_int_eq(write(peer, big, sizeof big), sizeof big);
	turn();
	ck_assert_int_eq(conn_read(c), IO_OK);
	ck_assert_int_eq(conn_read(c), IO_AGAIN);
	ck_assert(c->can_read);
	iobuf_consume(c->in, 10);
	iobuf_compact(c->in);
	ck_assert_int_eq(conn_read(c), IO_OK);
	iobuf_consume(c->in, IOBUF_SIZE);
	ck_assert_int_eq(conn_read(c), IO_OK);
	ck_assert_uint_eq(iobuf_slice(c->in).len, 90);
	ck_assert_int_eq(conn_read(c), IO_AGAIN);
	iobuf_consume(c->in, 90);
	conn_release_input(c);
	ck_assert_ptr_null(c->in);
	ck_assert_uint_eq(l->buffers.lent, 0);
}
END_TEST

/* ---- writing -------------------------------------------------------------------------------------------------- */

static size_t take(char *out, size_t size)
{
	size_t n = 0;
	for (ssize_t r; n < size && (r = read(peer, out + n, size - n)) > 0;)
		n += (size_t)r;
	return n;
}

START_TEST(parts_go_out_in_order_at_once)
{
	char out[20] = "";
	const struct iovec parts[] = {{"one", 3}, {"", 0}, {"two", 3}};
	ck_assert(conn_write(c, parts, 3));
	ck_assert(conn_write_slice(c, S("three")));
	ck_assert_uint_eq(take(out, sizeof out), 11);
	ck_assert_str_eq(out, "onetwothree");
	ck_assert_uint_eq(c->queued, 0);
	ck_assert_uint_eq(c->bytes_out, 11);
	turn();
	ck_assert_int_eq(drains, 0);
}
END_TEST

START_TEST(what_does_not_fit_is_queued_and_sent_in_order)
{
	enum { PART = 300000, PARTS = 5, TOTAL = PART * PARTS };
	char *sent = malloc(TOTAL), *out = malloc(TOTAL + 1);
	for (int i = 0; i < TOTAL; i++)
		sent[i] = (char)(i * 7 + i / 251);
	for (int i = 0; i < PARTS; i++) {
		struct iovec halves[] = {{sent + i * PART, 1000}, {sent + i * PART + 1000, PART - 1000}};
		ck_assert(conn_write(c, halves, 2));
	}
	ck_assert_uint_gt(c->queued, 0);
	size_t n = 0;
	for (int i = 0; i < 100 && n < TOTAL; i++) {
		n += take(out + n, TOTAL - n);
		turn();
	}
	ck_assert_uint_eq(n, TOTAL);
	ck_assert_int_eq(memcmp(sent, out, TOTAL), 0);
	ck_assert_int_eq(drains, 1);
	ck_assert_uint_eq(c->queued, 0);
	ck_assert_uint_eq(l->buffers.lent, 0);
	free(sent);
	free(out);
}
END_TEST

START_TEST(shutdown_sends_fin_behind_the_queue)
{
	enum { TOTAL = 1000000 };
	char *bytes = calloc(1, TOTAL);
	ck_assert(conn_write_slice(c, slice_of(bytes, TOTAL)));
	conn_shutdown(c);
	size_t n = 0;
	for (int i = 0; i < 100 && n < TOTAL; i++) {
		n += take(bytes, TOTAL);
		turn();
	}
	ck_assert_uint_eq(n, TOTAL);
	ck_assert_int_eq(read(peer, bytes, 1), 0);
	say("still heard");
	ck_assert_str_eq(text_cstr(&got), "still heard");
	free(bytes);
}
END_TEST

START_TEST(writing_to_a_peer_that_has_gone_fails_without_a_signal)
{
	close(peer);
	peer = -1;
	ck_assert(!conn_write_slice(c, S("x")));
	ck_assert_int_eq(closes, 0);
}
END_TEST

START_TEST(a_queue_that_cannot_be_sent_is_told)
{
	enum { TOTAL = 1000000 };
	char *bytes = calloc(1, TOTAL);
	ck_assert(conn_write_slice(c, slice_of(bytes, TOTAL)));
	close(peer);
	peer = -1;
	turn();
	ck_assert_int_eq(closes, 1);
	ck_assert_uint_eq(l->buffers.lent, 0);
	free(bytes);
}
END_TEST

/* ---- closing -------------------------------------------------------------------------------------------------- */

START_TEST(closing_inside_a_callback_is_safe_and_the_last_thing_heard)
{
	close_when_readable = true;
	say("x");
	ck_assert_int_eq(readables, 1);
	int fds[2];
	socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds);
	c = conn_accepted(l, fds[1], NULL, &ops, NULL);
	conn_wake(c);
	conn_close(c);
	conn_wake(c);
	turn();
	ck_assert_int_eq(readables, 1);
	ck_assert(!l->deferred);
	c = NULL;
	close(fds[0]);
}
END_TEST

START_TEST(a_closed_connection_takes_nothing)
{
	conn_close(c);
	ck_assert(!conn_write_slice(c, S("x")));
	ck_assert_int_eq(conn_read(c), IO_AGAIN);
	conn_set_timeout(c, 1);
	conn_shutdown(c);
	ck_assert(!is_timeout_set(&c->timeout));
	c = NULL;
}
END_TEST

START_TEST(the_deadline_is_told_once_per_setting)
{
	conn_set_timeout(c, 20);
	run_for(60);
	ck_assert_int_eq(timeouts, 1);
	conn_set_timeout(c, 20);
	conn_set_timeout(c, 0);
	run_for(60);
	ck_assert_int_eq(timeouts, 1);
}
END_TEST

/* ---- connecting ----------------------------------------------------------------------------------------------- */

static int listen_tcp(struct sockaddr_in *a)
{
	socklen_t len = sizeof *a;
	*a = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)a, len), 0);
	ck_assert_int_eq(listen(fd, 5), 0);
	getsockname(fd, (struct sockaddr *)a, &len);
	return fd;
}

START_TEST(connecting_is_told_later_and_what_was_written_before_is_sent)
{
	struct sockaddr_in a;
	char out[10] = "", text[INET6_ADDRSTRLEN];
	int port, listening = listen_tcp(&a);
	conn_close(c);
	turn();
	c = conn_connect(l, (struct sockaddr *)&a, sizeof a, NULL, &ops, NULL);
	ck_assert_ptr_nonnull(c);
	ck_assert_int_eq(connects, 0);
	ck_assert(conn_write_slice(c, S("early")));
	run_for(20);
	ck_assert_int_eq(connects, 1);
	ck_assert_int_eq(connect_error, 0);
	close(peer);
	peer = accept(listening, NULL, NULL);
	ck_assert_int_eq(read(peer, out, sizeof out), 5);
	ck_assert_str_eq(out, "early");
	conn_address_text(&c->peer.any, text, sizeof text, &port);
	ck_assert_str_eq(text, "127.0.0.1");
	ck_assert_int_eq(port, ntohs(a.sin_port));
	close(listening);
}
END_TEST

START_TEST(a_refused_connect_is_told_with_its_errno)
{
	struct sockaddr_in a;
	close(listen_tcp(&a));
	struct conn *x = conn_connect(l, (struct sockaddr *)&a, sizeof a, NULL, &ops, NULL);
	ck_assert_ptr_nonnull(x);
	run_for(20);
	ck_assert_int_eq(connects, 1);
	ck_assert_int_eq(connect_error, ECONNREFUSED);
}
END_TEST

START_TEST(a_connect_that_cannot_begin_is_null_with_errno)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "/nonexistent/socket"};
	ck_assert_ptr_null(conn_connect(l, (struct sockaddr *)&a, sizeof a, NULL, &ops, NULL));
	ck_assert_int_eq(errno, ENOENT);
}
END_TEST

START_TEST(a_reset_peer_is_noticed_without_reading)
{
	struct sockaddr_in a;
	int listening = listen_tcp(&a), fd = socket(AF_INET, SOCK_STREAM, 0);
	struct linger now = {1, 0};
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	struct conn *x = conn_accepted(l, accept4(listening, NULL, NULL, SOCK_NONBLOCK), NULL, &lazy_ops, NULL);
	ck_assert_int_eq(x->peer.any.sa_family, AF_INET);
	ck_assert(!conn_is_reset(x));
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(fd);
	ck_assert(conn_is_reset(x));
	conn_close(x);
	close(listening);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("conn");
	TCase *t = tcase_create("conn");
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, a_short_read_means_that_there_is_no_more);
	tcase_add_test(t, fin_behind_bytes_is_seen);
	tcase_add_test(t, what_an_owner_leaves_is_there_for_the_next);
	tcase_add_test(t, a_full_buffer_is_not_read_into);
	tcase_add_test(t, parts_go_out_in_order_at_once);
	tcase_add_test(t, what_does_not_fit_is_queued_and_sent_in_order);
	tcase_add_test(t, shutdown_sends_fin_behind_the_queue);
	tcase_add_test(t, writing_to_a_peer_that_has_gone_fails_without_a_signal);
	tcase_add_test(t, a_queue_that_cannot_be_sent_is_told);
	tcase_add_test(t, closing_inside_a_callback_is_safe_and_the_last_thing_heard);
	tcase_add_test(t, a_closed_connection_takes_nothing);
	tcase_add_test(t, the_deadline_is_told_once_per_setting);
	tcase_add_test(t, connecting_is_told_later_and_what_was_written_before_is_sent);
	tcase_add_test(t, a_refused_connect_is_told_with_its_errno);
	tcase_add_test(t, a_connect_that_cannot_begin_is_null_with_errno);
	tcase_add_test(t, a_reset_peer_is_noticed_without_reading);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
