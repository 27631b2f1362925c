/* oauth2_credentials, oauth2_tokens, oauth2_authorization_codes and mtls_auth_credentials (entities.md 5;
 * plugins-beyond.md 9). */
#include <check.h>
#include <stdio.h>

#include "common/crypto/password.h"
#include "common/entity/mtls_auth.h"
#include "common/entity/oauth2.h"
#include "tests/support/loading.h"

#define CONSUMER   "'consumer':{'id':'11111111-2222-4333-8444-555555555555'}"
#define CREDENTIAL "'credential':{'id':'11111111-2222-4333-8444-555555555555'}"

START_TEST(an_application_gets_id_and_secret)
{
	json_t *app = created(&oauth2_credential_schema, "{'name':'app'," CONSUMER "}");
	ck_assert_uint_eq(json_string_length(json_object_get(app, "client_id")), 32);
	ck_assert_uint_eq(json_string_length(json_object_get(app, "client_secret")), 32);
	has(app, "redirect_uris", "null");
	has(app, "hash_secret", "false");
	has(app, "client_type", "'confidential'");
	json_decref(app);
	refused_saying(&oauth2_credential_schema, "{" CONSUMER "}", "name: required field missing");
	refused_saying(&oauth2_credential_schema, "{'name':'app'," CONSUMER ",'client_type':'secret'}",
	        "client_type: expected one of: confidential, public");
}
END_TEST

static const struct {
	const char *uri, *message; /* NULL: accepted */
} uris[] = {
        {"https://a.test/back?x=1", NULL},
        {"http://localhost:8080", NULL},
        {"not a url", "redirect_uris.1: cannot parse 'not a url'"},
        {"/back", "redirect_uris.1: cannot parse '/back'"},
        {"http://a.test/#x", "redirect_uris.1: fragment not allowed in 'http://a.test/#x'"},
};

START_TEST(redirect_uris_are_absolute_without_fragment)
{
	char input[256];

	snprintf(input, sizeof input, "{'name':'app'," CONSUMER ",'redirect_uris':['%s']}", uris[_i].uri);
	if (uris[_i].message)
		refused_saying(&oauth2_credential_schema, input, uris[_i].message);
	else
		json_decref(created(&oauth2_credential_schema, input));
}
END_TEST

START_TEST(a_secret_is_hashed_once_when_asked_for)
{
	json_t *app = created(
	        &oauth2_credential_schema, "{'name':'app','client_secret':'s','hash_secret':true," CONSUMER "}");
	const json_t *secret = json_object_get(app, "client_secret");
	ck_assert(password_matches(S("s"), slice_cstr(json_string_value(secret))));
	json_t *patched = loaded(&oauth2_credential_schema, LOAD_UPDATE, app, "{'name':'b'}");
	ck_assert(json_equal(secret, json_object_get(patched, "client_secret")));
	json_t *again = loaded(&oauth2_credential_schema, LOAD_REPLACE, app,
	        "{'name':'app','client_secret':'s','hash_secret':true," CONSUMER "}");
	ck_assert(json_equal(json_object_get(again, "client_secret"), json_object_get(app, "client_secret")));
	json_decref(again);
	json_t *changed = loaded(&oauth2_credential_schema, LOAD_UPDATE, app, "{'client_secret':'t'}");
	ck_assert(password_matches(S("t"), slice_cstr(json_string_value(json_object_get(changed, "client_secret")))));
	json_decref(changed);
	json_decref(patched);
	json_decref(app);
}
END_TEST

START_TEST(tokens_have_their_defaults)
{
	json_t *t = created(&oauth2_token_schema, "{'expires_in':10," CREDENTIAL "}");
	ck_assert_uint_eq(json_string_length(json_object_get(t, "access_token")), 32);
	has(t, "token_type", "'bearer'");
	has(t, "refresh_token", "null");
	has(t, "service", "null");
	json_decref(t);
	refused_saying(
	        &oauth2_token_schema, "{}", "credential: required field missing; expires_in: required field missing");
	refused_saying(&oauth2_token_schema, "{'expires_in':1,'token_type':'mac'," CREDENTIAL "}",
	        "token_type: expected one of: bearer");
}
END_TEST

START_TEST(codes_know_one_method)
{
	json_decref(created(&oauth2_code_schema, "{'challenge':'x','challenge_method':'S256'," CREDENTIAL "}"));
	refused_saying(&oauth2_code_schema, "{'challenge_method':'plain'," CREDENTIAL "}",
	        "challenge_method: expected one of: S256");
}
END_TEST

START_TEST(a_certificate_subject_stands_for_a_consumer)
{
	json_t *m = created(&mtls_auth_credential_schema, "{'subject_name':'tern'," CONSUMER "}");
	has(m, "ca_certificate", "null");
	json_decref(m);
	refused_saying(&mtls_auth_credential_schema, "{}",
	        "consumer: required field missing; subject_name: required field missing");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("oauth2");
	TCase *c = tcase_create("oauth2");

	tcase_add_test(c, an_application_gets_id_and_secret);
	tcase_add_loop_test(c, redirect_uris_are_absolute_without_fragment, 0, sizeof uris / sizeof *uris);
	tcase_add_test(c, a_secret_is_hashed_once_when_asked_for);
	tcase_add_test(c, tokens_have_their_defaults);
	tcase_add_test(c, codes_know_one_method);
	tcase_add_test(c, a_certificate_subject_stands_for_a_consumer);
	suite_add_tcase(s, c);
	return run_suite(s);
}
