/* date: against libc, over four thousand years. */
#include <check.h>
#include <time.h>

#include "common/http/date.h"

START_TEST(the_example_of_rfc_9110_5_6_7)
{
	char out[HTTP_DATE_LEN + 1];
	http_date(784111777, out);
	ck_assert_str_eq(out, "Sun, 06 Nov 1994 08:49:37 GMT");
}
END_TEST

START_TEST(every_date_is_what_libc_says)
{
	char out[HTTP_DATE_LEN + 1], want[64];
	for (int64_t s = -62135596800; s < 64092211200; s += 86400 * 5 + 12345) { /* years 1 to 4000 */
		time_t t = (time_t)s;
		struct tm tm;
		gmtime_r(&t, &tm);
		strftime(want, sizeof want, "%a, %d %b ", &tm);
		char *end = want + strlen(want);
		int year = tm.tm_year + 1900;
		*end++ = (char)('0' + year / 1000);
		*end++ = (char)('0' + year / 100 % 10);
		*end++ = (char)('0' + year / 10 % 10);
		*end++ = (char)('0' + year % 10);
		strftime(end, 20, " %H:%M:%S GMT", &tm);
		http_date(s, out);
		ck_assert_str_eq(out, want);
	}
}
END_TEST

START_TEST(now_is_the_current_second)
{
	char before[HTTP_DATE_LEN + 1], after[HTTP_DATE_LEN + 1];
	http_date(time(NULL), before);
	struct slice now = http_date_now();
	http_date(time(NULL), after);
	ck_assert(slice_eq(now, slice_cstr(before)) || slice_eq(now, slice_cstr(after)));
	ck_assert_ptr_eq(http_date_now().ptr, now.ptr);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("date");
	TCase *t = tcase_create("date");

	tcase_add_test(t, the_example_of_rfc_9110_5_6_7);
	tcase_add_test(t, every_date_is_what_libc_says);
	tcase_add_test(t, now_is_the_current_second);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
