/* utf8: RFC 3629, compared with an independent decoder over every sequence that begins like one. */
#include <check.h>

#include "common/core/utf8.h"

/* Encodes c; 0 for surrogates. */
static size_t encode(uint32_t c, unsigned char out[4])
{
	if (c >= 0xD800 && c < 0xE000)
		return 0;
	if (c < 0x80)
		return out[0] = (unsigned char)c, 1;
	size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
	for (size_t i = n; i-- > 1; c >>= 6)
		out[i] = (unsigned char)(0x80 | (c & 0x3F));
	out[0] = (unsigned char)(lead[n] | c);
	return n;
}

START_TEST(every_code_point_has_one_sequence)
{
	unsigned char bytes[4];
	for (uint32_t c = 0; c <= 0x10FFFF; c++) {
		size_t n = encode(c, bytes);
		if (n == 0)
			continue;
		struct slice s = slice_of((const char *)bytes, n), cut = slice_of(s.ptr, n - 1);
		if (utf8_sequence(s) != n ||
		        (n > 1 && utf8_sequence(cut) != 0)) /* ck_assert a million times is slow */
			ck_abort_msg("U+%04X", c);
	}
}
END_TEST

START_TEST(all_other_sequences_are_refused)
{
	const struct slice bad[] = {SLICE("\x80"), SLICE("\xBF"), SLICE("\xC0\x80"), SLICE("\xC1\xBF"),
	        SLICE("\xE0\x9F\xBF"), SLICE("\xED\xA0\x80"), SLICE("\xED\xBF\xBF"), SLICE("\xF0\x8F\xBF\xBF"),
	        SLICE("\xF4\x90\x80\x80"), SLICE("\xF5\x80\x80\x80"), SLICE("\xFF"), SLICE("\xC3("),
	        SLICE("\xE2\x82("), SLICE("\xF0\x9F\x98("), SLICE("\xE2(\xA1")};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		ck_assert_uint_eq(utf8_sequence(bad[i]), 0);
		ck_assert_int_eq(utf8_invalid_at(bad[i]), 0);
	}
	ck_assert_uint_eq(utf8_sequence(S("")), 0);
}
END_TEST

START_TEST(two_byte_input_of_every_value_is_judged_rightly)
{
	for (unsigned a = 0; a < 256; a++)
		for (unsigned b = 0; b < 256; b++) {
			char bytes[2] = {(char)a, (char)b};
			size_t expected = a < 0x80 ? 1 : a >= 0xC2 && a < 0xE0 && (b & 0xC0) == 0x80 ? 2 : 0;
			ck_assert_uint_eq(utf8_sequence(slice_of(bytes, 2)), expected);
		}
}
END_TEST

START_TEST(the_first_bad_offset_is_named)
{
	ck_assert_int_eq(utf8_invalid_at(S("")), -1);
	ck_assert_int_eq(utf8_invalid_at(S("a\xC3\xA4\0\xF0\x9F\x98\x80")), -1);
	ck_assert_int_eq(utf8_invalid_at(S("a\xC3\xA4\xFFz")), 3);
	ck_assert_int_eq(utf8_invalid_at(S("ab\xE2\x82")), 2);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("utf8");
	TCase *t = tcase_create("utf8");

	tcase_add_test(t, every_code_point_has_one_sequence);
	tcase_add_test(t, all_other_sequences_are_refused);
	tcase_add_test(t, two_byte_input_of_every_value_is_judged_rightly);
	tcase_add_test(t, the_first_bad_offset_is_named);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
