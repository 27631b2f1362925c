/* Bodies of requests: framing, back-pressure, 100-continue, limits, and what happens to a body that nobody reads
 * (RFC 9112 6 and 9.3, RFC 9110 10.1.1; pitfalls.md B3, B4 79 and 80). */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "tests/support/serve_rig.h"

#define HELLO      "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"
#define OK_KEEP(n) "HTTP/1.1 200 OK\r\nContent-Length: " n "\r\nConnection: keep-alive\r\n\r\n"

static struct rig *r;

static void set_up(void)
{
	r = rig_new();
}

static void tear_down(void)
{
	rig_free(r);
}

static char *filled(size_t n)
{
	char *s = malloc(n + 1);
	for (size_t i = 0; i < n; i++)
		s[i] = (char)('a' + i % 26);
	s[n] = '\0';
	return s;
}

static void say_head(const char *path, const char *fields)
{
	char head[300];
	snprintf(head, sizeof head, "POST %s HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n", path, fields);
	rig_say(r, head);
}

START_TEST(a_body_with_a_length_is_delivered_whole)
{
	rig_say(r, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234");
	ck_assert_str_eq(rig_heard(r), "");
	rig_say(r, "56789");
	ck_assert_str_eq(rig_heard(r), OK_KEEP("10") "0123456789");
}
END_TEST

START_TEST(a_large_body_passes_through_a_bounded_buffer)
{
	enum { SIZE = 3 * 1000 * 1000 };
	char *body = filled(SIZE);
	say_head("/echo", "Content-Length: 3000000");
	for (size_t sent = 0; sent < SIZE;)
		sent += rig_send(r, body + sent, SIZE - sent);
	for (int i = 0; i < 40; i++)
		rig_turn(r);
	const char *heard = rig_heard(r), *start = strstr(heard, "\r\n\r\n");
	ck_assert_ptr_nonnull(start);
	ck_assert_str_eq(start + 4, body);
	ck_assert_uint_eq(r->loop->buffers.lent, 0);
	free(body);
}
END_TEST

START_TEST(a_body_that_was_read_too_early_belongs_to_the_next_request_only_after_its_end)
{
	rig_say(r, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" HELLO);
	ck_assert_str_eq(rig_heard(r), OK_KEEP("3") "abc" OK_KEEP("5") "hello");
}
END_TEST

START_TEST(asking_for_the_body_of_a_request_without_one_gives_its_end_once)
{
	rig_say(r, "GET /echo HTTP/1.1\r\nHost: a\r\n\r\n");
	ck_assert_str_eq(rig_events(r), "request:/echo body:0 done");
	r->keep_reading = true;
	rig_say(r, "GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
	stream_read_body(r->later, true);
	rig_turn(r);
	ck_assert_str_eq(rig_events(r), "request:/later body:0");
	rig_answer(r, "");
}
END_TEST

/* B3 56-60: the decoder has its own tests; here: the handler answers, and nothing follows. */
START_TEST(a_broken_chunk_refuses_the_request)
{
	static const char *const bodies[] = {
	        "x\r\n", "3\nabc\r\n", "3\r\nabcd\r\n", "-1\r\n", "11111111111111111\r\n"};
	for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
		rig_connect(r);
		say_head("/echo", "Transfer-Encoding: chunked");
		rig_say(r, bodies[i]);
		rig_turn(r);
		ck_assert_str_eq(rig_events(r), "request:/echo bad:400 done");
		const char *heard = rig_heard(r);
		ck_assert_int_eq(strncmp(heard, "HTTP/1.1 400 Bad Request\r\n", 26), 0);
		ck_assert_ptr_nonnull(strstr(heard, "Connection: close\r\n"));
		ck_assert(r->eof);
	}
}
END_TEST

START_TEST(a_broken_chunk_after_the_response_began_cuts_it)
{
	say_head("/stream", "Transfer-Encoding: chunked");
	rig_say(r, "3\r\nabc\r\n");
	rig_say(r, "zzz\r\n");
	ck_assert_str_eq(rig_events(r), "request:/stream abort:bad-body");
	const char *heard = rig_heard(r);
	ck_assert_ptr_nonnull(strstr(heard, "3\r\nabc\r\n"));
	ck_assert_ptr_null(strstr(heard, "0\r\n\r\n"));
	ck_assert_ptr_null(strstr(heard, "400"));
	ck_assert(r->eof || r->error);
}
END_TEST

/* B3 65 */
START_TEST(fin_before_the_end_of_the_body_is_a_bad_body)
{
	rig_say(r, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234");
	shutdown(r->client, SHUT_WR);
	rig_turn(r);
	ck_assert_str_eq(rig_events(r), "request:/echo bad:400 done");
	ck_assert_int_eq(strncmp(rig_heard(r), "HTTP/1.1 400", 12), 0);
	ck_assert(r->eof);
}
END_TEST

START_TEST(nothing_is_read_beyond_the_buffer_before_the_handler_asks)
{
	enum { SIZE = 2 * 1000 * 1000 };
	char *body = filled(SIZE);
	say_head("/later", "Content-Length: 2000000");
	size_t sent = 0;
	for (int i = 0; i < 20; i++)
		sent += rig_send(r, body + sent, SIZE - sent);
	ck_assert_uint_le(r->server.conns ? r->loop->buffers.lent : 99, 1);
	ck_assert_uint_le(sent, 1000 * 1000); /* the kernel's buffer and ours */
	stream_read_body(r->later, true);
	while (sent < SIZE)
		sent += rig_send(r, body + sent, SIZE - sent);
	rig_turn(r);
	ck_assert_str_eq(rig_events(r), "request:/later body:2000000");
	rig_answer(r, "");
	free(body);
}
END_TEST

START_TEST(delivery_stops_when_the_handler_says_so)
{
	r->keep_reading = true;
	say_head("/later", "Content-Length: 6");
	rig_say(r, "ab");
	stream_read_body(r->later, false);
	rig_say(r, "cdef");
	ck_assert_uint_eq(r->later->body_received, 2);
	ck_assert(!r->later->body_done);
	stream_read_body(r->later, true);
	rig_turn(r);
	ck_assert_str_eq(rig_events(r), "request:/later body:6");
	ck_assert(r->later->body_done);
	rig_answer(r, "");
}
END_TEST

/* A client that sends but does not read: what is queued for it stays within high water and one piece. */
START_TEST(a_slow_reader_holds_back_an_echo)
{
	enum { SIZE = 8 * 1000 * 1000 };
	char *body = filled(SIZE);
	say_head("/stream", "Content-Length: 8000000");
	size_t sent = 0;
	for (int i = 0; i < 50; i++) {
		ssize_t n = send(r->client, body + sent, SIZE - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
		sent += n > 0 ? (size_t)n : 0;
		rig_turn_deaf(r);
	}
	ck_assert_uint_lt(sent, 3 * 1000 * 1000);
	ck_assert_uint_gt(r->queued_most, STREAM_HIGH_WATER);
	while (sent < SIZE)
		sent += rig_send(r, body + sent, SIZE - sent);
	for (int i = 0; i < 100; i++)
		rig_turn(r);
	ck_assert_uint_le(r->queued_most, STREAM_HIGH_WATER + IOBUF_SIZE + 16);
	ck_assert_uint_gt(strlen(rig_heard(r)), SIZE);
	ck_assert_str_eq(rig_events(r), "request:/stream done");
	free(body);
}
END_TEST

START_TEST(a_slow_reader_holds_back_a_download)
{
	static const char request[] = "GET /big HTTP/1.1\r\nHost: a\r\n\r\n";
	send(r->client, request, sizeof request - 1, 0);
	rig_turn_deaf(r);
	ck_assert_uint_gt(r->server.conns ? r->queued_most : 0, STREAM_HIGH_WATER);
	for (int i = 0; i < 100; i++)
		rig_turn(r);
	ck_assert_uint_le(r->queued_most, STREAM_HIGH_WATER + 16 * 1024 + 16);
	const char *heard = rig_heard(r);
	size_t len = strlen(heard);
	ck_assert_uint_gt(len, 1024 * 1024);
	ck_assert_str_eq(heard + len - 5, "0\r\n\r\n");
	ck_assert_uint_eq(r->loop->buffers.lent, 0);
}
END_TEST

START_TEST(expect_100_is_answered_when_the_body_is_wanted)
{
	say_head("/later", "Content-Length: 3\r\nExpect: 100-continue");
	ck_assert_str_eq(rig_heard(r), "");
	stream_read_body(r->later, true);
	rig_turn(r);
	ck_assert_str_eq(rig_heard(r), "HTTP/1.1 100 Continue\r\n\r\n");
	stream_read_body(r->later, false);
	stream_read_body(r->later, true);
	rig_say(r, "abc");
	rig_answer(r, "x");
	rig_turn(r);
	ck_assert_str_eq(rig_heard(r), OK_KEEP("1") "x");
}
END_TEST

START_TEST(expect_100_is_not_answered_when_the_body_is_already_there)
{
	rig_say(r, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc");
	ck_assert_str_eq(rig_heard(r), OK_KEEP("3") "abc");
}
END_TEST

/* B3 62: the final status instead of the 100; a small body may still come and is dropped. */
START_TEST(a_refusal_answers_without_100)
{
	say_head("/early", "Content-Length: 3\r\nExpect: 100-continue");
	ck_assert_str_eq(rig_heard(r), OK_KEEP("5") "hello");
	rig_say(r, "abc" HELLO);
	ck_assert_str_eq(rig_heard(r), OK_KEEP("5") "hello");

	say_head("/early", "Transfer-Encoding: chunked\r\nExpect: 100-continue");
	ck_assert_ptr_nonnull(strstr(rig_heard(r), "Connection: close"));
	ck_assert(r->eof);
}
END_TEST

/* B4 79 */
START_TEST(a_small_body_that_nobody_read_is_drained_and_the_connection_stays)
{
	char *body = filled(64 * 1024);
	say_head("/early", "Content-Length: 65536");
	ck_assert_str_eq(rig_heard(r), OK_KEEP("5") "hello");
	for (size_t sent = 0; sent < 65536;)
		sent += rig_send(r, body + sent, 65536 - sent);
	rig_say(r, HELLO);
	ck_assert_str_eq(rig_heard(r), OK_KEEP("5") "hello");
	free(body);
}
END_TEST

START_TEST(a_large_body_that_nobody_read_closes_after_the_answer)
{
	enum { SIZE = 1000 * 1000 };
	char *body = filled(SIZE);
	say_head("/early", "Content-Length: 1000000");
	ck_assert_str_eq(rig_heard(r), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
	ck_assert(r->eof);
	/* what the client still sends is taken, so that no reset can overtake the answer */
	ck_assert_uint_eq(rig_send(r, body, 100000), 100000);
	ck_assert_uint_eq(r->server.stats.active, 1);
	shutdown(r->client, SHUT_WR);
	rig_turn(r);
	ck_assert_uint_eq(r->server.stats.active, 0);
	free(body);
}
END_TEST

START_TEST(a_chunked_body_that_nobody_read_is_drained_up_to_64k)
{
	char *piece = filled(0x8000);
	say_head("/early", "Transfer-Encoding: chunked");
	ck_assert_str_eq(rig_heard(r), OK_KEEP("5") "hello");
	rig_say(r, "3\r\nabc\r\n0\r\n\r\n" HELLO);
	ck_assert_str_eq(rig_heard(r), OK_KEEP("5") "hello");

	say_head("/early", "Transfer-Encoding: chunked");
	for (int i = 0; i < 3; i++) {
		ck_assert(!r->eof);
		rig_say(r, "8000\r\n");
		rig_say(r, piece);
		rig_say(r, "\r\n");
	}
	ck_assert(r->eof);
	free(piece);
}
END_TEST

START_TEST(a_drained_body_that_does_not_come_closes_within_two_seconds)
{
	say_head("/early", "Content-Length: 10");
	rig_wait(r, 1500);
	ck_assert(!r->eof);
	rig_wait(r, 700);
	ck_assert(r->eof);
}
END_TEST

/* B3 66 */
START_TEST(max_body_is_enforced_from_the_length)
{
	r->server.max_body = 5;
	rig_say(r, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde");
	ck_assert_str_eq(rig_events(r), "request:/echo body:5 done");
	say_head("/echo", "Content-Length: 6");
	ck_assert_str_eq(rig_events(r), "bad:413 done");
	ck_assert(r->eof);
}
END_TEST

START_TEST(max_body_is_enforced_while_counting)
{
	r->server.max_body = 5;
	say_head("/echo", "Transfer-Encoding: chunked");
	rig_say(r, "5\r\nabcde\r\n");
	rig_say(r, "1\r\nf\r\n0\r\n\r\n" HELLO);
	ck_assert_str_eq(rig_events(r), "request:/echo bad:413 done");
	ck_assert_ptr_nonnull(strstr(rig_heard(r), "HTTP/1.1 413 "));
	ck_assert(r->eof);
}
END_TEST

START_TEST(max_body_after_the_response_began_cuts_it)
{
	r->server.max_body = 5;
	say_head("/stream", "Transfer-Encoding: chunked");
	rig_say(r, "5\r\nabcde\r\n");
	rig_say(r, "1\r\nf\r\n0\r\n\r\n");
	ck_assert_str_eq(rig_events(r), "request:/stream abort:bad-body");
	ck_assert(r->eof || r->error);
}
END_TEST

/* A handler that answers in the middle of the body that it reads: the rest is drained. */
START_TEST(no_piece_follows_the_response)
{
	r->keep_reading = true;
	say_head("/later", "Content-Length: 6");
	rig_say(r, "ab");
	rig_answer(r, "x");
	rig_say(r, "cdef" HELLO);
	ck_assert_str_eq(rig_events(r), "request:/later done request:/hello done");
}
END_TEST

static Suite *suite(void)
{
	const TTest *const tests[] = {a_body_with_a_length_is_delivered_whole,
	        a_large_body_passes_through_a_bounded_buffer,
	        a_body_that_was_read_too_early_belongs_to_the_next_request_only_after_its_end,
	        asking_for_the_body_of_a_request_without_one_gives_its_end_once, a_broken_chunk_refuses_the_request,
	        a_broken_chunk_after_the_response_began_cuts_it, fin_before_the_end_of_the_body_is_a_bad_body,
	        nothing_is_read_beyond_the_buffer_before_the_handler_asks, delivery_stops_when_the_handler_says_so,
	        a_slow_reader_holds_back_an_echo, a_slow_reader_holds_back_a_download,
	        expect_100_is_answered_when_the_body_is_wanted,
	        expect_100_is_not_answered_when_the_body_is_already_there, a_refusal_answers_without_100,
	        a_small_body_that_nobody_read_is_drained_and_the_connection_stays,
	        a_large_body_that_nobody_read_closes_after_the_answer,
	        a_chunked_body_that_nobody_read_is_drained_up_to_64k,
	        a_drained_body_that_does_not_come_closes_within_two_seconds, max_body_is_enforced_from_the_length,
	        max_body_is_enforced_while_counting, max_body_after_the_response_began_cuts_it,
	        no_piece_follows_the_response};
	Suite *s = suite_create("h1_body");
	TCase *c = tcase_create("bodies");
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
