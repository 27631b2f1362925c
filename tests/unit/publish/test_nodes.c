/* nodes: who is waited for, and who is not (a write is answered when every connected data plane that is in step has
 * it; one that missed a write is not waited for until it has caught up).
 * Threads: reports come from another one. */
#include <check.h>
#include <pthread.h>
#include <unistd.h>

#include "common/core/clock.h"
#include "cp/publish/applied.h"
#include "cp/publish/nodes.h"

static struct uuid id_of(int n)
{
	struct uuid u = {{0}};
	u.bytes[15] = (unsigned char)n;
	return u;
}

static void report(int n, uint64_t version, uint64_t current)
{
	struct node_report r = {.id = id_of(n),
	        .hostname = S("host"),
	        .release = S("1.0"),
	        .error = S(""),
	        .has_config = true,
	        .version = version};
	nodes_report(&r, S("e"), current);
}

static unsigned applied, connected;

static uint64_t waited(uint64_t version, int timeout_ms)
{
	uint64_t from = clock_mono_ms();
	applied_wait(version, timeout_ms, &applied, &connected);
	return clock_mono_ms() - from;
}

START_TEST(without_data_planes_nobody_is_waited_for)
{
	ck_assert_uint_lt(waited(5, 1000), 100);
	ck_assert_uint_eq(applied, 0);
	ck_assert_uint_eq(connected, 0);
}
END_TEST

START_TEST(who_has_it_already_is_counted_at_once)
{
	report(1, 5, 5);
	report(2, 6, 6);
	ck_assert_uint_lt(waited(5, 1000), 100);
	ck_assert_uint_eq(applied, 2);
	ck_assert_uint_eq(connected, 2);
}
END_TEST

static void *report_soon(void *arg)
{
	usleep(50 * 1000);
	report(1, 6, 6);
	return NULL;
}

START_TEST(the_wait_ends_when_the_last_one_reports)
{
	pthread_t t;
	report(1, 5, 5);
	pthread_create(&t, NULL, report_soon, NULL);
	uint64_t ms = waited(6, 2000);
	pthread_join(t, NULL);
	ck_assert_uint_lt(ms, 1000);
	ck_assert_uint_eq(applied, 1);
}
END_TEST

START_TEST(a_slow_data_plane_is_not_waited_for_twice_until_it_has_caught_up)
{
	report(1, 5, 5);
	report(2, 5, 5);
	report(1, 6, 6);
	ck_assert_uint_ge(waited(6, 100), 95);
	ck_assert_uint_eq(applied, 1);
	ck_assert_uint_eq(connected, 2);

	report(1, 7, 7);
	ck_assert_uint_lt(waited(7, 1000), 100); /* 2 is behind, and known to be */
	report(2, 6, 7);                         /* moves, but is not there yet */
	report(1, 8, 8);
	ck_assert_uint_lt(waited(8, 1000), 100);
	report(2, 8, 8);
	ck_assert_uint_ge(waited(9, 100), 95); /* caught up: waited for again */
	ck_assert_uint_eq(applied, 0);
}
END_TEST

START_TEST(a_new_data_plane_is_waited_for_once_it_has_the_configuration)
{
	struct node_report r = {.id = id_of(1), .hostname = S("h"), .release = S("1"), .error = S("")};
	nodes_report(&r, S("e"), 5);
	ck_assert_uint_lt(waited(5, 1000), 100);
	ck_assert_uint_eq(applied, 0);
	ck_assert_uint_eq(connected, 1);
}
END_TEST

START_TEST(a_data_plane_that_leaves_is_not_waited_for)
{
	struct node_report r = {.id = id_of(1),
	        .hostname = S("h"),
	        .release = S("1"),
	        .error = S(""),
	        .has_config = true,
	        .version = 5,
	        .leaving = true};
	report(1, 5, 5);
	nodes_report(&r, S("e"), 5);
	ck_assert_uint_lt(waited(6, 1000), 100);
	ck_assert_uint_eq(connected, 0);
}
END_TEST

START_TEST(a_data_plane_that_refused_the_version_ends_the_wait)
{
	struct node_report r = {.id = id_of(1),
	        .hostname = S("h"),
	        .release = S("1"),
	        .error = S("no such plugin"),
	        .has_config = true,
	        .version = 5,
	        .error_version = 6};
	report(1, 5, 5);
	nodes_report(&r, S("e"), 6);
	ck_assert_uint_lt(waited(6, 1000), 100);
	ck_assert_uint_eq(applied, 0);
	ck_assert_uint_eq(connected, 1);
}
END_TEST

START_TEST(silence_of_three_seconds_means_disconnected)
{
	report(1, 5, 5);
	usleep((NODES_CONNECTED_MS + 50) * 1000);
	ck_assert_uint_lt(waited(6, 1000), 100);
	ck_assert_uint_eq(connected, 0);
}
END_TEST

START_TEST(nodes_are_listed_by_id_with_what_they_said)
{
	struct node_report r = {.id = id_of(1),
	        .hostname = S("h\xff"),
	        .release = S("1.2"),
	        .error = S("bad"),
	        .has_config = true,
	        .version = 5,
	        .error_version = 6};
	json_t *all = json_array();
	report(2, 6, 6);
	nodes_report(&r, S("e"), 6);
	nodes_list(all);
	ck_assert_uint_eq(json_array_size(all), 2);
	json_t *one = json_array_get(all, 0), *two = json_array_get(all, 1);
	ck_assert_str_eq(json_string_value(json_object_get(one, "id")), "00000000-0000-0000-0000-000000000001");
	ck_assert_str_eq(json_string_value(json_object_get(one, "hostname")), "h");
	ck_assert_str_eq(json_string_value(json_object_get(one, "version")), "1.2");
	ck_assert_str_eq(json_string_value(json_object_get(one, "last_error")), "bad");
	ck_assert_int_eq(json_integer_value(json_object_get(one, "config_version")), 5);
	ck_assert_str_eq(json_string_value(json_object_get(one, "sync_status")), "unknown");
	ck_assert_str_eq(json_string_value(json_object_get(two, "sync_status")), "normal");
	ck_assert(json_is_true(json_object_get(two, "in_step")));
	ck_assert_str_ne(json_string_value(json_object_get(one, "config_hash")),
	        json_string_value(json_object_get(two, "config_hash")));
	json_decref(all);
}
END_TEST

START_TEST(the_table_is_bounded_and_the_longest_silent_goes_first)
{
	json_t *all = json_array();
	for (int i = 0; i < NODES_MAX + 10; i++) {
		struct uuid u = {{(unsigned char)(i >> 8), (unsigned char)i}};
		struct node_report r = {.id = u, .hostname = S(""), .release = S(""), .error = S("")};
		nodes_report(&r, S("e"), 1);
	}
	nodes_list(all);
	ck_assert_uint_eq(json_array_size(all), NODES_MAX);
	json_decref(all);
}
END_TEST

START_TEST(forgetting_all_ends_every_wait)
{
	report(1, 5, 5);
	nodes_clear();
	ck_assert_uint_lt(waited(6, 1000), 100);
	ck_assert_uint_eq(connected, 0);
}
END_TEST

START_TEST(a_node_that_is_ahead_is_told_since_when)
{
	struct node_report r = {.id = id_of(1),
	        .hostname = S(""),
	        .release = S(""),
	        .error = S(""),
	        .has_config = true,
	        .version = 9};
	uint64_t since = nodes_report(&r, S("e"), 8);
	ck_assert_uint_ne(since, 0);
	usleep(20 * 1000);
	ck_assert_uint_eq(nodes_report(&r, S("e"), 8), since);
	ck_assert_uint_eq(nodes_report(&r, S("e"), 9), 0);
}
END_TEST

/* ---- progress (users.md 2.3, 5.4) ------------------------------------------------------------------------------ */

static void report_as(int n, const char *host, uint64_t version, const char *error)
{
	struct node_report r = {.id = id_of(n),
	        .hostname = slice_cstr(host),
	        .release = S("1.0"),
	        .error = slice_cstr(error),
	        .error_version = *error ? version + 1 : 0,
	        .has_config = version > 0,
	        .version = version};
	nodes_report(&r, S("e"), 42);
}

static void expect_progress(const char *message, unsigned has, unsigned of, bool is_over)
{
	struct nodes_progress p = nodes_progress(42);
	json_t *j = nodes_progress_json(42);

	ck_assert_uint_eq(p.applied, has);
	ck_assert_uint_eq(p.expected, of);
	ck_assert_int_eq(p.is_over, is_over);
	ck_assert_str_eq(json_string_value(json_object_get(j, "message")), message);
	ck_assert_uint_eq(json_array_size(json_object_get(j, "laggards")), of - has);
	json_decref(j);
}

START_TEST(progress_names_the_laggards)
{
	expect_progress("0/0 data planes at v42", 0, 0, true);
	report_as(1, "eu-1", 42, "");
	expect_progress("1/1 data planes at v42", 1, 1, true);
	report_as(2, "eu-3", 40, "");
	report_as(3, "us-1", 0, "");
	expect_progress("1/3 data planes at v42 (eu-3: 2 behind, us-1: has no configuration yet)", 1, 3, false);
	report_as(2, "eu-3", 42, "");
	report_as(3, "us-1", 41, "a route does not compile");
	expect_progress("2/3 data planes at v42 (us-1: refused it)", 2, 3, true);
}
END_TEST

START_TEST(nodes_of_one_host_are_told_apart_and_who_left_is_not_expected)
{
	report_as(1, "host", 42, "");
	report_as(2, "host", 41, "");
	expect_progress("1/2 data planes at v42 (host/00000000: 1 behind)", 1, 2, false);
	struct node_report bye = {.id = id_of(2),
	        .hostname = S("host"),
	        .release = S("1.0"),
	        .error = S(""),
	        .has_config = true,
	        .version = 41,
	        .leaving = true};
	nodes_report(&bye, S("e"), 42);
	expect_progress("1/1 data planes at v42", 1, 1, true);
}
END_TEST

/* ---- data planes of other control planes ----------------------------------------------------------------------- */

static void import_as(int n, const char *host, uint64_t version, uint64_t silent_ms, bool leaving)
{
	char id[UUID_TEXT + 1];
	struct uuid u = id_of(n);

	uuid_format(&u, id);
	json_t *nodes = json_pack("[{s:s, s:s, s:s, s:s, s:i, s:b, s:I, s:b, s:I}]", "id", id, "hostname", host,
	        "release", "1.0", "error", "", "error_version", 0, "has_config", 1, "version", (json_int_t)version,
	        "leaving", (int)leaving, "silent_ms", (json_int_t)silent_ms);
	nodes_import(nodes, 0);
	json_decref(nodes);
}

START_TEST(others_data_planes_count_for_progress_and_are_not_waited_for)
{
	report_as(1, "here", 42, "");
	import_as(2, "there", 41, 0, false);
	expect_progress("1/2 data planes at v42 (there: 1 behind)", 1, 2, false);
	ck_assert(!nodes_is_anyone_behind(42));
	ck_assert_uint_eq(nodes_connected(), 1);
	import_as(2, "there", 42, 0, false);
	expect_progress("2/2 data planes at v42", 2, 2, true);
	import_as(2, "there", 42, 0, true);
	expect_progress("1/1 data planes at v42", 1, 1, true);
}
END_TEST

START_TEST(a_data_plane_belongs_to_whom_it_spoke_to_last)
{
	import_as(1, "host", 40, 0, false);
	report_as(1, "host", 42, "");
	import_as(1, "host", 40, 2000, false); /* old news */
	expect_progress("1/1 data planes at v42", 1, 1, true);
	json_t *ours = nodes_export();
	ck_assert_uint_eq(json_array_size(ours), 1);
	json_decref(ours);
	usleep(2000);
	import_as(1, "host", 41, 0, false); /* it has moved */
	expect_progress("0/1 data planes at v42 (host: 1 behind)", 0, 1, false);
	ours = nodes_export();
	ck_assert_uint_eq(json_array_size(ours), 0);
	json_decref(ours);
}
END_TEST

START_TEST(what_is_exported_can_be_imported)
{
	report_as(1, "a", 41, "does not compile");
	report_as(2, "b", 42, "");
	unsigned change = nodes_change();
	report_as(2, "b", 42, "");
	ck_assert_uint_eq(nodes_change(), change); /* no news */
	report_as(2, "b", 43, "");
	ck_assert_uint_ne(nodes_change(), change);
	json_t *out = nodes_export();
	nodes_clear();
	nodes_import(out, 5);
	expect_progress("1/2 data planes at v42 (a: refused it)", 1, 2, true);
	json_t *bad = json_pack("[{}, 1, {s:s}]", "id", "x");
	nodes_import(bad, 0);
	nodes_import(NULL, 0);
	expect_progress("1/2 data planes at v42 (a: refused it)", 1, 2, true);
	json_decref(bad);
	json_decref(out);
}
END_TEST

/* The first of an array of one; a new reference. */
static json_t *only(void)
{
	json_t *all = json_array();
	nodes_list(all);
	ck_assert_uint_eq(json_array_size(all), 1);
	json_t *one = json_incref(json_array_get(all, 0));
	json_decref(all);
	return one;
}

START_TEST(what_a_poll_says_of_itself_is_shown)
{
	char eu[] = "region:eu", broken[] = "region", *labels[] = {eu, broken};
	Gatehouse__Sync__NodeLoad load = GATEHOUSE__SYNC__NODE_LOAD__INIT;
	Gatehouse__Sync__Poll poll = GATEHOUSE__SYNC__POLL__INIT;
	struct node_report r = {.id = id_of(1),
	        .hostname = S("h"),
	        .release = S("1"),
	        .error = S(""),
	        .has_config = true,
	        .version = 5,
	        .poll = &poll};

	poll.labels = labels;
	poll.n_labels = 2;
	poll.peer_expires_s = clock_wall_s() + 10 * 86400 + 100;
	poll.load = &load;
	nodes_report(&r, S("e"), 6);
	json_t *one = only();
	ck_assert_uint_eq(json_object_size(json_object_get(one, "labels")), 1);
	ck_assert_str_eq(json_string_value(json_object_get(json_object_get(one, "labels"), "region")), "eu");
	ck_assert_int_eq(json_integer_value(json_object_get(one, "certificate_days")), 10);
	ck_assert(json_is_null(json_object_get(one, "load"))); /* a rate takes two */
	ck_assert(json_is_integer(json_object_get(one, "lag_s")));
	json_decref(one);
}
END_TEST

START_TEST(one_of_before_a_restart_is_shown_and_forgotten_in_time)
{
	json_t *kept = json_pack("[{s:s, s:s, s:b, s:I, s:I}]", "id", "00000000-0000-0000-0000-000000000001",
	        "hostname", "gone", "has_config", 1, "version", (json_int_t)5, "silent_ms",
	        (json_int_t)90 * 86400 * 1000);
	struct uuid id, wanted = id_of(1);

	nodes_restore(kept);
	json_t *one = only();
	ck_assert(json_is_false(json_object_get(one, "connected")));
	ck_assert_int_le(json_integer_value(json_object_get(one, "last_seen")), clock_wall_s() - 90 * 86400);
	json_decref(one);
	ck_assert_uint_eq(nodes_find(S("gone"), &id), 1);
	ck_assert(uuid_eq(&id, &wanted));
	ck_assert_uint_eq(nodes_find(S("00000000"), &id), 1);
	ck_assert_uint_eq(nodes_find(S("0000"), &id), 0);
	nodes_purge(91 * 86400);
	json_decref(only());
	nodes_purge(89 * 86400);
	ck_assert_uint_eq(nodes_find(S("gone"), &id), 0);
	json_decref(kept);
}
END_TEST

START_TEST(who_is_connected_is_not_purged_by_a_clock_that_jumps)
{
	json_t *kept = json_pack("[{s:s, s:s, s:I}]", "id", "00000000-0000-4000-8000-000000000002", "hostname",
	        "gone", "silent_ms", (json_int_t)3600 * 1000);

	report(1, 7, 7);
	nodes_restore(kept);
	nodes_purge(-1); /* for the wall clock, all are beyond it */
	json_decref(only());
	ck_assert_uint_eq(nodes_connected(), 1);
	json_decref(kept);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("nodes");
	TCase *t = tcase_create("nodes");
	tcase_add_checked_fixture(t, NULL, nodes_clear);
	tcase_set_timeout(t, 20);
	tcase_add_test(t, without_data_planes_nobody_is_waited_for);
	tcase_add_test(t, who_has_it_already_is_counted_at_once);
	tcase_add_test(t, the_wait_ends_when_the_last_one_reports);
	tcase_add_test(t, a_slow_data_plane_is_not_waited_for_twice_until_it_has_caught_up);
	tcase_add_test(t, a_new_data_plane_is_waited_for_once_it_has_the_configuration);
	tcase_add_test(t, a_data_plane_that_leaves_is_not_waited_for);
	tcase_add_test(t, a_data_plane_that_refused_the_version_ends_the_wait);
	tcase_add_test(t, silence_of_three_seconds_means_disconnected);
	tcase_add_test(t, nodes_are_listed_by_id_with_what_they_said);
	tcase_add_test(t, the_table_is_bounded_and_the_longest_silent_goes_first);
	tcase_add_test(t, forgetting_all_ends_every_wait);
	tcase_add_test(t, a_node_that_is_ahead_is_told_since_when);
	tcase_add_test(t, progress_names_the_laggards);
	tcase_add_test(t, nodes_of_one_host_are_told_apart_and_who_left_is_not_expected);
	tcase_add_test(t, others_data_planes_count_for_progress_and_are_not_waited_for);
	tcase_add_test(t, a_data_plane_belongs_to_whom_it_spoke_to_last);
	tcase_add_test(t, what_is_exported_can_be_imported);
	tcase_add_test(t, what_a_poll_says_of_itself_is_shown);
	tcase_add_test(t, one_of_before_a_restart_is_shown_and_forgotten_in_time);
	tcase_add_test(t, who_is_connected_is_not_purged_by_a_clock_that_jumps);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
