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
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	test_pg_start();
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	test_pg_stop();
	return failed != 0;
}
