/* decode: from rendered JSON to the C struct, one member of every kind; refusal of what schema_load() did not make.
 */
#include <check.h>

#include "common/schema/decode.h"
#include "tests/support/loading.h"

struct point {
	int64_t x, y;
};
struct all {
	struct uuid id;
	struct slice text;
	int64_t integer;
	struct opt_int opt_integer;
	double number;
	struct opt_num opt_number;
	bool flag;
	struct opt_bool opt_flag;
	struct slice_list texts;
	struct int_list integers;
	struct num_list numbers;
	struct record_list points;
	struct slice_map map;
	struct list_map lists;
	struct point point;
	struct ref ref;
	json_t *json;
};

static const struct field point_fields[] = {
        FIELD(struct point, x, .dflt = "1"),
        FIELD(struct point, y, .dflt = "2"),
        {0},
};
static const struct schema point = {.name = "point", .size = sizeof(struct point), .fields = point_fields};

static const struct field fields[] = {
        FIELD(struct all, id, .format = FORMAT_UUID),
        FIELD(struct all, text),
        FIELD(struct all, integer),
        FIELD(struct all, opt_integer),
        FIELD(struct all, number),
        FIELD(struct all, opt_number),
        FIELD(struct all, flag),
        FIELD(struct all, opt_flag),
        FIELD(struct all, texts, STRINGS()),
        FIELD(struct all, integers, INTEGERS()),
        FIELD(struct all, numbers, NUMBERS()),
        FIELD(struct all, points, RECORDS(point)),
        FIELD(struct all, map, KEYS(), VALUES(.type = TYPE_STRING)),
        FIELD(struct all, lists, KEYS(), VALUES(.type = TYPE_ARRAY, STRINGS())),
        FIELD(struct all, point, .record = &point),
        FIELD(struct all, ref, .ref = "others"),
        FIELD(struct all, json),
        {.name = "elsewhere", .type = TYPE_STRING},
        {0},
};
static const struct schema all = {.name = "all", .size = sizeof(struct all), .fields = fields};

static struct arena arena;

static void setup(void)
{
	arena_init(&arena);
}

static void teardown(void)
{
	arena_fini(&arena);
}

static const struct all *decoded(const char *input)
{
	struct err e;
	json_t *r = created(&all, input);
	const struct all *out = schema_decode_new(&all, r, &arena, &e);
	ck_assert_msg(out != NULL, "%s", e.message);
	json_decref(r); /* the struct must not point into it */
	return out;
}

START_TEST(scalars_take_their_values)
{
	const struct all *a = decoded(
	        "{'id':'11111111-2222-4333-8444-555555555555','text':'t','integer':-5,'opt_integer':0,"
	        "'number':2,'opt_number':1.5,'flag':true,'opt_flag':false,'elsewhere':'x'}");
	struct uuid id;
	uuid_parse(S("11111111-2222-4333-8444-555555555555"), &id);
	ck_assert(uuid_eq(&a->id, &id));
	ck_assert(slice_eq(a->text, S("t")) && a->text.ptr[1] == '\0');
	ck_assert_int_eq(a->integer, -5);
	ck_assert(a->opt_integer.set && a->opt_integer.value == 0);
	ck_assert(a->number == 2 && a->opt_number.set && a->opt_number.value == 1.5);
	ck_assert(a->flag && a->opt_flag.set && !a->opt_flag.value);
}
END_TEST

START_TEST(null_leaves_members_unset_or_zero)
{
	const struct all *a = decoded("{}");
	ck_assert(!slice_is_set(a->text) && a->integer == 0 && !a->opt_integer.set && !a->flag && !a->opt_flag.set);
	ck_assert(!a->texts.items && !a->integers.items && !a->points.items && !a->map.items && !a->lists.items);
	ck_assert(!a->ref.set && !a->json && !a->opt_number.set);
	ck_assert(a->point.x == 1 && a->point.y == 2); /* records are there in full */
}
END_TEST

START_TEST(an_empty_list_is_not_an_unset_one)
{
	const struct all *a = decoded("{'texts':[],'integers':[],'numbers':[],'points':[],'map':{},'lists':{}}");
	ck_assert(a->texts.items && a->texts.len == 0);
	ck_assert(a->integers.items && a->numbers.items && a->points.items && a->map.items && a->lists.items);
}
END_TEST

START_TEST(lists_and_maps_keep_their_order)
{
	const struct all *a = decoded(
	        "{'texts':['b','a'],'integers':[3,1],'numbers':[1.5,2],'points':[{'x':5},{'y':6}],"
	        "'map':{'k':'v'},'lists':{'z':['1','2'],'a':[]}}");
	ck_assert(a->texts.len == 2 && slice_eq(a->texts.items[0], S("b")));
	ck_assert(a->integers.len == 2 && a->integers.items[0] == 3);
	ck_assert(a->numbers.len == 2 && a->numbers.items[1] == 2);
	ck_assert_uint_eq(a->points.len, 2);
	ck_assert_int_eq(LIST_AT(a->points, struct point, 0)->x, 5);
	ck_assert_int_eq(LIST_AT(a->points, struct point, 0)->y, 2);
	ck_assert_int_eq(LIST_AT(a->points, struct point, 1)->y, 6);
	ck_assert(slice_eq(a->map.items[0].key, S("k")) && slice_eq(a->map.items[0].value, S("v")));
	ck_assert_uint_eq(a->lists.len, 2);
	ck_assert(slice_eq(a->lists.items[0].key, S("z")) && a->lists.items[0].values.len == 2);
	ck_assert(a->lists.items[1].values.items && a->lists.items[1].values.len == 0);
}
END_TEST

START_TEST(references_records_and_json_are_taken_over)
{
	const struct all *a = decoded(
	        "{'ref':{'id':'11111111-2222-4333-8444-555555555555'},'point':{'x':9},'json':{'k':[1]}}");
	ck_assert(a->ref.set && a->ref.id.bytes[0] == 0x11);
	ck_assert(a->point.x == 9 && a->point.y == 2);
	ck_assert_int_eq(json_integer_value(json_array_get(json_object_get(a->json, "k"), 0)), 1);
}
END_TEST

static const char *const strangers[] = {
        "{\"text\":5}",
        "{\"integer\":\"x\"}",
        "{\"integer\":1.5}",
        "{\"number\":\"x\"}",
        "{\"flag\":1}",
        "{\"id\":\"x\"}",
        "{\"texts\":\"x\"}",
        "{\"texts\":[1]}",
        "{\"integers\":[\"x\"]}",
        "{\"numbers\":[true]}",
        "{\"points\":[1]}",
        "{\"points\":{}}",
        "{\"map\":[]}",
        "{\"map\":{\"a\":1}}",
        "{\"lists\":{\"a\":1}}",
        "{\"point\":1}",
        "{\"ref\":{}}",
        "{\"ref\":{\"id\":5}}",
        "[]",
        "5",
};

START_TEST(what_load_did_not_make_is_refused_by_name)
{
	json_t *r = json_loads(strangers[_i], JSON_DECODE_ANY, NULL);
	struct err e = {""};
	ck_assert_ptr_null(schema_decode_new(&all, r, &arena, &e));
	ck_assert_msg(strncmp(e.message, "all: ", 5) == 0, "%s", e.message);
	json_decref(r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("decode");
	TCase *t = tcase_create("decode");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, scalars_take_their_values);
	tcase_add_test(t, null_leaves_members_unset_or_zero);
	tcase_add_test(t, an_empty_list_is_not_an_unset_one);
	tcase_add_test(t, lists_and_maps_keep_their_order);
	tcase_add_test(t, references_records_and_json_are_taken_over);
	tcase_add_loop_test(t, what_load_did_not_make_is_refused_by_name, 0, sizeof strangers / sizeof strangers[0]);
	suite_add_tcase(s, t);
	return run_suite(s);
}
