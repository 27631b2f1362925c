/* plugin entity: config, scopes and protocols as the named plugin wants them (entities.md 4.5, 1.7). */
#include <check.h>

#include "common/plugin/entity.h"
#include "common/plugin/registry.h"
#include "common/schema/decode.h"
#include "tests/support/loading.h"

#define SOMETHING "{'id':'11111111-2222-4333-8444-555555555555'}"

START_TEST(a_plugin_is_rendered_with_the_defaults_of_its_config)
{
	json_t *p = created(&plugin_schema, "{'name':'key-auth'}");
	has(p, "config",
	        "{'key_names':['apikey'],'key_in_header':true,'key_in_query':true,'key_in_body':false,"
	        "'hide_credentials':false,'anonymous':null,'run_on_preflight':true,'realm':null}");
	has(p, "protocols", "['grpc','grpcs','http','https']");
	has(p, "route", "null");
	has(p, "instance_name", "null");
	has(p, "enabled", "true");
	json_decref(p);
}
END_TEST

static const struct {
	const char *input, *fields;
} refusals[] = {
        {"{}", "{'name':'required field missing'}"},
        {"{'name':null,'zork':1}", "{'name':'required field missing'}"},
        {"{'name':5}", "{'name':'expected a string'}"},
        {"{'name':'zork','config':{'a':1}}",
                "{'name':'plugin |zork| not enabled; add it to the |plugins| configuration property'}"},
        {"{'name':'key-auth','config':{'zork':1}}", "{'config':{'zork':'unknown field'}}"},
        {"{'name':'key-auth','config':'x'}", "{'config':'expected a record'}"},
        {"{'name':'key-auth','config':null}", "{'config':'required field missing'}"},
        {"{'name':'key-auth','consumer':" SOMETHING "}", "{'consumer':'value must be null'}"},
        {"{'name':'key-auth','consumer':'x'}", "{'consumer':'value must be null'}"},
        {"{'name':'key-auth','consumer_group':" SOMETHING "}", "{'consumer_group':'unknown field'}"},
        {"{'name':'key-auth','protocols':['http','tcp']}",
                "{'protocols':[null,'expected one of: grpc, grpcs, http, https']}"},
        {"{'name':'key-auth','protocols':['ftp']}", "{'protocols':['expected one of: grpc, grpcs, http, https']}"},
        {"{'name':'key-auth','protocols':[5]}", "{'protocols':['expected a string']}"},
        {"{'name':'key-auth','protocols':'http'}", "{'protocols':'expected a set'}"},
        {"{'name':'rate-limiting','config':{'minute':'x'}}", "{'config':{'minute':'expected a number'}}"},
        {"{'name':'rate-limiting'}",
                "{'@entity':['at least one of these fields must be non-empty: |config.second|, |config.minute|, |config.hour|, "
                "|config.day|, |config.month|, |config.year|']}"},
        {"{'name':'rate-limiting','config':{'minute':5,'policy':'redis'}}",
                "{'config':{'redis':{'host':'required field missing'}},"
                "'@entity':['failed conditional validation given value of field |config.policy|']}"},
        {"{'name':'rate-limiting','config':{'minute':5,'redis_port':7,'redis':{'port':8}}}",
                "{'config':{'redis_port':'both deprecated and new field are used but their values mismatch: redis_port = 7 vs "
                "redis.port = 8'}}"},
};

START_TEST(a_plugin_is_refused_as_kong_does)
{
	refused(&plugin_schema, LOAD_CREATE, NULL, refusals[_i].input, refusals[_i].fields);
}
END_TEST

START_TEST(a_plugin_may_be_attached_to_what_it_allows)
{
	json_decref(created(&plugin_schema, "{'name':'rate-limiting','config':{'minute':5},'consumer':" SOMETHING
	                                    ",'route':" SOMETHING ",'service':" SOMETHING "}"));
	json_decref(created(&plugin_schema, "{'name':'key-auth','consumer':null,'route':" SOMETHING "}"));
}
END_TEST

START_TEST(a_patch_need_not_name_the_plugin)
{
	json_t *p = created(&plugin_schema, "{'name':'rate-limiting','config':{'minute':5}}");
	json_t *q = loaded(&plugin_schema, LOAD_UPDATE, p, "{'config':{'hour':500,'redis_host':'r.test'}}");
	has(q, "config.minute", "5");
	has(q, "config.hour", "500");
	has(q, "config.redis.host", "'r.test'");
	has(q, "config.redis.port", "6379");
	json_decref(q);
	json_decref(p);
}
END_TEST

START_TEST(a_patch_to_another_plugin_keeps_nothing_of_the_config)
{
	json_t *p = created(&plugin_schema, "{'name':'rate-limiting','config':{'minute':5}}");
	json_t *q = loaded(&plugin_schema, LOAD_UPDATE, p, "{'name':'key-auth','config':{'realm':'r'}}");
	has(q, "config.realm", "'r'");
	has(q, "config.key_names", "['apikey']");
	has(q, "config.minute", NULL);
	json_decref(q);
	q = loaded(&plugin_schema, LOAD_UPDATE, p, "{'name':'key-auth'}");
	has(q, "config.realm", "null");
	json_decref(q);
	json_decref(p);
}
END_TEST

START_TEST(deprecated_names_come_and_go_beside_the_new_ones)
{
	json_t *p = created(&plugin_schema, "{'name':'rate-limiting','config':{'minute':5,'redis_port':7}}");
	json_t *shown = schema_render(&plugin_schema, p, true);
	has(p, "config.redis.port", "7");
	has(p, "config.redis_port", NULL);
	has(shown, "config.redis_port", "7");
	has(shown, "config.redis_host", "null");

	/* clients send back what they got */
	const struct load_options options = {.op = LOAD_REPLACE, .existing = p, .now_ms = LOADING_NOW * 1000LL};
	struct violations v = {0};
	json_t *again;
	ck_assert(schema_load(&plugin_schema, shown, &options, &again, &v));
	ck_assert(json_equal(json_object_get(p, "config"), json_object_get(again, "config")));
	json_decref(again);
	json_decref(shown);
	json_decref(p);
}
END_TEST

START_TEST(secrets_of_a_config_are_masked)
{
	json_t *p = created(
	        &plugin_schema, "{'name':'rate-limiting','config':{'minute':5,'redis':{'password':'pw'}}}");
	json_t *masked = schema_render(&plugin_schema, p, false);
	has(masked, "config.redis.password", "'***'");
	has(masked, "config.redis_password", "'***'");
	json_decref(masked);
	json_decref(p);
}
END_TEST

START_TEST(a_plugin_and_its_config_decode)
{
	struct arena a;
	struct plugin_entity entity;
	struct err e;
	json_t *p = created(&plugin_schema, "{'name':'key-auth','route':" SOMETHING ",'instance_name':'mine'}");
	arena_init(&a);
	ck_assert(schema_decode(&plugin_schema, p, &a, &entity, &e));
	ck_assert(slice_eq(entity.name, S("key-auth")) && entity.route.set && !entity.service.set && entity.enabled);
	const struct schema *sub = schema_subschema(&plugin_schema, p);
	ck_assert_ptr_eq(sub, registry_find(S("key-auth"))->config);
	ck_assert_ptr_nonnull(schema_decode_new(sub, json_object_get(p, "config"), &a, &e));
	arena_fini(&a);
	json_decref(p);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("plugin entity");
	TCase *t = tcase_create("plugin entity");
	tcase_add_test(t, a_plugin_is_rendered_with_the_defaults_of_its_config);
	tcase_add_loop_test(t, a_plugin_is_refused_as_kong_does, 0, sizeof refusals / sizeof refusals[0]);
	tcase_add_test(t, a_plugin_may_be_attached_to_what_it_allows);
	tcase_add_test(t, a_patch_need_not_name_the_plugin);
	tcase_add_test(t, a_patch_to_another_plugin_keeps_nothing_of_the_config);
	tcase_add_test(t, deprecated_names_come_and_go_beside_the_new_ones);
	tcase_add_test(t, secrets_of_a_config_are_masked);
	tcase_add_test(t, a_plugin_and_its_config_decode);
	suite_add_tcase(s, t);
	return run_suite(s);
}
