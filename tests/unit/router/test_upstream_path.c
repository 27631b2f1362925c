/* router_upstream_path: the full table of, through a real match, and what the table leaves out. */
#include <check.h>
#include <stdlib.h>

#include "dp/router/router.h"
#include "tests/support/routes.h"

struct row {
	const char *service_path, *route_path; /* route_path NULL: none */
	bool strip;
	const char *request, *v0, *v1;
};

/* clang-format off */
static const struct row table[] = {
	{"/", NULL, false, "/", "/", "/"},
	{"/", NULL, false, "/x", "/x", "/x"},
	{"/", NULL, false, "/x/", "/x/", "/x/"},
	{"/", NULL, true, "/", "/", "/"},
	{"/", NULL, true, "/x", "/x", "/x"},
	{"/", NULL, true, "/x/", "/x/", "/x/"},
	{"/", "/", false, "/", "/", "/"},
	{"/", "/", false, "/x", "/x", "/x"},
	{"/", "/", false, "/x/", "/x/", "/x/"},
	{"/", "/", true, "/", "/", "/"},
	{"/", "/", true, "/x", "/x", "/x"},
	{"/", "/", true, "/x/", "/x/", "/x/"},
	{"/", "/api", false, "/api", "/api", "/api"},
	{"/", "/api", false, "/api/", "/api/", "/api/"},
	{"/", "/api", false, "/apix", "/apix", "/apix"},
	{"/", "/api", false, "/api/x", "/api/x", "/api/x"},
	{"/", "/api", false, "/api/x/", "/api/x/", "/api/x/"},
	{"/", "/api", true, "/api", "/", "/"},
	{"/", "/api", true, "/api/", "/", "/"},
	{"/", "/api", true, "/apix", "/x", "/x"},
	{"/", "/api", true, "/api/x", "/x", "/x"},
	{"/", "/api", true, "/api/x/", "/x/", "/x/"},
	{"/", "/api/", false, "/api/", "/api/", "/api/"},
	{"/", "/api/", false, "/api/x", "/api/x", "/api/x"},
	{"/", "/api/", true, "/api/", "/", "/"},
	{"/", "/api/", true, "/api/x", "/x", "/x"},
	{"/svc", NULL, false, "/", "/svc", "/svc"},
	{"/svc", NULL, false, "/x", "/svc/x", "/svcx"},
	{"/svc", NULL, false, "/x/", "/svc/x/", "/svcx/"},
	{"/svc", NULL, true, "/", "/svc", "/svc"},
	{"/svc", NULL, true, "/x", "/svc/x", "/svcx"},
	{"/svc", NULL, true, "/x/", "/svc/x/", "/svcx/"},
	{"/svc", "/", false, "/", "/svc", "/svc"},
	{"/svc", "/", false, "/x", "/svc/x", "/svcx"},
	{"/svc", "/", false, "/x/", "/svc/x/", "/svcx/"},
	{"/svc", "/", true, "/", "/svc", "/svc"},
	{"/svc", "/", true, "/x", "/svc/x", "/svcx"},
	{"/svc", "/", true, "/x/", "/svc/x/", "/svcx/"},
	{"/svc", "/api", false, "/api", "/svc/api", "/svcapi"},
	{"/svc", "/api", false, "/api/", "/svc/api/", "/svcapi/"},
	{"/svc", "/api", false, "/apix", "/svc/apix", "/svcapix"},
	{"/svc", "/api", false, "/api/x", "/svc/api/x", "/svcapi/x"},
	{"/svc", "/api", false, "/api/x/", "/svc/api/x/", "/svcapi/x/"},
	{"/svc", "/api", true, "/api", "/svc", "/svc"},
	{"/svc", "/api", true, "/api/", "/svc/", "/svc/"},
	{"/svc", "/api", true, "/apix", "/svc/x", "/svcx"},
	{"/svc", "/api", true, "/api/x", "/svc/x", "/svc/x"},
	{"/svc", "/api", true, "/api/x/", "/svc/x/", "/svc/x/"},
	{"/svc", "/api/", false, "/api/", "/svc/api/", "/svcapi/"},
	{"/svc", "/api/", false, "/api/x", "/svc/api/x", "/svcapi/x"},
	{"/svc", "/api/", true, "/api/", "/svc/", "/svc"},
	{"/svc", "/api/", true, "/api/x", "/svc/x", "/svcx"},
	{"/svc/", NULL, false, "/", "/svc/", "/svc/"},
	{"/svc/", NULL, false, "/x", "/svc/x", "/svc/x"},
	{"/svc/", NULL, false, "/x/", "/svc/x/", "/svc/x/"},
	{"/svc/", NULL, true, "/", "/svc/", "/svc/"},
	{"/svc/", NULL, true, "/x", "/svc/x", "/svc/x"},
	{"/svc/", NULL, true, "/x/", "/svc/x/", "/svc/x/"},
	{"/svc/", "/", false, "/", "/svc/", "/svc/"},
	{"/svc/", "/", false, "/x", "/svc/x", "/svc/x"},
	{"/svc/", "/", false, "/x/", "/svc/x/", "/svc/x/"},
	{"/svc/", "/", true, "/", "/svc/", "/svc/"},
	{"/svc/", "/", true, "/x", "/svc/x", "/svc/x"},
	{"/svc/", "/", true, "/x/", "/svc/x/", "/svc/x/"},
	{"/svc/", "/api", false, "/api", "/svc/api", "/svc/api"},
	{"/svc/", "/api", false, "/api/", "/svc/api/", "/svc/api/"},
	{"/svc/", "/api", false, "/apix", "/svc/apix", "/svc/apix"},
	{"/svc/", "/api", false, "/api/x", "/svc/api/x", "/svc/api/x"},
	{"/svc/", "/api", false, "/api/x/", "/svc/api/x/", "/svc/api/x/"},
	{"/svc/", "/api", true, "/api", "/svc", "/svc/"},
	{"/svc/", "/api", true, "/api/", "/svc/", "/svc/"},
	{"/svc/", "/api", true, "/apix", "/svc/x", "/svc/x"},
	{"/svc/", "/api", true, "/api/x", "/svc/x", "/svc/x"},
	{"/svc/", "/api", true, "/api/x/", "/svc/x/", "/svc/x/"},
	{"/svc/", "/api/", false, "/api/", "/svc/api/", "/svc/api/"},
	{"/svc/", "/api/", false, "/api/x", "/svc/api/x", "/svc/api/x"},
	{"/svc/", "/api/", true, "/api/", "/svc/", "/svc/"},
	{"/svc/", "/api/", true, "/api/x", "/svc/x", "/svc/x"},
	{"/svc/v2", NULL, false, "/", "/svc/v2", "/svc/v2"},
	{"/svc/v2", NULL, false, "/x", "/svc/v2/x", "/svc/v2x"},
	{"/svc/v2", NULL, true, "/", "/svc/v2", "/svc/v2"},
	{"/svc/v2", NULL, true, "/x", "/svc/v2/x", "/svc/v2x"},
	{"/svc/v2", "/", false, "/", "/svc/v2", "/svc/v2"},
	{"/svc/v2", "/", false, "/x", "/svc/v2/x", "/svc/v2x"},
	{"/svc/v2", "/", true, "/", "/svc/v2", "/svc/v2"},
	{"/svc/v2", "/", true, "/x", "/svc/v2/x", "/svc/v2x"},
	{"/svc/v2", "/api", false, "/api", "/svc/v2/api", "/svc/v2api"},
	{"/svc/v2", "/api", false, "/apix", "/svc/v2/apix", "/svc/v2apix"},
	{"/svc/v2", "/api", false, "/api/x", "/svc/v2/api/x", "/svc/v2api/x"},
	{"/svc/v2", "/api", true, "/api", "/svc/v2", "/svc/v2"},
	{"/svc/v2", "/api", true, "/apix", "/svc/v2/x", "/svc/v2x"},
	{"/svc/v2", "/api", true, "/api/x", "/svc/v2/x", "/svc/v2/x"},
	{"/svc/v2", "/api/", false, "/api/x", "/svc/v2/api/x", "/svc/v2api/x"},
	{"/svc/v2", "/api/", true, "/api/x", "/svc/v2/x", "/svc/v2x"},
};
/* clang-format on */

static struct arena arena;

static void setup(void)
{
	arena_init(&arena);
}

static void teardown(void)
{
	arena_fini(&arena);
}

static const char *upstream_path(const struct row *row, const char *handling, enum router_flavor flavor)
{
	const char *by = row->route_path ? "paths=" : "hosts=h.test", *path = row->route_path ? row->route_path : "";
	struct slice text = arena_printf(
	        &arena, "%s%s strip=%s handling=%s", by, path, row->strip ? "yes" : "no", handling);
	struct router_entry entry = {.route = route_of(&arena, text.ptr, 1)};
	struct router_options options = {.flavor = flavor};
	struct router *router = router_build(&entry, 1, &options, NULL);
	struct router_request q = {.method = S("GET"),
	        .host = S("h.test"),
	        .path = slice_cstr(row->request),
	        .scheme = S("http"),
	        .arena = &arena};
	struct router_match match;

	ck_assert(router_match(router, &q, &match));
	struct slice service_path = slice_cstr(row->service_path);
	const char *result = arena_cstr(&arena, router_upstream_path(&arena, service_path, &match, q.path, flavor));
	router_free(router);
	return result;
}

START_TEST(table_of_r_1_11_v0)
{
	ck_assert_str_eq(upstream_path(&table[_i], "v0", ROUTER_TRADITIONAL_COMPATIBLE), table[_i].v0);
	ck_assert_str_eq(upstream_path(&table[_i], "v0", ROUTER_TRADITIONAL), table[_i].v0);
}
END_TEST

START_TEST(table_of_r_1_11_v1_in_traditional)
{
	ck_assert_str_eq(upstream_path(&table[_i], "v1", ROUTER_TRADITIONAL), table[_i].v1);
}
END_TEST

START_TEST(v1_counts_as_v0_in_compatible)
{
	ck_assert_str_eq(upstream_path(&table[_i], "v1", ROUTER_TRADITIONAL_COMPATIBLE), table[_i].v0);
}
END_TEST

START_TEST(the_rest_is_sanitised_once)
{
	static const struct row rows[] = {{"/", "/a", true, "/a.", "/", NULL}, {"/", "/a", true, "/a..", "/", NULL},
	        {"/", "/a", true, "/a./b", "/b", NULL}, {"/", "/a", true, "/a../b", "/b", NULL},
	        {"/", "/a", true, "/a../../b", "/../b", NULL}, {"/s", "/a", true, "/a.../b", "/s/.../b", NULL},
	        {"/s", "/a", false, "/a../b", "/s/a../b", NULL}};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		ck_assert_str_eq(upstream_path(&rows[i], "v0", ROUTER_TRADITIONAL), rows[i].v0);
}
END_TEST

START_TEST(a_service_without_path_is_the_root)
{
	static const struct row row = {NULL, "/a", true, "/a/b", "/b", NULL};

	ck_assert_str_eq(upstream_path(&row, "v0", ROUTER_TRADITIONAL), row.v0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("upstream path");
	TCase *c = tcase_create("R-1.11");
	int rows = (int)(sizeof table / sizeof *table);

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, table_of_r_1_11_v0, 0, rows);
	tcase_add_loop_test(c, table_of_r_1_11_v1_in_traditional, 0, rows);
	tcase_add_loop_test(c, v1_counts_as_v0_in_compatible, 0, rows);
	tcase_add_test(c, the_rest_is_sanitised_once);
	tcase_add_test(c, a_service_without_path_is_the_root);
	suite_add_tcase(suite, c);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
