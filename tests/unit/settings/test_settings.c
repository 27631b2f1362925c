/* settings: defaults, precedence, Kong's names and exact errors (settings.h, proxy.md 10). */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/core/log.h"
#include "common/settings/settings.h"
#include "tests/support/loading.h"
#include "tests/support/tmp.h"

static struct arena arena;
static struct settings s;
static struct err e;
static char *conf, *log_file;

static void setup(void)
{
	tmp_make();
	conf = slice_strdup(slice_cstr(tmp_path("node.conf")));
	log_file = slice_strdup(slice_cstr(tmp_path("log")));
	clearenv();
	arena_init(&arena);
	log_init("test");
	ck_assert(log_open(log_file, &e));
}

static void teardown(void)
{
	arena_fini(&arena);
	free(conf);
	free(log_file);
	tmp_remove();
}

static bool load(const char *text)
{
	FILE *f = fopen(conf, "w");
	fputs(text, f);
	fclose(f);
	return settings_load(&arena, conf, &s, &e);
}

static void loads(const char *text)
{
	ck_assert_msg(load(text), "%s", e.message);
}

/* The message, after "FILE". */
static void refuses(const char *text, const char *message)
{
	ck_assert_msg(!load(text), "accepted: %s", text);
	ck_assert_msg(strncmp(e.message, conf, strlen(conf)) == 0, "%s", e.message);
	ck_assert_str_eq(e.message + strlen(conf), message);
}

static bool logged(const char *words)
{
	static char text[65536];
	FILE *f = fopen(log_file, "r");
	size_t n = fread(text, 1, sizeof text - 1, f);
	fclose(f);
	text[n] = '\0';
	return words ? strstr(text, words) != NULL : n > 0;
}

#define ck_slice(found, wanted) ck_assert_msg(slice_eq(found, S(wanted)), "%.*s", SLICE_ARG(found))

START_TEST(without_file_and_environment_the_defaults_hold)
{
	loads("");
	ck_slice(s.prefix, "/usr/local/gatehouse");
	ck_slice(s.role, "traditional");
	ck_slice(s.database, "postgres");
	ck_slice(s.log_level, "notice");
	ck_slice(s.proxy_listen,
	        "0.0.0.0:8000 reuseport backlog=16384, 0.0.0.0:8443 http2 ssl reuseport backlog=16384");
	ck_slice(s.admin_listen,
	        "127.0.0.1:8001 reuseport backlog=16384, 127.0.0.1:8444 http2 ssl reuseport backlog=16384");
	ck_slice(s.status_listen, "127.0.0.1:8100");
	ck_slice(s.cluster_listen, "off");
	ck_slice(s.cluster_control_plane, "ipc");
	ck_slice(s.headers, "server_tokens, latency_tokens, X-Kong-Request-Id");
	ck_slice(s.router_flavor, "traditional_compatible");
	ck_slice(s.real_ip_header, "X-Real-IP");
	ck_slice(s.kong_version, "3.9.3");
	ck_assert(s.nginx_worker_processes == 0 && s.pg_port == 5432 && s.pg_timeout == 5000 && !s.pg_ssl);
	ck_assert(s.upstream_keepalive_pool_size == 512 && s.upstream_keepalive_max_requests == 10000 &&
	          s.upstream_keepalive_idle_timeout == 60 && s.keepalive_requests == 10000 && s.shutdown_grace == 10);
	ck_assert(!slice_is_set(s.pg_password) && !slice_is_set(s.trusted_ips) && !slice_is_set(s.node_id));
	ck_assert(!logged(NULL));
}
END_TEST

START_TEST(a_control_plane_has_a_status_listener_when_it_is_set)
{
	loads("role = control_plane\n");
	ck_slice(s.status_listen, "off");
	loads("status_listen = 0.0.0.0:8100\nrole = control_plane\n");
	ck_slice(s.status_listen, "0.0.0.0:8100");
	loads("role = data_plane\n");
	ck_slice(s.status_listen, "127.0.0.1:8100");
}
END_TEST

START_TEST(a_file_has_keys_values_and_comments)
{
	loads("# a comment\n\n  pg_user =  gate house  # who\npg_password = a\\#b=c\npg_ssl = on\npg_ssl_verify=FALSE\r\n"
	      "nginx_worker_processes = 3\npg_port=1");
	ck_slice(s.pg_user, "gate house");
	ck_slice(s.pg_password, "a#b=c");
	ck_assert(s.pg_ssl && !s.pg_ssl_verify && s.nginx_worker_processes == 3 && s.pg_port == 1);
}
END_TEST

START_TEST(the_environment_beats_the_file_and_our_name_beats_kongs)
{
	setenv("KONG_PG_HOST", "kong", 1);
	setenv("KONG_PG_USER", "kong-user", 1);
	setenv("GATEHOUSE_PG_HOST", "gatehouse", 1);
	loads("pg_host = file\npg_user = file\npg_database = file\n");
	ck_slice(s.pg_host, "gatehouse");
	ck_slice(s.pg_user, "kong-user");
	ck_slice(s.pg_database, "file");
}
END_TEST

START_TEST(an_empty_value_unsets_or_gives_the_default_back)
{
	setenv("KONG_PG_USER", "", 1);
	setenv("KONG_PG_PORT", "", 1);
	setenv("KONG_PREFIX", "", 1);
	loads("pg_user = file\npg_port = 1\nprefix = /x\n");
	ck_assert(!slice_is_set(s.pg_user));
	ck_assert_int_eq(s.pg_port, 5432);
	ck_slice(s.prefix, "/usr/local/gatehouse");
}
END_TEST

START_TEST(workers_may_be_auto_and_times_have_units)
{
	loads("nginx_worker_processes = auto\nnginx_http_keepalive_timeout = 30s\nclient_body_timeout = 2m\nsend_timeout=7\n");
	ck_assert(s.nginx_worker_processes == 0 && s.keepalive_timeout == 30 && s.client_body_timeout == 120 &&
	          s.send_timeout == 7);
	refuses("pg_port = auto\n", ":1: pg_port is 'auto': expected an integer");
	refuses("pg_timeout = 5s\n", ":1: pg_timeout is '5s': expected an integer");
	refuses("send_timeout = 5x\n", ":1: send_timeout is '5x': expected an integer");
}
END_TEST

START_TEST(nginx_directives_are_other_names_of_our_keys)
{
	setenv("KONG_NGINX_PROXY_REAL_IP_RECURSIVE", "on", 1);
	loads("nginx_http_client_max_body_size = 8m\nnginx_http_keepalive_requests = 5\nnginx_admin_client_max_body_size = 1k\n"
	      "nginx_proxy_real_ip_header = X-Forwarded-For\n");
	ck_slice(s.client_max_body_size, "8m");
	ck_slice(s.admin_max_body_size, "1k");
	ck_slice(s.real_ip_header, "X-Forwarded-For");
	ck_assert(s.keepalive_requests == 5 && s.real_ip_recursive);
	ck_assert(!logged(NULL));
}
END_TEST

/* proxy.md 10.3, "aliases that MUST be honoured" */
static const char *const directives[] = {"client_max_body_size", "client_body_buffer_size",
        "large_client_header_buffers", "client_header_buffer_size", "client_header_timeout", "client_body_timeout",
        "keepalive_timeout", "keepalive_requests", "send_timeout", "proxy_ssl_verify", "proxy_ssl_verify_depth",
        "proxy_ssl_trusted_certificate", "proxy_buffer_size", "proxy_buffers", "proxy_busy_buffers_size",
        "proxy_next_upstream", "proxy_next_upstream_tries", "proxy_next_upstream_timeout", "real_ip_header",
        "real_ip_recursive", "ssl_protocols", "charset", "underscores_in_headers", "http2_max_concurrent_streams"};

START_TEST(every_known_directive_is_recognised)
{
	char text[256];
	bool is_switch = strcmp(directives[_i], "real_ip_recursive") == 0 ||
	                 strcmp(directives[_i], "underscores_in_headers") == 0 ||
	                 strcmp(directives[_i], "proxy_ssl_verify") == 0;
	const char *value = is_switch ? "on" : "5";
	snprintf(text, sizeof text, "nginx_http_%s = %s\nnginx_proxy_%s = %s\n", directives[_i], value,
	        directives[_i], value);
	loads(text);
	ck_assert(!logged("unknown setting"));
}
END_TEST

START_TEST(a_day_may_be_written_as_nginx_does)
{
	loads("ssl_session_timeout = 1d\n");
	ck_assert_int_eq(s.ssl_session_timeout, 86400);
	loads("nginx_http_ssl_protocols = TLSv1.2\n");
	ck_slice(s.ssl_protocols, "TLSv1.2");
}
END_TEST

START_TEST(what_has_no_effect_yet_is_warned_of)
{
	loads("pg_ro_host = db.test\nanonymous_reports = off\nstream_listen = off\n");
	ck_assert(logged("setting has no effect yet"));
	ck_assert(logged("node.conf:1"));
	ck_assert(logged("pg_ro_host"));
	ck_assert(!logged("anonymous_reports") && !logged("stream_listen"));
}
END_TEST

START_TEST(an_unknown_key_in_the_file_is_warned_of_with_its_place)
{
	setenv("KONG_NOBODY_KNOWS", "x", 1);
	loads("pg_port = 1\nzork = 5\n");
	ck_assert(logged("unknown setting") && logged("node.conf:2") && logged("zork"));
	ck_assert(!logged("nobody_knows"));
}
END_TEST

START_TEST(a_bad_value_names_place_key_value_and_what_is_expected)
{
	refuses("\nrole = nonsense\n",
	        ":2: role is 'nonsense': expected one of: traditional, control_plane, data_plane");
	refuses("pg_port = 70000\n", ":1: pg_port is '70000': value should be between 1 and 65535");
	refuses("pg_ssl = maybe\n", ":1: pg_ssl is 'maybe': expected on or off");
	refuses("client_max_body_size = 5x\n",
	        ":1: client_max_body_size is '5x': expected a size such as 0, 512k or 10m");
	refuses("nginx_http_keepalive_requests = 0\n",
	        ":1: nginx_http_keepalive_requests is '0': value should be between 1 and 2147483647");
	refuses("node_id = 5\n", ":1: node_id is '5': expected a valid UUID");
	refuses("whatever\n", ":1: 'whatever' is not of the form key = value");
	setenv("GATEHOUSE_PG_PORT", "x", 1);
	ck_assert(!load(""));
	ck_assert_str_eq(e.message, "GATEHOUSE_PG_PORT: pg_port is 'x': expected an integer");
}
END_TEST

START_TEST(a_missing_file_is_an_error_when_it_was_asked_for)
{
	ck_assert(!settings_load(&arena, "/nowhere/x.conf", &s, &e));
	ck_assert_ptr_nonnull(strstr(e.message, "/nowhere/x.conf"));
}
END_TEST

START_TEST(secrets_are_neither_shown_nor_quoted)
{
	loads("pg_password = hunter2\ncluster_cert_key = /etc/key.pem\n");
	json_t *shown = settings_json(&s);
	has(shown, "pg_password", "'******'");
	has(shown, "cluster_cert_key", "'******'");
	has(shown, "pg_schema", "null");
	has(shown, "pg_port", "5432");
	has(shown, "nginx_worker_processes", "'auto'");
	json_decref(shown);
	refuses("pg_password = hunter2\xff\n", ":1: pg_password is '***': expected valid utf-8");
}
END_TEST

static const struct {
	const char *text;
	uint64_t bytes;
	bool good;
} sizes[] = {{"0", 0, true}, {"512", 512, true}, {"8k", 8192, true}, {"10m", 10485760, true},
        {"1G", 1073741824, true}, {"", 0, false}, {"m", 0, false}, {"-1", 0, false}, {"5x", 0, false},
        {"9223372036854775807k", 0, false}};

START_TEST(what_is_traced_is_named)
{
	loads("tracing_instrumentations = request, router,balancer\ntracing_sampling_rate = 0.5\n");
	loads("");
	ck_assert(slice_eq(s.tracing_instrumentations, S("off")));
	refuses("tracing_instrumentations = all, routers\n",
	        ":1: tracing_instrumentations is 'all, routers': 'routers' is not known, expected such as all, or "
	        "router, balancer");
	refuses("tracing_sampling_rate = 1.5\n", ":1: tracing_sampling_rate is '1.5': expected a number from 0 to 1");
}
END_TEST

START_TEST(sizes_have_units)
{
	uint64_t bytes = 0;
	ck_assert(settings_size(slice_cstr(sizes[_i].text), &bytes) == sizes[_i].good);
	ck_assert_uint_eq(bytes, sizes[_i].bytes);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("settings");
	TCase *t = tcase_create("settings");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, without_file_and_environment_the_defaults_hold);
	tcase_add_test(t, a_control_plane_has_a_status_listener_when_it_is_set);
	tcase_add_test(t, a_file_has_keys_values_and_comments);
	tcase_add_test(t, the_environment_beats_the_file_and_our_name_beats_kongs);
	tcase_add_test(t, an_empty_value_unsets_or_gives_the_default_back);
	tcase_add_test(t, workers_may_be_auto_and_times_have_units);
	tcase_add_test(t, nginx_directives_are_other_names_of_our_keys);
	tcase_add_loop_test(t, every_known_directive_is_recognised, 0, sizeof directives / sizeof directives[0]);
	tcase_add_test(t, a_day_may_be_written_as_nginx_does);
	tcase_add_test(t, what_has_no_effect_yet_is_warned_of);
	tcase_add_test(t, an_unknown_key_in_the_file_is_warned_of_with_its_place);
	tcase_add_test(t, a_bad_value_names_place_key_value_and_what_is_expected);
	tcase_add_test(t, a_missing_file_is_an_error_when_it_was_asked_for);
	tcase_add_test(t, secrets_are_neither_shown_nor_quoted);
	tcase_add_test(t, what_is_traced_is_named);
	tcase_add_loop_test(t, sizes_have_units, 0, sizeof sizes / sizeof sizes[0]);
	suite_add_tcase(suite, t);
	return run_suite(suite);
}
