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

START_TEST(every_field_of_kongs_has_its_flat_alias)
{
	size_t aliases = 0, count = 0;
	for_each_field(f, &redis_conf_schema) count += !(f->flags & ADDITION);
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

#define SENTINEL "'sentinel_nodes':[{'host':'a'},{'port':26379}],'sentinel_master':'m','sentinel_role':'any'"

START_TEST(those_who_name_sentinels_or_a_cluster_need_no_host)
{
	const struct redis_conf *conf = load("{" SENTINEL "}");
	ck_assert(slice_eq(conf->host, S("127.0.0.1")));
	ck_assert_uint_eq(conf->sentinel_nodes.len, 2);
	ck_assert(slice_eq(LIST_AT(conf->sentinel_nodes, struct redis_address, 0)->host, S("a")));
	ck_assert(slice_eq(LIST_AT(conf->sentinel_nodes, struct redis_address, 1)->host, S("127.0.0.1")));
	ck_assert_int_eq(LIST_AT(conf->sentinel_nodes, struct redis_address, 0)->port, 6379);
	conf = load("{'host':null,'cluster_nodes':[{'ip':'10.0.0.1'}]}");
	ck_assert(slice_eq(conf->host, S("127.0.0.1")));
	ck_assert(slice_eq(LIST_AT(conf->cluster_nodes, struct redis_address, 0)->host, S("10.0.0.1")));
}
END_TEST

START_TEST(sentinels_are_named_in_full_and_not_beside_a_cluster)
{
	ck_assert_ptr_null(load("{'sentinel_nodes':[{}]}"));
	ck_assert_ptr_null(load("{'sentinel_master':'m','sentinel_role':'any'}"));
	ck_assert_ptr_null(load("{" SENTINEL ",'cluster_nodes':[{}]}"));
	ck_assert_ptr_null(load("{'cluster_nodes':[]}"));
}
END_TEST

START_TEST(keys_that_are_counted_together_have_a_tag_where_they_are_spread)
{
	ck_assert_uint_eq(redis_conf_tag(load("{}")).begin.len, 0);
	ck_assert_uint_eq(redis_conf_tag(load("{" SENTINEL "}")).end.len, 0);
	ck_assert(slice_eq(redis_conf_tag(load("{'cluster_nodes':[{}]}")).begin, S("{")));
	ck_assert(slice_eq(redis_conf_tag(load("{'connection_is_proxied':true}")).end, S("}")));
}
END_TEST

/* Every member: a difference that is overlooked would share a connection that is another's. */
START_TEST(any_difference_makes_another_connection)
{
	static const char *const others[] = {"{'host':'h'}", "{'port':1}", "{'timeout':1}", "{'username':'u'}",
	        "{'password':'p'}", "{'database':1}", "{'ssl':true}", "{'ssl_verify':true}", "{'server_name':'n'}",
	        "{'connect_timeout':1}", "{'send_timeout':1}", "{'read_timeout':1}", "{" SENTINEL "}",
	        "{" SENTINEL ",'sentinel_username':'u'}", "{" SENTINEL ",'sentinel_password':'p'}",
	        "{'cluster_nodes':[{}]}", "{'cluster_nodes':[{'port':1}]}", "{'cluster_nodes':[{'ip':'h'}]}",
	        "{'cluster_nodes':[{},{}]}", "{'cluster_max_redirections':5}", "{'connection_is_proxied':false}",
	        "{'connection_is_proxied':true}", "{}"};
	enum { N = sizeof others / sizeof others[0] };

	for (int i = 0; i < N; i++)
		for (int k = 0; k < N; k++) {
			struct redis_conf copy = redis_conf_copy(&arena, load(others[k]));
			ck_assert_msg(
			        redis_conf_eq(load(others[i]), &copy) == (i == k), "%s %s", others[i], others[k]);
		}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("redis_conf");
	TCase *t = tcase_create("redis_conf");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, nothing_said_is_a_local_servers_defaults_without_a_host);
	tcase_add_test(t, values_out_of_range_are_refused);
	tcase_add_test(t, every_field_of_kongs_has_its_flat_alias);
	tcase_add_test(t, those_who_name_sentinels_or_a_cluster_need_no_host);
	tcase_add_test(t, sentinels_are_named_in_full_and_not_beside_a_cluster);
	tcase_add_test(t, keys_that_are_counted_together_have_a_tag_where_they_are_spread);
	tcase_add_test(t, any_difference_makes_another_connection);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
