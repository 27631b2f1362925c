/* prune: the past that is kept, and that nothing else goes with the rest. */
#include <libpq-fe.h>

#include "cp/store/versions.h"
#include "tests/unit/store/fixture.h"

/* Versions 1..n: one upstream more in each. */
static struct store *store_with_versions(struct settings *s, unsigned n)
{
	struct store *st = fresh_store(s);
	char form[64];

	for (unsigned i = 1; i <= n; i++) {
		snprintf(form, sizeof form, "{'id':@%u,'name':'u%u'}", i, i);
		insert(st, &upstreams, form);
	}
	return st;
}

static uint64_t prune(struct store *st, int64_t versions, int64_t days, unsigned limit)
{
	uint64_t dropped = 99;
	struct fault f = {0};

	if (!store_prune(st, &(struct retention){versions, days}, limit, &dropped, &f))
		ck_abort_msg("%s", f.message);
	return dropped;
}

static void expect_kept(const struct settings *s, const char *oldest, const char *versions, const char *lines)
{
	expect_value(s, "SELECT oldest FROM gatehouse_meta", oldest);
	expect_value(s, "SELECT min(version) || '..' || max(version) FROM versions", versions);
	expect_value(s, "SELECT min(version) || '..' || max(version) FROM changelog", lines);
}

static size_t count_at(struct store *st, uint64_t version)
{
	struct fault f = {0};
	struct page page = {.size = 100};
	bool more;

	ck_assert(store_look_back(st, version, &f));
	json_t *rows = store_list(st, &upstreams, NULL, &page, &more, &f);
	store_look_ahead(st);
	size_t n = json_array_size(rows);
	json_decref(rows);
	return n;
}

START_TEST(the_latest_versions_are_kept_and_can_be_read)
{
	struct settings s;
	struct store *st = store_with_versions(&s, 20);
	struct fault f = {0};

	ck_assert_uint_eq(prune(st, 12, 0, 1000), 9);
	expect_kept(&s, "9", "9..20", "10..20");
	for (uint64_t v = 9; v <= 20; v++)
		ck_assert_uint_eq(count_at(st, v), v);
	ck_assert(!store_look_back(st, 8, &f));
	expect_fault(&f, 6, 410, NULL, NULL);
	ck_assert_uint_eq(prune(st, 12, 0, 1000), 0);
	expect_value(&s, "SELECT count(*) FROM upstreams", "20");
	uint64_t made;
	ck_assert(store_restore(st, 9, &made, &f));
	expect_value(&s, "SELECT count(*) FROM upstreams", "9");
	store_close(st);
}
END_TEST

START_TEST(what_is_too_old_goes_except_the_latest)
{
	struct settings s;
	struct store *st = store_with_versions(&s, 15);

	test_pg_exec(&s, "UPDATE versions SET at = now() - interval '10 days' WHERE version <= 3");
	ck_assert_uint_eq(prune(st, 0, 11, 1000), 0);
	ck_assert_uint_eq(prune(st, 0, 9, 1000), 4);
	expect_kept(&s, "4", "4..15", "5..15");
	test_pg_exec(&s, "UPDATE versions SET at = now() - interval '100 days'");
	ck_assert_uint_eq(prune(st, 0, 9, 1000), 2); /* ten stay */
	expect_kept(&s, "6", "6..15", "7..15");
	ck_assert_uint_eq(prune(st, 1, 1, 1000), 0);
	store_close(st);
}
END_TEST

START_TEST(without_bounds_nothing_goes_and_a_call_has_a_limit)
{
	struct settings s;
	struct store *st = store_with_versions(&s, 20);

	ck_assert_uint_eq(prune(st, 0, 0, 1000), 0);
	expect_kept(&s, "0", "0..20", "1..20");
	ck_assert_uint_eq(prune(st, 10, 0, 4), 4);
	ck_assert_uint_eq(prune(st, 10, 0, 4), 4);
	ck_assert_uint_eq(prune(st, 10, 0, 4), 3);
	ck_assert_uint_eq(prune(st, 10, 0, 4), 0);
	expect_kept(&s, "11", "11..20", "12..20");
	store_close(st);
}
END_TEST

START_TEST(a_young_history_is_left_alone)
{
	struct settings s;
	struct store *st = store_with_versions(&s, 5);

	ck_assert_uint_eq(prune(st, 1, 1, 1000), 0);
	ck_assert_uint_eq(count_at(st, 0), 0);
	store_close(st);
}
END_TEST

static bool ignore_change(uint64_t version, const struct schema *kind, const struct uuid *id, struct slice json,
        void *arg, struct err *e)
{
	return true;
}

/* Who follows the changelog from a version that is gone is told, and takes a snapshot; nobody is led over a gap. */
START_TEST(a_follower_from_before_the_cut_is_told)
{
	struct settings s;
	struct store *st = store_with_versions(&s, 20);
	struct err e;

	prune(st, 12, 0, 1000);
	ck_assert(!store_changes(st, 8, ignore_change, NULL, &e));
	ck_assert(store_changes(st, 9, ignore_change, NULL, &e));
	store_close(st);
}
END_TEST

/* Another control plane that is in the middle of it holds the lock. */
START_TEST(control_planes_take_turns)
{
	struct settings s;
	struct store *st = store_with_versions(&s, 20);
	char conninfo[256];

	snprintf(conninfo, sizeof conninfo, "host=%s port=%d user=%s dbname=%s", s.pg_host.ptr, (int)s.pg_port,
	        s.pg_user.ptr, s.pg_database.ptr);
	PGconn *other = PQconnectdb(conninfo);
	PQclear(PQexec(other, "SELECT pg_advisory_lock(hashtextextended('gatehouse prune', 0))"));
	ck_assert_uint_eq(prune(st, 12, 0, 1000), 0);
	PQclear(PQexec(other, "SELECT pg_advisory_unlock_all()"));
	PQfinish(other);
	ck_assert_uint_eq(prune(st, 12, 0, 1000), 9);
	store_close(st);
}
END_TEST

static void fill(TCase *tc)
{
	tcase_add_test(tc, the_latest_versions_are_kept_and_can_be_read);
	tcase_add_test(tc, what_is_too_old_goes_except_the_latest);
	tcase_add_test(tc, without_bounds_nothing_goes_and_a_call_has_a_limit);
	tcase_add_test(tc, a_young_history_is_left_alone);
	tcase_add_test(tc, a_follower_from_before_the_cut_is_told);
	tcase_add_test(tc, control_planes_take_turns);
}

int main(void)
{
	return run_suite("prune", fill);
}
