/* sync_server: what a Poll is answered, and what peers of the release before and the one after may say
 * (proto/README.md, "Changing it"; pitfalls.md A1-8). */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/core/clock.h"
#include "common/core/log.h"
#include "cp/publish/nodes.h"
#include "cp/publish/orders.h"
#include "cp/publish/sync_server.h"
#include "tests/support/batches.h"
#include "tests/support/tmp.h"

static struct loop *loop;
static struct history *history;
static struct sync_server *server;

static uint64_t just_now(void *arg)
{
	return clock_mono_ms();
}

static void setup(void)
{
	struct err e;
	static char path[256];
	log_set_level(LOG_EMERG);
	snprintf(path, sizeof path, "%s/rep.ipc", tmp_make());
	loop = loop_new(&e);
	history = history_new();
	server = sync_server_open(loop, path, history, just_now, NULL, &e);
	ck_assert_msg(server != NULL, "%s", e.message);
}

static void teardown(void)
{
	sync_server_close(server);
	history_free(history);
	loop_free(loop);
	nodes_clear();
	orders_clear();
	tmp_remove();
}

static Gatehouse__Sync__Envelope *answer_to(struct slice poll)
{
	uint8_t *bytes;
	size_t len = sync_server_answer(server, poll, &bytes);
	Gatehouse__Sync__Envelope *e = gatehouse__sync__envelope__unpack(NULL, len, bytes);
	ck_assert_ptr_nonnull(e);
	free(bytes);
	return e;
}

/* A Poll of node n at a version of epoch "e"; more: bytes that follow it, as a newer release would send. */
static Gatehouse__Sync__Envelope *ask(
        unsigned n, uint64_t version, const Gatehouse__Sync__Poll *with, struct slice more)
{
	Gatehouse__Sync__Poll p = with ? *with : (Gatehouse__Sync__Poll)GATEHOUSE__SYNC__POLL__INIT;
	char id[40], bytes[1024];
	snprintf(id, sizeof id, "dddddddd-0000-4000-8000-%012u", n);
	p.node_id = id;
	p.epoch = version ? "e" : "";
	p.version = version;
	ck_assert_uint_lt(gatehouse__sync__poll__get_packed_size(&p) + more.len, sizeof bytes);
	size_t len = gatehouse__sync__poll__pack(&p, (uint8_t *)bytes);
	memcpy(bytes + len, more.ptr, more.len);
	return answer_to(slice_of(bytes, len + more.len));
}

static void done(Gatehouse__Sync__Envelope *e)
{
	gatehouse__sync__envelope__free_unpacked(e, NULL);
}

static void order(void)
{
	json_t *payload = json_integer(1);
	json_decref(orders_give("add", payload, 0, NULL));
	json_decref(payload);
}

START_TEST(a_node_that_asks_another_one_hears_the_version_only)
{
	Gatehouse__Sync__Poll p = GATEHOUSE__SYNC__POLL__INIT;
	history_take(history, batches_snapshot("e", 5, 3, "a", 0));
	Gatehouse__Sync__Envelope *e = ask(1, 0, NULL, S(""));
	ck_assert_uint_eq(e->parts, 1);
	done(e);
	p.report_only = true;
	e = ask(1, 0, &p, S(""));
	ck_assert_uint_eq(e->parts, 0);
	ck_assert_uint_eq(e->version, 5);
	done(e);
}
END_TEST

/* The release before this one: no up_ms, no held_back, no report_only. */
START_TEST(a_node_of_an_older_release_is_answered_as_ever)
{
	history_take(history, batches_snapshot("e", 5, 3, "a", 0));
	order();
	Gatehouse__Sync__Envelope *e = ask(1, 5, NULL, S(""));
	ck_assert_str_eq(e->error, "");
	ck_assert_uint_eq(e->n_orders, 1); /* it does not say when it began */
	done(e);
}
END_TEST

START_TEST(orders_before_its_beginning_are_not_for_a_node)
{
	Gatehouse__Sync__Poll p = GATEHOUSE__SYNC__POLL__INIT;
	history_take(history, batches_snapshot("e", 5, 3, "a", 0));
	order();
	p.up_ms = 60 * 1000;
	Gatehouse__Sync__Envelope *e = ask(1, 5, &p, S(""));
	ck_assert_uint_eq(e->n_orders, 1);
	ck_assert_uint_ne(e->orders[0]->id, 0);
	done(e);
	uint64_t given_ms = clock_mono_ms();
	while (clock_mono_ms() < given_ms + 5)
		;
	p.up_ms = 2;
	e = ask(2, 5, &p, S(""));
	ck_assert_uint_eq(e->n_orders, 0);
	ck_assert_uint_eq(e->newest_order, 1);
	done(e);
}
END_TEST

/* The release after this one: fields that nobody here has heard of; and what it holds back is shown. */
START_TEST(a_node_of_a_newer_release_is_understood_as_far_as_it_goes)
{
	static const struct slice more = SLICE("\xfa\x7f\x03new"); /* field 2047, length 3 */
	Gatehouse__Sync__Poll p = GATEHOUSE__SYNC__POLL__INIT;
	p.held_back = "acls, routes.color";
	p.hostname = "h";
	history_take(history, batches_snapshot("e", 5, 3, "a", 0));
	Gatehouse__Sync__Envelope *e = ask(1, 5, &p, more);
	ck_assert_str_eq(e->error, "");
	ck_assert_uint_eq(e->version, 5);
	done(e);
	json_t *list = json_array();
	nodes_list(list);
	ck_assert_str_eq(
	        json_string_value(json_object_get(json_array_get(list, 0), "held_back")), "acls, routes.color");
	json_decref(list);
}
END_TEST

/* A thousand that come at once: a bounded number fetches, the others are told when to come back. */
START_TEST(few_fetch_at_a_time_and_the_others_are_told_to_wait)
{
	Gatehouse__Sync__Poll p = GATEHOUSE__SYNC__POLL__INIT;
	history_take(history, batches_snapshot("e", 5, 10, "a", 100 * 1000)); /* two parts */
	unsigned fetching = 0, waiting = 0;
	for (unsigned n = 1; n <= 100; n++) {
		Gatehouse__Sync__Envelope *e = ask(n, 0, NULL, S(""));
		fetching += e->parts == 2;
		waiting += e->parts == 0 && e->try_after_ms > 0 && e->error[0];
		done(e);
	}
	ck_assert_uint_eq(fetching, 32);
	ck_assert_uint_eq(fetching + waiting, 100);
	p.want_version = 5;
	p.want_part = 1;
	done(ask(1, 0, &p, S(""))); /* the last part: its place is free */
	Gatehouse__Sync__Envelope *e = ask(100, 0, NULL, S(""));
	ck_assert_uint_eq(e->parts, 2);
	done(e);
	e = ask(99, 0, NULL, S(""));
	ck_assert_uint_eq(e->parts, 0);
	done(e);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sync_server");
	TCase *t = tcase_create("all");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_node_that_asks_another_one_hears_the_version_only);
	tcase_add_test(t, a_node_of_an_older_release_is_answered_as_ever);
	tcase_add_test(t, orders_before_its_beginning_are_not_for_a_node);
	tcase_add_test(t, a_node_of_a_newer_release_is_understood_as_far_as_it_goes);
	tcase_add_test(t, few_fetch_at_a_time_and_the_others_are_told_to_wait);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
