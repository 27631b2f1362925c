/* base64: RFC 4648. */
#include <check.h>
#include <stdlib.h>

#include "common/core/base64.h"

static struct arena arena;

static void setup(void)
{
	arena_init(&arena);
}

static void teardown(void)
{
	arena_fini(&arena);
}

static const struct {
	struct slice bytes, text;
} vectors[] = {
        {SLICE(""), SLICE("")},
        {SLICE("f"), SLICE("Zg==")},
        {SLICE("fo"), SLICE("Zm8=")},
        {SLICE("foo"), SLICE("Zm9v")},
        {SLICE("foob"), SLICE("Zm9vYg==")},
        {SLICE("fooba"), SLICE("Zm9vYmE=")},
        {SLICE("foobar"), SLICE("Zm9vYmFy")},
};
enum { VECTORS = sizeof vectors / sizeof vectors[0] };

START_TEST(the_vectors_of_rfc_4648_section_10)
{
	for (size_t i = 0; i < VECTORS; i++) {
		struct slice out;
		ck_assert(slice_eq(base64_encode(&arena, vectors[i].bytes, BASE64_STANDARD, true), vectors[i].text));
		ck_assert(base64_decode(&arena, vectors[i].text, BASE64_STANDARD, &out));
		ck_assert(slice_eq(out, vectors[i].bytes));
	}
}
END_TEST

START_TEST(padding_is_optional_when_decoding)
{
	struct slice out;
	ck_assert(base64_decode(&arena, S("Zm9vYg"), BASE64_STANDARD, &out));
	ck_assert(slice_eq(out, S("foob")));
	ck_assert(slice_eq(base64_encode(&arena, S("foob"), BASE64_STANDARD, false), S("Zm9vYg")));
}
END_TEST

START_TEST(the_alphabets_differ_in_two_characters)
{
	struct slice out;
	ck_assert(slice_eq(base64_encode(&arena, S("\xfb\xff"), BASE64_STANDARD, true), S("+/8=")));
	ck_assert(slice_eq(base64_encode(&arena, S("\xfb\xff"), BASE64_URL, true), S("-_8")));
	ck_assert(base64_decode(&arena, S("-_8"), BASE64_URL, &out));
	ck_assert(!base64_decode(&arena, S("-_8"), BASE64_STANDARD, &out));
	ck_assert(!base64_decode(&arena, S("+/8="), BASE64_URL, &out));
}
END_TEST

START_TEST(what_is_not_exact_is_refused)
{
	const struct slice bad[] = {SLICE("A"), SLICE("Zm9vY"), SLICE("Zm9vYh=="), SLICE("Zm9vYmF="), SLICE("Zm9v\n"),
	        SLICE("Zm 9v"), SLICE("Zg="), SLICE("Zg==="), SLICE("===="), SLICE("="), SLICE("Z=g="),
	        SLICE("Zg==Zg=="), SLICE("Zm9\0")};
	struct slice out;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		ck_assert_msg(!base64_decode(&arena, bad[i], BASE64_STANDARD, &out), "%.*s", SLICE_ARG(bad[i]));
}
END_TEST

START_TEST(random_bytes_come_back)
{
	srandom(3);
	for (int i = 0; i < 2000; i++) {
		char bytes[50];
		size_t n = (size_t)random() % sizeof bytes;
		for (size_t k = 0; k < n; k++)
			bytes[k] = (char)random();
		enum base64_kind kind = random() % 2 ? BASE64_URL : BASE64_STANDARD;
		struct slice out, text = base64_encode(&arena, slice_of(bytes, n), kind, random() % 2);
		ck_assert(base64_decode(&arena, text, kind, &out));
		ck_assert(slice_eq(out, slice_of(bytes, n)));
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("base64");
	TCase *t = tcase_create("base64");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, the_vectors_of_rfc_4648_section_10);
	tcase_add_test(t, padding_is_optional_when_decoding);
	tcase_add_test(t, the_alphabets_differ_in_two_characters);
	tcase_add_test(t, what_is_not_exact_is_refused);
	tcase_add_test(t, random_bytes_come_back);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
