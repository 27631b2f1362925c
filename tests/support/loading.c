/* loading: see loading.h. */
#include "tests/support/loading.h"

#include <check.h>
#include <stdlib.h>

/* ' stands for " and | for '. */
static json_t *literal(const char *text)
{
	char *json = slice_strdup(slice_cstr(text));
	for (char *p = json; *p; p++)
		*p = *p == '\'' ? '"' : *p == '|' ? '\'' : *p;
	json_t *value = json_loads(json, JSON_DECODE_ANY, NULL);
	ck_assert_msg(value != NULL, "not JSON: %s", json);
	free(json);
	return value;
}

static char *dump(const json_t *value)
{
	return value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
}

static void assert_same(const json_t *found, const char *json, const char *what)
{
	json_t *wanted = json ? literal(json) : NULL;
	char *shown = dump(found);
	bool same = wanted ? json_equal(wanted, found) : !found;
	ck_assert_msg(same, "%s is %s, expected %s", what, shown ? shown : "absent", json ? json : "nothing");
	free(shown);
	json_decref(wanted);
}

/* Exactly one of the two results is there. */
static json_t *load(
        const struct schema *s, enum load_op op, const json_t *existing, const char *text, struct violations *v)
{
	const struct load_options options = {.op = op, .existing = existing, .now_ms = LOADING_NOW * 1000LL + 123};
	json_t *input = literal(text), *before = json_deep_copy(input), *out;

	bool ok = schema_load(s, input, &options, &out, v);
	ck_assert(ok == (out != NULL) && ok == !has_violations(v));
	ck_assert_msg(json_equal(input, before), "the input was changed: %s", text);
	json_decref(input);
	json_decref(before);
	return out;
}

json_t *loaded(const struct schema *s, enum load_op op, const json_t *existing, const char *input)
{
	struct violations v = {0};
	json_t *out = load(s, op, existing, input, &v);
	char *why = dump(v.fields);
	ck_assert_msg(out != NULL, "%s was refused: %s", input, why ? why : "");
	free(why);
	violations_fini(&v);
	return out;
}

json_t *created(const struct schema *s, const char *input)
{
	return loaded(s, LOAD_CREATE, NULL, input);
}

void refused(const struct schema *s, enum load_op op, const json_t *existing, const char *input, const char *fields)
{
	struct violations v = {0};
	json_t *out = load(s, op, existing, input, &v);
	ck_assert_msg(out == NULL, "%s was accepted", input);
	assert_same(v.fields, fields, input);
	violations_fini(&v);
}

void refused_saying(const struct schema *s, const char *input, const char *message)
{
	struct violations v = {0};
	struct text said = {0};
	json_t *out = load(s, LOAD_CREATE, NULL, input, &v);
	ck_assert_msg(out == NULL, "%s was accepted", input);
	violations_message(v.fields, "one", "many", &said);
	const char *open = strchr(text_cstr(&said), '(');
	ck_assert_ptr_nonnull(open);
	said.ptr[said.len - 1] = '\0'; /* the closing bracket */
	ck_assert_str_eq(open + 1, message);
	text_fini(&said);
	violations_fini(&v);
}

void has(const json_t *record, const char *path, const char *json)
{
	struct slice rest = slice_cstr(path);
	const json_t *at = record;
	while (at && slice_is_set(rest)) {
		struct slice name = slice_cut(&rest, '.');
		at = json_object_getn(at, name.ptr, name.len);
	}
	assert_same(at, json, path);
}

void is(const json_t *value, const char *json)
{
	assert_same(value, json, "the value");
}

int run_suite(struct Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
