/* err. */
#include <check.h>
#include <string.h>

#include "common/core/err.h"

START_TEST(setting_and_prefixing_give_false)
{
	struct err e;
	ck_assert(!err_set(&e, "expected %d, not '%s'", 5, "x"));
	ck_assert_str_eq(e.message, "expected 5, not 'x'");
	ck_assert(!err_prefix(&e, "line %d", 3));
	ck_assert_str_eq(e.message, "line 3: expected 5, not 'x'");
}
END_TEST

START_TEST(a_message_may_be_made_from_the_old_one)
{
	struct err e;
	err_set(&e, "inner");
	err_set(&e, "outer, because %s", e.message);
	ck_assert_str_eq(e.message, "outer, because inner");
}
END_TEST

START_TEST(what_does_not_fit_is_cut)
{
	struct err e;
	char large[3000];
	memset(large, 'x', sizeof large);
	large[sizeof large - 1] = '\0';
	err_set(&e, "%s", large);
	ck_assert_uint_eq(strlen(e.message), sizeof e.message - 1);
	err_prefix(&e, "a");
	ck_assert_uint_eq(strlen(e.message), sizeof e.message - 1);
	ck_assert_int_eq(strncmp(e.message, "a: xx", 5), 0);
	err_prefix(&e, "%s", large);
	ck_assert_uint_eq(strlen(e.message), sizeof e.message - 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("err");
	TCase *t = tcase_create("err");

	tcase_add_test(t, setting_and_prefixing_give_false);
	tcase_add_test(t, a_message_may_be_made_from_the_old_one);
	tcase_add_test(t, what_does_not_fit_is_cut);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
