/* cache: what is kept, what goes, and that readers are never surprised (dp/host/cache.h). Threads: readers and
 * writers of one cache. */
#include <check.h>
#include <pthread.h>
#include <stdio.h>

#include "dp/host/cache.h"
#include "tests/support/loading.h"

enum { NOW = 1000, SIZE = 32 * 64 * 1024 };

static struct cache *cache;

static void setup(void)
{
	cache = cache_new(SIZE);
}

static void teardown(void)
{
	cache_free(cache);
}

static bool holds(const char *key, const char *value, uint64_t now_ms)
{
	struct cache_value *v = cache_get(cache, slice_cstr(key), now_ms);
	bool is = v && slice_eq(cache_bytes(v), slice_cstr(value));
	if (v)
		cache_release(v);
	return is;
}

START_TEST(what_was_put_is_there_until_its_time)
{
	ck_assert(cache_put(cache, S("k"), S("v"), NOW + 10));
	ck_assert(holds("k", "v", NOW + 9));
	ck_assert(!holds("k", "v", NOW + 10));
	ck_assert(!holds("other", "v", NOW));
	ck_assert_uint_eq(cache_size(cache), 0);
}
END_TEST

START_TEST(a_value_that_is_read_outlives_its_entry)
{
	cache_put(cache, S("k"), S("old"), NOW + 10);
	struct cache_value *v = cache_get(cache, S("k"), NOW);
	cache_put(cache, S("k"), S("new"), NOW + 10);
	ck_assert(cache_delete(cache, S("k")));
	ck_assert(!cache_delete(cache, S("k")));
	ck_assert(slice_eq(cache_bytes(v), S("old")));
	cache_release(v);
}
END_TEST

START_TEST(it_never_grows_beyond_its_size_and_keeps_what_is_used)
{
	static char value[1000];
	char key[32];
	cache_put(cache, S("used"), S("v"), UINT64_MAX);
	for (int i = 0; i < 20000; i++) {
		snprintf(key, sizeof key, "key-%d", i);
		ck_assert(cache_put(cache, slice_cstr(key), slice_of(value, sizeof value), UINT64_MAX));
		ck_assert_uint_le(cache_size(cache), SIZE);
		ck_assert(holds("used", "v", NOW));
	}
	ck_assert(!holds("key-0", "", NOW));
}
END_TEST

START_TEST(what_is_too_large_is_not_kept)
{
	static char large[SIZE / CACHE_SHARDS];
	ck_assert(!cache_put(cache, S("k"), slice_of(large, sizeof large), UINT64_MAX));
	ck_assert_uint_eq(cache_size(cache), 0);
}
END_TEST

START_TEST(a_prefix_can_be_purged)
{
	cache_put(cache, S("a:1"), S("v"), UINT64_MAX);
	cache_put(cache, S("a:2"), S("v"), UINT64_MAX);
	cache_put(cache, S("b:1"), S("v"), UINT64_MAX);
	ck_assert_uint_eq(cache_purge(cache, S("a:")), 2);
	ck_assert(holds("b:1", "v", NOW));
}
END_TEST

static void *work(void *arg)
{
	char key[32];
	for (int i = 0; i < 20000; i++) {
		snprintf(key, sizeof key, "%d", i % 97);
		cache_put(cache, slice_cstr(key), slice_cstr(key), UINT64_MAX);
		struct cache_value *v = cache_get(cache, slice_cstr(key), NOW);
		if (v) {
			ck_assert(slice_eq(cache_bytes(v), slice_cstr(key)));
			cache_release(v);
		}
		if (i % 7 == 0)
			cache_delete(cache, slice_cstr(key));
	}
	return NULL;
}

START_TEST(threads_may_read_and_write_together)
{
	pthread_t threads[4];
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, work, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("cache");
	TCase *t = tcase_create("all");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, what_was_put_is_there_until_its_time);
	tcase_add_test(t, a_value_that_is_read_outlives_its_entry);
	tcase_add_test(t, it_never_grows_beyond_its_size_and_keeps_what_is_used);
	tcase_add_test(t, what_is_too_large_is_not_kept);
	tcase_add_test(t, a_prefix_can_be_purged);
	tcase_add_test(t, threads_may_read_and_write_together);
	suite_add_tcase(s, t);
	return run_suite(s);
}
