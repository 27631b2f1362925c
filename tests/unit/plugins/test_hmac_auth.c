/* hmac-auth: plugins.md 1.3; the numbers are those of its appendix B. The rig's clock stands 17 s behind their date.
 */
#include "common/core/base64.h"
#include "common/crypto/hmac.h"
#include "tests/unit/plugins/auth_fixture.h"

#define DATE         "Date: Tue, 03 Mar 2026 10:00:00 GMT\n"
#define SIGNED_29    "date @request-target\", signature=\"/Ntofi5MUzNRdazmrZka0r9u/DqhobCWCerAe8ZRnJQ=\""
#define KESTREL      "hmac username=\"kestrel\", algorithm=\"hmac-sha256\", headers=\""
#define NOT_VERIFIED "HMAC signature cannot be verified"
#define NOT_SAME     "HMAC signature does not match"
#define NO_DATE      NOT_VERIFIED ", a valid date or x-date header is required for HMAC Authentication"

static void setup(void)
{
	setup_consumers();
	rig_entity(&rig, "hmacauth_credentials",
	        "{'consumer':{'id':'" TERN "'},'username':'kestrel','secret':'Kestrel-77-plum'}");
}

static void use(const char *config)
{
	use_plugin("hmac-auth", config);
}

/* The header for a signature made here over `text`. */
static const char *signed_over(const char *names, const char *text)
{
	struct hmac_key *key = hmac_key_new(HMAC_SHA256, S("Kestrel-77-plum"));
	unsigned char code[HMAC_MAX_SIZE];
	static char header[1024];
	struct arena a;

	arena_init(&a);
	size_t n = hmac_sign(key, slice_cstr(text), code);
	struct slice shown = base64_encode(&a, slice_of((char *)code, n), BASE64_STANDARD, true);
	snprintf(
	        header, sizeof header, "Authorization: " KESTREL "%s\", signature=\"%.*s\"", names, SLICE_ARG(shown));
	arena_fini(&a);
	hmac_key_free(key);
	return header;
}

static void send(const char *line, const char *headers, const char *more)
{
	char all[4096];
	snprintf(all, sizeof all, "%s%s", headers, more);
	rig_get(&rig, line, all);
}

START_TEST(ex29_ex30_the_target_is_signed_with_its_query)
{
	use("");
	rig_get(&rig, "GET /orders?limit=5", DATE "Authorization: " KESTREL SIGNED_29);
	is_tern();
	ck_assert_str_eq(rig_up(&rig, "X-Credential-Identifier"), "kestrel");
	rig_get(&rig, "GET /orders?limit=6", DATE "Authorization: " KESTREL SIGNED_29);
	is_refused(NOT_SAME);
	ck_assert_str_eq(rig_down(&rig, "WWW-Authenticate"), "hmac");
}
END_TEST

START_TEST(ex31_the_request_line_can_be_signed)
{
	use("");
	rig_get(&rig, "POST /orders",
	        DATE
	        "Authorization: hmac username=\"kestrel\", algorithm=\"hmac-sha1\", headers=\"date request-line\", "
	        "signature=\"rXN9w7E4Agdlvm+pY+vGGm+FBW4=\"");
	is_tern();
}
END_TEST

START_TEST(ex32_an_absent_header_is_signed_as_absent)
{
	use("");
	rig_get(&rig, "GET /orders",
	        DATE "Authorization: " KESTREL
	             "date x-missing\", signature=\"TdccgbY5V1a9x+1sP94R1LReK33HbYJle64Tj3Z5tII=\"");
	is_tern();
	rig_get(&rig, "GET /orders",
	        DATE "X-Missing: found\nAuthorization: " KESTREL
	             "date x-missing\", signature=\"TdccgbY5V1a9x+1sP94R1LReK33HbYJle64Tj3Z5tII=\"");
	is_refused(NOT_SAME);
}
END_TEST

#define SIGNED_33                                                                                      \
	DATE "Authorization: hmac username=\"kestrel\", algorithm=\"hmac-sha384\", headers=\"date\", " \
	     "signature=\"V2lFnot8wwnTWgPNYBwum6u5zIWWC1xjBDNyY2QDncbUCx1QZXQhvKWk4nwO3jbx\""

START_TEST(ex33_another_digest)
{
	use("");
	rig_get(&rig, "GET /orders", SIGNED_33);
	is_tern();
}
END_TEST

START_TEST(ex33_names_can_be_enforced)
{
	use("'enforce_headers':['date','@request-target']");
	rig_get(&rig, "GET /orders", SIGNED_33);
	is_refused(NOT_VERIFIED);
	rig_get(&rig, "GET /orders?limit=5", DATE "Authorization: " KESTREL SIGNED_29);
	is_tern();
	send("GET /a", DATE,
	        signed_over("Date @request-target", "Date: Tue, 03 Mar 2026 10:00:00 GMT\n@request-target: get /a"));
	is_refused(NOT_VERIFIED); /* compared literally */
}
END_TEST

#define SIGNED_34                                                                                    \
	DATE "Digest: SHA-256=qxv033/UhVP+MMpIDK+RYnba6Zw7UGCCc0qu5L8i7a8=\n"                        \
	     "Authorization: hmac username=\"kestrel\", algorithm=\"hmac-sha512\", "                 \
	     "headers=\"date @request-target digest\", signature=\"cWfxb+l9+fH8Q63gDR2eMlzJ3DFPs3A+" \
	     "Zh1c5QxI3OaHAWjJOgI1P4nLHvatbUCjbooogKeCOoY28a44XId8Hw==\""

static void post(const char *headers, const char *body)
{
	rig_request(&rig, "POST /orders", headers);
	rig_body(&rig, "application/json", body);
	rig_run(&rig);
}

START_TEST(ex34_the_body_can_be_checked)
{
	use("'validate_request_body':true");
	post(SIGNED_34, "{\"sku\":\"A-17\",\"qty\":3}");
	is_tern();
	post(SIGNED_34, "{\"sku\":\"A-17\",\"qty\":4}");
	is_refused(NOT_SAME);
	post(SIGNED_33, "{\"sku\":\"A-17\",\"qty\":3}"); /* no Digest */
	is_refused(NOT_SAME);
	rig_get(&rig, "GET /orders", SIGNED_33); /* no body either */
	is_tern();
}
END_TEST

START_TEST(ex34_without_the_option_nobody_looks_at_the_body)
{
	use("");
	post(SIGNED_34, "something else");
	is_tern();
	ck_assert(!slice_is_set(rig.x.body));
}
END_TEST

START_TEST(ex35_an_old_date_is_refused)
{
	use("");
	rig.now_ms += 284 * 1000; /* 17 + 284 = 301 */
	rig_get(&rig, "GET /orders?limit=5", DATE "Authorization: " KESTREL SIGNED_29);
	is_refused(NO_DATE);
	rig.now_ms -= 1000;
	rig_get(&rig, "GET /orders?limit=5", DATE "Authorization: " KESTREL SIGNED_29);
	is_tern();
	rig.now_ms -= (317 + 284) * 1000; /* as far the other way */
	rig_get(&rig, "GET /orders?limit=5", DATE "Authorization: " KESTREL SIGNED_29);
	is_refused(NO_DATE);
}
END_TEST

START_TEST(one_of_the_two_dates_must_be_near)
{
	use("");
	rig_get(&rig, "GET /a", "Authorization: " KESTREL SIGNED_29);
	is_refused(NO_DATE);
	send("GET /a", "X-Date: Tue, 03 Mar 2026 10:00:00 GMT\nDate: Tue, 03 Mar 2020 10:00:00 GMT\n",
	        signed_over("x", "x:"));
	is_tern(); /* the date need not be signed */
	send("GET /a", "X-Date: soon\n" DATE, signed_over("x", "x:"));
	is_tern();
	send("GET /a", "X-Date: soon\nDate: 1772532000\n", signed_over("x", "x:"));
	is_refused(NO_DATE);
}
END_TEST

START_TEST(ex36_without_authorization_it_is_unauthorized)
{
	use("");
	rig_get(&rig, "GET /orders", DATE);
	is_refused("Unauthorized");
	ck_assert_str_eq(rig_down(&rig, "WWW-Authenticate"), "hmac");
	rig_get(&rig, "GET /orders?limit=5", /* comes before the date */ "");
	is_refused("Unauthorized");
}
END_TEST

START_TEST(ex36_an_algorithm_can_be_forbidden)
{
	use("'algorithms':['hmac-sha512']");
	rig_get(&rig, "GET /orders?limit=5", DATE "Authorization: " KESTREL SIGNED_29);
	is_refused(NOT_VERIFIED);
}
END_TEST

/* What is not of the form, is of another algorithm, or of nobody. */
START_TEST(ex36_what_cannot_be_verified_is_said_so)
{
	static const char *const wrong[] = {"hmac", "hmac ", "Basic abc", "HMAC username=\"kestrel\", " SIGNED_29,
	        "hmac username=\"nobody\", algorithm=\"hmac-sha256\", headers=\"" SIGNED_29,
	        "hmac username=\"Kestrel\", algorithm=\"hmac-sha256\", headers=\"" SIGNED_29,
	        "hmac username=\"\", algorithm=\"hmac-sha256\", headers=\"" SIGNED_29,
	        "hmac username=\"kestrel\", algorithm=\"\", headers=\"" SIGNED_29,
	        "hmac username=\"kestrel\", algorithm=\"HMAC-SHA256\", headers=\"" SIGNED_29,
	        "hmac username=\"kestrel\", algorithm=\"hmac-sha224\", headers=\"" SIGNED_29,
	        "hmac username=\"kestrel\", algorithm=\"none\", headers=\"" SIGNED_29,
	        "hmac username=\"kestrel\" algorithm=\"hmac-sha256\" headers=\"" SIGNED_29,
	        "hmac username=kestrel, algorithm=hmac-sha256, headers=\"" SIGNED_29,
	        "hmac algorithm=\"hmac-sha256\", username=\"kestrel\", headers=\"" SIGNED_29,
	        KESTREL "\", signature=\"/Ntofi5MUzNRdazmrZka0r9u/DqhobCWCerAe8ZRnJQ=\"",
	        KESTREL "date\", signature=\"\"", KESTREL "date\", signature=\"abc",
	        KESTREL "date\", signature=", KESTREL "date\",", KESTREL};
	use("");
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		send("GET /orders?limit=5", DATE "Authorization: ", wrong[i]);
		ck_assert_msg(rig_status(&rig) == 401 && strcmp(rig_message(&rig), NOT_VERIFIED) == 0, "%s: %s",
		        wrong[i], rig_message(&rig));
	}
}
END_TEST

START_TEST(a_signature_that_is_nearly_right_does_not_match)
{
	static const char *const wrong[] = {"/Ntofi5MUzNRdazmrZka0r9u/DqhobCWCerAe8ZRnJU=" /* a bit */,
	        "/Ntofi5MUzNRdazmrZka0r9u/DqhobCWCerAe8ZRnA==" /* shorter */,
	        "/Ntofi5MUzNRdazmrZka0r9u/DqhobCWCerAe8ZRnJQA" /* longer */,
	        "_Ntofi5MUzNRdazmrZka0r9u_DqhobCWCerAe8ZRnJQ" /* base64url */,
	        "/Ntofi5MUzNRdazmrZka0r9u/DqhobCWCerAe8ZRnJR=" /* stray bits */, "====", "*", "\"", "0"};
	char header[400];
	use("");
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		snprintf(header, sizeof header,
		        DATE "Authorization: " KESTREL "date @request-target\", signature=\"%s\"", wrong[i]);
		rig_get(&rig, "GET /orders?limit=5", header);
		ck_assert_msg(rig_status(&rig) == 401 && strcmp(rig_message(&rig), NOT_SAME) == 0, "%s", wrong[i]);
	}
}
END_TEST

START_TEST(blanks_behind_commas_may_be_left_out_and_the_scheme_has_two_spellings)
{
	use("");
	rig_get(&rig, "GET /orders?limit=5",
	        DATE
	        "Authorization: Hmac   username=\"kestrel\",algorithm=\"hmac-sha256\",headers=\"date @request-target\","
	        "signature=\"/Ntofi5MUzNRdazmrZka0r9u/DqhobCWCerAe8ZRnJQ=\"");
	is_tern();
}
END_TEST

START_TEST(names_are_signed_as_they_are_written_and_the_first_value_counts)
{
	use("");
	send("GET /a", DATE "x-a: 1\nX-A: 2\n", signed_over("X-a  host", "X-a: 1\n:\nhost:"));
	is_tern();
}
END_TEST

START_TEST(the_target_is_signed_as_it_came)
{
	use("");
	send("GET /a//b/../%41?x=%20&y", DATE,
	        signed_over("@request-target", "@request-target: get /a//b/../%41?x=%20&y"));
	is_tern();
	send("GET http://ex.test/a?b", DATE, signed_over("@request-target", "@request-target: get /a?b"));
	is_tern();
	send("GET /a", DATE, signed_over("Request-Line", "GET /a HTTP/1.1")); /* not that name */
	is_refused(NOT_SAME);
}
END_TEST

START_TEST(proxy_authorization_comes_first_when_it_can_be_read)
{
	use("");
	rig_get(&rig, "GET /orders?limit=5",
	        DATE "Proxy-Authorization: Basic abc\nAuthorization: " KESTREL SIGNED_29);
	is_tern();
	rig_get(&rig, "GET /orders?limit=5",
	        DATE "Proxy-Authorization: hmac username=\"nobody\", algorithm=\"hmac-sha256\", headers=\"" SIGNED_29
	             "\nAuthorization: " KESTREL SIGNED_29);
	is_refused(NOT_VERIFIED);
}
END_TEST

START_TEST(only_the_header_that_was_used_is_hidden)
{
	use("'hide_credentials':true");
	rig_get(&rig, "GET /orders?limit=5",
	        DATE "Proxy-Authorization: Basic abc\nAuthorization: " KESTREL SIGNED_29);
	is_tern();
	ck_assert_ptr_null(rig_up(&rig, "Authorization"));
	ck_assert_str_eq(rig_up(&rig, "Proxy-Authorization"), "Basic abc");
	rig_get(&rig, "GET /orders?limit=5", DATE "Authorization: Bearer x\nProxy-Authorization: " KESTREL SIGNED_29);
	is_tern();
	ck_assert_ptr_null(rig_up(&rig, "Proxy-Authorization"));
	ck_assert_str_eq(rig_up(&rig, "Authorization"), "Bearer x");
}
END_TEST

START_TEST(a_credential_without_a_secret_opens_nothing)
{
	rig_entity(&rig, "hmacauth_credentials", "{'consumer':{'id':'" TERN "'},'username':'bare','secret':null}");
	use("");
	rig_get(&rig, "GET /a", /* HMAC-SHA-256 of "x:" with the empty key */
	        DATE "Authorization: hmac username=\"bare\", algorithm=\"hmac-sha256\", headers=\"x\", "
	             "signature=\"oz9NphTwIkXWvSI/dyyPl3b2MKorQ7rmOQmdA+bSW54=\"");
	is_refused(NOT_SAME);
}
END_TEST

START_TEST(who_cannot_sign_becomes_the_anonymous_consumer)
{
	use("'anonymous':'guest'");
	rig_get(&rig, "GET /a", "");
	goes_as("guest");
	ck_assert_ptr_null(rig_down(&rig, "WWW-Authenticate"));
	rig_request(&rig, "GET /a", "");
	rig.x.has_credential = true;
	ck_assert_int_eq(rig_run(&rig), GO);
	ck_assert_ptr_null(rig.x.consumer);
}
END_TEST

START_TEST(the_challenge_names_the_realm)
{
	use("'realm':'mews'");
	rig_get(&rig, "GET /a", "");
	ck_assert_str_eq(rig_down(&rig, "WWW-Authenticate"), "hmac realm=\"mews\"");
}
END_TEST

START_TEST(the_schema_says_what_kong_says)
{
	config_reads("hmac-auth", "",
	        "\"config\":{\"hide_credentials\":false,\"clock_skew\":300,\"anonymous\":null,"
	        "\"validate_request_body\":false,\"enforce_headers\":[],"
	        "\"algorithms\":[\"hmac-sha1\",\"hmac-sha256\",\"hmac-sha384\",\"hmac-sha512\"],\"realm\":null}");
	config_refused("hmac-auth", "'clock_skew':0", "clock_skew: value must be greater than 0");
	config_refused("hmac-auth", "'algorithms':['hmac-md5']",
	        "expected one of: hmac-sha1, hmac-sha256, hmac-sha384, hmac-sha512");
	ck_assert_pstr_eq(rig_refusal(&rig, "hmacauth_credentials", "{'consumer':{'id':'" TERN "'}}"),
	        "schema violation (username: required field missing)");
	const char *made = rig_rendered(
	        &rig, "hmacauth_credentials", "{'consumer':{'id':'" TERN "'},'username':'a'}");
	const char *secret = strstr(made, "\"secret\":\"");
	ck_assert_ptr_nonnull(secret);
	ck_assert_uint_eq(strcspn(secret + 10, "\""), 32);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hmac_auth");
	TCase *t = tcase_create("hmac_auth");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, ex29_ex30_the_target_is_signed_with_its_query);
	tcase_add_test(t, ex31_the_request_line_can_be_signed);
	tcase_add_test(t, ex32_an_absent_header_is_signed_as_absent);
	tcase_add_test(t, ex33_another_digest);
	tcase_add_test(t, ex33_names_can_be_enforced);
	tcase_add_test(t, ex34_the_body_can_be_checked);
	tcase_add_test(t, ex34_without_the_option_nobody_looks_at_the_body);
	tcase_add_test(t, ex35_an_old_date_is_refused);
	tcase_add_test(t, one_of_the_two_dates_must_be_near);
	tcase_add_test(t, ex36_without_authorization_it_is_unauthorized);
	tcase_add_test(t, ex36_an_algorithm_can_be_forbidden);
	tcase_add_test(t, ex36_what_cannot_be_verified_is_said_so);
	tcase_add_test(t, a_signature_that_is_nearly_right_does_not_match);
	tcase_add_test(t, blanks_behind_commas_may_be_left_out_and_the_scheme_has_two_spellings);
	tcase_add_test(t, names_are_signed_as_they_are_written_and_the_first_value_counts);
	tcase_add_test(t, the_target_is_signed_as_it_came);
	tcase_add_test(t, proxy_authorization_comes_first_when_it_can_be_read);
	tcase_add_test(t, only_the_header_that_was_used_is_hidden);
	tcase_add_test(t, a_credential_without_a_secret_opens_nothing);
	tcase_add_test(t, who_cannot_sign_becomes_the_anonymous_consumer);
	tcase_add_test(t, the_challenge_names_the_realm);
	tcase_add_test(t, the_schema_says_what_kong_says);
	suite_add_tcase(s, t);
	return run_tests(s);
}
