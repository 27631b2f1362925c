/* HTTP/2 fields to heads and back. What is refused is a table of its own, tests/unit/serve/test_h2_conformance.c. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/http/h2_head.h"
#include "common/http/h2_write.h"

static struct arena a;
static struct head h;
static struct h2_reader x;
static struct h1_error err;

static void set_up(void)
{
	arena_init(&a);
}

static void tear_down(void)
{
	arena_fini(&a);
}

/* "name value" pairs, NULL at the end, from memory that does not last. */
static enum h2_result read_head(enum h2_kind kind, bool ends, const char *const *fields)
{
	head_init(&h, &a);
	h2_reader_begin(&x, kind, &h1_default_limits, &h);
	for (; *fields; fields += 2) {
		char name[64], value[64];
		snprintf(name, sizeof name, "%s", fields[0]);
		snprintf(value, sizeof value, "%s", fields[1]);
		enum h2_field r = h2_reader_field(&x, slice_cstr(name), slice_cstr(value));
		memset(name, '?', sizeof name);
		memset(value, '?', sizeof value);
		if (r != H2_FIELD_OK)
			return H2_MALFORMED;
	}
	return h2_reader_end(&x, ends, &err);
}

#define READ(kind, ends, ...) read_head(kind, ends, (const char *const[]){__VA_ARGS__, NULL})
#define GET                   ":method", "GET", ":scheme", "https", ":path", "/p?q", ":authority", "a.test:80"

static const char *shown(void)
{
	static char text[1024];
	size_t n = 0;
	text[0] = '\0';
	for (uint32_t i = 0; i < h.count; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "%s%.*s=%.*s", i ? " " : "",
		        SLICE_ARG(h.headers[i].name), SLICE_ARG(h.headers[i].value));
	return text;
}

START_TEST(a_request_becomes_a_head)
{
	ck_assert_int_eq(READ(H2_REQUEST, true, GET, "accept", "*/*", "x-own", "1", "x-empty", ""), H2_DONE);
	ck_assert(slice_eq(h.method, S("GET")) && slice_eq(h.target, S("/p?q")));
	ck_assert_str_eq(shown(), "Host=a.test:80 accept=*/* x-own=1 x-empty=");
	ck_assert_int_eq(h.headers[1].id, HEADER_ACCEPT);
	ck_assert(slice_is_set(h.headers[3].value));
	ck_assert_int_eq(h.version, HTTP_2);
	ck_assert(h.keep_alive && !h.chunked && h.content_length == -1);
}
END_TEST

START_TEST(a_body_is_framed_by_its_length_or_in_chunks)
{
	ck_assert_int_eq(READ(H2_REQUEST, false, GET, "content-length", "12"), H2_DONE);
	ck_assert(h.content_length == 12 && !h.chunked);
	ck_assert_int_eq(READ(H2_REQUEST, false, GET, "expect", "100-continue"), H2_DONE);
	ck_assert(h.content_length == -1 && h.chunked && h.expect_continue);
}
END_TEST

/* RFC 9113 8.2.3 */
START_TEST(cookie_crumbs_become_one_field_in_the_place_of_the_first)
{
	ck_assert_int_eq(
	        READ(H2_REQUEST, true, GET, "cookie", "a=1", "x", "y", "cookie", "b=2", "z", "", "cookie", ""),
	        H2_DONE);
	ck_assert_str_eq(shown(), "Host=a.test:80 cookie=a=1; b=2;  x=y z=");
	ck_assert_int_eq(READ(H2_REQUEST, true, GET, "x", "y", "cookie", "a=1"), H2_DONE);
	ck_assert_str_eq(shown(), "Host=a.test:80 x=y cookie=a=1");
}
END_TEST

START_TEST(host_stands_for_a_missing_authority)
{
	ck_assert_int_eq(
	        READ(H2_REQUEST, true, ":method", "GET", ":scheme", "http", ":path", "/", "x", "y", "host", "b.test"),
	        H2_DONE);
	ck_assert(slice_eq(head_get(&h, HEADER_HOST), S("b.test")));
	ck_assert_int_eq(READ(H2_REQUEST, true, GET, "host", "A.TEST:80"), H2_DONE);
	ck_assert_str_eq(shown(), "Host=a.test:80");
}
END_TEST

START_TEST(responses_have_a_status_and_nothing_else)
{
	ck_assert_int_eq(READ(H2_RESPONSE, true, ":status", "204", "server", "x"), H2_DONE);
	ck_assert_int_eq(h.status, 204);
	ck_assert_int_eq(READ(H2_RESPONSE, false, ":status", "200"), H2_DONE);
	ck_assert(h.chunked);
	ck_assert_int_eq(READ(H2_RESPONSE, true, ":status", "200", "content-length", "5"), H2_DONE); /* to a HEAD */
	static const char *const wrong[] = {"20", "2000", "099", "2a0", "", "+20"};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		ck_assert_int_eq(READ(H2_RESPONSE, true, ":status", wrong[i]), H2_MALFORMED);
	ck_assert_int_eq(READ(H2_RESPONSE, true, ":status", "200", ":path", "/"), H2_MALFORMED);
	ck_assert_int_eq(READ(H2_RESPONSE, true, ":status", "200", "connection", "close"), H2_MALFORMED);
	ck_assert_int_eq(READ(H2_RESPONSE, true, "server", "x"), H2_MALFORMED);
}
END_TEST

START_TEST(trailers_end_the_message)
{
	ck_assert_int_eq(READ(H2_TRAILERS, true, "grpc-status", "0"), H2_DONE);
	ck_assert_str_eq(shown(), "grpc-status=0");
	ck_assert_int_eq(READ(H2_TRAILERS, false, "grpc-status", "0"), H2_MALFORMED);
	ck_assert_int_eq(READ(H2_TRAILERS, true, ":status", "200"), H2_MALFORMED);
}
END_TEST

static const char *written(const nghttp2_nv *fields, size_t n)
{
	static char text[1024];
	size_t used = 0;
	text[0] = '\0';
	for (size_t i = 0; i < n; i++)
		used += (size_t)snprintf(text + used, sizeof text - used, "%s%.*s=%.*s", i ? " " : "",
		        (int)fields[i].namelen, fields[i].name, (int)fields[i].valuelen, fields[i].value);
	return text;
}

START_TEST(a_response_is_written_without_what_is_about_the_connection)
{
	nghttp2_nv fields[32];
	head_init(&h, &a);
	h.status = 200;
	h.content_length = 5;
	h.chunked = true;
	head_add(&h, S("Server"), S("x"));
	head_add(&h, S("X-Own-Name"), S("A value"));
	head_add(&h, S("Connection"), S("close"));
	head_add(&h, S("Keep-Alive"), S("5"));
	head_add(&h, S("Transfer-Encoding"), S("chunked"));
	head_add(&h, S("Upgrade"), S("TLS/1.2"));
	head_add(&h, S("Content-Length"), S("77"));
	head_add(&h, S("X-Bad"), S(" a\r\nb\t "));
	head_add(&h, S("no name"), S("x"));
	head_add(&h, S("Date"), S("today"));
	ck_assert_str_eq(written(fields, h2_write_response(fields, &h, 0)),
	        ":status=200 server=x x-own-name=A value x-bad=a  b date=today content-length=5");
}
END_TEST

START_TEST(a_request_is_written_with_its_authority_first)
{
	nghttp2_nv fields[32];
	head_init(&h, &a);
	h.method = S("POST");
	h.target = S("/p.S/M");
	head_add(&h, S("X-A"), S("1"));
	head_add(&h, S("Host"), S("a.test"));
	head_add(&h, S("TE"), S("trailers"));
	ck_assert_str_eq(written(fields, h2_write_request(fields, &h, S("http"), 0)),
	        ":method=POST :scheme=http :authority=a.test :path=/p.S/M x-a=1 te=trailers");
	ck_assert_str_eq(written(fields, h2_write_trailers(fields, &h, 0)), "x-a=1 host=a.test te=trailers");
}
END_TEST

static Suite *suite(void)
{
	const TTest *const tests[] = {a_request_becomes_a_head, a_body_is_framed_by_its_length_or_in_chunks,
	        cookie_crumbs_become_one_field_in_the_place_of_the_first, host_stands_for_a_missing_authority,
	        responses_have_a_status_and_nothing_else, trailers_end_the_message,
	        a_response_is_written_without_what_is_about_the_connection,
	        a_request_is_written_with_its_authority_first};
	Suite *s = suite_create("h2_head");
	TCase *c = tcase_create("heads");
	tcase_add_checked_fixture(c, set_up, tear_down);
	for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++)
		tcase_add_test(c, tests[i]);
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
