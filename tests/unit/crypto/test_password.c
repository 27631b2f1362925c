/* password: PBKDF2 hashes in the form that oauth2 credentials are kept in (plugins.md, oauth2; RFC 8018). */
#include <check.h>

#include "common/crypto/password.h"
#include "tests/support/loading.h"

START_TEST(a_hash_matches_its_secret_only)
{
	struct arena a;

	arena_init(&a);
	struct slice hash = password_hash(&a, S("s3cret"));
	ck_assert(slice_starts(hash, S("$pbkdf2-sha512$i=10000,l=32$")));
	ck_assert(password_is_hash(hash));
	ck_assert(password_matches(S("s3cret"), hash));
	ck_assert(!password_matches(S("s3creT"), hash));
	ck_assert(!password_matches(S(""), hash));
	ck_assert(!slice_eq(hash, password_hash(&a, S("s3cret")))); /* another salt */
	arena_fini(&a);
}
END_TEST

/* Computed with Python: hashlib.pbkdf2_hmac('sha512', b'password', b'saltSALTsaltSALT', 10000, 32) */
START_TEST(a_known_hash_is_recognised)
{
	static const struct slice known = SLICE(
	        "$pbkdf2-sha512$i=10000,l=32$c2FsdFNBTFRzYWx0U0FMVA$L1yc3aZeJcxIrgoJ8j+w3UCzBCsDwGD27kvSDfzvvn4");

	ck_assert(password_matches(S("password"), known));
	ck_assert(!password_matches(S("passwort"), known));
}
END_TEST

START_TEST(other_texts_are_no_hashes)
{
	static const struct slice texts[] = {SLICE(""), SLICE("plain"), SLICE("$pbkdf2-sha512$i=10000,l=32$"),
	        SLICE("$pbkdf2-sha512$i=10000,l=32$c2FsdA"), SLICE("$pbkdf2-sha512$i=10000,l=32$c2FsdA$c2hvcnQ"),
	        SLICE("$pbkdf2-sha512$i=1,l=32$c2FsdA$c2hvcnQ"), SLICE("$pbkdf2-sha512$i=10000,l=32$!$!")};

	ck_assert(!password_is_hash(texts[_i]));
	ck_assert(!password_matches(S("plain"), texts[_i]));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("password");
	TCase *c = tcase_create("password");

	tcase_add_test(c, a_hash_matches_its_secret_only);
	tcase_add_test(c, a_known_hash_is_recognised);
	tcase_add_loop_test(c, other_texts_are_no_hashes, 0, 7);
	suite_add_tcase(s, c);
	return run_suite(s);
}
