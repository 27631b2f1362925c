/* supervisor: with shell scripts as children. A script writes its pid file when it is "ready". */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/core/log.h"
#include "cp/cli/supervisor.h"
#include "tests/support/tmp.h"

static struct supervisor v;
static struct err e;

static void setup(void)
{
	log_set_level(LOG_EMERG);
	tmp_make();
	memset(&v, 0, sizeof v);
}

/* $1 of the script is --conf, $2 the pid file. */
static void add_child(const char *name, const char *script)
{
	struct child *c = &v.children[v.count++];
	c->name = name;
	const char *path = tmp_path(name);
	snprintf(c->path, sizeof c->path, "%s", path);
	snprintf(c->pid_file, sizeof c->pid_file, "%s.pid", path);
	c->conf = c->pid_file;
	FILE *f = fopen(c->path, "w");
	fprintf(f, "#!/bin/sh\n%s\n", script);
	fclose(f);
	chmod(c->path, 0700);
}

static int starts(void)
{
	int n = 0;
	FILE *f = fopen(tmp_path("starts"), "r");
	for (int ch; f && (ch = fgetc(f)) != EOF;)
		n += ch == '\n';
	if (f)
		fclose(f);
	return n;
}

START_TEST(all_are_started_and_ended_again)
{
	add_child("one", "echo $$ > $2; exec sleep 60");
	add_child("two", "echo $$ > $2; exec sleep 60");
	ck_assert_msg(supervisor_start(&v, 20, &e), "%s", e.message);
	pid_t first = supervisor_pid(v.children[0].pid_file), second = supervisor_pid(v.children[1].pid_file);
	ck_assert_int_gt(first, 0);
	ck_assert_int_gt(second, 0);
	raise(SIGTERM);
	supervisor_run(&v);
	ck_assert_int_ne(kill(first, 0), 0);
	ck_assert_int_ne(kill(second, 0), 0);
	ck_assert_int_eq(supervisor_pid(v.children[0].pid_file), 0);
}
END_TEST

START_TEST(one_that_fails_ends_the_others_and_is_named)
{
	add_child("one", "echo $$ > $2; exec sleep 60");
	add_child("two", "exit 1");
	ck_assert(!supervisor_start(&v, 20, &e));
	ck_assert_ptr_nonnull(strstr(e.message, "two did not start"));
	ck_assert_int_eq(supervisor_pid(v.children[0].pid_file), 0);
}
END_TEST

START_TEST(one_that_never_gets_ready_is_ended_after_the_timeout)
{
	add_child("one", "exec sleep 60");
	ck_assert(!supervisor_start(&v, 0, &e));
	ck_assert_ptr_nonnull(strstr(e.message, "one was not ready in time"));
	ck_assert_int_eq(v.children[0].pid, 0);
}
END_TEST

START_TEST(a_program_that_is_not_there_is_a_failure)
{
	add_child("one", "");
	unlink(v.children[0].path);
	ck_assert(!supervisor_start(&v, 20, &e));
	ck_assert_ptr_nonnull(strstr(e.message, "one did not start"));
}
END_TEST

START_TEST(one_that_dies_is_started_again)
{
	char script[1024], file[256];
	snprintf(file, sizeof file, "%s", tmp_path("starts"));
	snprintf(script, sizeof script,
	        "echo x >> %s; echo $$ > $2; [ $(wc -l < %s) = 2 ] || { sleep 0.1; exit 3; }; kill -TERM $PPID; exec sleep 60",
	        file, file);
	add_child("one", script);
	ck_assert(supervisor_start(&v, 20, &e));
	supervisor_run(&v); /* until the second start asks to end */
	ck_assert_int_eq(starts(), 2);
}
END_TEST

START_TEST(the_pause_doubles_up_to_ten_seconds)
{
	ck_assert_int_eq(supervisor_pause_ms(0), 200);
	ck_assert_int_eq(supervisor_pause_ms(1), 400);
	ck_assert_int_eq(supervisor_pause_ms(5), 6400);
	ck_assert_int_eq(supervisor_pause_ms(6), 10000);
	ck_assert_int_eq(supervisor_pause_ms(4000000000u), 10000);
}
END_TEST

START_TEST(a_pid_file_counts_only_while_its_process_lives)
{
	const char *path = tmp_path("x.pid");
	ck_assert_int_eq(supervisor_pid(path), 0);
	FILE *f = fopen(path, "w");
	fprintf(f, "%d\n", (int)getpid());
	fclose(f);
	ck_assert_int_eq(supervisor_pid(path), getpid());
	f = fopen(path, "w");
	fputs("garbage\n", f);
	fclose(f);
	ck_assert_int_eq(supervisor_pid(path), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("supervisor");
	TCase *t = tcase_create("supervisor");
	tcase_add_checked_fixture(t, setup, tmp_remove);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, all_are_started_and_ended_again);
	tcase_add_test(t, one_that_fails_ends_the_others_and_is_named);
	tcase_add_test(t, one_that_never_gets_ready_is_ended_after_the_timeout);
	tcase_add_test(t, a_program_that_is_not_there_is_a_failure);
	tcase_add_test(t, one_that_dies_is_started_again);
	tcase_add_test(t, the_pause_doubles_up_to_ten_seconds);
	tcase_add_test(t, a_pid_file_counts_only_while_its_process_lives);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
