/* memory: the store without a database: what it starts with, reads, pages, changes, and that it refuses to be
 * written. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/core/file.h"
#include "common/entity/consumer.h"
#include "common/entity/service.h"
#include "common/entity/target.h"
#include "cp/store/memory.h"
#include "cp/store/store.h"
#include "cp/store/versions.h"
#include "tests/support/tmp.h"

static struct settings settings;
static struct store *st;
static struct text why;
static struct err e;
static struct fault fault;

#define V3 "_format_version: \"3.0\"\n"

static void start(const char *text)
{
	settings = (struct settings){.prefix = slice_cstr(tmp_make()),
	        .database = S("off"),
	        .declarative_config_env = S("files"),
	        .declarative_config_string = text ? slice_cstr(text) : (struct slice){0}};
	ck_assert_msg(memory_start(&settings, &why), "%s", text_cstr(&why));
	st = store_open(&settings, &e);
	ck_assert_ptr_nonnull(st);
}

static void teardown(void)
{
	store_close(st);
	st = NULL;
	memory_stop();
	fault_fini(&fault);
	text_clear(&why);
	tmp_remove();
}

static uint64_t replace(const char *text)
{
	uint64_t version;
	struct document *d = document_read(slice_cstr(text), &(struct document_options){.now_ms = 1000}, &e);

	ck_assert(d && !document_has_faults(d));
	memory_replace(&settings, d, slice_cstr(text), &version);
	return version;
}

static json_t *get(const struct schema *kind, const char *key)
{
	struct store_key by = {.field = schema_endpoint_key(kind), .value = slice_cstr(key)};
	return store_get(st, kind, &by, NULL, &fault);
}

static bool is_there(const struct schema *kind, const char *key)
{
	json_t *row = get(kind, key);
	json_decref(row);
	return row != NULL;
}

START_TEST(it_starts_empty_with_a_hash_of_zeros)
{
	char hash[MD5_HEX + 1];
	bool more;

	start(NULL);
	memory_hash(hash);
	ck_assert_str_eq(hash, "00000000000000000000000000000000");
	json_t *rows = store_list(st, &service_schema, NULL, &(struct page){.size = 10}, &more, &fault);
	ck_assert_uint_eq(json_array_size(rows), 0);
	ck_assert(!more && store_ping(st));
	json_decref(rows);
}
END_TEST

START_TEST(a_broken_document_is_explained_and_changes_nothing)
{
	start(V3 "services: [{name: a, host: h}]");
	settings.declarative_config_string = S(V3 "services: [{name: b}]");
	ck_assert(!memory_reload(&settings, &why));
	ck_assert_ptr_nonnull(strstr(text_cstr(&why), "error parsing declarative config string:"));
	ck_assert_ptr_nonnull(strstr(text_cstr(&why), "in 'host': required field missing (line 2)"));
	ck_assert(is_there(&service_schema, "a") && !is_there(&service_schema, "b"));
	settings.declarative_config_string = S(V3 "services: [{name: b, host: h}]");
	ck_assert(memory_reload(&settings, &why));
	ck_assert(!is_there(&service_schema, "a") && is_there(&service_schema, "b"));
}
END_TEST

START_TEST(rows_are_found_by_key_id_and_within_their_parent)
{
	start(V3
	        "upstreams:\n- {name: u, targets: [{target: 10.0.0.1}]}\n- {name: v, targets: [{target: 10.0.0.1}]}\n"
	        "consumers: [{username: n, custom_id: c}]\n");
	struct store_key by_custom_id = {.field = schema_field(&consumer_schema, S("custom_id")), .value = S("c")};
	json_t *consumer = store_get(st, &consumer_schema, &by_custom_id, NULL, &fault);
	struct uuid id;
	ck_assert(uuid_parse(slice_cstr(json_string_value(json_object_get(consumer, "id"))), &id));
	json_t *same = store_get(st, &consumer_schema, &(struct store_key){.id = &id}, NULL, &fault);
	ck_assert(json_equal(consumer, same));
	json_decref(same);
	json_decref(consumer);

	json_t *v = get(kinds_by_name(S("upstreams")), "v");
	ck_assert(uuid_parse(slice_cstr(json_string_value(json_object_get(v, "id"))), &id));
	struct store_scope scope = {.field = schema_reference_to(&target_schema, "upstreams"), .id = &id};
	struct store_key address = {.field = schema_endpoint_key(&target_schema), .value = S("10.0.0.1:8000")};
	json_t *target = store_get(st, &target_schema, &address, &scope, &fault);
	ck_assert(json_equal(json_object_get(json_object_get(target, "upstream"), "id"), json_object_get(v, "id")));
	json_decref(target);
	json_decref(v);
}
END_TEST

START_TEST(pages_ascend_by_id_and_tags_filter)
{
	struct text text = {0};
	struct slice tags[] = {S("even"), S("all")};
	char last[UUID_TEXT + 1] = "";
	size_t seen = 0;
	bool more = true;

	text_puts(&text, V3 "services:\n");
	for (int i = 0; i < 25; i++)
		text_printf(&text, "- {name: s%d, host: h, tags: [all%s]}\n", i, i % 2 ? "" : ", even");
	start(text_cstr(&text));
	while (more) {
		struct page page = {.size = 10, .after = *last ? slice_cstr(last) : (struct slice){0}};
		json_t *rows = store_list(st, &service_schema, NULL, &page, &more, &fault);
		for (size_t i = 0; i < json_array_size(rows); i++, seen++) {
			const char *id = json_string_value(json_object_get(json_array_get(rows, i), "id"));
			ck_assert_int_lt(strcmp(last, id), 0);
			memcpy(last, id, UUID_TEXT);
		}
		json_decref(rows);
	}
	ck_assert_uint_eq(seen, 25);
	for (int any = 0; any < 2; any++) {
		struct page page = {.size = 100, .tags = tags, .tags_count = 2, .tags_any = any};
		json_t *rows = store_list(st, &service_schema, NULL, &page, &more, &fault);
		ck_assert_uint_eq(json_array_size(rows), any ? 25 : 13);
		json_decref(rows);
	}
	text_fini(&text);
}
END_TEST

START_TEST(what_has_expired_is_not_seen)
{
	start(V3
	        "consumers: [{username: u, keyauth_credentials: [{key: old, ttl: 1000}, {key: new, ttl: 4000000000}]}]");
	ck_assert(!is_there(kinds_by_name(S("keyauth_credentials")), "old"));
	ck_assert(is_there(kinds_by_name(S("keyauth_credentials")), "new"));
}
END_TEST

START_TEST(writes_are_refused_with_code_12_and_there_is_no_history)
{
	uint64_t version;

	start(V3 "services: [{name: a, host: h}]");
	json_t *row = get(&service_schema, "a");
	struct uuid id;
	ck_assert(uuid_parse(slice_cstr(json_string_value(json_object_get(row, "id"))), &id));
	ck_assert(store_begin(st, &fault));
	ck_assert(!store_insert(st, &service_schema, row, &version, &fault));
	ck_assert_int_eq(fault.code, 12);
	ck_assert_int_eq(fault.status, 405);
	ck_assert(!store_update(st, &service_schema, row, &version, &fault));
	ck_assert(!store_delete(st, &service_schema, &id, &version, &fault));
	store_rollback(st);
	ck_assert(!store_has_version(st, 1, &fault));
	ck_assert_int_eq(fault.status, 404);
	json_decref(row);
}
END_TEST

struct seen {
	size_t put, gone;
};

static bool note(uint64_t version, const struct schema *kind, const struct uuid *id, struct slice json, void *arg,
        struct err *unused)
{
	struct seen *s = arg;
	s->put += slice_is_set(json);
	s->gone += !slice_is_set(json);
	return version == 2;
}

START_TEST(a_new_document_rings_and_tells_only_what_differs)
{
	struct text epoch = {0};
	struct seen seen = {0};
	uint64_t version;

	start(V3 "services: [{name: a, host: h, created_at: 1, updated_at: 1}, {name: b, host: h}]");
	ck_assert_int_ge(store_listen(st, &e), 0);
	ck_assert(store_drain(st));
	ck_assert(!store_drain(st));
	ck_assert_uint_eq(
	        replace(V3 "services: [{name: a, host: h, created_at: 1, updated_at: 1}, {name: c, host: h}]"), 2);
	ck_assert(store_drain(st));
	ck_assert(store_position(st, &epoch, &version, &e));
	ck_assert_uint_eq(version, 2);
	ck_assert(store_changes(st, 1, note, &seen, &e));
	ck_assert_uint_eq(seen.put, 1);
	ck_assert_uint_eq(seen.gone, 1);
	replace(V3);
	ck_assert(!store_changes(st, 1, note, &seen, &e)); /* two steps behind */
	text_fini(&epoch);
}
END_TEST

START_TEST(what_came_from_elsewhere_is_kept_for_the_next_start)
{
	start(NULL);
	replace(V3 "services: [{name: kept, host: h}]");
	store_close(st);
	memory_stop();
	ck_assert(memory_start(&settings, &why));
	st = store_open(&settings, &e);
	ck_assert(is_there(&service_schema, "kept"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("memory");
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, NULL, teardown);
	tcase_add_test(t, it_starts_empty_with_a_hash_of_zeros);
	tcase_add_test(t, a_broken_document_is_explained_and_changes_nothing);
	tcase_add_test(t, rows_are_found_by_key_id_and_within_their_parent);
	tcase_add_test(t, pages_ascend_by_id_and_tags_filter);
	tcase_add_test(t, what_has_expired_is_not_seen);
	tcase_add_test(t, writes_are_refused_with_code_12_and_there_is_no_history);
	tcase_add_test(t, a_new_document_rings_and_tells_only_what_differs);
	tcase_add_test(t, what_came_from_elsewhere_is_kept_for_the_next_start);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
