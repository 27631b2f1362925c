/* h1_write and http_reason. */
#include <check.h>

#include "common/http/h1_parse.h"
#include "common/http/h1_write.h"

static struct arena arena;
static struct head head;
static char out[4096];

static void setup(void)
{
	arena_init(&arena);
	head_init(&head, &arena);
}

static void teardown(void)
{
	arena_fini(&arena);
}

static void writes_request(struct slice connection, const char *want)
{
	size_t n = h1_write_request(out, &head, connection);
	ck_assert_uint_le(n, h1_write_bound(&head));
	ck_assert_msg(n == strlen(want) && memcmp(out, want, n) == 0, "wrote\n%.*s", (int)n, out);
}

static void writes_response(struct slice connection, const char *want)
{
	size_t n = h1_write_response(out, &head, connection);
	ck_assert_uint_le(n, h1_write_bound(&head));
	ck_assert_msg(n == strlen(want) && memcmp(out, want, n) == 0, "wrote\n%.*s", (int)n, out);
}

START_TEST(framing_fields_are_written_from_what_was_decided_and_never_copied)
{
	head.method = S("POST");
	head.target = S("/a?b");
	head.content_length = 12345678901;
	head_add(&head, S("Host"), S("h"));
	head_add(&head, S("content-length"), S("1"));
	head_add(&head, S("Transfer-Encoding"), S("gzip"));
	head_add(&head, S("CONNECTION"), S("x"));
	head_add(&head, S("Keep-Alive"), S("x"));
	head_add(&head, S("x-B"), S(""));
	writes_request(S("keep-alive"),
	        "POST /a?b HTTP/1.1\r\nHost: h\r\nx-B: \r\nContent-Length: 12345678901\r\nConnection: keep-alive\r\n\r\n");
	head.chunked = true;
	writes_request((struct slice){NULL, 0},
	        "POST /a?b HTTP/1.1\r\nHost: h\r\nx-B: \r\nTransfer-Encoding: chunked\r\n\r\n");
}
END_TEST

START_TEST(a_response_has_the_reason_it_came_with_or_the_standard_one)
{
	head.status = 404;
	head.content_length = 0;
	writes_response(S("close"), "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
	head.reason = S("Gone Fishing");
	writes_response((struct slice){NULL, 0}, "HTTP/1.1 404 Gone Fishing\r\nContent-Length: 0\r\n\r\n");
	head.status = 799;
	head.reason = (struct slice){NULL, 0};
	head.content_length = -1;
	writes_response((struct slice){NULL, 0}, "HTTP/1.1 799 Unknown\r\n\r\n");
}
END_TEST

START_TEST(no_value_can_end_its_line)
{
	head.method = S("GET");
	head.target = S("/a b\r\nX: y");
	head_add(&head, S("A"), S("b\r\nEvil: 1\n\0\tc"));
	head_add(&head, S("N\r\nEvil"), S("d"));
	writes_request((struct slice){NULL, 0},
	        "GET /a%20b%0D%0AX:%20y HTTP/1.1\r\nA: b  Evil: 1  \tc\r\nN  Evil: d\r\n\r\n");
	head.status = 200;
	head.reason = S("a\r\nb");
	writes_response((struct slice){NULL, 0}, "HTTP/1.1 200 a  b\r\nA: b  Evil: 1  \tc\r\nN  Evil: d\r\n\r\n");
}
END_TEST

START_TEST(the_bound_holds_for_the_worst_target)
{
	char target[600];
	memset(target, ' ', sizeof target);
	head.method = S("GET");
	head.target = slice_of(target, sizeof target);
	head.content_length = INT64_MAX;
	ck_assert_uint_le(h1_write_request(out, &head, S("keep-alive, Upgrade")), h1_write_bound(&head));
}
END_TEST

START_TEST(what_is_written_is_read_back)
{
	struct head again;
	struct h1_error e;
	size_t used, n;

	head.method = S("PUT");
	head.target = S("/x");
	head.content_length = 3;
	head_add(&head, S("Host"), S("a"));
	head_add(&head, S("X-A"), S("1"));
	n = h1_write_request(out, &head, S("close"));
	head_init(&again, &arena);
	ck_assert_int_eq(h1_parse_request(out, n, &h1_default_limits, &again, &used, &e), H1_DONE);
	ck_assert_uint_eq(used, n);
	ck_assert(again.content_length == 3 && !again.keep_alive && again.count == 4);
}
END_TEST

START_TEST(reasons_are_those_of_the_registry)
{
	ck_assert(slice_eq(http_reason(200), S("OK")));
	ck_assert(slice_eq(http_reason(426), S("Upgrade Required")));
	ck_assert(slice_eq(http_reason(494), S("Unknown")));
	ck_assert(slice_eq(http_reason(0), S("Unknown")));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("h1_write");
	TCase *t = tcase_create("h1_write");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, framing_fields_are_written_from_what_was_decided_and_never_copied);
	tcase_add_test(t, a_response_has_the_reason_it_came_with_or_the_standard_one);
	tcase_add_test(t, no_value_can_end_its_line);
	tcase_add_test(t, the_bound_holds_for_the_worst_target);
	tcase_add_test(t, what_is_written_is_read_back);
	tcase_add_test(t, reasons_are_those_of_the_registry);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
