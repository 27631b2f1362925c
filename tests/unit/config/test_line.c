/* line: one request at a time, whatever the control plane does. The test is the control plane: a REP socket of its
 * own. */
#include <check.h>
#include <nanomsg/nn.h>
#include <nanomsg/pubsub.h>
#include <nanomsg/reqrep.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/core/clock.h"
#include "common/core/file.h"
#include "common/core/log.h"
#include "common/net/loop.h"
#include "common/sync/sp.h"
#include "dp/config/line.h"
#include "tests/support/tmp.h"

static struct err e;
static struct loop *loop;
static struct loop_timer *ticker;
static struct settings settings;
static struct order_memory memory;
static struct line line;
static int pub, rep;
static unsigned answers, silences;

static void fill(struct line *l, Gatehouse__Sync__Poll *p, void *arg)
{
	p->node_id = l->uplink.node_id;
}

static bool take_answer(struct line *l, const Gatehouse__Sync__Envelope *envelope, void *arg)
{
	answers++;
	return false;
}

static bool take_published(struct line *l, const Gatehouse__Sync__Envelope *envelope, void *arg)
{
	return false;
}

static void on_drained(void *arg)
{
}

static void on_silence(struct line *l, void *arg)
{
	silences++;
}

static const struct line_ops ops = {fill, take_answer, take_published, on_drained, on_silence};

static void tick(void *arg)
{
}

static void setup(void)
{
	static char folder[256], path[300];
	log_set_level(LOG_EMERG);
	snprintf(folder, sizeof folder, "%s", tmp_make());
	settings = (struct settings){
	        .prefix = slice_cstr(folder), .node_id = S("dddddddd-0000-4000-8000-000000000001")};
	snprintf(path, sizeof path, "%s/sync", folder);
	ck_assert(file_make_dirs(path, 0700, &e));
	snprintf(path, sizeof path, "%s/sync/pub.ipc", folder);
	pub = sp_bind(NN_PUB, path, &e);
	snprintf(path, sizeof path, "%s/sync/rep.ipc", folder);
	rep = sp_bind(NN_REP, path, &e);
	loop = loop_new(&e);
	ticker = loop_timer_new(loop, 2, true, tick, NULL);
	answers = silences = 0;
	line = (struct line){.ops = &ops, .orders = {.memory = &memory}};
	ck_assert_msg(line_open(&line, loop, &settings, S("ipc"), 0, &e), "%s", e.message);
	line_poll(&line);
}

static void teardown(void)
{
	line_close(&line);
	nn_close(pub);
	nn_close(rep);
	loop_timer_free(ticker);
	loop_free(loop);
	tmp_remove();
}

static void run_for(int ms)
{
	uint64_t until = clock_mono_ms() + (uint64_t)ms;
	while (clock_mono_ms() < until)
		event_base_loop(loop->base, EVLOOP_ONCE);
}

/* A Poll has come. */
static bool is_asked(void)
{
	void *poll;
	int n = nn_recv(rep, &poll, NN_MSG, NN_DONTWAIT);
	if (n >= 0)
		nn_freemsg(poll);
	return n >= 0;
}

static void await_poll(void)
{
	uint64_t until = clock_mono_ms() + 5000;
	while (!is_asked()) {
		ck_assert_uint_lt(clock_mono_ms(), until);
		event_base_loop(loop->base, EVLOOP_ONCE);
	}
}

static void answer(uint32_t try_after_ms)
{
	Gatehouse__Sync__Envelope envelope = GATEHOUSE__SYNC__ENVELOPE__INIT;
	uint8_t bytes[64];
	envelope.try_after_ms = try_after_ms;
	envelope.error = try_after_ms ? "later" : "";
	size_t len = gatehouse__sync__envelope__pack(&envelope, bytes);
	ck_assert_int_ge(nn_send(rep, bytes, len, 0), 0);
}

static void await_answer(unsigned count)
{
	uint64_t until = clock_mono_ms() + 5000;
	while (answers < count && clock_mono_ms() < until)
		event_base_loop(loop->base, EVLOOP_ONCE);
	ck_assert_uint_eq(answers, count);
}

/* The late answer to a replaced request would leave nanomsg in a state in which closing the socket aborts. */
START_TEST(a_poll_that_is_not_answered_yet_is_not_replaced)
{
	await_poll();
	line_poll(&line);
	line_poll(&line);
	run_for(1500);
	struct pollfd more = {
	        .fd = sp_readable_fd(rep), .events = POLLIN}; /* to receive would be to forget the first */
	ck_assert_int_eq(poll(&more, 1, 0), 0);
	ck_assert_uint_eq(silences, 0);
	answer(0);
	await_answer(1);
	await_poll(); /* what was wanted meanwhile, at once */
	ck_assert(line_is_well(&line));
}
END_TEST

START_TEST(silence_opens_the_sockets_anew)
{
	await_poll();
	uint64_t until = clock_mono_ms() + 8000;
	while (silences == 0 && clock_mono_ms() < until)
		event_base_loop(loop->base, EVLOOP_ONCE);
	ck_assert_uint_eq(silences, 1);
	ck_assert(!line_is_well(&line));
	answer(0); /* to the socket that is closed: it arrives nowhere */
	await_poll();
	answer(0);
	await_answer(1);
	ck_assert(line_is_well(&line));
}
END_TEST

START_TEST(it_comes_back_when_it_was_told_to)
{
	await_poll();
	line_poll(&line); /* would follow at once */
	answer(300);
	await_answer(1);
	uint64_t from = clock_mono_ms();
	await_poll();
	ck_assert_uint_ge(clock_mono_ms() - from, 200);
	ck_assert_str_eq(line.complaint, "");
	answer(0);
	await_answer(2);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("line");
	TCase *t = tcase_create("all");
	tcase_set_timeout(t, 30);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_poll_that_is_not_answered_yet_is_not_replaced);
	tcase_add_test(t, silence_opens_the_sockets_anew);
	tcase_add_test(t, it_comes_back_when_it_was_told_to);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
