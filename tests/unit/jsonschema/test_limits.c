/* jsonschema: what is told of failures, schemas that do not compile, and evil ones, and evil values. */
#include <check.h>
#include <stdlib.h>

#include "common/core/text.h"
#include "common/jsonschema/jsonschema.h"
#include "common/jsonschema/kong_schema.h"
#include "tests/support/loading.h"

static struct arena arena;

static void setup(void)
{
	arena_init(&arena);
}

static void teardown(void)
{
	arena_fini(&arena);
}

static json_t *parsed(struct slice text)
{
	json_error_t why;
	json_t *v = json_loadb(text.ptr, text.len, JSON_DECODE_ANY, &why);
	ck_assert_msg(v != NULL, "%s", why.text);
	return v;
}

/* "path: why; path: why" */
static const char *told(const struct jsonschema_failures *f)
{
	struct text out = {0};
	for (size_t i = 0; i < f->len; i++)
		text_printf(
		        &out, "%s%.*s: %.*s", i ? "; " : "", SLICE_ARG(f->items[i].path), SLICE_ARG(f->items[i].why));
	const char *text = arena_cstr(&arena, text_slice(&out));
	text_fini(&out);
	return text;
}

static const char *failures(const char *schema, struct slice data)
{
	struct err e;
	struct jsonschema_failures f = {.arena = &arena};
	const struct jsonschema *s = jsonschema_compile(&arena, slice_cstr(schema), JSONSCHEMA_2020_12, &e);
	ck_assert_msg(s != NULL, "%s", e.message);
	json_t *v = parsed(data);
	bool ok = jsonschema_validate(s, v, &f);
	ck_assert(ok == jsonschema_validate(s, v, NULL));
	json_decref(v);
	return ok ? "" : told(&f);
}

START_TEST(failures_say_where_and_why)
{
	static const struct {
		const char *schema, *data, *told;
	} rows[] = {
	        {"{\"type\":\"object\"}", "1", "@root: expected an object"},
	        {"{\"properties\":{\"age\":{\"type\":\"integer\"}}}", "{\"age\":\"x\"}", "age: expected an integer"},
	        {"{\"required\":[\"a\",\"b\"]}", "{}", "a: required field missing; b: required field missing"},
	        {"{\"properties\":{\"l\":{\"items\":{\"properties\":{\"n\":{\"minimum\":2}}}}}}",
	                "{\"l\":[{\"n\":3},{\"n\":1}]}", "l[1].n: expected at least 2"},
	        {"{\"additionalProperties\":false}", "{\"x\":1,\"y\":2}", "x: unknown field; y: unknown field"},
	        {"{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}", "1",
	                "@root: fits none of the allowed schemas"},
	        {"{\"format\":\"date\"}", "\"x\"", "@root: expected the format: date"},
	        {"{\"not\":{}}", "1", "@root: fits a schema that it must not fit"},
	};
	ck_assert_str_eq(failures(rows[_i].schema, slice_cstr(rows[_i].data)), rows[_i].told);
}
END_TEST

START_TEST(schemas_that_do_not_compile)
{
	static const struct {
		const char *schema, *why;
	} rows[] = {
	        {"{", "not JSON"},
	        {"{\"a\":1,\"a\":2}", "not JSON: duplicate"},
	        {"7", "expected a schema"},
	        {"{\"type\":\"strin\"}", "type: expected null, boolean"},
	        {"{\"properties\":{\"a\":{\"type\":[]}}}", "at /a: type: expected"},
	        {"{\"properties\":{\"a\":{\"items\":{\"minItems\":-1}}}}",
	                "at /a/items: minItems: expected a whole number"},
	        {"{\"pattern\":\"(\"}", "pattern: invalid regex '('"},
	        {"{\"patternProperties\":{\"[\":{}}}", "invalid regex '['"},
	        {"{\"required\":\"a\"}", "required: expected an array of names"},
	        {"{\"allOf\":[]}", "allOf: expected an array of schemas"},
	        {"{\"multipleOf\":0}", "multipleOf: expected a number greater than 0"},
	        {"{\"$ref\":\"#/nowhere\"}", "$ref '#/nowhere' leads to nothing"},
	        {"{\"$ref\":\"http://x.test/y\"}", "leads out of the schema"},
	        {"{\"$ref\":\"file:///etc/passwd\"}", "leads out of the schema"},
	        {"{\"enum\":1}", "enum: expected an array"},
	        {"{\"uniqueItems\":1}", "uniqueItems: expected a boolean"},
	};
	struct err e = {""};
	ck_assert(!jsonschema_compile(&arena, slice_cstr(rows[_i].schema), JSONSCHEMA_2020_12, &e));
	ck_assert_msg(strstr(e.message, rows[_i].why) != NULL, "%s: %s", rows[_i].schema, e.message);
}
END_TEST

static struct slice repeated(
        const char *head, const char *unit, size_t n, const char *middle, const char *end_unit, const char *tail)
{
	struct text out = {0};
	text_puts(&out, head);
	for (size_t i = 0; i < n; i++)
		text_puts(&out, unit);
	text_puts(&out, middle);
	for (size_t i = 0; i < n; i++)
		text_puts(&out, end_unit);
	text_puts(&out, tail);
	struct slice text = arena_dup(&arena, text_slice(&out));
	text_fini(&out);
	return text;
}

START_TEST(schemas_that_are_too_large)
{
	struct err e = {""};
	ck_assert(!jsonschema_compile(&arena, repeated("", "{\"not\":", 500, "{}", "}", ""), JSONSCHEMA_2020_12, &e));
	ck_assert_msg(strstr(e.message, "nested deeper than"), "%s", e.message);
	ck_assert(!jsonschema_compile(
	        &arena, repeated("{\"allOf\":[{}", ",{}", 30000, "]}", "", ""), JSONSCHEMA_2020_12, &e));
	ck_assert_msg(strstr(e.message, "more than"), "%s", e.message);
}
END_TEST

/* None of them may take long, or much stack. */
START_TEST(evil_schemas_and_values_end)
{
	static const char tree[] = "{\"properties\":{\"a\":{\"$ref\":\"#\"}},\"items\":{\"$ref\":\"#\"}}";
	/* twice the work a level */
	static const char doubling[] =
	        "{\"anyOf\":[{\"items\":{\"$ref\":\"#\"},\"minItems\":1},{\"items\":{\"$ref\":\"#\"},\"maxItems\":1,\"minItems\":1}]}";
	ck_assert_str_eq(failures(tree, repeated("", "[", 60, "", "]", "")), "");
	ck_assert_str_eq(failures(tree, repeated("", "[", 70, "", "]", "")), "@root: nested too deeply");
	ck_assert_str_eq(failures("{\"$ref\":\"#\"}", S("1")), "@root: the value leads too deep into the schema");
	ck_assert_str_eq(
	        failures("{\"not\":{\"$ref\":\"#\"}}", S("1")), "@root: the value leads too deep into the schema");
	ck_assert_str_eq(failures(doubling, repeated("", "[", 60, "", "]", "")),
	        "@root: the value takes too long to be judged");
	ck_assert_str_eq(failures("{\"pattern\":\"^(a+)+$\"}", repeated("\"", "a", 40, "!", "", "\"")),
	        "@root: a pattern takes too long");
	ck_assert_str_eq(failures("{\"not\":{\"pattern\":\"^(a+)+$\"}}", repeated("\"", "a", 40, "!", "", "\"")),
	        "@root: a pattern takes too long");
}
END_TEST

START_TEST(many_items_are_compared_in_time)
{
	struct text out = {0};
	text_putc(&out, '[');
	for (int i = 0; i < 100000; i++)
		text_printf(&out, "%s{\"n\":%d}", i ? "," : "", i);
	text_putc(&out, ']');
	ck_assert_str_eq(failures("{\"uniqueItems\":true}", text_slice(&out)), "");
	text_fini(&out);
}
END_TEST

/* ---- Kong's own language --------------------------------------------------------------------------------------- */

static const char kong[] =
        "[{'name':{'type':'string','required':true,'match':'^%u%l+$'}},{'age':{'type':'integer','between':[0,150]}},"
        "{'id':{'type':'string','uuid':true}},{'tag':{'type':'string','one_of':['a','b']}},"
        "{'tags':{'type':'array','elements':{'type':'string','len_min':2},'len_max':2}},"
        "{'attributes':{'type':'map','keys':{'type':'string','starts_with':'x-'},'values':{'type':'number'}}},"
        "{'at':{'type':'number','timestamp':true}},"
        "{'code':{'type':'string','match_all':[{'pattern':'%d','err':'needs a digit'}],"
        "'match_none':[{'pattern':' ','err':'no blanks'}],'match_any':{'patterns':['^a','^b'],'err':'a or b'}}},"
        "{'home':{'type':'record','fields':[{'city':{'type':'string','len_eq':3}},{'big':{'type':'boolean','required':true}}]}}]";

static struct slice quoted(const char *text)
{
	struct slice s = arena_dup(&arena, slice_cstr(text));
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] == '\'')
			((char *)s.ptr)[i] = '"';
	return s;
}

START_TEST(kongs_language)
{
	static const struct {
		const char *data, *told;
	} rows[] = {
	        {"{'name':'Ann'}", ""},
	        {"{'name':'Ann','age':7,'id':'2eb8aa08-aa98-11ea-b4aa-73b441d16380','tag':'b','tags':['aa','bb'],"
	         "'attributes':{'x-a':1.5},'at':1,'code':'a1','home':{'city':'Ulm','big':true}}",
	                ""},
	        {"{}", "name: required field missing"},
	        {"{'name':null}", "name: required field missing"},
	        {"{'name':1}", "name: expected a string"},
	        {"{'name':'ann'}", "name: invalid value: ann"},
	        {"{'name':'Ann','age':7.5}", "age: expected an integer"},
	        {"{'name':'Ann','age':151}", "age: value should be between 0 and 150"},
	        {"{'name':'Ann','age':'7'}", "age: expected an integer"},
	        {"{'name':'Ann','id':'x'}", "id: expected a valid UUID"},
	        {"{'name':'Ann','tag':'c'}", "tag: expected one of: a, b"},
	        {"{'name':'Ann','tags':['a']}", "tags[0]: length must be at least 2"},
	        {"{'name':'Ann','tags':['aa','bb','cc']}", "tags: length must be at most 2"},
	        {"{'name':'Ann','tags':{}}", "tags: expected an array"},
	        {"{'name':'Ann','attributes':{'y':1}}", "attributes.y: should start with: x-"},
	        {"{'name':'Ann','attributes':{'x-y':'1'}}", "attributes.x-y: expected a number"},
	        {"{'name':'Ann','at':0}", "at: expected a valid timestamp"},
	        {"{'name':'Ann','code':'a'}", "code: needs a digit"},
	        {"{'name':'Ann','code':'a 1'}", "code: no blanks"},
	        {"{'name':'Ann','code':'c1'}", "code: a or b"},
	        {"{'name':'Ann','code':''}", "code: length must be at least 1"},
	        {"{'name':'Ann','home':{'city':'Rome'}}",
	                "home.city: length must be 3; home.big: required field missing"},
	        {"{'name':'Ann','more':1}", "more: unknown field"},
	        {"[]", "@root: expected a record"},
	        {"null", "@root: expected a record"},
	};
	struct err e = {""};
	const struct kong_schema *s = kong_schema_compile(&arena, quoted(kong), &e);
	ck_assert_msg(s != NULL, "%s", e.message);
	struct jsonschema_failures f = {.arena = &arena};
	json_t *v = parsed(quoted(rows[_i].data));
	bool ok = kong_schema_validate(s, v, &f);
	ck_assert(ok == kong_schema_validate(s, v, NULL));
	ck_assert_str_eq(ok ? "" : told(&f), rows[_i].told);
	json_decref(v);
}
END_TEST

START_TEST(kong_schemas_that_do_not_compile)
{
	static const struct {
		const char *schema, *why;
	} rows[] = {
	        {"{", "not JSON"},
	        {"{}", "fields: expected an array of objects with one key each"},
	        {"[{'a':{'type':'string'},'b':{'type':'string'}}]", "expected an array of objects with one key each"},
	        {"[{'a':{}}]", "a: type: expected one of: string"},
	        {"[{'a':{'type':'text'}}]", "a: type: expected one of: string"},
	        {"[{'a':{'type':'string','matches':'x'}}]", "a: matches: unknown field"},
	        {"[{'a':{'type':'integer','between':[1]}}]", "a: between: expected an array of two numbers"},
	        {"[{'a':{'type':'array','elements':{'type':'x'}}}]", "a: elements: type: expected"},
	        {"[{'a':{'type':'string','len_min':-1}}]", "a: len_min: expected an integer"},
	        {"[{'a':1}]", "a: expected a field"},
	};
	struct err e = {""};
	ck_assert(!kong_schema_compile(&arena, quoted(rows[_i].schema), &e));
	ck_assert_msg(strstr(e.message, rows[_i].why) != NULL, "%s: %s", rows[_i].schema, e.message);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("jsonschema limits");
	TCase *t = tcase_create("all");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, failures_say_where_and_why, 0, 8);
	tcase_add_loop_test(t, schemas_that_do_not_compile, 0, 16);
	tcase_add_test(t, schemas_that_are_too_large);
	tcase_add_test(t, evil_schemas_and_values_end);
	tcase_add_test(t, many_items_are_compared_in_time);
	tcase_add_loop_test(t, kongs_language, 0, 25);
	tcase_add_loop_test(t, kong_schemas_that_do_not_compile, 0, 10);
	suite_add_tcase(s, t);
	return run_suite(s);
}
