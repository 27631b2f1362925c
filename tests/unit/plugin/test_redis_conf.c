/* redis_conf: plugins.md 0.8. */
#include <check.h>

#include "common/plugin/redis_conf.h"
#include "common/schema/decode.h"
#include "common/schema/load.h"

static struct arena arena;

static void setup(void)
{
	arena_init(&arena);
}

static void teardown(void)
{
	arena_fini(&arena);
}

/* NULL: refused. */
static const struct redis_conf *load(const char *json)
{
	struct violations v = {0};
	struct err e;
	struct redis_conf *out = arena_new(&arena, struct redis_conf);
	json_t *input = schema_literal(json), *rendered;
	bool ok = schema_load(&redis_conf_schema, input, &(struct load_options){.op = LOAD_CREATE}, &rendered, &v);
	if (ok)
		ck_assert_msg(schema_decode(&redis_conf_schema, rendered, &arena, out, &e), "%s", e.message);
	json_decref(input);
	json_decref(rendered);
	violations_fini(&v);
	return ok ? out : NULL;
}

START_TEST(nothing_said_is_a_local_servers_defaults_without_a_host)
{
	const struct redis_conf *conf = load("{}");
	ck_assert(!slice_is_set(conf->host));
	ck_assert_int_eq(conf->port, 6379);
	ck_assert_int_eq(conf->timeout, 2000);
	ck_assert_int_eq(conf->database, 0);
	ck_assert(!conf->ssl && !conf->ssl_verify);
	ck_assert(!slice_is_set(conf->password) && !slice_is_set(conf->username));
}
END_TEST

START_TEST(values_out_of_range_are_refused)
{
	ck_assert_ptr_null(load("{'port':65536}"));
	ck_assert_ptr_null(load("{'port':-1}"));
	ck_assert_ptr_null(load("{'timeout':2147483647}"));
	ck_assert_ptr_null(load("{'host':'h:1'}"));
	ck_assert_ptr_null(load("{'server_name':'10.0.0.1'}"));
	ck_assert_ptr_nonnull(load("{'password':''}"));
	ck_assert_ptr_nonnull(load("{'password':'{vault://env/p}'}"));
}
END_TEST

START_TEST(every_field_has_its_flat_alias)
{
	size_t aliases = 0, count = 0;
	for_each_field(f, &redis_conf_schema) count++;
	for (const struct shorthand *s = redis_conf_aliases; s->name; s++, aliases++) {
		const char *name = strchr(s->name, '_') + 1;
		const struct field *f = schema_field(&redis_conf_schema, slice_cstr(name));
		ck_assert_msg(f && f->type == s->type, "%s", s->name);
		ck_assert_int_eq(strncmp(s->replaced_by, "redis.", 6), 0);
		ck_assert_str_eq(s->replaced_by + 6, name);
	}
	ck_assert_uint_eq(aliases, count);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("redis_conf");
	TCase *t = tcase_create("redis_conf");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, nothing_said_is_a_local_servers_defaults_without_a_host);
	tcase_add_test(t, values_out_of_range_are_refused);
	tcase_add_test(t, every_field_has_its_flat_alias);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
