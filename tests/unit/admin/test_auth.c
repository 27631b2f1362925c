/* auth and admins: who may do what (issue 3, item 8). On a real database. */
#include "cp/admin/auth.h"
#include "common/crypto/token.h"
#include "tests/unit/admin/fixture.h"

static struct api api;
static char known_token[TOKEN_TEXT + 1];

static void setup(void)
{
	struct uuid id = uuid_v4();
	char digest[TOKEN_DIGEST + 1];
	struct err e;

	api_init_with_store(&api);
	token_new(&id, known_token, digest);
	api.settings.admin_auth = true;
	api.settings.admin_tokens = arena_printf(&api.arena, " , root:admin:%s , ", digest);
	api.env.auth = admin_auth_new(&api.settings, &e);
	ck_assert_msg(api.env.auth != NULL, "%s", e.message);
	api.token = known_token;
}

static void teardown(void)
{
	admin_auth_free(api.env.auth);
	api_fini(&api);
}

/* The token of a new admin. */
static const char *made(const char *name, const char *role)
{
	const char *body = arena_printf(&api.arena, "{'name':'%s','role':'%s'}", name, role).ptr;

	ck_assert_int_eq(ask(&api, "POST", "/admins", body), 201);
	return arena_cstr(&api.arena, slice_cstr(json_string_value(json_object_get(api.json, "token"))));
}

static int ask_as(const char *token, const char *method, const char *target, const char *body)
{
	api.token = token;
	int status = ask(&api, method, target, body);
	api.token = known_token;
	return status;
}

START_TEST(without_a_token_everything_but_preflight_is_refused)
{
	ck_assert_int_eq(ask_as(NULL, "GET", "/services", NULL), 401);
	ck_assert(api.last.wants_login);
	ck_assert_int_eq(ask_as(NULL, "POST", "/services", "{'host':'h'}"), 401);
	ck_assert_int_eq(ask_as(NULL, "GET", "/nothing/here", NULL), 401);
	ck_assert_int_eq(ask_as(NULL, "PATCH", "/", NULL), 401);
	ck_assert_int_eq(ask_as(NULL, "OPTIONS", "/services", NULL), 204);
}
END_TEST

START_TEST(roles_are_read_write_and_admin)
{
	static const struct {
		const char *method, *target, *body;
		int read, write, admin;
	} rows[] = {
	        {"GET", "/services", NULL, 200, 200, 200},
	        {"POST", "/services", "{'name':'s','host':'h'}", 403, 201, 409},
	        {"PATCH", "/services/s", "{'port':81}", 403, 200, 200},
	        {"PUT", "/services/s", "{'host':'h'}", 403, 200, 200},
	        {"DELETE", "/services/s", NULL, 403, 204, 204},
	        {"POST", "/schemas/services/validate", "{'host':'h'}", 403, 200, 200},
	        {"GET", "/admins", NULL, 403, 403, 200},
	        {"GET", "/admins/r", NULL, 403, 403, 200},
	        {"POST", "/admins", "{'name':'x','role':'admin'}", 403, 403, 201},
	        {"POST", "/admins/x/token", NULL, 403, 403, 200},
	        {"PATCH", "/admins/x", "{'role':'admin'}", 403, 403, 200},
	        {"PUT", "/", NULL, 405, 405, 405},
	        {"GET", "/nothing", NULL, 404, 404, 404},
	};
	const char *read = made("r", "read"), *write = made("w", "write"), *admin = made("a", "admin");

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int got[] = {ask_as(read, rows[i].method, rows[i].target, rows[i].body),
		        ask_as(write, rows[i].method, rows[i].target, rows[i].body),
		        ask_as(admin, rows[i].method, rows[i].target, rows[i].body)};
		ck_assert_msg(got[0] == rows[i].read && got[1] == rows[i].write && got[2] == rows[i].admin,
		        "%s %s: %d %d %d", rows[i].method, rows[i].target, got[0], got[1], got[2]);
	}
}
END_TEST

START_TEST(a_token_is_shown_once_and_its_digest_never)
{
	const char *token = made("ops", "read");

	ck_assert_int_eq(ask(&api, "GET", "/admins/ops", NULL), 200);
	expect(&api, "token", "absent");
	expect(&api, "token_digest", "absent");
	expect(&api, "role", "'read'");
	ck_assert_int_eq(ask(&api, "PATCH", "/admins/ops", "{'tags':['x']}"), 200);
	expect(&api, "token", "absent");
	ck_assert_int_eq(ask_as(token, "GET", "/", NULL), 200); /* a PATCH keeps it */
}
END_TEST

START_TEST(a_digest_cannot_be_sent)
{
	ck_assert_int_eq(ask(&api, "POST", "/admins", "{'name':'x','token_digest':'0'}"), 400);
	expect(&api, "fields", "{'token_digest':'unknown field'}");
	made("ops", "read");
	ck_assert_int_eq(ask(&api, "PATCH", "/admins/ops", "{'token_digest':null}"), 400);
	ck_assert_int_eq(ask(&api, "PUT", "/admins/ops", "{'token_digest':null}"), 400);
	ck_assert_int_eq(ask(&api, "POST", "/admins", "{'name':'y','token':'mine'}"), 400);
	expect(&api, "fields", "{'token':'unknown field'}");
}
END_TEST

START_TEST(who_is_disabled_deleted_or_has_a_new_token_is_out_at_once)
{
	const char *first = made("ops", "read");

	ck_assert_int_eq(ask(&api, "POST", "/admins/ops/token", NULL), 200);
	const char *second = arena_cstr(
	        &api.arena, slice_cstr(json_string_value(json_object_get(api.json, "token"))));
	ck_assert_int_eq(ask_as(first, "GET", "/", NULL), 401);
	ck_assert_int_eq(ask_as(second, "GET", "/", NULL), 200);
	ck_assert_int_eq(ask(&api, "PATCH", "/admins/ops", "{'enabled':false}"), 200);
	ck_assert_int_eq(ask_as(second, "GET", "/", NULL), 401);
	ck_assert_int_eq(ask(&api, "PATCH", "/admins/ops", "{'enabled':true}"), 200);
	ck_assert_int_eq(ask_as(second, "GET", "/", NULL), 200);
	ck_assert_int_eq(ask(&api, "DELETE", "/admins/ops/token", NULL), 200);
	ck_assert_int_eq(ask_as(second, "GET", "/", NULL), 401);
	ck_assert_int_eq(ask(&api, "DELETE", "/admins/ops", NULL), 204);
	ck_assert_int_eq(ask(&api, "POST", "/admins/ops/token", NULL), 404);
}
END_TEST

START_TEST(wrong_tokens_make_the_address_wait)
{
	char wrong[TOKEN_TEXT + 1];

	memcpy(wrong, known_token, sizeof wrong);
	wrong[TOKEN_TEXT - 1] ^= 1;
	for (int i = 0; i < 6; i++)
		ck_assert_int_eq(ask_as(wrong, "GET", "/", NULL), 401);
	ck_assert_int_eq(ask_as(wrong, "GET", "/", NULL), 429);
	ck_assert_uint_ge(api.last.retry_after_s, 1);
	ck_assert_int_eq(ask_as(known_token, "GET", "/", NULL), 429);
}
END_TEST

START_TEST(no_token_is_no_failed_login)
{
	for (int i = 0; i < 50; i++)
		ck_assert_int_eq(ask_as(NULL, "GET", "/", NULL), 401);
	ck_assert_int_eq(ask(&api, "GET", "/", NULL), 200);
}
END_TEST

/* Private: no version, no history, in no list of Kong's. */
START_TEST(admins_are_no_part_of_the_configuration)
{
	struct text epoch = {0};
	uint64_t version = 99;
	struct err e;

	made("ops", "write");
	ck_assert_int_eq(ask(&api, "PATCH", "/admins/ops", "{'tags':['secret-team']}"), 200);
	ck_assert_int_eq(ask(&api, "DELETE", "/admins/ops", NULL), 204);
	ck_assert(store_position(api.store, &epoch, &version, &e));
	ck_assert_uint_eq(version, 0);
	text_fini(&epoch);
	made("ops", "write");
	ck_assert_int_eq(ask(&api, "PATCH", "/admins/ops", "{'tags':['secret-team']}"), 200);
	ck_assert_int_eq(ask(&api, "GET", "/schemas/admins", NULL), 404);
	ck_assert_int_eq(ask(&api, "GET", "/tags", NULL), 200);
	expect(&api, "data", "[]");
}
END_TEST

START_TEST(the_author_is_the_admin)
{
	struct head h;
	struct admin_request request;
	struct admin_response response = {0};
	struct admin_call c = {
	        .arena = &api.arena, .env = &api.env, .request = &request, .response = &response, .store = api.store};

	head_init(&h, &api.arena);
	h.method = S("GET");
	h.target = S("/timers");
	head_add(&h, S("authorization"), arena_printf(&api.arena, "bearer  %s", made("ops", "write")));
	admin_request_copy(&api.arena, &h, NULL, &request);
	admin_dispatch(&c);
	ck_assert_int_eq(response.status, 200);
	ck_assert(slice_eq(c.author, S("ops")));
	ck_assert_int_eq(c.role, ADMIN_ROLE_WRITE);
	ck_assert_str_eq(c.login, "token");
	json_decref(response.json);
}
END_TEST

/* As the listener would have it after a handshake. */
static int ask_with_names(const char *method, const char *origin, size_t n, const char *const *names)
{
	struct admin_request request = {.target = S("/services"),
	        .method = slice_eq(slice_cstr(method), S("GET")) ? ADMIN_GET : ADMIN_POST,
	        .content_type = S("application/json"),
	        .body = S("{\"host\":\"h\"}"),
	        .origin = slice_cstr(origin),
	        .client_ip = S("192.0.2.7"),
	        .peer_name_count = n};
	struct admin_response response = {0};
	struct admin_call c = {
	        .arena = &api.arena, .env = &api.env, .request = &request, .response = &response, .store = api.store};

	for (size_t i = 0; i < n; i++)
		request.peer_names[i] = slice_cstr(names[i]);
	admin_dispatch(&c);
	json_decref(c.input);
	json_decref(response.json);
	return response.status;
}

START_TEST(a_certificate_logs_its_admin_in)
{
	static const char *const ops[] = {"CN=x,O=y", "email:ops@example.com"}, *const nobody[] = {"CN=nobody"};

	ck_assert_int_eq(
	        ask(&api, "POST", "/admins", "{'name':'ops','role':'write','mtls_subject':'email:ops@example.com'}"),
	        201);
	expect(&api, "token", "absent"); /* who has a certificate needs none */
	ck_assert_int_eq(ask_with_names("POST", NULL, 2, ops), 201);
	ck_assert_int_eq(ask_with_names("GET", NULL, 1, nobody), 401);
	ck_assert_int_eq(ask(&api, "PATCH", "/admins/ops", "{'enabled':false}"), 200);
	ck_assert_int_eq(ask_with_names("GET", NULL, 2, ops), 401);
}
END_TEST

START_TEST(a_page_may_not_use_a_browsers_certificate_unless_listed)
{
	static const char *const ops[] = {"CN=ops"};

	ck_assert_int_eq(ask(&api, "POST", "/admins", "{'name':'ops','role':'write','mtls_subject':'CN=ops'}"), 201);
	ck_assert_int_eq(ask_with_names("POST", "https://evil.test", 1, ops), 403);
	ck_assert_int_eq(ask_with_names("GET", "https://evil.test", 1, ops), 200);
	api.settings.admin_gui_url = S("https://gui.test:8445/manager");
	ck_assert_int_eq(ask_with_names("POST", "https://gui.test:8445", 1, ops), 201);
	ck_assert_int_eq(ask_with_names("POST", "https://evil.test", 1, ops), 403);
}
END_TEST

START_TEST(lines_of_the_setting_are_checked_and_not_repeated)
{
	static const char *const wrong[] = {"x", "x:admin", "x:boss:y", ":admin:y", "x:admin:gh_secret"};
	struct settings s = {0};
	struct err e;

	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		s.admin_tokens = slice_cstr(wrong[i]);
		ck_assert_ptr_null(admin_auth_new(&s, &e));
		ck_assert_ptr_nonnull(strstr(e.message, "name:role:digest"));
		ck_assert_ptr_null(strstr(e.message, "gh_secret"));
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("auth");
	TCase *tc = tcase_create("auth");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, without_a_token_everything_but_preflight_is_refused);
	tcase_add_test(tc, roles_are_read_write_and_admin);
	tcase_add_test(tc, a_token_is_shown_once_and_its_digest_never);
	tcase_add_test(tc, a_digest_cannot_be_sent);
	tcase_add_test(tc, who_is_disabled_deleted_or_has_a_new_token_is_out_at_once);
	tcase_add_test(tc, wrong_tokens_make_the_address_wait);
	tcase_add_test(tc, no_token_is_no_failed_login);
	tcase_add_test(tc, admins_are_no_part_of_the_configuration);
	tcase_add_test(tc, the_author_is_the_admin);
	tcase_add_test(tc, a_certificate_logs_its_admin_in);
	tcase_add_test(tc, a_page_may_not_use_a_browsers_certificate_unless_listed);
	tcase_add_test(tc, lines_of_the_setting_are_checked_and_not_repeated);
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	test_pg_start();
	srunner_run_all(sr, CK_NORMAL);
	test_pg_stop();
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
