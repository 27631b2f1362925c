/* h1_parse, responses: section B5 of the list of framing cases; every case whole, byte by byte and cut at every
 * offset. */
#include <check.h>

#include "tests/support/h1_feed.h"

static struct arena arena;
static struct head head;

static void setup(void)
{
	arena_init(&arena);
	head_init(&head, &arena);
}

static void teardown(void)
{
	arena_fini(&arena);
}

#define OK  "HTTP/1.1 200 OK\r\n"
#define TE  "Transfer-Encoding: "
#define CL  "Content-Length: "
#define END "\r\n"

static const struct verdict {
	const char *what;
	struct slice bytes;
	bool accepted;
} verdicts[] = {
        {"84: length and chunked, 9112 6.3", SLICE(OK CL "4\r\n" TE "chunked\r\n" END), false},
        {"85: two equal lengths", SLICE(OK CL "4\r\n" CL "4\r\n" END), false},
        {"86: two different lengths", SLICE(OK CL "4\r\n" CL "5\r\n" END), false},
        {"87: length that is no number", SLICE(OK CL "x\r\n" END), false},
        {"87: negative length", SLICE(OK CL "-1\r\n" END), false},
        {"87: empty length", SLICE(OK CL "\r\n" END), false},
        {"87: length beyond 2^63", SLICE(OK CL "9223372036854775808\r\n" END), false},
        {"87: bad length on 304", SLICE("HTTP/1.1 304 Not Modified\r\n" CL "x\r\n" END), false},
        {"88: gzip, chunked", SLICE(OK TE "gzip, chunked\r\n" END), false},
        {"88: identity", SLICE(OK TE "identity\r\n" END), false},
        {"88: two codings", SLICE(OK TE "chunked\r\n" TE "chunked\r\n" END), false},
        {"89: chunked on HTTP/1.0", SLICE("HTTP/1.0 200 OK\r\n" TE "chunked\r\n" END), true},
        {"96: folded line", SLICE(OK "A: b\r\n c\r\n" END), false},
        {"97: space before the colon", SLICE(OK "A : b\r\n" END), false},
        {"98: line without colon", SLICE(OK "foo\r\n" END), false},
        {"98: empty name", SLICE(OK ": b\r\n" END), false},
        {"99: NUL in a value", SLICE(OK "A: b\0c\r\n" END), false},
        {"99: NUL in the reason", SLICE("HTTP/1.1 200 O\0\r\n" END), false},
        {"100: control characters in a value",
                SLICE(OK "A: b\x01"
                         "c\x7f\r\n" END),
                true},
        {"100: control character in the reason", SLICE("HTTP/1.1 200 O\x02K\r\n" END), true},
        {"100: control character in a name", SLICE(OK "A\x01: b\r\n" END), false},
        {"101: bare CR in a value", SLICE(OK "A: b\rc\r\n" END), false},
        {"101: bare CR in the status line", SLICE("HTTP/1.1 200 OK\rA: b\r\n" END), false},
        {"102: bare LF line ends", SLICE("HTTP/1.1 200 OK\nA: b\n\n"), true},
        {"103: no status line (DEV-21)", SLICE("<html></html>\r\n" END), false},
        {"103: empty line first", SLICE("\r\n" OK END), false},
        {"104: http/1.1", SLICE("http/1.1 200 OK\r\n" END), false},
        {"105: 999", SLICE("HTTP/1.1 999 Odd\r\n" END), true},
        {"105: 099", SLICE("HTTP/1.1 099 Odd\r\n" END), false},
        {"105: two digits", SLICE("HTTP/1.1 20 Odd\r\n" END), false},
        {"105: four digits", SLICE("HTTP/1.1 2000 Odd\r\n" END), false},
        {"105: not digits", SLICE("HTTP/1.1 2x0 Odd\r\n" END), false},
        {"106: empty reason", SLICE("HTTP/1.1 200 \r\n" END), true},
        {"106: no space behind the status", SLICE("HTTP/1.1 200\r\n" END), true},
        {"HTTP/1.7 is 1.x", SLICE("HTTP/1.7 200 OK\r\n" END), true},
        {"HTTP/2.0", SLICE("HTTP/2.0 200 OK\r\n" END), false},
        {"HTTP/0.9", SLICE("HTTP/0.9 200 OK\r\n" END), false},
        {"two spaces before the status", SLICE("HTTP/1.1  200 OK\r\n" END), false},
        {"raw octets", SLICE("HTTP/1.1 200 \xc3\xa9\r\nA: \xff\r\n" END), true},
        {"Connection: Content-Length is left to the removal (DEV-3)",
                SLICE(OK CL "1\r\nConnection: Content-Length\r\n" END), true},
};

START_TEST(responses_are_judged_as_b5_says_and_always_with_502)
{
	const struct verdict *v = &verdicts[_i];
	struct h1_fed f = h1_feed(v->bytes, &h1_default_limits, S("GET"), &head);
	ck_assert_msg(f.result == (v->accepted ? H1_DONE : H1_BAD) && f.error.status == (v->accepted ? 0 : 502),
	        "%s: result %d status %d (%s)", v->what, f.result, f.error.status, f.error.why ? f.error.why : "");
}
END_TEST

static const struct body_case {
	struct slice bytes, method;
	enum h1_body body;
	bool keep_alive;
} bodies[] = {
        {SLICE(OK CL "5\r\n" END), SLICE("GET"), H1_BODY_LENGTH, true},
        {SLICE(OK CL "0\r\n" END), SLICE("GET"), H1_BODY_NONE, true},
        {SLICE(OK TE "Chunked\r\n" END), SLICE("GET"), H1_BODY_CHUNKED, true},
        {SLICE(OK END), SLICE("GET"), H1_BODY_UNTIL_CLOSE, false},
        {SLICE(OK CL "5\r\n" END), SLICE("HEAD"), H1_BODY_NONE, true},
        {SLICE(OK END), SLICE("HEAD"), H1_BODY_NONE, true},
        {SLICE(OK TE "chunked\r\n" END), SLICE("HEAD"), H1_BODY_NONE, true},
        {SLICE("HTTP/1.1 204 No Content\r\n" CL "5\r\n" END), SLICE("GET"), H1_BODY_NONE, true},
        {SLICE("HTTP/1.1 304 Not Modified\r\n" CL "5\r\n" END), SLICE("GET"), H1_BODY_NONE, true},
        {SLICE("HTTP/1.1 100 Continue\r\n" END), SLICE("POST"), H1_BODY_NONE, true},
        {SLICE("HTTP/1.1 103 Early Hints\r\nLink: a\r\n" END), SLICE("GET"), H1_BODY_NONE, true},
        {SLICE("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" END), SLICE("GET"),
                H1_BODY_NONE, true},
        {SLICE(OK CL "5\r\nConnection: close\r\n" END), SLICE("GET"), H1_BODY_LENGTH, false},
        {SLICE("HTTP/1.0 200 OK\r\n" CL "5\r\n" END), SLICE("GET"), H1_BODY_LENGTH, false},
        {SLICE("HTTP/1.0 200 OK\r\n" CL "5\r\nConnection: keep-alive\r\n" END), SLICE("GET"), H1_BODY_LENGTH, true},
        {SLICE("HTTP/1.0 200 OK\r\n" TE "chunked\r\nConnection: keep-alive\r\n" END), SLICE("GET"), H1_BODY_CHUNKED,
                false},
};

START_TEST(the_end_of_the_body_follows_rfc_9112_6_3)
{
	const struct body_case *c = &bodies[_i];
	ck_assert_int_eq(h1_feed(c->bytes, &h1_default_limits, c->method, &head).result, H1_DONE);
	ck_assert_int_eq(h1_response_body(&head, c->method), c->body);
	ck_assert_int_eq(head.keep_alive, c->keep_alive);
}
END_TEST

START_TEST(status_reason_and_fields_are_read)
{
	struct slice bytes = S(
	        "HTTP/1.0 404 Not Found \r\nServer: x\r\nset-cookie: a=1\r\nset-cookie: b=2\r\n\r\nrest");
	struct h1_fed f = h1_feed(bytes, &h1_default_limits, S("GET"), &head);
	ck_assert_uint_eq(f.used, bytes.len - 4);
	ck_assert_int_eq(head.status, 404);
	ck_assert_int_eq(head.version, HTTP_1_0);
	ck_assert(slice_starts(head.reason, S("Not Found")));
	ck_assert_uint_eq(head.count, 3);
	ck_assert_uint_eq(head.headers[2].id, HEADER_SET_COOKIE);
}
END_TEST

START_TEST(announced_length_of_a_head_response_is_kept)
{
	h1_feed(S(OK CL "5\r\n" END), &h1_default_limits, S("HEAD"), &head);
	ck_assert_int_eq(head.content_length, 5);
}
END_TEST

START_TEST(control_characters_become_spaces_and_the_buffer_stays_as_it_was)
{
	char bytes[] = "HTTP/1.1 200 O\x02K\r\nA: b\x01"
	               "c\td\x7f\x1f\r\nB: plain\r\n\r\n";
	struct slice s = slice_of(bytes, sizeof bytes - 1);
	h1_feed(s, &h1_default_limits, S("GET"), &head);
	ck_assert(slice_eq(head.reason, S("O K")));
	ck_assert(slice_eq(head.headers[0].value, S("b c\td  ")));
	ck_assert(slice_eq(head.headers[1].value, S("plain")));
	ck_assert(head.headers[1].value.ptr > bytes && head.headers[1].value.ptr < bytes + sizeof bytes);
	ck_assert_int_eq(bytes[14], 2);
}
END_TEST

START_TEST(equal_framing_fields_are_merged_when_that_is_tolerated)
{
	struct h1_limits l = h1_default_limits;
	l.tolerate_equal = true;
	ck_assert_int_eq(h1_feed(S(OK CL "4\r\n" CL "4\r\n" END), &l, S("GET"), &head).result, H1_DONE);
	ck_assert_int_eq(head.content_length, 4);
	ck_assert_int_eq(h1_feed(S(OK TE "chunked\r\n" TE "chunked\r\n" END), &l, S("GET"), &head).result, H1_DONE);
	ck_assert_int_eq(h1_feed(S(OK CL "4\r\n" CL "04\r\n" END), &l, S("GET"), &head).result, H1_BAD);
	ck_assert_int_eq(h1_feed(S(OK CL "4\r\n" TE "chunked\r\n" END), &l, S("GET"), &head).result, H1_BAD);
	/* Not for requests. */
	struct slice request = S("POST / HTTP/1.1\r\nHost: a\r\n" CL "4\r\n" CL "4\r\n" END);
	ck_assert_int_eq(h1_feed(request, &l, (struct slice){NULL, 0}, &head).error.status, 400);
}
END_TEST

START_TEST(limits_end_in_502)
{
	struct h1_limits l = h1_default_limits;
	l.block = 24;
	ck_assert_int_eq(h1_feed(S(OK "Server: x\r\n" END), &l, S("GET"), &head).error.status, 502);
	l.block = 32768;
	l.line = 16;
	ck_assert_int_eq(h1_feed(S("HTTP/1.1 200 Something long\r\n" END), &l, S("GET"), &head).error.status, 502);
	l.line = 8192;
	l.fields = 1;
	ck_assert_int_eq(h1_feed(S(OK "A: b\r\nC: d\r\n" END), &l, S("GET"), &head).error.status, 502);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("h1_response");
	TCase *t = tcase_create("h1_response");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(
	        t, responses_are_judged_as_b5_says_and_always_with_502, 0, sizeof verdicts / sizeof *verdicts);
	tcase_add_loop_test(t, the_end_of_the_body_follows_rfc_9112_6_3, 0, sizeof bodies / sizeof *bodies);
	tcase_add_test(t, status_reason_and_fields_are_read);
	tcase_add_test(t, announced_length_of_a_head_response_is_kept);
	tcase_add_test(t, control_characters_become_spaces_and_the_buffer_stays_as_it_was);
	tcase_add_test(t, equal_framing_fields_are_merged_when_that_is_tolerated);
	tcase_add_test(t, limits_end_in_502);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
