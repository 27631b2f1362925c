/* h1_parse, requests: what is refused and with which status, row by row of the list of framing cases (part B of
 * pitfalls.md), and what an accepted head says. Every case is run whole, byte by byte and cut at every offset. */
#include <check.h>
#include <stdio.h>

#include "tests/support/h1_feed.h"

static const struct h1_limits compat = {.line = 8192, .block = 32768, .fields = 1000, .compat = true};

/* status 0: accepted */
struct verdict {
	const char *what;
	struct slice bytes;
	int strict, compat;
};
#define ROW(what, bytes, strict, compat)           \
	{                                          \
		what, SLICE(bytes), strict, compat \
	}
#define H   "Host: a\r\n"
#define END "\r\n"

static const struct verdict start_lines[] = {
        ROW("1: one empty line before the request line, 9112 2.2", "\r\nGET / HTTP/1.1\r\n" H END, 0, 0),
        ROW("1: four empty lines", "\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n" H END, 0, 0),
        ROW("1: five empty lines", "\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n" H END, 400, 400),
        ROW("1: empty line ended by bare LF", "\nGET / HTTP/1.1\r\n" H END, 400, 0),
        ROW("1: blank line that is not empty", " \r\nGET / HTTP/1.1\r\n" H END, 400, 400),
        ROW("2: two spaces before the target, 9112 3", "GET  / HTTP/1.1\r\n" H END, 400, 0),
        ROW("2: two spaces before the version", "GET /  HTTP/1.1\r\n" H END, 400, 0),
        ROW("2: space behind the version", "GET / HTTP/1.1 \r\n" H END, 400, 0),
        ROW("2: space before the method", " GET / HTTP/1.1\r\n" H END, 400, 400),
        ROW("3: TAB before the target", "GET\t/ HTTP/1.1\r\n" H END, 400, 400),
        ROW("3: TAB before the version", "GET /\tHTTP/1.1\r\n" H END, 400, 400),
        ROW("4: space inside the target, 9112 3.2", "GET /a b HTTP/1.1\r\n" H END, 400, 400),
        ROW("5: lower-case method", "get / HTTP/1.1\r\n" H END, 400, 400),
        ROW("5: mixed-case method", "Get / HTTP/1.1\r\n" H END, 400, 400),
        ROW("6: M-SEARCH, 9110 9.1", "M-SEARCH / HTTP/1.1\r\n" H END, 0, 0),
        ROW("6: GE_T", "GE_T / HTTP/1.1\r\n" H END, 0, 0),
        ROW("6: method that is no token", "GE(T / HTTP/1.1\r\n" H END, 400, 400),
        ROW("6: no method", "/ HTTP/1.1\r\n" H END, 400, 400),
        ROW("7: HTTP/1.2, 9112 2.3", "GET / HTTP/1.2\r\n" H END, 400, 0),
        ROW("7: HTTP/1.9", "GET / HTTP/1.9\r\n" H END, 400, 0),
        ROW("8: HTTP/2.0", "GET / HTTP/2.0\r\n" H END, 505, 505),
        ROW("8: HTTP/3.1", "GET / HTTP/3.1\r\n" H END, 505, 505),
        ROW("8: connection preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, 505),
        ROW("9: HTTP/0.9", "GET /\r\n" END, 400, 400),
        ROW("9: HTTP/0.9 that says so", "GET / HTTP/0.9\r\n" H END, 400, 400),
        ROW("10: http/1.1", "GET / http/1.1\r\n" H END, 400, 400),
        ROW("10: HTTP/01.1", "GET / HTTP/01.1\r\n" H END, 400, 400),
        ROW("10: HTTP/1.1x", "GET / HTTP/1.1x\r\n" H END, 400, 400),
        ROW("10: HTTP/1.10", "GET / HTTP/1.10\r\n" H END, 400, 400),
        ROW("10: HTTP/1", "GET / HTTP/1\r\n" H END, 400, 400),
        ROW("10: HTTP/20.0", "GET / HTTP/20.0\r\n" H END, 400, 400),
        ROW("10: no version behind the space", "GET / \r\n" H END, 400, 400),
        ROW("11: NUL in the target", "GET /\0 HTTP/1.1\r\n" H END, 400, 400),
        ROW("11: DEL in the target", "GET /\x7f HTTP/1.1\r\n" H END, 400, 400),
        ROW("11: control character in the target", "GET /\x01 HTTP/1.1\r\n" H END, 400, 400),
        ROW("11: CR in the target", "GET /\r HTTP/1.1\r\n" H END, 400, 400),
        ROW("12: raw octet in the target", "GET /caf\xc3\xa9 HTTP/1.1\r\n" H END, 0, 0),
        ROW("13: fragment", "GET /#a HTTP/1.1\r\n" H END, 400, 0),
        ROW("13: two number signs", "GET /#a#b HTTP/1.1\r\n" H END, 400, 0),
        ROW("16: absolute-form that equals Host, 9112 3.2.2", "GET http://a/x HTTP/1.1\r\n" H END, 0, 0),
        ROW("16: the same in other letters", "GET HTTP://A HTTP/1.1\r\n" H END, 0, 0),
        ROW("16: https and a query without a path", "GET https://a?x HTTP/1.1\r\n" H END, 0, 0),
        ROW("16: with port on both sides", "GET http://a:80/ HTTP/1.1\r\nHost: a:80\r\n" END, 0, 0),
        ROW("17: absolute-form that differs from Host (DEV-17)", "GET http://b/ HTTP/1.1\r\n" H END, 400, 400),
        ROW("17: port on one side only", "GET http://a:81/ HTTP/1.1\r\n" H END, 400, 400),
        ROW("17: user information, 9110 4.2.4", "GET http://u@a/ HTTP/1.1\r\nHost: u@a\r\n" END, 400, 400),
        ROW("17: no Host beside the authority", "GET http://a/ HTTP/1.1\r\n" END, 400, 400),
        ROW("17: bad authority on HTTP/1.0", "GET http://u@a/ HTTP/1.0\r\n" END, 400, 400),
        ROW("17: no authority", "GET http:///x HTTP/1.1\r\n" H END, 400, 400),
        ROW("17: another scheme", "GET ftp://a/ HTTP/1.1\r\n" H END, 400, 400),
        ROW("18: OPTIONS *, 9112 3.2.4", "OPTIONS * HTTP/1.1\r\n" H END, 400, 400),
        ROW("19: GET *", "GET * HTTP/1.1\r\n" H END, 400, 400),
        ROW("19: target without a slash", "GET a HTTP/1.1\r\n" H END, 400, 400),
        ROW("20: CONNECT in authority-form, 9110 9.3.6", "CONNECT a:443 HTTP/1.1\r\n" H END, 400, 400),
        ROW("20: CONNECT in origin-form", "CONNECT / HTTP/1.1\r\n" H END, 405, 405),
        ROW("21: TRACE", "TRACE / HTTP/1.1\r\n" H END, 405, 405),
        ROW("TLS on a plain port", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n\n", 400, 400),
};

static const struct verdict fields[] = {
        ROW("23: bare LF behind the request line, 9112 2.2", "GET / HTTP/1.1\n" H END, 400, 0),
        ROW("23: bare LF behind a field", "GET / HTTP/1.1\r\nHost: a\n" END, 400, 0),
        ROW("23: bare LF as the last line", "GET / HTTP/1.1\r\n" H "\n", 400, 0),
        ROW("24: bare CR in a value", "GET / HTTP/1.1\r\n" H "A: b\rc\r\n" END, 400, 400),
        ROW("24: bare CR behind the request line", "GET / HTTP/1.1\r" H END, 400, 400),
        ROW("24: CR CR LF", "GET / HTTP/1.1\r\n" H "A: b\r\r\n" END, 400, 400),
        ROW("24: CR at the end instead of a line end", "GET / HTTP/1.1\r\n" H "\rX", 400, 400),
        ROW("25: space before the colon, 9112 5.1", "GET / HTTP/1.1\r\n" H "A : b\r\n" END, 400, 400),
        ROW("25: TAB before the colon", "GET / HTTP/1.1\r\n" H "A\t: b\r\n" END, 400, 400),
        ROW("26: space before the first field, 9112 2.2", "GET / HTTP/1.1\r\n Host: a\r\n" END, 400, 400),
        ROW("27: folded line, 9112 5.2", "GET / HTTP/1.1\r\n" H "A: b\r\n c\r\n" END, 400, 400),
        ROW("27: folded with TAB", "GET / HTTP/1.1\r\n" H "A: b\r\n\tc\r\n" END, 400, 400),
        ROW("28: folded Transfer-Encoding and Content-Length",
                "POST / HTTP/1.1\r\n" H "Transfer-Encoding:\r\n chunked\r\nContent-Length: 1\r\n" END, 400, 400),
        ROW("29: line without colon (DEV-4)", "GET / HTTP/1.1\r\n" H "foo\r\n" END, 400, 400),
        ROW("30: empty name", "GET / HTTP/1.1\r\n" H ": x\r\n" END, 400, 400),
        ROW("31: invalid character in a name (DEV-4)", "GET / HTTP/1.1\r\n" H "X(A): b\r\n" END, 400, 400),
        ROW("31: raw octet in a name", "GET / HTTP/1.1\r\n" H "X\xc3: b\r\n" END, 400, 400),
        ROW("31: NUL in a name", "GET / HTTP/1.1\r\n" H "X\0: b\r\n" END, 400, 400),
        ROW("31: every tchar in a name", "GET / HTTP/1.1\r\n" H "!#$%&'*+-.^_`|~09azAZ: b\r\n" END, 0, 0),
        ROW("32: X_A next to X-A", "GET / HTTP/1.1\r\n" H "X_A: b\r\nX-A: c\r\n" END, 0, 0),
        ROW("33: NUL in a value, 9110 5.5", "GET / HTTP/1.1\r\n" H "A: b\0c\r\n" END, 400, 400),
        ROW("34: control character in a value (DEV-19)", "GET / HTTP/1.1\r\n" H "A: b\x01\r\n" END, 400, 400),
        ROW("34: DEL in a value", "GET / HTTP/1.1\r\n" H "A: b\x7f\r\n" END, 400, 400),
        ROW("34: vertical tab before a value", "GET / HTTP/1.1\r\n" H "A:\x0b b\r\n" END, 400, 400),
        ROW("34: TAB in a value", "GET / HTTP/1.1\r\n" H "A: b\tc\r\n" END, 0, 0),
        ROW("35: raw octets in a value", "GET / HTTP/1.1\r\n" H "A: \xff\x80\r\n" END, 0, 0),
        ROW("36: no Host on HTTP/1.1, 9112 3.2", "GET / HTTP/1.1\r\n" END, 400, 400),
        ROW("36: no Host on HTTP/1.0", "GET / HTTP/1.0\r\n" END, 0, 0),
        ROW("37: two different Host", "GET / HTTP/1.1\r\n" H "Host: b\r\n" END, 400, 400),
        ROW("38: two equal Host", "GET / HTTP/1.1\r\n" H H END, 400, 400),
        ROW("38: two equal Host on HTTP/1.0", "GET / HTTP/1.0\r\n" H H END, 400, 400),
        ROW("39: empty Host", "GET / HTTP/1.1\r\nHost:\r\n" END, 400, 400),
        ROW("39: Host of blanks", "GET / HTTP/1.1\r\nHost: \t \r\n" END, 400, 400),
        ROW("40: slash in Host", "GET / HTTP/1.1\r\nHost: a/b\r\n" END, 400, 400),
        ROW("40: user information in Host", "GET / HTTP/1.1\r\nHost: a@b\r\n" END, 400, 400),
        ROW("40: NUL in Host", "GET / HTTP/1.1\r\nHost: a\0b\r\n" END, 400, 400),
        ROW("40: space in Host", "GET / HTTP/1.1\r\nHost: a b\r\n" END, 400, 400),
        ROW("40: list in Host", "GET / HTTP/1.1\r\nHost: a, b\r\n" END, 400, 400),
        ROW("40: raw octet in Host", "GET / HTTP/1.1\r\nHost: \xc3\xa9\r\n" END, 400, 400),
        ROW("40: port that is no number", "GET / HTTP/1.1\r\nHost: a:b\r\n" END, 400, 400),
        ROW("40: port beyond 65535", "GET / HTTP/1.1\r\nHost: a:65536\r\n" END, 400, 400),
        ROW("40: port without a host", "GET / HTTP/1.1\r\nHost: :80\r\n" END, 400, 400),
        ROW("40: bracket that does not close", "GET / HTTP/1.1\r\nHost: [::1\r\n" END, 400, 400),
        ROW("40: text behind the bracket", "GET / HTTP/1.1\r\nHost: [::1]a\r\n" END, 400, 400),
        ROW("40: name in brackets", "GET / HTTP/1.1\r\nHost: [a]\r\n" END, 400, 400),
        ROW("40: half a triplet", "GET / HTTP/1.1\r\nHost: a%2\r\n" END, 400, 400),
        ROW("40: IPv6 with port, 3986 3.2.2", "GET / HTTP/1.1\r\nHost: [2001:db8::1]:8000\r\n" END, 0, 0),
        ROW("40: IPv6 without brackets (R-1.5)", "GET / HTTP/1.1\r\nHost: ::11\r\n" END, 0, 0),
        ROW("40: empty port, 3986 3.2.3", "GET / HTTP/1.1\r\nHost: a:\r\n" END, 0, 0),
        ROW("40: underscore and sub-delims", "GET / HTTP/1.1\r\nHost: a_b.c-d!e\r\n" END, 0, 0),
        ROW("40: triplet", "GET / HTTP/1.1\r\nHost: a%20b:8\r\n" END, 0, 0),
};

#define POST "POST / HTTP/1.1\r\n" H
#define TE   "Transfer-Encoding: "
#define CL   "Content-Length: "
static const struct verdict framing[] = {
        ROW("46: Content-Length and chunked, 9112 6.3", POST CL "4\r\n" TE "chunked\r\n" END, 400, 400),
        ROW("46: the other way round", POST TE "chunked\r\n" CL "4\r\n" END, 400, 400),
        ROW("46: Content-Length and an unknown coding", POST TE "gzip\r\n" CL "4\r\n" END, 400, 400),
        ROW("47: Transfer-Encoding on HTTP/1.0, 9112 6.1", "POST / HTTP/1.0\r\n" H TE "chunked\r\n" END, 400, 400),
        ROW("48: two equal Content-Length, 9110 8.6", POST CL "4\r\n" CL "4\r\n" END, 400, 400),
        ROW("49: two different Content-Length", POST CL "4\r\n" CL "5\r\n" END, 400, 400),
        ROW("50: Content-Length: 1, 1", POST CL "1, 1\r\n" END, 400, 400),
        ROW("51: +1", POST CL "+1\r\n" END, 400, 400),
        ROW("51: -1", POST CL "-1\r\n" END, 400, 400),
        ROW("51: 0x1", POST CL "0x1\r\n" END, 400, 400),
        ROW("51: 1 2", POST CL "1 2\r\n" END, 400, 400),
        ROW("51: 1;", POST CL "1;\r\n" END, 400, 400),
        ROW("51: empty", POST CL "\r\n" END, 400, 400),
        ROW("51: 2^63 - 1", POST CL "9223372036854775807\r\n" END, 0, 0),
        ROW("51: 2^63", POST CL "9223372036854775808\r\n" END, 400, 400),
        ROW("51: 2^64 + 1", POST CL "18446744073709551617\r\n" END, 400, 400),
        ROW("51: leading zeros", POST CL "0000000000000000000000004\r\n" END, 0, 0),
        ROW("52: gzip, chunked", POST TE "gzip, chunked\r\n" END, 501, 501),
        ROW("53: identity", POST TE "identity\r\n" END, 501, 501),
        ROW("53: xchunked", POST TE "xchunked\r\n" END, 501, 501),
        ROW("53: chunked, chunked", POST TE "chunked, chunked\r\n" END, 501, 501),
        ROW("53: vertical tab before chunked",
                POST TE "\x0b"
                        "chunked\r\n" END,
                400, 400),
        ROW("53: empty", POST TE "\r\n" END, 400, 400),
        ROW("53: chunked with a parameter", POST TE "chunked;q=1\r\n" END, 400, 400),
        ROW("53: chunked and nothing", POST TE "chunked,\r\n" END, 400, 400),
        ROW("53: quoted", POST TE "\"chunked\"\r\n" END, 400, 400),
        ROW("54: two Transfer-Encoding", POST TE "chunked\r\n" TE "chunked\r\n" END, 400, 400),
        ROW("54: gzip and chunked on two lines", POST TE "gzip\r\n" TE "chunked\r\n" END, 400, 400),
        ROW("55: ChUnKeD", POST TE "ChUnKeD\r\n" END, 0, 0),
        ROW("63: another Expect", POST "Expect: 200-ok\r\n" END, 0, 0),
        ROW("64: GET with a body", "GET / HTTP/1.1\r\n" H CL "3\r\n" END, 0, 0),
        ROW("70: Connection: Content-Length (DEV-3)", POST CL "3\r\nConnection: content-length\r\n" END, 400, 400),
        ROW("70: Connection: Transfer-Encoding", POST "Connection: close, Transfer-Encoding\r\n" END, 400, 400),
        ROW("70: Connection: Host", POST "Connection: x,host\r\n" END, 400, 400),
        ROW("71: Connection: X-Forwarded-For", POST "Connection: X-Forwarded-For\r\n" END, 0, 0),
        ROW("75: upgrade with a length (DEV-22)", POST CL "1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" END,
                400, 400),
        ROW("75: upgrade with chunks", POST TE "chunked\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n" END, 400,
                400),
        ROW("75: the same without Connection", POST CL "1\r\nUpgrade: websocket\r\n" END, 400, 400),
        ROW("75: upgrade without a body", POST CL "0\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" END, 0, 0),
        ROW("75: another upgrade with a body", POST CL "1\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n" END, 0, 0),
};

static void run(const struct verdict *v)
{
	for (int c = 0; c < 2; c++) {
		const struct h1_limits *limits = c ? &compat : &h1_default_limits;
		int want = c ? v->compat : v->strict;
		struct arena arena;
		struct head h;

		arena_init(&arena);
		head_init(&h, &arena);
		struct h1_fed f = h1_feed(v->bytes, limits, (struct slice){NULL, 0}, &h);
		ck_assert_msg(f.result == (want ? H1_BAD : H1_DONE) && f.error.status == want,
		        "row %s%s: result %d, status %d (%s), expected %d", v->what, c ? " [compat]" : "", f.result,
		        f.error.status, f.error.why ? f.error.why : "", want);
		if (!want)
			ck_assert_msg(f.used == v->bytes.len, "row %s: used %zu", v->what, f.used);
		arena_fini(&arena);
	}
}

START_TEST(start_lines_are_judged_as_b1_says)
{
	run(&start_lines[_i]);
}
END_TEST

START_TEST(fields_are_judged_as_b2_says)
{
	run(&fields[_i]);
}
END_TEST

START_TEST(framing_is_judged_as_b3_and_b4_say)
{
	run(&framing[_i]);
}
END_TEST

/* --- limits (rows 22, 41-43; B7) ------------------------------------------------------------------------- */

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

static struct h1_fed feed(struct slice bytes, const struct h1_limits *limits)
{
	return h1_feed(bytes, limits, (struct slice){NULL, 0}, &head);
}

START_TEST(a_request_line_may_be_as_long_as_the_limit_and_no_longer)
{
	struct h1_limits l = h1_default_limits;
	struct slice ok = S("GET /abcdef HTTP/1.1\r\n" H END);
	l.line = 22;
	ck_assert_int_eq(feed(ok, &l).result, H1_DONE);
	l.line = 21;
	ck_assert_int_eq(feed(ok, &l).error.status, 414);
	ck_assert_int_eq(feed(S("GET /aaaaaaaaaaaaaaaaaaaaaa"), &l).error.status, 414);
}
END_TEST

START_TEST(a_header_line_may_be_as_long_as_the_limit_and_no_longer)
{
	struct h1_limits l = h1_default_limits;
	struct slice ok = S("GET / HTTP/1.1\r\n" H "Long-Name: value value\r\n" END);
	l.line = 24;
	ck_assert_int_eq(feed(ok, &l).result, H1_DONE);
	l.line = 23;
	ck_assert_int_eq(feed(ok, &l).error.status, 494);
	ck_assert_int_eq(feed(S("GET / HTTP/1.1\r\n" H "Aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), &l).error.status, 494);
}
END_TEST

START_TEST(the_block_has_a_limit)
{
	struct h1_limits l = h1_default_limits;
	struct slice ok = S("GET / HTTP/1.1\r\n" H "A: b\r\n" END);
	l.block = ok.len;
	ck_assert_int_eq(feed(ok, &l).result, H1_DONE);
	l.block = ok.len - 1;
	ck_assert_int_eq(feed(ok, &l).error.status, 494);
}
END_TEST

START_TEST(the_number_of_fields_has_a_limit)
{
	struct h1_limits l = h1_default_limits;
	struct slice three = S("GET / HTTP/1.1\r\n" H "A: b\r\nC: d\r\n" END);
	l.fields = 3;
	ck_assert_int_eq(feed(three, &l).result, H1_DONE);
	l.fields = 2;
	ck_assert_int_eq(feed(three, &l).error.status, 494);
}
END_TEST

START_TEST(default_limits_take_a_thousand_fields_of_one_request)
{
	static char big[32768];
	size_t n = (size_t)snprintf(big, sizeof big, "GET / HTTP/1.1\r\n" H);
	for (int i = 0; i < 999; i++)
		n += (size_t)snprintf(big + n, sizeof big - n, "A%d: b\r\n", i);
	n += (size_t)snprintf(big + n, sizeof big - n, "\r\n");

	struct h1_error e = {0};
	size_t used;
	ck_assert_int_eq(h1_parse_request(big, n, &h1_default_limits, &head, &used, &e), H1_DONE);
	ck_assert_uint_eq(head.count, 1000);
	ck_assert(slice_eq(head.headers[999].name, S("A998")));
}
END_TEST

START_TEST(a_head_that_comes_byte_by_byte_takes_no_memory_for_each_call)
{
	struct slice bytes = S("GET / HTTP/1.1\r\n" H "Accept: */*\r\nUser-Agent: x\r\n");
	struct h1_error e = {0};
	size_t used;
	for (int round = 0; round < 100; round++)
		for (size_t n = 1; n <= bytes.len; n++)
			ck_assert_int_eq(
			        h1_parse_request(bytes.ptr, n, &h1_default_limits, &head, &used, &e), H1_MORE);
	ck_assert_uint_le(arena.used, 8192);
}
END_TEST

/* --- what an accepted head says -------------------------------------------------------------------------- */

START_TEST(method_target_fields_and_length_are_slices_of_the_buffer)
{
	struct slice bytes = S(
	        "\r\nPUT /a?b=c HTTP/1.1\r\nhOST:a\r\nX-A: \t b c \t\r\nX-Empty:\r\nContent-Length: 12\r\n\r\nbody");
	struct h1_fed f = feed(bytes, &h1_default_limits);

	ck_assert_int_eq(f.result, H1_DONE);
	ck_assert_uint_eq(f.used, bytes.len - 4);
	ck_assert(slice_eq(head.method, S("PUT")));
	ck_assert(slice_eq(head.target, S("/a?b=c")));
	ck_assert_int_eq(head.version, HTTP_1_1);
	ck_assert_uint_eq(head.count, 4);
	ck_assert(slice_eq(head.headers[0].name, S("hOST")) && head.headers[0].id == HEADER_HOST);
	ck_assert(slice_eq(head.headers[0].value, S("a")));
	ck_assert(slice_eq(head.headers[1].value, S("b c")));
	ck_assert(slice_is_set(head.headers[2].value) && head.headers[2].value.len == 0);
	ck_assert_int_eq(head.content_length, 12);
	ck_assert_int_eq(h1_request_body(&head), H1_BODY_LENGTH);
	ck_assert(!head.chunked && head.keep_alive && !head.expect_continue && !head.upgrade);
	ck_assert(head.headers[3].value.ptr > bytes.ptr && head.headers[3].value.ptr < bytes.ptr + bytes.len);
}
END_TEST

START_TEST(chunked_and_expect_are_said_once_and_for_all)
{
	feed(S("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nExpect: 100-Continue\r\n\r\n"),
	        &h1_default_limits);
	ck_assert(head.chunked && head.expect_continue);
	ck_assert_int_eq(head.content_length, -1);
	ck_assert_int_eq(h1_request_body(&head), H1_BODY_CHUNKED);

	feed(S("POST / HTTP/1.0\r\n" H "Content-Length: 0\r\nExpect: 100-continue\r\n\r\n"), &h1_default_limits);
	ck_assert(!head.chunked && !head.expect_continue); /* RFC 9110 10.1.1: not for 1.0 */
	ck_assert_int_eq(head.content_length, 0);
	ck_assert_int_eq(h1_request_body(&head), H1_BODY_NONE);
}
END_TEST

static const struct connection_case {
	struct slice bytes;
	bool keep_alive, upgrade, options;
} connections[] = {
        {SLICE("GET / HTTP/1.1\r\n" H END), true, false, false},
        {SLICE("GET / HTTP/1.0\r\n" H END), false, false, false},
        {SLICE("GET / HTTP/1.0\r\n" H "Connection: Keep-Alive\r\n" END), true, false, false},
        {SLICE("GET / HTTP/1.1\r\n" H "Connection: Close\r\n" END), false, false, false},
        {SLICE("GET / HTTP/1.1\r\n" H "Connection: close, keep-alive\r\n" END), false, false, false}, /* row 72 */
        {SLICE("GET / HTTP/1.0\r\n" H "Connection: keep-alive\r\nConnection: close\r\n" END), false, false, false},
        {SLICE("GET / HTTP/1.1\r\n" H "Connection: keep-alive,, Upgrade\r\nUpgrade: websocket\r\n" END), true, true,
                false},
        {SLICE("GET / HTTP/1.1\r\n" H "Connection: Upgrade\r\n" END), true, false, false},
        {SLICE("GET / HTTP/1.1\r\n" H "Upgrade: websocket\r\n" END), true, false, false},
        {SLICE("GET / HTTP/1.0\r\n" H "Connection: Upgrade\r\nUpgrade: websocket\r\n" END), false, false, false},
        {SLICE("GET / HTTP/1.1\r\n" H "Connection: X-Foo\r\n" END), true, false, true},
};

START_TEST(connection_options_decide_what_becomes_of_the_connection)
{
	const struct connection_case *c = &connections[_i];
	ck_assert_int_eq(feed(c->bytes, &h1_default_limits).result, H1_DONE);
	ck_assert_int_eq(head.keep_alive, c->keep_alive);
	ck_assert_int_eq(head.upgrade, c->upgrade);
	ck_assert_int_eq(head.has_connection_options, c->options);
}
END_TEST

START_TEST(the_authority_of_a_1_0_request_without_host_becomes_its_host)
{
	ck_assert_int_eq(feed(S("GET http://a:8/x HTTP/1.0\r\n\r\n"), &h1_default_limits).result, H1_DONE);
	ck_assert(slice_eq(head_get(&head, HEADER_HOST), S("a:8")));
}
END_TEST

START_TEST(pipelined_requests_are_read_one_by_one)
{
	struct slice both = S("GET /1 HTTP/1.1\r\n" H "\r\nGET /2 HTTP/1.1\r\n" H "\r\n");
	struct h1_fed f = feed(both, &h1_default_limits);
	ck_assert(slice_eq(head.target, S("/1")));
	f = feed(slice_from(both, f.used), &h1_default_limits);
	ck_assert_int_eq(f.result, H1_DONE);
	ck_assert(slice_eq(head.target, S("/2")));
}
END_TEST

#define ADD_LOOP(t, test, table) tcase_add_loop_test(t, test, 0, sizeof(table) / sizeof *(table))

int main(void)
{
	Suite *s = suite_create("h1_request");
	TCase *t = tcase_create("h1_request");

	tcase_add_checked_fixture(t, setup, teardown);
	ADD_LOOP(t, start_lines_are_judged_as_b1_says, start_lines);
	ADD_LOOP(t, fields_are_judged_as_b2_says, fields);
	ADD_LOOP(t, framing_is_judged_as_b3_and_b4_say, framing);
	tcase_add_test(t, a_request_line_may_be_as_long_as_the_limit_and_no_longer);
	tcase_add_test(t, a_header_line_may_be_as_long_as_the_limit_and_no_longer);
	tcase_add_test(t, the_block_has_a_limit);
	tcase_add_test(t, the_number_of_fields_has_a_limit);
	tcase_add_test(t, default_limits_take_a_thousand_fields_of_one_request);
	tcase_add_test(t, a_head_that_comes_byte_by_byte_takes_no_memory_for_each_call);
	tcase_add_test(t, method_target_fields_and_length_are_slices_of_the_buffer);
	tcase_add_test(t, chunked_and_expect_are_said_once_and_for_all);
	ADD_LOOP(t, connection_options_decide_what_becomes_of_the_connection, connections);
	tcase_add_test(t, the_authority_of_a_1_0_request_without_host_becomes_its_host);
	tcase_add_test(t, pipelined_requests_are_read_one_by_one);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
