/* presence: control planes on one database see each other. */
#include "cp/store/presence.h"
#include "tests/unit/store/fixture.h"

static void be_present(struct store *st, unsigned n, uint64_t version, const char *nodes)
{
	struct fault f = {0};
	json_t *list = record(nodes);

	if (!store_be_present(st,
	            &(struct presence){
	                    .id = id_of(n), .hostname = "h'ost", .release = "1.0", .version = version, .nodes = list},
	            &f))
		ck_abort_msg("%s", f.message);
	json_decref(list);
}

static json_t *others(struct store *st, unsigned n)
{
	struct fault f = {0};
	json_t *out = store_others_present(st, id_of(n), &f);

	if (!out)
		ck_abort_msg("%s", f.message);
	return out;
}

START_TEST(each_sees_the_others_as_they_wrote_last)
{
	struct settings s;
	struct store *st = fresh_store(&s);

	be_present(st, 1, 5, "[]");
	be_present(st, 2, 6, "[{'id':'x'}]");
	be_present(st, 2, 7, "[{'id':'y'}]");
	json_t *seen = others(st, 1), *one = json_array_get(seen, 0);
	ck_assert_uint_eq(json_array_size(seen), 1);
	ck_assert_str_eq(json_string_value(json_object_get(one, "hostname")), "h'ost");
	ck_assert_int_eq(json_integer_value(json_object_get(one, "version")), 7);
	ck_assert_uint_eq(json_array_size(json_object_get(one, "nodes")), 1);
	ck_assert_int_lt(json_integer_value(json_object_get(one, "age_ms")), 60000);
	json_decref(seen);
	expect_value(&s, "SELECT version FROM config_version", "0"); /* it is no configuration */
	store_close(st);
}
END_TEST

START_TEST(who_stops_is_gone_and_who_is_silent_is_forgotten)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	struct fault f = {0};

	be_present(st, 1, 5, "[]");
	be_present(st, 2, 5, "[]");
	ck_assert(store_be_absent(st, id_of(2), &f));
	json_t *seen = others(st, 1);
	ck_assert_uint_eq(json_array_size(seen), 0);
	json_decref(seen);
	test_pg_exec(&s, "UPDATE control_planes SET at = now() - interval '2 hours'");
	be_present(st, 3, 5, "[]");
	expect_value(&s, "SELECT count(*) FROM control_planes", "1");
	store_close(st);
}
END_TEST

static void fill(TCase *tc)
{
	tcase_add_test(tc, each_sees_the_others_as_they_wrote_last);
	tcase_add_test(tc, who_stops_is_gone_and_who_is_silent_is_forgotten);
}

int main(void)
{
	return run_suite("presence", fill);
}
