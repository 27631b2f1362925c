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
	for (int64_t s = -62135596800; s < 64092211200; s += 86400 * 11 + 12345) { /* years 1 to 4000 */
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
		int64_t back;
		ck_assert(http_date_parse(slice_cstr(want), &back));
		ck_assert_int_eq(back, s);
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

START_TEST(the_three_forms_of_rfc_9110_are_read)
{
	static const char *const forms[] = {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
	        "Sun Nov  6 08:49:37 1994", "Sun,06 Nov 1994 08:49:37 GMT"};
	int64_t s;
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		ck_assert_msg(http_date_parse(slice_cstr(forms[i]), &s), "%s", forms[i]);
		ck_assert_int_eq(s, 784111777);
	}
	ck_assert(http_date_parse(S("Thu, 29 Feb 2024 23:59:60 GMT"), &s));
	ck_assert_int_eq(s, 1709251200);
	ck_assert(http_date_parse(S("Fri, 01-Jan-69 00:00:00 GMT"), &s));
	ck_assert_int_eq(s, 3124224000);
}
END_TEST

START_TEST(what_is_no_date_is_refused)
{
	static const char *const wrong[] = {"", ",", "now", "784111777", "Sun, 06 Nov 1994 08:49:37",
	        "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT",
	        "Sun, 31 Nov 1994 08:49:37 GMT", "Thu, 29 Feb 2023 00:00:00 GMT", "Sun, 00 Nov 1994 08:49:37 GMT",
	        "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Nov 1994 08:49:61 GMT",
	        "Sun, 06 Nov -994 08:49:37 GMT", "Sun, 06 Nov 1994 8:49:37 GMT", "Sun, 06 Nov 1994 08-49-37 GMT",
	        "Sun, 06-Nov-1994 08:49:37 GMT", "Sunday, 06-Nov-x4 08:49:37 GMT", "Sun Nov  6 08:49:37 94",
	        "Sun Nov 06 08:49:37 1994 GMT", "1994-11-06T08:49:37Z"};
	int64_t s;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		ck_assert_msg(!http_date_parse(slice_cstr(wrong[i]), &s), "%s", wrong[i]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("date");
	TCase *t = tcase_create("date");

	tcase_add_test(t, the_example_of_rfc_9110_5_6_7);
	tcase_add_test(t, every_date_is_what_libc_says);
	tcase_add_test(t, now_is_the_current_second);
	tcase_add_test(t, the_three_forms_of_rfc_9110_are_read);
	tcase_add_test(t, what_is_no_date_is_refused);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
