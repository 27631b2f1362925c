/* admin_request: what the parts of a request target are (admin-api.md 1). */
#include "tests/unit/admin/fixture.h"

static struct arena arena;

static void setup(void)
{
	arena_init(&arena);
}

static void teardown(void)
{
	arena_fini(&arena);
}

static enum admin_parsed parse(const char *target, struct admin_request *r)
{
	*r = (struct admin_request){.target = slice_cstr(target)};
	return admin_request_parse(&arena, r);
}

static void expect_slice(struct slice got, const char *want)
{
	ck_assert_msg(slice_eq(got, slice_cstr(want)), "got %.*s, want %s", SLICE_ARG(got), want);
}

START_TEST(the_root_has_no_segments)
{
	struct admin_request r;

	ck_assert_int_eq(parse("/", &r), ADMIN_PARSED);
	ck_assert_uint_eq(r.segment_count, 0);
	expect_slice(r.path, "/");
}
END_TEST

START_TEST(segments_are_split_before_they_are_decoded)
{
	struct admin_request r;

	ck_assert_int_eq(parse("/a%2Fb/c%20d/+", &r), ADMIN_PARSED);
	ck_assert_uint_eq(r.segment_count, 3);
	expect_slice(r.segments[0], "a/b");
	expect_slice(r.segments[1], "c d");
	expect_slice(r.segments[2], "+");
	expect_slice(r.path, "/a%2Fb/c%20d/+");
}
END_TEST

START_TEST(a_slash_at_the_end_does_not_count)
{
	struct admin_request r;

	ck_assert_int_eq(parse("/services/?size=1", &r), ADMIN_PARSED);
	ck_assert_uint_eq(r.segment_count, 1);
	expect_slice(r.path, "/services");
}
END_TEST

START_TEST(nothing_is_at_an_empty_segment_or_an_odd_target)
{
	struct admin_request r;

	ck_assert_int_eq(parse("/services//x", &r), ADMIN_NO_PATH);
	ck_assert_int_eq(parse("//", &r), ADMIN_NO_PATH);
	ck_assert_int_eq(parse("*", &r), ADMIN_NO_PATH);
	ck_assert_int_eq(parse("/a/b/c/d/e/f/g/h/i", &r), ADMIN_NO_PATH);
}
END_TEST

START_TEST(the_first_query_argument_of_a_name_counts)
{
	struct admin_request r;
	struct slice v;

	ck_assert_int_eq(parse("/s?tags=a%2Cb&tags=c&flag", &r), ADMIN_PARSED);
	ck_assert(admin_query(&r, S("tags"), &v));
	expect_slice(v, "a,b");
	ck_assert(admin_query(&r, S("flag"), &v));
	ck_assert(!slice_is_set(v));
	ck_assert(!admin_query(&r, S("none"), &v));
}
END_TEST

START_TEST(more_than_1000_query_arguments_are_too_many)
{
	struct admin_request r;
	struct text t = {0};

	text_puts(&t, "/services?");
	for (int i = 0; i <= 1000; i++)
		text_printf(&t, "a%d=1&", i);
	ck_assert_int_eq(parse(text_cstr(&t), &r), ADMIN_TOO_MANY_ARGS);
	text_fini(&t);
}
END_TEST

START_TEST(methods_are_known_by_their_exact_names)
{
	struct {
		const char *name;
		enum admin_method method;
	} cases[] = {{"GET", ADMIN_GET}, {"HEAD", ADMIN_GET}, {"PATCH", ADMIN_PATCH}, {"get", ADMIN_OTHER},
	        {"BREW", ADMIN_OTHER}};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct head h;
		struct admin_request r;
		head_init(&h, &arena);
		h.method = slice_cstr(cases[i].name);
		h.target = S("/");
		admin_request_copy(&arena, &h, NULL, &r);
		ck_assert_int_eq(r.method, cases[i].method);
		ck_assert(!slice_is_set(r.content_type));
	}
}
END_TEST

START_TEST(the_log_does_not_see_what_stands_for_an_item)
{
	expect_slice(admin_target_shape(&arena, S("/consumers/bob/key-auth/s3cret?x=1")), "/consumers/_/key-auth/_");
	expect_slice(admin_target_shape(&arena, S("/services?tags=a")), "/services");
	expect_slice(admin_target_shape(&arena, S("/")), "/");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("admin_request");
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, the_root_has_no_segments);
	tcase_add_test(t, segments_are_split_before_they_are_decoded);
	tcase_add_test(t, a_slash_at_the_end_does_not_count);
	tcase_add_test(t, nothing_is_at_an_empty_segment_or_an_odd_target);
	tcase_add_test(t, the_first_query_argument_of_a_name_counts);
	tcase_add_test(t, more_than_1000_query_arguments_are_too_many);
	tcase_add_test(t, the_log_does_not_see_what_stands_for_an_item);
	tcase_add_test(t, methods_are_known_by_their_exact_names);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
