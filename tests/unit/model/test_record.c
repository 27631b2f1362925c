/* record. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/entity/service.h"
#include "common/model/kinds.h"
#include "common/plugin/entity.h"
#include "common/schema/load.h"
#include "tests/support/records.h"

static struct err err;

/* What a data plane makes of it, and what it says the text is. */
static struct record *forgetful(const struct record *like, bool *keeps_text)
{
	struct arena a;
	struct text held_back = {0};
	record_forget_texts(true);
	struct record *r = record_parse_newer(like->kind, like->json, 7, &held_back, &err);
	record_forget_texts(false);

	ck_assert_msg(r != NULL, "%s", err.message);
	*keeps_text = slice_is_set(r->json);
	arena_init(&a);
	struct slice text = record_stored_text(r, &a);
	ck_assert_msg(slice_eq(text, like->json), "%.*s\n%.*s", SLICE_ARG(text), SLICE_ARG(like->json));
	arena_fini(&a);
	text_fini(&held_back);
	return r;
}

START_TEST(json_and_struct_say_the_same)
{
	struct record *r = record_of("services", "{'id':'%s','name':'a','host':'h.test'}", test_id(1));
	const struct service *s = r->entity;
	const struct uuid id = test_uuid(1);
	ck_assert(uuid_eq(&r->id, &id) && uuid_eq(&s->id, &id));
	ck_assert(slice_eq(s->host, S("h.test")));
	ck_assert_int_eq(s->port, 80);
	json_t *json = record_json(r);
	ck_assert_str_eq(json_string_value(json_object_get(json, "host")), "h.test");
	ck_assert_int_eq(json_integer_value(json_object_get(json, "port")), 80);
	json_decref(json);
	ck_assert_ptr_null(r->config_schema);
	record_unref(r);
}
END_TEST

START_TEST(a_plugins_row_also_has_its_config)
{
	struct record *r = record_of("plugins", "{'name':'key-auth','config':{'realm':'bay'}}");
	ck_assert_str_eq(r->config_schema->name, "key-auth");
	const struct field *realm = schema_field(r->config_schema, S("realm"));
	ck_assert(slice_eq(*(const struct slice *)field_member(realm, r->config), S("bay")));
	record_unref(r);
}
END_TEST

START_TEST(its_json_makes_the_same_record_again)
{
	struct record *a = record_of("plugins", "{'name':'rate-limiting','config':{'minute':2.5},'tags':['x']}");
	struct record *b = record_parse(a->kind, a->json, 7, &err);
	ck_assert_msg(b != NULL, "%s", err.message);
	ck_assert(slice_eq(a->json, b->json));
	ck_assert_uint_eq(b->version, 7);
	record_unref(a);
	record_unref(b);
}
END_TEST

START_TEST(a_record_of_an_older_release_gets_the_defaults_of_newer_fields)
{
	char json[200];
	snprintf(json, sizeof json, "{\"id\":\"%s\",\"host\":\"h\",\"created_at\":1,\"updated_at\":1}", test_id(1));
	struct record *r = record_parse(&service_schema, slice_cstr(json), 1, &err);
	ck_assert_msg(r != NULL, "%s", err.message);
	ck_assert_int_eq(((const struct service *)r->entity)->retries, 5);
	record_unref(r);
}
END_TEST

START_TEST(what_is_no_record_is_refused_with_a_reason)
{
	static const char *const bad[] = {"", "{", "[]", "5", "null", "{}", "{\"id\":5}",
	        "{\"id\":\"x\",\"host\":\"h\"}", "{\"id\":\"00000000-0000-4000-8000-000000000001\"}",
	        "{\"id\":\"00000000-0000-4000-8000-000000000001\",\"host\":\"h\",\"port\":\"80\"}",
	        "{\"id\":\"00000000-0000-4000-8000-000000000001\",\"host\":\"h\"} x"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		err.message[0] = '\0';
		ck_assert_msg(!record_parse(&service_schema, slice_cstr(bad[i]), 1, &err), "%s", bad[i]);
		ck_assert_msg(err.message[0] != '\0', "%s", bad[i]);
	}
	ck_assert(!record_parse(&service_schema, slice_of(NULL, 0), 1, &err));
	ck_assert(!record_parse(&plugin_schema,
	        S("{\"id\":\"00000000-0000-4000-8000-000000000001\",\"name\":\"no-such\",\"config\":{}}"), 1, &err));
	ck_assert_ptr_nonnull(strstr(err.message, "no-such"));
}
END_TEST

static struct slice lookup(const struct record *r, const char *field)
{
	return record_lookup_key(r, schema_field(r->kind, slice_cstr(field)));
}

START_TEST(lookup_keys_are_text_or_16_bytes)
{
	struct record *r = record_of(
	        "routes", "{'id':'%s','name':'r','paths':['/'],'service':{'id':'%s'}}", test_id(1), test_id(2));
	const struct uuid id = test_uuid(1), service = test_uuid(2);
	ck_assert(slice_eq(lookup(r, "name"), S("r")));
	ck_assert(slice_eq(lookup(r, "id"), uuid_slice(&id)));
	ck_assert(slice_eq(lookup(r, "service"), uuid_slice(&service)));
	record_unref(r);
	r = record_of("routes", "{'paths':['/']}");
	ck_assert(!slice_is_set(lookup(r, "name")));
	ck_assert(!slice_is_set(lookup(r, "service")));
	record_unref(r);
}
END_TEST

START_TEST(a_ttl_is_kept_as_the_time_of_its_end)
{
	struct record *r = record_of(
	        "keyauth_credentials", "{'consumer':{'id':'%s'},'key':'k','ttl':10}", test_id(1));
	int64_t end_ms = INT64_C(1772532010000);
	ck_assert(!record_is_expired(r, end_ms - 1));
	ck_assert(record_is_expired(r, end_ms));
	struct record *again = record_parse(r->kind, r->json, 2, &err);
	ck_assert(record_is_expired(again, end_ms) && !record_is_expired(again, end_ms - 1));
	record_unref(again);
	record_unref(r);
	r = record_of("keyauth_credentials", "{'consumer':{'id':'%s'},'key':'k'}", test_id(1));
	ck_assert(!record_is_expired(r, INT64_MAX));
	record_unref(r);
}
END_TEST

START_TEST(a_record_with_every_field_in_order_need_not_be_loaded_again)
{
	struct record *r = record_of("plugins", "{'name':'rate-limiting','config':{'minute':5}}");
	json_t *json = record_json(r), *config = json_object_get(json, "config");

	ck_assert(schema_is_rendered(r->kind, json));
	json_object_del(json_object_get(config, "redis"), "port"); /* deep inside */
	ck_assert(!schema_is_rendered(r->kind, json));
	json_decref(json);
	json = record_json(r);
	json_object_set_new(json, "tags_of_a_newer_release", json_null());
	ck_assert(!schema_is_rendered(r->kind, json));
	json_decref(json);
	json = record_json(r);
	json_object_set_new(json, "name", json_string("unheard-of"));
	ck_assert(!schema_is_rendered(r->kind, json));
	json_decref(json);
	record_unref(r);
	r = record_of("routes", "{'paths':['/a']}"); /* without the fields of another flavour of the router */
	json = record_json(r);
	ck_assert_ptr_null(json_object_get(json, "expression"));
	ck_assert(schema_is_rendered(r->kind, json));
	json_decref(json);
	record_unref(r);
}
END_TEST

/* A peer that is one release newer writes fields that this one has never heard of: they are held back, not guessed,
 * named once, and still there for whoever gets the record next (pitfalls.md A1-8). */
START_TEST(unknown_fields_of_a_newer_release_are_held_back)
{
	struct record *r = record_of("plugins", "{'name':'key-auth','config':{'realm':'bay'}}");
	json_t *json = record_json(r);
	struct text held_back = {0};
	record_unref(r);
	json_object_set_new(json, "color", json_string("red"));
	json_object_set_new(json_object_get(json, "config"), "tint", json_integer(3));
	char *newer = json_dumps(json, JSON_COMPACT);

	for (int i = 0; i < 2; i++) {
		r = record_parse_newer(kinds_by_name(S("plugins")), slice_cstr(newer), 7, &held_back, &err);
		ck_assert_msg(r != NULL, "%s", err.message);
		const struct field *realm = schema_field(r->config_schema, S("realm"));
		ck_assert(slice_eq(*(const struct slice *)field_member(realm, r->config), S("bay")));
		ck_assert_str_eq(r->json.ptr, newer);
		bool keeps_text;
		record_unref(forgetful(r, &keeps_text));
		ck_assert(keeps_text);
		record_unref(r);
	}
	ck_assert(strstr(text_cstr(&held_back), "plugins.color") != NULL);
	ck_assert(strstr(text_cstr(&held_back), "plugins.config.tint") != NULL);
	ck_assert_uint_eq(held_back.len, strlen("plugins.color, plugins.config.tint"));
	text_fini(&held_back);
	free(newer);
	json_decref(json);
}
END_TEST

START_TEST(what_is_known_and_wrong_is_an_error_beside_the_unknown)
{
	struct record *r = record_of("services", "{'id':'%s','name':'a','host':'h.test'}", test_id(1));
	json_t *json = record_json(r);
	struct text held_back = {0};
	record_unref(r);
	json_object_set_new(json, "color", json_string("red"));
	json_object_set_new(json, "port", json_string("no number"));
	char *bad = json_dumps(json, JSON_COMPACT);

	ck_assert_ptr_null(record_parse_newer(kinds_by_name(S("services")), slice_cstr(bad), 7, &held_back, &err));
	ck_assert(strstr(err.message, "port") != NULL);
	text_fini(&held_back);
	free(bad);
	json_decref(json);
}
END_TEST

#define OF_CONSUMER "'consumer':{'id':'00000000-0000-4000-8000-000000000009'}"

/* One of each way to hold a value, and every kind of which there are many. */
static const struct {
	const char *kind, *json;
} forgotten[] = {
        {"services", "{'name':'a','host':'h.test','retries':0,'tags':[],'protocol':'https','tls_verify':true}"},
        {"routes", "{'paths':['/a','~/b'],'headers':{'x-a':['1','2'],'b':['\u00fc/\\\\\\u0001']},"
                   "'methods':['GET'],'hosts':['*.test'],'snis':[],'preserve_host':true}"},
        {"routes", "{'protocols':['tcp'],'sources':[{'ip':'10.0.0.0/8','port':9}],'destinations':[]}"},
        {"consumers", "{'username':'u','custom_id':null,'tags':['t','u']}"},
        {"keyauth_credentials", "{'key':'k','ttl':10," OF_CONSUMER "}"},
        {"keyauth_credentials", "{'key':'k'," OF_CONSUMER "}"},
        {"basicauth_credentials", "{'username':'u','password':'p'," OF_CONSUMER "}"},
        {"jwt_secrets", "{'key':'k','secret':'s'," OF_CONSUMER "}"},
        {"acls", "{'group':'g'," OF_CONSUMER "}"},
        {"upstreams", "{'name':'u','healthchecks':{'active':{'headers':{'a':['b']}},'threshold':12.5}}"},
        {"targets", "{'target':'h.test:80','upstream':{'id':'00000000-0000-4000-8000-000000000008'},'weight':7}"},
        {"plugins", "{'name':'rate-limiting','config':{'minute':5},'protocols':['http']}"},
        {"plugins", "{'name':'request-transformer','config':{'add':{'headers':['a:b']}}}"},
        {"plugins", "{'name':'prometheus'}"},
};

START_TEST(a_text_that_the_struct_gives_again_is_forgotten)
{
	struct record *like = record_of(forgotten[_i].kind, "%s", forgotten[_i].json);
	bool keeps_text;
	struct record *r = forgetful(like, &keeps_text);

	ck_assert_msg(!keeps_text, "%.*s", SLICE_ARG(like->json));
	json_t *was = record_json(like), *is = record_json(r);
	ck_assert(json_equal(was, is));
	json_decref(was);
	json_decref(is);
	record_unref(r);
	record_unref(like);
}
END_TEST

/* What cannot be told from the struct: what a vault reference was, what DEL was written as. */
START_TEST(a_text_that_it_does_not_give_again_is_kept)
{
	static const char *const told[] = {"{'key':'{vault://env/key}','secret':'s'," OF_CONSUMER "}",
	        "{'key':'k\x7f','secret':'s'," OF_CONSUMER "}"};
	for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
		struct record *like = record_of("jwt_secrets", "%s", told[i]);
		bool keeps_text;
		struct record *r = forgetful(like, &keeps_text);
		ck_assert(keeps_text);
		record_unref(r);
		record_unref(like);
	}
}
END_TEST

START_TEST(a_record_takes_no_more_than_it_needs)
{
	struct record *like = record_of("consumers", "{'username':'somebody'}");
	bool keeps_text;
	struct record *r = forgetful(like, &keeps_text);

	ck_assert_uint_eq(arena_taken(&r->arena), r->arena.used);
	ck_assert_uint_eq(arena_taken(&like->arena), like->arena.used);
	ck_assert_uint_le(r->arena.used + like->json.len, like->arena.used);
	record_unref(r);
	record_unref(like);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("record");
	TCase *t = tcase_create("record");

	tcase_add_test(t, json_and_struct_say_the_same);
	tcase_add_test(t, a_record_with_every_field_in_order_need_not_be_loaded_again);
	tcase_add_test(t, a_plugins_row_also_has_its_config);
	tcase_add_test(t, its_json_makes_the_same_record_again);
	tcase_add_test(t, a_record_of_an_older_release_gets_the_defaults_of_newer_fields);
	tcase_add_test(t, what_is_no_record_is_refused_with_a_reason);
	tcase_add_test(t, unknown_fields_of_a_newer_release_are_held_back);
	tcase_add_test(t, what_is_known_and_wrong_is_an_error_beside_the_unknown);
	tcase_add_test(t, lookup_keys_are_text_or_16_bytes);
	tcase_add_test(t, a_ttl_is_kept_as_the_time_of_its_end);
	tcase_add_loop_test(
	        t, a_text_that_the_struct_gives_again_is_forgotten, 0, sizeof forgotten / sizeof *forgotten);
	tcase_add_test(t, a_text_that_it_does_not_give_again_is_kept);
	tcase_add_test(t, a_record_takes_no_more_than_it_needs);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
