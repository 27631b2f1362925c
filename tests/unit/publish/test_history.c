/* history: from whatever version a data plane comes, the answer leads to the current one, whole or in parts; and what
 * the sync server says to Polls that are not as they should be. */
#include <check.h>
#include <stdlib.h>

#include "common/net/loop.h"
#include "cp/publish/history.h"
#include "cp/publish/nodes.h"
#include "cp/publish/sync_server.h"
#include "tests/support/batches.h"
#include "tests/support/tmp.h"

static struct history *h;

static void setup(void)
{
	h = history_new();
}

static void teardown(void)
{
	history_free(h);
	nodes_clear();
}

static Gatehouse__Sync__Delta *unpack(const struct packed_delta *p)
{
	Gatehouse__Sync__Delta *d = gatehouse__sync__delta__unpack(NULL, p->len, (const uint8_t *)p->bytes);
	ck_assert_ptr_nonnull(d);
	return d;
}

/* What a data plane with this catalog has after the answer; frees the old one. */
static struct catalog *follow(struct catalog *c, const char *epoch)
{
	struct err e;
	const struct packed_delta *p = history_answer(h, slice_cstr(c ? epoch : ""), c ? catalog_version(c) : 0);
	if (!p)
		return c;
	Gatehouse__Sync__Delta *d = unpack(p);
	ck_assert(d->snapshot || d->base_version == catalog_version(c));
	struct catalog *next = delta_apply(c, d, NULL, &e);
	ck_assert_msg(next != NULL, "%s", e.message);
	gatehouse__sync__delta__free_unpacked(d, NULL);
	if (c)
		catalog_free(c);
	return next;
}

START_TEST(a_newcomer_gets_a_snapshot_and_then_nothing)
{
	history_take(h, batches_snapshot("e", 7, 3, "a", 0));
	struct catalog *c = follow(NULL, "e");
	ck_assert_uint_eq(catalog_version(c), 7);
	ck_assert_uint_eq(batches_count(c), 3);
	ck_assert_ptr_null(history_answer(h, S("e"), 7));
	catalog_free(c);
}
END_TEST

START_TEST(an_empty_database_is_a_version_too)
{
	history_take(h, batches_snapshot("e", 0, 0, "", 0));
	struct catalog *c = follow(NULL, "e");
	ck_assert_ptr_null(history_answer(h, S("e"), 0));
	history_take(h, batches_one("e", 1, 5, "a"));
	c = follow(c, "e");
	ck_assert_uint_eq(catalog_version(c), 1);
	ck_assert(batches_has(c, 5, "a"));
	catalog_free(c);
}
END_TEST

START_TEST(what_led_on_from_nothing_is_handed_to_all_who_have_nothing)
{
	history_take(h, batches_snapshot("e", 0, 0, "", 0));
	const struct packed_delta *first = history_take(h, batches_one("e", 1, 5, "a"));
	ck_assert(first->snapshot);
	ck_assert_ptr_eq(history_answer(h, S("e"), 0), first);
	ck_assert_ptr_eq(history_answer(h, S("other"), 9), first);
	history_take(h, batches_one("e", 2, 6, "b"));
	ck_assert_ptr_eq(history_resume(h, S("e"), 0, 1), first); /* who has some of its parts */
	ck_assert_uint_eq(history_answer(h, S("e"), 0)->version, 2);
	ck_assert_ptr_ne(history_resume(h, S("e"), 0, 2), first);
}
END_TEST

START_TEST(answers_lead_to_a_version_before_the_catalog_is_there)
{
	history_take(h, batches_snapshot("e", 0, 0, "", 0));
	for (uint64_t v = 1; v < 4; v++) {
		struct feed_batch *b = batches_one("e", v, (unsigned)v, "a");
		const struct packed_delta *p = history_pack(h, b);
		ck_assert_uint_eq(history_version(h), v);
		ck_assert_ptr_eq(history_answer(h, S("e"), v - 1), p);
		struct catalog *newcomer = follow(
		        NULL, "e"); /* perhaps the version before, from which the next answer leads on */
		newcomer = follow(newcomer, "e");
		ck_assert_uint_eq(catalog_version(newcomer), v);
		ck_assert_uint_eq(batches_count(newcomer), v);
		catalog_free(newcomer);
		history_settle(h, b);
	}
}
END_TEST

START_TEST(one_version_behind_gets_that_very_delta)
{
	history_take(h, batches_snapshot("e", 7, 3, "a", 0));
	const struct packed_delta *sent = history_take(h, batches_one("e", 8, 1, "b"));
	ck_assert_ptr_eq(history_answer(h, S("e"), 7), sent);
}
END_TEST

START_TEST(a_gap_is_merged_to_the_last_change_of_each_record)
{
	history_take(h, batches_snapshot("e", 7, 3, "a", 0));
	struct catalog *c = follow(NULL, "e");
	for (unsigned i = 0; i < 10; i++)
		history_take(h, batches_one("e", 8 + i, 1, i < 9 ? "no" : "last"));
	struct feed_batch *b = feed_batch_new(S("e"), 17, 18, false);
	batches_remove(b, 2);
	history_take(h, b);
	Gatehouse__Sync__Delta *d = unpack(history_answer(h, S("e"), 7));
	ck_assert_uint_eq(d->n_changes, 2);
	ck_assert(!d->snapshot);
	gatehouse__sync__delta__free_unpacked(d, NULL);
	c = follow(c, "e");
	ck_assert_uint_eq(catalog_version(c), 18);
	ck_assert(batches_has(c, 1, "last") && batches_has(c, 2, NULL) && batches_has(c, 0, "a"));
	catalog_free(c);
}
END_TEST

START_TEST(another_epoch_or_a_version_unknown_here_gets_a_snapshot)
{
	history_take(h, batches_snapshot("e", 7, 3, "a", 0));
	ck_assert(history_answer(h, S("f"), 7)->snapshot);
	ck_assert(history_answer(h, S("e"), 8)->snapshot);
	ck_assert(history_answer(h, S("e"), 6)->snapshot);
}
END_TEST

START_TEST(a_new_epoch_forgets_the_old_history)
{
	history_take(h, batches_snapshot("e", 7, 3, "a", 0));
	history_take(h, batches_one("e", 8, 1, "b"));
	ck_assert_ptr_null(history_take(h, batches_snapshot("f", 2, 1, "c", 0)));
	ck_assert_str_eq(history_epoch(h), "f");
	struct catalog *c = follow(NULL, "f");
	ck_assert_uint_eq(catalog_version(c), 2);
	ck_assert_uint_eq(batches_count(c), 1);
	catalog_free(c);
}
END_TEST

START_TEST(the_ring_is_bounded_and_a_snapshot_takes_over)
{
	history_take(h, batches_snapshot("e", 1, 3, "a", 0));
	for (unsigned v = 2; v < 5000; v++)
		history_take(h, batches_one("e", v, v % 7, "b"));
	ck_assert(history_answer(h, S("e"), 1)->snapshot);
	ck_assert(!history_answer(h, S("e"), 4000)->snapshot);
}
END_TEST

START_TEST(parts_of_a_snapshot_stay_available_when_versions_follow)
{
	history_take(h, batches_snapshot("e", 7, 3000, "a", 500));
	const struct packed_delta *p = history_answer(h, S(""), 0);
	uint32_t parts = delta_parts(p);
	struct delta_assembly a = {0};
	struct err e;
	ck_assert_uint_ge(parts, 3);
	for (uint32_t k = 0; k < parts; k++) {
		uint8_t *bytes;
		p = history_resume(h, S("e"), 0, 7);
		ck_assert_ptr_nonnull(p);
		size_t len = delta_envelope(p, k, &bytes);
		ck_assert_uint_lt(len, 600 * 1024);
		Gatehouse__Sync__Envelope *env = gatehouse__sync__envelope__unpack(NULL, len, bytes);
		ck_assert_int_eq(delta_assembly_add(&a, env), k + 1 < parts ? ASSEMBLY_MORE : ASSEMBLY_DONE);
		gatehouse__sync__envelope__free_unpacked(env, NULL);
		free(bytes);
		history_take(h, batches_one("e", 8 + k, k, "b"));
	}
	Gatehouse__Sync__Delta *d = delta_assembly_unpack(&a, &e);
	ck_assert_ptr_nonnull(d);
	ck_assert_uint_eq(d->version, 7);
	ck_assert_uint_eq(d->n_changes, 3000);
	gatehouse__sync__delta__free_unpacked(d, NULL);
	delta_assembly_reset(&a);
	/* many newcomers meanwhile share it */
	ck_assert_ptr_eq(history_answer(h, S(""), 0), p);
}
END_TEST

/* State after deltas equals state after a snapshot, for random changes and data planes that look in at random times.
 */
START_TEST(every_way_leads_to_the_same_state)
{
	enum { RECORDS = 40, PLANES = 5 };
	char shadow[RECORDS][16] = {{0}};
	struct catalog *planes[PLANES] = {0};
	srand(7);
	history_take(h, batches_snapshot("e", 1, 0, "", 0));
	for (uint64_t v = 2; v < 600; v++) {
		struct feed_batch *b = feed_batch_new(S("e"), v - 1, v, false);
		for (int k = rand() % 4; k > 0; k--) {
			unsigned n = (unsigned)rand() % RECORDS;
			if (rand() % 3 == 0) {
				shadow[n][0] = '\0';
				batches_remove(b, n);
			} else {
				snprintf(shadow[n], sizeof shadow[n], "v%u.%d", (unsigned)v, k);
				batches_put(b, n, shadow[n], 0);
			}
		}
		history_take(h, b);
		int who = rand() % (PLANES * 4);
		if (who >= PLANES)
			continue;
		planes[who] = follow(planes[who], "e");
		planes[who] = follow(planes[who], "e"); /* the first may have been a snapshot made a little earlier */
		ck_assert_uint_eq(catalog_version(planes[who]), v);
		for (unsigned n = 0; n < RECORDS; n++)
			ck_assert(batches_has(planes[who], n, shadow[n][0] ? shadow[n] : NULL));
	}
	for (int i = 0; i < PLANES; i++)
		if (planes[i])
			catalog_free(planes[i]);
}
END_TEST

/* ---- Polls ---- */

static uint64_t read_now(void *arg)
{
	return UINT64_MAX / 2;
}

static struct loop *loop;
static struct sync_server *server;

static void setup_server(void)
{
	struct err e;
	setup();
	tmp_make();
	loop = loop_new(&e);
	server = sync_server_open(loop, tmp_path("rep.ipc"), h, read_now, NULL, &e);
	ck_assert_msg(server != NULL, "%s", e.message);
}

static void teardown_server(void)
{
	sync_server_close(server);
	loop_free(loop);
	teardown();
	tmp_remove();
}

static Gatehouse__Sync__Envelope *ask(Gatehouse__Sync__Poll *p)
{
	uint8_t poll[1024], *bytes;
	size_t len = sync_server_answer(server, slice_of((char *)poll, gatehouse__sync__poll__pack(p, poll)), &bytes);
	Gatehouse__Sync__Envelope *e = gatehouse__sync__envelope__unpack(NULL, len, bytes);
	ck_assert_ptr_nonnull(e);
	free(bytes);
	return e;
}

static Gatehouse__Sync__Poll good(const char *epoch, uint64_t version)
{
	Gatehouse__Sync__Poll p = GATEHOUSE__SYNC__POLL__INIT;
	p.node_id = "dddddddd-0000-4000-8000-000000000001";
	p.epoch = (char *)epoch;
	p.version = version;
	return p;
}

static void answers_error(Gatehouse__Sync__Poll *p, const char *fragment)
{
	Gatehouse__Sync__Envelope *e = ask(p);
	ck_assert_msg(strstr(e->error, fragment) != NULL, "%s", e->error);
	ck_assert_uint_eq(e->parts, 0);
	gatehouse__sync__envelope__free_unpacked(e, NULL);
}

START_TEST(a_poll_before_the_first_read_is_told_to_wait)
{
	Gatehouse__Sync__Poll p = good("", 0);
	answers_error(&p, "not read its configuration yet");
}
END_TEST

START_TEST(bytes_that_are_no_poll_are_answered_with_an_error)
{
	uint8_t *bytes;
	size_t len = sync_server_answer(server, S("\xff\xff\xff"), &bytes);
	Gatehouse__Sync__Envelope *e = gatehouse__sync__envelope__unpack(NULL, len, bytes);
	ck_assert_str_eq(e->error, "message is not a Poll");
	gatehouse__sync__envelope__free_unpacked(e, NULL);
	free(bytes);
}
END_TEST

START_TEST(a_node_that_is_not_who_its_certificate_says_is_refused_and_not_listed)
{
	Gatehouse__Sync__Poll p = good("", 0);
	json_t *all = json_array();
	history_take(h, batches_snapshot("e", 7, 3, "a", 0));
	p.peer = "bbbbbbbb-0000-4000-8000-000000000001";
	answers_error(&p, "not that of the certificate");
	p.peer = "";
	p.node_id = "me";
	answers_error(&p, "not a UUID");
	nodes_list(all);
	ck_assert_uint_eq(json_array_size(all), 0);
	json_decref(all);
}
END_TEST

START_TEST(a_refused_version_is_not_sent_again_until_asked_for)
{
	Gatehouse__Sync__Poll p = good("e", 7);
	history_take(h, batches_snapshot("e", 7, 3, "a", 0));
	history_take(h, batches_one("e", 8, 1, "b"));
	p.error = "no";
	p.error_version = 8;
	Gatehouse__Sync__Envelope *e = ask(&p);
	ck_assert_uint_eq(e->parts, 0);
	gatehouse__sync__envelope__free_unpacked(e, NULL);
	p.error_version = 0;
	e = ask(&p);
	ck_assert_uint_eq(e->parts, 1);
	gatehouse__sync__envelope__free_unpacked(e, NULL);
}
END_TEST

START_TEST(a_wish_that_cannot_be_met_is_answered_from_the_start)
{
	Gatehouse__Sync__Poll p = good("", 0);
	history_take(h, batches_snapshot("e", 7, 3, "a", 0));
	p.want_version = 5;
	p.want_part = 3;
	Gatehouse__Sync__Envelope *e = ask(&p);
	ck_assert_uint_eq(e->version, 7);
	ck_assert_uint_eq(e->part, 0);
	ck_assert_uint_eq(e->parts, 1);
	gatehouse__sync__envelope__free_unpacked(e, NULL);
	p.want_version = 7;
	p.want_part = UINT32_MAX;
	e = ask(&p);
	ck_assert_uint_eq(e->part, 0);
	gatehouse__sync__envelope__free_unpacked(e, NULL);
}
END_TEST

START_TEST(a_node_that_is_ahead_is_left_alone_at_first)
{
	Gatehouse__Sync__Poll p = good("e", 9);
	history_take(h, batches_snapshot("e", 7, 3, "a", 0));
	Gatehouse__Sync__Envelope *e = ask(&p);
	ck_assert_uint_eq(e->parts, 0);
	ck_assert_str_eq(e->error, "");
	gatehouse__sync__envelope__free_unpacked(e, NULL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("history");
	TCase *t = tcase_create("history"), *polls = tcase_create("polls");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_newcomer_gets_a_snapshot_and_then_nothing);
	tcase_add_test(t, an_empty_database_is_a_version_too);
	tcase_add_test(t, what_led_on_from_nothing_is_handed_to_all_who_have_nothing);
	tcase_add_test(t, answers_lead_to_a_version_before_the_catalog_is_there);
	tcase_add_test(t, one_version_behind_gets_that_very_delta);
	tcase_add_test(t, a_gap_is_merged_to_the_last_change_of_each_record);
	tcase_add_test(t, another_epoch_or_a_version_unknown_here_gets_a_snapshot);
	tcase_add_test(t, a_new_epoch_forgets_the_old_history);
	tcase_add_test(t, the_ring_is_bounded_and_a_snapshot_takes_over);
	tcase_add_test(t, parts_of_a_snapshot_stay_available_when_versions_follow);
	tcase_add_test(t, every_way_leads_to_the_same_state);
	suite_add_tcase(s, t);
	tcase_add_checked_fixture(polls, setup_server, teardown_server);
	tcase_add_test(polls, a_poll_before_the_first_read_is_told_to_wait);
	tcase_add_test(polls, bytes_that_are_no_poll_are_answered_with_an_error);
	tcase_add_test(polls, a_node_that_is_not_who_its_certificate_says_is_refused_and_not_listed);
	tcase_add_test(polls, a_refused_version_is_not_sent_again_until_asked_for);
	tcase_add_test(polls, a_wish_that_cannot_be_met_is_answered_from_the_start);
	tcase_add_test(polls, a_node_that_is_ahead_is_left_alone_at_first);
	suite_add_tcase(s, polls);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
