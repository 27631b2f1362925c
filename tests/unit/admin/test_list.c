/* list: offsets, sizes and tag filters as arguments (admin-api.md 5). Pages of rows are tested in test_entities.c. */
#include "tests/unit/admin/fixture.h"

#include "common/core/base64.h"
#include "cp/admin/list.h"
#include "common/core/number.h"

static struct arena arena;

static void setup(void)
{
	arena_init(&arena);
}

static void teardown(void)
{
	arena_fini(&arena);
}

START_TEST(an_offset_is_unpadded_base64_of_a_list_with_the_id)
{
	struct slice id, offset = admin_offset_encode(&arena, S(U0)), bytes;
	const char *why;

	ck_assert_int_lt(slice_find(offset, '='), 0);
	ck_assert(base64_decode(&arena, offset, BASE64_STANDARD, &bytes));
	ck_assert(slice_eq(bytes, S("[\"" U0 "\"]")));
	ck_assert(admin_offset_decode(&arena, offset, &id, &why));
	ck_assert(slice_eq(id, S(U0)));
}
END_TEST

START_TEST(a_bad_offset_says_why)
{
	struct {
		struct slice offset;
		const char *why;
	} cases[] = {
	        {S("x"), "bad base64 encoding"}, {S("{}"), "bad base64 encoding"}, {S(""), "bad json encoding"},
	        {S("eno"), "bad json encoding"},        /* zz */
	        {S("WyJ4Il0"), "bad json encoding"},    /* ["x"] */
	        {S("eyJhIjoxfQ"), "bad json encoding"}, /* {"a":1} */
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct slice id;
		const char *why = "";
		ck_assert(!admin_offset_decode(&arena, cases[i].offset, &id, &why));
		ck_assert_str_eq(why, cases[i].why);
	}
}
END_TEST

START_TEST(numbers_are_read_as_scripts_write_them)
{
	struct {
		struct slice text;
		bool ok;
		double value;
	} cases[] = {{S("5"), true, 5}, {S(" 5 "), true, 5}, {S("0x10"), true, 16}, {S("1e2"), true, 100},
	        {S("-1"), true, -1}, {S(""), false, 0}, {S("x"), false, 0}, {S("5x"), false, 0}, {S("inf"), false, 0},
	        {S("nan"), false, 0}, {S("1\0002"), false, 0}};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		double value = 0;
		ck_assert_int_eq(number_parse(cases[i].text, &value), cases[i].ok);
		ck_assert(!cases[i].ok || value == cases[i].value);
	}
}
END_TEST

/* Arguments are checked before anything is read: no database here. */
static struct api api;

static void setup_api(void)
{
	api_init(&api);
}

static void teardown_api(void)
{
	api_fini(&api);
}

static void expect_bad(const char *target, const char *code, const char *name, const char *message)
{
	ask(&api, "GET", target, NULL);
	expect_message(&api, 400, message);
	expect(&api, "code", code);
	expect(&api, "name", name);
}

START_TEST(a_size_is_between_1_and_1000)
{
	const char *range = "size must be an integer between 1 and 1000";

	expect_bad("/services?size=0", "9", "'invalid size'", range);
	expect_bad("/services?size=1001", "9", "'invalid size'", range);
	expect_bad("/services?size=1.5", "9", "'invalid size'", range);
	expect_bad("/services?size=x", "9", "'invalid size'", "size must be a number");
	expect_bad("/services?size", "9", "'invalid size'", "size must be a number");
	ck_assert_uint_eq(json_object_size(api.json), 3);
}
END_TEST

START_TEST(a_bad_offset_is_code_7)
{
	expect_bad("/services?offset=x", "7", "'invalid offset'", "'x' is not a valid offset: bad base64 encoding");
	expect_bad("/services?offset=eno%3D", "7", "'invalid offset'",
	        "'eno=' is not a valid offset: bad json encoding");
	ck_assert_uint_eq(json_object_size(api.json), 3);
}
END_TEST

START_TEST(a_bad_tag_filter_is_code_11)
{
	const char *syntax = "invalid option (tags: invalid filter syntax)";

	expect_bad("/services?tags=a/b,c", "11", "'invalid options'", syntax);
	expect(&api, "options", "{'tags':'invalid filter syntax'}");
	expect(&api, "fields", "absent");
	expect_bad("/services?tags=%ff", "11", "'invalid options'", syntax);
	expect_bad("/services?tags=a,,b", "11", "'invalid options'", syntax);
	expect_bad("/services?tags=", "11", "'invalid options'", "invalid option (tags: cannot be null)");
	expect_bad("/services?tags", "11", "'invalid options'", "invalid option (tags: cannot be null)");
	expect_bad("/services?tags=a,b,c,d,e,f", "11", "'invalid options'",
	        "invalid option (tags: cannot query more than 5 tags)");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("list");
	TCase *t = tcase_create("pure"), *u = tcase_create("arguments");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, an_offset_is_unpadded_base64_of_a_list_with_the_id);
	tcase_add_test(t, a_bad_offset_says_why);
	tcase_add_test(t, numbers_are_read_as_scripts_write_them);
	suite_add_tcase(s, t);
	tcase_add_checked_fixture(u, setup_api, teardown_api);
	tcase_add_test(u, a_size_is_between_1_and_1000);
	tcase_add_test(u, a_bad_offset_is_code_7);
	tcase_add_test(u, a_bad_tag_filter_is_code_11);
	suite_add_tcase(s, u);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
