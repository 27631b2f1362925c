/* h1_client: one exchange over a real socket whose other end is the test (proxy.md 3.2, 4.1; pitfalls.md B4, B5). */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/core/text.h"
#include "dp/client/h1_client.h"
#include "tests/support/loading.h"
#include "tests/support/turns.h"

static struct loop *loop;
static struct arena arena;
static struct h1_client client;
static struct h1_limits limits;
static struct conn *near_end, *kept;
static int far_end;

/* What the owner was told. */
static struct {
	int heads, lasts, fails, drained, status;
	enum client_failure why;
	struct text body;
	bool pause, cancel; /* what it does when it sees the head */
} seen;

static void on_reusable(struct h1_client *x, struct conn *c)
{
	static const struct conn_ops none = {0};
	ck_assert_int_eq(seen.lasts, 0);
	conn_adopt(c, &none, NULL); /* as every owner does */
	kept = c;
}

static void on_piece(struct h1_client *x, struct slice piece, bool last)
{
	ck_assert_int_eq(seen.lasts + seen.fails, 0);
	text_put(&seen.body, piece);
	seen.lasts += last;
	if (last)
		ck_assert_ptr_null(x->conn);
}

static void on_head(struct h1_client *x, struct head *response, struct slice piece, bool last)
{
	seen.heads++;
	seen.status = response->status;
	if (seen.pause)
		h1_client_pause(x, true);
	on_piece(x, piece, last);
	if (seen.cancel)
		h1_client_cancel(x);
}

static void on_drained(struct h1_client *x)
{
	seen.drained++;
}

static void on_fail(struct h1_client *x, enum client_failure why)
{
	ck_assert_int_eq(seen.lasts + seen.fails, 0);
	ck_assert_ptr_null(x->conn);
	seen.fails++;
	seen.why = why;
}

static const struct h1_client_ops ops = {
        .on_reusable = on_reusable,
        .on_head = on_head,
        .on_piece = on_piece,
        .on_drained = on_drained,
        .on_fail = on_fail,
};

static void begin(const char *method)
{
	near_end = turns_pair(loop, &far_end);
	kept = NULL;
	text_fini(&seen.body);
	memset(&seen, 0, sizeof seen);
	client = (struct h1_client){.limits = &limits, .read_timeout_ms = 3000, .write_timeout_ms = 3000};
	h1_client_start(&client, near_end, &arena, slice_cstr(method), &ops, NULL);
}

static void end(void)
{
	h1_client_cancel(&client);
	if (kept)
		conn_close(kept);
	kept = NULL;
	if (far_end >= 0)
		close(far_end);
	far_end = -1;
	turns_for(loop, 1);
}

static void setup(void)
{
	loop = turns_loop();
	arena_init(&arena);
	limits = h1_default_limits;
	far_end = -1;
}

static void teardown(void)
{
	end();
	text_fini(&seen.body);
	arena_fini(&arena);
	loop_free(loop);
}

static void write_bytes(const char *bytes, bool last)
{
	struct iovec part = {(void *)bytes, strlen(bytes)};
	h1_client_write(&client, &part, 1, last);
}

static bool is_over(void *arg)
{
	return seen.lasts + seen.fails > 0;
}

static bool wait_over(void)
{
	return turns_until(loop, 2000, is_over, NULL);
}

static bool has_head(void *arg)
{
	return seen.heads > 0;
}

static void close_far_end(void)
{
	close(far_end);
	far_end = -1;
}

/* A whole exchange: the answer in one packet, then perhaps the end. */
static void exchange(const char *method, const char *answer, bool closes)
{
	begin(method);
	write_bytes("X / HTTP/1.1\r\nHost: h\r\n\r\n", true);
	turns_send(far_end, answer);
	if (closes) {
		shutdown(far_end, SHUT_WR);
	}
	ck_assert_msg(wait_over(), "no end: %s", answer);
}

#define OK200 "HTTP/1.1 200 OK\r\n"

/* ---- framing ------------------------------------------------------------------------------------------------ */

START_TEST(a_body_ends_as_its_framing_says)
{
	static const struct {
		const char *method, *answer, *body;
		bool closes, reusable;
	} cases[] = {
	        {"GET", OK200 "Content-Length: 5\r\n\r\nhello", "hello", false, true},
	        {"GET", OK200 "Content-Length: 0\r\n\r\n", "", false, true},
	        {"GET", OK200 "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "hello", false, true},
	        {"GET", OK200 "Transfer-Encoding: chunked\r\n\r\n0\r\nX: 1\r\n\r\n", "", false, true},
	        {"GET", OK200 "\r\nhello", "hello", true, false},
	        {"GET", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok", false, false},
	        {"GET", OK200 "Connection: close\r\nContent-Length: 2\r\n\r\nok", "ok", false, false},
	        {"HEAD", OK200 "Content-Length: 5\r\n\r\n", "", false, true},
	        {"HEAD", OK200 "Transfer-Encoding: chunked\r\n\r\n", "", false, true},
	        {"GET", "HTTP/1.1 204 No Content\r\n\r\n", "", false, true},
	        {"GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "", false, true},
	        /* what nobody asked for: never read as the next response (B5 93, 94, 109) */
	        {"GET", OK200 "Content-Length: 2\r\n\r\nokmore", "ok", false, false},
	        {"GET", OK200 "Content-Length: 2\r\n\r\nok" OK200 "Content-Length: 0\r\n\r\n", "ok", false, false},
	        {"HEAD", OK200 "Content-Length: 5\r\n\r\nhello", "", false, false},
	        {"GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello", "", false, false},
	        {"GET", OK200 "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nx", "", false, false},
	        {"GET", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "ok", false,
	                false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		exchange(cases[i].method, cases[i].answer, cases[i].closes);
		ck_assert_msg(seen.lasts == 1 && seen.heads == 1, "%s", cases[i].answer);
		ck_assert_str_eq(text_cstr(&seen.body), cases[i].body);
		ck_assert_msg((kept != NULL) == cases[i].reusable, "%s", cases[i].answer);
		end();
	}
}
END_TEST

START_TEST(a_chunked_answer_may_be_cut_anywhere)
{
	static const char answer[] = OK200
	        "Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n1\r\nd\r\n0\r\nT: v\r\n\r\n";
	for (size_t cut = 1; cut < sizeof answer - 1; cut++) {
		char first[sizeof answer];
		begin("GET");
		write_bytes("GET / HTTP/1.1\r\n\r\n", true);
		memcpy(first, answer, cut);
		first[cut] = '\0';
		turns_send(far_end, first);
		turns_for(loop, 2);
		ck_assert_int_eq(seen.lasts, 0);
		turns_send(far_end, answer + cut);
		ck_assert(wait_over());
		ck_assert_str_eq(text_cstr(&seen.body), "abcd");
		ck_assert_int_eq(seen.heads, 1);
		ck_assert_ptr_nonnull(kept);
		end();
	}
}
END_TEST

START_TEST(invalid_answers_are_never_shown)
{
	static const char *const answers[] = {
	        OK200 "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
	        OK200 "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
	        OK200 "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
	        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
	        "hello",
	        OK200 "no colon\r\n\r\n",
	};
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
		exchange("GET", answers[i], strcmp(answers[i], "hello") == 0);
		ck_assert_msg(seen.fails == 1 && seen.heads == 0, "%s", answers[i]);
		if (strcmp(answers[i], "hello") != 0)
			ck_assert_int_eq(seen.why, CLIENT_INVALID);
		end();
	}
}
END_TEST

/* ---- interim heads (DEV-20) --------------------------------------------------------------------------------- */

START_TEST(interim_heads_are_skipped)
{
	exchange("GET",
	        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" OK200
	        "Content-Length: 2\r\n\r\nok",
	        false);
	ck_assert_int_eq(seen.status, 200);
	ck_assert_str_eq(text_cstr(&seen.body), "ok");
	ck_assert_ptr_nonnull(kept);
}
END_TEST

START_TEST(more_than_sixteen_interim_heads_are_invalid)
{
	begin("GET");
	write_bytes("x", true);
	for (int i = 0; i < 17; i++)
		turns_send(far_end, "HTTP/1.1 100 Continue\r\n\r\n");
	ck_assert(wait_over());
	ck_assert_int_eq(seen.why, CLIENT_INVALID);
}
END_TEST

START_TEST(interim_heads_that_fill_the_buffer_leave_room_for_the_final_one)
{
	char filler[7001];
	memset(filler, 'x', sizeof filler - 1);
	filler[sizeof filler - 1] = '\0';
	begin("GET");
	write_bytes("x", true);
	struct text t = {0};
	for (int i = 0; i < 9; i++)
		text_printf(&t, "HTTP/1.1 103 Early Hints\r\nLink: %s\r\n\r\n", filler);
	text_printf(&t, OK200 "X-A: %s\r\nX-B: %s\r\nContent-Length: 0\r\n\r\n", filler, filler);
	turns_send(far_end, text_cstr(&t));
	text_fini(&t);
	ck_assert(wait_over());
	ck_assert_int_eq(seen.status, 200);
}
END_TEST

/* ---- failures ----------------------------------------------------------------------------------------------- */

START_TEST(an_end_before_the_head_is_closed)
{
	begin("GET");
	write_bytes("x", true);
	close_far_end();
	ck_assert(wait_over());
	ck_assert_int_eq(seen.why, CLIENT_CLOSED);
	ck_assert(!client.received_any || seen.heads == 0);
}
END_TEST

START_TEST(an_end_within_the_body_is_seen)
{
	exchange("GET", OK200 "Content-Length: 50\r\n\r\nhello", true);
	ck_assert_int_eq(seen.heads, 1);
	ck_assert_int_eq(seen.why, CLIENT_BAD_BODY);
	end();
	exchange("GET", OK200 "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", true);
	ck_assert_int_eq(seen.why, CLIENT_BAD_BODY);
	end();
	begin("GET");
	write_bytes("x", true);
	turns_send(far_end, OK200 "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
	turns_until(loop, 1000, has_head, NULL);
	turns_send(far_end, "zz\r\n");
	ck_assert(wait_over());
	ck_assert_int_eq(seen.why, CLIENT_BAD_BODY);
}
END_TEST

START_TEST(a_silent_upstream_times_out)
{
	begin("GET");
	client.read_timeout_ms = 30;
	write_bytes("x", true);
	ck_assert(wait_over());
	ck_assert_int_eq(seen.why, CLIENT_TIMEOUT);
}
END_TEST

START_TEST(no_deadline_runs_while_the_client_is_waited_for)
{
	begin("POST");
	client.read_timeout_ms = client.write_timeout_ms = 30;
	write_bytes("POST / HTTP/1.1\r\n\r\n", false);
	turns_for(loop, 150);
	ck_assert_int_eq(seen.fails, 0);
	write_bytes("the rest", true);
	ck_assert(wait_over());
	ck_assert_int_eq(seen.why, CLIENT_TIMEOUT);
}
END_TEST

static char *much(size_t n)
{
	char *bytes = malloc(n + 1);
	memset(bytes, 'x', n);
	bytes[n] = '\0';
	return bytes;
}

static void take_some(void *arg)
{
	static char bytes[65536];
	ssize_t n = recv(far_end, bytes, sizeof bytes, MSG_DONTWAIT);
	(void)n;
}

START_TEST(a_slow_reader_is_not_a_silent_one)
{
	enum { SIZE = 64 * 1024 * 1024 }; /* more than the reader takes and the kernel keeps */
	char *bytes = much(SIZE);
	begin("POST");
	client.write_timeout_ms = 600; /* of a reader that has to share the machine */
	write_bytes(bytes, false);
	ck_assert_uint_gt(h1_client_queued(&client), 0);
	struct loop_timer *t = loop_timer_new(loop, 5, true, take_some, NULL);
	turns_for(loop, 1300);
	ck_assert_int_eq(seen.fails, 0);
	loop_timer_free(t);
	ck_assert_msg(wait_over(), "an upstream that takes nothing any more times out");
	ck_assert_int_eq(seen.why, CLIENT_TIMEOUT);
	free(bytes);
}
END_TEST

/* ---- early answers (B4 79) ---------------------------------------------------------------------------------- */

START_TEST(an_answer_to_half_a_request_ends_the_connection)
{
	begin("POST");
	write_bytes("POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\n", false);
	turns_send(far_end, "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno");
	ck_assert(wait_over());
	ck_assert_int_eq(seen.lasts, 1);
	ck_assert_int_eq(seen.status, 413);
	ck_assert_ptr_null(kept);
}
END_TEST

START_TEST(an_answer_is_read_although_the_upstream_has_reset)
{
	begin("POST");
	write_bytes("POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\n", false);
	turns_send(far_end, "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno");
	close_far_end(); /* with unread bytes: a reset */
	usleep(20000);
	for (int i = 0; i < 3 && client.conn; i++) /* the poller has not told anything yet */
		write_bytes("more", false);
	ck_assert(is_over(NULL));
	ck_assert_int_eq(seen.status, 413);
	ck_assert_str_eq(text_cstr(&seen.body), "no");
}
END_TEST

START_TEST(a_reset_is_not_the_end_of_a_body_until_close)
{
	begin("POST");
	write_bytes("POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\n", false);
	turns_send(far_end, OK200 "\r\nhalf");
	close_far_end();
	usleep(20000);
	for (int i = 0; i < 3 && client.conn; i++)
		write_bytes("more", false);
	wait_over();
	ck_assert_int_eq(seen.lasts, 0);
	ck_assert_int_eq(seen.why, CLIENT_BAD_BODY);
}
END_TEST

/* ---- back-pressure ------------------------------------------------------------------------------------------ */

START_TEST(a_paused_answer_waits_without_a_deadline)
{
	begin("GET");
	client.read_timeout_ms = 30;
	seen.pause = true;
	write_bytes("x", true);
	turns_send(far_end, OK200 "Content-Length: 10\r\n\r\nhello");
	ck_assert(turns_until(loop, 1000, has_head, NULL));
	turns_send(far_end, "world");
	turns_for(loop, 150);
	ck_assert_int_eq(seen.fails + seen.lasts, 0);
	ck_assert_str_eq(text_cstr(&seen.body), "hello");
	h1_client_pause(&client, false);
	ck_assert(wait_over());
	ck_assert_str_eq(text_cstr(&seen.body), "helloworld");
	ck_assert_ptr_nonnull(kept);
}
END_TEST

START_TEST(a_paused_answer_survives_the_end_of_the_connection)
{
	begin("GET");
	seen.pause = true;
	write_bytes("x", true);
	turns_send(far_end, OK200 "\r\nhello");
	ck_assert(turns_until(loop, 1000, has_head, NULL));
	turns_send(far_end, "world");
	close_far_end();
	turns_for(loop, 30);
	ck_assert_int_eq(seen.fails + seen.lasts, 0);
	h1_client_pause(&client, false);
	wait_over();
	ck_assert_str_eq(text_cstr(&seen.body), "helloworld");
	ck_assert_int_eq(seen.fails, 1); /* the far end had not read our "x": a reset */
}
END_TEST

START_TEST(much_arrives_whole_with_pauses)
{
	enum { SIZE = 3000000 };
	char *bytes = much(SIZE);
	begin("GET");
	write_bytes("x", true);
	turns_send(far_end, OK200 "Content-Length: 3000000\r\n\r\n");
	for (size_t at = 0; at < SIZE;) {
		ssize_t n = send(far_end, bytes + at, SIZE - at, MSG_NOSIGNAL);
		at += n > 0 ? (size_t)n : 0;
		h1_client_pause(&client, true);
		turns_for(loop, 2);
		h1_client_pause(&client, false);
		turns_for(loop, 1);
	}
	ck_assert(wait_over());
	ck_assert_uint_eq(seen.body.len, SIZE);
	ck_assert_ptr_nonnull(kept);
	free(bytes);
}
END_TEST

START_TEST(the_owner_may_end_it_inside)
{
	begin("GET");
	seen.cancel = true;
	write_bytes("x", true);
	turns_send(far_end, OK200 "Content-Length: 10\r\n\r\nhello");
	ck_assert(turns_until(loop, 1000, has_head, NULL));
	turns_for(loop, 10);
	ck_assert_int_eq(seen.fails + seen.lasts, 0);
	ck_assert_ptr_null(client.conn);
	ck_assert(turns_is_closed(far_end));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("h1_client");
	TCase *t = tcase_create("all");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 30);
	tcase_add_test(t, a_body_ends_as_its_framing_says);
	tcase_add_test(t, a_chunked_answer_may_be_cut_anywhere);
	tcase_add_test(t, invalid_answers_are_never_shown);
	tcase_add_test(t, interim_heads_are_skipped);
	tcase_add_test(t, more_than_sixteen_interim_heads_are_invalid);
	tcase_add_test(t, interim_heads_that_fill_the_buffer_leave_room_for_the_final_one);
	tcase_add_test(t, an_end_before_the_head_is_closed);
	tcase_add_test(t, an_end_within_the_body_is_seen);
	tcase_add_test(t, a_silent_upstream_times_out);
	tcase_add_test(t, no_deadline_runs_while_the_client_is_waited_for);
	tcase_add_test(t, a_slow_reader_is_not_a_silent_one);
	tcase_add_test(t, an_answer_to_half_a_request_ends_the_connection);
	tcase_add_test(t, an_answer_is_read_although_the_upstream_has_reset);
	tcase_add_test(t, a_reset_is_not_the_end_of_a_body_until_close);
	tcase_add_test(t, a_paused_answer_waits_without_a_deadline);
	tcase_add_test(t, a_paused_answer_survives_the_end_of_the_connection);
	tcase_add_test(t, much_arrives_whole_with_pauses);
	tcase_add_test(t, the_owner_may_end_it_inside);
	suite_add_tcase(s, t);
	return run_suite(s);
}
