/* access_line: Kong's default line and JSON, and nothing a client can forge (proxy.md 11.1). */
#include <check.h>
#include <jansson.h>

#include "common/serve/access_line.h"

enum { NOW = 1767366245 }; /* 02/Jan/2026:15:04:05 +0000 */

static struct arena arena;
static struct head request;
static struct access_entry entry;
static struct text out;

static void set_up(void)
{
	arena_init(&arena);
	head_init(&request, &arena);
	request.method = S("GET");
	request.target = S("/a?b=c");
	entry = (struct access_entry){.request = &request,
	        .client_ip = S("192.0.2.1"),
	        .request_id = S("0123456789abcdef0123456789abcdef"),
	        .status = 200,
	        .body_bytes = 42,
	        .duration_ms = 7,
	        .now_s = NOW};
}

static void tear_down(void)
{
	text_fini(&out);
	arena_fini(&arena);
}

static const char *plain(void)
{
	text_clear(&out);
	access_line(&out, ACCESS_PLAIN, &entry);
	ck_assert_uint_eq(strlen(text_cstr(&out)), out.len);
	return text_cstr(&out);
}

START_TEST(the_default_line)
{
	head_add(&request, S("Referer"), S("http://r.test/"));
	head_add(&request, S("User-Agent"), S("curl/8 (x)"));
	head_add(&request, S("Authorization"), S("Basic Ym9iOnNlY3JldA==")); /* bob:secret */
	ck_assert_str_eq(plain(),
	        "192.0.2.1 - bob [02/Jan/2026:15:04:05 +0000] \"GET /a?b=c HTTP/1.1\" 200 42 "
	        "\"http://r.test/\" \"curl/8 (x)\" kong_request_id: \"0123456789abcdef0123456789abcdef\"\n");
}
END_TEST

START_TEST(what_is_absent_is_a_dash)
{
	entry.request_id = (struct slice){0};
	entry.client_ip = S("");
	request.version = HTTP_1_0;
	ck_assert_str_eq(plain(), "- - - [02/Jan/2026:15:04:05 +0000] \"GET /a?b=c HTTP/1.0\" 200 42 \"-\" \"-\"\n");
}
END_TEST

START_TEST(a_request_that_could_not_be_read)
{
	request.method = request.target = S("");
	entry.status = 400;
	ck_assert_ptr_nonnull(strstr(plain(), "] \"\" 400 42 \"-\""));
}
END_TEST

START_TEST(nothing_ends_the_line_or_a_quoted_value)
{
	head_add(&request, S("User-Agent"), S("a\"b\\c\nd\x7f\xc3\xa9\t"));
	ck_assert_ptr_nonnull(strstr(plain(), " \"a\\x22b\\x5Cc\\x0Ad\\x7F\\xC3\\xA9\\x09\" kong_request_id"));
	ck_assert_ptr_eq(strchr(text_cstr(&out), '\n'), out.ptr + out.len - 1);
}
END_TEST

START_TEST(credentials_that_are_none_show_nothing)
{
	const struct slice values[] = {SLICE("Basic ???"), SLICE("Bearer abc"), SLICE("Basic "), SLICE("Basic Ym9i")};
	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		head_set(&request, S("Authorization"), values[i]);
		ck_assert_ptr_nonnull(strstr(plain(), "192.0.2.1 - - ["));
	}
}
END_TEST

START_TEST(the_time_moves_on)
{
	plain();
	entry.now_s++;
	ck_assert_ptr_nonnull(strstr(plain(), "[02/Jan/2026:15:04:06 +0000]"));
}
END_TEST

START_TEST(json_is_one_object_a_line)
{
	head_add(&request, S("User-Agent"), S("a\"b\nc\xff"));
	head_add(&request, S("Host"), S("h.test"));
	entry.route = S("r");
	entry.upstream = S("10.0.0.1:80");
	access_line(&out, ACCESS_JSON, &entry);
	ck_assert_ptr_eq(strchr(text_cstr(&out), '\n'), out.ptr + out.len - 1);
	json_t *line = json_loadb(out.ptr, out.len, 0, NULL);
	ck_assert_ptr_nonnull(line);
	ck_assert_int_eq(json_integer_value(json_object_get(line, "status")), 200);
	ck_assert_int_eq(json_integer_value(json_object_get(line, "duration_ms")), 7);
	ck_assert_str_eq(json_string_value(json_object_get(line, "user_agent")), "a\"b\nc\xef\xbf\xbd");
	ck_assert_str_eq(json_string_value(json_object_get(line, "uri")), "/a?b=c");
	ck_assert_str_eq(json_string_value(json_object_get(line, "route")), "r");
	ck_assert_ptr_null(json_object_get(line, "service"));
	json_decref(line);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("access_line");
	TCase *c = tcase_create("access_line");
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, the_default_line);
	tcase_add_test(c, what_is_absent_is_a_dash);
	tcase_add_test(c, a_request_that_could_not_be_read);
	tcase_add_test(c, nothing_ends_the_line_or_a_quoted_value);
	tcase_add_test(c, credentials_that_are_none_show_nothing);
	tcase_add_test(c, the_time_moves_on);
	tcase_add_test(c, json_is_one_object_a_line);
	suite_add_tcase(s, c);
	SRunner *runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
