/* node_id: from the setting, or made once per prefix. */
#include <check.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/settings/node_id.h"
#include "tests/support/tmp.h"

enum { RACERS = 8, ROUNDS = 30 };

static struct settings s;
static struct err e;

static void setup(void)
{
	s = (struct settings){.prefix = slice_cstr(tmp_make())};
}

START_TEST(the_setting_counts_and_is_written_in_lower_case)
{
	char id[UUID_TEXT + 1];
	s.node_id = S("DDDDDDDD-0000-4000-8000-00000000000A");
	ck_assert(node_id_load(&s, id, &e));
	ck_assert_str_eq(id, "dddddddd-0000-4000-8000-00000000000a");
	ck_assert_int_ne(access(tmp_path("kong.id"), F_OK), 0);
}
END_TEST

START_TEST(a_setting_that_is_no_uuid_is_refused)
{
	char id[UUID_TEXT + 1];
	s.node_id = S("me");
	ck_assert(!node_id_load(&s, id, &e));
	ck_assert_str_eq(e.message, "node_id is 'me', expected a UUID");
}
END_TEST

START_TEST(an_id_is_made_once_and_kept_in_a_prefix_that_is_made_too)
{
	char first[UUID_TEXT + 1], again[UUID_TEXT + 1];
	s.prefix = slice_cstr(tmp_path("not/yet"));
	ck_assert_msg(node_id_load(&s, first, &e), "%s", e.message);
	ck_assert(is_uuid(slice_cstr(first)));
	ck_assert(node_id_load(&s, again, &e));
	ck_assert_str_eq(first, again);
}
END_TEST

START_TEST(an_id_that_kong_left_is_kept)
{
	char id[UUID_TEXT + 1];
	FILE *f = fopen(tmp_path("kong.id"), "w");
	fputs("dddddddd-0000-4000-8000-000000000001\n", f);
	fclose(f);
	ck_assert(node_id_load(&s, id, &e));
	ck_assert_str_eq(id, "dddddddd-0000-4000-8000-000000000001");
}
END_TEST

START_TEST(a_file_that_holds_something_else_is_refused_and_left_alone)
{
	char id[UUID_TEXT + 1], bytes[16] = "";
	FILE *f = fopen(tmp_path("kong.id"), "w");
	fputs("nonsense", f);
	fclose(f);
	ck_assert(!node_id_load(&s, id, &e));
	ck_assert_ptr_nonnull(strstr(e.message, "kong.id' holds no node id, expected a UUID"));
	f = fopen(tmp_path("kong.id"), "r");
	ck_assert_ptr_nonnull(fgets(bytes, sizeof bytes, f));
	fclose(f);
	ck_assert_str_eq(bytes, "nonsense");
}
END_TEST

static void race(int out, int start)
{
	char id[UUID_TEXT + 1], byte;
	if (read(start, &byte, 1) == 0 && node_id_load(&s, id, &e) && write(out, id, UUID_TEXT) == UUID_TEXT)
		_exit(0);
	_exit(1);
}

/* All wait for the same pipe to close. */
static void one_round(const char *prefix)
{
	int start[2], out[2], status;
	char ids[RACERS][UUID_TEXT];

	s.prefix = slice_cstr(prefix);
	ck_assert(pipe(start) == 0 && pipe(out) == 0);
	for (int i = 0; i < RACERS; i++)
		if (fork() == 0) {
			close(start[1]);
			race(out[1], start[0]);
		}
	close(start[1]);
	for (int i = 0; i < RACERS; i++) {
		wait(&status);
		ck_assert_int_eq(status, 0);
	}
	for (int i = 0; i < RACERS; i++) {
		ck_assert_int_eq(read(out[0], ids[i], UUID_TEXT), UUID_TEXT);
		ck_assert_mem_eq(ids[i], ids[0], UUID_TEXT);
	}
	close(start[0]);
	close(out[0]);
	close(out[1]);
}

START_TEST(programs_that_start_at_the_same_moment_end_with_the_same_id)
{
	char name[32];
	for (int i = 0; i < ROUNDS; i++) {
		snprintf(name, sizeof name, "round%d", i);
		one_round(tmp_path(name));
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("node_id");
	TCase *t = tcase_create("node_id");
	tcase_add_checked_fixture(t, setup, tmp_remove);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, the_setting_counts_and_is_written_in_lower_case);
	tcase_add_test(t, a_setting_that_is_no_uuid_is_refused);
	tcase_add_test(t, an_id_is_made_once_and_kept_in_a_prefix_that_is_made_too);
	tcase_add_test(t, an_id_that_kong_left_is_kept);
	tcase_add_test(t, a_file_that_holds_something_else_is_refused_and_left_alone);
	tcase_add_test(t, programs_that_start_at_the_same_moment_end_with_the_same_id);
	suite_add_tcase(suite, t);
	SRunner *r = srunner_create(suite);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
