/* changelog: what the publisher relies on.
 * Threads: a writer beside the reader. */
#include <poll.h>
#include <pthread.h>

#include "tests/unit/store/fixture.h"

/* Lines as "1 services 3 +" joined by ";": version, kind, last digits of the id, + stored or - removed. */
static bool note(uint64_t version, const struct schema *kind, const struct uuid *id, struct slice json, void *arg,
        struct err *e)
{
	text_printf(arg, "%d %s %d %s;", (int)version, kind->name, id->bytes[15], slice_is_set(json) ? "+" : "-");
	return true;
}

static void expect_changes(struct store *st, uint64_t after, const char *want)
{
	struct text got = {0};
	struct err e;

	if (!store_changes(st, after, note, &got, &e))
		ck_abort_msg("%s", e.message);
	ck_assert_str_eq(text_cstr(&got), want);
	text_fini(&got);
}

START_TEST(the_position_is_an_epoch_and_the_last_version)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	struct text epoch = {0}, again = {0};
	uint64_t version = 99;
	struct err e;

	ck_assert(store_position(st, &epoch, &version, &e));
	ck_assert(is_uuid(text_slice(&epoch)));
	ck_assert_uint_eq(version, 0);
	insert(st, &services, "{'id':@1,'name':'a'}");
	migrate(st);
	ck_assert(store_position(st, &again, &version, &e));
	ck_assert_uint_eq(version, 1);
	ck_assert(slice_eq(text_slice(&epoch), text_slice(&again)));
	text_fini(&epoch);
	text_fini(&again);
	store_close(st);
}
END_TEST

START_TEST(changes_come_in_order_and_only_those_beyond_the_version)
{
	struct settings s;
	struct store *st = fresh_store(&s);

	insert(st, &upstreams, "{'id':@1,'name':'u'}");
	insert(st, &targets, "{'id':@2,'upstream':{'id':@1},'target':'h:1'}");
	remove_row(st, &upstreams, 1);
	expect_changes(st, 0, "1 upstreams 1 +;2 targets 2 +;3 targets 2 -;3 upstreams 1 -;");
	expect_changes(st, 2, "3 targets 2 -;3 upstreams 1 -;");
	expect_changes(st, 3, "");
	store_close(st);
}
END_TEST

START_TEST(a_change_carries_the_records_exact_text)
{
	struct settings s;
	struct store *st = fresh_store(&s);

	insert(st, &services, "{'id':@1,'name':'a','created_at':0.1,'port':9007199254740991}");
	expect_value(
	        &s, "SELECT changelog.doc::text = services.doc::text FROM changelog JOIN services USING (id)", "t");
	store_close(st);
}
END_TEST

static bool count_change(uint64_t version, const struct schema *kind, const struct uuid *id, struct slice json,
        void *arg, struct err *e)
{
	++*(unsigned *)arg;
	return true;
}

START_TEST(a_version_larger_than_one_read_is_delivered_whole)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	struct fault f = {0};
	struct err e;
	uint64_t version;
	unsigned n = 0;
	char form[64];

	ck_assert(store_begin(st, &f));
	for (unsigned i = 1; i <= 2500; i++) {
		snprintf(form, sizeof form, "{'id':@%u,'name':'s%u'}", i, i);
		insert(st, &services, form);
	}
	ck_assert(store_commit(st, &version, &f));
	ck_assert(store_changes(st, 0, count_change, &n, &e));
	ck_assert_uint_eq(n, 2500);
	store_close(st);
}
END_TEST

START_TEST(a_log_that_was_cut_is_noticed)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	struct text got = {0};
	struct err e;

	insert(st, &services, "{'id':@1,'name':'a'}");
	insert(st, &services, "{'id':@2,'name':'b'}");
	insert(st, &services, "{'id':@3,'name':'c'}");
	test_pg_exec(&s, "DELETE FROM changelog WHERE version <= 2");
	ck_assert(!store_changes(st, 1, note, &got, &e));
	ck_assert_str_eq(e.message, "the changelog does not reach back to version 1: it goes on with 3");
	expect_changes(st, 2, "3 services 3 +;");
	test_pg_exec(&s, "DELETE FROM changelog");
	ck_assert(!store_changes(st, 2, note, &got, &e));
	expect_changes(st, 3, "");
	text_fini(&got);
	store_close(st);
}
END_TEST

START_TEST(a_database_behind_the_reader_is_noticed)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	struct text got = {0};
	struct err e;

	insert(st, &services, "{'id':@1,'name':'a'}");
	ck_assert(!store_changes(st, 5, note, &got, &e));
	ck_assert_ptr_nonnull(strstr(e.message, "the database is at 1"));
	text_fini(&got);
	store_close(st);
}
END_TEST

static bool refuse(const struct schema *kind, struct slice json, void *arg, struct err *e)
{
	return err_set(e, "no more");
}

START_TEST(a_callback_that_fails_stops_the_reading)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	struct fault f = {0};
	struct err e;
	uint64_t version;

	insert(st, &services, "{'id':@1,'name':'a'}");
	ck_assert(!store_snapshot(st, &version, refuse, NULL, &e));
	ck_assert_str_eq(e.message, "no more");
	/* and the connection is as good as before */
	ck_assert(store_begin(st, &f));
	ck_assert(store_commit(st, &version, &f));
	store_close(st);
}
END_TEST

/* ---- snapshots ------------------------------------------------------------------------------------------------- */

static bool note_row(const struct schema *kind, struct slice json, void *arg, struct err *e)
{
	json_t *r = json_loadb(json.ptr, json.len, 0, NULL);
	const char *id = json_string_value(json_object_get(r, "id"));

	text_printf(arg, "%s %s;", kind->name, id + UUID_TEXT - 1);
	json_decref(r);
	return true;
}

START_TEST(a_snapshot_has_every_visible_row_of_every_kind)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	struct text got = {0};
	uint64_t version;
	struct err e;

	insert(st, &consumers, "{'id':@1,'username':'a'}");
	insert(st, &services, "{'id':@2,'name':'a'}");
	insert(st, &keys, "{'id':@3,'key':'old','consumer':{'id':@1},'expires_at':1000}");
	insert(st, &keys, "{'id':@4,'key':'new','consumer':{'id':@1}}");
	ck_assert(store_snapshot(st, &version, note_row, &got, &e));
	ck_assert_uint_eq(version, 4);
	ck_assert_str_eq(text_cstr(&got), "services 2;consumers 1;keyauth_credentials 4;");
	text_fini(&got);
	store_close(st);
}
END_TEST

static bool count_row(const struct schema *kind, struct slice json, void *arg, struct err *e)
{
	++*(unsigned *)arg;
	return true;
}

/* Inserts pairs until told to stop: each version adds one service and one consumer. */
struct pair_writer {
	const struct settings *settings;
	bool stop;
};

static void *write_pairs(void *arg)
{
	struct pair_writer *w = arg;
	struct store *st = open_store(w->settings);
	char form[64];

	for (unsigned i = 1; !__atomic_load_n(&w->stop, __ATOMIC_RELAXED); i++) {
		struct fault f = {0};
		uint64_t version;
		ck_assert(store_begin(st, &f));
		snprintf(form, sizeof form, "{'id':@%u,'name':'s%u'}", i, i);
		insert(st, &services, form);
		snprintf(form, sizeof form, "{'id':@%u,'username':'c%u'}", i, i);
		insert(st, &consumers, form);
		ck_assert(store_commit(st, &version, &f));
	}
	store_close(st);
	return NULL;
}

START_TEST(a_snapshot_is_the_state_of_its_version_while_others_write)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	struct pair_writer w = {.settings = &s};
	pthread_t thread;
	uint64_t version = 0;
	struct err e;

	pthread_create(&thread, NULL, write_pairs, &w);
	while (version < 300) {
		unsigned rows = 0;
		if (!store_snapshot(st, &version, count_row, &rows, &e))
			ck_abort_msg("%s", e.message);
		ck_assert_uint_eq(rows, 2 * version);
	}
	__atomic_store_n(&w.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	store_close(st);
}
END_TEST

/* ---- the bell -------------------------------------------------------------------------------------------------- */

static bool rings(int fd, int timeout_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	return poll(&p, 1, timeout_ms) == 1;
}

START_TEST(a_commit_rings_the_bell_and_draining_silences_it)
{
	struct settings s;
	struct store *st = fresh_store(&s), *other = open_store(&s);
	struct text got = {0};
	struct err e;
	int fd = store_listen(st, &e);

	ck_assert_int_ge(fd, 0);
	ck_assert(!rings(fd, 50));
	insert(other, &services, "{'id':@1,'name':'a'}");
	/* reading in between must not swallow the notification */
	ck_assert(store_changes(st, 0, note, &got, &e));
	ck_assert(rings(fd, 2000));
	ck_assert(store_drain(st));
	ck_assert(!rings(fd, 50));
	text_fini(&got);
	store_close(st);
	store_close(other);
}
END_TEST

START_TEST(a_broken_bell_is_reported_and_can_be_hung_up_anew)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	struct err e;
	int fd = store_listen(st, &e);

	test_pg_exec(&s, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'LISTEN gatehouse'"
	                 " AND datname = current_database()");
	ck_assert(rings(fd, 2000));
	bool ok = store_drain(st);
	if (ok && rings(fd, 2000)) /* the message of the end may come before the end itself */
		ok = store_drain(st);
	ck_assert(!ok);
	fd = store_listen(st, &e);
	ck_assert_int_ge(fd, 0);
	insert(st, &services, "{'id':@1,'name':'a'}");
	ck_assert(rings(fd, 2000));
	store_close(st);
}
END_TEST

static void fill(TCase *tc)
{
	tcase_add_test(tc, the_position_is_an_epoch_and_the_last_version);
	tcase_add_test(tc, changes_come_in_order_and_only_those_beyond_the_version);
	tcase_add_test(tc, a_change_carries_the_records_exact_text);
	tcase_add_test(tc, a_version_larger_than_one_read_is_delivered_whole);
	tcase_add_test(tc, a_log_that_was_cut_is_noticed);
	tcase_add_test(tc, a_database_behind_the_reader_is_noticed);
	tcase_add_test(tc, a_callback_that_fails_stops_the_reading);
	tcase_add_test(tc, a_snapshot_has_every_visible_row_of_every_kind);
	tcase_add_test(tc, a_snapshot_is_the_state_of_its_version_while_others_write);
	tcase_add_test(tc, a_commit_rings_the_bell_and_draining_silences_it);
	tcase_add_test(tc, a_broken_bell_is_reported_and_can_be_hung_up_anew);
}

int main(void)
{
	return run_suite("changelog", fill);
}
