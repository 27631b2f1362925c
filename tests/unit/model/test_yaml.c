/* yaml: what text stands for, where it stands, what is refused, and that what is written is read as the same. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/model/yaml.h"

static struct yaml y;
static struct err e;

static void read_ok(const char *text)
{
	ck_assert_msg(yaml_read(slice_cstr(text), &y, &e), "%s: %s", text, e.message);
}

/* Reads text and compares with JSON. */
static void expect(const char *text, const char *json)
{
	json_t *want = json_loads(json, JSON_DECODE_ANY, NULL);

	ck_assert_ptr_nonnull(want);
	read_ok(text);
	char *got = json_dumps(y.root, JSON_COMPACT | JSON_ENCODE_ANY);
	ck_assert_msg(json_equal(want, y.root), "%s is %s, not %s", text, got, json);
	free(got);
	json_decref(want);
	yaml_fini(&y);
}

static void refuse(const char *text, const char *why)
{
	ck_assert_msg(!yaml_read(slice_cstr(text), &y, &e), "taken: %s", text);
	ck_assert_msg(strstr(e.message, why), "%s: %s", text, e.message);
}

START_TEST(section_1_scalars_have_the_types_of_yaml)
{
	static const char *const cases[][2] = {{"~", "null"}, {"", "null"}, {"null", "null"}, {"true", "true"},
	        {"Yes", "true"}, {"on", "true"}, {"off", "false"}, {"NO", "false"}, {"1", "1"}, {"-7", "-7"},
	        {"+7", "7"}, {"0", "0"}, {"1_000", "1000"}, {"0x1F", "31"}, {"010", "8"}, {"0b11", "3"},
	        {"08", "\"08\""}, {"1.5", "1.5"}, {"-1e3", "-1000.0"}, {".5", "0.5"}, {"1.", "1.0"},
	        {"\"1\"", "\"1\""}, {"'true'", "\"true\""}, {"10:30", "\"10:30\""}, {"1.2.3.4", "\"1.2.3.4\""},
	        {".inf", "\".inf\""}, {"-", "[null]"}, {"2026-11-28", "\"2026-11-28\""}, {"y", "\"y\""},
	        {"!!str 1", "\"1\""}, {"!!int \"1\"", "1"}, {"! 1", "\"1\""}, {"99999999999999999999", "1e20"},
	        {"1e999", "\"1e999\""}, {"e5", "\"e5\""}, {"/path", "\"/path\""}, {"_1", "\"_1\""},
	        {"\"caf\\xE9\"", "\"caf\xc3\xa9\""}};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		expect(cases[i][0], cases[i][1]);
}
END_TEST

START_TEST(section_1_collections_anchors_aliases_and_merge_keys)
{
	expect("a: {b: [1, x]}\nc:\n- d: 1\n", "{\"a\":{\"b\":[1,\"x\"]},\"c\":[{\"d\":1}]}");
	expect("on: 1\n8: 2\n", "{\"on\":1,\"8\":2}");
	expect("a: &x {p: 1}\nb: *x\n", "{\"a\":{\"p\":1},\"b\":{\"p\":1}}");
	expect("a: &x {p: 1, q: 2}\nb: {<<: *x, q: 3}\n", "{\"a\":{\"p\":1,\"q\":2},\"b\":{\"q\":3,\"p\":1}}");
	expect("a: &x {p: 1}\nb: &y {p: 2, q: 2}\nc: {<<: [*x, *y]}\n",
	        "{\"a\":{\"p\":1},\"b\":{\"p\":2,\"q\":2},\"c\":{\"p\":1,\"q\":2}}");
	expect("a: &x hello\nb: *x\n", "{\"a\":\"hello\",\"b\":\"hello\"}");
	expect("\"<<\": 1\n", "{\"<<\":1}");
}
END_TEST

START_TEST(a_value_that_an_alias_repeats_is_a_copy)
{
	read_ok("a: &x [1]\nb: *x\n");
	json_array_append_new(json_object_get(y.root, "a"), json_integer(2));
	ck_assert_uint_eq(json_array_size(json_object_get(y.root, "b")), 1);
	yaml_fini(&y);
}
END_TEST

START_TEST(what_is_refused_says_where)
{
	refuse("a: 1\na: 2\n", "line 2, column 1: the key 'a' is there twice");
	refuse("a: [1\n", "line 2");
	refuse("a: b: c\n", "line 1, column 5: mapping values are not allowed");
	refuse("a: *x\n", "line 1, column 4: an alias of something that is not there");
	refuse("a: &x [*x]\n", "an alias of something that is not there, or is still open");
	refuse("--- 1\n--- 2\n", "expected one document");
	refuse("? [a]\n: 1\n", "a key is a string");
	refuse("{a: 1, <<: 3}", "<< wants a mapping");
	refuse("a: !!binary aGk=\n", "an unknown tag");
	refuse("a: \"\\0\"\n", "a NUL character");
	refuse("a: \xff\n", "line 1");
	refuse("\ta: 1\n", "line 1");
}
END_TEST

START_TEST(a_small_text_cannot_become_large)
{
	struct text t = {0};

	text_puts(&t, "a: &a [x,x,x,x,x,x,x,x,x]\n");
	for (char c = 'b'; c <= 'k'; c++)
		text_printf(&t, "%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n", c, c, c - 1, c - 1, c - 1, c - 1,
		        c - 1, c - 1, c - 1, c - 1, c - 1);
	refuse(text_cstr(&t), "aliases make the document too large");
	text_clear(&t);
	for (int i = 0; i < YAML_DEPTH_MAX + 1; i++)
		text_putc(&t, '[');
	refuse(text_cstr(&t), "nested too deeply");
	text_fini(&t);
}
END_TEST

START_TEST(lines_of_containers_and_members_are_known)
{
	read_ok("a: 1\nb:\n  c: true\n  d:\n  - x\n  - e: 1\n    f: 2\n");
	const json_t *b = json_object_get(y.root, "b"), *d = json_object_get(b, "d"), *last = json_array_get(d, 1);
	ck_assert_uint_eq(yaml_line(&y, y.root), 1);
	ck_assert_uint_eq(yaml_line_at(&y, y.root, 1), 2);
	ck_assert_uint_eq(yaml_line_at(&y, b, 0), 3);
	ck_assert_uint_eq(yaml_line_at(&y, b, 1), 4);
	ck_assert_uint_eq(yaml_line_at(&y, d, 0), 5);
	ck_assert_uint_eq(yaml_line_at(&y, d, 1), 6);
	ck_assert_uint_eq(yaml_line(&y, last), 6);
	ck_assert_uint_eq(yaml_line_at(&y, last, 1), 7);
	ck_assert_uint_eq(yaml_line_at(&y, last, 2), 0);
	ck_assert_uint_eq(yaml_line(&y, json_array_get(d, 0)), 0);
	yaml_fini(&y);
}
END_TEST

START_TEST(unquoted_variables_are_remembered)
{
	read_ok("a: ${X}\nb: \"${X}\"\nc: x${X}\nd: ${X}${Y}\n");
	ck_assert(yaml_is_plain_variable(&y, json_object_get(y.root, "a")));
	ck_assert(!yaml_is_plain_variable(&y, json_object_get(y.root, "b")));
	ck_assert(!yaml_is_plain_variable(&y, json_object_get(y.root, "c")));
	ck_assert(!yaml_is_plain_variable(&y, json_object_get(y.root, "d")));
	yaml_fini(&y);
}
END_TEST

START_TEST(what_is_written_is_read_as_the_same)
{
	static const char *const cases[] = {"{}", "[]", "null", "{\"a\":null,\"b\":true,\"c\":[1,2.5,-3,1e300,0.1]}",
	        "{\"a\":[[1,[2]],[],{}],\"b\":{\"c\":{\"d\":[{\"e\":1,\"f\":[{\"g\":2}]}]}}}",
	        "[\"true\",\"on\",\"~\",\"\",\"1\",\"1.5\",\"0x1\",\"a: b\",\"- a\",\"# a\",\"'\",\"\\\"\",\"a'b\",\"<<\"]",
	        "[\"line\\nbreak\",\"tab\\t\",\"caf\xc3\xa9\",\"\\u007f\\u0085\\u2028\\ufeff\\uffff\",\"\\ud83d\\ude00\",\"\\\\x\"]",
	        "{\"on\":1,\"8\":2,\"a b\":3,\"\":4,\"x\":\" lead\",\"z\":\"trail \"}",
	        "[\"${X}\",\"{vault://env/x}\",\"*a\",\"&a\",\"%\",\"@\"]",
	        "[1686720000.123,1764327000,4503599627370497.5]"};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct text t = {0};
		json_t *value = json_loads(cases[i], JSON_DECODE_ANY, NULL);
		ck_assert_msg(value != NULL, "%s", cases[i]);
		yaml_write(&t, value, 0);
		ck_assert_msg(yaml_read(text_slice(&t), &y, &e), "%s: %s\n%s", cases[i], e.message, text_cstr(&t));
		ck_assert_msg(json_equal(value, y.root), "%s was written as\n%s", cases[i], text_cstr(&t));
		yaml_fini(&y);
		json_decref(value);
		text_fini(&t);
	}
}
END_TEST

START_TEST(section_7_3_nulls_are_tildes_and_lists_stand_under_their_key)
{
	struct text t = {0};
	json_t *value = json_loads("{\"a\":null,\"b\":[\"x\",{\"c\":\"y\"}]}", 0, NULL);

	yaml_write(&t, value, 0);
	ck_assert_str_eq(text_cstr(&t), "a: ~\nb:\n- x\n- c: 'y'\n");
	json_decref(value);
	text_fini(&t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("yaml");
	TCase *t = tcase_create("all");

	tcase_add_test(t, section_1_scalars_have_the_types_of_yaml);
	tcase_add_test(t, section_1_collections_anchors_aliases_and_merge_keys);
	tcase_add_test(t, a_value_that_an_alias_repeats_is_a_copy);
	tcase_add_test(t, what_is_refused_says_where);
	tcase_add_test(t, a_small_text_cannot_become_large);
	tcase_add_test(t, lines_of_containers_and_members_are_known);
	tcase_add_test(t, unquoted_variables_are_remembered);
	tcase_add_test(t, what_is_written_is_read_as_the_same);
	tcase_add_test(t, section_7_3_nulls_are_tildes_and_lists_stand_under_their_key);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
