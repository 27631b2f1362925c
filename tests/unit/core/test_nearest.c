/* nearest: which word was meant, and when none was. */
#include <check.h>

#include "common/core/nearest.h"

static const char *meant(const char *word)
{
	static const char *const words[] = {
	        "retries", "host", "port", "path", "protocol", "tls_verify", "tls_verify_depth"};
	struct nearest n;

	nearest_begin(&n, slice_cstr(word));
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		nearest_offer(&n, words[i]);
	return n.best ? n.best : "";
}

static const struct {
	const char *word, *meant;
} examples[] = {
        {"retires", "retries"}, /* two swapped */
        {"retrie", "retries"},
        {"rettries", "retries"},
        {"hots", "host"},
        {"hist", "host"},
        {"protocols", "protocol"},
        {"tlsverify", "tls_verify"},
        {"tls_verifi_dept", "tls_verify_depth"},
        {"hoost", "host"},
        {"zork", ""},
        {"x", ""},
        {"", ""},
        {"configuration", ""},
        {"pat", "path"},
};

START_TEST(the_nearest_word_is_the_one_that_was_meant)
{
	ck_assert_str_eq(meant(examples[_i].word), examples[_i].meant);
}
END_TEST

START_TEST(a_long_word_is_near_to_nothing)
{
	char word[200];

	memset(word, 'a', sizeof word - 1);
	word[sizeof word - 1] = '\0';
	ck_assert_str_eq(meant(word), "");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("nearest");
	TCase *c = tcase_create("all");

	tcase_add_loop_test(c, the_nearest_word_is_the_one_that_was_meant, 0, sizeof examples / sizeof examples[0]);
	tcase_add_test(c, a_long_word_is_near_to_nothing);
	suite_add_tcase(s, c);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
