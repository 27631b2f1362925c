/* The generic endpoints on a real database: services, routes, consumers, plugins, upstreams, targets, credentials
 * (admin-api.md 4, 5, 7; entities.md 6, 7). */
#include "tests/unit/admin/fixture.h"

#include <unistd.h>

static struct api api;

static void setup(void)
{
	api_init_with_store(&api);
}

static void teardown(void)
{
	api_fini(&api);
}

static void made(const char *path, const char *body)
{
	int status = ask(&api, "POST", path, body);
	ck_assert_msg(status == 201, "POST %s: %d %s", path, status, value_at(&api, "message"));
}

static size_t rows(const char *path)
{
	ck_assert_int_eq(ask(&api, "GET", path, NULL), 200);
	return json_array_size(json_object_get(api.json, "data"));
}

START_TEST(post_creates_with_defaults_and_counts_a_version)
{
	made("/services", "{'name':'a','host':'h'}");
	expect(&api, "port", "80");
	expect(&api, "path", "null");
	ck_assert(api.last.is_write);
	ck_assert_uint_eq(api.last.version, 1);
	ck_assert_int_eq(ask(&api, "GET", "/services/a", NULL), 200);
	expect(&api, "host", "'h'");
	ck_assert(!api.last.is_write);
}
END_TEST

START_TEST(a_refused_write_leaves_nothing_behind)
{
	made("/services", "{'name':'a','host':'h'}");
	ck_assert_int_eq(ask(&api, "POST", "/services", "{'name':'a','host':'h'}"), 409);
	expect(&api, "fields", "{'name':'a'}");
	ck_assert_int_eq(ask(&api, "POST", "/services", "{'name':'b'}"), 400);
	made("/services", "{'name':'c','host':'h'}");
	ck_assert_uint_eq(api.last.version, 2);
	ck_assert_uint_eq(rows("/services"), 2);
}
END_TEST

START_TEST(put_by_id_takes_the_id_of_the_path)
{
	ck_assert_int_eq(
	        ask(&api, "PUT", "/services/" U0, "{'host':'h','id':'99999999-2222-4333-8444-555555555555'}"), 200);
	expect(&api, "id", "'" U0 "'");
	ck_assert_int_eq(ask(&api, "PUT", "/services/" U0, "{'host':'i'}"), 200);
	expect(&api, "host", "'i'");
	ck_assert_uint_eq(rows("/services"), 1);
}
END_TEST

START_TEST(put_by_name_keeps_the_id_and_resets_the_rest)
{
	ck_assert_int_eq(ask(&api, "PUT", "/services/p", "{'host':'h','name':'other','retries':1}"), 200);
	expect(&api, "name", "'p'");
	const char *id = value_at(&api, "id");
	ck_assert_int_eq(ask(&api, "PUT", "/services/p", "{'host':'h'}"), 200);
	expect(&api, "id", id);
	expect(&api, "retries", "5");
}
END_TEST

START_TEST(patch_changes_what_was_sent)
{
	made("/services", "{'name':'a','host':'h','retries':7}");
	ck_assert_int_eq(ask(&api, "PATCH", "/services/a", "{'host':'i','id':'x'}"), 200);
	expect(&api, "retries", "7");
	expect(&api, "host", "'i'");
	ck_assert_int_eq(ask(&api, "PATCH", "/services/none", "{'host':'i'}"), 404);
	expect(&api, "code", "6");
}
END_TEST

START_TEST(delete_is_harmless_when_repeated)
{
	made("/services", "{'name':'a','host':'h'}");
	ck_assert_int_eq(ask(&api, "DELETE", "/services/a", NULL), 204);
	ck_assert_uint_eq(api.last.version, 2);
	ck_assert_int_eq(ask(&api, "DELETE", "/services/a", NULL), 204);
	ck_assert_int_eq(ask(&api, "GET", "/services/a", NULL), 404);
}
END_TEST

START_TEST(what_is_referred_to_cannot_be_deleted)
{
	made("/services", "{'name':'a','host':'h'}");
	made("/services/a/routes", "{'name':'r','paths':['/r']}");
	ck_assert_int_eq(ask(&api, "DELETE", "/services/a", NULL), 400);
	expect(&api, "fields", "{'@referenced_by':'routes'}");
}
END_TEST

START_TEST(a_nested_item_belongs_to_its_parent)
{
	made("/services", "{'name':'a','host':'h'}");
	made("/services", "{'name':'b','host':'h'}");
	made("/services/a/routes", "{'name':'r','paths':['/r'],'service':{'name':'b'}}");
	ck_assert_uint_eq(rows("/services/a/routes"), 1);
	ck_assert_uint_eq(rows("/services/b/routes"), 0);
	ck_assert_int_eq(ask(&api, "GET", "/services/b/routes/r", NULL), 404);
	ck_assert_int_eq(ask(&api, "PUT", "/services/b/routes/r", "{'paths':['/x']}"), 404);
	ck_assert_int_eq(ask(&api, "DELETE", "/services/b/routes/r", NULL), 404);
	ck_assert_int_eq(ask(&api, "PUT", "/services/b/routes/s", "{'paths':['/x']}"), 200);
	ck_assert_int_eq(ask(&api, "POST", "/services/none/routes", "{'paths':['/x']}"), 404);
	ck_assert_int_eq(ask(&api, "DELETE", "/services/a/routes/r", NULL), 204);
}
END_TEST

START_TEST(the_entity_referred_to_is_reached_through_the_one_that_refers)
{
	made("/routes", "{'name':'r','paths':['/r']}");
	ck_assert_int_eq(ask(&api, "GET", "/routes/r/service", NULL), 404);
	ck_assert_int_eq(ask(&api, "PATCH", "/routes/r/service", "{'host':'x'}"), 404);
	ck_assert_int_eq(ask(&api, "DELETE", "/routes/r/service", NULL), 404);
	ck_assert_int_eq(ask(&api, "PUT", "/routes/r/service", "{'host':'fresh','name':'f'}"), 200);
	ck_assert_int_eq(ask(&api, "GET", "/routes/r/service", NULL), 200);
	expect(&api, "name", "'f'");
	ck_assert_int_eq(ask(&api, "PATCH", "/routes/r/service", "{'retries':2}"), 200);
	ck_assert_int_eq(ask(&api, "DELETE", "/routes/r/service", NULL), 405);
	ck_assert_uint_eq(rows("/services/f/routes"), 1);
}
END_TEST

START_TEST(references_by_name_are_resolved)
{
	made("/services", "{'name':'a','host':'h'}");
	const char *id = arena_printf(&api.arena, "{'id':%s}", value_at(&api, "id")).ptr;
	ck_assert_int_eq(ask_form(&api, "POST", "/routes", "name=r&paths[]=/r&service.name=a"), 201);
	expect(&api, "service", id);
	ck_assert_int_eq(ask(&api, "POST", "/routes", "{'paths':['/a'],'service':{'name':'zz'}}"), 400);
	expect(&api, "code", "13");
}
END_TEST

START_TEST(pages_follow_each_other_without_gaps)
{
	size_t seen = 0;
	const char *next = "/services?size=2&tags=t";

	for (int i = 0; i < 5; i++)
		made("/services", "{'host':'h','tags':['t','u']}");
	made("/services", "{'host':'h'}");
	for (int page = 0; page < 3; page++) {
		ck_assert_str_ne(next, "null");
		seen += rows(next);
		const char *text = json_string_value(json_object_get(api.json, "next"));
		next = text ? arena_cstr(&api.arena, slice_cstr(text)) : "null";
		ck_assert_int_eq(text != NULL, json_object_get(api.json, "offset") != NULL);
	}
	ck_assert_str_eq(next, "null");
	ck_assert_uint_eq(seen, 5);
	ck_assert_uint_eq(rows("/services?size=6"), 6);
	expect(&api, "next", "null");
}
END_TEST

START_TEST(tags_filter_by_and_and_or)
{
	made("/services", "{'host':'h','tags':['a','b']}");
	made("/services", "{'host':'h','tags':['a']}");
	made("/services", "{'host':'h','tags':['c']}");
	ck_assert_uint_eq(rows("/services?tags=a"), 2);
	ck_assert_uint_eq(rows("/services?tags=a,b"), 1);
	ck_assert_uint_eq(rows("/services?tags=b/c"), 2);
}
END_TEST

START_TEST(tags_are_listed_over_all_kinds_in_pages)
{
	size_t seen = 0;

	made("/services", "{'host':'h','tags':['a','b','c']}");
	made("/consumers", "{'username':'u','tags':['a']}");
	ck_assert_uint_eq(rows("/tags/a"), 2);
	ck_assert_uint_eq(rows("/tags/none"), 0);
	const char *next = "/tags?size=1";
	while (next) {
		seen += rows(next);
		const char *text = json_string_value(json_object_get(api.json, "next"));
		next = text ? arena_cstr(&api.arena, slice_cstr(text)) : NULL;
		ck_assert_uint_le(seen, 4);
	}
	ck_assert_uint_eq(seen, 4);
	ck_assert_int_eq(ask(&api, "POST", "/tags", "{}"), 400);
	expect(&api, "code", "2");
}
END_TEST

START_TEST(consumers_are_found_by_custom_id)
{
	made("/consumers", "{'username':'u','custom_id':'C'}");
	ck_assert_uint_eq(rows("/consumers?custom_id=C"), 1);
	ck_assert_uint_eq(rows("/consumers?custom_id=D"), 0);
	ask(&api, "GET", "/consumers?custom_id=", NULL);
	expect_message(&api, 400, "custom_id must be an unempty string");
}
END_TEST

START_TEST(a_plugin_must_share_a_protocol_with_its_route)
{
	made("/services", "{'name':'s','host':'h'}");
	made("/services/s/routes", "{'name':'r','protocols':['https'],'paths':['/r']}");
	ask(&api, "POST", "/routes/r/plugins", "{'name':'key-auth','protocols':['http']}");
	expect_message(&api, 400, "schema violation (protocols: must match the associated route's protocols)");
	ask(&api, "POST", "/services/s/plugins", "{'name':'key-auth','protocols':['http']}");
	expect_message(&api, 400,
	        "schema violation (protocols: must match the protocols of at least one route pointing to this Plugin's service)");
	made("/routes/r/plugins", "{'name':'key-auth'}");
}
END_TEST

START_TEST(a_missing_plugin_is_named_only_when_the_patch_names_one)
{
	ask(&api, "PATCH", "/plugins/" U0, "{'enabled':false}");
	expect_message(&api, 404, "Not found");
	ck_assert_int_eq(ask(&api, "PATCH", "/plugins/" U0, "{'name':'key-auth','enabled':false}"), 404);
	expect(&api, "code", "6");
}
END_TEST

START_TEST(a_form_patch_infers_by_the_stored_plugin)
{
	ck_assert_int_eq(ask_form(&api, "POST", "/plugins", "name=rate-limiting&config.minute=5"), 201);
	const char *path = arena_printf(&api.arena, "/plugins/%s", json_string_value(json_object_get(api.json, "id")))
	                           .ptr;
	ck_assert_int_eq(ask_form(&api, "PATCH", path, "config.hour=500"), 200);
	ck_assert_int_eq(json_integer_value(json_object_get(json_object_get(api.json, "config"), "hour")), 500);
	ck_assert_int_eq(json_integer_value(json_object_get(json_object_get(api.json, "config"), "minute")), 5);
}
END_TEST

START_TEST(put_of_a_target_updates_and_never_creates)
{
	made("/upstreams", "{'name':'u'}");
	made("/upstreams/u/targets", "{'target':'10.0.0.1'}");
	expect(&api, "target", "'10.0.0.1:8000'");
	ck_assert_int_eq(ask(&api, "PUT", "/upstreams/u/targets/10.0.0.1:8000", "{'weight':5}"), 200);
	expect(&api, "weight", "5");
	ask(&api, "PUT", "/upstreams/u/targets/b.test:1", "{'weight':5}");
	expect_message(&api, 404, "Not found");
}
END_TEST

START_TEST(targets_are_listed_newest_first_with_a_count_as_offset)
{
	made("/upstreams", "{'name':'u'}");
	for (int i = 0; i < 3; i++) {
		made("/upstreams/u/targets",
		        arena_printf(&api.arena, "{'target':'10.0.0.%d','weight':%d}", i + 1, i).ptr);
		usleep(2000);
	}
	ck_assert_uint_eq(rows("/upstreams/u/targets?size=2"), 2);
	expect(&api, "offset", "'2'");
	expect(&api, "next", "'/upstreams/u/targets?offset=2'");
	ck_assert_int_eq(
	        json_integer_value(json_object_get(json_array_get(json_object_get(api.json, "data"), 0), "weight")),
	        2);
	ck_assert_uint_eq(rows("/upstreams/u/targets?offset=2"), 1);
	expect(&api, "next", "null");
	ck_assert_uint_eq(rows("/upstreams/u/targets?size=5000"), 3);
	ck_assert_uint_eq(rows("/upstreams/u/targets/all"), 3);
}
END_TEST

START_TEST(health_is_off_without_checks_and_unknown_with_them)
{
	made("/upstreams", "{'name':'u'}");
	made("/upstreams/u/targets", "{'target':'10.0.0.1'}");
	ck_assert_uint_eq(rows("/upstreams/u/health"), 1);
	expect(&api, "node_id", "'" U0 "'");
	ck_assert_str_eq(
	        json_string_value(json_object_get(json_array_get(json_object_get(api.json, "data"), 0), "health")),
	        "HEALTHCHECKS_OFF");
	ck_assert_int_eq(
	        ask(&api, "PATCH", "/upstreams/u", "{'healthchecks':{'passive':{'unhealthy':{'timeouts':3}}}}"), 200);
	ck_assert_uint_eq(rows("/upstreams/u/health"), 1);
	ck_assert_ptr_null(json_object_get(json_array_get(json_object_get(api.json, "data"), 0), "health"));
}
END_TEST

START_TEST(a_credential_is_made_up_and_can_expire)
{
	made("/consumers", "{'username':'bob'}");
	ck_assert_int_eq(ask(&api, "POST", "/consumers/bob/key-auth", NULL), 201);
	ck_assert_uint_eq(strlen(json_string_value(json_object_get(api.json, "key"))), 32);
	expect(&api, "ttl", "null");
	made("/consumers/bob/key-auth", "{'key':'k','ttl':60}");
	json_int_t ttl = json_integer_value(json_object_get(api.json, "ttl"));
	ck_assert(ttl >= 55 && ttl <= 60);
	expect(&api, "expires_at", "absent");
	ck_assert_int_eq(ask(&api, "PATCH", "/consumers/bob/key-auth/k", "{'tags':['x']}"), 200);
	ck_assert_int_gt(json_integer_value(json_object_get(api.json, "ttl")), 0);
	ck_assert_int_eq(ask(&api, "PUT", "/consumers/bob/key-auth/k", "{}"), 200);
	expect(&api, "ttl", "null");
	ck_assert_int_eq(ask(&api, "POST", "/consumers/bob/key-auth", "{'ttl':-1}"), 400);
	expect(&api, "options", "{'ttl':'must be an integer between 0 and 100000000'}");
	ck_assert_int_eq(ask(&api, "GET", "/key-auths/k/consumer", NULL), 200);
	expect(&api, "username", "'bob'");
}
END_TEST

START_TEST(a_membership_is_addressed_by_its_group_below_the_consumer)
{
	ask(&api, "PUT", "/consumers/bob", "{}");
	ask(&api, "PUT", "/consumers/eve", "{}");
	ck_assert_int_eq(ask(&api, "POST", "/consumers/bob/acls", "{'group':'g 1'}"), 201);
	ck_assert_int_eq(ask(&api, "POST", "/consumers/bob/acls", "{'group':'g 1'}"), 409);
	ck_assert_int_eq(ask(&api, "POST", "/consumers/eve/acls", "{'group':'g 1'}"), 201);
	ck_assert_int_eq(ask(&api, "GET", "/consumers/bob/acls/g%201", NULL), 200);
	expect(&api, "group", "'g 1'");
	ck_assert_int_eq(ask(&api, "PUT", "/consumers/bob/acls/g2", "{}"), 200);
	expect(&api, "group", "'g2'");
	ck_assert_int_eq(ask(&api, "PUT", "/consumers/bob/acls/g2", "{'tags':['t']}"), 200); /* the same one again */
	ck_assert_int_eq(ask(&api, "GET", "/consumers/bob/acls", NULL), 200);
	ck_assert_uint_eq(json_array_size(json_object_get(api.json, "data")), 2);
	ck_assert_int_eq(ask(&api, "OPTIONS", "/consumers/bob/acls/g2", NULL), 204);
	ck_assert_int_eq(ask(&api, "DELETE", "/consumers/bob/acls/g2", NULL), 204);

	static const char *const methods[] = {"GET", "PATCH", "DELETE", "OPTIONS"};
	for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
		ck_assert_int_eq(ask(&api, methods[i], "/consumers/bob/acls/g2", NULL), 404);
		ck_assert(slice_starts(api.last.text, S("{\n  \"message\":\"Not found\",\n  \"request_id\":\"")));
	}
	ck_assert_int_eq(ask(&api, "GET", "/consumers/nobody/acls/g2", NULL), 404);
	ck_assert_int_eq(ask(&api, "GET", "/acls/g2", NULL), 400);
	expect(&api, "code", "1");
}
END_TEST

START_TEST(deleting_a_consumer_takes_its_credentials_along)
{
	made("/consumers", "{'username':'bob'}");
	made("/consumers/bob/key-auth", "{'key':'k'}");
	ck_assert_int_eq(ask(&api, "DELETE", "/consumers/bob", NULL), 204);
	ck_assert_int_eq(ask(&api, "GET", "/key-auths/k", NULL), 404);
}
END_TEST

START_TEST(the_root_tells_who_answers)
{
	made("/consumers", "{'username':'bob'}");
	made("/plugins", "{'name':'key-auth'}");
	ck_assert_int_eq(ask(&api, "GET", "/", NULL), 200);
	expect(&api, "version", "'3.9.3'");
	expect(&api, "node_id", "'" U0 "'");
	ck_assert_str_eq(json_string_value(json_array_get(
	                         json_object_get(json_object_get(api.json, "plugins"), "enabled_in_cluster"), 0)),
	        "key-auth");
	ck_assert_int_eq(ask(&api, "GET", "/status?unit=b", NULL), 200);
	expect(&api, "database", "{'reachable':true}");
}
END_TEST

START_TEST(without_a_database_the_answer_is_503_and_then_it_goes_on)
{
	if (!test_pg_is_private())
		return;
	made("/services", "{'name':'a','host':'h'}");
	test_pg_halt();
	ck_assert_int_eq(ask(&api, "GET", "/services/a", NULL), 503);
	ck_assert_int_eq(ask(&api, "POST", "/services", "{'host':'h'}"), 503);
	ck_assert_int_eq(ask(&api, "GET", "/status", NULL), 200);
	expect(&api, "database", "{'reachable':false}");
	ck_assert_int_eq(ask(&api, "GET", "/schemas/services", NULL), 200);
	test_pg_resume();
	ck_assert_int_eq(ask(&api, "GET", "/services/a", NULL), 200);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("entities");
	TCase *t = tcase_create("all");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, post_creates_with_defaults_and_counts_a_version);
	tcase_add_test(t, a_refused_write_leaves_nothing_behind);
	tcase_add_test(t, put_by_id_takes_the_id_of_the_path);
	tcase_add_test(t, put_by_name_keeps_the_id_and_resets_the_rest);
	tcase_add_test(t, patch_changes_what_was_sent);
	tcase_add_test(t, delete_is_harmless_when_repeated);
	tcase_add_test(t, what_is_referred_to_cannot_be_deleted);
	tcase_add_test(t, a_nested_item_belongs_to_its_parent);
	tcase_add_test(t, the_entity_referred_to_is_reached_through_the_one_that_refers);
	tcase_add_test(t, references_by_name_are_resolved);
	tcase_add_test(t, pages_follow_each_other_without_gaps);
	tcase_add_test(t, tags_filter_by_and_and_or);
	tcase_add_test(t, tags_are_listed_over_all_kinds_in_pages);
	tcase_add_test(t, consumers_are_found_by_custom_id);
	tcase_add_test(t, a_plugin_must_share_a_protocol_with_its_route);
	tcase_add_test(t, a_missing_plugin_is_named_only_when_the_patch_names_one);
	tcase_add_test(t, a_form_patch_infers_by_the_stored_plugin);
	tcase_add_test(t, put_of_a_target_updates_and_never_creates);
	tcase_add_test(t, targets_are_listed_newest_first_with_a_count_as_offset);
	tcase_add_test(t, health_is_off_without_checks_and_unknown_with_them);
	tcase_add_test(t, a_credential_is_made_up_and_can_expire);
	tcase_add_test(t, a_membership_is_addressed_by_its_group_below_the_consumer);
	tcase_add_test(t, deleting_a_consumer_takes_its_credentials_along);
	tcase_add_test(t, the_root_tells_who_answers);
	tcase_add_test(t, without_a_database_the_answer_is_503_and_then_it_goes_on);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	test_pg_start();
	SRunner *r = srunner_create(suite());
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	test_pg_stop();
	return failed != 0;
}
