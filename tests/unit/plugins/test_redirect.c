/* redirect: plugins.md 3.5; the numbers are those of its appendix B. */
#include "tests/unit/plugins/auth_fixture.h"

static void use(const char *config)
{
	use_plugin("redirect", config);
}

static void leads(const char *line, int status, const char *location)
{
	ck_assert_int_eq(rig_get(&rig, line, ""), STOP);
	ck_assert_int_eq(rig_status(&rig), status);
	ck_assert_str_eq(rig_down(&rig, "Location"), location);
	ck_assert_str_eq(rig_client_body(&rig), "redirecting");
	ck_assert(!slice_is_set(rig.x.reply.type));
}

START_TEST(ex97_everything_goes_to_the_location)
{
	use("'location':'https://n.test/x?y=1'");
	leads("GET /p?q=2", 301, "https://n.test/x?y=1");
	leads("POST /", 301, "https://n.test/x?y=1");
}
END_TEST

START_TEST(ex97_path_and_query_can_be_kept)
{
	use("'location':'https://n.test:8443/x?y=1#z','keep_incoming_path':true");
	leads("GET /p?q=2", 301, "https://n.test:8443/p?q=2");
	leads("GET /p", 301, "https://n.test:8443/p");
	leads("GET /a%20b/../c?", 301, "https://n.test:8443/a%20b/../c?");
	leads("GET http://other.test/p?q", 301, "https://n.test:8443/p?q");
}
END_TEST

START_TEST(a_location_without_a_path_gets_the_requests)
{
	use("'location':'http://n.test?y','keep_incoming_path':true");
	leads("GET /p", 301, "http://n.test/p");
}
END_TEST

START_TEST(ex97_the_status_can_be_chosen)
{
	use("'location':'https://n.test/','status_code':308");
	leads("GET /", 308, "https://n.test/");
}
END_TEST

START_TEST(the_schema_says_what_kong_says)
{
	config_reads("redirect", "'location':'http://a.test'",
	        "\"config\":{\"status_code\":301,\"location\":\"http://a.test\",\"keep_incoming_path\":false}");
	config_refused("redirect", "", "location: required field missing");
	config_refused("redirect", "'location':'/x'", "location: missing host in url");
	config_refused(
	        "redirect", "'location':'http://a.test','status_code':600", "value should be between 100 and 599");
	ck_assert_ptr_null(rig_refusal(&rig, "plugins",
	        "{'name':'redirect','config':{'location':'http://a.test'},'consumer':{'id':'" TERN "'}}"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("redirect");
	TCase *t = tcase_create("redirect");

	tcase_add_checked_fixture(t, setup_consumers, teardown);
	tcase_add_test(t, ex97_everything_goes_to_the_location);
	tcase_add_test(t, ex97_path_and_query_can_be_kept);
	tcase_add_test(t, a_location_without_a_path_gets_the_requests);
	tcase_add_test(t, ex97_the_status_can_be_chosen);
	tcase_add_test(t, the_schema_says_what_kong_says);
	suite_add_tcase(s, t);
	return run_tests(s);
}
