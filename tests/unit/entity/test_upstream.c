/* upstream and target: hashing, health checks and addresses (entities.md 4.6, 4.7). */
#include <check.h>
#include <stdlib.h>

#include "common/entity/target.h"
#include "common/entity/upstream.h"
#include "common/schema/decode.h"
#include "tests/support/loading.h"

#define FAILED_ON(field) "failed conditional validation given value of field '" field "'"

static const struct {
	const char *input, *message; /* NULL: accepted */
} examples[] = {
        {"{}", "name: required field missing"},
        {"{'name':'a b'}", "name: Invalid name ('a b'); must be a valid hostname"},
        {"{'name':'x','slots':9}", "slots: value should be between 10 and 65536"},
        {"{'name':'x','algorithm':'zz'}",
                "algorithm: expected one of: consistent-hashing, least-connections, round-robin, latency"},
        {"{'name':'x','hash_on':'header'}", FAILED_ON("hash_on") "; hash_on_header: required field missing"},
        {"{'name':'x','hash_on':'cookie'}", FAILED_ON("hash_on") "; hash_on_cookie: required field missing"},
        {"{'name':'x','hash_on':'ip','hash_fallback':'cookie'}",
                FAILED_ON("hash_fallback") "; hash_on_cookie: required field missing"},
        {"{'name':'x','hash_on':'query_arg'}", FAILED_ON("hash_on") "; hash_on_query_arg: required field missing"},
        {"{'name':'x','hash_on':'uri_capture'}",
                FAILED_ON("hash_on") "; hash_on_uri_capture: required field missing"},
        {"{'name':'x','hash_fallback':'ip'}", FAILED_ON("hash_on") "; hash_fallback: expected one of: none"},
        {"{'name':'x','hash_on':'cookie','hash_on_cookie':'c','hash_fallback':'ip'}",
                FAILED_ON("hash_on") "; hash_fallback: expected one of: none"},
        {"{'name':'x','hash_on':'ip','hash_fallback':'ip'}",
                FAILED_ON(
                        "hash_on") "; hash_fallback: expected one of: none, consumer, header, cookie, path, query_arg, uri_capture"},
        {"{'name':'x','hash_on':'header','hash_on_header':'a','hash_fallback':'header','hash_fallback_header':'a'}",
                "values of these fields must be distinct: 'hash_on_header', 'hash_fallback_header'"},
        {"{'name':'x','hash_on':'header','hash_on_header':'a','hash_fallback':'header','hash_fallback_header':'b'}",
                NULL},
        {"{'name':'x','hash_on':'header','hash_on_header':'a b'}",
                "hash_on_header: bad header name 'a b', allowed characters are A-Z, a-z, 0-9, '_', and '-'"},
        {"{'name':'x','hash_on_cookie_path':'x'}", "hash_on_cookie_path: should start with: /"},
        {"{'name':'x','host_header':'h:99999'}", "host_header: invalid value: h:99999"},
        {"{'name':'x','healthchecks':{'threshold':101}}",
                "healthchecks.threshold: value should be between 0 and 100"},
        {"{'name':'x','healthchecks':{'active':{'concurrency':-1}}}",
                "healthchecks.active: {concurrency=\"value should be between 1 and 2147483648\"}"},
        {"{'name':'x','healthchecks':null}", "healthchecks: required field missing"},
        {"{'name':'x','healthchecks':{'active':{'headers':{'x':['1']},'type':'grpcs'}}}", NULL},
};

START_TEST(an_upstream_is_accepted_or_refused_as_kong_does)
{
	if (examples[_i].message)
		refused_saying(&upstream_schema, examples[_i].input, examples[_i].message);
	else
		json_decref(created(&upstream_schema, examples[_i].input));
}
END_TEST

static const char defaults[] =
        "{'name':'u1','algorithm':'round-robin','hash_on':'none','hash_fallback':'none','hash_on_header':null,"
        "'hash_fallback_header':null,'hash_on_cookie':null,'hash_on_cookie_path':'/','hash_on_query_arg':null,"
        "'hash_fallback_query_arg':null,'hash_on_uri_capture':null,'hash_fallback_uri_capture':null,'slots':10000,"
        "'healthchecks':{'threshold':0,'active':{'type':'http','timeout':1,'concurrency':10,'http_path':'/','https_sni':null,"
        "'https_verify_certificate':true,'headers':null,"
        "'healthy':{'interval':0,'http_statuses':[200,302],'successes':0},"
        "'unhealthy':{'interval':0,'http_statuses':[429,404,500,501,502,503,504,505],'tcp_failures':0,'timeouts':0,"
        "'http_failures':0}},"
        "'passive':{'type':'http','healthy':{'http_statuses':[200,201,202,203,204,205,206,207,208,226,300,301,302,303,304,305,"
        "306,307,308],'successes':0},'unhealthy':{'http_statuses':[429,500,503],'tcp_failures':0,'timeouts':0,"
        "'http_failures':0}}},"
        "'tags':null,'host_header':null,'client_certificate':null,'use_srv_name':false}";

START_TEST(an_upstream_is_rendered_with_all_its_defaults)
{
	json_t *u = created(&upstream_schema, "{'name':'u1'}");
	json_object_del(u, "id");
	json_object_del(u, "created_at");
	json_object_del(u, "updated_at");
	is(u, defaults);
	json_decref(u);
}
END_TEST

START_TEST(health_checks_merge_to_the_leaves)
{
	json_t *u = created(&upstream_schema, "{'name':'u','healthchecks':{'threshold':5,'active':{'timeout':2.0}}}");
	json_t *p = loaded(
	        &upstream_schema, LOAD_UPDATE, u, "{'healthchecks':{'active':{'healthy':{'interval':0.5}}}}");
	has(p, "healthchecks.threshold", "5");
	has(p, "healthchecks.active.timeout", "2");
	has(p, "healthchecks.active.healthy", "{'interval':0.5,'successes':0,'http_statuses':[200,302]}");
	json_decref(p);
	json_decref(u);
}
END_TEST

/* entities.md 4.6, "input coupling" */
static const struct {
	const char *before, *sent, *algorithm, *hash_on; /* before NULL: a POST, else a PATCH */
} couplings[] = {
        {NULL, "{'name':'u','hash_on':'ip'}", "'consistent-hashing'", "'ip'"},
        {NULL, "{'name':'u','algorithm':'round-robin','hash_on':'ip'}", "'consistent-hashing'", "'ip'"},
        {NULL, "{'name':'u','algorithm':'consistent-hashing'}", "'consistent-hashing'", "'none'"},
        {NULL, "{'name':'u','algorithm':'consistent-hashing','hash_on':'none'}", "'round-robin'", "'none'"},
        {NULL, "{'name':'u','algorithm':'least-connections','hash_on':'ip'}", "'least-connections'", "'none'"},
        {NULL, "{'name':'u','algorithm':'latency','hash_on':'none'}", "'latency'", "'none'"},
        {NULL, "{'name':'u','hash_on':null}", "'round-robin'", "'none'"},
        {"{'name':'u','hash_on':'ip'}", "{'hash_on':'none'}", "'round-robin'", "'none'"},
        {"{'name':'u','hash_on':'ip'}", "{'algorithm':'latency'}", "'latency'", "'none'"},
        {"{'name':'u','hash_on':'ip'}", "{'slots':10}", "'consistent-hashing'", "'ip'"},
        {"{'name':'u'}", "{'hash_on':'path'}", "'consistent-hashing'", "'path'"},
};

START_TEST(algorithm_and_hash_on_pull_each_other_along)
{
	json_t *before = couplings[_i].before ? created(&upstream_schema, couplings[_i].before) : NULL;
	json_t *u = loaded(&upstream_schema, before ? LOAD_UPDATE : LOAD_CREATE, before, couplings[_i].sent);
	has(u, "algorithm", couplings[_i].algorithm);
	has(u, "hash_on", couplings[_i].hash_on);
	json_decref(u);
	json_decref(before);
}
END_TEST

START_TEST(an_upstream_decodes)
{
	struct arena a;
	struct upstream upstream;
	struct err e;
	json_t *u = created(&upstream_schema, "{'name':'u','healthchecks':{'active':{'healthy':{'interval':0.5}}}}");
	arena_init(&a);
	ck_assert(schema_decode(&upstream_schema, u, &a, &upstream, &e));
	ck_assert(upstream.healthchecks.active.healthy.interval == 0.5);
	ck_assert_uint_eq(upstream.healthchecks.active.unhealthy.http_statuses.len, 8);
	ck_assert_int_eq(upstream.healthchecks.active.unhealthy.http_statuses.items[1], 404);
	ck_assert_uint_eq(upstream.healthchecks.passive.healthy.http_statuses.len, 19);
	ck_assert(upstream.healthchecks.active.concurrency == 10 && upstream.slots == 10000);
	arena_fini(&a);
	json_decref(u);
}
END_TEST

#define OF_UPSTREAM "'upstream':{'id':'11111111-2222-4333-8444-555555555555'}"

START_TEST(a_target_is_stored_with_its_port)
{
	json_t *t = created(&target_schema, "{'target':'10.0.0.1'," OF_UPSTREAM "}");
	has(t, "target", "'10.0.0.1:8000'");
	has(t, "weight", "100");
	has(t, "tags", "null");
	has(t, "created_at", "1700000000.123");
	has(t, "updated_at", "1700000000.123");
	json_decref(t);
	t = created(&target_schema, "{'target':'[::1]:80','weight':0," OF_UPSTREAM "}");
	has(t, "target", "'[0000:0000:0000:0000:0000:0000:0000:0001]:80'");
	json_decref(t);
}
END_TEST

START_TEST(a_bad_target_is_refused)
{
	refused_saying(&target_schema, "{'target':'a b'," OF_UPSTREAM "}",
	        "target: Invalid target; not a valid hostname or ip address");
	refused_saying(&target_schema, "{'target':'a','weight':65536," OF_UPSTREAM "}",
	        "weight: value should be between 0 and 65535");
	refused_saying(&target_schema, "{}", "target: required field missing; upstream: required field missing");
}
END_TEST

START_TEST(a_targets_times_survive_storing)
{
	json_t *t = created(&target_schema, "{'target':'a'," OF_UPSTREAM "}");
	char *text = json_dumps(t, JSON_COMPACT | JSON_REAL_PRECISION(16));
	json_t *again = json_loads(text, 0, NULL);
	ck_assert(json_equal(t, again));
	ck_assert_ptr_nonnull(strstr(text, "\"created_at\":1700000000.123,"));
	free(text);
	json_decref(again);
	json_decref(t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("upstream");
	TCase *t = tcase_create("upstream");
	tcase_add_loop_test(
	        t, an_upstream_is_accepted_or_refused_as_kong_does, 0, sizeof examples / sizeof examples[0]);
	tcase_add_test(t, an_upstream_is_rendered_with_all_its_defaults);
	tcase_add_test(t, health_checks_merge_to_the_leaves);
	tcase_add_loop_test(
	        t, algorithm_and_hash_on_pull_each_other_along, 0, sizeof couplings / sizeof couplings[0]);
	tcase_add_test(t, an_upstream_decodes);
	tcase_add_test(t, a_target_is_stored_with_its_port);
	tcase_add_test(t, a_bad_target_is_refused);
	tcase_add_test(t, a_targets_times_survive_storing);
	suite_add_tcase(s, t);
	return run_suite(s);
}
