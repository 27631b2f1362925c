/* seal: what was sealed opens unchanged, and nothing else opens. */
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/crypto/digest.h"
#include "common/crypto/seal.h"
#include "tests/support/tmp.h"

static struct seal_key key;
static const struct slice label = SLICE("test");

static void setup(void)
{
	tmp_make();
	seal_key_derive(S("secret"), S("unit"), &key);
}

static void opens_to(struct slice plain)
{
	struct text sealed = {0}, opened = {0};
	struct err e;
	seal(&key, label, plain, &sealed);
	ck_assert_uint_eq(sealed.len, plain.len + SEAL_OVERHEAD);
	ck_assert(seal_open(&key, label, text_slice(&sealed), &opened, &e));
	ck_assert(slice_eq(text_slice(&opened), plain));
	text_fini(&sealed);
	text_fini(&opened);
}

START_TEST(what_was_sealed_opens_unchanged)
{
	opens_to(S("hello"));
	opens_to(S(""));
	size_t n = 3 * 1024 * 1024 + 7;
	char *big = malloc(n);
	for (size_t i = 0; i < n; i++)
		big[i] = (char)(i * 31);
	opens_to(slice_of(big, n));
	free(big);
}
END_TEST

START_TEST(every_changed_byte_and_every_cut_is_noticed)
{
	struct text sealed = {0}, opened = {0};
	struct err e;
	seal(&key, label, S("content"), &sealed);
	for (size_t i = 0; i < sealed.len; i++) {
		sealed.ptr[i] ^= 1;
		ck_assert(!seal_open(&key, label, text_slice(&sealed), &opened, &e));
		ck_assert_uint_eq(opened.len, 0);
		sealed.ptr[i] ^= 1;
		ck_assert(!seal_open(&key, label, slice_of(sealed.ptr, i), &opened, &e));
	}
	text_fini(&sealed);
	text_fini(&opened);
}
END_TEST

START_TEST(another_key_or_label_does_not_open)
{
	struct text sealed = {0}, opened = {0};
	struct seal_key other;
	struct err e;
	seal_key_derive(S("secret"), S("else"), &other);
	seal(&key, label, S("content"), &sealed);
	ck_assert(!seal_open(&other, label, text_slice(&sealed), &opened, &e));
	ck_assert(!seal_open(&key, S("tess"), text_slice(&sealed), &opened, &e));
	text_fini(&sealed);
	text_fini(&opened);
}
END_TEST

START_TEST(two_seals_of_the_same_content_differ)
{
	struct text one = {0}, two = {0};
	seal(&key, label, S("content"), &one);
	seal(&key, label, S("content"), &two);
	ck_assert(!slice_eq(text_slice(&one), text_slice(&two)));
	text_fini(&one);
	text_fini(&two);
}
END_TEST

START_TEST(hkdf_without_salt_gives_a_fixed_key)
{
	/* RFC 5869 test case 3 (no salt, no info), first 32 bytes. */
	char ikm[22], hex[2 * SEAL_KEY + 1];
	struct seal_key k;
	memset(ikm, 0x0b, sizeof ikm);
	seal_key_derive(slice_of(ikm, sizeof ikm), S(""), &k);
	digest_hex(k.bytes, sizeof k.bytes, hex);
	ck_assert_str_eq(hex, "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
}
END_TEST

START_TEST(key_file_is_made_once_private_and_stays)
{
	const char *path = tmp_path("k");
	struct seal_key a, b;
	struct stat st;
	struct err e;
	ck_assert_msg(seal_key_file(path, &a, &e), "%s", e.message);
	ck_assert_msg(seal_key_file(path, &b, &e), "%s", e.message);
	ck_assert_mem_eq(&a, &b, sizeof a);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
}
END_TEST

START_TEST(readable_short_and_missing_key_files_are_refused)
{
	const char *path = tmp_path("k");
	struct seal_key k;
	struct err e;
	ck_assert(seal_key_file(path, &k, &e));
	ck_assert_int_eq(chmod(path, 0640), 0);
	ck_assert(!seal_key_file(path, &k, &e));
	ck_assert_ptr_nonnull(strstr(e.message, "640"));
	ck_assert_int_eq(chmod(path, 0600), 0);
	ck_assert_int_eq(truncate(path, 31), 0);
	ck_assert(!seal_key_file(path, &k, &e));
	ck_assert_ptr_nonnull(strstr(e.message, "31 bytes"));
	ck_assert(!seal_key_file(tmp_path("no/such/folder/k"), &k, &e));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("seal");
	TCase *t = tcase_create("seal");
	tcase_add_checked_fixture(t, setup, tmp_remove);
	tcase_add_test(t, what_was_sealed_opens_unchanged);
	tcase_add_test(t, every_changed_byte_and_every_cut_is_noticed);
	tcase_add_test(t, another_key_or_label_does_not_open);
	tcase_add_test(t, two_seals_of_the_same_content_differ);
	tcase_add_test(t, hkdf_without_salt_gives_a_fixed_key);
	tcase_add_test(t, key_file_is_made_once_private_and_stays);
	tcase_add_test(t, readable_short_and_missing_key_files_are_refused);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
