/* slice. */
#include <check.h>
#include <stdlib.h>

#include "common/core/slice.h"

static const struct slice unset = {NULL, 0};

START_TEST(unset_is_not_empty)
{
	ck_assert(!slice_is_set(unset));
	ck_assert(slice_is_set(S("")));
	ck_assert(!slice_is_set(slice_cstr(NULL)));
	ck_assert(slice_eq(unset, S(""))); /* but their bytes are equal */
}
END_TEST

START_TEST(comparing_looks_at_every_byte)
{
	ck_assert(slice_eq(S("a\0b"), S("a\0b")));
	ck_assert(!slice_eq(S("a\0b"), S("a\0c")));
	ck_assert(!slice_eq(S("a"), S("ab")));
	ck_assert(slice_ieq(S("Content-TYPE"), S("content-type")));
	ck_assert(!slice_ieq(S("[\x80"), S("{\xA0"))); /* only letters have cases */
}
END_TEST

START_TEST(order_is_by_bytes_then_shorter_first)
{
	ck_assert_int_lt(slice_cmp(S("a"), S("b")), 0);
	ck_assert_int_gt(slice_cmp(S("b"), S("ab")), 0);
	ck_assert_int_lt(slice_cmp(S("a"), S("ab")), 0);
	ck_assert_int_lt(slice_cmp(S("\x7f"), S("\x80")), 0);
	ck_assert_int_eq(slice_cmp(unset, S("")), 0);
}
END_TEST

START_TEST(prefixes_and_suffixes)
{
	ck_assert(slice_starts(S("/a/b"), S("/a")));
	ck_assert(!slice_starts(S("/a"), S("/a/")));
	ck_assert(slice_starts(unset, unset));
	ck_assert(slice_ends(S("x.test"), S(".test")));
	ck_assert(!slice_ends(S("test"), S(".test")));
	ck_assert(slice_ends(S("a"), unset));
}
END_TEST

START_TEST(from_beyond_the_end_is_empty)
{
	ck_assert(slice_eq(slice_from(S("abc"), 1), S("bc")));
	ck_assert_uint_eq(slice_from(S("abc"), 9).len, 0);
	ck_assert(!slice_is_set(slice_from(unset, 1)));
}
END_TEST

START_TEST(find_gives_the_first_index_or_minus_one)
{
	ck_assert_int_eq(slice_find(S("a=b=c"), '='), 1);
	ck_assert_int_eq(slice_find(S("abc"), '='), -1);
	ck_assert_int_eq(slice_find(unset, '='), -1);
}
END_TEST

START_TEST(trim_takes_blanks_at_both_ends)
{
	ck_assert(slice_eq(slice_trim(S(" \t a b\r\n")), S("a b")));
	ck_assert(slice_eq(slice_trim(S(" \t")), S("")));
	ck_assert(!slice_is_set(slice_trim(unset)));
}
END_TEST

START_TEST(cut_gives_every_item_and_ends_unset)
{
	const char *expected[] = {"a", "", "b", ""};
	size_t n = 0;
	for (struct slice rest = S("a,,b,"); slice_is_set(rest); n++)
		ck_assert(slice_eq(slice_cut(&rest, ','), slice_cstr(expected[n])));
	ck_assert_uint_eq(n, 4);
	struct slice rest = S("");
	ck_assert(slice_is_set(slice_cut(&rest, ',')));
	ck_assert(!slice_is_set(rest));
}
END_TEST

START_TEST(numbers_are_the_whole_slice_and_fit)
{
	const struct {
		struct slice text;
		int64_t value;
	} good[] = {
	        {SLICE("0"), 0},
	        {SLICE("-7"), -7},
	        {SLICE("007"), 7},
	        {SLICE("9223372036854775807"), INT64_MAX},
	        {SLICE("-9223372036854775808"), INT64_MIN},
	};
	const struct slice bad[] = {SLICE(""), SLICE("-"), SLICE("+1"), SLICE(" 1"), SLICE("1 "), SLICE("1.0"),
	        SLICE("0x1"), SLICE("--1"), SLICE("9223372036854775808"), SLICE("-9223372036854775809"),
	        SLICE("99999999999999999999")};
	int64_t v = 42;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		ck_assert_msg(!slice_to_int(bad[i], &v), "%.*s", SLICE_ARG(bad[i]));
	ck_assert(!slice_to_int(unset, &v));
	ck_assert_int_eq(v, 42);
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		ck_assert(slice_to_int(good[i].text, &v));
		ck_assert_int_eq(v, good[i].value);
	}
}
END_TEST

START_TEST(equal_slices_have_equal_hashes)
{
	char copy[] = "Apikey";
	ck_assert_uint_eq(slice_hash(S("Apikey")), slice_hash(slice_cstr(copy)));
	ck_assert_uint_ne(slice_hash(S("Apikey")), slice_hash(S("apikey")));
	ck_assert_uint_eq(slice_ihash(S("Apikey")), slice_ihash(S("aPIKEY")));
	ck_assert_uint_eq(slice_hash(unset), slice_hash(S("")));
}
END_TEST

START_TEST(strdup_keeps_every_byte_and_ends_with_nul)
{
	char *copy = slice_strdup(S("a\0b"));
	ck_assert_mem_eq(copy, "a\0b", 4);
	free(copy);
	copy = slice_strdup(unset);
	ck_assert_str_eq(copy, "");
	free(copy);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("slice");
	TCase *t = tcase_create("slice");

	tcase_add_test(t, unset_is_not_empty);
	tcase_add_test(t, comparing_looks_at_every_byte);
	tcase_add_test(t, order_is_by_bytes_then_shorter_first);
	tcase_add_test(t, prefixes_and_suffixes);
	tcase_add_test(t, from_beyond_the_end_is_empty);
	tcase_add_test(t, find_gives_the_first_index_or_minus_one);
	tcase_add_test(t, trim_takes_blanks_at_both_ends);
	tcase_add_test(t, cut_gives_every_item_and_ends_unset);
	tcase_add_test(t, numbers_are_the_whole_slice_and_fit);
	tcase_add_test(t, equal_slices_have_equal_hashes);
	tcase_add_test(t, strdup_keeps_every_byte_and_ends_with_nul);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
