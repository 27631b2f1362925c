/* thread. Threads: those it starts. */
#include <check.h>
#include <signal.h>

#include "common/core/clock.h"
#include "common/core/thread.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static bool is_said;

static void *blocked(void *arg)
{
	sigset_t mine;
	pthread_sigmask(SIG_SETMASK, NULL, &mine);
	*(bool *)arg = sigismember(&mine, SIGTERM) == 1 && sigismember(&mine, SIGHUP) == 1;
	return NULL;
}

START_TEST(signals_stay_with_the_thread_that_started_it)
{
	pthread_t t;
	bool all = false;
	sigset_t mine;
	ck_assert_int_eq(thread_start(&t, blocked, &all), 0);
	pthread_join(t, NULL);
	ck_assert(all);
	pthread_sigmask(SIG_SETMASK, NULL, &mine);
	ck_assert_int_eq(sigismember(&mine, SIGTERM), 0);
}
END_TEST

START_TEST(a_wait_ends_at_its_moment_and_not_before)
{
	uint64_t until_ms = clock_mono_ms() + 30;
	pthread_mutex_lock(&lock);
	while (thread_wait(&cond, &lock, until_ms)) {
	}
	pthread_mutex_unlock(&lock);
	ck_assert_uint_ge(clock_mono_ms(), until_ms);
}
END_TEST

static void *say(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&lock);
	is_said = true;
	pthread_cond_signal(&cond);
	pthread_mutex_unlock(&lock);
	return NULL;
}

START_TEST(a_wait_is_woken_by_a_thread_that_nobody_joins)
{
	bool in_time = true;
	pthread_mutex_lock(&lock);
	ck_assert_int_eq(thread_start_detached(say, NULL), 0);
	while (!is_said && in_time)
		in_time = thread_wait(&cond, &lock, clock_mono_ms() + 20000);
	ck_assert(is_said && in_time);
	pthread_mutex_unlock(&lock);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("thread");
	TCase *t = tcase_create("thread");
	tcase_add_test(t, signals_stay_with_the_thread_that_started_it);
	tcase_add_test(t, a_wait_ends_at_its_moment_and_not_before);
	tcase_add_test(t, a_wait_is_woken_by_a_thread_that_nobody_joins);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
