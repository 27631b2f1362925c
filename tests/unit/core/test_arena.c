/* arena. */
#include <check.h>
#include <stdint.h>

#include "common/core/arena.h"

static struct arena arena;

static void setup(void)
{
	arena_init(&arena);
}

static void teardown(void)
{
	arena_fini(&arena);
}

START_TEST(every_allocation_is_aligned_and_its_own)
{
	static const size_t sizes[] = {1, 15, 16, 17, 100, 4096, 5000, 70000, 300000, 3, 1};
	enum { N = sizeof sizes / sizeof sizes[0] };
	unsigned char *p[N];
	for (size_t i = 0; i < N; i++) {
		p[i] = arena_alloc(&arena, sizes[i]);
		ck_assert_uint_eq((uintptr_t)p[i] % 16, 0);
		memset(p[i], (int)i, sizes[i]);
	}
	for (size_t i = 0; i < N; i++)
		for (size_t k = 0; k < sizes[i]; k++)
			ck_assert_uint_eq(p[i][k], i);
}
END_TEST

START_TEST(nothing_is_somewhere_too)
{
	ck_assert_ptr_nonnull(arena_alloc(&arena, 0)); /* in an arena that never held anything */
	ck_assert_ptr_nonnull(arena_array(&arena, int, 0));
}
END_TEST

START_TEST(zeroed_memory_is_zero_also_when_it_was_used_before)
{
	memset(arena_alloc(&arena, 2000), 0xff, 2000);
	arena_reset(&arena);
	const char *p = arena_zalloc(&arena, 2000);
	for (size_t i = 0; i < 2000; i++)
		ck_assert_int_eq(p[i], 0);
}
END_TEST

START_TEST(reset_keeps_one_chunk_and_forgets_large_ones)
{
	void *first = arena_alloc(&arena, 10);
	arena_reset(&arena);
	ck_assert_ptr_eq(arena_alloc(&arena, 10), first);
	arena_alloc(&arena, 1000000);
	ck_assert_uint_ge(arena.used, 1000000);
	arena_reset(&arena);
	ck_assert_uint_le(arena.used, 256 * 1024);
	ck_assert_ptr_nonnull(arena_alloc(&arena, 10));
}
END_TEST

START_TEST(copies_end_with_nul_and_unset_stays_unset)
{
	struct slice s = arena_dup(&arena, S("a\0b"));
	ck_assert_uint_eq(s.len, 3);
	ck_assert_mem_eq(s.ptr, "a\0b", 4);
	ck_assert(!slice_is_set(arena_dup(&arena, slice_of(NULL, 0))));
	ck_assert(slice_is_set(arena_dup(&arena, S(""))));
	ck_assert_str_eq(arena_cstr(&arena, slice_of(NULL, 0)), "");
}
END_TEST

START_TEST(joining_puts_parts_behind_each_other)
{
	struct slice s = ARENA_JOIN(&arena, S("a"), slice_of(NULL, 0), S("b\0c"), S(""));
	ck_assert(slice_eq(s, S("ab\0c")));
	ck_assert_int_eq(s.ptr[s.len], '\0');
	ck_assert(slice_is_set(arena_join(&arena, NULL, 0)));
}
END_TEST

START_TEST(decimal_digits_of_every_size)
{
	static const int64_t numbers[] = {0, 7, -7, 10, INT64_MAX, INT64_MIN};
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		struct slice s = arena_decimal(&arena, numbers[i]);
		ck_assert(slice_eq(s, arena_printf(&arena, "%lld", (long long)numbers[i])));
		ck_assert_int_eq(s.ptr[s.len], '\0');
	}
}
END_TEST

START_TEST(printf_fits_whatever_comes)
{
	struct slice s = arena_printf(&arena, "%05000d-%s", 7, "x");
	ck_assert_uint_eq(s.len, 5002);
	ck_assert_str_eq(s.ptr + 4999, "7-x");
}
END_TEST

static char order[8];

static void note(void *arg)
{
	strncat(order, arg, 1);
}

START_TEST(cleanups_run_once_last_in_first_out)
{
	arena_defer(&arena, note, "a");
	struct arena_cleanup *b = arena_defer(&arena, note, "b");
	arena_defer(&arena, note, "c");
	arena_undefer(b);
	arena_reset(&arena);
	ck_assert_str_eq(order, "ca");
	arena_defer(&arena, note, "d");
	arena_fini(&arena);
	ck_assert_str_eq(order, "cad");
}
END_TEST

static void defer_another(void *arg)
{
	arena_defer(&arena, note, arg);
}

START_TEST(a_cleanup_may_defer_another)
{
	arena_defer(&arena, defer_another, "x");
	arena_reset(&arena);
	ck_assert_str_eq(order, "x");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("arena");
	TCase *t = tcase_create("arena");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, every_allocation_is_aligned_and_its_own);
	tcase_add_test(t, nothing_is_somewhere_too);
	tcase_add_test(t, zeroed_memory_is_zero_also_when_it_was_used_before);
	tcase_add_test(t, reset_keeps_one_chunk_and_forgets_large_ones);
	tcase_add_test(t, copies_end_with_nul_and_unset_stays_unset);
	tcase_add_test(t, joining_puts_parts_behind_each_other);
	tcase_add_test(t, decimal_digits_of_every_size);
	tcase_add_test(t, printf_fits_whatever_comes);
	tcase_add_test(t, cleanups_run_once_last_in_first_out);
	tcase_add_test(t, a_cleanup_may_defer_another);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
