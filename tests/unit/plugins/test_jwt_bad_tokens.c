/* jwt: tokens that must not be let in, as tables: what a forger or a broken client would send. For each of the 13
 * algorithms there is a credential `k-ALG`; its good token is let in first, so that a row fails for its own reason.
 */
#include <openssl/ecdsa.h>

#include "common/core/base64.h"
#include "common/core/text.h"
#include "tests/support/tokens.h"
#include "tests/unit/plugins/auth_fixture.h"

#define SECRET  "a-secret-of-32-bytes-or-so------"
#define BAD     "Bad token; "
#define NO_JSON BAD "invalid JSON"
#define NO_ALG  BAD "invalid alg"
#define WRONG   "Invalid signature"

static const char *const algs[] = {"HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "ES384", "ES512",
        "PS256", "PS384", "PS512", "EdDSA"};
enum { ALGS = sizeof algs / sizeof algs[0] };

static struct arena arena;

static void put_credential(const char *alg)
{
	struct text row = {0};
	text_printf(
	        &row, "{'consumer':{'id':'" TERN "'},'key':'k-%s','algorithm':'%s','secret':'" SECRET "'", alg, alg);
	if (alg[0] != 'H') {
		text_puts(&row, ",'rsa_public_key':");
		text_put_json(&row, slice_cstr(token_pem(alg)));
	}
	text_putc(&row, '}');
	rig_entity(&rig, "jwt_secrets", text_cstr(&row));
	text_fini(&row);
}

static void setup(void)
{
	setup_consumers();
	arena_init(&arena);
	for (int i = 0; i < ALGS; i++)
		put_credential(algs[i]);
	use_plugin("jwt", "'claims_to_verify':['exp']");
}

static void teardown_all(void)
{
	arena_fini(&arena);
	teardown();
}

static void send(struct slice token)
{
	rig_request(&rig, "GET /a", "X-Consumer-Username: root");
	head_add(rig.x.request, S("Authorization"), ARENA_JOIN(&arena, S("Bearer "), token));
	rig_run(&rig);
}

static void is_let_in(struct slice token)
{
	send(token);
	is_tern();
}

static void is_kept_out(const char *what, struct slice token, const char *message)
{
	char body[200];
	send(token);
	ck_assert_msg(rig_status(&rig) == 401 && !rig.x.has_credential && !rig.x.consumer, "%s: let in", what);
	snprintf(body, sizeof body, "{\"message\":\"%s\"}", message);
	ck_assert_msg(strcmp(rig_client_body(&rig), body) == 0, "%s: %s", what, rig_client_body(&rig));
}

static const char *claims_of(const char *alg)
{
	return arena_printf(&arena, "{'iss':'k-%s','exp':4102444800}", alg).ptr;
}

static struct slice good(const char *alg)
{
	return token_of(&arena, alg, S(SECRET), claims_of(alg));
}

START_TEST(good_tokens_are_let_in)
{
	for (int i = 0; i < ALGS; i++)
		is_let_in(good(algs[i]));
}
END_TEST

/* ---- texts that are no tokens ---------------------------------------------------------------------------------- */

static const struct {
	const char *what, *token, *message;
} texts[] = {
        {"a word", "abc", NO_JSON},
        {"dots", "...", NO_JSON},
        {"two dots", "..", NO_JSON},
        {"one part less", "e30.e30", NO_JSON},
        {"a blank inside", "e30 .e30.e30", NO_JSON},
        {"a tab inside", "e30\t.e30.e30", NO_JSON},
        {"quotes around", "\"e30.e30.e30\"", NO_JSON},
        {"bytes that are not ASCII", "e30.e30\xff.e30", NO_JSON},
        {"a letter that looks like e",
                "\xd0\xb5"
                "30.e30.e30",
                NO_JSON},
        {"a dot that looks like one",
                "e30\xe2\x80\xa4"
                "e30\xe2\x80\xa4"
                "e30",
                NO_JSON},
        {"percent signs", "e30%2ee30%2ee30", NO_JSON},
        {"JSON instead of base64", "{}.{}.x", NO_JSON},
        {"an empty header", ".e30.e30", NO_JSON},
        {"an empty payload", "eyJhbGciOiJIUzI1NiJ9..e30", NO_JSON},
        {"a header of null", "bnVsbA.e30.e30", NO_ALG},
        {"a header that is a list", "W10.e30.e30", NO_ALG},
        {"a header that is a word", "IkhTMjU2Ig.e30.e30", NO_ALG},
        {"an empty object as header", "e30.e30.e30", NO_ALG},
        {"an encrypted token, of five parts", "eyJhbGciOiJSU0EtT0FFUCJ9.e30.e30.e30.e30", NO_ALG},
        {"a payload that is a list", "eyJhbGciOiJIUzI1NiJ9.W10.e30", BAD "invalid claims"},
        {"a payload that is a word", "eyJhbGciOiJIUzI1NiJ9.ImEi.e30", BAD "invalid claims"},
        {"a payload of null", "eyJhbGciOiJIUzI1NiJ9.bnVsbA.e30", BAD "invalid claims"},
        {"no claim at all", "eyJhbGciOiJIUzI1NiJ9.e30.e30", "No mandatory 'iss' in claims"},
};
enum { TEXTS = sizeof texts / sizeof texts[0] };

START_TEST(texts_that_are_no_tokens)
{
	is_kept_out(texts[_i].what, slice_cstr(texts[_i].token), texts[_i].message);
}
END_TEST

/* ---- headers and claims, signed with the right key ------------------------------------------------------------- */

#define CLAIMS "{'iss':'k-HS256','exp':4102444800}"

static const struct {
	const char *what, *header, *claims, *message;
} contents[] = {
        {"alg none", "{'alg':'none'}", CLAIMS, NO_ALG},
        {"alg None", "{'alg':'None'}", CLAIMS, NO_ALG},
        {"alg NONE", "{'alg':'NONE'}", CLAIMS, NO_ALG},
        {"alg nOnE with a blank", "{'alg':' none'}", CLAIMS, NO_ALG},
        {"an empty alg", "{'alg':''}", CLAIMS, NO_ALG},
        {"no alg", "{'typ':'JWT'}", CLAIMS, NO_ALG},
        {"alg in capitals elsewhere", "{'ALG':'HS256'}", CLAIMS, NO_ALG},
        {"alg null", "{'alg':null}", CLAIMS, NO_ALG},
        {"alg a number", "{'alg':256}", CLAIMS, NO_ALG},
        {"alg a list", "{'alg':['HS256']}", CLAIMS, NO_ALG},
        {"alg an object", "{'alg':{'HS256':1}}", CLAIMS, NO_ALG},
        {"alg in small letters", "{'alg':'hs256'}", CLAIMS, NO_ALG},
        {"alg with a blank", "{'alg':'HS256 '}", CLAIMS, NO_ALG},
        {"alg with a letter that looks like H", "{'alg':'\\u041dS256'}", CLAIMS, NO_ALG},
        {"alg with digits of full width", "{'alg':'HS\xef\xbc\x92\xef\xbc\x95\xef\xbc\x96'}", CLAIMS, NO_ALG},
        {"alg with a NUL behind", "{'alg':'HS256\\u0000'}", CLAIMS, NO_JSON},
        {"alg twice", "{'alg':'HS256','alg':'none'}", CLAIMS, NO_JSON},
        {"alg twice, once in disguise", "{'alg':'HS256','\\u0061lg':'none'}", CLAIMS, NO_JSON},
        {"an algorithm that nobody has here", "{'alg':'ES256K'}", CLAIMS, NO_ALG},
        {"a key inside the token", "{'alg':'HS384','jwk':{'kty':'oct','k':'AA'}}", CLAIMS, "Invalid algorithm"},
        {"a key behind a link", "{'alg':'RS256','jku':'http://127.0.0.1/k','kid':'x'}", CLAIMS, "Invalid algorithm"},
        {"iss twice", "{'alg':'HS256'}", "{'iss':'k-HS256','iss':'k-HS384','exp':4102444800}", NO_JSON},
        {"exp twice", "{'alg':'HS256'}", "{'iss':'k-HS256','exp':1,'exp':4102444800}", NO_JSON},
        {"a comma too many", "{'alg':'HS256'}", "{'iss':'k-HS256','exp':4102444800,}", NO_JSON},
        {"something behind the claims", "{'alg':'HS256'}", CLAIMS "{}", NO_JSON},
        {"claims cut short", "{'alg':'HS256'}", "{'iss':'k-HS256','exp':41024", NO_JSON},
        {"claims that are not UTF-8", "{'alg':'HS256'}", "{'iss':'k-HS256\xff','exp':4102444800}", NO_JSON},
        {"half a surrogate", "{'alg':'HS256'}", "{'iss':'k-HS256','x':'\\ud800','exp':4102444800}", NO_JSON},
        {"exp beyond all numbers", "{'alg':'HS256'}", "{'iss':'k-HS256','exp':1e999}", NO_JSON},
        {"exp not a number", "{'alg':'HS256'}", "{'iss':'k-HS256','exp':NaN}", NO_JSON},
        {"exp infinite", "{'alg':'HS256'}", "{'iss':'k-HS256','exp':Infinity}", NO_JSON},
        {"iss with a letter that looks like k", "{'alg':'HS256'}", "{'iss':'\\u043a-HS256','exp':4102444800}",
                "No credentials found for given 'iss'"},
        {"iss with a blank behind", "{'alg':'HS256'}", "{'iss':'k-HS256 ','exp':4102444800}",
                "No credentials found for given 'iss'"},
        {"iss in other letters", "{'alg':'HS256'}", "{'iss':'K-hs256','exp':4102444800}",
                "No credentials found for given 'iss'"},
        {"iss a list", "{'alg':'HS256'}", "{'iss':['k-HS256'],'exp':4102444800}",
                "No credentials found for given 'iss'"},
        {"iss true", "{'alg':'HS256'}", "{'iss':true,'exp':4102444800}", "No credentials found for given 'iss'"},
        {"iss empty", "{'alg':'HS256'}", "{'iss':'','exp':4102444800}", "Invalid 'iss' in claims"},
        {"iss of somebody else's algorithm", "{'alg':'HS256'}", "{'iss':'k-HS384','exp':4102444800}",
                "Invalid algorithm"},
        {"ISS", "{'alg':'HS256'}", "{'ISS':'k-HS256','exp':4102444800}", "No mandatory 'iss' in claims"},
};
enum { CONTENTS = sizeof contents / sizeof contents[0] };

START_TEST(headers_and_claims_that_are_not_right)
{
	const char *header = contents[_i].header, *claims = contents[_i].claims;
	is_kept_out(contents[_i].what, token_make(&arena, "HS256", S(SECRET), header, claims), contents[_i].message);
}
END_TEST

/* ---- claims of time -------------------------------------------------------------------------------------------- */

static const char *const times[][2] = {
        {"{'iss':'k-HS256'}", "must be a number"},
        {"{'iss':'k-HS256','exp':null}", "must be a number"},
        {"{'iss':'k-HS256','exp':'4102444800'}", "must be a number"},
        {"{'iss':'k-HS256','exp':true}", "must be a number"},
        {"{'iss':'k-HS256','exp':[4102444800]}", "must be a number"},
        {"{'iss':'k-HS256','exp':{}}", "must be a number"},
        {"{'iss':'k-HS256','EXP':4102444800}", "must be a number"},
        {"{'iss':'k-HS256','exp':0}", "token expired"},
        {"{'iss':'k-HS256','exp':-4102444800}", "token expired"},
        {"{'iss':'k-HS256','exp':1e-9}", "token expired"},
        {"{'iss':'k-HS256','exp':1772532017}", "token expired"},
};
enum { TIMES = sizeof times / sizeof times[0] };

START_TEST(times_that_are_over_or_no_times)
{
	char body[100];
	send(token_of(&arena, "HS256", S(SECRET), times[_i][0]));
	snprintf(body, sizeof body, "{\"exp\":\"%s\"}", times[_i][1]);
	ck_assert_int_eq(rig_status(&rig), 401);
	ck_assert_str_eq(rig_client_body(&rig), body);
}
END_TEST

/* ---- one key for another --------------------------------------------------------------------------------------- */

/* says: in the header; with: how it is signed; secret: for HS*, NULL is the credential's own public key. */
static const struct {
	const char *credential, *says, *with, *secret, *message;
} confusions[] = {
        {"RS256", "HS256", "HS256", NULL, "Invalid algorithm"},
        {"RS256", "HS512", "HS512", NULL, "Invalid algorithm"},
        {"PS256", "HS256", "HS256", NULL, "Invalid algorithm"},
        {"ES256", "HS256", "HS256", NULL, "Invalid algorithm"},
        {"ES512", "HS512", "HS512", NULL, "Invalid algorithm"},
        {"EdDSA", "HS256", "HS256", NULL, "Invalid algorithm"},
        {"RS256", "RS256", "HS256", NULL, WRONG},
        {"PS512", "PS512", "HS512", NULL, WRONG},
        {"ES256", "ES256", "HS512", NULL, WRONG}, /* 64 bytes, as long as a good one */
        {"EdDSA", "EdDSA", "HS512", NULL, WRONG},
        {"RS256", "RS256", "HS256", SECRET, WRONG}, /* its secret is not its key */
        {"ES256", "ES256", "HS512", SECRET, WRONG},
        {"RS256", "RS256", "PS256", "", WRONG}, /* the same RSA key, the other padding */
        {"PS256", "PS256", "RS256", "", WRONG},
        {"RS256", "RS256", "RS384", "", WRONG}, /* the other digest */
        {"PS512", "PS512", "PS256", "", WRONG},
        {"RS256", "RS512", "RS512", "", "Invalid algorithm"},
        {"ES256", "ES256", "EdDSA", "", WRONG}, /* both 64 bytes */
        {"EdDSA", "EdDSA", "ES256", "", WRONG},
        {"ES384", "ES384", "ES256", "", WRONG},
        {"ES256", "ES512", "ES512", "", "Invalid algorithm"},
        {"HS256", "HS256", "HS256", "", WRONG}, /* the empty secret */
        {"HS256", "HS256", "HS256", "k-HS256", WRONG},
        {"HS256", "HS256", "HS256", SECRET " ", WRONG},
        {"HS256", "HS256", "HS256", "A-secret-of-32-bytes-or-so------", WRONG},
        {"HS256", "HS256", "HS384", SECRET, WRONG},
        {"HS512", "HS512", "HS256", SECRET, WRONG},
        {"HS256", "RS256", "RS256", "", "Invalid algorithm"},
};
enum { CONFUSIONS = sizeof confusions / sizeof confusions[0] };

START_TEST(one_key_for_another)
{
	const char *credential = confusions[_i].credential, *says = confusions[_i].says, *with = confusions[_i].with;
	const char *secret = confusions[_i].secret ? confusions[_i].secret : token_pem(credential);
	char what[100];

	snprintf(what, sizeof what, "%s token of a %s credential, signed as %s", says, credential, with);
	is_kept_out(what,
	        token_make(&arena, with, slice_cstr(secret), arena_printf(&arena, "{'alg':'%s'}", says).ptr,
	                claims_of(credential)),
	        confusions[_i].message);
}
END_TEST

/* ---- signatures ------------------------------------------------------------------------------------------------ */

struct parts {
	struct slice signed_part, text, bytes; /* text: the signature in base64url */
};

static struct parts parts_of(const char *alg)
{
	struct slice token = good(alg);
	const char *dot = memrchr(token.ptr, '.', token.len);
	struct parts p = {.signed_part = slice_of(token.ptr, (size_t)(dot - token.ptr))};
	p.text = slice_from(token, p.signed_part.len + 1);
	ck_assert(base64_decode(&arena, p.text, BASE64_URL, &p.bytes));
	return p;
}

static struct slice with_text(const struct parts *p, struct slice text)
{
	return ARENA_JOIN(&arena, p->signed_part, S("."), text);
}

static struct slice with_bytes(const struct parts *p, struct slice bytes)
{
	return with_text(p, base64_encode(&arena, bytes, BASE64_URL, false));
}

static struct slice filled(const struct parts *p, char byte)
{
	char *bytes = arena_alloc(&arena, p->bytes.len);
	memset(bytes, byte, p->bytes.len);
	return slice_of(bytes, p->bytes.len);
}

static struct slice der_of(struct slice raw)
{
	unsigned char *der = arena_alloc(&arena, 200), *end = der;
	const unsigned char *bytes = (const unsigned char *)raw.ptr;
	int half = (int)raw.len / 2;
	ECDSA_SIG *both = ECDSA_SIG_new();
	ECDSA_SIG_set0(both, BN_bin2bn(bytes, half, NULL), BN_bin2bn(bytes + half, half, NULL));
	int n = i2d_ECDSA_SIG(both, &end);
	ECDSA_SIG_free(both);
	return slice_of((const char *)der, (size_t)n);
}

START_TEST(signatures_that_are_missing_cut_or_longer)
{
	const struct parts p = parts_of(algs[_i]);
	const struct slice cut = slice_of(p.bytes.ptr, p.bytes.len - 1);

	is_let_in(with_bytes(&p, p.bytes));
	is_kept_out("none", with_text(&p, S("")), WRONG);
	is_kept_out("a byte less", with_bytes(&p, cut), WRONG);
	is_kept_out("half of it", with_bytes(&p, slice_of(p.bytes.ptr, p.bytes.len / 2)), WRONG);
	is_kept_out("a byte more", with_bytes(&p, ARENA_JOIN(&arena, p.bytes, S("\0"))), WRONG);
	is_kept_out("a zero in front", with_bytes(&p, ARENA_JOIN(&arena, S("\0"), p.bytes)), WRONG);
	is_kept_out("twice", with_bytes(&p, ARENA_JOIN(&arena, p.bytes, p.bytes)), WRONG);
	is_kept_out("as hexadecimal", with_text(&p, S("00112233445566778899aabbccddeeff")), WRONG);
}
END_TEST

START_TEST(signatures_of_zeros_and_ones)
{
	const struct parts p = parts_of(algs[_i]);
	is_kept_out("zeros", with_bytes(&p, filled(&p, 0)), WRONG);
	is_kept_out("ones", with_bytes(&p, filled(&p, (char)0xff)), WRONG);
	is_kept_out("0x01s", with_bytes(&p, filled(&p, 1)), WRONG);
}
END_TEST

START_TEST(signatures_in_another_spelling)
{
	static const char bad_signature[] = BAD "invalid signature";
	const struct parts p = parts_of(algs[_i]);
	char *plus = arena_cstr(&arena, p.text);
	for (char *c = plus; *c; c++)
		*c = (char)(*c == '-' ? '+' : *c == '_' ? '/' : *c);

	is_kept_out("padded", with_text(&p, ARENA_JOIN(&arena, p.text, S("="))), bad_signature);
	is_kept_out("padded twice", with_text(&p, ARENA_JOIN(&arena, p.text, S("=="))), bad_signature);
	is_kept_out("a third dot", with_text(&p, ARENA_JOIN(&arena, p.text, S("."))), bad_signature);
	is_kept_out("a blank inside", with_text(&p, ARENA_JOIN(&arena, S("a b"), p.text)), bad_signature);
	if (strcmp(plus, arena_cstr(&arena, p.text)) != 0)
		is_kept_out("the other alphabet", with_text(&p, slice_cstr(plus)), bad_signature);
	if (p.bytes.len % 3 != 0) { /* the last character has bits to spare */
		char *stray = arena_cstr(&arena, p.text), *last = stray + p.text.len - 1;
		*last = (char)(*last == 'z' || *last == 'Z' || *last == '9' ? *last - 1 : *last + 1);
		is_kept_out("stray bits", with_text(&p, slice_cstr(stray)), bad_signature);
	}
}
END_TEST

START_TEST(der_instead_of_two_numbers)
{
	const struct parts p = parts_of(algs[_i]);
	is_kept_out("DER", with_bytes(&p, der_of(p.bytes)), WRONG);
}
END_TEST

START_TEST(two_numbers_of_which_one_is_wrong)
{
	const struct parts p = parts_of(algs[_i]);
	const size_t half = p.bytes.len / 2;
	const struct slice r = slice_of(p.bytes.ptr, half), s = slice_from(p.bytes, half),
	                   zero = slice_of(filled(&p, 0).ptr, half),
	                   large = slice_of(filled(&p, (char)0xff).ptr, half);

	is_kept_out("r is zero", with_bytes(&p, ARENA_JOIN(&arena, zero, s)), WRONG);
	is_kept_out("s is zero", with_bytes(&p, ARENA_JOIN(&arena, r, zero)), WRONG);
	is_kept_out("r beyond the order", with_bytes(&p, ARENA_JOIN(&arena, large, s)), WRONG);
	is_kept_out("s beyond the order", with_bytes(&p, ARENA_JOIN(&arena, r, large)), WRONG);
	is_kept_out("exchanged", with_bytes(&p, ARENA_JOIN(&arena, s, r)), WRONG);
	is_kept_out("r twice", with_bytes(&p, ARENA_JOIN(&arena, r, r)), WRONG);
}
END_TEST

START_TEST(a_signature_of_another_token)
{
	const char *alg = algs[_i];
	const struct parts p = parts_of(alg);
	struct slice other = token_make(
	        &arena, alg, S(SECRET), arena_printf(&arena, "{'alg':'%s'}", alg).ptr, "{'iss':'x'}");
	const char *dot = memrchr(other.ptr, '.', other.len);

	is_kept_out("another token's", with_text(&p, slice_from(other, (size_t)(dot + 1 - other.ptr))), WRONG);
	struct parts changed = p;
	changed.signed_part = ARENA_JOIN(&arena, token_part(&arena, arena_printf(&arena, "{'alg':'%s'}", alg).ptr),
	        S("."), token_part(&arena, arena_printf(&arena, "{'iss':'k-%s','exp':4102444801}", alg).ptr));
	is_kept_out("a second more", with_text(&changed, p.text), WRONG);
}
END_TEST

/* ---- size ------------------------------------------------------------------------------------------------------ */

static struct slice repeated(const char *text, size_t n)
{
	struct text t = {0};
	for (size_t i = 0; i < n; i++)
		text_puts(&t, text);
	struct slice all = arena_dup(&arena, text_slice(&t));
	text_fini(&t);
	return all;
}

START_TEST(tokens_that_are_too_much)
{
	struct slice list = repeated("[", 100000), letters = repeated("A", 1 << 20), numbers = repeated("9", 5000);
	const char *deep = arena_printf(&arena, "{'alg':'HS256','x':%.*s", SLICE_ARG(list)).ptr;
	const char *unsigned_long = arena_printf(&arena, "{'alg':'none','x':'%.*s'}", SLICE_ARG(letters)).ptr;
	const char *number = arena_printf(&arena, "{'iss':'k-HS256','exp':%.*s}", SLICE_ARG(numbers)).ptr;

	is_kept_out("100,000 lists within each other", token_make(&arena, "HS256", S(SECRET), deep, CLAIMS), NO_JSON);
	is_kept_out("a header of a megabyte", token_make(&arena, "HS256", S(SECRET), unsigned_long, CLAIMS), NO_ALG);
	is_kept_out("a number of 5,000 digits", token_make(&arena, "HS256", S(SECRET), "{'alg':'HS256'}", number),
	        NO_JSON);
	is_kept_out("a megabyte of A", letters, NO_JSON);
	is_kept_out("a megabyte of dots", repeated(".", 1 << 20), NO_JSON);
	is_kept_out("a signature of a megabyte",
	        with_text(&(struct parts){.signed_part = parts_of("RS256").signed_part}, letters), WRONG);
}
END_TEST

int main(void)
{
	_Static_assert(TEXTS + CONTENTS + TIMES + CONFUSIONS >= 60, "the tables have shrunk");
	Suite *s = suite_create("jwt_bad_tokens");
	TCase *t = tcase_create("jwt_bad_tokens");

	tokens_init();
	tcase_add_checked_fixture(t, setup, teardown_all);
	tcase_add_test(t, good_tokens_are_let_in);
	tcase_add_loop_test(t, texts_that_are_no_tokens, 0, TEXTS);
	tcase_add_loop_test(t, headers_and_claims_that_are_not_right, 0, CONTENTS);
	tcase_add_loop_test(t, times_that_are_over_or_no_times, 0, TIMES);
	tcase_add_loop_test(t, one_key_for_another, 0, CONFUSIONS);
	tcase_add_loop_test(t, signatures_that_are_missing_cut_or_longer, 0, ALGS);
	tcase_add_loop_test(t, signatures_of_zeros_and_ones, 0, ALGS);
	tcase_add_loop_test(t, signatures_in_another_spelling, 0, ALGS);
	tcase_add_loop_test(t, der_instead_of_two_numbers, 6, 9);
	tcase_add_loop_test(t, two_numbers_of_which_one_is_wrong, 6, 9);
	tcase_add_loop_test(t, a_signature_of_another_token, 0, ALGS);
	tcase_add_test(t, tokens_that_are_too_much);
	suite_add_tcase(s, t);
	return run_tests(s);
}
