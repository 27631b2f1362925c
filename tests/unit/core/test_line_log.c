/* line_log: lines of several threads, whole and in order; a file that is moved away; a disk that is too slow.
 * Threads: two producers and the log's own. */
#include <check.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/core/line_log.h"
#include "tests/support/tmp.h"

static char *read_all(const char *path)
{
	FILE *f = fopen(path, "re");
	static char *text;
	size_t n = 0;
	free(text);
	text = calloc(1, 64u << 20);
	if (f) {
		n = fread(text, 1, (64u << 20) - 1, f);
		fclose(f);
	}
	text[n] = '\0';
	return text;
}

static struct line_log *open_log(const char *path)
{
	struct err e;
	struct line_log *l = line_log_open(path, &e);
	ck_assert_msg(l != NULL, "%s", l ? "" : e.message);
	return l;
}

START_TEST(what_was_put_is_there_after_the_end)
{
	tmp_make();
	struct line_log *l = open_log(tmp_path("a.log"));
	struct line_ring *r = line_log_ring(l);
	line_ring_put(r, S("one\n"));
	line_ring_put(r, S("two\n"));
	line_log_close(l);
	ck_assert_str_eq(read_all(tmp_path("a.log")), "one\ntwo\n");
	tmp_remove();
}
END_TEST

enum { LINES = 20000 };

static int format_line(char out[64], const void *who, int i)
{
	return snprintf(out, 64, "%p %d %.*s\n", who, i, i % 30, "..............................");
}

static void *produce(void *arg)
{
	char line[64];
	for (int i = 0; i < LINES; i++) {
		int n = format_line(line, arg, i);
		line_ring_put(arg, slice_of(line, (size_t)n));
		if (i % 500 == 499)
			usleep(12000); /* the thread keeps up */
	}
	return NULL;
}

/* Every line that was not lost is whole, and each producer's are in its order. */
START_TEST(lines_of_two_threads_stay_whole_and_in_order)
{
	tmp_make();
	struct line_log *l = open_log(tmp_path("a.log"));
	struct line_ring *rings[2] = {line_log_ring(l), line_log_ring(l)};
	pthread_t threads[2];
	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, produce, rings[i]);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	uint64_t lost = line_log_lost(l);
	void *first = rings[0], *second = rings[1];
	line_log_close(l);

	int last[2] = {-1, -1};
	uint64_t lines = 0;
	for (char *line = read_all(tmp_path("a.log")), *end; (end = strchr(line, '\n')) != NULL;
	        line = end + 1, lines++) {
		char want[64];
		void *who;
		int i;
		ck_assert_int_eq(sscanf(line, "%p %d", &who, &i), 2);
		ck_assert(who == first || who == second);
		ck_assert_int_gt(i, last[who == second]);
		int n = format_line(want, who, i);
		ck_assert_int_eq(end + 1 - line, n);
		ck_assert_mem_eq(line, want, (size_t)n);
		last[who == second] = i;
	}
	ck_assert_uint_eq(lines + lost, 2 * LINES);
	ck_assert_uint_eq(lost, 0);
	tmp_remove();
}
END_TEST

START_TEST(after_rotation_lines_go_to_the_new_file)
{
	tmp_make();
	char *old = slice_strdup(slice_cstr(tmp_path("a.log.1"))),
	     *path = slice_strdup(slice_cstr(tmp_path("a.log")));
	struct line_log *l = open_log(path);
	struct line_ring *r = line_log_ring(l);
	struct stat st;
	line_ring_put(r, S("before\n"));
	for (int i = 0; i < 2000 && (stat(path, &st) != 0 || st.st_size == 0); i++)
		usleep(1000);
	ck_assert_int_eq(rename(path, old), 0);
	line_log_reopen(l);
	for (int i = 0; i < 2000 && stat(path, &st) != 0; i++)
		usleep(1000);
	line_ring_put(r, S("after\n"));
	line_log_close(l);
	ck_assert_str_eq(read_all(old), "before\n");
	ck_assert_str_eq(read_all(path), "after\n");
	free(old);
	free(path);
	tmp_remove();
}
END_TEST

/* A pipe that nobody reads stands for the slow disk. */
START_TEST(a_producer_never_waits_and_losses_are_counted)
{
	tmp_make();
	char *path = slice_strdup(slice_cstr(tmp_path("pipe")));
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	int reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct line_log *l = open_log(path);
	struct line_ring *r = line_log_ring(l);
	static char line[1024];
	memset(line, 'x', sizeof line - 1);
	line[sizeof line - 1] = '\n';
	enum { PUT = 4 * LINE_RING_SIZE / sizeof line };

	for (int i = 0; i < PUT; i++)
		line_ring_put(r, slice_of(line, sizeof line));
	uint64_t lost = line_log_lost(l);
	ck_assert_uint_ge(lost, PUT / 2);
	ck_assert_uint_lt(lost, PUT);
	close(reader); /* writing fails from now on: what is left is lost too, and the end comes */
	line_log_close(l);
	free(path);
	tmp_remove();
}
END_TEST

START_TEST(a_file_that_cannot_be_opened_is_named)
{
	struct err e;
	ck_assert_ptr_null(line_log_open("/nowhere/a.log", &e));
	ck_assert_ptr_nonnull(strstr(e.message, "'/nowhere/a.log'"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("line_log");
	TCase *c = tcase_create("line_log");
	signal(SIGPIPE, SIG_IGN);
	tcase_add_test(c, what_was_put_is_there_after_the_end);
	tcase_add_test(c, lines_of_two_threads_stay_whole_and_in_order);
	tcase_add_test(c, after_rotation_lines_go_to_the_new_file);
	tcase_add_test(c, a_producer_never_waits_and_losses_are_counted);
	tcase_add_test(c, a_file_that_cannot_be_opened_is_named);
	tcase_set_timeout(c, 60);
	suite_add_tcase(s, c);
	SRunner *runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
