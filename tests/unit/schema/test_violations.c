/* violations: the tree, its message and braced values (admin-api.md 3.2, entities.md 1.1). */
#include <check.h>
#include <stdlib.h>

#include "common/schema/violations.h"
#include "tests/support/loading.h"

static void tree_is(struct violations *v, const char *json)
{
	json_t *wanted = json_loads(json, 0, NULL);
	char *shown = json_dumps(v->fields, JSON_COMPACT);
	ck_assert_msg(json_equal(wanted, v->fields), "the tree is %s", shown);
	free(shown);
	json_decref(wanted);
	violations_fini(v);
}

START_TEST(a_path_makes_objects_and_arrays_on_its_way)
{
	struct violations v = {0};
	ck_assert(!has_violations(&v));
	violations_add(&v, "config.redis.host", "no %s", "host");
	violations_add(&v, "protocols.3", "third");
	violations_add(&v, "protocols.1", "first");
	violations_add(&v, "rows.2.name", "n");
	ck_assert(has_violations(&v));
	tree_is(&v, "{\"config\":{\"redis\":{\"host\":\"no host\"}},\"protocols\":[\"first\",null,\"third\"],"
	            "\"rows\":[null,{\"name\":\"n\"}]}");
	ck_assert(!has_violations(&v));
}
END_TEST

START_TEST(the_first_message_at_a_path_wins_unless_replaced)
{
	struct violations v = {0};
	violations_add(&v, "a", "first");
	violations_add(&v, "a", "second");
	violations_add(&v, "a.b", "below a message there is nothing");
	violations_add(&v, "c", "first");
	violations_replace(&v, "c", "second");
	violations_add(&v, "d.1", "first");
	violations_replace(&v, "d", "second");
	tree_is(&v, "{\"a\":\"first\",\"c\":\"second\",\"d\":\"second\"}");
}
END_TEST

START_TEST(a_message_is_found_at_and_above_a_path)
{
	struct violations v = {0};
	violations_add(&v, "a", "x");
	violations_add(&v, "b.c", "x");
	violations_add(&v, "l.2", "x");
	ck_assert(violations_at(&v, "a"));
	ck_assert(violations_at(&v, "a.b"));
	ck_assert(violations_at(&v, "b"));
	ck_assert(violations_at(&v, "b.c"));
	ck_assert(!violations_at(&v, "b.d"));
	ck_assert(violations_at(&v, "l.2"));
	ck_assert(!violations_at(&v, "l.1"));
	ck_assert(!violations_at(&v, "z"));
	violations_fini(&v);
}
END_TEST

static const struct {
	const char *fields, *message;
} messages[] = {
        {"{\"a\":\"x\"}", "one (a: x)"},
        {"{\"b\":\"y\",\"a\":\"x\"}", "2 many (a: x; b: y)"},
        {"{\"a\":\"x\",\"@entity\":[\"e1\",\"e2\"]}", "3 many (e1; e2; a: x)"},
        {"{\"config\":{\"minute\":\"x\",\"hour\":\"y\"}}", "2 many (config.hour: y; config.minute: x)"},
        {"{\"protocols\":[null,\"x\"]}", "one (protocols.2: x)"},
        {"{\"config\":{\"redis\":{\"port\":\"x\",\"host\":\"y\"}}}", "one (config.redis: {host=\"y\",port=\"x\"})"},
        {"{\"config\":{\"names\":[null,\"x\"]}}", "one (config.names: {[2]=\"x\"})"},
        {"{\"sources\":[{\"@entity\":[\"e\"]}]}", "one (sources.1: {[\"@entity\"]={\"e\"}})"},
};

START_TEST(the_message_lists_the_entity_first_then_fields_by_name)
{
	struct text t = {0};
	json_t *fields = json_loads(messages[_i].fields, 0, NULL);
	violations_message(fields, "one", "many", &t);
	ck_assert_str_eq(text_cstr(&t), messages[_i].message);
	text_fini(&t);
	json_decref(fields);
}
END_TEST

static const struct {
	const char *json, *braced;
} values[] = {
        {"{\"id\":\"u\"}", "{id=\"u\"}"},
        {"{\"service\":{\"id\":\"u\"},\"name\":\"key-auth\",\"route\":null,\"consumer\":null}",
                "{consumer=null,name=\"key-auth\",route=null,service={id=\"u\"}}"},
        {"{\"n\":5,\"f\":2.5,\"b\":true}", "{b=true,f=2.5,n=5}"},
        {"{\"services\":[{\"host\":\"required\"}]}", "{services={{host=\"required\"}}}"},
        {"{\"a\":[null,\"x\",null,\"y\"]}", "{a={[2]=\"x\",[4]=\"y\"}}"},
        {"{\"x-y\":1,\"1\":2}", "{[\"1\"]=2,[\"x-y\"]=1}"},
        {"{}", "{}"},
};

START_TEST(values_in_messages_are_braced_with_keys_by_name)
{
	struct text t = {0};
	json_t *value = json_loads(values[_i].json, 0, NULL);
	violations_braced(value, &t);
	ck_assert_str_eq(text_cstr(&t), values[_i].braced);
	text_fini(&t);
	json_decref(value);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("violations");
	TCase *t = tcase_create("violations");
	tcase_add_test(t, a_path_makes_objects_and_arrays_on_its_way);
	tcase_add_test(t, the_first_message_at_a_path_wins_unless_replaced);
	tcase_add_test(t, a_message_is_found_at_and_above_a_path);
	tcase_add_loop_test(
	        t, the_message_lists_the_entity_first_then_fields_by_name, 0, sizeof messages / sizeof messages[0]);
	tcase_add_loop_test(t, values_in_messages_are_braced_with_keys_by_name, 0, sizeof values / sizeof values[0]);
	suite_add_tcase(s, t);
	return run_suite(s);
}
