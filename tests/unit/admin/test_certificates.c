/* Certificates and their SNIs through the Admin API, on a database (entities.md 4.8 to 4.10; admin-api.md 6, 7.3). */
#include "tests/support/pem_samples.h"
#include "tests/unit/admin/fixture.h"

static struct api api;

static void setup(void)
{
	api_init_with_store(&api);
}

static void teardown(void)
{
	api_fini(&api);
}

/* A body with a certificate, its key and what else is given. */
static const char *body_of(enum pem_sample_name name, const char *more)
{
	const struct pem_sample *s = pem_sample(name);
	return arena_printf(&api.arena, "{'cert':'%s','key':'%s'%s}", s->cert_json, s->key_json, more).ptr;
}

/* Makes a certificate; its id. */
static const char *make(enum pem_sample_name name, const char *more)
{
	int status = ask(&api, "POST", "/certificates", body_of(name, more));
	ck_assert_msg(status == 201, "%d %s", status, value_at(&api, "message"));
	return arena_cstr(&api.arena, slice_cstr(json_string_value(json_object_get(api.json, "id"))));
}

static const char *path_of(const char *format, const char *id)
{
	char *path = arena_alloc(&api.arena, 256);
	snprintf(path, 256, format, id);
	return path;
}

START_TEST(post_makes_an_sni_for_each_name_and_shows_them_sorted)
{
	const char *id = make(PEM_RSA, ",'snis':['b.test','a.test']");
	expect(&api, "snis", "['a.test','b.test']");
	ck_assert_int_eq(ask(&api, "GET", "/snis/b.test", NULL), 200);
	expect(&api, "certificate", path_of("{'id':'%s'}", id));
	ck_assert_int_eq(ask(&api, "GET", "/certificates", NULL), 200);
	expect(&api, "snis", "absent");
	const json_t *listed = json_array_get(json_object_get(api.json, "data"), 0);
	ck_assert_uint_eq(json_array_size(json_object_get(listed, "snis")), 2);
	make(PEM_EC, "");
	expect(&api, "snis", "[]");
}
END_TEST

START_TEST(patch_replaces_the_names_only_when_it_has_some)
{
	const char *path = path_of("/certificates/%s", make(PEM_RSA, ",'snis':['a.test','b.test']"));

	ck_assert_int_eq(ask(&api, "PATCH", path, "{'tags':['x']}"), 200);
	expect(&api, "snis", "['a.test','b.test']");
	ck_assert_int_eq(ask(&api, "GET", "/snis/a.test", NULL), 200);
	const char *kept = value_at(&api, "id");
	ck_assert_int_eq(ask(&api, "PATCH", path, "{'snis':['a.test','c.test']}"), 200);
	expect(&api, "snis", "['a.test','c.test']");
	ck_assert_int_eq(ask(&api, "GET", "/snis/a.test", NULL), 200);
	expect(&api, "id", kept);
	ck_assert_int_eq(ask(&api, "GET", "/snis/b.test", NULL), 404);
	ck_assert_int_eq(ask(&api, "PATCH", path, "{'snis':[]}"), 200);
	expect(&api, "snis", "[]");
}
END_TEST

START_TEST(put_without_names_removes_them_all)
{
	const char *path = path_of("/certificates/%s", make(PEM_RSA, ",'snis':['a.test']"));

	ck_assert_int_eq(ask(&api, "PUT", path, body_of(PEM_EC, "")), 200);
	expect(&api, "snis", "[]");
	ck_assert_int_eq(ask(&api, "GET", "/snis/a.test", NULL), 404);
	ck_assert_int_eq(ask(&api, "PUT", path, body_of(PEM_EC, ",'snis':['z.test']")), 200);
	ck_assert_int_eq(ask(&api, "PUT", path, body_of(PEM_EC, ",'snis':null")), 200);
	expect(&api, "snis", "[]");
}
END_TEST

START_TEST(put_by_an_unknown_name_makes_a_certificate)
{
	ck_assert_int_eq(ask(&api, "PUT", "/certificates/new.test", body_of(PEM_RSA, "")), 200);
	expect(&api, "snis", "[]");
	ck_assert(is_uuid(slice_cstr(json_string_value(json_object_get(api.json, "id")))));
	ck_assert_int_eq(ask(&api, "GET", "/certificates/new.test", NULL), 404);
	expect_message(&api, 404, "SNI not found");
	ck_assert_int_eq(ask(&api, "PUT", "/certificates/new.test", body_of(PEM_RSA, ",'snis':['other.test']")), 200);
	expect(&api, "snis", "['new.test','other.test']");
	ck_assert_int_eq(ask(&api, "PUT", "/certificates/new.test", body_of(PEM_RSA, "")), 200);
	expect(&api, "snis", "[]");
}
END_TEST

START_TEST(names_are_given_once_and_to_one_certificate)
{
	const char *id = make(PEM_RSA, ",'snis':['a.test']");

	ask(&api, "POST", "/certificates", body_of(PEM_EC, ",'snis':['d.test','d.test']"));
	expect_message(&api, 400, "schema violation (snis: d.test is duplicated)");
	ask(&api, "POST", "/certificates", body_of(PEM_EC, ",'snis':['d.test','a.test']"));
	expect_message(&api, 400,
	        path_of("schema violation (snis: a.test already associated with existing certificate '%s')", id));
	ck_assert_int_eq(ask(&api, "GET", "/snis/d.test", NULL), 404);
	ck_assert_int_eq(ask(&api, "GET", "/certificates", NULL), 200);
	ck_assert_uint_eq(json_array_size(json_object_get(api.json, "data")), 1);
}
END_TEST

START_TEST(an_sni_addresses_its_certificate)
{
	const char *id = make(PEM_RSA, ",'snis':['a.test']");

	ck_assert_int_eq(ask(&api, "GET", "/certificates/a.test", NULL), 200);
	expect(&api, "id", path_of("'%s'", id));
	ck_assert_int_eq(ask(&api, "GET", "/certificates/a.test/snis", NULL), 200);
	ck_assert_int_eq(ask(&api, "POST", "/certificates/a.test/snis", "{'name':'b.test'}"), 201);
	ck_assert_int_eq(ask(&api, "GET", "/certificates/none.test/snis", NULL), 404);
	expect_message(&api, 404, "SNI not found");
	ck_assert_int_eq(ask(&api, "PATCH", "/certificates/none.test", "{}"), 404);
	expect_message(&api, 404, "SNI not found");
	ck_assert_int_eq(ask(&api, "GET", "/certificates/" U0, NULL), 404);
	expect(&api, "code", "6");
	ck_assert_int_eq(ask(&api, "GET", "/snis/a.test/certificate", NULL), 404);
	expect_message(&api, 404, "Not found");
	ck_assert_int_eq(ask(&api, "DELETE", "/certificates/a.test", NULL), 204);
}
END_TEST

START_TEST(a_certificate_goes_with_its_names_unless_it_is_in_use)
{
	const char *id = make(PEM_RSA, ",'snis':['a.test']"), *path = path_of("/certificates/%s", id);

	ck_assert_int_eq(ask(&api, "POST", "/services",
	                         path_of("{'name':'s','url':'https://h','client_certificate':{'id':'%s'}}", id)),
	        201);
	ck_assert_int_eq(ask(&api, "DELETE", path, NULL), 400);
	expect(&api, "fields", "{'@referenced_by':'services'}");
	ck_assert_int_eq(ask(&api, "GET", "/snis/a.test", NULL), 200);
	ck_assert_int_eq(ask(&api, "GET", path_of("/certificates/%s/services", id), NULL), 200);
	ck_assert_int_eq(ask(&api, "GET", "/services/s/client_certificate", NULL), 200);
	expect(&api, "snis", "['a.test']");
	ck_assert_int_eq(ask(&api, "DELETE", "/services/s", NULL), 204);
	ck_assert_int_eq(ask(&api, "DELETE", path, NULL), 204);
	ck_assert_int_eq(ask(&api, "GET", "/snis/a.test", NULL), 404);
}
END_TEST

START_TEST(an_authority_stays_while_somebody_trusts_it)
{
	const char *pem = pem_sample(PEM_CA)->cert_json;
	ck_assert_int_eq(
	        ask(&api, "POST", "/ca_certificates", arena_printf(&api.arena, "{'cert':'%s'}", pem).ptr), 201);
	const char *id = arena_cstr(&api.arena, slice_cstr(json_string_value(json_object_get(api.json, "id"))));
	ck_assert_int_eq(
	        ask(&api, "POST", "/ca_certificates", arena_printf(&api.arena, "{'cert':'%s'}", pem).ptr), 409);
	ck_assert_int_eq(ask(&api, "POST", "/services",
	                         path_of("{'name':'s','url':'https://h','ca_certificates':['%s']}", id)),
	        201);
	const char *service = json_string_value(json_object_get(api.json, "id"));
	const char *message = arena_printf(
	        &api.arena, "ca certificate %s is still referenced by services (id = %s)", id, service)
	                              .ptr;
	ck_assert_int_eq(ask(&api, "DELETE", path_of("/ca_certificates/%s", id), NULL), 400);
	expect(&api, "code", "19");
	expect_message(&api, 400, message);
	ck_assert_int_eq(ask(&api, "DELETE", "/services/s", NULL), 204);
	ck_assert_int_eq(ask(&api, "DELETE", path_of("/ca_certificates/%s", id), NULL), 204);
}
END_TEST

int main(void)
{
	test_pg_start();
	Suite *s = suite_create("certificates");
	TCase *c = tcase_create("database");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, post_makes_an_sni_for_each_name_and_shows_them_sorted);
	tcase_add_test(c, patch_replaces_the_names_only_when_it_has_some);
	tcase_add_test(c, put_without_names_removes_them_all);
	tcase_add_test(c, put_by_an_unknown_name_makes_a_certificate);
	tcase_add_test(c, names_are_given_once_and_to_one_certificate);
	tcase_add_test(c, an_sni_addresses_its_certificate);
	tcase_add_test(c, a_certificate_goes_with_its_names_unless_it_is_in_use);
	tcase_add_test(c, an_authority_stays_while_somebody_trusts_it);
	suite_add_tcase(s, c);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	test_pg_stop();
	return failed ? 1 : 0;
}
