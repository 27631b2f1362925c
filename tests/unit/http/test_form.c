/* form: urlencoded and multipart bodies. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/http/form.h"

static struct arena arena;
static struct form form;
static struct err err;

static void setup(void)
{
	arena_init(&arena);
}

static void teardown(void)
{
	arena_fini(&arena);
}

static void is_field(size_t i, struct slice name, struct slice value)
{
	ck_assert_uint_lt(i, form.count);
	ck_assert_msg(slice_eq(form.fields[i].name, name), "name %zu is %.*s", i, SLICE_ARG(form.fields[i].name));
	ck_assert_msg(slice_eq(form.fields[i].value, value), "value %zu is %.*s", i, SLICE_ARG(form.fields[i].value));
	ck_assert_int_eq(slice_is_set(form.fields[i].value), slice_is_set(value));
}

START_TEST(urlencoded_names_and_values_are_decoded_in_order)
{
	struct slice none = {NULL, 0};
	ck_assert(form_parse_urlencoded(&arena, S("a=1&b%5B%5D=x+y%26&flag&a=2&e="), &form, &err));
	ck_assert_uint_eq(form.count, 5);
	is_field(0, S("a"), S("1"));
	is_field(1, S("b[]"), S("x y&"));
	is_field(2, S("flag"), none);
	is_field(3, S("a"), S("2"));
	is_field(4, S("e"), S(""));
}
END_TEST

START_TEST(pairs_without_a_name_are_left_out)
{
	ck_assert(form_parse_urlencoded(&arena, S("=a&&=&b=c"), &form, &err));
	ck_assert_uint_eq(form.count, 1);
	ck_assert(form_parse_urlencoded(&arena, (struct slice){NULL, 0}, &form, &err));
	ck_assert_uint_eq(form.count, 0);
}
END_TEST

START_TEST(a_thousand_arguments_and_no_more)
{
	char body[4096];
	size_t n = 0;
	for (int i = 0; i < 1001; i++)
		n += (size_t)snprintf(body + n, sizeof body - n, "&a=");
	ck_assert(form_parse_urlencoded(&arena, slice_of(body, 3000), &form, &err));
	ck_assert_uint_eq(form.count, 1000);
	ck_assert(!form_parse_urlencoded(&arena, slice_of(body, n), &form, &err));
	ck_assert_str_eq(err.message, "Too many arguments");
}
END_TEST

#define TYPE S("multipart/form-data; boundary=XX")
#define PART "Content-Disposition: form-data; name="

START_TEST(parts_become_fields)
{
	struct slice body = S(
	        "preamble\r\n--XX\r\n" PART "\"a\"\r\n\r\n1\r\n--XX  \r\n" PART
	        "\"f\"; filename=\"x.txt\"\r\nContent-Type: text/plain\r\n\r\nline 1\r\nline 2\r\n\r\n--XX\r\n" PART
	        "plain\r\n\r\n\r\n--XX--\r\nepilogue");
	ck_assert_msg(form_parse_multipart(&arena, TYPE, body, &form, &err), "%s", err.message);
	ck_assert_uint_eq(form.count, 3);
	is_field(0, S("a"), S("1"));
	is_field(1, S("f"), S("line 1\r\nline 2\r\n"));
	ck_assert(slice_eq(form.fields[1].filename, S("x.txt")));
	ck_assert(slice_eq(form.fields[1].type, S("text/plain")));
	is_field(2, S("plain"), S(""));
	ck_assert(!slice_is_set(form.fields[2].filename) && !slice_is_set(form.fields[2].type));
}
END_TEST

START_TEST(quoted_names_are_unquoted)
{
	struct slice body = S(
	        "--b c\r\ncontent-disposition:form-data;x;filename=\"C:\\dir\\\\n;\";NAME=\"a\\\"b\"\r\n\r\nv\r\n--b c--");
	ck_assert(form_parse_multipart(&arena, S("multipart/form-data; a=1; BOUNDARY=\"b c\""), body, &form, &err));
	is_field(0, S("a\"b"), S("v"));
	ck_assert(slice_eq(form.fields[0].filename, S("C:\\dir\\n;")));
}
END_TEST

START_TEST(binary_content_that_looks_like_a_delimiter_stays)
{
	struct slice body = S("--XX\r\n" PART "\"a\"\r\n\r\nx--XX\r--X\0\n--XX\r\n--XX--\r\n");
	ck_assert(form_parse_multipart(&arena, TYPE, body, &form, &err));
	is_field(0, S("a"), slice_of("x--XX\r--X\0\n--XX", 15));
}
END_TEST

START_TEST(parts_without_a_name_are_left_out)
{
	struct slice body = S("--XX\r\nContent-Disposition: form-data\r\n\r\n1\r\n--XX\r\n\r\n2\r\n--XX--");
	ck_assert(form_parse_multipart(&arena, TYPE, body, &form, &err));
	ck_assert_uint_eq(form.count, 0);
	ck_assert(form_parse_multipart(&arena, TYPE, (struct slice){NULL, 0}, &form, &err));
}
END_TEST

static const struct bad_case {
	struct slice type, body;
	const char *why;
} bad[] = {
        {SLICE("multipart/form-data"), SLICE("--XX--"), "boundary"},
        {SLICE("multipart/form-data; boundary="), SLICE("--"), "boundary"},
        {SLICE("multipart/form-data; boundary=\"XX"), SLICE("--XX--"), "boundary"},
        {SLICE("multipart/form-data; boundary=0123456789012345678901234567890123456789012345678901234567890123456789x"),
                SLICE("--"), "boundary"},
        {SLICE("multipart/form-data; boundary=XX"), SLICE("nothing"), "no delimiter"},
        {SLICE("multipart/form-data; boundary=XX"), SLICE("--XX\r\n" PART "a\r\n\r\n1"), "no closing"},
        {SLICE("multipart/form-data; boundary=XX"), SLICE("--XX"), "followed by"},
        {SLICE("multipart/form-data; boundary=XX"), SLICE("--XXY\r\n" PART "a\r\n\r\n1\r\n--XX--"), "followed by"},
        {SLICE("multipart/form-data; boundary=XX"), SLICE("--XX\r\n" PART "a\r\n--XX--"), "end of its headers"},
};

START_TEST(malformed_multipart_is_refused_with_a_reason)
{
	ck_assert(!form_parse_multipart(&arena, bad[_i].type, bad[_i].body, &form, &err));
	ck_assert_msg(strstr(err.message, bad[_i].why) != NULL, "%s", err.message);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("form");
	TCase *t = tcase_create("form");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, urlencoded_names_and_values_are_decoded_in_order);
	tcase_add_test(t, pairs_without_a_name_are_left_out);
	tcase_add_test(t, a_thousand_arguments_and_no_more);
	tcase_add_test(t, parts_become_fields);
	tcase_add_test(t, quoted_names_are_unquoted);
	tcase_add_test(t, binary_content_that_looks_like_a_delimiter_stays);
	tcase_add_test(t, parts_without_a_name_are_left_out);
	tcase_add_loop_test(t, malformed_multipart_is_refused_with_a_reason, 0, sizeof bad / sizeof *bad);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
