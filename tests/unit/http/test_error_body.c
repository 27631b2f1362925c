/* error_body and grpc_status: the exact bytes of proxy.md 3.5 and plugins.md 0.4. */
#include <check.h>

#include "common/http/error_body.h"
#include "common/http/grpc_status.h"

static struct arena arena;

static void setup(void)
{
	arena_init(&arena);
}

static void teardown(void)
{
	arena_fini(&arena);
}

#define ID "0123456789abcdef0123456789abcdef"

static void is_body(enum error_kind kind, struct slice message, struct slice id, const char *want)
{
	struct slice body = error_body(&arena, kind, message, id);
	ck_assert_msg(slice_eq(body, slice_cstr(want)), "body is\n%.*s", SLICE_ARG(body));
}

START_TEST(bodies_of_3_9_are_byte_for_byte_as_specified)
{
	is_body(ERROR_JSON, S("Not found"), S(ID), "{\n  \"message\":\"Not found\",\n  \"request_id\":\"" ID "\"\n}");
	is_body(ERROR_PLAIN, S("Not found"), S(ID), "Not found\nrequest_id: " ID "\n");
	is_body(ERROR_HTML, S("Not found"), S(ID),
	        "<!doctype html>\n"
	        "<html>\n"
	        "  <head>\n"
	        "    <meta charset=\"utf-8\">\n"
	        "    <title>Error</title>\n"
	        "  </head>\n"
	        "  <body>\n"
	        "    <h1>Error</h1>\n"
	        "    <p>Not found.</p>\n"
	        "    <p>request_id: " ID "</p>\n"
	        "  </body>\n"
	        "</html>\n");
	is_body(ERROR_XML, S("Not found"), S(ID),
	        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	        "<error>\n"
	        "  <message>Not found</message>\n"
	        "  <requestid>" ID "</requestid>\n"
	        "</error>\n");
}
END_TEST

START_TEST(bodies_of_2_8_have_no_request_id)
{
	struct slice none = {NULL, 0};
	is_body(ERROR_JSON, S("Not found"), none, "{\n  \"message\":\"Not found\"\n}");
	is_body(ERROR_PLAIN, S("Not found"), none, "Not found\n");
	is_body(ERROR_HTML, S("Not found"), none,
	        "<!doctype html>\n"
	        "<html>\n"
	        "  <head>\n"
	        "    <meta charset=\"utf-8\">\n"
	        "    <title>Kong Error</title>\n"
	        "  </head>\n"
	        "  <body>\n"
	        "    <h1>Kong Error</h1>\n"
	        "    <p>Not found.</p>\n"
	        "  </body>\n"
	        "</html>\n");
	is_body(ERROR_XML, S("Not found"), none,
	        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<error>\n  <message>Not found</message>\n</error>\n");
}
END_TEST

START_TEST(messages_are_escaped_for_the_format)
{
	struct slice evil = S("<a href=\"x\">\\ & 'y'\n\x01");
	struct slice none = {NULL, 0};
	is_body(ERROR_JSON, evil, none, "{\n  \"message\":\"<a href=\\\"x\\\">\\\\ & 'y'\\n\\u0001\"\n}");
	is_body(ERROR_PLAIN, evil, none, "<a href=\"x\">\\ & 'y'\n\x01\n");
	is_body(ERROR_XML, evil, none,
	        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<error>\n"
	        "  <message>&lt;a href=&quot;x&quot;&gt;\\ &amp; &#39;y&#39;\n\xef\xbf\xbd</message>\n</error>\n");
}
END_TEST

static const struct accept_case {
	struct slice accept;
	enum error_kind fallback, want;
} accepts[] = {
        {{NULL, 0}, ERROR_JSON, ERROR_JSON},
        {{NULL, 0}, ERROR_PLAIN, ERROR_PLAIN},
        {SLICE("application/json"), ERROR_PLAIN, ERROR_JSON},
        {SLICE("text/html"), ERROR_JSON, ERROR_HTML},
        {SLICE("application/xml"), ERROR_JSON, ERROR_XML},
        {SLICE("text/plain"), ERROR_JSON, ERROR_PLAIN},
        {SLICE("TEXT/HTML"), ERROR_JSON, ERROR_HTML},
        {SLICE("application/*"), ERROR_PLAIN, ERROR_JSON},
        {SLICE("text/*"), ERROR_JSON, ERROR_PLAIN},
        {SLICE("*/*"), ERROR_PLAIN, ERROR_JSON},
        {SLICE("image/png"), ERROR_PLAIN, ERROR_JSON},
        {SLICE(""), ERROR_PLAIN, ERROR_JSON},
        {SLICE("text/plain, text/html"), ERROR_JSON, ERROR_PLAIN}, /* first of equals */
        {SLICE("text/plain;q=0.3, text/html;q=0.7"), ERROR_JSON, ERROR_HTML},
        {SLICE("text/html;q=0, text/plain;q=0.001"), ERROR_JSON, ERROR_PLAIN},
        {SLICE("text/html;q=0"), ERROR_PLAIN, ERROR_JSON},
        {SLICE("image/png, text/html;q=0.9"), ERROR_JSON, ERROR_JSON}, /* unknown leaves the best so far */
        {SLICE("text/html;q=0.5, image/png"), ERROR_JSON, ERROR_HTML},
        {SLICE("text/html ; level=1 ; q=0.4 , application/xml;q=0.5"), ERROR_JSON, ERROR_XML},
        {SLICE("text/html;q=1.000"), ERROR_JSON, ERROR_HTML},
        {SLICE("text/html;q=1.001, text/plain;q=0.1"), ERROR_JSON, ERROR_PLAIN}, /* no weight: no element */
        {SLICE("text/html;q=0.1234, text/plain;q=0.1"), ERROR_JSON, ERROR_PLAIN},
        {SLICE("text/html;q=x, text/plain;q=0.1"), ERROR_JSON, ERROR_PLAIN},
        {SLICE("text, /, text/, /html, text/plain;q=0.1"), ERROR_JSON, ERROR_PLAIN},
        {SLICE("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), ERROR_JSON, ERROR_HTML},
        {SLICE("text/html; charset=utf-8"), ERROR_JSON, ERROR_HTML},
};

START_TEST(the_format_is_negotiated_by_weight_and_order)
{
	const struct accept_case *c = &accepts[_i];
	ck_assert_msg(error_body_negotiate(c->accept, c->fallback) == c->want, "%.*s", SLICE_ARG(c->accept));
}
END_TEST

START_TEST(content_types_name_the_charset)
{
	ck_assert(slice_eq(error_body_type(ERROR_JSON), S("application/json; charset=utf-8")));
	ck_assert(slice_eq(error_body_type(ERROR_HTML), S("text/html; charset=utf-8")));
	ck_assert(slice_eq(error_body_type(ERROR_XML), S("application/xml; charset=utf-8")));
	ck_assert(slice_eq(error_body_type(ERROR_PLAIN), S("text/plain; charset=utf-8")));
}
END_TEST

START_TEST(a_status_without_a_message_has_its_own)
{
	ck_assert(slice_eq(http_default_message(&arena, 401), S("Unauthorized")));
	ck_assert(slice_eq(http_default_message(&arena, 494), S("Request header or cookie too large")));
	ck_assert(slice_eq(
	        http_default_message(&arena, 502), S("An invalid response was received from the upstream server")));
	ck_assert(slice_eq(http_default_message(&arena, 599), S("The upstream server responded with 599")));
}
END_TEST

static void check_template(const char *template, enum error_kind kind, const char *message, const char *want)
{
	struct slice got = error_body_from(&arena, slice_cstr(template), kind, slice_cstr(message), S("id"));
	ck_assert_msg(slice_eq(got, slice_cstr(want)), "%s: %.*s", template, SLICE_ARG(got));
}

START_TEST(templates_take_message_and_id)
{
	check_template("{\"m\":\"%s\",\"i\":\"%s\"}", ERROR_JSON, "a\"b", "{\"m\":\"a\\\"b\",\"i\":\"id\"}");
	check_template("<p>%s</p>", ERROR_HTML, "<x>", "<p>&lt;x&gt;</p>");
	check_template("100%% %s %s.", ERROR_PLAIN, "%s", "100% %s id.");
	check_template("", ERROR_PLAIN, "m", "");
	check_template("50%", ERROR_PLAIN, "m", "50%");
}
END_TEST

START_TEST(templates_with_more_or_other_places_are_refused)
{
	struct err e;
	ck_assert(error_template_check(S("%s %s %%"), S("f"), &e) && error_template_check(S(""), S("f"), &e));
	ck_assert(!error_template_check(S("%s%s%s"), S("f.txt"), &e));
	ck_assert_ptr_nonnull(strstr(e.message, "f.txt has 3 places"));
	ck_assert(!error_template_check(S("%d"), S("f.txt"), &e));
}
END_TEST

START_TEST(http_statuses_map_to_grpc)
{
	static const int map[][2] = {{200, 0}, {204, 0}, {400, 3}, {401, 16}, {403, 7}, {404, 5}, {409, 6}, {418, 3},
	        {429, 8}, {499, 1}, {500, 13}, {501, 12}, {502, 13}, {503, 14}, {504, 4}, {302, 2}, {100, 2}};
	for (size_t i = 0; i < sizeof map / sizeof *map; i++)
		ck_assert_int_eq(grpc_status_of(map[i][0]), map[i][1]);
	ck_assert(slice_eq(grpc_status_name(0), S("OK")));
	ck_assert(slice_eq(grpc_status_name(16), S("Unauthenticated")));
	ck_assert(slice_eq(grpc_status_name(13), S("Internal")));
	ck_assert(slice_eq(grpc_status_name(17), S("Unknown")));
	ck_assert(slice_eq(grpc_status_name(-1), S("Unknown")));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("error_body");
	TCase *t = tcase_create("error_body");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, bodies_of_3_9_are_byte_for_byte_as_specified);
	tcase_add_test(t, bodies_of_2_8_have_no_request_id);
	tcase_add_test(t, messages_are_escaped_for_the_format);
	tcase_add_loop_test(t, the_format_is_negotiated_by_weight_and_order, 0, sizeof accepts / sizeof *accepts);
	tcase_add_test(t, content_types_name_the_charset);
	tcase_add_test(t, a_status_without_a_message_has_its_own);
	tcase_add_test(t, templates_take_message_and_id);
	tcase_add_test(t, templates_with_more_or_other_places_are_refused);
	tcase_add_test(t, http_statuses_map_to_grpc);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
