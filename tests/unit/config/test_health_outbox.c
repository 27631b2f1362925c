/* health_outbox: what Polls say of targets, whoever answers them. */
#include "dp/config/health_outbox.h"

#include <check.h>
#include <stdlib.h>

#include "tests/support/loading.h"

static struct health_outbox outbox;
static Gatehouse__Sync__Poll poll;
static Gatehouse__Sync__Envelope answer;
static struct {
	uint64_t after, newest;
	size_t room;
	bool more;
	int calls;
} source;

static void report(void *arg, uint64_t after, size_t room, struct arena *a, struct health_batch *out)
{
	source.after = after;
	source.room = room;
	source.calls++;
	*out = (struct health_batch){.upto = source.newest, .more = source.more};
}

static void setup(void)
{
	outbox = (struct health_outbox){.fn = report};
	gatehouse__sync__envelope__init(&answer);
	memset(&source, 0, sizeof source);
}

static void say(void)
{
	gatehouse__sync__poll__init(&poll);
	health_outbox_fill(&outbox, &poll);
	health_outbox_release(&outbox);
}

static bool hear(uint64_t process)
{
	answer.process = process;
	return health_outbox_take(&outbox, &answer);
}

START_TEST(what_was_answered_is_not_said_again)
{
	source.newest = 7;
	say();
	ck_assert(poll.health_anew && source.after == 0);
	ck_assert(hear(1)); /* a stranger: all of it once more, now that it is known who hears */
	say();
	ck_assert(poll.health_anew && source.after == 0);
	ck_assert(!hear(1));
	say();
	ck_assert(!poll.health_anew && source.after == 7);
	source.newest = 9;
	say(); /* the one before was not answered */
	ck_assert_uint_eq(source.after, 7);
	ck_assert(!hear(1));
	say();
	ck_assert_uint_eq(source.after, 9);
}
END_TEST

START_TEST(another_process_is_told_everything)
{
	source.newest = 7;
	say(), hear(1), say(), hear(1);
	say();
	ck_assert(hear(2));
	say();
	ck_assert(source.after == 0 && poll.health_anew);
	ck_assert(!hear(0)); /* an answer that does not say whose it is */
	say();
	ck_assert_uint_eq(source.after, 7);
}
END_TEST

START_TEST(the_rest_follows_at_once)
{
	source.newest = 3;
	source.more = true;
	say(), hear(1), say();
	ck_assert(hear(1));
}
END_TEST

START_TEST(a_full_poll_has_no_room)
{
	char error[45 * 1024];
	memset(error, 'x', sizeof error - 1);
	error[sizeof error - 1] = '\0';
	gatehouse__sync__poll__init(&poll);
	poll.error = error;
	outbox.process = 1;
	health_outbox_fill(&outbox, &poll);
	health_outbox_release(&outbox);
	ck_assert_int_eq(source.calls, 0);
	ck_assert(hear(1)); /* so another one follows */
	say();
	ck_assert(source.calls == 1 && source.room == HEALTH_ROOM);
}
END_TEST

START_TEST(who_has_nothing_to_tell_is_silent)
{
	outbox.fn = NULL;
	say();
	ck_assert(!hear(1) && poll.n_health == 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("health outbox");
	TCase *t = tcase_create("all");
	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, what_was_answered_is_not_said_again);
	tcase_add_test(t, another_process_is_told_everything);
	tcase_add_test(t, the_rest_follows_at_once);
	tcase_add_test(t, a_full_poll_has_no_room);
	tcase_add_test(t, who_has_nothing_to_tell_is_silent);
	suite_add_tcase(s, t);
	return run_suite(s);
}
