/* chunk: plugins.md 0.10, custom_fields_by_lua. */
#include <check.h>
#include <stdio.h>

#include "common/plugin/chunk.h"
#include "tests/support/loading.h"
#include "tests/support/plugin_rig.h"

static struct rig rig;
static struct template_env env;

static void setup(void)
{
	rig_init(&rig);
	const struct consumer *tern = rig_entity(&rig, "consumers", "{'username':'tern','custom_id':'T7'}");
	rig_plugin(&rig, "{'name':'file-log','config':{'path':'x'}}");
	rig_get(&rig, "GET /u/ann?z=1&two=a&two=b&bare",
	        "x-t: hey\nX-Two: 1\nx-two: 2\nHost: Ex.test:81\nx-bad: \xff");
	rig.x.consumer = tern;
	rig.x.started_ms = 5;
	rig_upstream_answers(&rig, 201, "X-N: 1\nSet-Cookie: a\nSet-Cookie: b", "");
	rig_log(&rig);
	call_share(&rig.instances[0].call, S("token"), S("a.b.c"));
	template_env_init(&env, &rig.instances[0].call);
}

static void teardown(void)
{
	rig_fini(&rig);
}

static const struct {
	const char *code, *json; /* NULL: fails when it runs */
} rows[] = {
        /* values */
        {"return 'shore'", "'shore'"}, /* example 127 */
        {"return nil", "null"},
        {"return", "null"},
        {"", "null"},
        {"return 1.5", "1.5"},
        {"return 3", "3"},
        {"return -3 + 1", "-2"},
        {"return not true", "false"},
        {"return 'a', 'b';", "'a'"},
        {"return {}", "{}"},
        {"return {1, 'b', {true}}", "[1,'b',[true]]"},
        {"return {a = 1; ['x-y'] = {b = 'c'},}", "{'a':1,'x-y':{'b':'c'}}"},
        {"return {a = nil, b = 1}", "{'b':1}"},
        {"return ({a = {b = {7, 8}}}).a.b[2]", "8"},
        {"return ({1})[2]", "null"},
        {"return {n = kong.request.get_headers()['x-two']}", "{'n':['1','2']}"},
        {"return kong.request.get_header('x-bad')", "'\\ufffd'"},
        /* statements */
        {"local a = 'x' local b = a .. 'y'; return b", "'xy'"},
        {"local a a = 1 a = a + 1 return a", "2"},
        {"local a = 1 local a = a + 1 return a", "2"},
        {"if 1 > 2 then return 'a' elseif 2 > 1 then return 'b' else return 'c' end", "'b'"},
        {"if nil then return 'a' end return 'z'", "'z'"},
        {"local a = 1 if true then local a = 2 end return a", "1"},
        {"local a = 1 if true then a = 2 end return a", "2"},
        {"-- says who\nlocal who = kong.client.get_consumer() -- or nil\nif who then\n  return who.username\nend",
                "'tern'"},
        /* arithmetic, lengths, strings */
        {"return 7 % 3 + 2 * 3 - 8 / 4", "5"},
        {"return -7 % 3", "2"},
        {"return -(2 + 1)", "-3"},
        {"return #'abc' + #{1, 2} + #kong.request.get_headers()['x-two']", "7"},
        {"return '3' * '4'", "12"},
        {"return string.format('%s %s %s %s %s', 1, 2, 3, 4, 5)", "'1 2 3 4 5'"},
        {"return ('a-b'):upper():gsub('-', '_')", "'A_B'"},
        {"return math.floor(2.7) + math.ceil(0.2) + math.abs(-1) + math.max(1, 5, 3) + math.min(2, 1)", "10"},
        {"return table.concat({1, 'a', 2}, '-')", "'1-a-2'"},
        {"return table.concat(kong.request.get_headers()['x-two'])", "'12'"},
        {"return tostring(1) .. type({}) .. type(kong)", "'1tabletable'"},
        /* the request */
        {"return kong.request.get_header('X-T')", "'hey'"},
        {"return kong.request.get_header('x-two')", "'1'"},
        {"return kong.request.get_header('nope')", "null"},
        {"return kong.request.get_headers().x_t", "'hey'"},
        {"return kong.request.get_method()", "'GET'"},
        {"return kong.request.get_path()", "'/u/ann'"},
        {"return kong.request.get_raw_path()", "'/u/ann'"},
        {"return kong.request.get_path_with_query()", "'/u/ann?z=1&two=a&two=b&bare'"},
        {"return kong.request.get_raw_query()", "'z=1&two=a&two=b&bare'"},
        {"return kong.request.get_query_arg('two')", "'a'"},
        {"return kong.request.get_query_arg('bare')", "true"},
        {"return kong.request.get_query().two", "['a','b']"},
        {"return kong.request.get_host()", "'Ex.test'"},
        {"return kong.request.get_scheme()", "'http'"},
        {"return kong.request.get_start_time()", "5"},
        {"return #kong.request.get_id()", "32"},
        {"return type(kong.request.get_port())", "'number'"},
        /* the answer, and who asked */
        {"return kong.response.get_status()", "201"},
        {"return kong.response.get_header('x-n')", "'1'"},
        {"return kong.response.get_headers()['set-cookie']", "['a','b']"},
        {"return kong.response.get_source()", "'service'"},
        {"return kong.service.response.get_header('x-n')", "'1'"},
        {"return kong.client.get_ip() == kong.client.get_forwarded_ip()", "true"},
        {"return kong.client.get_consumer().custom_id", "'T7'"},
        {"return kong.client.get_consumer().nope", "null"},
        {"return kong.client.get_credential()", "null"},
        {"return kong.router.get_route()", "null"},
        {"return type(kong.node.get_id())", "'string'"},
        {"return kong.ctx.shared.token", "'a.b.c'"},
        {"return ngx.var.remote_addr == kong.client.get_ip()", "true"},
        {"return ngx.var.request_uri", "'/u/ann?z=1&two=a&two=b&bare'"},
        {"return ngx.var.http_x_t .. ngx.var.arg_z .. ngx.var.sent_http_x_n", "'hey11'"},
        {"return ngx.var.status", "'201'"},
        {"return ngx.var.nope", "null"},
        {"return ngx.req.get_headers()['x-t'] .. ngx.req.get_method() .. ngx.req.get_uri_args().z", "'heyGET1'"},
        {"return ngx.time() <= os.time() and ngx.now() > 0", "true"},
        /* what cannot be computed */
        {"return kong.router.get_route().name", NULL},
        {"return kong", NULL},
        {"return kong.request.get_header", NULL},
        {"return kong.request.get_headers()", NULL},
        {"return kong.request.get_header()", NULL},
        {"return 1 / 0", NULL},
        {"return 'a' + 1", NULL},
        {"return #1", NULL},
        {"return {[1] = 2}", NULL},
        {"return {a = 1 / 0}", NULL},
        {"return math.floor('x')", NULL},
        {"local a return a.b", NULL},
        {"return table.concat({{}})", NULL},
        /* evil */
        {"return string.rep('x', 65537)", NULL},
        {"local a = string.rep('x', 60000) local b = {a, a} return b", NULL},
        {"local a = string.rep('x', 1000) local b = {a,a,a,a,a} local c = {b,b,b,b,b} return c", NULL},
        {"local a = string.rep('x', 60000) local b = a:upper() b = b:lower() b = b:upper() b = b:lower() b = b:upper()"
         " b = b:lower() b = b:upper() b = b:lower() b = b:upper() b = b:lower() b = b:upper() b = b:lower()"
         " b = b:upper() b = b:lower() b = b:upper() b = b:lower() b = b:upper() b = b:lower() return 1",
                NULL},
};

START_TEST(chunks_make_values)
{
	struct err e;
	const struct chunk *c = chunk_compile(rig.x.arena, slice_cstr(rows[_i].code), &e);
	json_t *out = NULL;
	const char *why = NULL;

	ck_assert_msg(c != NULL, "%s: %s", rows[_i].code, c ? "" : e.message);
	bool ok = chunk_run(c, &env, &out, &why);
	ck_assert_msg(ok == (rows[_i].json != NULL), "%s: %s", rows[_i].code, ok ? "gave a value" : why);
	ck_assert(ok == (why == NULL));
	if (!ok)
		return;
	if (!out)
		out = json_null();
	is(out, rows[_i].json);
	json_decref(out);
}
END_TEST

static const struct {
	const char *code, *why;
} refusals[] = {
        {"if", "line 1, at the end: something is missing"},
        {"return 'a", "line 1, at the end: something is missing"},
        {"return 'a\\", "line 1, at the end: something is missing"},
        {"local a = 1\nfor i = 1, 10 do end",
                "line 2, before 'for i = 1, 10 do end': of Lua's statements there are local"},
        {"while true do end", "of Lua's statements there are local, assignment, if and return here"},
        {"repeat until false", "of Lua's statements"},
        {"function f() end", "of Lua's statements"},
        {"goto x", "of Lua's statements"},
        {"return function() end", "line 1, before 'function() end': this is not understood"},
        {"x = 1", "only a local can be assigned to"},
        {"if true then local a = 1 end a = 2", "only a local can be assigned to"},
        {"return pairs", "names a function or a variable that there is not here"},
        {"return kong.request.set_header('a', 'b')", "names a function or a variable that there is not here"},
        {"return os.execute('id')", "names a function or a variable that there is not here"},
        {"return io", "names a function or a variable that there is not here"},
        {"return {1, a = 2}", "a table is either a list or has a name for each member"},
        {"return 1 return 2", "line 1, before 'return 2': this is not understood"},
        {"return 1)", "before ')'"},
        {"end", "before 'end'"},
        {"kong.request.get_header('x')", "line 1"},
        {"\x1bLua", "line 1"},
};

START_TEST(what_is_no_part_of_it_is_refused)
{
	struct err e;
	ck_assert_msg(!chunk_compile(rig.x.arena, slice_cstr(refusals[_i].code), &e), "%s", refusals[_i].code);
	ck_assert_msg(strstr(e.message, refusals[_i].why), "%s: %s", refusals[_i].code, e.message);
}
END_TEST

/* Code that nests or is long is refused, and does not overflow anything. */
START_TEST(nesting_and_length_have_limits)
{
	static const char *const pieces[] = {
	        "if true then ", "return {", "local a = 1 ", "local a = {{", "return (", "return -"};
	for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
		struct text text = {0};
		struct err e;
		for (int n = 0; n < 20000; n++)
			text_puts(&text, pieces[i]);
		ck_assert_ptr_null(chunk_compile(rig.x.arena, text_slice(&text), &e));
		text_fini(&text);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("chunk");
	TCase *t = tcase_create("all");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, chunks_make_values, 0, sizeof rows / sizeof rows[0]);
	tcase_add_loop_test(t, what_is_no_part_of_it_is_refused, 0, sizeof refusals / sizeof refusals[0]);
	tcase_add_test(t, nesting_and_length_have_limits);
	suite_add_tcase(s, t);
	return run_suite(s);
}
