/* file-log and http-log: plugins.md 6, 0.9, and what of examples 125 to 127 needs no collector. */
#include <check.h>

#include "tests/support/loading.h"
#include "tests/support/plugin_rig.h"

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
	ck_assert_int_eq(line.ptr[line.len - 1], '\n');
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

static const struct {
	const char *row, *told;
} bad_rows[] = {
        {"{'name':'file-log','config':{'path':'a*b'}}", "not a valid filename"}, /* 125 */
        {"{'name':'file-log','config':{}}", "required field missing"},
        {"{'name':'file-log','config':{'path':'x','custom_fields_by_lua':{'a':'return 1'}}}", "runs no Lua"},
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
	tcase_add_loop_test(t, what_cannot_be, 0, sizeof bad_rows / sizeof bad_rows[0]);
	suite_add_tcase(s, t);
	return run_suite(s);
}
