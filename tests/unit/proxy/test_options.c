/* options: what settings come to, and what is refused with which words (proxy.md 4.3, 10.3). */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/settings/settings.h"
#include "dp/proxy/proxy.h"
#include "tests/support/tmp.h"

static struct arena arena;
static struct err e;

static void set_up(void)
{
	tmp_make();
	arena_init(&arena);
}

static void tear_down(void)
{
	arena_fini(&arena);
	tmp_remove();
}

static bool read_options(const char *text, struct proxy_options *o)
{
	static struct settings s;
	const char *path = tmp_path("node.conf");
	FILE *f = fopen(path, "w");
	fputs(text, f);
	fclose(f);
	ck_assert_msg(settings_load(&arena, path, &s, &e), "%s", e.message);
	return proxy_options_init(o, &s, &arena, &e);
}

static struct proxy_options options(const char *text)
{
	struct proxy_options o;
	ck_assert_msg(read_options(text, &o), "%s", e.message);
	return o;
}

static void refuses(const char *text, const char *words)
{
	struct proxy_options o;
	ck_assert_msg(!read_options(text, &o), "accepted: %s", text);
	ck_assert_msg(strstr(e.message, words) != NULL, "%s", e.message);
}

START_TEST(defaults_are_those_of_the_contract)
{
	struct proxy_options o = options("");
	ck_assert_uint_eq(o.request_limits.line, 8192);
	ck_assert_uint_eq(o.request_limits.block, 32768);
	ck_assert_uint_eq(o.request_limits.fields, 1000);
	ck_assert_uint_eq(o.response_limits.block, 32768);
	ck_assert(!o.request_limits.compat && !o.response_limits.tolerate_equal);
	ck_assert_uint_eq(o.max_body, 0);
	ck_assert_uint_eq(o.router.max_headers, 100);
	ck_assert_uint_eq(o.retry.conditions, RETRY_ERROR | RETRY_TIMEOUT);
	ck_assert(slice_eq(o.charset, S("; charset=UTF-8")));
	ck_assert(!o.drop_underscores && !o.debug_headers);
	ck_assert(
	        o.show_server && o.show_via && o.show_request_id && o.show_proxy_latency && !o.show_upstream_status);
	ck_assert(slice_eq(o.upgrade_connection, S("keep-alive, Upgrade")));
}
END_TEST

START_TEST(nginx_s_names_have_their_meaning)
{
	struct proxy_options o = options("nginx_http_client_max_body_size = 10m\n"
	                                 "nginx_http_client_body_buffer_size = 16k\n"
	                                 "nginx_proxy_large_client_header_buffers = 2 16k\n"
	                                 "nginx_proxy_proxy_buffer_size = 16k\n"
	                                 "nginx_http_charset = off\n"
	                                 "nginx_http_underscores_in_headers = off\n"
	                                 "nginx_proxy_proxy_next_upstream = error http_503 non_idempotent\n"
	                                 "nginx_proxy_proxy_next_upstream_tries = 3\n"
	                                 "nginx_proxy_proxy_next_upstream_timeout = 2s\n");
	ck_assert_uint_eq(o.max_body, 10 << 20);
	ck_assert_uint_eq(o.body_buffer, 16 << 10);
	ck_assert_uint_eq(o.request_limits.line, 16 << 10);
	ck_assert_uint_eq(o.request_limits.block, 32 << 10);
	ck_assert_uint_eq(o.response_limits.line, 16 << 10);
	ck_assert(!slice_is_set(o.charset) && o.drop_underscores);
	ck_assert_uint_eq(o.retry.conditions, RETRY_ERROR | RETRY_503 | RETRY_NON_IDEMPOTENT);
	ck_assert_uint_eq(o.retry.tries, 3);
	ck_assert_uint_eq(o.retry.timeout_ms, 2000);
}
END_TEST

START_TEST(headers_are_chosen_by_name_and_group)
{
	struct proxy_options o = options("headers = x-kong-upstream-status, LATENCY_TOKENS\n");
	ck_assert(o.show_upstream_status && o.show_upstream_latency && !o.show_server && !o.show_request_id);
	o = options("headers = off, Server\n");
	ck_assert(!o.show_server && !o.show_via);
}
END_TEST

START_TEST(next_upstream_off_tries_nothing_again)
{
	ck_assert_uint_eq(options("proxy_next_upstream = off\n").retry.conditions, 0);
}
END_TEST

START_TEST(what_is_wrong_is_named)
{
	refuses("large_client_header_buffers = 8k\n", "expected a number and a size such as 4 8k");
	refuses("large_client_header_buffers = 4 32k\n", "means a head of 131072 bytes, expected 1024 to 65536");
	refuses("proxy_buffer_size = 1m\n", "proxy_buffer_size means a head of 1048576 bytes");
	refuses("proxy_next_upstream = error http_418\n", "proxy_next_upstream: 'http_418' is no condition");
	refuses("trusted_ips = 10.0.0.0/33\n", "trusted_ips: '10.0.0.0/33'");
	refuses("error_template_json = /nowhere\n", "/nowhere");
}
END_TEST

START_TEST(templates_come_from_files)
{
	char text[256], *path = slice_strdup(slice_cstr(tmp_path("t.json")));
	FILE *f = fopen(path, "w");
	fputs("%s|%s", f);
	fclose(f);
	snprintf(text, sizeof text, "error_template_json = %s\n", path);
	struct proxy_options o = options(text);
	ck_assert(slice_eq(o.error_templates[ERROR_JSON], S("%s|%s")));
	ck_assert(!slice_is_set(o.error_templates[ERROR_HTML]));
	free(path);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("options");
	TCase *c = tcase_create("options");
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, defaults_are_those_of_the_contract);
	tcase_add_test(c, nginx_s_names_have_their_meaning);
	tcase_add_test(c, headers_are_chosen_by_name_and_group);
	tcase_add_test(c, next_upstream_off_tries_nothing_again);
	tcase_add_test(c, what_is_wrong_is_named);
	tcase_add_test(c, templates_come_from_files);
	suite_add_tcase(s, c);
	SRunner *runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
