/* routes: which paths there are, and with which methods (admin-api.md 1, 4 and 6). No database is asked. */
#include "tests/unit/admin/fixture.h"

#include "cp/admin/headers.h"

static struct api api;

static void setup(void)
{
	api_init(&api);
}

static void teardown(void)
{
	api_fini(&api);
}

static struct admin_target target(const char *path)
{
	struct admin_target t;
	struct admin_request r = {.target = slice_cstr(path)};

	ck_assert_int_eq(admin_request_parse(&api.arena, &r), ADMIN_PARSED);
	if (!admin_target_find(&r, &t))
		t.kind = NULL;
	return t;
}

static void expect_allow(const char *path, const char *allow)
{
	ck_assert_int_eq(ask(&api, "OPTIONS", path, NULL), 204);
	struct slice got = admin_allow(&api.arena, api.last.allow);
	ck_assert_msg(slice_eq(got, slice_cstr(allow)), "%s: %.*s", path, SLICE_ARG(got));
}

START_TEST(an_unknown_path_is_not_found_whatever_the_method)
{
	const char *methods[] = {"GET", "POST", "OPTIONS", "DELETE", "HEAD", "BREW"};

	for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
		ask(&api, methods[i], "/nope", NULL);
		expect_message(&api, 404, "Not found");
		ask(&api, methods[i], "/services/x/y/z/q", NULL);
		expect_message(&api, 404, "Not found");
	}
}
END_TEST

START_TEST(a_known_path_refuses_other_methods)
{
	ask(&api, "PUT", "/services", "{}");
	expect_message(&api, 405, "Method not allowed");
	ask(&api, "DELETE", "/", NULL);
	expect_message(&api, 405, "Method not allowed");
	ask(&api, "POST", "/services/abc", "{}");
	expect_message(&api, 405, "Method not allowed");
	ask(&api, "BREW", "/services", NULL);
	expect_message(&api, 405, "Method not allowed");
}
END_TEST

START_TEST(options_names_the_methods_without_looking_anything_up)
{
	expect_allow("/services", "GET, HEAD, OPTIONS, POST");
	expect_allow("/services/x", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT");
	expect_allow("/", "GET, HEAD, OPTIONS");
	expect_allow("/plugins/enabled", "GET, HEAD, OPTIONS");
	expect_allow("/upstreams/x/targets", "GET, HEAD, OPTIONS, POST");
	expect_allow("/consumers/x/key-auth", "GET, HEAD, OPTIONS, POST");
	expect_allow("/tags", "GET, HEAD, OPTIONS, POST");
	expect_allow("/tags/x", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT");
	expect_allow("/routes/x/service", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT");
	expect_allow("/config", "GET, HEAD, OPTIONS, POST");
}
END_TEST

START_TEST(nested_paths_follow_from_references)
{
	struct admin_target t = target("/services/a/routes/b");

	ck_assert_str_eq(t.kind->name, "routes");
	ck_assert_str_eq(t.outer->name, "services");
	ck_assert_str_eq(t.reference->name, "service");
	ck_assert_int_eq(t.shape, SHAPE_NESTED_ITEM);
	ck_assert_int_eq(target("/consumers/a/key-auth").shape, SHAPE_NESTED_COLLECTION);
	ck_assert_str_eq(target("/upstreams/a/targets").kind->name, "targets");
	t = target("/plugins/p/consumer");
	ck_assert_int_eq(t.shape, SHAPE_REFERRED);
	ck_assert_str_eq(t.kind->name, "consumers");
	ck_assert_str_eq(t.outer->name, "plugins");
}
END_TEST

START_TEST(what_does_not_refer_is_not_nested)
{
	ck_assert_ptr_null(target("/routes/a/consumers").kind);
	ck_assert_ptr_null(target("/services/a/targets").kind);
	ck_assert_ptr_null(target("/services/a/name").kind);
	ck_assert_ptr_null(target("/routes/a/service/b").kind);
	/* a target is found below its upstream only */
	ck_assert_ptr_null(target("/targets").kind);
	ck_assert_ptr_null(target("/targets/x").kind);
}
END_TEST

START_TEST(a_literal_beats_a_parameter)
{
	struct slice params[4] = {0};
	struct admin_request r = {.target = S("/plugins/enabled")};

	ck_assert_int_eq(admin_request_parse(&api.arena, &r), ADMIN_PARSED);
	ck_assert_str_eq(admin_route_find(&r, params)->pattern, "/plugins/enabled");
	r = (struct admin_request){.target = S("/schemas/plugins/validate")};
	ck_assert_int_eq(admin_request_parse(&api.arena, &r), ADMIN_PARSED);
	ck_assert_str_eq(admin_route_find(&r, params)->pattern, "/schemas/plugins/validate");
	r = (struct admin_request){.target = S("/schemas/plugins/key-auth")};
	ck_assert_int_eq(admin_request_parse(&api.arena, &r), ADMIN_PARSED);
	ck_assert_str_eq(admin_route_find(&r, params)->pattern, "/schemas/plugins/:name");
	ck_assert(slice_eq(params[0], S("key-auth")));
}
END_TEST

START_TEST(endpoints_are_listed_with_the_slash_first)
{
	ck_assert_int_eq(ask(&api, "GET", "/endpoints", NULL), 200);
	const json_t *data = json_object_get(api.json, "data");
	bool credential = false;
	size_t i;
	json_t *path;
	ck_assert_str_eq(json_string_value(json_array_get(data, 0)), "/");
	json_array_foreach((json_t *)data, i, path)
	        credential |= strcmp(json_string_value(path), "/key-auths/{keyauth_credentials}/consumer") == 0;
	ck_assert(credential);
}
END_TEST

START_TEST(more_arguments_than_1000_are_refused)
{
	struct text t = {0};

	text_puts(&t, "/services?");
	for (int i = 0; i <= 1000; i++)
		text_printf(&t, "a%d=1&", i);
	ask(&api, "GET", text_cstr(&t), NULL);
	expect_message(&api, 400, "Too many arguments");
	text_fini(&t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("routes");
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, an_unknown_path_is_not_found_whatever_the_method);
	tcase_add_test(t, a_known_path_refuses_other_methods);
	tcase_add_test(t, options_names_the_methods_without_looking_anything_up);
	tcase_add_test(t, nested_paths_follow_from_references);
	tcase_add_test(t, what_does_not_refer_is_not_nested);
	tcase_add_test(t, a_literal_beats_a_parameter);
	tcase_add_test(t, endpoints_are_listed_with_the_slash_first);
	tcase_add_test(t, more_arguments_than_1000_are_refused);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
