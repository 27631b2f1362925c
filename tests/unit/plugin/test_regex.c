/* regex. */
#include <check.h>

#include "common/plugin/regex.h"

static struct arena arena;
static struct err err;

static void setup(void)
{
	arena_init(&arena);
}

static void teardown(void)
{
	arena_fini(&arena);
}

static const struct regex *compiled(const char *text, enum regex_place place)
{
	const struct regex *r = regex_compile(&arena, slice_cstr(text), place, &err);
	ck_assert_msg(r != NULL, "%s", err.message);
	return r;
}

START_TEST(anywhere_is_anywhere_and_whole_is_whole)
{
	const struct regex *any = compiled("b+", REGEX_ANYWHERE), *whole = compiled("b+|c", REGEX_WHOLE);
	ck_assert(regex_matches(any, S("abba")) && regex_matches(any, S("b")));
	ck_assert(
	        !regex_matches(any, S("B")) && !regex_matches(any, S("")) && !regex_matches(any, (struct slice){0}));
	ck_assert(regex_matches(whole, S("bb")) && regex_matches(whole, S("c")));
	ck_assert(!regex_matches(whole, S("abb")) && !regex_matches(whole, S("cb")) &&
	          !regex_matches(whole, S("bb\n")));
}
END_TEST

START_TEST(groups_and_bytes_of_all_kinds_do_no_harm)
{
	const struct regex *r = compiled("(a)(b)(c)(d)?", REGEX_ANYWHERE);
	ck_assert(regex_matches(r, S("xabcd")));
	ck_assert(regex_matches(r, S("\0\xff"
	                             "abc")));
	ck_assert(regex_matches(compiled("", REGEX_ANYWHERE), (struct slice){0}));
}
END_TEST

START_TEST(what_does_not_compile_is_told)
{
	ck_assert_ptr_null(regex_compile(&arena, S("a("), REGEX_WHOLE, &err));
	ck_assert_ptr_nonnull(strstr(err.message, "invalid regex 'a(': missing closing parenthesis"));
}
END_TEST

/* Without a limit they would run for years, and the test into Check's timeout. */
START_TEST(a_pattern_made_to_be_slow_ends_and_does_not_match)
{
	static const char *const slow[] = {
	        "(a+)+$", "(a|aa)+$", "(a|a?)+$", "(.*a){20}$", "(x+x+)+y", "^(([a-z])+.)+[A-Z]([a-z])+$"};
	static char many[20000];
	memset(many, 'a', sizeof many);
	many[sizeof many - 1] = '!';
	for (size_t i = 0; i < sizeof slow / sizeof slow[0]; i++) {
		ck_assert(!regex_matches(compiled(slow[i], REGEX_ANYWHERE), slice_of(many, sizeof many)));
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("regex");
	TCase *t = tcase_create("regex");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, anywhere_is_anywhere_and_whole_is_whole);
	tcase_add_test(t, groups_and_bytes_of_all_kinds_do_no_harm);
	tcase_add_test(t, what_does_not_compile_is_told);
	tcase_add_test(t, a_pattern_made_to_be_slow_ends_and_does_not_match);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
