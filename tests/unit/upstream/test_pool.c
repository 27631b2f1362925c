/* pool: idle connections over real sockets (proxy.md 2.4; pitfalls.md B5 115). */
#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#include "dp/upstream/pool.h"
#include "tests/support/loading.h"
#include "tests/support/turns.h"

static struct loop *loop;
static struct pool pool;
static int far_ends[8];
static struct sockaddr_in here;

static void setup_pool(uint32_t size, uint32_t max_requests, uint32_t idle_timeout_ms)
{
	struct pool_limits limits = {size, max_requests, idle_timeout_ms};
	pool_init(&pool, loop, &limits);
}

static void setup(void)
{
	loop = turns_loop();
	here = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(80)};
	setup_pool(8, 0, 0);
}

static void teardown(void)
{
	pool_fini(&pool);
	for (size_t i = 0; i < sizeof far_ends / sizeof *far_ends; i++)
		if (far_ends[i])
			close(far_ends[i]);
	loop_free(loop);
}

static struct conn *give(int i)
{
	struct conn *c = turns_pair(loop, &far_ends[i]);
	pool_give(&pool, c, (struct sockaddr *)&here, sizeof here, 0);
	return c;
}

static struct conn *take(void)
{
	return pool_take(&pool, (struct sockaddr *)&here, sizeof here, 0);
}

START_TEST(the_newest_is_taken_first)
{
	struct conn *a = give(0), *b = give(1);
	ck_assert_uint_eq(pool_idle(&pool), 2);
	ck_assert_ptr_eq(take(), b);
	ck_assert_ptr_eq(take(), a);
	ck_assert_ptr_null(take());
	conn_close(a);
	conn_close(b);
}
END_TEST

START_TEST(other_addresses_have_other_connections)
{
	struct sockaddr_in other = here;
	struct conn *a = give(0);
	other.sin_port = htons(81);
	ck_assert_ptr_null(pool_take(&pool, (struct sockaddr *)&other, sizeof other, 0));
	ck_assert_ptr_eq(take(), a);
	conn_close(a);
}
END_TEST

/* And what was kept for them ends with the last connection: parties are many. */
START_TEST(other_parties_have_other_connections)
{
	struct conn *c = turns_pair(loop, &far_ends[0]);
	const struct sockaddr *to = (struct sockaddr *)&here;

	pool_give(&pool, c, to, sizeof here, 7);
	ck_assert_ptr_null(take());
	ck_assert_ptr_null(pool_take(&pool, to, sizeof here, 8));
	ck_assert_uint_eq(pool.keys.count, 1);
	ck_assert_ptr_eq(pool_take(&pool, to, sizeof here, 7), c);
	ck_assert_uint_eq(pool.keys.count, 0);
	pool_give(&pool, c, to, sizeof here, 7);
	close(far_ends[0]);
	far_ends[0] = 0;
	turns_for(loop, 20);
	ck_assert_uint_eq(pool.keys.count, 0);
	ck_assert_ptr_null(pool_take(&pool, to, sizeof here, 7));
}
END_TEST

START_TEST(what_the_peer_closes_is_dropped)
{
	give(0);
	give(1);
	close(far_ends[1]);
	far_ends[1] = 0;
	turns_for(loop, 20);
	ck_assert_uint_eq(pool_idle(&pool), 1);
	shutdown(far_ends[0], SHUT_WR);
	turns_for(loop, 20);
	ck_assert_uint_eq(pool_idle(&pool), 0);
	ck_assert_ptr_null(take());
}
END_TEST

START_TEST(bytes_on_an_idle_connection_end_it)
{
	give(0);
	turns_send(far_ends[0], "HTTP/1.1 200 OK\r\n\r\n");
	turns_for(loop, 20);
	ck_assert_uint_eq(pool_idle(&pool), 0);
	ck_assert(turns_is_closed(far_ends[0]));
}
END_TEST

START_TEST(a_connection_with_something_to_read_is_not_kept)
{
	struct conn *c = turns_pair(loop, &far_ends[0]);
	c->can_read = true;
	pool_give(&pool, c, (struct sockaddr *)&here, sizeof here, 0);
	ck_assert_uint_eq(pool_idle(&pool), 0);
}
END_TEST

START_TEST(the_size_is_a_limit_for_each_address)
{
	pool_fini(&pool);
	setup_pool(2, 0, 0);
	for (int i = 0; i < 4; i++)
		give(i);
	ck_assert_uint_eq(pool_idle(&pool), 2);
	here.sin_port = htons(81);
	give(4);
	ck_assert_uint_eq(pool_idle(&pool), 3);
	pool_fini(&pool);
	setup_pool(0, 0, 0);
	give(5);
	ck_assert_uint_eq(pool_idle(&pool), 0);
}
END_TEST

START_TEST(worn_connections_are_closed)
{
	pool_fini(&pool);
	setup_pool(8, 3, 0);
	for (int i = 0; i < 2; i++) {
		struct conn *c = turns_pair(loop, &far_ends[i]);
		c->requests = (uint32_t)(2 + i);
		pool_give(&pool, c, (struct sockaddr *)&here, sizeof here, 0);
	}
	ck_assert_uint_eq(pool_idle(&pool), 1);
}
END_TEST

START_TEST(an_idle_connection_ends_in_time)
{
	pool_fini(&pool);
	setup_pool(8, 0, 40);
	give(0);
	struct conn *taken = (give(1), take());
	turns_for(loop, 150);
	ck_assert_uint_eq(pool_idle(&pool), 0);
	ck_assert(turns_is_closed(far_ends[0]));
	ck_assert(!turns_is_closed(far_ends[1])); /* taken: the deadline is not its own any more */
	conn_close(taken);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pool");
	TCase *t = tcase_create("all");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, the_newest_is_taken_first);
	tcase_add_test(t, other_addresses_have_other_connections);
	tcase_add_test(t, other_parties_have_other_connections);
	tcase_add_test(t, what_the_peer_closes_is_dropped);
	tcase_add_test(t, bytes_on_an_idle_connection_end_it);
	tcase_add_test(t, a_connection_with_something_to_read_is_not_kept);
	tcase_add_test(t, the_size_is_a_limit_for_each_address);
	tcase_add_test(t, worn_connections_are_closed);
	tcase_add_test(t, an_idle_connection_ends_in_time);
	suite_add_tcase(s, t);
	return run_suite(s);
}
