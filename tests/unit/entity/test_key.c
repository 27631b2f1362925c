/* keys and key_sets: fields and checks (entities.md 4.12, 4.13). */
#include <check.h>
#include <stdarg.h>
#include <stdio.h>

#include "common/entity/key.h"
#include "tests/support/loading.h"
#include "tests/support/pem_samples.h"

static const char *text(const char *format, ...)
{
	static char out[32768];
	va_list ap;

	va_start(ap, format);
	vsnprintf(out, sizeof out, format, ap);
	va_end(ap);
	return out;
}

/* RFC 7517 A.1; quotes as they stand in a JSON string */
#define JWK(kid)                                                             \
	"{\\'kid\\':\\'" kid "\\',\\'kty\\':\\'EC\\',\\'crv\\':\\'P-256\\'," \
	"\\'x\\':\\'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\\',"         \
	"\\'y\\':\\'4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\\'"

static const struct {
	const char *input, *message; /* NULL: accepted */
} examples[] = {
        {"{'kid':'k1','jwk':'" JWK("k1") "}','name':'any text, äöü'}", NULL},
        {"{'kid':'k1','jwk':'{vault://env/a-key}'}", NULL},
        {"{'kid':'k1'}", "at least one of these fields must be non-empty: 'jwk', 'pem'"},
        {"{'jwk':'" JWK("k1") "}'}", "kid: required field missing"},
        {"{'kid':'zz','jwk':'{'}", "could not json decode jwk string"},
        {"{'kid':'zz','jwk':'[]'}", "could not json decode jwk string"},
        {"{'kid':'zz','jwk':'" JWK("k1") "}'}", "kid in jwk.kid must be equal to keys.kid"},
        {"{'kid':'k1','jwk':'{\\'kid\\':\\'k1\\',\\'kty\\':\\'oct\\',\\'k\\':\\'AyM1\\'}'}",
                "could not load JWK, likely not a valid key"},
        {"{'kid':'k1','jwk':'" JWK("k1") ",\\'zork\\':\\'1\\'}'}", "schema violation (zork: unknown field)"},
        {"{'kid':'k1','jwk':'" JWK("k1") ",\\'key_ops\\':\\'sign\\'}'}",
                "schema violation (key_ops: expected an array)"},
        {"{'kid':'k1','pem':{}}",
                "pem.@entity: {\"at least one of these fields must be non-empty: 'private_key', 'public_key'\"}"},
        {"{'kid':'k1','pem':{'public_key':'x'}}", "could not load public key"},
        {"{'kid':'k1','pem':{'private_key':'x'}}", "could not load private key"},
        {"{'kid':'k1','pem':{'private_key':'{vault://env/x}','public_key':'{vault://env/y}'}}", NULL},
};

START_TEST(keys_are_accepted_or_refused_as_kong_does)
{
	if (examples[_i].message)
		refused_saying(&key_schema, examples[_i].input, examples[_i].message);
	else
		json_decref(created(&key_schema, examples[_i].input));
}
END_TEST

START_TEST(the_two_parts_of_a_pair_belong_together)
{
	const struct pem_sample *rsa = pem_sample(PEM_RSA), *other = pem_sample(PEM_RSA_OTHER);
	const char *form = "{'kid':'k1','pem':{'private_key':'%s','public_key':'%s'}}";

	json_t *key = created(&key_schema, text(form, rsa->key_json, rsa->public_key_json));
	has(key, "jwk", "null");
	json_decref(key);
	refused_saying(&key_schema, text(form, rsa->key_json, other->public_key_json),
	        "public key does not match private key");
}
END_TEST

START_TEST(a_key_is_given_in_one_way)
{
	refused_saying(&key_schema,
	        text("{'kid':'k1','jwk':'" JWK("k1") "}','pem':{'public_key':'%s'}}",
	                pem_sample(PEM_RSA)->public_key_json),
	        "only one or none of these fields must be set: 'jwk', 'pem'");
}
END_TEST

START_TEST(a_key_set_needs_nothing)
{
	json_t *set = created(&key_set_schema, "{}");
	has(set, "name", "null");
	has(set, "tags", "null");
	json_decref(set);
	json_decref(created(&key_set_schema, "{'name':'any text'}"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("key");
	TCase *c = tcase_create("key");

	tcase_add_loop_test(c, keys_are_accepted_or_refused_as_kong_does, 0, sizeof examples / sizeof *examples);
	tcase_add_test(c, the_two_parts_of_a_pair_belong_together);
	tcase_add_test(c, a_key_is_given_in_one_way);
	tcase_add_test(c, a_key_set_needs_nothing);
	suite_add_tcase(s, c);
	return run_suite(s);
}
