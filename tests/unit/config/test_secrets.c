/* Vault references on a data plane: what they stand for, and what happens when that changes (declarative-config.md 8;
 * plugins-beyond.md 14 and example 15). */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/entity/certificate.h"
#include "dp/config/secrets.h"
#include "dp/config/vault_read.h"
#include "tests/support/records.h"
#include "tests/support/tmp.h"

static struct arena arena;
static struct settings settings;

static void setup(void)
{
	arena_init(&arena);
	settings = (struct settings){
	        .vault_file_path = slice_cstr(arena_cstr(&arena, slice_cstr(tmp_path("vault"))))};
	mkdir(tmp_path("vault"), 0700);
	mkdir(tmp_path("vault/dir"), 0700);
}

static void teardown(void)
{
	arena_fini(&arena);
}

static void write_file(const char *name, const char *text)
{
	FILE *f = fopen(tmp_path(name), "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

/* ---- one reference --------------------------------------------------------------------------------------------- */

static const char *read_with(const struct vault_source *v, const char *reference)
{
	struct slice out;
	struct err e;

	if (!vault_read(v, slice_cstr(reference), &arena, &out, &e))
		return arena_printf(&arena, "no: %s", e.message).ptr;
	return arena_cstr(&arena, out);
}

static const struct {
	const char *reference, *value;
} variables[] = {
        {"{vault://env/my-secret}", "one"},
        {"{vault://env/MY_SECRET}", "one"},
        {"{vault://env/my-secret#2}", "zero"},
        {"{vault://env/my-secret#1}", "one"},
        {"{vault://env/secret?prefix=my_}", "one"},
        {"{vault://env/pg/password}", "pw"},
        {"{vault://env/pg/port}", "no: there is no string 'port' in it"},
        {"{vault://env/my-secret/key}", "no: there is no JSON object to take 'key' from"},
        {"{vault://env/none}", "no: the environment variable NONE is not set"},
        {"{vault://env}", "no: expected {vault://vault/name}"},
        {"{vault:///x}", "no: expected {vault://vault/name}"},
        {"plain", "no: expected {vault://vault/name}"},
};

/* declarative-config 8: vault | resource | key | options | version */
START_TEST(environment_variables)
{
	struct vault_source env = {.type = VAULT_ENV};

	setenv("MY_SECRET", "one", 1);
	setenv("MY_SECRET_PREVIOUS", "zero", 1);
	setenv("PG", "{\"password\":\"pw\",\"port\":5}", 1);
	ck_assert_str_eq(read_with(&env, variables[_i].reference), variables[_i].value);
}
END_TEST

START_TEST(the_prefix_of_a_vault_comes_first)
{
	struct vault_source env = {.type = VAULT_ENV, .variable_prefix = S("my-")};

	setenv("MY_SECRET", "one", 1);
	ck_assert_str_eq(read_with(&env, "{vault://mine/secret}"), "one");
	ck_assert_str_eq(
	        read_with(&env, "{vault://mine/secret?prefix=}"), "no: the environment variable SECRET is not set");
}
END_TEST

static struct vault_source files_in(const char *path)
{
	return (struct vault_source){.type = VAULT_FILE,
	        .path = slice_cstr(arena_cstr(&arena, slice_cstr(tmp_path(path)))),
	        .root = settings.vault_file_path};
}

START_TEST(files_of_a_directory)
{
	struct vault_source files = files_in("vault");

	write_file("vault/plain", "text\n");
	write_file("vault/dir/orders", "{\"key\":\"k\"}");
	ck_assert_str_eq(read_with(&files, "{vault://file/plain}"), "text");
	struct vault_source below = files_in("vault/dir");
	ck_assert_str_eq(read_with(&below, "{vault://file/orders/key}"), "k");
}
END_TEST

START_TEST(members_of_one_file)
{
	struct vault_source file = files_in("vault/all.json");

	write_file("vault/all.json", "{\"orders\":\"o\",\"nested\":\"{\\\"key\\\":\\\"n\\\"}\"}");
	ck_assert_str_eq(read_with(&file, "{vault://all/orders}"), "o");
	ck_assert_str_eq(read_with(&file, "{vault://all/nested/key}"), "n");
	ck_assert_str_eq(read_with(&file, "{vault://all/none}"), "no: there is no string 'none' in it");
}
END_TEST

START_TEST(nothing_is_read_outside_of_the_directory)
{
	struct vault_source outside = files_in("."), inside = files_in("vault");
	const char *no = "no: there is no file";

	write_file("outside", "secret");
	ck_assert_int_eq(symlink(tmp_path("outside"), tmp_path("vault/link")), 0);
	ck_assert_int_eq(strncmp(read_with(&outside, "{vault://x/outside}"), no, strlen(no)), 0);
	ck_assert_int_eq(strncmp(read_with(&inside, "{vault://file/../outside/x}"), no, strlen(no)), 0);
	ck_assert_int_eq(strncmp(read_with(&inside, "{vault://file/link}"), no, strlen(no)), 0);
}
END_TEST

/* ---- a catalog ------------------------------------------------------------------------------------------------- */

static struct catalog *catalog;

static void put(const char *kind, const char *json)
{
	struct record *r = record_of(kind, "%s", json);

	catalog_put(catalog, r);
	record_unref(r);
}

#define ID "11111111-2222-4333-8444-555555555555"

static const struct record *certificate(void)
{
	struct uuid id;

	ck_assert(uuid_parse(S(ID), &id));
	return catalog_get(catalog, &certificate_schema, &id);
}

static const char *key(void)
{
	return arena_cstr(&arena, ((const struct certificate *)certificate()->entity)->key);
}

START_TEST(records_get_secrets_and_their_json_keeps_the_reference)
{
	struct secrets *s = secrets_new(&settings);

	setenv("THE_KEY", "first", 1);
	catalog = catalog_new();
	put("certificates", "{'id':'" ID "','cert':'{vault://env/none}','key':'{vault://env/the-key}'}");
	secrets_settle(s, catalog);
	ck_assert_str_eq(key(), "first");
	ck_assert_uint_eq(((const struct certificate *)certificate()->entity)->cert.len, 0);
	ck_assert_ptr_nonnull(memmem(certificate()->json.ptr, certificate()->json.len, "{vault://env/the-key}", 21));
	ck_assert_ptr_null(memmem(certificate()->json.ptr, certificate()->json.len, "first", 5));

	ck_assert(!secrets_have_changed(s));
	setenv("THE_KEY", "second", 1);
	ck_assert(secrets_have_changed(s));
	secrets_decode_again(s, catalog);
	ck_assert_str_eq(key(), "second");
	unsetenv("THE_KEY"); /* what was there once stays */
	ck_assert(!secrets_have_changed(s));
	catalog_free(catalog);
	secrets_free(s);
}
END_TEST

START_TEST(vaults_of_the_configuration_are_used_as_they_come)
{
	struct secrets *s = secrets_new(&settings);

	setenv("A_KEY", "of a", 1);
	setenv("B_KEY", "of b", 1);
	catalog = catalog_new();
	put("certificates", "{'id':'" ID "','cert':'{vault://mine/key}','key':'{vault://mine/key}'}");
	secrets_settle(s, catalog);
	ck_assert_str_eq(key(), ""); /* no such vault yet */
	put("vaults", "{'id':'" ID "','name':'env','prefix':'mine','config':{'prefix':'A_'}}");
	secrets_settle(s, catalog);
	ck_assert_str_eq(key(), "of a");
	put("vaults", "{'id':'" ID "','name':'env','prefix':'mine','config':{'prefix':'B_'}}");
	secrets_settle(s, catalog);
	ck_assert_str_eq(key(), "of b");
	catalog_free(catalog);
	secrets_free(s);
}
END_TEST

START_TEST(without_secrets_references_stay)
{
	catalog = catalog_new();
	put("certificates", "{'id':'" ID "','cert':'{vault://env/c}','key':'{vault://env/k}'}");
	ck_assert_str_eq(key(), "{vault://env/k}");
	ck_assert(certificate()->has_references);
	catalog_free(catalog);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("secrets");
	TCase *c = tcase_create("secrets");

	tmp_make();
	record_forget_texts(true); /* as a data plane does */
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, environment_variables, 0, sizeof variables / sizeof *variables);
	tcase_add_test(c, the_prefix_of_a_vault_comes_first);
	tcase_add_test(c, files_of_a_directory);
	tcase_add_test(c, members_of_one_file);
	tcase_add_test(c, nothing_is_read_outside_of_the_directory);
	tcase_add_test(c, records_get_secrets_and_their_json_keeps_the_reference);
	tcase_add_test(c, vaults_of_the_configuration_are_used_as_they_come);
	tcase_add_test(c, without_secrets_references_stay);
	suite_add_tcase(s, c);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	tmp_remove();
	return failed != 0;
}
