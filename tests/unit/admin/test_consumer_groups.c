/* Groups of consumers, who is in them, and plugins attached to them (plugins-beyond.md, consumer groups;
 * users.md 2.7). */
#include "tests/unit/admin/fixture.h"

static struct api api;

static void setup(void)
{
	api_init_with_store(&api);
	ck_assert_int_eq(ask(&api, "POST", "/consumer_groups", "{'name':'gold'}"), 201);
	ck_assert_int_eq(ask(&api, "POST", "/consumers", "{'username':'carl'}"), 201);
	ck_assert_int_eq(ask(&api, "POST", "/consumers", "{'username':'dora'}"), 201);
}

static void teardown(void)
{
	api_fini(&api);
}

/* The names in `data` of a list, in no order that matters. */
static bool lists(const char *path, const char *key, const char *name)
{
	const json_t *row;
	size_t i;

	ck_assert_int_eq(ask(&api, "GET", path, NULL), 200);
	json_array_foreach(json_object_get(api.json, "data"), i, row)
	{
		if (strcmp(json_string_value(json_object_get(row, key)), name) == 0)
			return true;
	}
	return false;
}

START_TEST(groups_are_entities_like_others)
{
	ck_assert_int_eq(ask(&api, "GET", "/consumer_groups/gold", NULL), 200);
	expect(&api, "name", "'gold'");
	const json_t *inner = json_object_get(api.json, "consumer_group");
	ck_assert_str_eq(json_string_value(json_object_get(inner, "name")), "gold");
	ck_assert_int_eq(ask(&api, "PUT", "/consumer_groups/silver", "{'tags':['t']}"), 200);
	expect(&api, "consumer_group", "absent");
	ck_assert_int_eq(ask(&api, "POST", "/consumer_groups", "{'name':'gold'}"), 409);
	ck_assert_int_eq(ask(&api, "POST", "/consumer_groups", "{}"), 400);
	ck_assert_int_eq(ask(&api, "PATCH", "/consumer_groups/silver", "{'name':'bronze'}"), 200);
	ck_assert(lists("/consumer_groups?tags=t", "name", "bronze"));
	ck_assert_int_eq(ask(&api, "DELETE", "/consumer_groups/bronze", NULL), 204);
}
END_TEST

START_TEST(consumers_join_by_name_from_either_side)
{
	ck_assert_int_eq(ask_form(&api, "POST", "/consumer_groups/gold/consumers", "consumer=carl"), 201);
	ck_assert_uint_eq(json_array_size(json_object_get(api.json, "consumers")), 1);
	ck_assert_ptr_nonnull(json_object_get(api.json, "consumer_group"));
	ck_assert(lists("/consumer_groups/gold/consumers", "username", "carl"));
	ck_assert(!lists("/consumer_groups/gold/consumers", "username", "dora"));
	ck_assert(lists("/consumers/carl/consumer_groups", "name", "gold"));
	ck_assert_int_eq(ask(&api, "POST", "/consumers/dora/consumer_groups", "{'group':'gold'}"), 201);
	ck_assert_uint_eq(json_array_size(json_object_get(api.json, "consumer_groups")), 1);
	ck_assert(lists("/consumer_groups/gold/consumers", "username", "dora"));
	ck_assert_int_eq(ask(&api, "POST", "/consumer_groups/gold/consumers", "{'consumer':'carl'}"), 409);
	expect(&api, "code", "5");
}
END_TEST

START_TEST(several_consumers_join_together_or_not_at_all)
{
	ck_assert_int_eq(ask(&api, "POST", "/consumer_groups/gold/consumers", "{'consumer':['carl','nobody']}"), 404);
	ck_assert(!lists("/consumer_groups/gold/consumers", "username", "carl"));
	ck_assert_int_eq(ask(&api, "POST", "/consumer_groups/gold/consumers", "{'consumer':['carl','dora']}"), 201);
	ck_assert_uint_eq(json_array_size(json_object_get(api.json, "consumers")), 2);
	ck_assert_int_eq(ask(&api, "GET", "/consumer_groups/gold/consumers?size=1", NULL), 200);
	ck_assert_uint_eq(json_array_size(json_object_get(api.json, "data")), 1);
	ck_assert(json_is_string(json_object_get(api.json, "offset")));
	ck_assert_int_eq(ask(&api, "POST", "/consumer_groups/gold/consumers", "{}"), 400);
	expect(&api, "fields", "{'consumer':'required field missing'}");
	ck_assert_int_eq(ask(&api, "POST", "/consumer_groups/gold/consumers", "{'consumer':5}"), 400);
	expect(&api, "fields", "{'consumer':'expected an id or a username'}");
	ck_assert_int_eq(ask(&api, "POST", "/consumer_groups/none/consumers", "{'consumer':'carl'}"), 404);
}
END_TEST

START_TEST(one_membership_is_read_made_and_ended)
{
	ck_assert_int_eq(ask(&api, "GET", "/consumer_groups/gold/consumers/carl", NULL), 404);
	ck_assert_int_eq(ask(&api, "PUT", "/consumer_groups/gold/consumers/carl", "{}"), 200);
	uint64_t version = api.last.version;
	ck_assert_int_eq(ask(&api, "PUT", "/consumers/carl/consumer_groups/gold", "{}"), 200);
	expect(&api, "name", "'gold'");
	ck_assert_uint_eq(api.last.version, 0);
	ck_assert_uint_gt(version, 0);
	ck_assert_int_eq(ask(&api, "GET", "/consumer_groups/gold/consumers/carl", NULL), 200);
	expect(&api, "username", "'carl'");
	ck_assert_int_eq(ask(&api, "DELETE", "/consumers/carl/consumer_groups/gold", NULL), 204);
	ck_assert_int_eq(ask(&api, "DELETE", "/consumer_groups/gold/consumers/carl", NULL), 404);
	ck_assert_int_eq(ask(&api, "PATCH", "/consumer_groups/gold/consumers/carl", "{}"), 405);
	ck_assert_int_eq(ask(&api, "PUT", "/consumer_groups/gold/consumers/carl", "{}"), 200);
	ck_assert_int_eq(ask(&api, "DELETE", "/consumer_groups/gold/consumers", NULL), 204);
	ck_assert(!lists("/consumer_groups/gold/consumers", "username", "carl"));
}
END_TEST

START_TEST(memberships_end_with_either_side)
{
	ck_assert_int_eq(ask(&api, "PUT", "/consumer_groups/gold/consumers/carl", "{}"), 200);
	ck_assert_int_eq(ask(&api, "PUT", "/consumer_groups/gold/consumers/dora", "{}"), 200);
	ck_assert_int_eq(ask(&api, "DELETE", "/consumers/carl", NULL), 204);
	ck_assert(!lists("/consumer_groups/gold/consumers", "username", "carl"));
	ck_assert_int_eq(ask(&api, "DELETE", "/consumer_groups/gold", NULL), 204);
	ck_assert(!lists("/consumers/dora/consumer_groups", "name", "gold"));
}
END_TEST

#define LIMIT "'name':'rate-limiting','config':{'minute':5}"

START_TEST(a_plugin_of_a_group_is_one_more_instance)
{
	ck_assert_int_eq(ask(&api, "POST", "/plugins", "{" LIMIT "}"), 201);
	expect(&api, "consumer_group", "absent"); /* clients that compare whole objects never see it unset */
	ck_assert_int_eq(ask(&api, "POST", "/plugins", "{" LIMIT ",'consumer_group':{'name':'gold'}}"), 201);
	ck_assert_ptr_nonnull(json_object_get(json_object_get(api.json, "consumer_group"), "id"));
	ck_assert_int_eq(ask(&api, "POST", "/consumer_groups/gold/plugins", "{" LIMIT "}"), 409);
	ck_assert_ptr_nonnull(json_object_get(json_object_get(api.json, "fields"), "consumer_group"));
	ck_assert_int_eq(ask(&api, "POST", "/plugins", "{" LIMIT "}"), 409);
	expect(&api, "fields", "{'name':'rate-limiting','route':null,'service':null,'consumer':null}");
	ck_assert(lists("/consumer_groups/gold/plugins", "name", "rate-limiting"));
	ck_assert_int_eq(ask(&api, "DELETE", "/consumer_groups/gold", NULL), 204);
	ck_assert_int_eq(ask(&api, "GET", "/plugins", NULL), 200);
	ck_assert_uint_eq(json_array_size(json_object_get(api.json, "data")), 1);
}
END_TEST

START_TEST(a_plugin_without_that_scope_does_not_know_the_field)
{
	ask(&api, "POST", "/plugins", "{'name':'key-auth','consumer_group':{'name':'gold'}}");
	expect_message(&api, 400, "schema violation (consumer_group: unknown field)");
	ask(&api, "POST", "/plugins", "{" LIMIT ",'consumer_group':{'name':'gold'},'consumer':{'username':'carl'}}");
	expect_message(&api, 400,
	        "schema violation (only one or none of these fields must be set: 'consumer', 'consumer_group')");
}
END_TEST

int main(void)
{
	test_pg_start();
	Suite *s = suite_create("consumer groups");
	TCase *c = tcase_create("database");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, groups_are_entities_like_others);
	tcase_add_test(c, consumers_join_by_name_from_either_side);
	tcase_add_test(c, several_consumers_join_together_or_not_at_all);
	tcase_add_test(c, one_membership_is_read_made_and_ended);
	tcase_add_test(c, memberships_end_with_either_side);
	tcase_add_test(c, a_plugin_of_a_group_is_one_more_instance);
	tcase_add_test(c, a_plugin_without_that_scope_does_not_know_the_field);
	suite_add_tcase(s, c);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	test_pg_stop();
	return failed ? 1 : 0;
}
