/* Buffers and their pool. */
#include <check.h>

#include "common/net/iobuf.h"

static struct iobuf_pool pool;

static void tear_down(void)
{
	iobuf_pool_fini(&pool);
}

static void put_text(struct iobuf *b, const char *text)
{
	memcpy(b->data + b->end, text, strlen(text));
	b->end += (uint32_t)strlen(text);
}

START_TEST(a_new_buffer_is_empty_with_all_its_room)
{
	struct iobuf *b = iobuf_get(&pool);
	ck_assert_uint_eq(iobuf_room(b), IOBUF_SIZE);
	ck_assert_uint_eq(iobuf_slice(b).len, 0);
	iobuf_put(&pool, b);
}
END_TEST

START_TEST(consuming_everything_starts_at_the_front_again)
{
	struct iobuf *b = iobuf_get(&pool);
	put_text(b, "hello");
	iobuf_consume(b, 2);
	ck_assert(slice_eq(iobuf_slice(b), S("llo")));
	iobuf_compact(b);
	ck_assert(slice_eq(iobuf_slice(b), S("llo")));
	ck_assert_uint_eq(iobuf_room(b), IOBUF_SIZE - 3);
	iobuf_consume(b, 3);
	ck_assert_uint_eq(iobuf_room(b), IOBUF_SIZE);
	iobuf_put(&pool, b);
}
END_TEST

START_TEST(the_buffer_given_back_last_is_lent_first_and_is_empty)
{
	struct iobuf *a = iobuf_get(&pool), *b = iobuf_get(&pool);
	put_text(b, "x");
	iobuf_put(&pool, a);
	iobuf_put(&pool, b);
	iobuf_put(&pool, NULL);
	ck_assert_uint_eq(pool.lent, 0);
	ck_assert_ptr_eq(iobuf_get(&pool), b);
	ck_assert_uint_eq(iobuf_slice(b).len, 0);
	ck_assert_ptr_eq(iobuf_get(&pool), a);
	iobuf_put(&pool, a);
	iobuf_put(&pool, b);
}
END_TEST

START_TEST(the_pool_keeps_a_limited_number)
{
	struct iobuf *all[IOBUF_POOL_KEEP + 10];
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		all[i] = iobuf_get(&pool);
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		iobuf_put(&pool, all[i]);
	ck_assert_uint_eq(pool.kept, IOBUF_POOL_KEEP);
	ck_assert_uint_eq(pool.lent, 0);
}
END_TEST

START_TEST(a_sweep_takes_what_was_not_needed_since_the_last)
{
	struct iobuf *all[8];
	for (size_t i = 0; i < 8; i++)
		all[i] = iobuf_get(&pool);
	for (size_t i = 0; i < 8; i++)
		iobuf_put(&pool, all[i]);
	ck_assert_uint_eq(iobuf_pool_sweep(&pool), 0); /* all were needed */
	all[0] = iobuf_get(&pool);
	all[1] = iobuf_get(&pool);
	iobuf_put(&pool, all[0]);
	iobuf_put(&pool, all[1]);
	ck_assert_uint_eq(iobuf_pool_sweep(&pool), 6 * sizeof(struct iobuf));
	ck_assert_uint_eq(pool.kept, 2);
	iobuf_pool_sweep(&pool);
	ck_assert_uint_eq(pool.kept, 0);
	ck_assert_ptr_null(pool.free);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("iobuf");
	TCase *c = tcase_create("iobuf");
	tcase_add_checked_fixture(c, NULL, tear_down);
	tcase_add_test(c, a_new_buffer_is_empty_with_all_its_room);
	tcase_add_test(c, consuming_everything_starts_at_the_front_again);
	tcase_add_test(c, the_buffer_given_back_last_is_lent_first_and_is_empty);
	tcase_add_test(c, the_pool_keeps_a_limited_number);
	tcase_add_test(c, a_sweep_takes_what_was_not_needed_since_the_last);
	suite_add_tcase(s, c);
	return s;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
