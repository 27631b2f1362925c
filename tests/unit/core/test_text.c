/* text. */
#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/core/text.h"

static struct text text;

static void setup(void)
{
}

static void teardown(void)
{
	text_fini(&text);
}

START_TEST(a_zeroed_text_is_empty)
{
	ck_assert_str_eq(text_cstr(&text), "");
	ck_assert(slice_is_set(text_slice(&text)));
	text_clear(&text);
	text_put(&text, slice_of(NULL, 0));
	ck_assert_str_eq(text_cstr(&text), "");
}
END_TEST

START_TEST(it_grows_and_stays_terminated)
{
	for (int i = 0; i < 1000; i++) {
		text_puts(&text, "ab");
		text_putc(&text, 'c');
		ck_assert_uint_eq(strlen(text.ptr), text.len);
	}
	ck_assert_uint_eq(text.len, 3000);
	text_clear(&text);
	ck_assert_str_eq(text_cstr(&text), "");
}
END_TEST

START_TEST(reserved_room_is_writable_and_nothing_until_counted)
{
	char *room = text_reserve(&text, 5000);
	ck_assert_str_eq(text_cstr(&text), "");
	memset(room, 'x', 5000);
	room[5000] = '\0';
	text.len += 5000;
	text_puts(&text, "y");
	ck_assert_uint_eq(strlen(text_cstr(&text)), 5001);
}
END_TEST

START_TEST(printf_appends_what_fits_and_what_does_not)
{
	text_printf(&text, "%s", "");
	text_printf(&text, "%d,", 5);
	text_printf(&text, "%0200d", 1);
	ck_assert_uint_eq(text.len, 202);
	ck_assert_int_eq(strncmp(text.ptr, "5,00", 4), 0);
}
END_TEST

START_TEST(json_strings_are_escaped)
{
	text_put_json(&text, S("a\"b\\c\n\t\r\b\f\x01\x7f/\0z"));
	ck_assert_str_eq(text_cstr(&text), "\"a\\\"b\\\\c\\n\\t\\r\\b\\f\\u0001\\u007f/\\u0000z\"");
}
END_TEST

START_TEST(what_is_not_utf8_becomes_the_replacement_character)
{
	text_put_json(&text, S("\xC3\xA4\xFF\xC3-\xE2\x82\xAC\xED\xA0\x80"));
	ck_assert_str_eq(text_cstr(&text), "\"\xC3\xA4\xEF\xBF\xBD\xEF\xBF\xBD-\xE2\x82\xAC"
	                                   "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
}
END_TEST

START_TEST(terminal_controls_of_the_upper_half_are_escaped)
{
	text_put_json(&text, S("\xC2\x9B"
	                       "31m\xC2\xA0"));
	ck_assert_str_eq(text_cstr(&text), "\"\\u009b31m\xC2\xA0\"");
}
END_TEST

/* Wherever a byte stands among others that need nothing. */
START_TEST(every_byte_is_seen_at_every_place)
{
	for (int byte = 0; byte < 256; byte++)
		for (size_t len = 1; len < 20; len++)
			for (size_t at = 0; at < len; at++) {
				char bytes[20];
				memset(bytes, 'Q', sizeof bytes);
				bytes[at] = (char)byte;
				bool is_plain = byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
				text_clear(&text);
				text_put_json(&text, slice_of(bytes, len));
				ck_assert_int_eq(text.len == len + 2, is_plain);
				ck_assert_uint_eq(strlen(text.ptr), text.len);
				if (is_plain)
					ck_assert_int_eq(memcmp(text.ptr + 1, bytes, len), 0);
			}
}
END_TEST

START_TEST(capitals_become_small)
{
	for (int byte = 0x20; byte < 0x7f; byte++) {
		char bytes[11];
		memset(bytes, byte, sizeof bytes);
		text_clear(&text);
		text_put_json_lower(&text, slice_of(bytes, sizeof bytes));
		ck_assert_int_eq(text.ptr[text.len - 2],
		        byte == '"' || byte == '\\' ? byte : ascii_lower((unsigned char)byte));
	}
	text_clear(&text);
	text_put_json_lower(&text, S("X-\xC3\x84-\"Y\n"));
	ck_assert_str_eq(text_cstr(&text), "\"x-\xC3\x84-\\\"y\\n\"");
}
END_TEST

START_TEST(integers_of_every_length)
{
	int64_t n = 1;
	char want[32];
	for (int i = 0; i < 19; n *= ++i < 19 ? 10 : 1)
		for (int d = -1; d <= 1; d++)
			for (int sign = -1; sign <= 1; sign += 2) {
				text_clear(&text);
				text_put_int(&text, sign * (n + d));
				snprintf(want, sizeof want, "%lld", (long long)(sign * (n + d)));
				ck_assert_str_eq(text_cstr(&text), want);
			}
	text_clear(&text);
	text_put_int(&text, INT64_MIN);
	ck_assert_str_eq(text_cstr(&text), "-9223372036854775808");
}
END_TEST

START_TEST(random_bytes_always_give_valid_json)
{
	srandom(7);
	for (int i = 0; i < 3000; i++) {
		char bytes[40];
		size_t n = (size_t)random() % sizeof bytes;
		for (size_t k = 0; k < n; k++)
			bytes[k] = (char)random();
		text_clear(&text);
		text_put_json(&text, slice_of(bytes, n));
		json_t *back = json_loadb(text.ptr, text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
		ck_assert_ptr_nonnull(back);
		json_decref(back);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("text");
	TCase *t = tcase_create("text");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_zeroed_text_is_empty);
	tcase_add_test(t, it_grows_and_stays_terminated);
	tcase_add_test(t, reserved_room_is_writable_and_nothing_until_counted);
	tcase_add_test(t, printf_appends_what_fits_and_what_does_not);
	tcase_add_test(t, json_strings_are_escaped);
	tcase_add_test(t, what_is_not_utf8_becomes_the_replacement_character);
	tcase_add_test(t, terminal_controls_of_the_upper_half_are_escaped);
	tcase_add_test(t, every_byte_is_seen_at_every_place);
	tcase_add_test(t, capitals_become_small);
	tcase_add_test(t, integers_of_every_length);
	tcase_add_test(t, random_bytes_always_give_valid_json);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
