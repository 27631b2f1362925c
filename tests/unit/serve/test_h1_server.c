/* The HTTP/1.1 codec: requests in, responses out, on connections that stay (RFC 9112; pitfalls.md B3, B4). */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "tests/support/serve_rig.h"

#define HELLO       "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"
#define HELLO_BACK  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello"
#define HELLO_CLOSE "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"

static struct rig *r;

static void set_up(void)
{
	r = rig_new();
}

static void tear_down(void)
{
	rig_free(r);
}

START_TEST(a_request_is_answered_and_the_connection_stays)
{
	rig_say(r, HELLO);
	ck_assert_str_eq(rig_heard(r), HELLO_BACK);
	ck_assert(!r->eof);
	rig_say(r, HELLO);
	ck_assert_str_eq(rig_heard(r), HELLO_BACK);
	ck_assert_str_eq(rig_events(r), "request:/hello done request:/hello done");
	ck_assert_uint_eq(r->server.stats.requests, 2);
	ck_assert_uint_eq(r->server.stats.waiting, 1);
}
END_TEST

START_TEST(date_is_added)
{
	rig_say(r, HELLO);
	rig_heard(r);
	ck_assert_uint_eq(r->dates, 1);
}
END_TEST

START_TEST(pipelined_requests_are_answered_in_order)
{
	rig_say(r, HELLO "GET /none HTTP/1.1\r\nHost: a\r\n\r\n" HELLO);
	ck_assert_str_eq(rig_heard(r), HELLO_BACK
	        "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello" HELLO_BACK);
}
END_TEST

START_TEST(at_most_one_request_of_a_connection_is_active)
{
	rig_say(r, "GET /later HTTP/1.1\r\nHost: a\r\n\r\n" HELLO);
	ck_assert_str_eq(rig_events(r), "request:/later");
	ck_assert_str_eq(rig_heard(r), "");
	rig_answer(r, "first");
	rig_turn(r);
	ck_assert_str_eq(rig_heard(r),
	        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nfirst" HELLO_BACK);
	ck_assert_str_eq(rig_events(r), "done request:/hello done");
}
END_TEST

START_TEST(a_request_may_arrive_in_any_two_parts)
{
	static const char both[] = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" HELLO;
	for (size_t at = 1; at < sizeof both - 1; at++) {
		rig_send(r, both, at);
		rig_send(r, both + at, sizeof both - 1 - at);
		ck_assert_str_eq(rig_heard(r),
		        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\nabc" HELLO_BACK);
	}
}
END_TEST

START_TEST(a_request_may_arrive_byte_by_byte)
{
	static const char both[] = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
	                           "2;x=y\r\nab\r\n1\r\nc\r\n0\r\nT: v\r\n\r\n" HELLO;
	for (size_t i = 0; i < sizeof both - 1; i++)
		rig_send(r, both + i, 1);
	ck_assert_str_eq(
	        rig_heard(r), "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\nabc" HELLO_BACK);
}
END_TEST

START_TEST(head_gets_no_body_but_its_length)
{
	rig_say(r, "HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n" HELLO);
	ck_assert_str_eq(
	        rig_heard(r), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n" HELLO_BACK);
}
END_TEST

START_TEST(http_1_0_closes_unless_asked)
{
	rig_say(r, "GET /hello HTTP/1.0\r\n\r\n");
	ck_assert_str_eq(rig_heard(r), HELLO_CLOSE);
	ck_assert(r->eof);
	rig_connect(r);
	rig_say(r, "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	ck_assert_str_eq(rig_heard(r), HELLO_BACK);
	ck_assert(!r->eof);
}
END_TEST

START_TEST(http_1_0_gets_close_instead_of_chunks)
{
	rig_say(r, "POST /stream HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nabc");
	ck_assert_str_eq(rig_heard(r), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc");
	ck_assert(r->eof);
}
END_TEST

START_TEST(http_1_1_gets_chunks)
{
	rig_say(r, "POST /stream HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" HELLO);
	ck_assert_str_eq(rig_heard(r),
	        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n"
	        "3\r\nabc\r\n0\r\n\r\n" HELLO_BACK);
}
END_TEST

START_TEST(connection_close_of_the_client_is_obeyed)
{
	rig_say(r, "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
	ck_assert_str_eq(rig_heard(r), HELLO_CLOSE);
	ck_assert(r->eof);
	ck_assert_uint_eq(r->server.stats.active, 0);
}
END_TEST

START_TEST(the_last_of_max_requests_closes)
{
	r->server.max_requests = 2;
	rig_say(r, HELLO);
	ck_assert_str_eq(rig_heard(r), HELLO_BACK);
	rig_say(r, HELLO HELLO);
	ck_assert_str_eq(rig_heard(r), HELLO_CLOSE);
	ck_assert(r->eof);
}
END_TEST

START_TEST(close_after_closes)
{
	rig_say(r, "GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
	stream_close_after(r->later);
	rig_answer(r, "x");
	rig_turn(r);
	ck_assert_ptr_nonnull(strstr(rig_heard(r), "Connection: close"));
	ck_assert(r->eof);
}
END_TEST

START_TEST(garbage_is_refused_and_the_connection_closed)
{
	static const char *const garbage[] = {"\x16\x03\x01\x02\r\n\r\n", "get / http/1.1\r\n\r\n",
	        "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
	        "GET / HTTP/1.1\r\nHost : a\r\n\r\n", "\r\n\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n"};
	for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++) {
		rig_connect(r);
		rig_say(r, garbage[i]);
		ck_assert_str_eq(rig_heard(r),
		        "HTTP/1.1 400 Bad Request\r\nContent-Length: 7\r\nConnection: close\r\n\r\nrefused");
		ck_assert(r->eof);
		ck_assert_str_eq(rig_events(r), "bad:400 done");
	}
}
END_TEST

START_TEST(nothing_after_a_refused_request_is_served)
{
	rig_say(r, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n" HELLO HELLO);
	ck_assert_str_eq(rig_events(r), "bad:400 done");
}
END_TEST

START_TEST(heads_above_the_limits_are_refused)
{
	static char line[9000], many[70000];
	memset(line, 'a', sizeof line - 1);
	rig_say(r, "GET /");
	rig_say(r, line);
	ck_assert_str_eq(rig_events(r), "bad:414 done");

	rig_connect(r);
	int n = snprintf(many, sizeof many, "GET / HTTP/1.1\r\nHost: a\r\n");
	for (int i = 0; i < 6; i++)
		n += snprintf(many + n, sizeof many - (size_t)n, "X: %.7000s\r\n", line);
	rig_send(r, many, (size_t)n);
	ck_assert_str_eq(rig_events(r), "bad:494 done");
}
END_TEST

/* More than a buffer, with limits that would allow it: there is no place to keep it. */
START_TEST(a_head_larger_than_the_buffer_is_refused_whatever_the_limits)
{
	static char line[60000];
	memset(line, 'a', sizeof line - 1);
	r->server.limits.line = r->server.limits.block = 1 << 20;
	rig_say(r, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
	rig_say(r, line);
	ck_assert_str_eq(rig_events(r), "");
	rig_say(r, "\r\nY: ");
	rig_say(r, line);
	ck_assert_str_eq(rig_events(r), "bad:494 done");
}
END_TEST

/* The buffer ends in the middle of the last head: what is left moves to the front. */
START_TEST(pipelined_requests_beyond_one_buffer_are_served)
{
	static const char one[] = HELLO;
	char *many = malloc(sizeof one * 4000);
	size_t len = 0;
	for (int i = 0; i < 4000; i++) {
		memcpy(many + len, one, sizeof one - 1);
		len += sizeof one - 1;
	}
	for (size_t sent = 0; sent < len;)
		sent += rig_send(r, many + sent, len - sent);
	free(many);
	for (int i = 0; i < 50; i++)
		rig_turn(r);
	ck_assert_uint_eq(r->server.stats.requests, 4000);
	ck_assert_uint_eq(strlen(rig_heard(r)), 4000 * strlen(HELLO_BACK));
}
END_TEST

START_TEST(no_memory_and_no_buffer_is_taken_per_request)
{
	rig_say(r, HELLO);
	struct stream *spare = r->server.spare;
	struct iobuf *buffer = r->loop->buffers.free;
	ck_assert_ptr_nonnull(spare);
	for (int i = 0; i < 10; i++)
		rig_say(r, HELLO);
	ck_assert_ptr_eq(r->server.spare, spare);
	ck_assert_uint_eq(r->server.spares, 1);
	ck_assert_ptr_eq(r->loop->buffers.free, buffer);
	ck_assert_uint_eq(r->loop->buffers.lent, 0);
}
END_TEST

START_TEST(waiting_requests_hold_no_buffer)
{
	rig_say(r, "GET /later HTTP/1.1\r\nHost: a\r\nX-Long: value\r\n\r\n");
	ck_assert_uint_eq(r->loop->buffers.lent, 0);
	ck_assert(slice_eq(r->later->request.headers[1].name, S("X-Long")));
	ck_assert(slice_eq(r->later->request.headers[1].value, S("value")));
	ck_assert(slice_eq(r->later->request.method, S("GET")));
	rig_answer(r, "x");
}
END_TEST

START_TEST(a_response_shorter_than_announced_ends_the_connection)
{
	struct head h;
	rig_say(r, "GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
	head_init(&h, &r->later->arena);
	h.status = 200;
	h.content_length = 10;
	stream_respond(r->later, &h, S("abc"), true);
	rig_turn(r);
	ck_assert_ptr_nonnull(strstr(rig_heard(r), "Content-Length: 10\r\nConnection: keep-alive\r\n\r\nabc"));
	ck_assert(r->eof);
}
END_TEST

START_TEST(a_response_longer_than_announced_is_cut)
{
	struct head h;
	rig_say(r, "GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
	head_init(&h, &r->later->arena);
	h.status = 200;
	h.content_length = 2;
	stream_respond(r->later, &h, S("abc"), false);
	stream_send(r->later, S("def"), true);
	rig_say(r, HELLO);
	ck_assert_str_eq(
	        rig_heard(r), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nab" HELLO_BACK);
}
END_TEST

START_TEST(statuses_without_body_have_none)
{
	static const struct {
		int status;
		const char *expected;
	} cases[] = {{204, "HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n"},
	        {304, "HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\n"}};
	for (size_t i = 0; i < 2; i++) {
		struct head h;
		rig_say(r, "GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
		head_init(&h, &r->later->arena);
		h.status = cases[i].status;
		h.content_length = 3;
		stream_respond(r->later, &h, S("abc"), true);
		rig_turn(r);
		ck_assert_str_eq(rig_heard(r), cases[i].expected);
	}
}
END_TEST

START_TEST(a_response_in_pieces_is_chunked_with_its_first_piece_in_the_same_write)
{
	rig_say(r, "GET /open HTTP/1.1\r\nHost: a\r\n\r\n");
	stream_send(r->later, S("abc"), false);
	stream_send(r->later, S(""), false);
	stream_send(r->later, S("0123456789abcdef"), false);
	stream_send(r->later, S(""), true);
	rig_turn(r);
	ck_assert_str_eq(rig_heard(r),
	        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n"
	        "3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n");
	ck_assert_str_eq(rig_events(r), "request:/open done");
}
END_TEST

/* pitfalls.md B4 74: after 101 the connection carries bytes, both ways, until both ends have closed. */
START_TEST(status_101_makes_a_tunnel)
{
	rig_say(r, "GET /tunnel HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nearly");
	ck_assert_str_eq(rig_heard(r),
	        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\nearly");
	rig_say(r, HELLO);
	ck_assert_str_eq(rig_heard(r), HELLO);
	shutdown(r->client, SHUT_WR);
	rig_turn(r);
	ck_assert(r->eof);
	ck_assert_str_eq(rig_events(r), "request:/tunnel done");
}
END_TEST

/* Whatever comes, in whatever pieces, while answers come at odd moments: nothing hangs, leaks or reads what it should
 * not (the sanitizers watch). */
START_TEST(mangled_requests_in_random_pieces_do_no_harm)
{
	static const char *const stems[] = {HELLO,
	        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\nhello, world",
	        "POST /stream HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
	        "GET /later HTTP/1.1\r\nHost: a\r\n\r\n",
	        "POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nxxxx", "GET /open HTTP/1.0\r\n\r\n",
	        "HEAD /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
	        "GET /tunnel HTTP/1.1\r\nHost: a\r\n\r\n"};
	unsigned seed = 4711;
	char bytes[2000];
	for (int round = 0; round < 1500; round++) {
		size_t n = 0;
		rig_connect(r);
		for (int parts = 1 + rand_r(&seed) % 4; parts; parts--)
			n += (size_t)snprintf(bytes + n, sizeof bytes - n, "%s", stems[rand_r(&seed) % 8]);
		for (int flips = rand_r(&seed) % 3; flips; flips--)
			bytes[(size_t)rand_r(&seed) % n] = (char)rand_r(&seed);
		for (size_t at = 0, step; at < n; at += step) {
			step = 1 + (size_t)rand_r(&seed) % 60;
			rig_send(r, bytes + at, at + step > n ? n - at : step);
			if (r->later && rand_r(&seed) % 2) {
				if (r->later->responded)
					stream_send(r->later, S("tail"), rand_r(&seed) % 2);
				else
					rig_answer(r, "late");
			}
		}
		if (rand_r(&seed) % 2)
			shutdown(r->client, SHUT_WR);
		rig_turn(r);
		rig_heard(r);
		rig_events(r);
	}
	server_close(&r->server);
	rig_turn(r);
	ck_assert_uint_eq(r->server.stats.active, 0);
	ck_assert_uint_eq(r->loop->buffers.lent, 0);
}
END_TEST

static Suite *suite(void)
{
	const TTest *const tests[] = {a_request_is_answered_and_the_connection_stays, date_is_added,
	        pipelined_requests_are_answered_in_order, at_most_one_request_of_a_connection_is_active,
	        a_request_may_arrive_in_any_two_parts, a_request_may_arrive_byte_by_byte,
	        head_gets_no_body_but_its_length, http_1_0_closes_unless_asked, http_1_0_gets_close_instead_of_chunks,
	        http_1_1_gets_chunks, connection_close_of_the_client_is_obeyed, the_last_of_max_requests_closes,
	        close_after_closes, garbage_is_refused_and_the_connection_closed,
	        nothing_after_a_refused_request_is_served, heads_above_the_limits_are_refused,
	        a_head_larger_than_the_buffer_is_refused_whatever_the_limits,
	        pipelined_requests_beyond_one_buffer_are_served, no_memory_and_no_buffer_is_taken_per_request,
	        waiting_requests_hold_no_buffer, a_response_shorter_than_announced_ends_the_connection,
	        a_response_longer_than_announced_is_cut, statuses_without_body_have_none,
	        a_response_in_pieces_is_chunked_with_its_first_piece_in_the_same_write, status_101_makes_a_tunnel,
	        mangled_requests_in_random_pieces_do_no_harm};
	Suite *s = suite_create("h1_server");
	TCase *c = tcase_create("requests");
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
