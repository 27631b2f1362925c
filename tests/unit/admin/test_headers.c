/* headers: CORS of the Admin API's answers (admin-api.md 1). */
#include "cp/admin/headers.h"
#include "tests/unit/admin/fixture.h"

static struct arena arena;
static struct settings settings;

static void setup(void)
{
	arena_init(&arena);
	settings = (struct settings){0};
}

static void teardown(void)
{
	arena_fini(&arena);
}

/* The value of a header of an answer to a page of this origin; "-": there is none. */
static const char *header(const char *name, const char *origin)
{
	struct admin_request request = {.origin = slice_cstr(origin)};
	struct admin_response response = {.status = 200};
	struct head h;

	head_init(&h, &arena);
	admin_headers(&h, &arena, &settings, &request, &response, 0, 0);
	const struct header *found = head_find_name(&h, slice_cstr(name));
	return found ? arena_cstr(&arena, found->value) : "-";
}

#define ORIGIN      "Access-Control-Allow-Origin"
#define CREDENTIALS "Access-Control-Allow-Credentials"

START_TEST(without_a_list_every_origin_is_echoed)
{
	ck_assert_str_eq(header(ORIGIN, "http://a.test"), "http://a.test");
	ck_assert_str_eq(header(ORIGIN, NULL), "*");
	ck_assert_str_eq(header(CREDENTIALS, "http://a.test"), "true");
}
END_TEST

START_TEST(with_a_list_the_origin_must_be_of_it_or_the_first_is_named)
{
	settings.admin_gui_url = S("https://gui.test:8445/manager , http://b.test");
	ck_assert_str_eq(header(ORIGIN, "http://b.test"), "http://b.test");
	ck_assert_str_eq(header(ORIGIN, "https://gui.test:8445"), "https://gui.test:8445");
	ck_assert_str_eq(header(ORIGIN, "https://gui.test"), "https://gui.test:8445");
	ck_assert_str_eq(header(ORIGIN, "http://b.test.evil"), "https://gui.test:8445");
	ck_assert_str_eq(header(ORIGIN, NULL), "https://gui.test:8445");
}
END_TEST

/* users.md 3: no "*" with credentials. */
START_TEST(with_a_login_only_listed_pages_use_what_a_browser_knows)
{
	settings.admin_auth = true;
	ck_assert_str_eq(header(CREDENTIALS, "http://a.test"), "-");
	settings.admin_gui_url = S("http://b.test");
	ck_assert_str_eq(header(CREDENTIALS, "http://b.test"), "true");
	ck_assert_str_eq(header(ORIGIN, "http://a.test"), "http://b.test");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("headers");
	TCase *tc = tcase_create("headers");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, without_a_list_every_origin_is_echoed);
	tcase_add_test(tc, with_a_list_the_origin_must_be_of_it_or_the_first_is_named);
	tcase_add_test(tc, with_a_login_only_listed_pages_use_what_a_browser_knows);
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
