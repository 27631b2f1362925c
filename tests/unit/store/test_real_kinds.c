/* The store with the kinds of this release: what the schemas load is stored, read back equal, and decodes from a
 * snapshot. The other programs of this folder use small kinds of their own (fixture.h). */
#include <check.h>
#include <stdlib.h>

#include "common/core/clock.h"
#include "common/model/record.h"
#include "common/schema/load.h"
#include "cp/store/migrate.h"
#include "tests/support/pg.h"

static struct store *fresh_store(void)
{
	struct settings s = test_pg_database();
	struct err e;
	enum migrate_state state;
	struct store *st = store_open(&s, &e);

	if (!st || !migrate_run(st, NULL, NULL, &e) || !migrate_status(st, &state, &e))
		ck_abort_msg("%s", e.message);
	ck_assert_int_eq(state, MIGRATE_CURRENT);
	return st;
}

/* What schema_load() makes of input; the literal form has ' for ". */
static json_t *loaded(struct store *st, const struct schema *kind, const char *form)
{
	json_t *input = schema_literal(form), *out;
	struct load_options options = {.op = LOAD_CREATE, .now_ms = clock_wall_ms()};
	struct violations v = {0};
	struct fault f = {0};

	if (!store_resolve_refs(st, kind, input, &f))
		ck_abort_msg("%s: %s", kind->name, f.message);
	if (!schema_load(kind, input, &options, &out, &v))
		ck_abort_msg("%s: %s", kind->name, json_dumps(v.fields, 0));
	json_decref(input);
	return out;
}

static json_t *read_back(struct store *st, const struct schema *kind, const json_t *record)
{
	struct uuid id;
	struct fault f = {0};

	ck_assert(uuid_parse(slice_cstr(json_string_value(json_object_get(record, "id"))), &id));
	json_t *out = store_get(st, kind, &(struct store_key){.id = &id}, NULL, &f);
	if (!out)
		ck_abort_msg("%s: %s", kind->name, f.message ? f.message : "not found");
	return out;
}

static bool same_text(const json_t *a, const json_t *b)
{
	char *x = json_dumps(a, JSON_COMPACT), *y = json_dumps(b, JSON_COMPACT);
	bool same = strcmp(x, y) == 0;

	free(x);
	free(y);
	return same;
}

static void put(struct store *st, const char *name, const char *form)
{
	const struct schema *kind = kinds_by_name(slice_cstr(name));
	uint64_t version;
	struct fault f = {0};

	ck_assert_ptr_nonnull(kind);
	json_t *record = loaded(st, kind, form);
	if (!store_insert(st, kind, record, &version, &f))
		ck_abort_msg("%s: %s", name, f.message);
	json_t *back = read_back(st, kind, record);
	ck_assert_msg(same_text(record, back), "%s: %s became %s", name, json_dumps(record, 0), json_dumps(back, 0));
	json_decref(back);
	json_decref(record);
}

static void put_one_of_each(struct store *st)
{
	put(st, "services", "{'name':'s','host':'example.com','tags':['a','b'],'tls_verify':null}");
	put(st, "routes", "{'name':'r','paths':['/x'],'headers':{'x-team':['a']},'service':{'name':'s'}}");
	put(st, "consumers", "{'username':'Zoë','custom_id':'7'}");
	put(st, "plugins", "{'name':'key-auth','route':{'name':'r'},'instance_name':'mine'}");
	put(st, "upstreams", "{'name':'u.example','healthchecks':{'active':{'timeout':0.25}}}");
	put(st, "targets", "{'upstream':{'name':'u.example'},'target':'127.0.0.1:80','weight':0}");
}

START_TEST(a_loaded_record_comes_back_letter_for_letter)
{
	struct store *st = fresh_store();

	put_one_of_each(st);
	store_close(st);
}
END_TEST

static bool parse_row(const struct schema *kind, struct slice json, void *arg, struct err *e)
{
	struct record *r = record_parse(kind, json, 1, e);

	if (!r)
		return err_prefix(e, "%s", kind->name);
	record_unref(r);
	++*(unsigned *)arg;
	return true;
}

START_TEST(a_snapshot_row_becomes_a_record)
{
	struct store *st = fresh_store();
	uint64_t version;
	unsigned rows = 0;
	struct err e;

	put_one_of_each(st);
	if (!store_snapshot(st, &version, parse_row, &rows, &e))
		ck_abort_msg("%s", e.message);
	ck_assert_uint_eq(rows, 6);
	ck_assert_uint_eq(version, 6);
	store_close(st);
}
END_TEST

START_TEST(deleting_a_route_takes_its_plugin_along_but_a_service_with_routes_stays)
{
	struct store *st = fresh_store();
	const struct schema *kinds[] = {
	        kinds_by_name(S("services")), kinds_by_name(S("routes")), kinds_by_name(S("plugins"))};
	const char *keys[] = {"s", "r", "mine"};
	struct uuid ids[3];
	struct fault f = {0};
	uint64_t version;

	put_one_of_each(st);
	for (int i = 0; i < 3; i++) {
		struct store_key key = {.field = schema_endpoint_key(kinds[i]), .value = slice_cstr(keys[i])};
		json_t *r = store_get(st, kinds[i], &key, NULL, &f);
		ck_assert(uuid_parse(slice_cstr(json_string_value(json_object_get(r, "id"))), &ids[i]));
		json_decref(r);
	}
	ck_assert(!store_delete(st, kinds[0], &ids[0], &version, &f));
	ck_assert_int_eq(f.code, 4);
	fault_fini(&f);
	ck_assert(store_delete(st, kinds[1], &ids[1], &version, &f));
	ck_assert_ptr_null(store_get(st, kinds[2], &(struct store_key){.id = &ids[2]}, NULL, &f));
	ck_assert(store_delete(st, kinds[0], &ids[0], &version, &f));
	ck_assert_uint_eq(version, 8);
	store_close(st);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("real_kinds");
	TCase *tc = tcase_create("real_kinds");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_loaded_record_comes_back_letter_for_letter);
	tcase_add_test(tc, a_snapshot_row_becomes_a_record);
	tcase_add_test(tc, deleting_a_route_takes_its_plugin_along_but_a_service_with_routes_stays);
	suite_add_tcase(suite, tc);
	SRunner *sr = srunner_create(suite);
	test_pg_start();
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	test_pg_stop();
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
