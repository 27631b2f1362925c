/* file-log, http-log, tcp-log, udp-log and syslog: plugins.md 6, 0.9, and what of examples 125 to 127 needs no
 * collector. */
#include <check.h>

#include "common/plugin/template.h"
#include "tests/support/loading.h"
#include "tests/support/plugin_rig.h"

#define LUA                                                                                    \
	"'custom_fields_by_lua':{'team.name':'return \\\"shore\\\"','client_ip':'return nil'," \
	"'response.status':'return kong.response.get_status() .. \\\"!\\\"','broken':'return 1 + nil'}"

static struct rig rig;

static void setup(void)
{
	rig_init(&rig);
}

static void teardown(void)
{
	rig_fini(&rig);
}

static const struct sink *logged(const char *row)
{
	rig_plugin(&rig, row);
	rig_get(&rig, "GET /a", "Authorization: Basic secret");
	rig_upstream_answers(&rig, 200, "", "");
	rig_log(&rig);
	return rig.sunk_in;
}

START_TEST(file_log_writes_a_line) /* 125 */
{
	const struct sink *s = logged("{'name':'file-log','config':{'path':'/tmp/x.log','reopen':true}}");
	ck_assert_int_eq(s->kind, SINK_FILE);
	ck_assert(slice_eq(s->path, S("/tmp/x.log")));
	ck_assert(s->reopen);
	struct slice line = text_slice(&rig.sunk);
	ck_assert_ptr_eq(s->encode, sink_encode_lines);
	json_t *r = json_loadb(line.ptr, line.len, 0, NULL);
	is(json_object_get(json_object_get(json_object_get(r, "request"), "headers"), "authorization"), "'REDACTED'");
	is(json_object_get(json_object_get(r, "response"), "status"), "200");
	is(json_object_get(json_object_get(r, "latencies"), "proxy"), "-1");
	is(json_object_get(r, "upstream_status"), "''");
	json_decref(r);
}
END_TEST

START_TEST(http_log_posts_objects_or_arrays)
{
	const struct sink *s = logged("{'name':'http-log','config':{'http_endpoint':'http://u:p@h.test/in?k=v',"
	                              "'headers':{'X-Key':'1'}}}");
	ck_assert_int_eq(s->kind, SINK_HTTP);
	ck_assert(slice_eq(s->url, S("http://u:p@h.test/in?k=v")));
	ck_assert(slice_eq(s->method, S("POST")));
	ck_assert(slice_eq(head_find_name(&s->headers, S("content-type"))->value, S("application/json")));
	ck_assert(slice_eq(head_find_name(&s->headers, S("x-key"))->value, S("1")));
	ck_assert_ptr_null(s->encode);
	ck_assert_uint_eq(s->queue.batch_size, 1);
	ck_assert_uint_eq(s->queue.entries_max, 10000);
	ck_assert_int_eq(s->queue.retry_ms, 60000);
	ck_assert_uint_eq(s->queue.retry_first_ms, 10);
	ck_assert_uint_eq(s->timeout_ms, 10000);
}
END_TEST

START_TEST(batches_are_arrays_and_old_names_count) /* 126, 0.9 */
{
	const struct sink *s = logged("{'name':'http-log','config':{'http_endpoint':'http://h.test/','queue_size':20,"
	                              "'flush_timeout':0.5,'queue':{'max_retry_time':-1,'max_batch_size':3}}}");
	ck_assert_ptr_eq(s->encode, sink_encode_array);
	ck_assert_uint_eq(s->queue.batch_size, 20);
	ck_assert_uint_eq(s->queue.coalesce_ms, 500);
	ck_assert_int_eq(s->queue.retry_ms, -1);
}
END_TEST

START_TEST(tcp_log_keeps_a_connection_and_loses_what_fails)
{
	const struct sink *s = logged("{'name':'tcp-log','config':{'host':'h.test','port':9,'tls':true,"
	                              "'tls_sni':'sni.test','timeout':70,'keepalive':80}}");
	ck_assert_int_eq(s->kind, SINK_TCP);
	ck_assert(slice_eq(s->host, S("h.test")) && s->port == 9);
	ck_assert(s->tls && slice_eq(s->tls_name, S("sni.test")));
	ck_assert_uint_eq(s->timeout_ms, 70);
	ck_assert_uint_eq(s->keepalive_ms, 80);
	ck_assert_int_eq(s->queue.retry_ms, -1);
	ck_assert_ptr_eq(s->encode, sink_encode_lines);
}
END_TEST

START_TEST(udp_log_sends_a_record_without_a_newline)
{
	const struct sink *s = logged("{'name':'udp-log','config':{'host':'h.test','port':9}}");
	ck_assert_int_eq(s->kind, SINK_UDP);
	ck_assert(slice_eq(s->host, S("h.test")) && s->port == 9);
	ck_assert_uint_le(s->queue.batch_size, 1);
	ck_assert_int_eq(s->queue.retry_ms, -1);
	ck_assert_int_eq(rig.sunk.ptr[rig.sunk.len - 1], '}');
}
END_TEST

/* "<PRI>" of the datagram that an answer leads to; "" when it is not logged. */
static const char *syslog_priority(const char *config, int status)
{
	static char priority[16];
	char row[512];
	snprintf(row, sizeof row, "{'name':'syslog','config':%s}", config);
	rig_plugin(&rig, row);
	rig_get(&rig, "GET /a", "");
	rig_upstream_answers(&rig, status, "", "");
	rig_log(&rig);
	snprintf(priority, sizeof priority, "%.*s", (int)strcspn(text_cstr(&rig.sunk), ">"), text_cstr(&rig.sunk));
	return priority;
}

static const struct {
	const char *config;
	int status;
	const char *priority; /* facility * 8 + severity: RFC 5424 6.2.1 */
} severities[] = {
        {"{}", 200, "<14"}, /* user, info */
        {"{}", 500, "<14"},
        {"{'facility':'local7','successful_severity':'warning','log_level':'debug'}", 399, "<188"},
        {"{'facility':'auth','client_errors_severity':'notice'}", 400, "<37"},
        {"{'facility':'authpriv','client_errors_severity':'notice'}", 499, "<85"},
        {"{'facility':'cron','server_errors_severity':'emerg'}", 500, "<72"},
        {"{'facility':'kern','server_errors_severity':'crit','log_level':'crit'}", 503, "<2"},
        {"{'log_level':'warning'}", 200, ""},
        {"{'log_level':'warning','client_errors_severity':'notice'}", 404, ""},
        {"{'log_level':'warning','server_errors_severity':'err'}", 502, "<11"},
        {"{'successful_severity':'debug'}", 200, ""},
};

START_TEST(syslog_takes_severity_from_the_status)
{
	ck_assert_str_eq(syslog_priority(severities[_i].config, severities[_i].status), severities[_i].priority);
}
END_TEST

START_TEST(syslog_entries_are_datagrams)
{
	const struct sink *s = logged("{'name':'syslog','config':{}}");
	const char *text = text_cstr(&rig.sunk), *json = strstr(text, "]: {");
	ck_assert_int_eq(s->kind, SINK_SYSLOG);
	ck_assert_ptr_nonnull(json);
	ck_assert_ptr_nonnull(strstr(text, " kong["));
	json_t *r = json_loads(json + 3, 0, NULL);
	is(json_object_get(json_object_get(r, "response"), "status"), "200");
	json_decref(r);
}
END_TEST

static const char *const lua_rows[] = {
        "{'name':'file-log','config':{'path':'x'," LUA "}}",
        "{'name':'http-log','config':{'http_endpoint':'http://h/'," LUA "}}",
        "{'name':'tcp-log','config':{'host':'h','port':1," LUA "}}",
        "{'name':'udp-log','config':{'host':'h','port':1," LUA "}}",
        "{'name':'syslog','config':{" LUA "}}",
};

START_TEST(code_makes_members_of_the_record) /* 0.10, 127 */
{
	ck_assert_ptr_nonnull(logged(lua_rows[_i]));
	const char *json = strchr(text_cstr(&rig.sunk), '{');
	json_t *r = json_loads(json, 0, NULL);
	ck_assert_ptr_nonnull(r);
	has(r, "team", "{'name':'shore'}");
	has(r, "client_ip", NULL);
	has(r, "response.status", "'200!'");
	has(r, "broken", NULL);
	json_decref(r);
}
END_TEST

START_TEST(code_can_be_forbidden)
{
	template_allow_lua(false);
	const char *why = rig_refusal(&rig, "plugins", lua_rows[0]);
	ck_assert_msg(strstr(why, "disabled because 'untrusted_lua' config option is set to 'off'"), "%s", why);
	template_allow_lua(true);
	ck_assert_ptr_null(rig_refusal(&rig, "plugins", lua_rows[0]));
}
END_TEST

static const struct {
	const char *row, *told;
} bad_rows[] = {
        {"{'name':'file-log','config':{'path':'a*b'}}", "not a valid filename"}, /* 125 */
        {"{'name':'file-log','config':{}}", "required field missing"},
        {"{'name':'file-log','config':{'path':'x','custom_fields_by_lua':{'a':'while true do end'}}}",
                "Error parsing function: 'a' line 1"},
        {"{'name':'tcp-log','config':{'port':1}}", "required field missing"},
        {"{'name':'tcp-log','config':{'host':'h','port':65536}}", "value should be between 0 and 65535"},
        {"{'name':'udp-log','config':{'host':'h'}}", "required field missing"},
        {"{'name':'udp-log','config':{'host':'h','port':1,'custom_fields_by_lua':{'a':''}}}",
                "length must be at least 1"},
        {"{'name':'http-log','config':{'http_endpoint':'http://h/','custom_fields_by_lua':{'a':7}}}",
                "expected a string"},
        {"{'name':'syslog','config':{'custom_fields_by_lua':{'a.b':'return os.exit()'}}}",
                "Error parsing function: 'a.b'"},
        {"{'name':'syslog','config':{'log_level':'warn'}}", "expected one of: debug, info, notice, warning, err"},
        {"{'name':'syslog','config':{'facility':'local8'}}", "expected one of: auth, authpriv, cron"},
        {"{'name':'http-log','config':{'http_endpoint':'h.test'}}", "missing host in url"},
        {"{'name':'http-log','config':{'http_endpoint':'http://h/','headers':{'Host':'x'}}}",
                "cannot contain 'Host' header"},
        {"{'name':'http-log','config':{'http_endpoint':'http://h/','headers':{'content-length':'x'}}}",
                "cannot contain 'Content-Length' header"},
        {"{'name':'http-log','config':{'http_endpoint':'http://u:p@h/','headers':{'Authorization':'x'}}}",
                "specifying both an 'Authorization' header and user info in 'http_endpoint' is not allowed"},
        {"{'name':'http-log','config':{'http_endpoint':'http://h/','method':'GET'}}",
                "expected one of: POST, PUT, PATCH"},
        {"{'name':'http-log','config':{'http_endpoint':'http://h/','queue':{'concurrency_limit':2}}}",
                "expected one of: -1, 1"},
};

START_TEST(what_cannot_be)
{
	const char *why = rig_refusal(&rig, "plugins", bad_rows[_i].row);
	ck_assert_msg(why && strstr(why, bad_rows[_i].told), "%s", why);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("log_plugins");
	TCase *t = tcase_create("all");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, file_log_writes_a_line);
	tcase_add_test(t, http_log_posts_objects_or_arrays);
	tcase_add_test(t, batches_are_arrays_and_old_names_count);
	tcase_add_test(t, tcp_log_keeps_a_connection_and_loses_what_fails);
	tcase_add_test(t, udp_log_sends_a_record_without_a_newline);
	tcase_add_loop_test(t, syslog_takes_severity_from_the_status, 0, sizeof severities / sizeof severities[0]);
	tcase_add_test(t, syslog_entries_are_datagrams);
	tcase_add_loop_test(t, code_makes_members_of_the_record, 0, sizeof lua_rows / sizeof lua_rows[0]);
	tcase_add_test(t, code_can_be_forbidden);
	tcase_add_loop_test(t, what_cannot_be, 0, sizeof bad_rows / sizeof bad_rows[0]);
	suite_add_tcase(s, t);
	return run_suite(s);
}
