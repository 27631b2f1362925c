/* How connections end: deadlines, clients that leave, draining and closing (proxy.md 3.4, 4.2; pitfalls.md B3 67,
 * B4 77, 78, 80, 81). */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/serve_rig.h"

#define HELLO "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"
#define LATER "GET /later HTTP/1.1\r\nHost: a\r\n\r\n"

static struct rig *r;

static void set_up(void)
{
	r = rig_new();
}

static void tear_down(void)
{
	rig_free(r);
}

static void reset_by_client(void)
{
	struct linger now = {1, 0};
	setsockopt(r->client, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(r->client);
	r->client = -1;
	rig_turn_deaf(r);
}

/* ---- deadlines ------------------------------------------------------------------------------------------------ */

START_TEST(silence_is_closed_without_an_answer)
{
	r->server.header_timeout_ms = 100;
	rig_connect(r);
	rig_wait(r, 60);
	ck_assert(!r->eof);
	rig_wait(r, 100);
	ck_assert(r->eof);
	ck_assert_str_eq(rig_heard(r), "");
	ck_assert_str_eq(rig_events(r), "");
}
END_TEST

START_TEST(a_head_has_to_be_complete_in_time_however_steadily_it_drips)
{
	r->server.header_timeout_ms = 100;
	for (int i = 0; i < 12 && !r->eof; i++) {
		rig_say(r, i ? "X: y\r\n" : "GET /hello HTTP/1.1\r\nHost: a\r\n");
		rig_wait(r, 20);
	}
	ck_assert(r->eof);
	ck_assert_int_eq(strncmp(rig_heard(r), "HTTP/1.1 408 Request Timeout\r\n", 30), 0);
	ck_assert_str_eq(rig_events(r), "bad:408 done");
}
END_TEST

START_TEST(an_idle_connection_is_closed_after_the_keepalive_timeout_counted_from_the_last_response)
{
	r->server.keepalive_timeout_ms = 100;
	rig_say(r, HELLO);
	rig_wait(r, 70);
	rig_say(r, HELLO);
	rig_wait(r, 70);
	ck_assert(!r->eof);
	rig_wait(r, 60);
	ck_assert(r->eof);
	ck_assert_str_eq(rig_events(r), "request:/hello done request:/hello done");
}
END_TEST

START_TEST(keepalive_timeout_zero_means_close)
{
	r->server.keepalive_timeout_ms = 0;
	rig_say(r, HELLO);
	ck_assert_ptr_nonnull(strstr(rig_heard(r), "Connection: close"));
	ck_assert(r->eof);
}
END_TEST

START_TEST(a_request_that_waits_for_its_handler_has_no_deadline)
{
	r->server.keepalive_timeout_ms = r->server.header_timeout_ms = r->server.body_timeout_ms = 30;
	rig_say(r, HELLO);
	rig_say(r, LATER);
	rig_wait(r, 120);
	ck_assert_str_eq(rig_events(r), "request:/hello done request:/later");
	rig_answer(r, "x");
	rig_turn(r);
	ck_assert(!r->eof);
}
END_TEST

/* B3 67: between reads, not for the whole body. */
START_TEST(a_body_that_pauses_too_long_is_answered_408)
{
	r->server.body_timeout_ms = 100;
	rig_say(r, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n");
	for (int i = 0; i < 5; i++) {
		rig_say(r, "x");
		rig_wait(r, 40);
	}
	ck_assert_str_eq(rig_events(r), "request:/echo");
	rig_wait(r, 120);
	ck_assert_str_eq(rig_events(r), "bad:408 done");
	ck_assert_int_eq(strncmp(rig_heard(r), "HTTP/1.1 408 ", 13), 0);
	ck_assert(r->eof);
}
END_TEST

START_TEST(a_body_that_pauses_after_the_response_began_is_cut)
{
	r->server.body_timeout_ms = 50;
	rig_say(r, "POST /stream HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
	rig_wait(r, 100);
	ck_assert_str_eq(rig_events(r), "request:/stream abort:gone");
	ck_assert(r->eof);
}
END_TEST

START_TEST(a_body_that_is_not_asked_for_has_no_deadline)
{
	r->server.body_timeout_ms = 50;
	rig_say(r, "POST /later HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
	rig_wait(r, 120);
	ck_assert_str_eq(rig_events(r), "request:/later");
	rig_answer(r, "x");
}
END_TEST

START_TEST(a_reader_that_takes_nothing_is_dropped_one_that_takes_a_little_is_not)
{
	static char some[150000];
	r->server.send_timeout_ms = 800; /* far more than a turn takes on a busy machine */
	send(r->client, "GET /big HTTP/1.1\r\nHost: a\r\n\r\n", 30, 0);
	for (int i = 0; i < 5; i++) {
		struct loop_timer *t = loop_timer_new(r->loop, 200, false, (loop_fn)loop_stop, r->loop);
		loop_run(r->loop);
		loop_timer_free(t);
		ck_assert_int_gt(read(r->client, some, sizeof some), 0);
		rig_turn_deaf(r);
	}
	ck_assert_str_eq(rig_events(r), "request:/big");
	struct loop_timer *t = loop_timer_new(r->loop, 1500, false, (loop_fn)loop_stop, r->loop);
	loop_run(r->loop);
	loop_timer_free(t);
	ck_assert_str_eq(rig_events(r), "abort:gone");
}
END_TEST

/* ---- clients that leave --------------------------------------------------------------------------------------- */

START_TEST(fin_on_an_idle_connection_closes_it)
{
	rig_say(r, HELLO);
	shutdown(r->client, SHUT_WR);
	rig_turn(r);
	ck_assert(r->eof);
	ck_assert_uint_eq(r->server.stats.active, 0);
	ck_assert_str_eq(rig_events(r), "request:/hello done");
}
END_TEST

START_TEST(fin_within_a_head_closes_silently)
{
	rig_say(r, "GET /hel");
	shutdown(r->client, SHUT_WR);
	rig_turn(r);
	ck_assert(r->eof);
	ck_assert_str_eq(rig_heard(r), "");
	ck_assert_str_eq(rig_events(r), "");
}
END_TEST

/* B4 77 */
START_TEST(fin_during_a_request_aborts_it)
{
	rig_say(r, LATER);
	shutdown(r->client, SHUT_WR);
	rig_turn(r);
	ck_assert_str_eq(rig_events(r), "request:/later abort:gone");
	ck_assert(r->eof);
}
END_TEST

START_TEST(fin_that_comes_with_the_request_aborts_it_too)
{
	send(r->client, LATER, strlen(LATER), 0);
	shutdown(r->client, SHUT_WR);
	rig_turn(r);
	ck_assert_str_eq(rig_events(r), "request:/later abort:gone");
}
END_TEST

START_TEST(fin_that_comes_with_a_request_that_is_answered_at_once_changes_nothing)
{
	send(r->client, HELLO, strlen(HELLO), 0);
	shutdown(r->client, SHUT_WR);
	rig_turn(r);
	ck_assert_str_eq(rig_events(r), "request:/hello done");
	ck_assert_ptr_nonnull(strstr(rig_heard(r), "hello"));
	ck_assert(r->eof);
}
END_TEST

START_TEST(pipelined_requests_before_the_fin_are_served)
{
	send(r->client, LATER LATER, strlen(LATER LATER), 0);
	shutdown(r->client, SHUT_WR);
	rig_turn(r);
	ck_assert_str_eq(rig_events(r), "request:/later");
	rig_answer(r, "one");
	rig_turn(r);
	ck_assert_str_eq(rig_events(r), "done request:/later");
	rig_answer(r, "two");
	rig_turn(r);
	ck_assert_str_eq(rig_events(r), "done");
	const char *heard = rig_heard(r);
	ck_assert_ptr_nonnull(strstr(heard, "one"));
	ck_assert_ptr_nonnull(strstr(heard, "two"));
	ck_assert(r->eof);
}
END_TEST

START_TEST(a_handler_may_answer_half_closed_clients)
{
	rig_say(r, LATER);
	r->later->answer_half_closed = true;
	shutdown(r->client, SHUT_WR);
	rig_turn(r);
	ck_assert_str_eq(rig_events(r), "request:/later");
	rig_answer(r, "x");
	rig_turn(r);
	ck_assert_ptr_nonnull(strstr(rig_heard(r), "\r\n\r\nx"));
	ck_assert(r->eof);
}
END_TEST

/* B4 78 */
START_TEST(rst_during_a_request_aborts_it)
{
	rig_connect_tcp(r);
	rig_say(r, LATER);
	reset_by_client();
	ck_assert_str_eq(rig_events(r), "request:/later abort:gone");
	ck_assert_uint_eq(r->server.stats.active, 0);
}
END_TEST

/* A paused upload with a full buffer is not read, and notices nevertheless. */
START_TEST(rst_during_a_paused_upload_aborts_it)
{
	char *body = calloc(1, 70000);
	memset(body, 'x', 70000);
	rig_connect_tcp(r);
	rig_say(r, "POST /later HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
	rig_send(r, body, 70000);
	rig_send(r, body, 70000);
	free(body);
	ck_assert_str_eq(rig_events(r), "request:/later");
	reset_by_client();
	ck_assert_str_eq(rig_events(r), "abort:gone");
}
END_TEST

START_TEST(rst_during_a_download_aborts_it)
{
	rig_connect_tcp(r);
	rig_say(r, "GET /open HTTP/1.1\r\nHost: a\r\n\r\n");
	reset_by_client();
	ck_assert_str_eq(rig_events(r), "request:/open abort:gone");
}
END_TEST

/* The failure shows in a call of the handler; he is told later, from the loop. */
START_TEST(a_write_that_fails_is_told_from_the_loop)
{
	rig_connect_tcp(r);
	rig_say(r, "GET /open HTTP/1.1\r\nHost: a\r\n\r\n");
	struct linger now = {1, 0};
	setsockopt(r->client, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(r->client);
	r->client = -1;
	rig_events(r);
	stream_send(r->later, S("abc"), false);
	stream_send(r->later, S("def"), true);
	ck_assert_str_eq(rig_events(r), "");
	ck_assert_uint_eq(stream_queued(r->later), 0);
	rig_turn_deaf(r);
	ck_assert_str_eq(rig_events(r), "abort:gone");
}
END_TEST

/* ---- cutting -------------------------------------------------------------------------------------------------- */

START_TEST(an_aborted_chunked_response_has_no_last_chunk)
{
	rig_say(r, "GET /open HTTP/1.1\r\nHost: a\r\n\r\n");
	stream_send(r->later, S("abc"), false);
	stream_abort(r->later);
	r->later = NULL;
	rig_turn(r);
	const char *heard = rig_heard(r);
	ck_assert_ptr_nonnull(strstr(heard, "abc"));
	ck_assert_ptr_null(strstr(heard, "0\r\n"));
	ck_assert(r->eof);
	ck_assert_str_eq(rig_events(r), "request:/open");
}
END_TEST

/* Without framing only a reset says that there should have been more. */
START_TEST(an_aborted_response_until_close_is_reset)
{
	rig_connect_tcp(r);
	rig_say(r, "GET /open HTTP/1.0\r\n\r\n");
	stream_send(r->later, S("abc"), false);
	rig_turn(r);
	stream_abort(r->later);
	r->later = NULL;
	rig_turn(r);
	ck_assert_int_eq(r->error, ECONNRESET);
}
END_TEST

START_TEST(an_abort_before_the_response_just_closes)
{
	rig_say(r, LATER);
	stream_abort(r->later);
	r->later = NULL;
	rig_turn(r);
	ck_assert_str_eq(rig_heard(r), "");
	ck_assert(r->eof);
}
END_TEST

/* ---- lingering ------------------------------------------------------------------------------------------------ */

/* B4 80: with unread bytes, a plain close would reset and could eat the answer. */
START_TEST(the_answer_to_an_upload_that_is_refused_arrives)
{
	char *body = calloc(1, 300000);
	rig_connect_tcp(r);
	r->server.max_body = 10;
	rig_say(r, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n");
	for (size_t sent = 0; sent < 300000;) {
		ssize_t n = send(r->client, body + sent, 300000 - sent, MSG_NOSIGNAL);
		ck_assert(n > 0 || errno == EAGAIN);
		sent += n > 0 ? (size_t)n : 0;
		rig_turn(r);
	}
	free(body);
	ck_assert_int_eq(r->error, 0);
	ck_assert_int_eq(strncmp(rig_heard(r), "HTTP/1.1 413 ", 13), 0);
	ck_assert(r->eof);
	ck_assert_uint_eq(r->server.stats.active, 1);
	close(r->client);
	r->client = -1;
	rig_turn_deaf(r);
	ck_assert_uint_eq(r->server.stats.active, 0);
}
END_TEST

START_TEST(lingering_ends_after_five_silent_seconds)
{
	rig_say(r, "GET / HTTP/1.1\r\n\r\n");
	ck_assert(r->eof);
	rig_wait(r, 4000);
	ck_assert_uint_eq(r->server.stats.active, 1);
	rig_wait(r, 1200);
	ck_assert_uint_eq(r->server.stats.active, 0);
}
END_TEST

/* ---- draining and closing ------------------------------------------------------------------------------------- */

START_TEST(draining_closes_idle_connections_now_and_busy_ones_after_their_response)
{
	int idle = rig_connect_other(r);
	char bytes[1024];
	send(idle, HELLO, strlen(HELLO), 0);
	rig_turn(r);
	ck_assert_int_gt(read(idle, bytes, sizeof bytes), 0);
	rig_say(r, LATER);
	server_drain(&r->server);
	rig_turn(r);
	ck_assert_int_eq(read(idle, bytes, 1), 0);
	ck_assert(!r->eof);
	rig_answer(r, "x");
	rig_turn(r);
	ck_assert_ptr_nonnull(strstr(rig_heard(r), "Connection: close\r\n\r\nx"));
	ck_assert(r->eof);
	close(idle);
}
END_TEST

START_TEST(draining_serves_a_request_that_is_already_in_the_kernel)
{
	send(r->client, HELLO, strlen(HELLO), 0);
	server_drain(&r->server);
	rig_turn(r);
	ck_assert_ptr_nonnull(strstr(rig_heard(r), "Connection: close\r\n\r\nhello"));
}
END_TEST

START_TEST(draining_waits_for_the_first_request_of_a_connection)
{
	int fresh = rig_connect_other(r);
	char bytes[1024] = "";
	server_drain(&r->server);
	rig_turn(r);
	send(fresh, HELLO, strlen(HELLO), 0);
	rig_turn(r);
	ck_assert_int_gt(read(fresh, bytes, sizeof bytes - 1), 0);
	ck_assert_ptr_nonnull(strstr(bytes, "Connection: close\r\n"));
	ck_assert_ptr_nonnull(strstr(bytes, "\r\n\r\nhello"));
	ck_assert_int_eq(read(fresh, bytes, 1), 0);
	close(fresh);
}
END_TEST

START_TEST(draining_lets_a_half_received_head_come)
{
	rig_say(r, "GET /hello HTTP/1.1\r\n");
	server_drain(&r->server);
	rig_say(r, "Host: a\r\n\r\n");
	ck_assert_ptr_nonnull(strstr(rig_heard(r), "Connection: close\r\n\r\nhello"));
	ck_assert(r->eof);
}
END_TEST

START_TEST(a_response_that_promised_to_stay_before_the_draining_closes_too)
{
	rig_say(r, "GET /open HTTP/1.1\r\nHost: a\r\n\r\n");
	server_drain(&r->server);
	stream_send(r->later, S("abc"), true);
	rig_turn(r);
	ck_assert_ptr_nonnull(strstr(rig_heard(r), "0\r\n\r\n"));
	ck_assert(r->eof);
}
END_TEST

START_TEST(closing_the_server_aborts_what_is_open)
{
	int idle = rig_connect_other(r);
	rig_say(r, LATER);
	server_close(&r->server);
	rig_turn(r);
	ck_assert_str_eq(rig_events(r), "request:/later abort:shutdown");
	ck_assert(r->eof);
	ck_assert_uint_eq(r->server.stats.active, 0);
	close(idle);
}
END_TEST

/* ---- many ----------------------------------------------------------------------------------------------------- */

static void one_visit(int i)
{
	static const char *const what[] = {HELLO, "GET /hel", "", LATER, "bad\r\n\r\n",
	        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc"};
	int fd = rig_connect_other(r);
	const char *bytes = what[i % 6];
	ck_assert_int_ge(send(fd, bytes, strlen(bytes), MSG_NOSIGNAL), 0);
	if (i % 2)
		rig_turn_deaf(r);
	close(fd);
}

START_TEST(five_thousand_connections_leave_nothing_behind)
{
	for (int i = 0; i < 5000; i++) {
		one_visit(i);
		if (i % 7 == 0)
			rig_turn_deaf(r);
	}
	rig_turn_deaf(r);
	ck_assert_uint_eq(r->server.stats.accepted, 5001);
	ck_assert_uint_eq(r->server.stats.active, 1);
	ck_assert_uint_eq(r->server.stats.waiting, 1);
	ck_assert_uint_eq(r->server.stats.reading + r->server.stats.writing, 0);
	ck_assert_uint_eq(r->loop->buffers.lent, 0);
}
END_TEST

START_TEST(idle_connections_hold_no_buffers_and_no_streams)
{
	enum { MANY = 400 };
	int fds[MANY];
	for (int i = 0; i < MANY; i++) {
		fds[i] = rig_connect_other(r);
		send(fds[i], HELLO, strlen(HELLO), 0);
		rig_turn_deaf(r);
	}
	ck_assert_uint_eq(r->server.stats.waiting, MANY + 1);
	ck_assert_uint_eq(r->loop->buffers.lent, 0);
	ck_assert_uint_eq(r->server.spares, 1);
	for (int i = 0; i < MANY; i++)
		close(fds[i]);
}
END_TEST

static Suite *suite(void)
{
	const TTest *const tests[] = {silence_is_closed_without_an_answer,
	        a_head_has_to_be_complete_in_time_however_steadily_it_drips,
	        an_idle_connection_is_closed_after_the_keepalive_timeout_counted_from_the_last_response,
	        keepalive_timeout_zero_means_close, a_request_that_waits_for_its_handler_has_no_deadline,
	        a_body_that_pauses_too_long_is_answered_408, a_body_that_pauses_after_the_response_began_is_cut,
	        a_body_that_is_not_asked_for_has_no_deadline,
	        a_reader_that_takes_nothing_is_dropped_one_that_takes_a_little_is_not,
	        fin_on_an_idle_connection_closes_it, fin_within_a_head_closes_silently,
	        fin_during_a_request_aborts_it, fin_that_comes_with_the_request_aborts_it_too,
	        fin_that_comes_with_a_request_that_is_answered_at_once_changes_nothing,
	        pipelined_requests_before_the_fin_are_served, a_handler_may_answer_half_closed_clients,
	        rst_during_a_request_aborts_it, rst_during_a_paused_upload_aborts_it, rst_during_a_download_aborts_it,
	        a_write_that_fails_is_told_from_the_loop, an_aborted_chunked_response_has_no_last_chunk,
	        an_aborted_response_until_close_is_reset, an_abort_before_the_response_just_closes,
	        the_answer_to_an_upload_that_is_refused_arrives, lingering_ends_after_five_silent_seconds,
	        draining_closes_idle_connections_now_and_busy_ones_after_their_response,
	        draining_serves_a_request_that_is_already_in_the_kernel,
	        draining_waits_for_the_first_request_of_a_connection, draining_lets_a_half_received_head_come,
	        a_response_that_promised_to_stay_before_the_draining_closes_too,
	        closing_the_server_aborts_what_is_open, five_thousand_connections_leave_nothing_behind,
	        idle_connections_hold_no_buffers_and_no_streams};
	Suite *s = suite_create("h1_end");
	TCase *c = tcase_create("ends");
	tcase_add_checked_fixture(c, set_up, tear_down);
	for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++)
		tcase_add_test(c, tests[i]);
	tcase_set_timeout(c, 60);
	suite_add_tcase(s, c);
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
