/* basic-auth: plugins.md 1.2; the numbers are those of its appendix B. */
#include "common/model/kinds.h"
#include "tests/support/loading.h"
#include "tests/unit/plugins/auth_fixture.h"

#define GOOD "cGlwaXQ6d2FndGFpbDo5OQ==" /* pipit:wagtail:99 */
#define HASH "2d318aad55a3b9cbf12cb538b4d442c4a878367f"

static void setup(void)
{
	setup_consumers();
	rig_entity(&rig, "basicauth_credentials",
	        "{'consumer':{'id':'" TERN "'},'username':'pipit','password':'wagtail:99'}");
}

static void use(const char *config)
{
	use_plugin("basic-auth", config);
}

START_TEST(ex18_the_right_password_tells_the_upstream_who_calls)
{
	use("");
	rig_get(&rig, "GET /a", "Authorization: Basic " GOOD "\nX-Consumer-ID: me");
	is_tern();
	ck_assert_str_eq(rig_up(&rig, "X-Credential-Identifier"), "pipit");
	ck_assert_str_eq(rig_up(&rig, "X-Consumer-ID"), TERN);
	ck_assert_ptr_null(rig_up(&rig, "X-Credential-Username")); /* that was 2.8 */
	ck_assert_str_eq(rig_up(&rig, "Authorization"), "Basic " GOOD);
}
END_TEST

START_TEST(ex18_the_hash_is_what_is_shown)
{
	const char *shown = rig_rendered(&rig, "basicauth_credentials",
	        "{'consumer':{'id':'" TERN "'},'username':'pipit','password':'wagtail:99'}");
	ck_assert_msg(strstr(shown, "\"password\":\"" HASH "\"") != NULL, "%s", shown);
}
END_TEST

START_TEST(ex19_ex20_ex21_whatever_is_wrong_is_refused_in_one_way)
{
	static const char *const wrong[] = {"", "Authorization: Basic cGlwaXQ6d3Jvbmc=" /* pipit:wrong */,
	        "Authorization: Basic !!!", "Authorization: Basic", "Authorization: Basic ", "Authorization: " GOOD,
	        "Authorization: Bearer " GOOD, "Authorization: BASIC " GOOD,
	        "Authorization: Basic cGlwaXQ=" /* pipit */, "Authorization: Basic cGlwaXQ6" /* pipit: */,
	        "Authorization: Basic OndhZ3RhaWw6OTk=" /* :wagtail:99 */,
	        "Authorization: Basic UGlwaXQ6d2FndGFpbDo5OQ==" /* Pipit:... */,
	        "Authorization: Basic cGlwaXQ6MmQzMThhYWQ1NWEzYjljYmYxMmNiNTM4YjRkNDQyYzRhODc4MzY3Zg==" /* pipit:HASH
	                                                                                                 */
	        ,
	        "Authorization: Basic " GOOD " " GOOD, "Authorization: Basic \xd0\xa1\xd0\xa1",
	        "X-Authorization: Basic " GOOD, "Authorization: Basic cGlwaXQAOndhZ3RhaWw6OTk=" /* pipit NUL : */,
	        "Authorization: Basic cGlwaXQ6d2FndGFpbDo5OQA=" /* ... NUL */};
	use("");
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		ck_assert_msg(rig_get(&rig, "GET /a", wrong[i]) == STOP, "%s", wrong[i]);
		is_refused("Unauthorized");
		ck_assert_str_eq(rig_down(&rig, "WWW-Authenticate"), "Basic realm=\"service\"");
	}
}
END_TEST

START_TEST(the_scheme_has_two_spellings_and_blanks_do_not_matter)
{
	use("");
	rig_get(&rig, "GET /a", "Authorization: basic   " GOOD);
	is_tern();
	rig_get(&rig, "GET /a", "Authorization: Basic" GOOD);
	is_tern();
}
END_TEST

START_TEST(a_password_may_be_a_single_colon)
{
	rig_entity(&rig, "basicauth_credentials", "{'consumer':{'id':'" TERN "'},'username':'c','password':':'}");
	use("");
	rig_get(&rig, "GET /a", "Authorization: Basic Yzo6");
	is_tern();
}
END_TEST

START_TEST(ex22_hidden_credentials_do_not_get_through)
{
	use("'hide_credentials':true");
	rig_get(&rig, "GET /a", "Authorization: Basic " GOOD "\nAuthorization: Basic " GOOD);
	is_tern();
	ck_assert_ptr_null(rig_up(&rig, "Authorization"));
	rig_get(&rig, "GET /a", "Proxy-Authorization: Digest x\nAuthorization: Basic " GOOD);
	is_tern();
	ck_assert_ptr_null(rig_up(&rig, "Proxy-Authorization"));
	ck_assert_ptr_null(rig_up(&rig, "Authorization"));
}
END_TEST

START_TEST(only_what_was_looked_at_is_hidden)
{
	use("'hide_credentials':true");
	rig_get(&rig, "GET /a", "Proxy-Authorization: Basic " GOOD "\nAuthorization: Bearer x");
	is_tern();
	ck_assert_ptr_null(rig_up(&rig, "Proxy-Authorization"));
	ck_assert_str_eq(rig_up(&rig, "Authorization"), "Bearer x");
}
END_TEST

START_TEST(ex23_proxy_authorization_comes_first)
{
	use("");
	rig_get(&rig, "GET /a", "Proxy-Authorization: Basic " GOOD "\nAuthorization: Bearer x");
	is_tern();
	ck_assert_str_eq(rig_up(&rig, "Authorization"), "Bearer x");
	rig_get(&rig, "GET /a", /* nobody:x is not known: the other header counts */
	        "Proxy-Authorization: Basic bm9ib2R5Ong=\nAuthorization: Basic " GOOD);
	is_tern();
	rig_get(&rig, "GET /a", /* pipit:wrong is: it does not */
	        "Proxy-Authorization: Basic cGlwaXQ6d3Jvbmc=\nAuthorization: Basic " GOOD);
	is_refused("Unauthorized");
}
END_TEST

START_TEST(ex24_the_challenge_names_the_realm)
{
	use("'realm':'mews'");
	rig_get(&rig, "GET /a", "");
	ck_assert_str_eq(rig_down(&rig, "WWW-Authenticate"), "Basic realm=\"mews\"");
}
END_TEST

START_TEST(ex25_two_plugins_without_anonymous_must_both_accept)
{
	rig_entity(&rig, "keyauth_credentials", "{'consumer':{'id':'" GUEST "'},'key':'K-1'}");
	use_plugin("key-auth", "");
	use("");
	rig_get(&rig, "GET /a", "apikey: K-1");
	is_refused("Unauthorized");
	ck_assert_str_eq(rig_down(&rig, "WWW-Authenticate"), "Basic realm=\"service\"");
	rig_get(&rig, "GET /a", "apikey: K-1\nAuthorization: Basic " GOOD);
	is_tern(); /* the last one that ran */
	ck_assert_str_eq(rig_up(&rig, "X-Credential-Identifier"), "pipit");
}
END_TEST

START_TEST(ex26_of_two_plugins_with_anonymous_one_is_enough)
{
	rig_entity(&rig, "keyauth_credentials", "{'consumer':{'id':'" TERN "'},'key':'K-1'}");
	use_plugin("key-auth", "'anonymous':'guest'");
	use("'anonymous':'guest'");
	rig_get(&rig, "GET /a", "Authorization: Basic " GOOD);
	is_tern();
	ck_assert_ptr_null(rig_up(&rig, "X-Anonymous-Consumer"));
	rig_get(&rig, "GET /a", "apikey: K-1");
	is_tern();
	ck_assert_ptr_null(rig_up(&rig, "X-Anonymous-Consumer"));
	ck_assert_ptr_null(rig_down(&rig, "WWW-Authenticate"));
	rig_get(&rig, "GET /a", "Authorization: Basic cGlwaXQ6d3Jvbmc=");
	goes_as("guest");
	ck_assert_str_eq(rig_up(&rig, "X-Anonymous-Consumer"), "true");
	ck_assert_ptr_null(rig_up(&rig, "X-Credential-Identifier"));
	ck_assert_ptr_null(rig_down(&rig, "WWW-Authenticate"));
}
END_TEST

/* ---- the password's hash --------------------------------------------------------------------------------------- */

START_TEST(a_patch_hashes_only_a_password_that_it_brings)
{
	const struct schema *kind = kinds_by_name(S("basicauth_credentials"));
	json_t *old = created(kind, "{'consumer':{'id':'" TERN "'},'username':'pipit','password':'wagtail:99'}");
	json_t *t = loaded(kind, LOAD_UPDATE, old, "{'tags':['a']}");
	has(t, "password", "'" HASH "'");
	json_decref(t);
	t = loaded(kind, LOAD_UPDATE, old, "{'password':'wagtail:99','username':'wagtail'}");
	has(t, "password", "'" HASH "'");
	json_decref(t);
	t = loaded(kind, LOAD_UPDATE, old, "{'password':'" HASH "'}"); /* a hash is hashed again */
	has(t, "password", "'f68f0585b347a9de6ff519ed99ef9535e7ab7b57'");
	json_decref(t);
	json_decref(old);
}
END_TEST

START_TEST(the_consumer_changes_only_with_the_password)
{
	const struct schema *kind = kinds_by_name(S("basicauth_credentials"));
	json_t *old = created(kind, "{'consumer':{'id':'" TERN "'},'username':'pipit','password':'wagtail:99'}");
	refused(kind, LOAD_UPDATE, old, "{'consumer':{'id':'" GUEST "'}}",
	        "{'@entity':['all or none of these fields must be set: |password|, |consumer.id|']}");
	json_t *t = loaded(kind, LOAD_UPDATE, old, "{'consumer':{'id':'" TERN "'}}");
	has(t, "password", "'" HASH "'");
	json_decref(t);
	t = loaded(kind, LOAD_UPDATE, old, "{'consumer':{'id':'" GUEST "'},'password':'pw'}");
	has(t, "password", "'2753c1161a830c39b1baaf4cdf92fda5b8ec7b3f'");
	json_decref(t);
	json_decref(old);
}
END_TEST

START_TEST(what_is_stored_is_not_hashed_again)
{
	json_t *t = loaded(kinds_by_name(S("basicauth_credentials")), LOAD_STORED, NULL,
	        "{'id':'11111111-1111-4111-8111-111111111111','consumer':{'id':'" TERN
	        "'},'username':'a','password':'" HASH "','created_at':1}");
	has(t, "password", "'" HASH "'");
	json_decref(t);
}
END_TEST

START_TEST(the_schema_says_what_kong_says)
{
	config_reads(
	        "basic-auth", "", "\"config\":{\"anonymous\":null,\"hide_credentials\":false,\"realm\":\"service\"}");
	config_refused("basic-auth", "'realm':null", "realm: required field missing");
	ck_assert_ptr_nonnull(rig_refusal(&rig, "plugins", "{'name':'basic-auth','consumer':{'id':'" TERN "'}}"));
	ck_assert_ptr_nonnull(rig_refusal(&rig, "plugins", "{'name':'basic-auth','protocols':['tcp']}"));
	ck_assert_pstr_eq(rig_refusal(&rig, "basicauth_credentials", "{'consumer':{'id':'" TERN "'}}"),
	        "2 schema violations (password: required field missing; username: required field missing)");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("basic_auth");
	TCase *t = tcase_create("basic_auth");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, ex18_the_right_password_tells_the_upstream_who_calls);
	tcase_add_test(t, ex18_the_hash_is_what_is_shown);
	tcase_add_test(t, ex19_ex20_ex21_whatever_is_wrong_is_refused_in_one_way);
	tcase_add_test(t, the_scheme_has_two_spellings_and_blanks_do_not_matter);
	tcase_add_test(t, a_password_may_be_a_single_colon);
	tcase_add_test(t, ex22_hidden_credentials_do_not_get_through);
	tcase_add_test(t, only_what_was_looked_at_is_hidden);
	tcase_add_test(t, ex23_proxy_authorization_comes_first);
	tcase_add_test(t, ex24_the_challenge_names_the_realm);
	tcase_add_test(t, ex25_two_plugins_without_anonymous_must_both_accept);
	tcase_add_test(t, ex26_of_two_plugins_with_anonymous_one_is_enough);
	tcase_add_test(t, a_patch_hashes_only_a_password_that_it_brings);
	tcase_add_test(t, the_consumer_changes_only_with_the_password);
	tcase_add_test(t, what_is_stored_is_not_hashed_again);
	tcase_add_test(t, the_schema_says_what_kong_says);
	suite_add_tcase(s, t);
	return run_tests(s);
}
