/* file. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/core/file.h"

static struct arena arena;
static struct err err;
static char folder[] = "/tmp/gatehouse-file-XXXXXX";
static char room[200];

static void setup(void)
{
	arena_init(&arena);
	ck_assert_ptr_nonnull(mkdtemp(folder));
	err.message[0] = '\0';
}

static void teardown(void)
{
	char command[100];
	snprintf(command, sizeof command, "rm -r %s", folder);
	ck_assert_int_eq(system(command), 0);
	arena_fini(&arena);
}

static const char *in_folder(const char *name)
{
	snprintf(room, sizeof room, "%s/%s", folder, name);
	return room;
}

START_TEST(what_is_written_is_read)
{
	struct slice out;
	ck_assert(file_replace(in_folder("a"), S("one\0two"), 0600, &err));
	ck_assert(file_read(&arena, in_folder("a"), 100, &out, &err));
	ck_assert(slice_eq(out, S("one\0two")));
	ck_assert_int_eq(out.ptr[out.len], '\0');
	ck_assert(file_replace(in_folder("a"), S(""), 0600, &err));
	ck_assert(file_read(&arena, in_folder("a"), 100, &out, &err));
	ck_assert_uint_eq(out.len, 0);
	ck_assert_int_ne(access(in_folder("a.tmp"), F_OK), 0);
}
END_TEST

START_TEST(the_limit_holds_exactly)
{
	struct slice out, large = slice_of(arena_zalloc(&arena, 200000), 200000);
	ck_assert(file_replace(in_folder("a"), large, 0600, &err));
	ck_assert(file_read(&arena, in_folder("a"), 200000, &out, &err));
	ck_assert(slice_eq(out, large));
	ck_assert(!file_read(&arena, in_folder("a"), 199999, &out, &err));
	ck_assert_ptr_nonnull(strstr(err.message, "larger than 199999 bytes"));
}
END_TEST

START_TEST(failures_name_the_file_and_the_reason)
{
	struct slice out;
	ck_assert(!file_read(&arena, in_folder("none"), 10, &out, &err));
	ck_assert_ptr_nonnull(strstr(err.message, "none': No such file"));
	ck_assert(!file_read(&arena, folder, 10, &out, &err));
	ck_assert(!file_replace(in_folder("no/file"), S("x"), 0600, &err));
}
END_TEST

START_TEST(a_secret_does_not_inherit_the_mode_of_what_a_crash_left)
{
	struct stat st;
	close(open(in_folder("a.tmp"), O_CREAT | O_WRONLY, 0644));
	ck_assert(file_replace(in_folder("a"), S("secret"), 0600, &err));
	ck_assert_int_eq(stat(in_folder("a"), &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
}
END_TEST

START_TEST(a_replacement_that_fails_leaves_the_old_bytes)
{
	struct slice out;
	ck_assert(file_make_dirs(in_folder("d/sub"), 0700, &err));
	ck_assert(!file_replace(in_folder("d"), S("x"), 0600, &err)); /* a folder cannot be replaced by a file */
	ck_assert_int_ne(access(in_folder("d.tmp"), F_OK), 0);
	ck_assert(file_replace(in_folder("a"), S("old"), 0600, &err));
	ck_assert_int_eq(mkdir(in_folder("a.tmp"), 0700), 0);
	ck_assert(!file_replace(in_folder("a"), S("new"), 0600, &err));
	ck_assert(file_read(&arena, in_folder("a"), 10, &out, &err));
	ck_assert(slice_eq(out, S("old")));
}
END_TEST

START_TEST(folders_are_made_with_their_parents)
{
	struct stat st;
	ck_assert(file_make_dirs(in_folder("x//y/z/"), 0700, &err));
	ck_assert(file_make_dirs(in_folder("x/y/z"), 0700, &err));
	ck_assert_int_eq(stat(in_folder("x/y"), &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0700);
	ck_assert(file_make_dirs("/", 0700, &err));
}
END_TEST

START_TEST(a_file_or_nothing_in_the_place_of_a_folder_is_an_error)
{
	ck_assert(file_replace(in_folder("a"), S(""), 0600, &err));
	ck_assert(!file_make_dirs(in_folder("a"), 0700, &err));
	ck_assert_ptr_nonnull(strstr(err.message, "a': File exists"));
	ck_assert(!file_make_dirs(in_folder("a/b"), 0700, &err));
	ck_assert(!file_make_dirs("", 0700, &err));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("file");
	TCase *t = tcase_create("file");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, what_is_written_is_read);
	tcase_add_test(t, the_limit_holds_exactly);
	tcase_add_test(t, failures_name_the_file_and_the_reason);
	tcase_add_test(t, a_secret_does_not_inherit_the_mode_of_what_a_crash_left);
	tcase_add_test(t, a_replacement_that_fails_leaves_the_old_bytes);
	tcase_add_test(t, folders_are_made_with_their_parents);
	tcase_add_test(t, a_file_or_nothing_in_the_place_of_a_folder_is_an_error);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
