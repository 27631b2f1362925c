/* tls_memory: blocks of the size of records come back, others are malloc's business. */
#include <check.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/net/tls_memory.h"

START_TEST(a_block_comes_back)
{
	char *first = OPENSSL_malloc(17000), *second = OPENSSL_malloc(16384);

	memset(first, 1, 17000);
	memset(second, 2, 16384);
	ck_assert_ptr_ne(first, second);
	OPENSSL_free(first);
	char *third = OPENSSL_malloc(20480); /* any size of the class */
	ck_assert_ptr_eq(third, first);
	memset(third, 3, 20480);
	OPENSSL_free(second);
	OPENSSL_free(third);
}
END_TEST

START_TEST(other_sizes_are_left_alone)
{
	char *small = OPENSSL_malloc(100), *large = OPENSSL_malloc(100000);

	small = OPENSSL_realloc(small, 17000);
	memset(small, 1, 17000);
	small = OPENSSL_realloc(small, 50);
	ck_assert_int_eq(small[49], 1);
	large = OPENSSL_realloc(large, 17000);
	memset(large, 2, 17000);
	OPENSSL_free(small);
	OPENSSL_free(large);
	char *block = OPENSSL_zalloc(18000);
	ck_assert_int_eq(block[17999], 0);
	block = OPENSSL_realloc(block, 30000);
	memset(block, 3, 30000);
	OPENSSL_free(block);
	OPENSSL_free(NULL);
}
END_TEST

START_TEST(no_more_than_some_are_kept)
{
	void *blocks[100];

	for (int i = 0; i < 100; i++)
		blocks[i] = OPENSSL_malloc(17000);
	for (int i = 0; i < 100; i++)
		OPENSSL_free(blocks[i]);
	for (int i = 0; i < 100; i++)
		blocks[i] = OPENSSL_malloc(17000);
	for (int i = 0; i < 100; i++)
		OPENSSL_free(blocks[i]);
}
END_TEST

static void *use_a_block(void *arg)
{
	OPENSSL_free(OPENSSL_malloc(17000));
	return NULL;
}

/* LeakSanitizer would tell. */
START_TEST(a_thread_that_ends_keeps_nothing)
{
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, use_a_block, NULL), 0);
	pthread_join(thread, NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tls_memory");
	TCase *c = tcase_create("tls_memory");

	if (!tls_memory_init())
		return EXIT_FAILURE;
	tcase_add_test(c, a_block_comes_back);
	tcase_add_test(c, other_sizes_are_left_alone);
	tcase_add_test(c, a_thread_that_ends_keeps_nothing);
	tcase_add_test(c, no_more_than_some_are_kept);
	suite_add_tcase(suite, c);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
