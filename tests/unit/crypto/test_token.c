/* token: what a client shows and what is kept of it. */
#include <check.h>

#include "common/crypto/token.h"

static struct uuid holder;
static char token[TOKEN_TEXT + 1], digest[TOKEN_DIGEST + 1];

static void setup(void)
{
	holder = uuid_v4();
	token_new(&holder, token, digest);
}

START_TEST(a_token_names_its_holder_and_matches_its_digest)
{
	struct uuid id;

	ck_assert_uint_eq(strlen(token), TOKEN_TEXT);
	ck_assert_uint_eq(strlen(digest), TOKEN_DIGEST);
	ck_assert(token_id(slice_cstr(token), &id));
	ck_assert(uuid_eq(&id, &holder));
	ck_assert(token_is(slice_cstr(token), slice_cstr(digest)));
}
END_TEST

START_TEST(every_changed_character_makes_another_token)
{
	for (size_t i = 0; i < TOKEN_TEXT; i++) {
		char wrong[TOKEN_TEXT + 1];
		memcpy(wrong, token, sizeof wrong);
		wrong[i] = wrong[i] == 'a' ? 'b' : 'a';
		ck_assert_msg(!token_is(slice_cstr(wrong), slice_cstr(digest)), "at %zu", i);
	}
	ck_assert(!token_is(slice_of(token, TOKEN_TEXT - 1), slice_cstr(digest)));
	ck_assert(!token_is(S(""), slice_cstr(digest)));
}
END_TEST

START_TEST(the_same_holder_gets_another_token_and_another_salt_each_time)
{
	char other[TOKEN_TEXT + 1], other_digest[TOKEN_DIGEST + 1];

	token_new(&holder, other, other_digest);
	ck_assert_str_ne(token, other);
	ck_assert(strncmp(digest, other_digest, (size_t)2 * TOKEN_SALT) != 0);
	ck_assert(!token_is(slice_cstr(token), slice_cstr(other_digest)));
}
END_TEST

START_TEST(the_digest_does_not_hold_the_secret)
{
	ck_assert_ptr_null(strstr(digest, token + TOKEN_TEXT - TOKEN_SECRET));
}
END_TEST

START_TEST(a_digest_that_is_none_belongs_to_nobody)
{
	char broken[TOKEN_DIGEST + 1];

	memcpy(broken, digest, sizeof broken);
	broken[2 * TOKEN_SALT] = ':';
	ck_assert(!is_token_digest(slice_cstr(broken)));
	ck_assert(!token_is(slice_cstr(token), slice_cstr(broken)));
	ck_assert(!token_is(slice_cstr(token), (struct slice){0}));
	ck_assert(!token_is(slice_cstr(token), S("")));
	/* the form that token_is() computes with when there is none */
	ck_assert(!token_is(slice_cstr(token), S("00000000000000000000000000000000")));
}
END_TEST

START_TEST(only_the_form_of_a_token_has_an_id)
{
	struct uuid id;
	char wrong[TOKEN_TEXT + 1];

	memcpy(wrong, token, sizeof wrong);
	wrong[5] = 'G';
	ck_assert(!token_id(slice_cstr(wrong), &id));
	ck_assert(!token_id((struct slice){0}, &id));
	ck_assert(!token_id(S("gh_"), &id));
	ck_assert(!token_id(slice_of(token, TOKEN_TEXT - 1), &id));
	memcpy(wrong, token, sizeof wrong);
	wrong[35] = '-';
	ck_assert(!token_id(slice_cstr(wrong), &id));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("token");
	TCase *tc = tcase_create("token");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, a_token_names_its_holder_and_matches_its_digest);
	tcase_add_test(tc, every_changed_character_makes_another_token);
	tcase_add_test(tc, the_same_holder_gets_another_token_and_another_salt_each_time);
	tcase_add_test(tc, the_digest_does_not_hold_the_secret);
	tcase_add_test(tc, a_digest_that_is_none_belongs_to_nobody);
	tcase_add_test(tc, only_the_form_of_a_token_has_an_id);
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
