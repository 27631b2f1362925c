/* past: any state a configuration has been in, read, compared and returned to (users.md 2.5, 5.1, 5.2).
 * Threads: writers beside a rollback. */
#include <pthread.h>

#include "cp/store/versions.h"
#include "tests/unit/store/fixture.h"

static void update(struct store *st, const struct schema *kind, const char *form)
{
	json_t *r = record(form);
	struct fault f = {0};
	uint64_t version;

	if (!store_update(st, kind, r, &version, &f))
		ck_abort_msg("%s", f.message);
	json_decref(r);
}

/* The names of a kind's rows as of a version, in the order of ids. */
static void expect_names(struct store *st, uint64_t version, const struct schema *kind, const char *want)
{
	struct text got = {0};
	struct fault f = {0};
	struct page page = {.size = 100};
	json_t *row;
	size_t i;
	bool more;

	ck_assert(store_look_back(st, version, &f));
	json_t *rows = store_list(st, kind, NULL, &page, &more, &f);
	store_look_ahead(st);
	json_array_foreach(rows, i, row) text_printf(&got, "%s ", json_string_value(json_object_get(row, "name")));
	ck_assert_str_eq(text_cstr(&got), want);
	json_decref(rows);
	text_fini(&got);
}

/* Version 1: a; 2: a b; 3: a2 b; 4: b; 5: b c */
static struct store *store_with_history(struct settings *s)
{
	struct store *st = fresh_store(s);

	insert(st, &services, "{'id':@1,'name':'a','tags':['x']}");
	insert(st, &services, "{'id':@2,'name':'b'}");
	update(st, &services, "{'id':@1,'name':'a2','tags':['y']}");
	remove_row(st, &services, 1);
	insert(st, &services, "{'id':@3,'name':'c'}");
	return st;
}

START_TEST(every_state_can_be_read)
{
	struct settings s;
	struct store *st = store_with_history(&s);

	expect_names(st, 0, &services, "");
	expect_names(st, 1, &services, "a ");
	expect_names(st, 2, &services, "a b ");
	expect_names(st, 3, &services, "a2 b ");
	expect_names(st, 4, &services, "b ");
	expect_names(st, 5, &services, "b c ");
	store_close(st);
}
END_TEST

static void expect_past(struct store *st, const struct store_key *key, const struct store_scope *scope, bool there)
{
	struct fault f = {0};
	json_t *r = store_get(st, &services, key, scope, &f);

	ck_assert_int_eq(f.code, 0);
	ck_assert_int_eq(r != NULL, there);
	json_decref(r);
}

START_TEST(the_past_has_keys_tags_and_pages)
{
	struct settings s;
	struct store *st = store_with_history(&s);
	struct fault f = {0};
	struct slice x = S("x");
	struct page tagged = {.size = 10, .tags = &x, .tags_count = 1}, first = {.size = 1};
	bool more;

	ck_assert(store_look_back(st, 2, &f));
	expect_past(
	        st, &(struct store_key){.field = schema_field(&services, S("name")), .value = S("a")}, NULL, true);
	expect_past(
	        st, &(struct store_key){.field = schema_field(&services, S("name")), .value = S("a2")}, NULL, false);
	json_t *rows = store_list(st, &services, NULL, &tagged, &more, &f);
	ck_assert_uint_eq(json_array_size(rows), 1);
	json_decref(rows);
	rows = store_list(st, &services, NULL, &first, &more, &f);
	ck_assert_uint_eq(json_array_size(rows), 1);
	ck_assert(more);
	json_decref(rows);
	first.after = slice_cstr(id_of(1));
	rows = store_list(st, &services, NULL, &first, &more, &f);
	ck_assert_uint_eq(json_array_size(rows), 1);
	ck_assert(!more);
	json_decref(rows);
	store_look_ahead(st);
	expect_past(
	        st, &(struct store_key){.field = schema_field(&services, S("name")), .value = S("a")}, NULL, false);
	store_close(st);
}
END_TEST

START_TEST(nested_lists_have_a_past_too)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	struct fault f = {0};
	struct page page = {.size = 10};
	struct uuid id = uuid_of(1);
	bool more;

	insert(st, &upstreams, "{'id':@1,'name':'u'}");
	insert(st, &targets, "{'id':@2,'upstream':{'id':@1},'target':'h:1'}");
	remove_row(st, &upstreams, 1); /* and the target with it */
	ck_assert(store_look_back(st, 2, &f));
	struct store_scope scope = {.field = schema_field(&targets, S("upstream")), .id = &id};
	json_t *rows = store_list(st, &targets, &scope, &page, &more, &f);
	ck_assert_uint_eq(json_array_size(rows), 1);
	json_decref(rows);
	store_look_ahead(st);
	store_close(st);
}
END_TEST

START_TEST(a_version_beyond_both_ends_says_where_they_are)
{
	struct settings s;
	struct store *st = store_with_history(&s);
	struct fault f = {0};
	bool more;

	test_pg_exec(&s, "UPDATE gatehouse_meta SET oldest = 3");
	ck_assert(!store_look_back(st, 2, &f));
	expect_fault(&f, 6, 410, "version 2 is no longer kept; the oldest that is kept is 3", NULL);
	ck_assert(!store_look_back(st, 6, &f));
	expect_fault(&f, 6, 404, "there is no version 6; the present one is 5", NULL);
	ck_assert_ptr_null(
	        store_differences(st, &(struct difference_page){.from = 2, .to = 4, .size = 9}, &more, &f));
	expect_fault(&f, 6, 410, NULL, NULL);
	uint64_t made;
	ck_assert(!store_restore(st, 2, &made, &f));
	expect_fault(&f, 6, 410, NULL, NULL);
	ck_assert_uint_eq(insert(st, &services, "{'id':@9,'name':'z'}"), 6); /* nothing is left open */
	store_close(st);
}
END_TEST

/* ---- differences ----------------------------------------------------------------------------------------------- */

/* "services 1 a>a2;" for what differs; - for absent. */
static void expect_differences(struct store *st, uint64_t from, uint64_t to, const char *want)
{
	struct difference_page page = {.from = from, .to = to, .size = 100};
	struct text got = {0};
	struct fault f = {0};
	json_t *one;
	size_t i;
	bool more;

	json_t *all = store_differences(st, &page, &more, &f);
	ck_assert_ptr_nonnull(all);
	ck_assert(!more);
	json_array_foreach(all, i, one)
	{
		const char *a = json_string_value(json_object_get(json_object_get(one, "from"), "name"));
		const char *b = json_string_value(json_object_get(json_object_get(one, "to"), "name"));
		text_printf(&got, "%s %c %s>%s;", json_string_value(json_object_get(one, "kind")),
		        json_string_value(json_object_get(one, "id"))[35], a ? a : "-", b ? b : "-");
	}
	ck_assert_str_eq(text_cstr(&got), want);
	json_decref(all);
	text_fini(&got);
}

START_TEST(two_versions_differ_by_what_changed_in_between)
{
	struct settings s;
	struct store *st = store_with_history(&s);

	insert(st, &upstreams, "{'id':@4,'name':'u'}");
	expect_differences(st, 2, 3, "services 1 a>a2;");
	expect_differences(st, 1, 5, "services 1 a>-;services 2 ->b;services 3 ->c;");
	expect_differences(st, 5, 1, "services 1 ->a;services 2 b>-;services 3 c>-;");
	expect_differences(st, 0, 6, "services 2 ->b;services 3 ->c;upstreams 4 ->u;"); /* 1 came and went */
	expect_differences(st, 3, 3, "");
	store_close(st);
}
END_TEST

START_TEST(differences_come_in_pages_over_kinds)
{
	struct settings s;
	struct store *st = store_with_history(&s);
	struct difference_page page = {.to = 6, .size = 2};
	struct fault f = {0};
	bool more;

	insert(st, &upstreams, "{'id':@1,'name':'u'}");
	json_t *all = store_differences(st, &page, &more, &f);
	ck_assert_uint_eq(json_array_size(all), 2);
	ck_assert(more);
	json_decref(all);
	page.after_kind = S("services");
	page.after_id = slice_cstr(id_of(3));
	all = store_differences(st, &page, &more, &f);
	ck_assert_uint_eq(json_array_size(all), 1);
	ck_assert(!more);
	json_decref(all);
	store_close(st);
}
END_TEST

/* ---- going back ------------------------------------------------------------------------------------------------ */

static uint64_t restore(struct store *st, uint64_t version)
{
	uint64_t made = 0;
	struct fault f = {0};

	if (!store_restore(st, version, &made, &f))
		ck_abort_msg("%s", f.message);
	return made;
}

START_TEST(a_rollback_is_a_new_version_with_the_old_content)
{
	struct settings s;
	struct store *st = store_with_history(&s);

	ck_assert_uint_eq(restore(st, 2), 6);
	expect_names(st, 6, &services, "a b ");
	expect_names(st, 5, &services, "b c ");
	expect_differences(st, 2, 6, "");
	expect_differences(st, 5, 6, "services 1 ->a;services 3 c>-;");
	expect_value(&s, "SELECT counts FROM versions WHERE version = 6",
	        "{\"services\":{\"created\":1,\"updated\":0,\"deleted\":1}}");
	expect_value(&s, "SELECT string_agg(seq || op, ' ' ORDER BY op) FROM changelog WHERE version = 6",
	        "1create 2delete");
	ck_assert_uint_eq(restore(st, 5), 7); /* and forward again */
	expect_names(st, 7, &services, "b c ");
	store_close(st);
}
END_TEST

START_TEST(a_rollback_to_what_is_there_makes_no_version)
{
	struct settings s;
	struct store *st = store_with_history(&s);

	ck_assert_uint_eq(restore(st, 5), 0);
	remove_row(st, &services, 3);
	ck_assert_uint_eq(restore(st, 4), 0);
	expect_value(&s, "SELECT version FROM config_version", "6");
	store_close(st);
}
END_TEST

START_TEST(names_that_were_swapped_and_parents_that_went_come_back)
{
	struct settings s;
	struct store *st = fresh_store(&s);

	insert(st, &services, "{'id':@1,'name':'a'}");
	insert(st, &services, "{'id':@2,'name':'b'}");
	insert(st, &services, "{'id':@3,'name':'parent'}");
	insert(st, &routes, "{'id':@4,'name':'r','service':{'id':@3}}");
	insert(st, &routes, "{'id':@5,'name':'q','service':{'id':@1}}");
	insert(st, &plugins, "{'id':@6,'name':'p','route':{'id':@4}}"); /* 6 */
	update(st, &services, "{'id':@1,'name':'t'}");
	update(st, &services, "{'id':@2,'name':'a'}");
	update(st, &services, "{'id':@1,'name':'b'}");
	remove_row(st, &routes, 4); /* with its plugin */
	remove_row(st, &services, 3);
	ck_assert_uint_eq(restore(st, 6), 12);
	expect_differences(st, 6, 12, "");
	expect_names(st, 12, &services, "a b parent ");
	expect_names(st, 12, &plugins, "p ");
	expect_value(&s, "SELECT string_agg(name || service, ' ' ORDER BY name) FROM routes",
	        "q00000000-0000-4000-8000-000000000001 r00000000-0000-4000-8000-000000000003");
	ck_assert_uint_eq(restore(st, 0), 13);
	expect_value(&s, "SELECT count(*) FROM services", "0");
	store_close(st);
}
END_TEST

START_TEST(content_that_rules_forbid_by_now_is_refused_whole)
{
	struct settings s;
	struct store *st = store_with_history(&s);
	struct fault f = {0};
	uint64_t made;

	test_pg_exec(&s,
	        "UPDATE changelog SET before = '{\"id\":\"00000000-0000-4000-8000-000000000001\",\"name\":\"b\"}'"
	        " WHERE version = 3"); /* two of one name at version 2 */
	ck_assert(!store_restore(st, 2, &made, &f));
	expect_fault(&f, 5, 409, NULL, NULL);
	expect_names(st, 5, &services, "b c ");
	test_pg_exec(&s,
	        "INSERT INTO changelog VALUES (5, 2, 'routes', '00000000-0000-4000-8000-000000000007', 'delete', NULL, "
	        "now(), '{\"id\":\"00000000-0000-4000-8000-000000000007\",\"service\":{\"id\":"
	        "\"00000000-0000-4000-8000-000000000099\"}}')");
	ck_assert(!store_restore(st, 4, &made, &f));
	expect_fault(&f, 4, 400, NULL, NULL);
	expect_value(&s, "SELECT count(*) FROM routes", "0");
	store_close(st);
}
END_TEST

/* ---- beside writers -------------------------------------------------------------------------------------------- */

struct writer {
	const struct settings *settings;
	unsigned first;
};

static void *write_many(void *arg)
{
	struct writer *w = arg;
	struct store *st = open_store(w->settings);
	char form[64];

	for (unsigned i = w->first; i < w->first + 20; i++) {
		snprintf(form, sizeof form, "{'id':@%u,'name':'n%u'}", i, i);
		insert(st, &services, form);
	}
	store_close(st);
	return NULL;
}

START_TEST(rollbacks_and_writes_at_once_keep_versions_dense_and_states_true)
{
	struct settings s;
	struct store *st = store_with_history(&s);
	struct writer writers[2] = {{&s, 100}, {&s, 200}};
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, write_many, &writers[i]);
	for (int i = 0; i < 10; i++)
		restore(st, 2);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	restore(st, 2);
	expect_value(&s, "SELECT string_agg(name, ' ' ORDER BY name) FROM services", "a b");
	expect_value(&s, "SELECT count(*) = max(version) FROM (SELECT DISTINCT version FROM changelog) v", "t");
	expect_value(&s, "SELECT count(*) - 1 = max(version) FROM versions", "t");
	store_close(st);
}
END_TEST

static void fill(TCase *tc)
{
	tcase_add_test(tc, every_state_can_be_read);
	tcase_add_test(tc, the_past_has_keys_tags_and_pages);
	tcase_add_test(tc, nested_lists_have_a_past_too);
	tcase_add_test(tc, a_version_beyond_both_ends_says_where_they_are);
	tcase_add_test(tc, two_versions_differ_by_what_changed_in_between);
	tcase_add_test(tc, differences_come_in_pages_over_kinds);
	tcase_add_test(tc, a_rollback_is_a_new_version_with_the_old_content);
	tcase_add_test(tc, a_rollback_to_what_is_there_makes_no_version);
	tcase_add_test(tc, names_that_were_swapped_and_parents_that_went_come_back);
	tcase_add_test(tc, content_that_rules_forbid_by_now_is_refused_whole);
	tcase_add_test(tc, rollbacks_and_writes_at_once_keep_versions_dense_and_states_true);
}

int main(void)
{
	return run_suite("past", fill);
}
