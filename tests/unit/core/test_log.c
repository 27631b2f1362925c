/* log: what a client sends can neither end a line nor begin one. */
#include <check.h>
#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/core/file.h"
#include "common/core/log.h"

static struct arena arena;
static struct err err;
static char path[] = "/tmp/gatehouse-log-XXXXXX";

static void setup(void)
{
	arena_init(&arena);
	close(mkstemp(path));
	log_init("test");
	log_set_level(LOG_INFO);
	ck_assert(log_open(path, &err));
}

static void teardown(void)
{
	unlink(path);
	arena_fini(&arena);
}

/* The file's text, which has as many lines as events were logged. */
static const char *logged(size_t lines)
{
	struct slice out;
	ck_assert_msg(file_read(&arena, path, 100000, &out, &err), "%s", err.message);
	size_t n = 0;
	for (size_t i = 0; i < out.len; i++)
		n += out.ptr[i] == '\n';
	ck_assert_uint_eq(n, lines);
	return out.ptr;
}

START_TEST(a_plain_line_has_time_level_program_message_and_fields)
{
	log_info("listening", LOG_STR("address", "0.0.0.0:8000"), LOG_INT("workers", -2));
	const char *line = logged(1);
	ck_assert_uint_gt(strlen(line), 24);
	ck_assert_int_eq(line[10], 'T');
	ck_assert_int_eq(line[23], 'Z');
	ck_assert_str_eq(line + 24, " info test listening address=0.0.0.0:8000 workers=-2\n");
}
END_TEST

START_TEST(values_that_could_be_misread_are_quoted)
{
	log_info("m", LOG_STR("empty", ""), LOG_SLICE("unset", slice_of(NULL, 0)), LOG_STR("blank", "a b"),
	        LOG_STR("forged", "x\n2026 crit test all is lost"), LOG_STR("equals", "a=b"), LOG_STR("quote", "\""),
	        LOG_SLICE("nul", S("a\0b")), LOG_STR("escape", "\x1b[31m"), LOG_STR("high", "\xff"));
	ck_assert_str_eq(logged(1) + 24, " info test m empty=\"\" unset=\"\" blank=\"a b\" "
	                                 "forged=\"x\\n2026 crit test all is lost\" equals=\"a=b\" quote=\"\\\"\" "
	                                 "nul=\"a\\u0000b\" escape=\"\\u001b[31m\" high=\"\xEF\xBF\xBD\"\n");
}
END_TEST

START_TEST(a_json_line_is_one_object)
{
	log_use_json(true);
	log_warn(
	        "it \"broke\"", LOG_STR("path", "/a\n\"b\"\\"), LOG_INT("n", INT64_MIN), LOG_SLICE("b", S("\xff\0")));
	json_t *line = json_loads(logged(1), JSON_ALLOW_NUL, NULL);
	ck_assert_ptr_nonnull(line);
	ck_assert_str_eq(json_string_value(json_object_get(line, "level")), "warn");
	ck_assert_str_eq(json_string_value(json_object_get(line, "program")), "test");
	ck_assert_str_eq(json_string_value(json_object_get(line, "message")), "it \"broke\"");
	ck_assert_str_eq(json_string_value(json_object_get(line, "path")), "/a\n\"b\"\\");
	ck_assert_int_eq(json_integer_value(json_object_get(line, "n")), INT64_MIN);
	ck_assert_uint_eq(json_string_length(json_object_get(line, "b")), 4);
	json_decref(line);
}
END_TEST

START_TEST(only_what_is_as_grave_as_the_level_is_written)
{
	log_debug("no");
	log_set_level(LOG_ERROR);
	log_warn("no");
	log_error("yes");
	log_crit("yes");
	log_set_level(LOG_DEBUG);
	log_debug("yes");
	logged(3);
}
END_TEST

START_TEST(level_names_lead_to_levels)
{
	enum log_level level = LOG_EMERG;
	ck_assert(log_level_parse(S("notice"), &level));
	ck_assert_int_eq(level, LOG_NOTICE);
	ck_assert(!log_level_parse(S("NOTICE"), &level));
	ck_assert(!log_level_parse(S("warning"), &level));
	ck_assert_int_eq(level, LOG_NOTICE);
	for (int i = LOG_DEBUG; i <= LOG_EMERG; i++) {
		ck_assert(log_level_parse(slice_cstr(log_level_name((enum log_level)i)), &level));
		ck_assert_int_eq(level, i);
	}
}
END_TEST

START_TEST(after_rotation_a_new_file_is_written)
{
	log_info("one");
	ck_assert_int_eq(unlink(path), 0);
	log_info("lost with the old file");
	log_reopen();
	log_info("two");
	ck_assert_ptr_nonnull(strstr(logged(1), "two"));
}
END_TEST

START_TEST(opening_another_file_closes_the_first)
{
	char other[] = "/tmp/gatehouse-log-XXXXXX";
	int before = mkstemp(other);
	close(before);
	for (int i = 0; i < 20; i++)
		ck_assert(log_open(i % 2 ? path : other, &err));
	log_info("here");
	logged(1);
	int after = dup(0);
	ck_assert_int_le(after, before + 1);
	close(after);
	unlink(other);
	ck_assert(!log_open("/nowhere/at/all", &err));
	ck_assert_ptr_nonnull(strstr(err.message, "'/nowhere/at/all'"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("log");
	TCase *t = tcase_create("log");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_plain_line_has_time_level_program_message_and_fields);
	tcase_add_test(t, values_that_could_be_misread_are_quoted);
	tcase_add_test(t, a_json_line_is_one_object);
	tcase_add_test(t, only_what_is_as_grave_as_the_level_is_written);
	tcase_add_test(t, level_names_lead_to_levels);
	tcase_add_test(t, after_rotation_a_new_file_is_written);
	tcase_add_test(t, opening_another_file_closes_the_first);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
