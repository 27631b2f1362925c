/* head and header_id. */
#include <check.h>
#include <ctype.h>

#include "common/http/head.h"

static struct arena arena;
static struct head head;

static void setup(void)
{
	arena_init(&arena);
	head_init(&head, &arena);
}

static void teardown(void)
{
	arena_fini(&arena);
}

START_TEST(every_name_of_the_list_is_found_in_any_case)
{
	for (unsigned id = 1; id < HEADER_COUNT; id++) {
		struct slice name = header_name((enum header_id)id);
		char upper[64], lower[64];
		for (size_t i = 0; i < name.len; i++) {
			upper[i] = (char)toupper((unsigned char)name.ptr[i]);
			lower[i] = (char)tolower((unsigned char)name.ptr[i]);
		}
		ck_assert_uint_eq(header_id_of(name), id);
		ck_assert_uint_eq(header_id_of(slice_of(upper, name.len)), id);
		ck_assert_uint_eq(header_id_of(slice_of(lower, name.len)), id);
	}
}
END_TEST

START_TEST(a_name_with_one_byte_changed_is_not_the_known_one)
{
	for (unsigned id = 1; id < HEADER_COUNT; id++) {
		struct slice name = header_name((enum header_id)id);
		char changed[64];
		for (size_t at = 0; at < name.len; at++)
			for (int c = 0; c < 256; c++) {
				memcpy(changed, name.ptr, name.len);
				changed[at] = (char)c;
				struct slice s = slice_of(changed, name.len);
				bool same = slice_ieq(s, name);
				ck_assert_msg((header_id_of(s) == id) == same, "%.*s with 0x%02x at %zu",
				        SLICE_ARG(name), c, at);
			}
	}
}
END_TEST

START_TEST(unknown_names_are_other)
{
	ck_assert_uint_eq(header_id_of(S("")), HEADER_OTHER);
	ck_assert_uint_eq(header_id_of(S("a")), HEADER_OTHER);
	ck_assert_uint_eq(header_id_of(S("X-Something")), HEADER_OTHER);
	ck_assert_uint_eq(header_id_of(S("Content_Length")), HEADER_OTHER);
	ck_assert_uint_eq(header_id_of(S("Access-Control-Request-Headers-And-More")), HEADER_OTHER);
}
END_TEST

START_TEST(fields_keep_their_order_and_duplicates)
{
	for (int i = 0; i < 100; i++)
		head_add(&head, i % 2 ? S("X-A") : S("accept"), i % 2 ? S("odd") : S("even"));
	ck_assert_uint_eq(head.count, 100);
	ck_assert_uint_eq(head.headers[98].id, HEADER_ACCEPT);
	ck_assert(slice_eq(head.headers[99].value, S("odd")));

	int n = 0;
	for (struct header *f = NULL; (f = head_next(&head, f, HEADER_OTHER, S("x-a"))) != NULL;)
		n++;
	ck_assert_int_eq(n, 50);
}
END_TEST

START_TEST(get_gives_the_first_value_and_unset_when_there_is_none)
{
	head_add(&head, S("Accept"), S("a"));
	head_add(&head, S("ACCEPT"), S("b"));
	ck_assert(slice_eq(head_get(&head, HEADER_ACCEPT), S("a")));
	ck_assert(!slice_is_set(head_get(&head, HEADER_HOST)));
	ck_assert_ptr_null(head_find_name(&head, S("X-Nothing")));
	ck_assert_ptr_eq(head_find_name(&head, S("accept")), &head.headers[0]);
}
END_TEST

/* It has no memory for fields yet; clang's sanitizer would tell. */
START_TEST(nothing_is_found_in_an_empty_head)
{
	ck_assert_ptr_null(head_find(&head, HEADER_HOST));
	ck_assert_ptr_null(head_find_name(&head, S("x-a")));
	ck_assert_ptr_null(head_next(&head, NULL, HEADER_OTHER, S("x-a")));
}
END_TEST

START_TEST(set_replaces_the_first_and_removes_the_others)
{
	head_add(&head, S("X-A"), S("1"));
	head_add(&head, S("X-B"), S("2"));
	head_add(&head, S("x-a"), S("3"));
	head_set(&head, S("X-a"), S("new"));
	ck_assert_uint_eq(head.count, 2);
	ck_assert(slice_eq(head.headers[0].value, S("new")));
	head_set_id(&head, HEADER_HOST, S("h"));
	ck_assert_uint_eq(head.count, 3);
	ck_assert(slice_eq(head.headers[2].name, S("Host")));
}
END_TEST

START_TEST(set_finds_what_is_there_whatever_was_put_in_or_removed_before)
{
	for (unsigned id = 1; id < HEADER_COUNT; id++) {
		head_set_id(&head, (enum header_id)id, S("1"));
		head_set_id(&head, (enum header_id)id, S("2"));
		ck_assert_uint_eq(head.count, id);
		ck_assert(slice_eq(head_get(&head, (enum header_id)id), S("2")));
	}
	ck_assert_uint_eq(head_remove_id(&head, HEADER_VIA), 1);
	ck_assert_uint_eq(head_remove_id(&head, HEADER_VIA), 0);
	head_set_field(&head, &(struct header){S("via"), S("3"), HEADER_VIA});
	head_set_field(&head, &(struct header){S("X-A"), S("4"), HEADER_OTHER});
	head_set_field(&head, &(struct header){S("x-a"), S("5"), HEADER_OTHER});
	ck_assert_uint_eq(head.count, HEADER_COUNT);
	ck_assert(slice_eq(head_get(&head, HEADER_VIA), S("3")));
	ck_assert(slice_eq(head_find_name(&head, S("X-A"))->value, S("5")));
}
END_TEST

START_TEST(remove_takes_all_of_that_name_and_counts_them)
{
	head_add(&head, S("X-A"), S("1"));
	head_add(&head, S("Via"), S("2"));
	head_add(&head, S("x-a"), S("3"));
	ck_assert_uint_eq(head_remove(&head, S("X-A")), 2);
	ck_assert_uint_eq(head_remove_id(&head, HEADER_VIA), 1);
	ck_assert_uint_eq(head_remove_id(&head, HEADER_OTHER), 0);
	ck_assert_uint_eq(head.count, 0);
}
END_TEST

START_TEST(tokens_are_found_over_all_fields_of_the_name)
{
	head_add(&head, S("Connection"), S("keep-alive , Upgrade"));
	head_add(&head, S("Connection"), S("x-foo"));
	ck_assert(head_has_token(&head, HEADER_CONNECTION, S("upgrade")));
	ck_assert(head_has_token(&head, HEADER_CONNECTION, S("X-Foo")));
	ck_assert(!head_has_token(&head, HEADER_CONNECTION, S("keep")));
	ck_assert(!head_has_token(&head, HEADER_TE, S("trailers")));
}
END_TEST

START_TEST(a_cookie_is_found_in_any_field_and_the_first_counts)
{
	head_add(&head, S("Cookie"), S("a=1; b = two ;c"));
	head_add(&head, S("X"), S("d=no"));
	head_add(&head, S("cookie"), S("a=2;d=\"q\"; e=; f=g=h"));
	ck_assert(slice_eq(head_cookie(&head, S("a")), S("1")));
	ck_assert(slice_eq(head_cookie(&head, S("b")), S("two")));
	ck_assert(slice_eq(head_cookie(&head, S("d")), S("\"q\"")));
	ck_assert(slice_is_set(head_cookie(&head, S("e"))));
	ck_assert_uint_eq(head_cookie(&head, S("e")).len, 0);
	ck_assert(slice_eq(head_cookie(&head, S("f")), S("g=h")));
	ck_assert(!slice_is_set(head_cookie(&head, S("c"))));
	ck_assert(!slice_is_set(head_cookie(&head, S("A"))));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("head");
	TCase *t = tcase_create("head");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, every_name_of_the_list_is_found_in_any_case);
	tcase_add_test(t, a_name_with_one_byte_changed_is_not_the_known_one);
	tcase_add_test(t, unknown_names_are_other);
	tcase_add_test(t, fields_keep_their_order_and_duplicates);
	tcase_add_test(t, get_gives_the_first_value_and_unset_when_there_is_none);
	tcase_add_test(t, nothing_is_found_in_an_empty_head);
	tcase_add_test(t, set_replaces_the_first_and_removes_the_others);
	tcase_add_test(t, set_finds_what_is_there_whatever_was_put_in_or_removed_before);
	tcase_add_test(t, remove_takes_all_of_that_name_and_counts_them);
	tcase_add_test(t, tokens_are_found_over_all_fields_of_the_name);
	tcase_add_test(t, a_cookie_is_found_in_any_field_and_the_first_counts);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
