/* proxy-cache: plugins.md 3.6 and examples 98 to 104 and 106. */
#include <check.h>

#include "common/core/log.h"
#include "common/plugin/cached_answer.h"
#include "tests/support/loading.h"
#include "tests/support/plugin_rig.h"

static struct rig rig;
static struct route route;

static void setup(void)
{
	rig_init(&rig);
	uuid_parse(S("0b8f5a52-1c1e-4f7a-9d53-2f6a0c7b1e11"), &route.id);
}

static void teardown(void)
{
	rig_fini(&rig);
}

static void configured(const char *conf)
{
	char row[1024];
	snprintf(
	        row, sizeof row, "{'name':'proxy-cache','config':{'strategy':'memory'%s%s}}", *conf ? "," : "", conf);
	rig_plugin(&rig, row);
}

static enum verdict get(const char *line, const char *headers)
{
	rig_request(&rig, line, headers);
	rig.x.route = &route;
	rig.x.started_ms = rig.now_ms;
	return rig_run(&rig);
}

/* What the client is told, when the upstream answers so (if it is asked). */
static const char *asked(const char *line, const char *headers, int status, const char *answer, const char *body)
{
	get(line, headers);
	rig_upstream_answers(&rig, status, answer, body);
	const char *told = rig_down(&rig, "X-Cache-Status");
	return told ? told : "nothing";
}

#define JSON "Content-Type: application/json"

START_TEST(an_answer_is_given_again) /* 98 */
{
	configured("");
	ck_assert_str_eq(asked("GET /json", "", 200, JSON "\nX-A: 1\nx-a: 2\nConnection: x", "{\"a\":1}"), "Miss");
	ck_assert_str_eq(
	        rig_down(&rig, "X-Cache-Key"), "b2bab5aadb5c29df6fcac5de8018e73e8c9feb5ea848f70b925ae98c3b5cdff6");
	rig.now_ms += 2000;
	ck_assert_int_eq(get("GET /json", ""), STOP);
	rig_upstream_answers(&rig, 0, "", "");
	ck_assert_int_eq(rig_status(&rig), 200);
	ck_assert_str_eq(rig_client_body(&rig), "{\"a\":1}");
	ck_assert_str_eq(rig_down(&rig, "X-Cache-Status"), "Hit");
	ck_assert_str_eq(rig_down(&rig, "Age"), "2");
	ck_assert_str_eq(rig_down(&rig, "Content-Type"), "application/json");
	ck_assert_str_eq(rig_down(&rig, "X-A"), "1");
	ck_assert_ptr_null(rig_down(&rig, "Connection"));
	size_t n;
	call_response_header(&rig.instances[0].call, S("x-a"), &n);
	ck_assert_uint_eq(n, 2);
}
END_TEST

static const struct {
	const char *conf, *line, *headers, *key;
	bool consumer;
} keys[] = {
        /* 99 */
        {"", "GET /stock", "", "a31e69b9cf3d834f37021eaff995648f6ebcd79fd1dfcc5eb8b7ce90c6583764", false},
        {"", "GET /stock?b=2&a=1", "", "1d96568da95c2f1a273bf86babec9ca4b3615dd274ea04ccdb5b70ce5b751aa6", false},
        {"'vary_query_params':['b','a']", "GET /stock?b=2&a=1", "",
                "8edbc620edd59dbc5724c49cadb96083f249187f2c1bd4aaa52c47794c9cebb2", false},
        {"", "GET /stock", "", "07b48c98a6c999c2a0d9c4ce43442b202bfc69f3823d56c74665cb96529d1b99", true},
        {"'vary_headers':['accept-language','x-no']", "GET /stock", "Accept-Language: fr",
                "737923707979814c3e10ddd0ff793b08b0ddb143fd0acd8f037dd4fc3ae2066c", false},
        /* others that must be the same as one of those */
        {"'ignore_uri_case':true,'vary_query_params':['b','a','no']", "GET /stock?a=1&b=2&c=3", "", NULL, false},
        {"'ignore_uri_case':true", "GET /STOCK?a=1&b=2", "", NULL, false},
};

START_TEST(keys_are_kongs)
{
	static struct consumer tern;
	uuid_parse(S("7f3c2b1a-4d5e-4f60-8a7b-9c0d1e2f3a4b"), &tern.id);
	configured(keys[_i].conf);
	rig_request(&rig, keys[_i].line, keys[_i].headers);
	rig.x.route = &route;
	rig.x.consumer = keys[_i].consumer ? &tern : NULL;
	rig_run(&rig);
	rig_upstream_answers(&rig, 200, JSON, "x");
	if (keys[_i].key)
		ck_assert_str_eq(rig_down(&rig, "X-Cache-Key"), keys[_i].key);
}
END_TEST

START_TEST(what_differs_in_what_counts_has_another_key)
{
	static const char *const lines[] = {"GET /a", "GET /a?", "GET /a?x", "GET /a?x=", "GET /a?x=1",
	        "GET /a?x=1&x=2", "GET /A", "GET /b", "HEAD /a"};
	char seen[sizeof lines / sizeof lines[0]][65];
	configured("");
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		get(lines[i], "");
		rig_upstream_answers(&rig, 200, JSON, "x");
		snprintf(seen[i], sizeof seen[i], "%s", rig_down(&rig, "X-Cache-Key"));
		for (size_t k = 0; k < i; k++)
			ck_assert_msg(strcmp(seen[i], seen[k]) != 0, "%s and %s", lines[i], lines[k]);
	}
	get("GET /a?x=2&x=1", ""); /* values are sorted */
	rig_upstream_answers(&rig, 200, JSON, "x");
	ck_assert_str_eq(rig_down(&rig, "X-Cache-Key"), seen[5]);
}
END_TEST

static const struct {
	const char *conf, *line, *headers;
	int status;
	const char *answer, *first, *second;
} rows[] = {
        /* 100 */
        {"", "POST /json", "", 200, JSON, "Bypass", "Bypass"},
        {"", "GET /xml", "", 200, "Content-Type: application/xml", "Bypass", "Bypass"},
        {"", "GET /s", "", 500, JSON, "Bypass", "Bypass"},
        {"", "GET /s", "", 404, JSON, "Miss", "Hit"},
        {"'response_code':[500]", "GET /s", "", 500, JSON, "Miss", "Hit"},
        {"'request_method':['POST']", "POST /s", "", 200, JSON, "Miss", "Hit"},
        {"", "HEAD /s", "", 200, JSON, "Miss", "Miss"},
        {"", "GET /s", "Authorization: x", 200, JSON, "Miss", "Hit"},
        /* 101 */
        {"'content_type':['application/json']", "GET /", "", 200, JSON "; charset=utf-8", "Bypass", "Bypass"},
        {"'content_type':['application/json; charset=utf-8']", "GET /", "", 200, JSON ";charset=utf-8", "Miss",
                "Hit"},
        {"'content_type':['application/json; charset=utf-8']", "GET /", "", 200, JSON, "Bypass", "Bypass"},
        {"'content_type':['*/*']", "GET /", "", 200, "Content-Type: application/xml", "Miss", "Hit"},
        {"'content_type':['application/*']", "GET /", "", 200, "Content-Type: application/xml", "Miss", "Hit"},
        {"'content_type':['text/*','no type']", "GET /", "", 200, "Content-Type: application/xml", "Bypass",
                "Bypass"},
        {"'content_type':['*/*']", "GET /", "", 200, "", "Bypass", "Bypass"},
        {"'content_type':['*/*']", "GET /", "", 200, JSON "\n" JSON, "Bypass", "Bypass"},
        /* 103 */
        {"'cache_control':true", "GET /", "", 200, JSON, "Bypass", "Bypass"},
        {"'cache_control':true", "GET /", "", 200, JSON "\nCache-Control: max-age=5", "Miss", "Hit"},
        {"'cache_control':true", "GET /", "", 200, JSON "\nCache-Control: s-maxage=0,max-age=5", "Bypass", "Bypass"},
        {"'cache_control':true", "GET /", "", 200, JSON "\nCache-Control: max-age=5, private", "Bypass", "Bypass"},
        {"'cache_control':true", "GET /", "", 200, JSON "\nCache-Control: max-age=5\nCache-Control: no-store",
                "Bypass", "Bypass"},
        {"'cache_control':true", "GET /", "", 200, JSON "\nExpires: Tue, 03 Mar 2026 10:00:30 GMT", "Miss", "Hit"},
        {"'cache_control':true", "GET /", "", 200, JSON "\nExpires: Tue, 03 Mar 2026 10:00:17 GMT", "Bypass",
                "Bypass"},
        {"'cache_control':true", "GET /", "Cache-Control: no-cache", 200, JSON "\nCache-Control: max-age=5", "Bypass",
                "Bypass"},
        {"'cache_control':true", "GET /", "Cache-Control: no-store", 200, JSON "\nCache-Control: max-age=5", "Bypass",
                "Bypass"},
        {"", "GET /", "Cache-Control: no-store", 200, JSON "\nCache-Control: private", "Miss", "Hit"},
        /* sizes */
        {"'max_body_size':4", "GET /", "", 200, JSON, "Miss", "Hit"},
        {"'max_body_size':3", "GET /", "", 200, JSON, "Miss", "Miss"},
        /* 104 */
        {"'response_headers':{'X-Cache-Status':false}", "GET /", "", 200, JSON, "nothing", "nothing"},
        {"'response_headers':{'X-Cache-Status':false}", "GET /", "Kong-Debug: 1", 200, JSON, "Miss", "Hit"},
};

START_TEST(what_is_stored_and_what_is_not)
{
	configured(rows[_i].conf);
	ck_assert_str_eq(
	        asked(rows[_i].line, rows[_i].headers, rows[_i].status, rows[_i].answer, "body"), rows[_i].first);
	ck_assert_str_eq(
	        asked(rows[_i].line, rows[_i].headers, rows[_i].status, rows[_i].answer, "body"), rows[_i].second);
	ck_assert_str_eq(rig_client_body(&rig), "body");
}
END_TEST

START_TEST(bodies_in_pieces_are_put_together)
{
	configured("");
	rig.piece_size = 3;
	ck_assert_str_eq(asked("GET /", "", 200, JSON, "0123456789"), "Miss");
	ck_assert_str_eq(asked("GET /", "", 200, JSON, "other"), "Hit");
	ck_assert_str_eq(rig_client_body(&rig), "0123456789");
}
END_TEST

START_TEST(an_old_answer_is_refreshed) /* 102 */
{
	configured("'cache_ttl':2,'storage_ttl':10");
	ck_assert_str_eq(asked("GET /", "", 200, JSON, "1"), "Miss");
	ck_assert_str_eq(asked("GET /", "", 200, JSON, "2"), "Hit");
	rig.now_ms += 3000;
	ck_assert_str_eq(asked("GET /", "", 200, JSON, "3"), "Refresh");
	ck_assert_str_eq(asked("GET /", "", 200, JSON, "4"), "Hit");
	ck_assert_str_eq(rig_client_body(&rig), "3");
}
END_TEST

START_TEST(the_request_may_ask_for_something_fresher) /* 3.6 lookup */
{
	static const struct {
		const char *header, *told;
	} asks[] = {
	        {"Cache-Control: max-age=3", "Hit"},
	        {"Cache-Control: max-age=2", "Refresh"},
	        {"Cache-Control: min-fresh=7", "Hit"},
	        {"Cache-Control: min-fresh=8", "Refresh"},
	        {"Cache-Control: max-stale=0", "Hit"},
	        {"Cache-Control: only-if-cached", "Hit"},
	};
	configured("'cache_control':true");
	asked("GET /", "", 200, JSON "\nCache-Control: max-age=10", "1");
	rig.now_ms += 3000;
	ck_assert_str_eq(
	        asked("GET /", asks[_i].header, 200, JSON "\nCache-Control: max-age=10", "1"), asks[_i].told);
}
END_TEST

/* An answer of 10 seconds that is kept for 100, 13 seconds later. */
START_TEST(the_request_may_say_how_stale_is_too_stale) /* 3.6 lookup */
{
	static const struct {
		const char *header, *told;
	} asks[] = {
	        {"", "Hit"},
	        {"Cache-Control: max-stale=3", "Hit"},
	        {"Cache-Control: max-stale=2", "Refresh"},
	        {"Cache-Control: max-age=13", "Hit"},
	        {"Cache-Control: max-age=12", "Refresh"},
	        {"Cache-Control: min-fresh=0", "Refresh"},
	};
	configured("'cache_control':true,'storage_ttl':100");
	asked("GET /", "", 200, JSON "\nCache-Control: max-age=10", "1");
	rig.now_ms += 13000;
	ck_assert_str_eq(
	        asked("GET /", asks[_i].header, 200, JSON "\nCache-Control: max-age=10", "1"), asks[_i].told);
}
END_TEST

START_TEST(only_if_cached_and_not_cached) /* 103 */
{
	configured("'cache_control':true");
	ck_assert_int_eq(get("GET /", "Cache-Control: only-if-cached"), STOP);
	ck_assert_int_eq(rig_status(&rig), 504);
	ck_assert_str_eq(rig_message(&rig), "The upstream server is timing out");
}
END_TEST

START_TEST(limits_are_told_as_they_are_now) /* 106 */
{
	rig_plugin(&rig, "{'name':'rate-limiting','config':{'minute':9}}");
	configured("");
	asked("GET /", "", 200, JSON "\nX-Other-RateLimit-Remaining: 3", "1");
	ck_assert_str_eq(rig_down(&rig, "RateLimit-Remaining"), "8");
	rig.now_ms += 5000;
	ck_assert_str_eq(asked("GET /", "", 200, JSON, "2"), "Hit");
	ck_assert_str_eq(rig_down(&rig, "RateLimit-Remaining"), "7");
	ck_assert_str_eq(rig_down(&rig, "RateLimit-Reset"), "38");
	ck_assert_ptr_null(rig_down(&rig, "X-Other-RateLimit-Remaining"));
}
END_TEST

#define REDIS "{'name':'proxy-cache','config':{'strategy':'redis','redis':{'host':'r.test'}}}"

START_TEST(redis_is_asked_and_told)
{
	rig_plugin(&rig, REDIS);
	ck_assert_str_eq(asked("GET /stock", "", 200, JSON, "body"), "Miss");
	const char *log = text_cstr(&rig.asked);
	ck_assert_ptr_nonnull(
	        strstr(log, "GET gh:pc:{a31e69b9cf3d834f37021eaff995648f6ebcd79fd1dfcc5eb8b7ce90c6583764}\n"));
	ck_assert_ptr_nonnull(strstr(log, "SET gh:pc:{a31e69b9"));
}
END_TEST

START_TEST(without_redis_the_upstream_is_asked)
{
	rig_plugin(&rig, REDIS);
	rig.redis_fails = true;
	ck_assert_str_eq(asked("GET /stock", "", 200, JSON, "body"), "Bypass");
	ck_assert_str_eq(rig_client_body(&rig), "body");
	rig.redis_fails = false;
	rig.redis_text = "rubbish";
	ck_assert_str_eq(asked("GET /stock", "", 200, JSON, "body"), "Miss");
}
END_TEST

START_TEST(bytes_that_are_no_answer_are_refused)
{
	struct arena a;
	struct head h = {0};
	struct text out = {0};
	struct cached_answer got;
	arena_init(&a);
	head_init(&h, &a);
	head_add(&h, S("X-A"), S("1"));
	bool keep_all(const struct header *f, void *arg);
	ck_assert(cached_answer_begin(&out, 200, 7, 8, &h, keep_all, NULL));
	size_t head = out.len;
	text_puts(&out, "body");
	ck_assert(cached_answer_read(text_slice(&out), &got));
	ck_assert(got.status == 200 && got.stored_s == 7 && got.ttl_s == 8 && slice_eq(got.body, S("body")));
	for (size_t n = 0; n < head; n++)
		ck_assert(!cached_answer_read(slice_of(out.ptr, n), &got));
	for (size_t i = 0; i < head; i++) { /* any byte may be wrong: no reading beyond the end */
		char was = out.ptr[i];
		out.ptr[i] = (char)0xff;
		if (cached_answer_read(text_slice(&out), &got)) {
			struct slice name, value, rest = got.headers;
			while (cached_answer_next(&rest, &name, &value))
				ck_assert(value.ptr + value.len <= out.ptr + out.len);
		}
		out.ptr[i] = was;
	}
	text_fini(&out);
	arena_fini(&a);
}
END_TEST

bool keep_all(const struct header *f, void *arg);
bool keep_all(const struct header *f, void *arg)
{
	return true;
}

START_TEST(configurations_are_checked)
{
	static const struct {
		const char *conf, *told;
	} bad_rows[] = {
	        {"{}", "strategy: required field missing"},
	        {"{'strategy':'disk'}", "expected one of: memory, redis"},
	        {"{'strategy':'memory','memory':{'dictionary_name':'nope'}}", "missing shared dict 'nope'"},
	        {"{'strategy':'redis'}", "required field missing"},
	        {"{'strategy':'memory','response_code':[]}", "length must be at least 1"},
	        {"{'strategy':'memory','response_code':[99]}", "value should be between 100 and 900"},
	        {"{'strategy':'memory','request_method':['DELETE']}", "expected one of: HEAD, GET, POST, PATCH, PUT"},
	        {"{'strategy':'memory','cache_ttl':0}", "value must be greater than 0"},
	};
	for (size_t i = 0; i < sizeof bad_rows / sizeof bad_rows[0]; i++) {
		char row[256];
		snprintf(row, sizeof row, "{'name':'proxy-cache','config':%s}", bad_rows[i].conf);
		const char *why = rig_refusal(&rig, "plugins", row);
		ck_assert_msg(why && strstr(why, bad_rows[i].told), "%s: %s", bad_rows[i].conf, why);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("proxy_cache");
	TCase *t = tcase_create("all");
	log_set_level(LOG_CRIT);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, an_answer_is_given_again);
	tcase_add_loop_test(t, keys_are_kongs, 0, sizeof keys / sizeof keys[0]);
	tcase_add_test(t, what_differs_in_what_counts_has_another_key);
	tcase_add_loop_test(t, what_is_stored_and_what_is_not, 0, sizeof rows / sizeof rows[0]);
	tcase_add_test(t, bodies_in_pieces_are_put_together);
	tcase_add_test(t, an_old_answer_is_refreshed);
	tcase_add_loop_test(t, the_request_may_ask_for_something_fresher, 0, 6);
	tcase_add_loop_test(t, the_request_may_say_how_stale_is_too_stale, 0, 6);
	tcase_add_test(t, only_if_cached_and_not_cached);
	tcase_add_test(t, limits_are_told_as_they_are_now);
	tcase_add_test(t, redis_is_asked_and_told);
	tcase_add_test(t, without_redis_the_upstream_is_asked);
	tcase_add_test(t, bytes_that_are_no_answer_are_refused);
	tcase_add_test(t, configurations_are_checked);
	suite_add_tcase(s, t);
	return run_suite(s);
}
