/* jwt: plugins.md 1.4; the numbers are those of its appendix B. The tokens that must not be let in stand in
 * test_jwt_bad_tokens.c. */
#include "common/core/text.h"
#include "tests/support/tokens.h"
#include "tests/unit/plugins/auth_fixture.h"

#define J       "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9."
#define T37     J "eyJpc3MiOiJndWxsLWtleS0xIiwic3ViIjoidGVybiJ9.1z8UW4JuVuhXJlcmF1uNvGMZ33uE7y8nWxS8Wg882q8"
#define T40     J "eyJpc3MiOiJndWxsLWtleS0xIiwiZXhwIjoxNzAwMDAwMDAwfQ.zI55dStBiN75yM5Zd-Qxl_TLnrvaTsAj2ymcyoFGzsA"
#define INVALID "Bearer error=\"invalid_token\""

static struct arena arena;

static void setup(void)
{
	setup_consumers();
	arena_init(&arena);
	rig_entity(
	        &rig, "jwt_secrets", "{'consumer':{'id':'" TERN "'},'key':'gull-key-1','secret':'osprey-secret-09'}");
}

static void teardown_all(void)
{
	arena_fini(&arena);
	teardown();
}

static void use(const char *config)
{
	use_plugin("jwt", config);
}

static enum verdict bearer(const char *token)
{
	char header[4096];
	snprintf(header, sizeof header, "Authorization: Bearer %s", token);
	return rig_get(&rig, "GET /a", header);
}

/* J-form, 401. */
static void says(const char *body, const char *challenge)
{
	ck_assert_int_eq(rig_status(&rig), 401);
	ck_assert_str_eq(rig_client_body(&rig), body);
	ck_assert_pstr_eq(rig_down(&rig, "WWW-Authenticate"), challenge);
	ck_assert(slice_eq(rig.x.reply.type, S("application/json; charset=utf-8")));
}

static void says_message(const char *message)
{
	char body[400];
	snprintf(body, sizeof body, "{\"message\":\"%s\"}", message);
	says(body, INVALID);
}

static const char *hs256(const char *claims)
{
	return arena_cstr(&arena, token_of(&arena, "HS256", S("osprey-secret-09"), claims));
}

START_TEST(ex37_a_good_token_tells_the_upstream_who_calls)
{
	use("");
	ck_assert_int_eq(bearer(T37), GO);
	is_tern();
	ck_assert_str_eq(rig_up(&rig, "X-Credential-Identifier"), "gull-key-1");
	ck_assert_str_eq(rig_up(&rig, "X-Consumer-ID"), TERN);
	ck_assert_str_eq(rig_up(&rig, "Authorization"), "Bearer " T37);
	ck_assert(rig.x.has_credential);
}
END_TEST

START_TEST(ex38_without_a_token_there_is_a_plain_challenge)
{
	static const char *const none[] = {"", "Authorization: Basic abc", "Authorization: Bearer",
	        "Authorization: Bearer ", "Authorization: " T37, "Authorization: BEARER " T37,
	        "Authorization: Bearer" T37, "Cookie: jwt=" T37, "X-Authorization: Bearer " T37};
	use("");
	for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
		rig_get(&rig, "GET /a?jwt=&jwt&JWT=" T37, none[i]);
		says("{\"message\":\"Unauthorized\"}", "Bearer");
	}
}
END_TEST

START_TEST(ex39_a_wrong_signature_is_told)
{
	use("");
	bearer(J "eyJpc3MiOiJndWxsLWtleS0xIn0.FglOuMeioDi-TuDUXI3OX0TPeOZVF-MBENwj_n3UgS4");
	says_message("Invalid signature");
}
END_TEST

START_TEST(ex40_an_expired_token_is_refused_when_exp_is_verified)
{
	use("'claims_to_verify':['exp']");
	bearer(T40);
	says("{\"exp\":\"token expired\"}", INVALID);
}
END_TEST

START_TEST(ex40_and_passes_when_it_is_not)
{
	use("");
	bearer(T40);
	is_tern();
}
END_TEST

START_TEST(ex41_ex42_claims_are_told_one_by_one)
{
	use("'claims_to_verify':['exp','nbf']");
	bearer(J "eyJpc3MiOiJndWxsLWtleS0xIiwiZXhwIjo0MTAyNDQ0ODAwLCJuYmYiOjQxMDI0NDQwMDB9."
	         "c0LWbmxebyLUkro8REbh6kJsj8rS6h56JiffMgAo0fs");
	says("{\"nbf\":\"token not valid yet\"}", INVALID);
	bearer(T37);
	says("{\"exp\":\"must be a number\",\"nbf\":\"must be a number\"}", INVALID);
	bearer(J "eyJpc3MiOiJndWxsLWtleS0xIiwiZXhwIjoic29vbiJ9.Ei-N7MSCvvmqT6D8GQLBJEZknfjXdnR30l80nHsoEHM");
	says("{\"exp\":\"must be a number\",\"nbf\":\"must be a number\"}", INVALID);
}
END_TEST

START_TEST(time_counts_in_whole_seconds_without_leeway)
{
	use("'claims_to_verify':['exp','nbf']"); /* now: 1772532017 */
	bearer(hs256("{'iss':'gull-key-1','exp':1772532018,'nbf':1772532017}"));
	is_tern();
	bearer(hs256("{'iss':'gull-key-1','exp':1772532017.5,'nbf':0}"));
	is_tern();
	bearer(hs256("{'iss':'gull-key-1','exp':1772532017,'nbf':1772532018}"));
	says("{\"exp\":\"token expired\",\"nbf\":\"token not valid yet\"}", INVALID);
	bearer(hs256("{'iss':'gull-key-1','exp':-1,'nbf':-1}"));
	says("{\"exp\":\"token expired\"}", INVALID);
	bearer(hs256("{'iss':'gull-key-1','exp':1e300,'nbf':1}"));
	is_tern();
	bearer(hs256("{'iss':'gull-key-1','exp':99999999999999999999999,'nbf':1}"));
	is_tern();
}
END_TEST

START_TEST(ex43_exp_must_not_be_too_far_away)
{
	use("'claims_to_verify':['exp'],'maximum_expiration':3600");
	bearer(J "eyJpc3MiOiJndWxsLWtleS0xIiwiZXhwIjo0MTAyNDQ0ODAwfQ.cOqtDHK-viNii-CzMxNJSZfdj84b3SuoYoRrKDlsWLU");
	says("{\"exp\":\"exceeds maximum allowed expiration\"}", INVALID);
	bearer(hs256("{'iss':'gull-key-1','exp':1772535618}"));
	says("{\"exp\":\"exceeds maximum allowed expiration\"}", INVALID);
	bearer(hs256("{'iss':'gull-key-1','exp':1772535617}"));
	is_tern();
	bearer(T40);
	says("{\"exp\":\"token expired\"}", INVALID);
}
END_TEST

START_TEST(ex43_the_maximum_alone_lets_old_tokens_pass)
{
	use("'maximum_expiration':3600"); /* a quirk that is kept */
	bearer(T40);
	is_tern();
	bearer(T37);
	says("{\"exp\":\"exceeds maximum allowed expiration\"}", INVALID);
	bearer(hs256("{'iss':'gull-key-1','exp':'soon'}"));
	says("{\"exp\":\"must be a number\"}", INVALID);
}
END_TEST

START_TEST(ex43_the_maximum_wants_exp_to_be_verified)
{
	static const char *const wrong[] = {"'nbf'", ""};
	char config[120];
	for (int i = 0; i < 2; i++) {
		snprintf(config, sizeof config, "'maximum_expiration':3600,'claims_to_verify':[%s]", wrong[i]);
		config_refused("jwt", config, "claims_to_verify: expected to contain: exp");
		config_refused("jwt", config,
		        "failed conditional validation given value of field 'config.maximum_expiration'");
	}
	ck_assert_ptr_null(rig_refusal(&rig, "plugins", "{'name':'jwt','config':{'maximum_expiration':3600}}"));
	ck_assert_ptr_null(rig_refusal(
	        &rig, "plugins", "{'name':'jwt','config':{'maximum_expiration':0,'claims_to_verify':['nbf']}}"));
}
END_TEST

START_TEST(ex44_the_key_may_stand_in_the_header)
{
	use("");
	bearer("eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiIsImlzcyI6Imd1bGwta2V5LTEifQ.eyJzdWIiOiJ0ZXJuIn0."
	       "SK35qp0uBsg-cb66PMkZc_cI6ixxjAnz3u0wDznm-90");
	is_tern();
	/* a null claim is none; one that is there goes first */
	bearer(arena_cstr(&arena, token_make(&arena, "HS256", S("osprey-secret-09"),
	                                  "{'alg':'HS256','iss':'gull-key-1'}", "{'iss':null}")));
	is_tern();
	bearer(arena_cstr(&arena, token_make(&arena, "HS256", S("osprey-secret-09"),
	                                  "{'alg':'HS256','iss':'gull-key-1'}", "{'iss':'nobody'}")));
	says_message("No credentials found for given 'iss'");
	/* the header is known by now, and what it says is still read */
	bearer(arena_cstr(&arena,
	        token_make(&arena, "HS256", S("osprey-secret-09"), "{'alg':'HS256','iss':'gull-key-1'}", "{}")));
	is_tern();
}
END_TEST

START_TEST(ex45_the_key_must_be_there_and_known)
{
	use("");
	bearer(J "eyJzdWIiOiJ0ZXJuIn0.xAPWadycM70zyDmRcAf-CtNL_fwYj8TpkFBVvjsKgzU");
	says_message("No mandatory 'iss' in claims");
	bearer(J "eyJpc3MiOiJub2JvZHkifQ.7PdN4IAFLummwHqyNXiDx-Z3N2innc0caBxJb_MdTgY");
	says_message("No credentials found for given 'iss'");
	bearer(hs256("{'iss':''}"));
	says_message("Invalid 'iss' in claims");
	bearer(hs256("{'iss':5}"));
	says_message("No credentials found for given 'iss'");
}
END_TEST

START_TEST(another_claim_can_hold_the_key)
{
	use("'key_claim_name':'k\\u00e9'");
	bearer(hs256("{'k\xc3\xa9':'gull-key-1','iss':'nobody'}"));
	is_tern();
	bearer(T37);
	says_message("No mandatory 'k\xc3\xa9' in claims");
}
END_TEST

START_TEST(ex46_the_algorithm_is_the_credentials)
{
	use("");
	bearer("eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzM4NCJ9.eyJpc3MiOiJndWxsLWtleS0xIn0."
	       "KIXQqUJx3BRQojPxGKbQiw3BXVK9IK-6yjaaH_XDXibAnEZvsK-RWV5Vnmr6CNne");
	says_message("Invalid algorithm");
	bearer("eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIn0.eyJpc3MiOiJndWxsLWtleS0xIn0.");
	says_message("Bad token; invalid alg");
	bearer("abc");
	says_message("Bad token; invalid JSON");
}
END_TEST

START_TEST(ex47_the_same_token_twice_is_one)
{
	use("");
	rig_get(&rig, "GET /a?jwt=" T37 "&jwt=" T37, "Authorization: bearer   " T37);
	is_tern();
	rig_get(&rig, "GET /a?jwt=" T40, "Authorization: Bearer " T37);
	says_message("Multiple tokens provided");
	rig_get(&rig, "GET /a?jwt=" T40 "&jwt=" T37, "");
	says_message("Multiple tokens provided");
}
END_TEST

START_TEST(ex48_a_secret_may_be_written_in_base64)
{
	rig_entity(&rig, "jwt_secrets",
	        "{'consumer':{'id':'" TERN "'},'key':'gull-key-1','secret':'b3NwcmV5LXNlY3JldC0wOQ'}");
	use("'secret_is_base64':true");
	bearer(T37);
	is_tern();
}
END_TEST

/* One credential, two configurations that read its secret differently. */
START_TEST(both_readings_of_a_secret_are_kept_apart)
{
	rig_entity(&rig, "jwt_secrets", "{'consumer':{'id':'" TERN "'},'key':'two','secret':'aGk+Pz8='}");
	use("'secret_is_base64':true,'header_names':['x-a'],'anonymous':'guest'");
	use("'header_names':['x-b'],'anonymous':'guest'");
	struct slice as_base64 = token_of(&arena, "HS256", S("hi>??"), "{'iss':'two'}"),
	             as_text = token_of(&arena, "HS256", S("aGk+Pz8="), "{'iss':'two'}");
	for (int i = 0; i < 2; i++) {
		rig_get(&rig, "GET /a", arena_printf(&arena, "X-A: Bearer %.*s", SLICE_ARG(as_base64)).ptr);
		is_tern();
		rig_get(&rig, "GET /a", arena_printf(&arena, "X-B: Bearer %.*s", SLICE_ARG(as_text)).ptr);
		is_tern();
		rig_get(&rig, "GET /a",
		        arena_printf(&arena, "X-A: Bearer %.*s\nX-B: Bearer %.*s", SLICE_ARG(as_text),
		                SLICE_ARG(as_base64))
		                .ptr);
		goes_as("guest");
	}
}
END_TEST

START_TEST(tokens_may_come_in_cookies_and_other_headers)
{
	use("'cookie_names':['sid','s2'],'header_names':['x-t','authorization'],'uri_param_names':['q']");
	rig_get(&rig, "GET /a", "Cookie: a=b; sid=" T37);
	is_tern();
	rig_get(&rig, "GET /a", "Cookie: a=b\nCookie: s2=" T37);
	is_tern();
	rig_get(&rig, "GET /a", "X-T: Bearer " T37 "\nX-T: Bearer " T40); /* the first field counts */
	is_tern();
	rig_get(&rig, "GET /a?jwt=" T40 "&%71=" T37, "");
	is_tern();
	rig_get(&rig, "GET /a?q=" T37, "Cookie: sid=" T40);
	says_message("Multiple tokens provided");
}
END_TEST

START_TEST(no_place_at_all_lets_nobody_in)
{
	use("'cookie_names':null,'header_names':[],'uri_param_names':null");
	rig_get(&rig, "GET /a?jwt=" T37, "Authorization: Bearer " T37);
	says("{\"message\":\"Unauthorized\"}", "Bearer");
}
END_TEST

/* ---- every algorithm ------------------------------------------------------------------------------------------- */

static const char *const algs[] = {"HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "ES384", "ES512",
        "PS256", "PS384", "PS512", "EdDSA"};
enum { ALGS = sizeof algs / sizeof algs[0] };

static const char *json_text(const char *text)
{
	struct text t = {0};
	text_put_json(&t, slice_cstr(text));
	char *copy = arena_cstr(&arena, text_slice(&t));
	text_fini(&t);
	return copy;
}

static void put_credential(const char *key, const char *alg)
{
	char row[4096];
	const char *pem = alg[0] == 'H' ? "null" : json_text(token_pem(alg));
	snprintf(row, sizeof row,
	        "{'consumer':{'id':'" TERN "'},'key':'%s','secret':'s-%s','algorithm':'%s','rsa_public_key':%s}", key,
	        alg, alg, pem);
	rig_entity(&rig, "jwt_secrets", row);
}

START_TEST(every_algorithm_verifies_its_own_tokens_and_no_others)
{
	const char *alg = algs[_i];
	put_credential("me", alg);
	use("");
	for (int i = 0; i < ALGS; i++) {
		struct slice secret = arena_printf(&arena, "s-%s", alg);
		bearer(arena_cstr(&arena, token_of(&arena, algs[i], secret, "{'iss':'me'}")));
		if (i == _i)
			is_tern();
		else
			says_message("Invalid algorithm");
	}
}
END_TEST

START_TEST(a_credential_of_null_algorithm_is_one_of_hs256)
{
	rig_entity(&rig, "jwt_secrets",
	        "{'consumer':{'id':'" TERN "'},'key':'n','secret':'osprey-secret-09','algorithm':null}");
	use("");
	bearer(hs256("{'iss':'n'}"));
	is_tern();
}
END_TEST

START_TEST(a_credential_without_a_key_opens_nothing)
{
	rig_entity(&rig, "jwt_secrets", "{'consumer':{'id':'" TERN "'},'key':'none','secret':null}");
	rig_entity(&rig, "jwt_secrets", "{'consumer':{'id':'" TERN "'},'key':'es','algorithm':'ES256'}");
	rig_entity(&rig, "jwt_secrets",
	        "{'consumer':{'id':'" TERN "'},'key':'bad','algorithm':'ES256','rsa_public_key':'x'}");
	use("");
	bearer(arena_cstr(&arena, token_of(&arena, "HS256", S(""), "{'iss':'none'}")));
	says_message("Invalid key/secret");
	bearer(arena_cstr(&arena, token_of(&arena, "ES256", S(""), "{'iss':'es'}")));
	says_message("Invalid key/secret");
	bearer(arena_cstr(&arena, token_of(&arena, "ES256", S(""), "{'iss':'bad'}")));
	says_message("Invalid signature");
}
END_TEST

START_TEST(a_secret_that_is_not_base64_opens_nothing)
{
	rig_entity(&rig, "jwt_secrets", "{'consumer':{'id':'" TERN "'},'key':'b','secret':'not base64!'}");
	use("'secret_is_base64':true");
	bearer(arena_cstr(&arena, token_of(&arena, "HS256", S("not base64!"), "{'iss':'b'}")));
	says_message("Invalid key/secret");
}
END_TEST

/* ---- beside tokens --------------------------------------------------------------------------------------------- */

START_TEST(a_credential_whose_consumer_is_missing_is_told_without_a_challenge)
{
	rig_entity(&rig, "jwt_secrets",
	        "{'consumer':{'id':'22222222-2222-4222-8222-222222222222'},'key':'lost','secret':'osprey-secret-09'}");
	use("");
	bearer(hs256("{'iss':'lost'}"));
	says("{\"message\":\"Could not find consumer for 'iss=lost'\"}", NULL);
}
END_TEST

START_TEST(the_challenge_names_the_realm)
{
	use("'realm':'mews'");
	rig_get(&rig, "GET /a", "");
	says("{\"message\":\"Unauthorized\"}", "Bearer realm=\"mews\"");
	bearer("a.b.c");
	says("{\"message\":\"Bad token; invalid JSON\"}", "Bearer realm=\"mews\" error=\"invalid_token\"");
}
END_TEST

START_TEST(preflights_can_pass_without_a_token)
{
	use("'run_on_preflight':false");
	ck_assert_int_eq(rig_get(&rig, "OPTIONS /a", ""), GO);
	ck_assert_ptr_null(rig_up(&rig, "X-Consumer-ID"));
	ck_assert_int_eq(rig_get(&rig, "GET /a", ""), STOP);
}
END_TEST

START_TEST(who_has_no_good_token_becomes_the_anonymous_consumer)
{
	use("'anonymous':'guest','claims_to_verify':['exp']");
	static const char *const tokens[] = {"", "abc", T37, T40};
	for (size_t i = 0; i < 4; i++) {
		bearer(tokens[i]);
		goes_as("guest");
		ck_assert_ptr_null(rig_down(&rig, "WWW-Authenticate"));
		ck_assert_str_eq(rig_up(&rig, "X-Anonymous-Consumer"), "true");
	}
	rig_request(&rig, "GET /a", "");
	rig.x.has_credential = true;
	ck_assert_int_eq(rig_run(&rig), GO);
	ck_assert_ptr_null(rig.x.consumer);
}
END_TEST

START_TEST(the_schema_says_what_kong_says)
{
	config_reads("jwt", "",
	        "\"config\":{\"uri_param_names\":[\"jwt\"],\"cookie_names\":[],\"key_claim_name\":\"iss\","
	        "\"secret_is_base64\":false,\"claims_to_verify\":null,\"anonymous\":null,\"run_on_preflight\":true,"
	        "\"maximum_expiration\":0,\"header_names\":[\"authorization\"],\"realm\":null}");
	config_refused("jwt", "'claims_to_verify':['iat']", "expected one of: exp, nbf");
	config_refused("jwt", "'maximum_expiration':31536001", "value should be between 0 and 31536000");
	config_refused("jwt", "'run_on_preflight':null", "run_on_preflight: required field missing");
}
END_TEST

START_TEST(credentials_are_checked_as_kong_does)
{
#define ROW "{'consumer':{'id':'" TERN "'},"
	const char *made = rig_rendered(&rig, "jwt_secrets", ROW "'tags':['x']}");
	ck_assert_ptr_nonnull(strstr(made, "\"rsa_public_key\":null,\"algorithm\":\"HS256\",\"tags\":[\"x\"]"));
	ck_assert_uint_eq(strcspn(strstr(made, "\"key\":\"") + 7, "\""), 32);
	ck_assert_uint_eq(strcspn(strstr(made, "\"secret\":\"") + 10, "\""), 32);
	static const char *const need_key[] = {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA"};
	char row[400];
	for (size_t i = 0; i < sizeof need_key / sizeof need_key[0]; i++) {
		snprintf(row, sizeof row, ROW "'algorithm':'%s'}", need_key[i]);
		ck_assert_pstr_eq(rig_refusal(&rig, "jwt_secrets", row),
		        "2 schema violations (failed conditional validation given value of field 'algorithm'; "
		        "rsa_public_key: required field missing)");
		snprintf(row, sizeof row, ROW "'algorithm':'%s','rsa_public_key':'x'}", need_key[i]);
		ck_assert_pstr_eq(
		        rig_refusal(&rig, "jwt_secrets", row), "schema violation (rsa_public_key: invalid key)");
	}
	ck_assert_ptr_null(rig_refusal(&rig, "jwt_secrets", ROW "'algorithm':'ES256'}"));
	ck_assert_ptr_null(rig_refusal(&rig, "jwt_secrets", ROW "'algorithm':'HS512','rsa_public_key':'x'}"));
	ck_assert_pstr_eq(rig_refusal(&rig, "jwt_secrets", ROW "'algorithm':'none'}"),
	        "schema violation (algorithm: expected one of: HS256, HS384, HS512, RS256, RS384, RS512, ES256, ES384, "
	        "ES512, PS256, PS384, PS512, EdDSA)");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("jwt");
	TCase *t = tcase_create("jwt");

	tokens_init();
	tcase_add_checked_fixture(t, setup, teardown_all);
	tcase_add_test(t, ex37_a_good_token_tells_the_upstream_who_calls);
	tcase_add_test(t, ex38_without_a_token_there_is_a_plain_challenge);
	tcase_add_test(t, ex39_a_wrong_signature_is_told);
	tcase_add_test(t, ex40_an_expired_token_is_refused_when_exp_is_verified);
	tcase_add_test(t, ex40_and_passes_when_it_is_not);
	tcase_add_test(t, ex41_ex42_claims_are_told_one_by_one);
	tcase_add_test(t, time_counts_in_whole_seconds_without_leeway);
	tcase_add_test(t, ex43_exp_must_not_be_too_far_away);
	tcase_add_test(t, ex43_the_maximum_alone_lets_old_tokens_pass);
	tcase_add_test(t, ex43_the_maximum_wants_exp_to_be_verified);
	tcase_add_test(t, ex44_the_key_may_stand_in_the_header);
	tcase_add_test(t, ex45_the_key_must_be_there_and_known);
	tcase_add_test(t, another_claim_can_hold_the_key);
	tcase_add_test(t, ex46_the_algorithm_is_the_credentials);
	tcase_add_test(t, ex47_the_same_token_twice_is_one);
	tcase_add_test(t, ex48_a_secret_may_be_written_in_base64);
	tcase_add_test(t, both_readings_of_a_secret_are_kept_apart);
	tcase_add_test(t, tokens_may_come_in_cookies_and_other_headers);
	tcase_add_test(t, no_place_at_all_lets_nobody_in);
	tcase_add_loop_test(t, every_algorithm_verifies_its_own_tokens_and_no_others, 0, ALGS);
	tcase_add_test(t, a_credential_of_null_algorithm_is_one_of_hs256);
	tcase_add_test(t, a_credential_without_a_key_opens_nothing);
	tcase_add_test(t, a_secret_that_is_not_base64_opens_nothing);
	tcase_add_test(t, a_credential_whose_consumer_is_missing_is_told_without_a_challenge);
	tcase_add_test(t, the_challenge_names_the_realm);
	tcase_add_test(t, preflights_can_pass_without_a_token);
	tcase_add_test(t, who_has_no_good_token_becomes_the_anonymous_consumer);
	tcase_add_test(t, the_schema_says_what_kong_says);
	tcase_add_test(t, credentials_are_checked_as_kong_does);
	suite_add_tcase(s, t);
	return run_tests(s);
}
