/* versions: the history as the Admin API tells it (users.md 2.5, 5.1, 5.2). */
#include "tests/unit/admin/fixture.h"

static struct api api;

static void setup(void)
{
	api_init_with_store(&api);
}

static void teardown(void)
{
	api_fini(&api);
}

static void make(const char *path, const char *body)
{
	int status = ask(&api, "POST", path, body);
	if (status != 201)
		ck_abort_msg("%s: %d %s", path, status, json_dumps(api.json, 0));
}

START_TEST(a_version_is_there_for_every_write)
{
	make("/services?message=first%20one", "{'name':'a','host':'h'}");
	make("/consumers", "{'username':'c'}");
	ck_assert_int_eq(ask(&api, "GET", "/versions/1", NULL), 200);
	expect(&api, "message", "'first one'");
	expect(&api, "author", "null");
	expect(&api, "created", "1");
	expect(&api, "counts", "{'services':{'created':1,'updated':0,'deleted':0}}");
	ck_assert_int_eq(ask(&api, "GET", "/versions/v2", NULL), 200);
	expect(&api, "version", "2");
	expect(&api, "message", "null");
}
END_TEST

START_TEST(versions_are_listed_newest_first_in_pages)
{
	for (int i = 0; i < 3; i++)
		make("/consumers", arena_cstr(&api.arena, arena_printf(&api.arena, "{'username':'c%d'}", i)));
	ck_assert_int_eq(ask(&api, "GET", "/versions?size=2", NULL), 200);
	expect(&api, "next", "'/versions?offset=Mg&size=2'");
	ck_assert_uint_eq(json_array_size(json_object_get(api.json, "data")), 2);
	ck_assert_int_eq(ask(&api, "GET", "/versions?offset=Mg&size=2", NULL), 200);
	ck_assert_uint_eq(json_array_size(json_object_get(api.json, "data")), 2); /* 1, and 0: the beginning */
	expect(&api, "next", "null");
	expect(&api, "offset", "absent");
	ck_assert_int_eq(ask(&api, "GET", "/versions?offset=x", NULL), 400);
	expect(&api, "code", "7");
}
END_TEST

START_TEST(a_version_that_is_not_there_says_which_are)
{
	make("/consumers", "{'username':'c'}");
	ask(&api, "GET", "/versions/2", NULL);
	expect_message(&api, 404, "there is no version 2; the present one is 1");
	ask(&api, "GET", "/versions/x", NULL);
	expect_message(&api, 400, "'x' is not a version; expected a number, such as 41");
	ask(&api, "GET", "/versions/1234567890123456789012345678901234567890", NULL);
	expect_message(&api, 400,
	        "'1234567890123456789012345678901234567890' is not a version; expected a number, such as 41");
}
END_TEST

START_TEST(what_signs_a_version_has_limits)
{
	struct text target = {0};

	text_puts(&target, "/consumers?message=");
	for (int i = 0; i < 4097; i++)
		text_putc(&target, 'x');
	ask(&api, "POST", text_cstr(&target), "{'username':'c'}");
	expect_message(&api, 400, "the message has 4097 bytes, expected at most 4096");
	ask(&api, "POST", "/consumers?message=%1b[2J", "{'username':'c'}");
	expect_message(&api, 400, "the message is not text: expected UTF-8 without control characters");
	ask(&api, "POST", "/consumers?message=%ff", "{'username':'c'}");
	expect_message(&api, 400, "the message is not text: expected UTF-8 without control characters");
	ask(&api, "GET", "/consumers", NULL);
	expect(&api, "data", "[]");
	text_fini(&target);
}
END_TEST

/* ---- differences ----------------------------------------------------------------------------------------------- */

static json_t *difference(size_t i)
{
	return json_array_get(json_object_get(api.json, "data"), i);
}

static void expect_difference(size_t i, const char *kind, const char *name, const char *change)
{
	ck_assert_str_eq(json_string_value(json_object_get(difference(i), "kind")), kind);
	const char *got = json_string_value(json_object_get(difference(i), "name"));
	ck_assert_str_eq(got ? got : "-", name);
	ck_assert_str_eq(json_string_value(json_object_get(difference(i), "change")), change);
}

START_TEST(a_range_of_versions_is_what_differs_field_by_field)
{
	make("/services", "{'name':'a','host':'h'}");
	ck_assert_int_eq(ask(&api, "PATCH", "/services/a", "{'read_timeout':5000}"), 200);
	make("/consumers", "{'username':'c'}");
	ck_assert_int_eq(ask(&api, "GET", "/versions/v1..v3", NULL), 200);
	expect(&api, "from", "1");
	expect(&api, "to", "3");
	ck_assert_uint_eq(json_array_size(json_object_get(api.json, "data")), 2);
	expect_difference(0, "consumers", "c", "create");
	expect_difference(1, "services", "a", "update");
	json_t *fields = json_object_get(difference(1), "fields"),
	       *want = schema_literal("[{'field':'read_timeout','from':60000,'to':5000}]");
	ck_assert(json_equal(fields, want));
	json_decref(want);
	ck_assert_int_eq(ask(&api, "GET", "/versions/3..2", NULL), 200); /* what a return to 2 would do */
	expect_difference(0, "consumers", "c", "delete");
	ck_assert_int_eq(ask(&api, "GET", "/versions/3..9", NULL), 404);
	ck_assert_int_eq(ask(&api, "GET", "/versions/3..x", NULL), 400);
	ck_assert_int_eq(ask(&api, "GET", "/versions/..", NULL), 400);
}
END_TEST

START_TEST(a_range_has_pages)
{
	for (int i = 0; i < 3; i++)
		make("/consumers", arena_cstr(&api.arena, arena_printf(&api.arena, "{'username':'c%d'}", i)));
	ck_assert_int_eq(ask(&api, "GET", "/versions/0..3?size=2", NULL), 200);
	ck_assert_uint_eq(json_array_size(json_object_get(api.json, "data")), 2);
	const char *next = json_string_value(json_object_get(api.json, "next"));
	ck_assert_ptr_nonnull(next);
	ck_assert_int_eq(ask(&api, "GET", arena_cstr(&api.arena, slice_cstr(next)), NULL), 200);
	ck_assert_uint_eq(json_array_size(json_object_get(api.json, "data")), 1);
	expect(&api, "next", "null");
}
END_TEST

START_TEST(a_secret_is_never_in_a_difference)
{
	make("/consumers", "{'username':'c'}");
	make("/consumers/c/key-auth", "{'key':'hush-hush'}");
	ck_assert_int_eq(ask(&api, "GET", "/versions/1..2", NULL), 200);
	expect_difference(0, "keyauth_credentials", "-", "create");
	char *text = json_dumps(api.json, 0);
	ck_assert_ptr_null(strstr(text, "hush"));
	ck_assert_ptr_nonnull(strstr(text, "*** ("));
	free(text);
}
END_TEST

/* ---- going back ------------------------------------------------------------------------------------------------ */

START_TEST(lists_and_entities_are_read_as_they_were)
{
	make("/services", "{'name':'a','host':'h','tags':['t']}");
	make("/services/a/routes", "{'name':'r','paths':['/r']}");
	ck_assert_int_eq(ask(&api, "PATCH", "/services/a", "{'name':'b'}"), 200);
	ck_assert_int_eq(ask(&api, "DELETE", "/routes/r", NULL), 204);

	ck_assert_int_eq(ask(&api, "GET", "/services/a?version=2", NULL), 200);
	expect(&api, "host", "'h'");
	ck_assert_int_eq(ask(&api, "GET", "/services/a", NULL), 404);
	ck_assert_int_eq(ask(&api, "GET", "/services/b?version=2", NULL), 404);
	ck_assert_int_eq(ask(&api, "GET", "/services/a/routes?version=v2", NULL), 200);
	ck_assert_uint_eq(json_array_size(json_object_get(api.json, "data")), 1);
	ck_assert_int_eq(ask(&api, "GET", "/routes/r/service?version=3", NULL), 200);
	expect(&api, "name", "'b'");
	ck_assert_int_eq(ask(&api, "GET", "/services?version=1&tags=t&size=1", NULL), 200);
	ck_assert_uint_eq(json_array_size(json_object_get(api.json, "data")), 1);
	ck_assert_int_eq(ask(&api, "GET", "/tags/t?version=1", NULL), 200);
	ck_assert_uint_eq(json_array_size(json_object_get(api.json, "data")), 1);
	ck_assert_int_eq(ask(&api, "GET", "/services?version=0", NULL), 200);
	expect(&api, "data", "[]");
}
END_TEST

START_TEST(a_page_of_the_past_leads_to_the_next_of_the_same)
{
	for (int i = 0; i < 3; i++)
		make("/consumers", arena_cstr(&api.arena, arena_printf(&api.arena, "{'username':'c%d'}", i)));
	ck_assert_int_eq(ask(&api, "GET", "/consumers?version=3&size=2", NULL), 200);
	char *next = arena_cstr(&api.arena, slice_cstr(json_string_value(json_object_get(api.json, "next"))));
	ck_assert_ptr_nonnull(strstr(next, "&version=3"));
	ck_assert_int_eq(ask(&api, "DELETE", "/consumers/c0", NULL), 204);
	ck_assert_int_eq(ask(&api, "DELETE", "/consumers/c1", NULL), 204);
	ck_assert_int_eq(ask(&api, "DELETE", "/consumers/c2", NULL), 204);
	ck_assert_int_eq(ask(&api, "GET", next, NULL), 200);
	ck_assert_uint_eq(json_array_size(json_object_get(api.json, "data")), 1);
}
END_TEST

START_TEST(a_version_that_cannot_be_read_says_what_can)
{
	make("/consumers", "{'username':'c'}");
	ask(&api, "GET", "/consumers?version=2", NULL);
	expect_message(&api, 404, "there is no version 2; the present one is 1");
	expect(&api, "code", "6");
	ask(&api, "GET", "/consumers?version=now", NULL);
	expect_message(&api, 400, "'now' is not a version; expected a number, such as 41");
	test_pg_exec(&api.settings, "UPDATE gatehouse_meta SET oldest = 1; DELETE FROM versions WHERE version = 0");
	ask(&api, "GET", "/consumers?version=0", NULL);
	expect_message(&api, 410, "version 0 is no longer kept; the oldest that is kept is 1");
	ask(&api, "GET", "/versions/0", NULL);
	expect_message(&api, 410, "version 0 is no longer kept; the oldest that is kept is 1");
	ask(&api, "POST", "/versions/0/rollback", "{}");
	expect_message(&api, 410, "version 0 is no longer kept; the oldest that is kept is 1");
}
END_TEST

START_TEST(a_rollback_answers_with_the_version_it_made)
{
	make("/services", "{'name':'a','host':'h'}");
	ck_assert_int_eq(ask(&api, "PATCH", "/services/a", "{'name':'b'}"), 200);
	ck_assert_int_eq(ask(&api, "POST", "/versions/1/rollback", NULL), 201);
	expect(&api, "version", "3");
	expect(&api, "message", "'rollback to version 1'");
	ck_assert(api.last.is_write);
	ck_assert_uint_eq(api.last.version, 3);
	ck_assert_int_eq(ask(&api, "GET", "/services/a", NULL), 200);
	ck_assert_int_eq(ask(&api, "POST", "/versions/2/rollback?message=oops", NULL), 201);
	expect(&api, "message", "'oops'");
	ck_assert_int_eq(ask(&api, "POST", "/versions/2/rollback", NULL), 200); /* nothing differs */
	expect(&api, "version", "4");
	ck_assert_uint_eq(api.last.version, 0);
	ck_assert_int_eq(ask(&api, "POST", "/versions/x/rollback", NULL), 400);
	ck_assert_int_eq(ask(&api, "GET", "/versions/2/rollback", NULL), 405);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("versions");
	TCase *t = tcase_create("versions");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_version_is_there_for_every_write);
	tcase_add_test(t, versions_are_listed_newest_first_in_pages);
	tcase_add_test(t, a_version_that_is_not_there_says_which_are);
	tcase_add_test(t, what_signs_a_version_has_limits);
	tcase_add_test(t, a_range_of_versions_is_what_differs_field_by_field);
	tcase_add_test(t, a_range_has_pages);
	tcase_add_test(t, a_secret_is_never_in_a_difference);
	tcase_add_test(t, lists_and_entities_are_read_as_they_were);
	tcase_add_test(t, a_page_of_the_past_leads_to_the_next_of_the_same);
	tcase_add_test(t, a_version_that_cannot_be_read_says_what_can);
	tcase_add_test(t, a_rollback_answers_with_the_version_it_made);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	test_pg_start();
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	test_pg_stop();
	return failed != 0;
}
