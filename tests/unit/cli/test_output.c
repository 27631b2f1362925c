/* output: tables that work without colour and at 80 columns (users.md 3). */
#include "cp/cli/output.h"

#include <check.h>
#include <stdlib.h>

static void expect(struct table *t, unsigned width, const char *want)
{
	struct text out = {0};

	table_render(t, width, &out);
	ck_assert_str_eq(text_cstr(&out), want);
	text_fini(&out);
	table_free(t);
}

static struct table *example(void)
{
	static const char *const headings[] = {"NAME", "WHAT", NULL};
	struct table *t = table_new(headings);

	table_add(t, "a");
	table_add(t, "the first of all");
	table_add(t, "b\xc3\xbc"
	             "cher");
	table_addf(t, "%d", 2);
	return t;
}

START_TEST(columns_are_as_wide_as_their_widest_cell)
{
	expect(example(), 0,
	        "NAME    WHAT\na       the first of all\nb\xc3\xbc"
	        "cher  2\n");
}
END_TEST

START_TEST(a_narrow_terminal_cuts_the_last_column_only)
{
	expect(example(), 20,
	        "NAME    WHAT\na       the first ..\nb\xc3\xbc"
	        "cher  2\n");
	expect(example(), 5,
	        "NAME    WHAT\na       the firs..\nb\xc3\xbc"
	        "cher  2\n"); /* some of it is always there */
}
END_TEST

START_TEST(what_could_trick_a_terminal_is_shown_as_question_marks)
{
	static const char *const headings[] = {"A", NULL};
	struct table *t = table_new(headings);

	table_add(t, "x\033[2J\ny");
	expect(t, 0, "A\nx?[2J?y\n");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("output");
	TCase *t = tcase_create("output");

	tcase_add_test(t, columns_are_as_wide_as_their_widest_cell);
	tcase_add_test(t, a_narrow_terminal_cuts_the_last_column_only);
	tcase_add_test(t, what_could_trick_a_terminal_is_shown_as_question_marks);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
