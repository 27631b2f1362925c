/* subscriber and publisher, end to end in one process, without a database: "gap, restart, oversized config (more than
 * 1 MiB, in parts), lost PUB, epoch change: each ends in the right version". The data plane's main loop is the
 * test's; the control plane has its own threads.
 * Threads: a waiting writer, and those of the publisher and the link. */
#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/core/clock.h"
#include "common/core/log.h"
#include "cp/publish/applied.h"
#include "cp/publish/nodes.h"
#include "cp/publish/orders.h"
#include "cp/publish/publish_private.h"
#include "dp/config/subscriber.h"
#include "tests/support/batches.h"
#include "tests/support/certs.h"
#include "tests/support/in_step.h"
#include "tests/support/tmp.h"

static const char dp_id[] = "dddddddd-0000-4000-8000-000000000001";

static struct settings settings; /* of both planes */
static struct publish *cp;
static struct err e;

/* One data plane. */
struct plane {
	struct loop *loop;
	struct loop_timer *ticker;
	struct replica *replica;
	struct subscriber *subscriber;
	uint64_t refuses; /* this version */
	unsigned applied; /* how often */
};
static struct plane dp;

static bool on_apply(struct catalog *c, struct slice epoch, void *arg, struct err *why)
{
	struct plane *p = arg;
	if (p->refuses && catalog_version(c) == p->refuses)
		return err_set(why, "version %llu is refused by the test", (unsigned long long)p->refuses);
	p->applied++;
	catalog_free(c);
	return true;
}

static void tick(void *arg)
{
}

static void start_cp(void)
{
	cp = publish_open(&settings, &e);
	ck_assert_msg(cp != NULL, "%s", e.message);
}

static void stop_cp(void)
{
	publish_stop(cp);
	cp = NULL;
}

static void start_subscriber(void)
{
	dp.subscriber = subscriber_start(dp.loop, &settings, dp.replica, &e);
	ck_assert_msg(dp.subscriber != NULL, "%s", e.message);
}

static void stop_subscriber(void)
{
	subscriber_stop(dp.subscriber);
	dp.subscriber = NULL;
}

static void new_replica(void)
{
	replica_free(dp.replica);
	dp.replica = replica_new(on_apply, &dp);
}

static void setup(void)
{
	log_set_level(LOG_EMERG);
	settings = (struct settings){
	        .prefix = slice_cstr(tmp_make()), .cluster_control_plane = S("ipc"), .node_id = slice_cstr(dp_id)};
	dp = (struct plane){0};
	dp.loop = loop_new(&e);
	dp.ticker = loop_timer_new(dp.loop, 2, true, tick, NULL);
	new_replica();
	start_cp();
}

static void teardown(void)
{
	if (dp.subscriber)
		stop_subscriber();
	stop_cp();
	replica_free(dp.replica);
	loop_timer_free(dp.ticker);
	loop_free(dp.loop);
	tmp_remove();
}

static void run_for(int ms)
{
	uint64_t until = clock_mono_ms() + (uint64_t)ms;
	while (clock_mono_ms() < until)
		event_base_loop(dp.loop->base, EVLOOP_ONCE);
}

static bool is_at(const char *epoch, uint64_t version)
{
	return replica_has_config(dp.replica) && replica_version(dp.replica) == version &&
	       slice_eq(replica_epoch(dp.replica), slice_cstr(epoch));
}

/* How many ms until the data plane has that version. */
static uint64_t reaches(const char *epoch, uint64_t version)
{
	uint64_t from = clock_mono_ms();
	while (!is_at(epoch, version) && clock_mono_ms() - from < 20000)
		event_base_loop(dp.loop->base, EVLOOP_ONCE);
	ck_assert_msg(is_at(epoch, version), "at version %llu of epoch '%s', expected %llu of '%s'",
	        (unsigned long long)replica_version(dp.replica), replica_epoch(dp.replica).ptr,
	        (unsigned long long)version, epoch);
	return clock_mono_ms() - from;
}

static bool has(unsigned n, const char *mark)
{
	return batches_has(replica_catalog(dp.replica), n, mark);
}

static void offer(struct feed_batch *b)
{
	publish_offer(cp, b);
}

/* Until the control plane has published that version. */
static void published(uint64_t version)
{
	struct publish_status st;
	do {
		usleep(1000);
		publish_status(cp, &st);
	} while (st.version != version);
}

/* A write waits for those that the control plane knows to have what there was before. */
static void run_until_in_step(void)
{
	for (int i = 0; i < 200 && !is_known_in_step(); i++)
		run_for(50);
	ck_assert_msg(is_known_in_step(), "the control plane does not know that the data plane has all");
}

static void begin(uint64_t version)
{
	offer(batches_snapshot("e", version, 3, "a", 0));
	start_subscriber();
	reaches("e", version);
	run_for(300); /* both sockets are connected by now */
	run_until_in_step();
}

/* ---- following ---- */

START_TEST(a_data_plane_gets_everything_and_then_each_change_within_milliseconds)
{
	begin(5);
	ck_assert(has(0, "a") && has(2, "a") && has(3, NULL));
	uint64_t slowest = 0;
	for (uint64_t v = 6; v < 26; v++) {
		offer(batches_one("e", v, 1, "b"));
		uint64_t ms = reaches("e", v);
		slowest = ms > slowest ? ms : slowest;
	}
	ck_assert(has(1, "b"));
	ck_assert_uint_lt(slowest, 200); /* far below the next heartbeat */
}
END_TEST

START_TEST(a_data_plane_that_starts_first_waits_for_the_control_plane)
{
	stop_cp();
	start_subscriber();
	run_for(500);
	ck_assert(!replica_has_config(dp.replica));
	start_cp();
	run_for(500);
	offer(batches_snapshot("e", 5, 3, "a", 0));
	reaches("e", 5);
}
END_TEST

START_TEST(published_messages_that_got_lost_are_made_up_for)
{
	struct feed_batch *b;
	begin(5);
	/* Far more than fits the buffers, while the data plane does not read. */
	for (uint64_t v = 6; v < 206; v++) {
		b = feed_batch_new(S("e"), v - 1, v, false);
		batches_put(b, (unsigned)v, "lost", 200 * 1000);
		offer(b);
	}
	published(205);
	reaches("e", 205);
	for (unsigned n = 6; n < 206; n++)
		ck_assert(has(n, "lost"));
	ck_assert(has(1, "a"));
}
END_TEST

START_TEST(a_lost_last_message_is_noticed_by_the_next_poll)
{
	begin(5);
	stop_subscriber();
	offer(batches_one("e", 6, 1, "b"));
	published(6);
	start_subscriber();
	ck_assert_uint_lt(reaches("e", 6), 3000);
	ck_assert(has(1, "b"));
}
END_TEST

START_TEST(a_gap_is_closed_with_a_delta_while_the_history_reaches_back)
{
	begin(5);
	stop_subscriber();
	for (uint64_t v = 6; v < 100; v++)
		offer(batches_one("e", v, (unsigned)v % 10, v < 96 ? "b" : "c"));
	published(99);
	unsigned before = dp.applied;
	start_subscriber();
	reaches("e", 99);
	ck_assert_uint_eq(dp.applied, before + 1); /* one merged delta */
	ck_assert(has(9, "c") && has(3, "b") && has(0, "b"));
}
END_TEST

/* ---- restarts ---- */

START_TEST(a_restarted_control_plane_is_followed_again)
{
	begin(5);
	stop_cp();
	run_for(300);
	start_cp();
	offer(batches_snapshot("e", 5, 3, "a", 0));
	offer(batches_one("e", 6, 1, "b"));
	ck_assert_uint_lt(reaches("e", 6), 8000);
	offer(batches_one("e", 7, 1, "c"));
	reaches("e", 7);
	ck_assert(has(1, "c"));
}
END_TEST

START_TEST(a_control_plane_that_was_away_for_long_is_found_again)
{
	begin(5);
	stop_cp();
	run_for(5000); /* three silent polls: the sockets were opened anew */
	struct subscriber_status st;
	subscriber_status(dp.subscriber, &st);
	ck_assert_uint_ne(st.down_since_ms, 0);
	ck_assert(has(1, "a")); /* and what is here keeps serving */
	start_cp();
	offer(batches_snapshot("e", 9, 3, "z", 0));
	ck_assert_uint_lt(reaches("e", 9), 8000);
	run_for(50);
	subscriber_status(dp.subscriber, &st);
	ck_assert_uint_eq(st.down_since_ms, 0);
}
END_TEST

START_TEST(a_restarted_data_plane_serves_from_disk_before_it_connects)
{
	begin(5);
	offer(batches_one("e", 6, 1, "b"));
	reaches("e", 6);
	stop_subscriber();
	stop_cp();
	new_replica();
	start_subscriber();
	ck_assert(is_at("e", 6)); /* at once, and without a control plane */
	ck_assert(has(1, "b") && has(0, "a"));
	start_cp();
	offer(batches_snapshot("e", 6, 3, "a", 0));
	offer(batches_one("e", 7, 2, "c"));
	reaches("e", 7);
}
END_TEST

/* ---- large ---- */

START_TEST(a_configuration_beyond_one_mebibyte_comes_in_parts)
{
	offer(batches_snapshot("e", 5, 5000, "a", 1000));
	start_subscriber();
	reaches("e", 5);
	ck_assert_uint_eq(batches_count(replica_catalog(dp.replica)), 5000);
	ck_assert(has(4999, "a"));
}
END_TEST

START_TEST(versions_that_appear_while_parts_are_fetched_end_in_the_newest)
{
	uint64_t v = 5;
	offer(batches_snapshot("e", v, 5000, "a", 1000));
	start_subscriber();
	while (!replica_has_config(dp.replica)) {
		event_base_loop(dp.loop->base, EVLOOP_ONCE);
		if (v < 200) {
			v++;
			offer(batches_one("e", v, (unsigned)v, "b"));
		}
	}
	reaches("e", v);
	ck_assert_uint_eq(batches_count(replica_catalog(dp.replica)), 5000);
	for (unsigned n = 0; n < 5000; n++)
		ck_assert(has(n, n >= 6 && n <= v ? "b" : "a"));
}
END_TEST

START_TEST(one_change_beyond_one_mebibyte_comes_in_parts)
{
	begin(5);
	struct feed_batch *b = feed_batch_new(S("e"), 5, 6, false);
	for (unsigned n = 0; n < 20; n++)
		batches_put(b, n, "big", 150 * 1000);
	batches_put(b, 20, "huge", 3 * 1000 * 1000);
	offer(b);
	reaches("e", 6);
	ck_assert(has(19, "big") && has(20, "huge"));
}
END_TEST

/* ---- orders ---- */

static struct {
	unsigned carried_out;
	char last[64];
} orders_seen;

static json_t *add_one(const json_t *payload, void *arg)
{
	orders_seen.carried_out++;
	snprintf(orders_seen.last, sizeof orders_seen.last, "%s", (const char *)arg);
	return json_integer(json_integer_value(payload) + 1);
}

static json_t *say_too_much(const json_t *payload, void *arg)
{
	json_t *text = json_array();
	for (int i = 0; i < ORDER_RESULT_MAX / 4; i++)
		json_array_append_new(text, json_integer(12345));
	return text;
}

static const struct order_handler handlers[] = {{"add", add_one}, {"talk", say_too_much}, {0}};

struct order_giver {
	const char *kind;
	json_t *results;
	unsigned silent;
	atomic_bool is_done;
};

static void *give_order(void *arg)
{
	struct order_giver *g = arg;
	json_t *payload = json_integer(41);
	g->results = orders_give(g->kind, payload, 5000, &g->silent);
	json_decref(payload);
	g->is_done = true;
	return NULL;
}

/* What the data plane says to an order, in milliseconds. */
static json_t *ordered(const char *kind)
{
	struct order_giver g = {.kind = kind};
	pthread_t thread;
	pthread_create(&thread, NULL, give_order, &g);
	while (!g.is_done)
		event_base_loop(dp.loop->base, EVLOOP_ONCE);
	pthread_join(thread, NULL);
	ck_assert_uint_eq(g.silent, 0);
	ck_assert_uint_eq(json_array_size(g.results), 1);
	json_t *result = json_incref(json_array_get(g.results, 0));
	json_decref(g.results);
	return result;
}

START_TEST(orders_are_carried_out_and_answered_at_once)
{
	uint64_t from;
	begin(5);
	memset(&orders_seen, 0, sizeof orders_seen);
	subscriber_carry_out(dp.subscriber, handlers, "here");
	from = clock_mono_ms();
	for (unsigned i = 1; i <= 3; i++) {
		json_t *result = ordered("add");
		ck_assert_int_eq(json_integer_value(result), 42);
		ck_assert_uint_eq(orders_seen.carried_out, i);
		json_decref(result);
	}
	ck_assert_uint_lt(clock_mono_ms() - from, 900); /* none waited for a heartbeat */
	ck_assert_str_eq(orders_seen.last, "here");
	run_for(1500);
	ck_assert_uint_eq(orders_seen.carried_out, 3);
}
END_TEST

START_TEST(orders_that_nobody_knows_or_that_say_too_much_have_no_result)
{
	static const char *const kinds[] = {"talk", "unheard of"};
	begin(5);
	subscriber_carry_out(dp.subscriber, handlers, "here");
	for (size_t i = 0; i < 2; i++) {
		json_t *result = ordered(kinds[i]);
		ck_assert(json_is_null(result));
		json_decref(result);
	}
}
END_TEST

static void order_without_waiting(void)
{
	unsigned silent = 0;
	json_t *payload = json_integer(1), *results = orders_give("add", payload, 0, &silent);
	ck_assert_uint_eq(json_array_size(results), 0);
	json_decref(payload);
	json_decref(results);
}

START_TEST(a_data_plane_that_was_away_for_a_moment_gets_its_orders)
{
	begin(5);
	memset(&orders_seen, 0, sizeof orders_seen);
	subscriber_carry_out(dp.subscriber, handlers, "here");
	order_without_waiting(); /* while it does nothing */
	order_without_waiting();
	for (int i = 0; i < 100 && orders_seen.carried_out < 2; i++)
		run_for(20);
	run_for(1200);
	ck_assert_uint_eq(orders_seen.carried_out, 2);
}
END_TEST

/* proxy.md 6.5: a mark does not survive a restart. */
START_TEST(what_was_ordered_before_a_data_plane_began_is_not_for_it)
{
	begin(5);
	memset(&orders_seen, 0, sizeof orders_seen);
	stop_subscriber();
	order_without_waiting();
	run_for(20);
	start_subscriber();
	subscriber_carry_out(dp.subscriber, handlers, "here");
	for (int i = 0; i < 250 && nodes_connected() == 0; i++)
		run_for(20);
	json_t *result = ordered("add"); /* what was to come has come */
	ck_assert_int_eq(json_integer_value(result), 42);
	ck_assert_uint_eq(orders_seen.carried_out, 1);
	json_decref(result);
}
END_TEST

START_TEST(an_order_has_a_limit)
{
	char *text = malloc(ORDERS_PAYLOAD_MAX + 1);
	memset(text, 'x', ORDERS_PAYLOAD_MAX);
	text[ORDERS_PAYLOAD_MAX] = '\0';
	json_t *payload = json_string(text);
	ck_assert_ptr_null(orders_give("add", payload, 0, NULL));
	json_decref(payload);
	free(text);
}
END_TEST

/* ---- another history ---- */

START_TEST(a_new_epoch_replaces_everything_even_by_a_lower_version)
{
	begin(5);
	offer(batches_snapshot("f", 2, 1, "f", 0));
	ck_assert_uint_lt(reaches("f", 2), 2500);
	ck_assert(has(0, "f") && has(1, NULL) && has(2, NULL));
	offer(batches_one("f", 3, 7, "f"));
	reaches("f", 3);
}
END_TEST

/* ---- refusing ---- */

static json_t *node(void)
{
	json_t *all = json_array();
	publish_nodes(all);
	ck_assert_uint_eq(json_array_size(all), 1);
	json_t *one = json_incref(json_array_get(all, 0));
	json_decref(all);
	return one;
}

static const char *member(json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));
	return s ? s : "";
}

START_TEST(a_refused_version_is_reported_and_the_next_one_heals)
{
	unsigned applied, connected;
	begin(5);
	dp.refuses = 6;
	offer(batches_one("e", 6, 1, "bad"));
	run_for(400);
	ck_assert(is_at("e", 5) && has(1, "a"));
	json_t *n = node();
	ck_assert_ptr_nonnull(strstr(member(n, "last_error"), "refused by the test"));
	ck_assert_int_eq(json_integer_value(json_object_get(n, "error_version")), 6);
	ck_assert_int_eq(json_integer_value(json_object_get(n, "config_version")), 5);
	json_decref(n);
	uint64_t from = clock_mono_ms();
	applied_wait(6, 1000, &applied, &connected);
	ck_assert_uint_lt(clock_mono_ms() - from, 100);
	ck_assert_uint_eq(applied, 0);
	ck_assert_uint_eq(connected, 1);

	offer(batches_one("e", 7, 1, "good"));
	reaches("e", 7);
	ck_assert(has(1, "good"));
	run_for(100);
	n = node();
	ck_assert_str_eq(member(n, "last_error"), "");
	json_decref(n);
}
END_TEST

START_TEST(a_refused_version_is_tried_again_after_a_pause_and_not_all_the_time)
{
	begin(5);
	dp.refuses = 6;
	unsigned before = dp.applied;
	offer(batches_one("e", 6, 1, "b"));
	run_for(1500);
	ck_assert_uint_eq(dp.applied, before);
	dp.refuses = 0; /* whatever it was, it is gone */
	uint64_t ms = reaches("e", 6);
	ck_assert_uint_lt(ms, 5000);
}
END_TEST

START_TEST(a_record_that_does_not_load_changes_nothing)
{
	begin(5);
	struct feed_batch *b = feed_batch_new(S("e"), 5, 6, false);
	struct uuid id = batches_id(9);
	batches_put(b, 1, "b", 0);
	feed_batch_add(b, batches_kind(), &id, S("{\"username\":17}"));
	offer(b);
	run_for(500);
	ck_assert(is_at("e", 5) && has(1, "a"));
	b = feed_batch_new(S("e"), 6, 7, false);
	batches_put(b, 9, "mended", 0);
	offer(b);
	reaches("e", 7);
	ck_assert(has(1, "b") && has(9, "mended"));
}
END_TEST

/* ---- waiting for the data planes ---- */

struct wait {
	uint64_t version;
	unsigned most_ms, applied, connected;
	uint64_t ms;
	atomic_bool done;
};

static void *wait_applied(void *arg)
{
	struct wait *w = arg;
	uint64_t from = clock_mono_ms();
	applied_wait(w->version, w->most_ms, &w->applied, &w->connected);
	w->ms = clock_mono_ms() - from;
	atomic_store(&w->done, true);
	return NULL;
}

static struct wait waited(uint64_t version, bool run)
{
	struct wait w = {.version = version, .most_ms = run ? 10000 : 200};
	pthread_t t;
	pthread_create(&t, NULL, wait_applied, &w);
	while (run && !atomic_load(&w.done))
		event_base_loop(dp.loop->base, EVLOOP_ONCE);
	pthread_join(t, NULL);
	return w;
}

START_TEST(a_write_is_answered_as_soon_as_the_data_plane_has_it)
{
	begin(5);
	for (uint64_t v = 6; v < 16; v++) {
		offer(batches_one("e", v, 1, "b"));
		struct wait w = waited(v, true);
		ck_assert_uint_eq(w.applied, 1);
		ck_assert_uint_eq(w.connected, 1);
		ck_assert(is_at("e", v));
	}
}
END_TEST

START_TEST(a_stuck_data_plane_costs_one_wait_only)
{
	begin(5);
	offer(batches_one("e", 6, 1, "b"));
	struct wait w = waited(6, false); /* its loop does not run */
	ck_assert_uint_ge(w.ms, 190);
	ck_assert_uint_eq(w.applied, 0);
	offer(batches_one("e", 7, 1, "c"));
	ck_assert_uint_lt(waited(7, false).ms, 100);
	reaches("e", 7);
	run_for(200); /* says so */
	offer(batches_one("e", 8, 1, "d"));
	w = waited(8, true);
	ck_assert_uint_eq(w.applied, 1);
}
END_TEST

START_TEST(a_data_plane_that_stops_cleanly_is_not_waited_for)
{
	begin(5);
	stop_subscriber();
	offer(batches_one("e", 6, 1, "b"));
	struct wait w = waited(6, false);
	ck_assert_uint_lt(w.ms, 100);
	ck_assert_uint_eq(w.connected, 0);
}
END_TEST

/* ---- over TLS ---- */

static void use_tls(void)
{
	certs_make_ca("ca");
	certs_make("cp", "ca", "cccccccc-0000-4000-8000-000000000001", -60, 3600, false);
	certs_make("dp", "ca", "dddddddd-0000-4000-8000-000000000002", -60, 3600, true);
	static char files[5][256];
	const char *names[] = {"ca.crt", "cp.crt", "cp.key", "dp.crt", "dp.key"};
	for (int i = 0; i < 5; i++)
		snprintf(files[i], sizeof files[i], "%s", tmp_path(names[i]));
	settings.cluster_ca_cert = slice_cstr(files[0]);
	settings.cluster_cert = slice_cstr(files[1]);
	settings.cluster_cert_key = slice_cstr(files[2]);
	settings.cluster_listen = S("127.0.0.1:21330");
	ck_assert_msg(publish_open_cluster(cp, &settings, &e), "%s", e.message);
	settings.cluster_cert = slice_cstr(files[3]);
	settings.cluster_cert_key = slice_cstr(files[4]);
	settings.cluster_control_plane = S("127.0.0.1:21330");
}

START_TEST(over_tls_the_same_and_the_node_is_the_one_of_the_certificate)
{
	use_tls();
	offer(batches_snapshot("e", 5, 5000, "a", 1000));
	start_subscriber();
	reaches("e", 5);
	run_for(500);
	run_until_in_step();
	for (uint64_t v = 6; v < 16; v++) {
		offer(batches_one("e", v, 1, "b"));
		ck_assert_uint_eq(waited(v, true).applied, 1);
	}
	run_until_in_step(); /* the answer to the last poll */
	json_t *n = node();
	ck_assert_str_eq(member(n, "id"), "dddddddd-0000-4000-8000-000000000002");
	ck_assert(json_is_true(json_object_get(n, "in_step")));
	json_decref(n);
	struct subscriber_status st;
	for (int i = 0; i < 200 && (subscriber_status(dp.subscriber, &st), !st.is_in_step); i++)
		run_for(50);
	ck_assert_str_eq(st.node_id, "dddddddd-0000-4000-8000-000000000002");
	ck_assert(st.is_in_step);
	ck_assert_uint_eq(st.down_since_ms, 0);
	stop_subscriber(); /* says good-bye through the tunnel */
	offer(batches_one("e", 16, 1, "b"));
	ck_assert_uint_eq(waited(16, false).connected, 0);
}
END_TEST

START_TEST(wrong_settings_are_named)
{
	settings.cluster_control_plane = S("nowhere");
	settings.cluster_cert = settings.cluster_cert_key = settings.cluster_ca_cert = S("x");
	ck_assert_ptr_null(subscriber_start(dp.loop, &settings, dp.replica, &e));
	ck_assert_ptr_nonnull(strstr(e.message, "nowhere"));
	settings.cluster_cert = S("");
	ck_assert_ptr_null(subscriber_start(dp.loop, &settings, dp.replica, &e));
	ck_assert_ptr_nonnull(strstr(e.message, "cluster_cert"));
	settings.cluster_control_plane = S("ipc");
	settings.node_id = S("me");
	ck_assert_ptr_null(subscriber_start(dp.loop, &settings, dp.replica, &e));
	ck_assert_ptr_nonnull(strstr(e.message, "node_id is 'me'"));
	settings.cluster_listen = S("127.0.0.1:21331");
	settings.cluster_cert = S("");
	ck_assert(!publish_open_cluster(cp, &settings, &e));
	ck_assert_ptr_nonnull(strstr(e.message, "cluster_cert"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("subscriber");
	TCase *t = tcase_create("subscriber");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_data_plane_gets_everything_and_then_each_change_within_milliseconds);
	tcase_add_test(t, a_data_plane_that_starts_first_waits_for_the_control_plane);
	tcase_add_test(t, published_messages_that_got_lost_are_made_up_for);
	tcase_add_test(t, a_lost_last_message_is_noticed_by_the_next_poll);
	tcase_add_test(t, a_gap_is_closed_with_a_delta_while_the_history_reaches_back);
	tcase_add_test(t, a_restarted_control_plane_is_followed_again);
	tcase_add_test(t, a_control_plane_that_was_away_for_long_is_found_again);
	tcase_add_test(t, a_restarted_data_plane_serves_from_disk_before_it_connects);
	tcase_add_test(t, a_configuration_beyond_one_mebibyte_comes_in_parts);
	tcase_add_test(t, versions_that_appear_while_parts_are_fetched_end_in_the_newest);
	tcase_add_test(t, one_change_beyond_one_mebibyte_comes_in_parts);
	tcase_add_test(t, a_new_epoch_replaces_everything_even_by_a_lower_version);
	tcase_add_test(t, a_refused_version_is_reported_and_the_next_one_heals);
	tcase_add_test(t, a_refused_version_is_tried_again_after_a_pause_and_not_all_the_time);
	tcase_add_test(t, a_record_that_does_not_load_changes_nothing);
	tcase_add_test(t, a_write_is_answered_as_soon_as_the_data_plane_has_it);
	tcase_add_test(t, a_stuck_data_plane_costs_one_wait_only);
	tcase_add_test(t, a_data_plane_that_stops_cleanly_is_not_waited_for);
	tcase_add_test(t, over_tls_the_same_and_the_node_is_the_one_of_the_certificate);
	tcase_add_test(t, orders_are_carried_out_and_answered_at_once);
	tcase_add_test(t, orders_that_nobody_knows_or_that_say_too_much_have_no_result);
	tcase_add_test(t, a_data_plane_that_was_away_for_a_moment_gets_its_orders);
	tcase_add_test(t, what_was_ordered_before_a_data_plane_began_is_not_for_it);
	tcase_add_test(t, an_order_has_a_limit);
	tcase_add_test(t, wrong_settings_are_named);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
