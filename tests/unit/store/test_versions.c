/* versions: who wrote what and when, as the database tells it (users.md 2.5, 5.1). */
#include "cp/store/versions.h"
#include "tests/unit/store/fixture.h"

static void sign(struct store *st, const char *author, const char *message, const char *source)
{
	store_sign(st, &(struct store_signature){slice_cstr(author), slice_cstr(message), slice_cstr(source)});
}

/* The version without its time, which must be a moment ago. */
static void expect_version(struct store *st, uint64_t version, const char *want)
{
	struct fault f = {0};
	json_t *got = store_version(st, version, &f), *expected = record(want);

	ck_assert_ptr_nonnull(got);
	double age_s = (double)clock_wall_ms() / 1000 - json_real_value(json_object_get(got, "time"));
	ck_assert_msg(age_s > -1 && age_s < 60, "made %f s ago", age_s);
	json_object_del(got, "time");
	if (!json_equal(got, expected))
		ck_abort_msg("%s", json_dumps(got, JSON_COMPACT));
	json_decref(got);
	json_decref(expected);
}

START_TEST(a_version_says_who_made_it_why_and_how_much_it_changed)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	struct fault f = {0};
	uint64_t version;

	sign(st, "anna", "JIRA-1 it's \\ new", "192.0.2.7");
	ck_assert(store_begin(st, &f));
	insert(st, &services, "{'id':@1,'name':'a'}");
	insert(st, &services, "{'id':@2,'name':'b'}");
	insert(st, &routes, "{'id':@3,'name':'r','service':{'id':@1}}");
	remove_row(st, &services, 2);
	ck_assert(store_commit(st, &version, &f));
	expect_version(st, 1,
	        "{'version':1,'author':'anna','message':'JIRA-1 it\\u0027s \\\\ new','source':'192.0.2.7','created':3,"
	        "'updated':0,'deleted':1,'counts':{'services':{'created':2,'updated':0,'deleted':1},"
	        "'routes':{'created':1,'updated':0,'deleted':0}}}");
	store_close(st);
}
END_TEST

START_TEST(what_is_not_known_is_null)
{
	struct settings s;
	struct store *st = fresh_store(&s);

	insert(st, &services, "{'id':@1,'name':'a'}");
	expect_version(st, 1,
	        "{'version':1,'author':null,'message':null,'source':null,'created':1,'updated':0,'deleted':0,"
	        "'counts':{'services':{'created':1,'updated':0,'deleted':0}}}");
	store_close(st);
}
END_TEST

START_TEST(a_signature_counts_until_the_next_and_only_text_is_kept)
{
	struct settings s;
	struct store *st = fresh_store(&s);

	sign(st, "anna", "one", "::1");
	insert(st, &upstreams, "{'id':@1,'name':'a'}");
	insert(st, &upstreams, "{'id':@2,'name':'b'}");
	store_sign(st, &(struct store_signature){.author = S("b\xff"), .message = S("a\0b")});
	insert(st, &upstreams, "{'id':@3,'name':'c'}");
	expect_value(&s,
	        "SELECT string_agg(author || '/' || message, ' ' ORDER BY version) FROM versions WHERE version > 0",
	        "anna/one anna/one /");
	store_close(st);
}
END_TEST

START_TEST(an_update_that_changed_nothing_is_not_counted)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	struct fault f = {0};
	uint64_t version;
	json_t *same = record("{'id':@1,'name':'a'}"), *other = record("{'id':@2,'name':'c'}");

	insert(st, &upstreams, "{'id':@1,'name':'a'}");
	insert(st, &upstreams, "{'id':@2,'name':'b'}");
	ck_assert(store_begin(st, &f));
	ck_assert(store_update(st, &upstreams, same, &version, &f));
	ck_assert(store_update(st, &upstreams, other, &version, &f));
	ck_assert(store_commit(st, &version, &f));
	expect_value(&s, "SELECT counts FROM versions WHERE version = 3",
	        "{\"upstreams\":{\"created\":0,\"updated\":1,\"deleted\":0}}");
	json_decref(same);
	json_decref(other);
	store_close(st);
}
END_TEST

START_TEST(versions_come_newest_first_and_in_pages)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	struct fault f = {0};
	bool more;

	for (unsigned i = 1; i <= 4; i++) {
		char form[64];
		snprintf(form, sizeof form, "{'id':@%u,'name':'u%u'}", i, i);
		insert(st, &upstreams, form);
	}
	json_t *page = store_versions(st, 0, 3, &more, &f);
	ck_assert_uint_eq(json_array_size(page), 3);
	ck_assert(more);
	ck_assert_int_eq(json_integer_value(json_object_get(json_array_get(page, 0), "version")), 4);
	ck_assert_int_eq(json_integer_value(json_object_get(json_array_get(page, 2), "version")), 2);
	json_decref(page);
	page = store_versions(st, 2, 3, &more, &f); /* 1, and 0: the beginning */
	ck_assert_uint_eq(json_array_size(page), 2);
	ck_assert(!more);
	json_decref(page);
	ck_assert_ptr_null(store_version(st, 5, &f));
	ck_assert_int_eq(f.code, 0);
	store_close(st);
}
END_TEST

START_TEST(each_line_of_the_changelog_knows_what_was_there_before)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	struct fault f = {0};
	uint64_t version;
	json_t *changed = record("{'id':@1,'name':'b'}");

	insert(st, &upstreams, "{'id':@1,'name':'a'}");
	ck_assert(store_update(st, &upstreams, changed, &version, &f));
	remove_row(st, &upstreams, 1);
	expect_value(&s,
	        "SELECT string_agg(coalesce(before ->> 'name', '-') || coalesce(doc ->> 'name', '-'), ' ' ORDER BY version) "
	        "FROM changelog",
	        "-a ab b-");
	json_decref(changed);
	store_close(st);
}
END_TEST

/* ---- databases of the release before --------------------------------------------------------------------------- */

#define MIGRATION(number, name, sql) [number] = sql,
static const char *const migration_sql[] = {
#include "cp/store/migrations/migrations.def"
};
#undef MIGRATION

START_TEST(a_database_of_the_first_release_gets_its_history)
{
	struct settings s = test_pg_database();
	struct store *st = open_store(&s);

	test_pg_exec(&s, migration_sql[1]);
	test_pg_exec(&s,
	        "UPDATE gatehouse_meta SET release = 1; UPDATE config_version SET version = 2;"
	        "INSERT INTO changelog (version, seq, kind, id, op, doc) VALUES"
	        " (1, 1, 'upstreams', '00000000-0000-4000-8000-000000000001', 'create', '{\"name\":\"a\"}'),"
	        " (1, 2, 'upstreams', '00000000-0000-4000-8000-000000000002', 'create', '{\"name\":\"b\"}'),"
	        " (2, 1, 'upstreams', '00000000-0000-4000-8000-000000000001', 'update', '{\"name\":\"c\"}')");
	migrate(st);
	expect_value(&s,
	        "SELECT string_agg(coalesce(before ->> 'name', '-'), ' ' ORDER BY version, seq) FROM changelog",
	        "- - a");
	expect_value(&s, "SELECT oldest FROM gatehouse_meta", "0");
	expect_version(st, 1,
	        "{'version':1,'author':null,'message':null,'source':null,'created':2,'updated':0,'deleted':0,"
	        "'counts':{'upstreams':{'created':2,'updated':0,'deleted':0}}}");
	expect_value(&s, "SELECT string_agg(version::text, ' ' ORDER BY version) FROM versions", "0 1 2");
	store_close(st);
}
END_TEST

static void fill(TCase *tc)
{
	tcase_add_test(tc, a_version_says_who_made_it_why_and_how_much_it_changed);
	tcase_add_test(tc, what_is_not_known_is_null);
	tcase_add_test(tc, a_signature_counts_until_the_next_and_only_text_is_kept);
	tcase_add_test(tc, an_update_that_changed_nothing_is_not_counted);
	tcase_add_test(tc, versions_come_newest_first_and_in_pages);
	tcase_add_test(tc, each_line_of_the_changelog_knows_what_was_there_before);
	tcase_add_test(tc, a_database_of_the_first_release_gets_its_history);
}

int main(void)
{
	return run_suite("versions", fill);
}
