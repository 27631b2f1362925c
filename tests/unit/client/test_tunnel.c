/* tunnel: bytes both ways, ends of directions, holding back, idleness (proxy.md 7.6). */
#include <check.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/core/text.h"
#include "dp/client/tunnel.h"
#include "tests/support/turns.h"

static struct loop *l;
static struct tunnel t;
static int far;
static struct text got;
static bool ended, failed, was_idle;
static int drained;

static void on_piece(struct tunnel *of, struct slice piece, bool last)
{
	text_put(&got, piece);
	ended |= last;
}

static void on_drained(struct tunnel *of)
{
	drained++;
}

static void on_fail(struct tunnel *of, bool idle)
{
	failed = true;
	was_idle = idle;
}

static const struct tunnel_ops ops = {.on_piece = on_piece, .on_drained = on_drained, .on_fail = on_fail};

static void set_up(void)
{
	l = turns_loop();
	ended = failed = was_idle = false;
	drained = 0;
	tunnel_start(&t, turns_pair(l, &far), 5000, &ops, NULL);
}

static void tear_down(void)
{
	tunnel_cancel(&t);
	close(far);
	text_fini(&got);
	loop_free(l);
}

static bool has_failed(void *arg)
{
	return failed;
}
static bool has_ended(void *arg)
{
	return ended;
}
static bool has_got(void *arg)
{
	return strstr(text_cstr(&got), arg) != NULL;
}

START_TEST(bytes_go_both_ways)
{
	tunnel_run(&t);
	turns_send(far, "from far");
	ck_assert(turns_until(l, 2000, has_got, "from far"));
	tunnel_write(&t, S("from near"), false);
	ck_assert_str_eq(turns_receive(l, far, "near"), "from near");
}
END_TEST

START_TEST(each_direction_has_its_own_end)
{
	tunnel_run(&t);
	tunnel_write(&t, S("last"), true);
	turns_receive(l, far, "last");
	ck_assert_ptr_nonnull(t.conn);
	turns_send(far, "still there");
	ck_assert(turns_until(l, 2000, has_got, "still there"));
	shutdown(far, SHUT_WR);
	ck_assert(turns_until(l, 2000, has_ended, NULL));
	ck_assert_ptr_null(t.conn);
	ck_assert(!failed);
}
END_TEST

START_TEST(the_other_end_first)
{
	tunnel_run(&t);
	shutdown(far, SHUT_WR);
	ck_assert(turns_until(l, 2000, has_ended, NULL));
	ck_assert_ptr_nonnull(t.conn);
	tunnel_write(&t, S("more"), false);
	ck_assert_str_eq(turns_receive(l, far, "more"), "more");
	tunnel_write(&t, S(""), true);
	ck_assert_ptr_null(t.conn);
	ck_assert(!failed);
}
END_TEST

START_TEST(paused_it_passes_nothing_on)
{
	tunnel_run(&t);
	tunnel_pause(&t, true);
	turns_send(far, "held");
	turns_for(l, 50);
	ck_assert_uint_eq(got.len, 0);
	tunnel_pause(&t, false);
	ck_assert(turns_until(l, 2000, has_got, "held"));
}
END_TEST

START_TEST(what_the_socket_does_not_take_is_reported_when_it_has_gone)
{
	size_t size = 8u << 20, seen = 0;
	char *much = calloc(1, size);
	tunnel_run(&t);
	tunnel_write(&t, slice_of(much, size), false);
	ck_assert_uint_gt(tunnel_queued(&t), 0);
	while (seen < size) {
		ssize_t n = recv(far, much, size, MSG_DONTWAIT);
		if (n > 0)
			seen += (size_t)n;
		turns_for(l, 0);
	}
	ck_assert_int_eq(drained, 1);
	ck_assert_uint_eq(tunnel_queued(&t), 0);
	free(much);
}
END_TEST

START_TEST(a_reset_ends_it)
{
	struct linger now = {1, 0};
	tunnel_run(&t);
	setsockopt(far, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(far);
	far = -1;
	ck_assert(turns_until(l, 2000, has_failed, NULL));
	ck_assert(!was_idle);
	ck_assert_ptr_null(t.conn);
}
END_TEST

START_TEST(silence_ends_it_and_bytes_of_either_side_put_that_off)
{
	t.idle_ms = 150;
	conn_set_timeout(t.conn, 150);
	tunnel_run(&t);
	for (int i = 0; i < 8; i++) {
		if (i % 2)
			turns_send(far, "x");
		else
			tunnel_write(&t, S("y"), false);
		turns_for(l, 50);
		ck_assert(!failed);
	}
	ck_assert(turns_until(l, 2000, has_failed, NULL));
	ck_assert(was_idle);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tunnel");
	TCase *c = tcase_create("tunnel");
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, bytes_go_both_ways);
	tcase_add_test(c, each_direction_has_its_own_end);
	tcase_add_test(c, the_other_end_first);
	tcase_add_test(c, paused_it_passes_nothing_on);
	tcase_add_test(c, what_the_socket_does_not_take_is_reported_when_it_has_gone);
	tcase_add_test(c, a_reset_ends_it);
	tcase_add_test(c, silence_ends_it_and_bytes_of_either_side_put_that_off);
	tcase_set_timeout(c, 60);
	suite_add_tcase(s, c);
	SRunner *runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	int failed_tests = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed_tests != 0;
}
