/* uuid and random characters. */
#include <check.h>
#include <ctype.h>
#include <stdio.h>

#include "common/core/uuid.h"

START_TEST(text_and_bytes_lead_to_each_other)
{
	struct uuid u;
	char out[UUID_TEXT + 1];
	ck_assert(uuid_parse(S("0B8F5A52-1c1e-4f7a-9d53-2f6a0c7b1e11"), &u));
	ck_assert_uint_eq(u.bytes[0], 0x0b);
	ck_assert_uint_eq(u.bytes[15], 0x11);
	uuid_format(&u, out);
	ck_assert_str_eq(out, "0b8f5a52-1c1e-4f7a-9d53-2f6a0c7b1e11");
	ck_assert_uint_eq(uuid_slice(&u).len, 16);
}
END_TEST

START_TEST(every_byte_has_its_two_digits_wherever_it_stands)
{
	for (unsigned byte = 0; byte < 256; byte++) {
		struct uuid u;
		char out[UUID_TEXT + 1], digits[3];
		for (size_t i = 0; i < sizeof u.bytes; i++)
			u.bytes[i] = (unsigned char)(byte + i);
		uuid_format(&u, out);
		for (size_t i = 0, at = 0; i < sizeof u.bytes; i++, at += 2) {
			at += out[at] == '-';
			snprintf(digits, sizeof digits, "%02x", (byte + (unsigned)i) & 0xff);
			ck_assert_msg(memcmp(out + at, digits, 2) == 0, "%s", out);
		}
	}
}
END_TEST

START_TEST(any_version_and_variant_is_a_uuid)
{
	ck_assert(is_uuid(S("00000000-0000-0000-0000-000000000000"))); /* entities.md 1.2 */
	ck_assert(is_uuid(S("ffffffff-ffff-ffff-ffff-ffffffffffff")));
}
END_TEST

START_TEST(anything_else_is_refused)
{
	const struct slice bad[] = {SLICE(""), SLICE("0b8f5a521c1e4f7a9d532f6a0c7b1e11"),
	        SLICE("0b8f5a52-1c1e-4f7a-9d53-2f6a0c7b1e1"), SLICE("0b8f5a52-1c1e-4f7a-9d53-2f6a0c7b1e111"),
	        SLICE("0b8f5a52-1c1e-4f7a-9d53-2f6a0c7b1e1g"), SLICE("0b8f5a521-c1e-4f7a-9d53-2f6a0c7b1e11"),
	        SLICE("{b8f5a52-1c1e-4f7a-9d53-2f6a0c7b1e1}"), SLICE("0b8f5a52_1c1e-4f7a-9d53-2f6a0c7b1e11")};
	struct uuid u = {{7}};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		ck_assert_msg(!uuid_parse(bad[i], &u), "%.*s", SLICE_ARG(bad[i]));
	ck_assert(!is_uuid(slice_of(NULL, 0)));
	ck_assert_uint_eq(u.bytes[0], 7);
}
END_TEST

START_TEST(new_ones_are_version_4_and_differ)
{
	struct uuid a = uuid_v4(), b = uuid_v4();
	ck_assert(!uuid_eq(&a, &b));
	ck_assert_uint_eq(a.bytes[6] >> 4, 4);
	ck_assert_uint_eq(a.bytes[8] >> 6, 2);
}
END_TEST

START_TEST(random_characters_are_letters_and_digits_and_all_occur)
{
	static char many[20001];
	bool seen[256] = {false};
	size_t kinds = 0;
	random_alphanumeric(many, 20000);
	ck_assert_uint_eq(strlen(many), 20000);
	for (size_t i = 0; i < 20000; i++) {
		unsigned char c = (unsigned char)many[i];
		ck_assert(isalnum(c));
		kinds += !seen[c];
		seen[c] = true;
	}
	ck_assert_uint_eq(kinds, 62);
	random_alphanumeric(many, 0);
	ck_assert_str_eq(many, "");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("uuid");
	TCase *t = tcase_create("uuid");

	tcase_add_test(t, text_and_bytes_lead_to_each_other);
	tcase_add_test(t, every_byte_has_its_two_digits_wherever_it_stands);
	tcase_add_test(t, any_version_and_variant_is_a_uuid);
	tcase_add_test(t, anything_else_is_refused);
	tcase_add_test(t, new_ones_are_version_4_and_differ);
	tcase_add_test(t, random_characters_are_letters_and_digits_and_all_occur);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
