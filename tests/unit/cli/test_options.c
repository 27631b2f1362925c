/* options: what a command's arguments are left with. */
#include <check.h>
#include <stdlib.h>

#include "cp/cli/command.h"

static char *words[8];
static struct cli c;

static void given(const char *a, const char *b, const char *d, const char *f)
{
	const char *all[] = {a, b, d, f};
	c = (struct cli){.argv = words};
	for (int i = 0; i < 4 && all[i]; i++)
		words[c.argc++] = (char *)all[i];
}

START_TEST(an_option_s_value_is_the_next_word_and_both_are_taken_out)
{
	given("dp1", "--dir", "/tmp/x", "dp2");
	ck_assert_str_eq(cli_option(&c, "--dir"), "/tmp/x");
	ck_assert_int_eq(c.argc, 2);
	ck_assert_str_eq(c.argv[0], "dp1");
	ck_assert_str_eq(c.argv[1], "dp2");
}
END_TEST

START_TEST(an_option_s_value_may_follow_an_equals_sign)
{
	given("--dir=/tmp/x", "dp1", NULL, NULL);
	ck_assert_str_eq(cli_option(&c, "--dir"), "/tmp/x");
	ck_assert_int_eq(c.argc, 1);
	ck_assert_str_eq(c.argv[0], "dp1");
}
END_TEST

START_TEST(an_option_that_is_not_there_changes_nothing)
{
	given("--directory", "x", "--dir", NULL); /* the last one has no value */
	ck_assert_ptr_null(cli_option(&c, "--dir"));
	ck_assert_int_eq(c.argc, 3);
}
END_TEST

START_TEST(a_flag_is_taken_out)
{
	given("start", "--foreground", "x", NULL);
	ck_assert(cli_flag(&c, "--foreground"));
	ck_assert(!cli_flag(&c, "--foreground"));
	ck_assert_int_eq(c.argc, 2);
	ck_assert_str_eq(c.argv[1], "x");
}
END_TEST

START_TEST(the_prefix_option_goes_before_the_environment)
{
	struct arena a;
	struct settings s;

	arena_init(&a);
	setenv("GATEHOUSE_PREFIX", "/from/environment", 1);
	c = (struct cli){.arena = &a, .conf = "/dev/null", .prefix = "/from/option"};
	ck_assert(cli_settings(&c, &s));
	ck_assert(slice_eq(s.prefix, S("/from/option")));
	arena_fini(&a);
}
END_TEST

START_TEST(settings_that_cannot_be_read_are_a_failure)
{
	struct arena a;
	struct settings s;

	arena_init(&a);
	c = (struct cli){.arena = &a, .conf = "/nowhere/x.conf"};
	ck_assert(!cli_settings(&c, &s));
	arena_fini(&a);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("options");
	TCase *t = tcase_create("options");
	tcase_add_test(t, an_option_s_value_is_the_next_word_and_both_are_taken_out);
	tcase_add_test(t, an_option_s_value_may_follow_an_equals_sign);
	tcase_add_test(t, an_option_that_is_not_there_changes_nothing);
	tcase_add_test(t, a_flag_is_taken_out);
	tcase_add_test(t, the_prefix_option_goes_before_the_environment);
	tcase_add_test(t, settings_that_cannot_be_read_are_a_failure);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
