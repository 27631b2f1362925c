/* store: units, dense versions under concurrent writers, loss of the database (users.md 4).
 * Threads: writers, and a reader that follows them. */
#include <pthread.h>

#include "tests/unit/store/fixture.h"

START_TEST(a_unit_is_one_version_whatever_it_changes)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	struct fault f = {0};
	uint64_t version = 0;

	insert(st, &services, "{'id':@1,'name':'a'}");
	ck_assert(store_begin(st, &f));
	ck_assert_uint_eq(insert(st, &services, "{'id':@2,'name':'b'}"), 2);
	ck_assert_uint_eq(insert(st, &routes, "{'id':@3,'name':'r','service':{'id':@2}}"), 2);
	ck_assert_uint_eq(remove_row(st, &services, 1), 2);
	ck_assert(store_commit(st, &version, &f));
	ck_assert_uint_eq(version, 2);
	expect_value(&s, "SELECT string_agg(seq || op, ' ' ORDER BY seq) FROM changelog WHERE version = 2",
	        "1create 2create 3delete");
	store_close(st);
}
END_TEST

START_TEST(a_unit_without_changes_makes_no_version)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	struct fault f = {0};
	uint64_t version = 99;

	ck_assert(store_begin(st, &f));
	ck_assert_uint_eq(remove_row(st, &services, 1), 0);
	ck_assert(store_commit(st, &version, &f));
	ck_assert_uint_eq(version, 0);
	expect_value(&s, "SELECT version FROM config_version", "0");
	store_close(st);
}
END_TEST

START_TEST(a_rollback_leaves_nothing)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	struct fault f = {0};

	ck_assert(store_begin(st, &f));
	insert(st, &services, "{'id':@1,'name':'a'}");
	store_rollback(st);
	ck_assert(!is_there(st, &services, 1));
	expect_value(&s, "SELECT count(*) FROM changelog", "0");
	ck_assert_uint_eq(insert(st, &services, "{'id':@1,'name':'a'}"), 1);
	store_close(st);
}
END_TEST

START_TEST(a_failed_write_spoils_its_unit)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	struct fault f = {0};
	uint64_t version;

	ck_assert(store_begin(st, &f));
	insert(st, &services, "{'id':@1,'name':'a'}");
	struct fault inner = refused_insert(st, &services, "{'id':@2,'name':'a'}");
	expect_fault(&inner, 5, 409, NULL, NULL);
	ck_assert(!store_commit(st, &version, &f));
	expect_fault(&f, 8, 500, NULL, NULL);
	ck_assert(!is_there(st, &services, 1));
	store_close(st);
}
END_TEST

START_TEST(a_unit_keeps_other_writers_out)
{
	struct settings s;
	struct store *one = fresh_store(&s);
	s.pg_timeout = 300;
	struct store *two = open_store(&s);
	struct fault f = {0};
	uint64_t version;

	ck_assert(store_begin(one, &f));
	ck_assert(!store_begin(two, &f));
	ck_assert_ptr_nonnull(strstr(f.message, "did not finish within 300 ms"));
	expect_fault(&f, 8, 503, NULL, NULL);
	ck_assert(store_commit(one, &version, &f));
	ck_assert_uint_eq(insert(two, &services, "{'id':@1,'name':'a'}"), 1);
	store_close(one);
	store_close(two);
}
END_TEST

/* ---- concurrent writers ---------------------------------------------------------------------------------------- */

enum { WRITERS = 4, WRITES = 500 };

struct writer {
	const struct settings *settings;
	unsigned first;
	uint64_t versions[WRITES];
};

static void *write_rows(void *arg)
{
	struct writer *w = arg;
	struct store *st = open_store(w->settings);

	for (unsigned i = 0; i < WRITES; i++) {
		char id[UUID_TEXT + 1], name[32];
		struct uuid u = uuid_of(w->first + i);
		struct fault f = {0};
		uuid_format(&u, id);
		snprintf(name, sizeof name, "s%u", w->first + i);
		json_t *r = json_pack("{s:s,s:s}", "id", id, "name", name);
		if (!store_insert(st, &services, r, &w->versions[i], &f))
			ck_abort_msg("%s", f.message);
		json_decref(r);
	}
	store_close(st);
	return NULL;
}

struct reader {
	const struct settings *settings;
	uint64_t last; /* of the versions seen so far, one by one */
};

static bool see_next(uint64_t version, const struct schema *kind, const struct uuid *id, struct slice json, void *arg,
        struct err *e)
{
	struct reader *r = arg;

	if (version != r->last + 1)
		return err_set(e, "version %d after %d", (int)version, (int)r->last);
	r->last = version;
	return true;
}

/* Follows the log while it is written: a version that became visible after a higher one would be missed, and noticed.
 */
static void *follow(void *arg)
{
	struct reader *r = arg;
	struct store *st = open_store(r->settings);
	struct err e;

	while (r->last < WRITERS * WRITES)
		if (!store_changes(st, r->last, see_next, r, &e))
			ck_abort_msg("%s", e.message);
	store_close(st);
	return NULL;
}

START_TEST(versions_of_concurrent_writers_are_dense_and_in_commit_order)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	static struct writer writers[WRITERS];
	static bool taken[WRITERS * WRITES + 1];
	struct reader reader = {.settings = &s};
	pthread_t threads[WRITERS + 1];

	pthread_create(&threads[WRITERS], NULL, follow, &reader);
	for (unsigned i = 0; i < WRITERS; i++) {
		writers[i] = (struct writer){.settings = &s, .first = i * WRITES};
		pthread_create(&threads[i], NULL, write_rows, &writers[i]);
	}
	for (unsigned i = 0; i <= WRITERS; i++)
		pthread_join(threads[i], NULL);
	for (unsigned i = 0; i < WRITERS; i++)
		for (unsigned k = 0; k < WRITES; k++) {
			uint64_t v = writers[i].versions[k];
			ck_assert_uint_ge(v, 1);
			ck_assert_uint_le(v, WRITERS * WRITES);
			ck_assert(!taken[v]);
			taken[v] = true;
		}
	expect_value(&s, "SELECT version FROM config_version", "2000");
	store_close(st);
}
END_TEST

/* ---- loss of the database -------------------------------------------------------------------------------------- */

START_TEST(an_unreachable_database_is_named_with_reason_and_advice)
{
	struct settings s = {.pg_host = S("127.0.0.1"),
	        .pg_port = 1,
	        .pg_user = S("u"),
	        .pg_password = S("hush-hush"),
	        .pg_database = S("d"),
	        .pg_timeout = 1000};
	struct err e;

	ck_assert_ptr_null(store_open(&s, &e));
	ck_assert_str_eq(e.message,
	        "cannot reach the database at 127.0.0.1:1 (database \"d\", user \"u\"): Connection refused; "
	        "check that PostgreSQL is running there, and pg_host and pg_port");
}
END_TEST

START_TEST(a_missing_database_is_named_without_the_password)
{
	struct settings s = test_pg_database();
	struct err e;

	s.pg_database = S("nowhere");
	s.pg_password = S("hush-hush");
	ck_assert_ptr_null(store_open(&s, &e));
	ck_assert_ptr_nonnull(strstr(e.message, "database \"nowhere\" does not exist; create it with createdb"));
	ck_assert_ptr_null(strstr(e.message, "hush"));
}
END_TEST

START_TEST(reads_and_writes_go_on_after_the_server_was_restarted)
{
	struct settings s;
	struct store *st = fresh_store(&s);

	if (!test_pg_is_private()) {
		store_close(st);
		return;
	}
	insert(st, &services, "{'id':@1,'name':'a'}");
	test_pg_halt();
	test_pg_resume();
	ck_assert(is_there(st, &services, 1));
	test_pg_halt();
	test_pg_resume();
	ck_assert_uint_eq(insert(st, &services, "{'id':@2,'name':'b'}"), 2);
	store_close(st);
}
END_TEST

START_TEST(without_the_server_calls_are_refused_with_503_until_it_returns)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	struct uuid id = uuid_of(1);
	struct fault f = {0};

	if (!test_pg_is_private()) {
		store_close(st);
		return;
	}
	test_pg_halt();
	ck_assert(!store_ping(st));
	f = refused_insert(st, &services, "{'id':@1,'name':'a'}");
	ck_assert_ptr_nonnull(strstr(f.message, "cannot reach the database at 127.0.0.1:"));
	ck_assert_ptr_nonnull(strstr(f.message, "Connection refused"));
	expect_fault(&f, 8, 503, NULL, NULL);
	ck_assert_ptr_null(store_get(st, &services, &(struct store_key){.id = &id}, NULL, &f));
	expect_fault(&f, 8, 503, NULL, NULL);
	test_pg_resume();
	ck_assert(store_ping(st));
	ck_assert_uint_eq(insert(st, &services, "{'id':@1,'name':'a'}"), 1);
	store_close(st);
}
END_TEST

START_TEST(a_unit_that_lost_its_connection_fails_whole)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	struct fault f = {0};
	uint64_t version;

	ck_assert(store_begin(st, &f));
	insert(st, &services, "{'id':@1,'name':'a'}");
	test_pg_exec(&s,
	        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'gatehouse-cp'"
	        " AND datname = current_database()");
	struct fault lost = refused_insert(st, &services, "{'id':@2,'name':'b'}");
	expect_fault(&lost, 8, 503, NULL, NULL);
	ck_assert(!store_commit(st, &version, &f));
	fault_fini(&f);
	ck_assert(!is_there(st, &services, 1));
	ck_assert_uint_eq(insert(st, &services, "{'id':@2,'name':'b'}"), 1);
	store_close(st);
}
END_TEST

START_TEST(a_commit_whose_answer_was_lost_says_so)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	struct fault f = {0};
	uint64_t version;

	ck_assert(store_begin(st, &f));
	insert(st, &services, "{'id':@1,'name':'a'}");
	test_pg_exec(&s,
	        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'gatehouse-cp'"
	        " AND datname = current_database()");
	ck_assert(!store_commit(st, &version, &f));
	ck_assert_ptr_nonnull(strstr(f.message, "it is not known whether the change was made"));
	expect_fault(&f, 8, 503, NULL, NULL);
	store_close(st);
}
END_TEST

START_TEST(a_database_without_tables_asks_for_the_migrations)
{
	struct settings s = test_pg_database();
	struct store *st = open_store(&s);
	struct fault f = refused_insert(st, &services, "{'id':@1,'name':'a'}");

	ck_assert_ptr_nonnull(strstr(f.message, "run the migrations"));
	fault_fini(&f);
	store_close(st);
}
END_TEST

static void fill(TCase *tc)
{
	tcase_add_test(tc, a_unit_is_one_version_whatever_it_changes);
	tcase_add_test(tc, a_unit_without_changes_makes_no_version);
	tcase_add_test(tc, a_rollback_leaves_nothing);
	tcase_add_test(tc, a_failed_write_spoils_its_unit);
	tcase_add_test(tc, a_unit_keeps_other_writers_out);
	tcase_add_test(tc, versions_of_concurrent_writers_are_dense_and_in_commit_order);
	tcase_add_test(tc, an_unreachable_database_is_named_with_reason_and_advice);
	tcase_add_test(tc, a_missing_database_is_named_without_the_password);
	tcase_add_test(tc, reads_and_writes_go_on_after_the_server_was_restarted);
	tcase_add_test(tc, without_the_server_calls_are_refused_with_503_until_it_returns);
	tcase_add_test(tc, a_unit_that_lost_its_connection_fails_whole);
	tcase_add_test(tc, a_commit_whose_answer_was_lost_says_so);
	tcase_add_test(tc, a_database_without_tables_asks_for_the_migrations);
}

int main(void)
{
	return run_suite("store", fill);
}
