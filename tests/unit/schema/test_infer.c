/* infer: form and query arguments to a tree (admin-api.md 2.3) and from text to types (2.4). */
#include <check.h>
#include <stdlib.h>

#include "common/schema/infer.h"
#include "tests/support/loading.h"

/* "a=1&b" to arguments; nothing is decoded. */
static json_t *tree_of(const char *query, bool brackets, struct err *e)
{
	struct form_arg args[64];
	size_t n = 0;
	for (struct slice rest = slice_cstr(query), one; slice_is_set(rest) && rest.len;) {
		one = slice_cut(&rest, '&');
		args[n].name = slice_cut(&one, '=');
		args[n++].value = one;
	}
	return form_tree(args, n, brackets, e);
}

static void gives(const char *query, bool brackets, const char *json)
{
	struct err e;
	json_t *tree = tree_of(query, brackets, &e);
	is(tree, json);
	json_decref(tree);
}

static const struct {
	const char *query, *tree;
} trees[] = {
        {"a=1", "{'a':'1'}"},
        {"a.b.c=v", "{'a':{'b':{'c':'v'}}}"},
        {"a.b=1&a.c=2", "{'a':{'b':'1','c':'2'}}"},
        {"a[]=1", "{'a':['1']}"},
        {"a[]=1&a[]=2", "{'a':['1','2']}"},
        {"a=1&a=2&a=3", "{'a':['1','2','3']}"},
        {"a=1&a[]=2", "{'a':['1','2']}"},
        {"a[]=1&a=2", "{'a':['1','2']}"},
        {"a[1]=x&a[2]=y", "{'a':['x','y']}"},
        {"a[2]=y&a[1]=x", "{'a':['x','y']}"},
        {"a[1]=x&a[1]=y", "{'a':[['x','y']]}"},
        {"a[3]=x", "{'a':{'3':'x'}}"},
        {"a[0]=x", "{'a':{'0':'x'}}"},
        {"a[1].k=v&a[1].l=w", "{'a':[{'k':'v','l':'w'}]}"},
        {"a[].k=v&a[].k=w", "{'a':[{'k':'v'},{'k':'w'}]}"},
        {"a[1][2]=x&a[1][1]=w", "{'a':[['w','x']]}"},
        {"a[foo]=v", "{'a':{'foo':'v'}}"},
        {"a[foo.bar]=v", "{'a':{'foo.bar':'v'}}"},
        {"config.headers[x.y]=v", "{'config':{'headers':{'x.y':'v'}}}"},
        {"config.limits.sms.minute=20", "{'config':{'limits':{'sms':{'minute':'20'}}}}"},
        {"a.1=x", "{'a':{'1':'x'}}"},
        {".a.b=1&a.b.=2", "{'.a.b':'1','a.b.':'2'}"},
        {"a", "{'a':true}"},
        {"a=", "{'a':''}"},
        {"=x", "{'':'x'}"},
        {"a[=1&b]=2&c[1=3&[d]=4&e[1]x=5", "{'a[':'1','b]':'2','c[1':'3','[d]':'4','e[1]x':'5'}"},
        {"a=1&a.b=2", "{'a':'1'}"},
        {"a.b=1&a=2", "{'a':{'b':'1'}}"},
        {"", "{}"},
};

START_TEST(names_say_where_values_go)
{
	gives(trees[_i].query, true, trees[_i].tree);
}
END_TEST

START_TEST(words_between_brackets_are_plain_names_in_queries)
{
	gives("a[foo]=v&b[1]=x&c[]=y", false, "{'a[foo]':'v','b':['x'],'c':['y']}");
}
END_TEST

START_TEST(depth_and_positions_are_limited)
{
	struct text deep = {0};
	struct err e;
	for (int i = 0; i < 31; i++)
		text_puts(&deep, "a.");
	text_puts(&deep, "a");
	json_t *tree = tree_of(text_cstr(&deep), true, &e);
	ck_assert_ptr_nonnull(tree);
	json_decref(tree);
	text_puts(&deep, ".a");
	ck_assert_ptr_null(tree_of(text_cstr(&deep), true, &e));
	ck_assert_ptr_null(tree_of("a[10001]=x", true, &e));
	ck_assert_str_eq(e.message, "index 10001 is too large, expected at most 10000");
	tree = tree_of("a[10000]=x", true, &e);
	ck_assert_ptr_nonnull(tree);
	json_decref(tree);
	ck_assert_ptr_null(tree_of("\xff=x", true, &e));
	text_fini(&deep);
}
END_TEST

/* ---- types ----------------------------------------------------------------------------------------------------- */

struct part {
	int64_t n;
};
struct form {
	struct slice text;
	int64_t integer;
	double number;
	bool flag;
	struct slice_list texts;
	struct int_list set;
	struct list_map lists;
	struct part part;
	struct record_list parts;
	struct ref service;
};

static const struct field part_fields[] = {FIELD(struct part, n), {0}};
static const struct schema part = {.name = "part", .size = sizeof(struct part), .fields = part_fields};
static const struct field fields[] = {
        FIELD(struct form, text),
        FIELD(struct form, integer),
        FIELD(struct form, number),
        FIELD(struct form, flag),
        FIELD(struct form, texts, STRINGS()),
        FIELD(struct form, set, .flags = AS_SET, INTEGERS()),
        FIELD(struct form, lists, KEYS(), VALUES(.type = TYPE_ARRAY, STRINGS())),
        FIELD(struct form, part, .record = &part),
        FIELD(struct form, parts, RECORDS(part)),
        FIELD(struct form, service, .ref = "services"),
        {.name = "config", .type = TYPE_RECORD},
        {0},
};
static const struct shorthand shorthands[] = {{.name = "size", .type = TYPE_INTEGER}, {0}};
static const struct schema form = {
        .name = "form", .size = sizeof(struct form), .fields = fields, .shorthands = shorthands, .has_ttl = true};

static const struct {
	const char *query, *tree;
} types[] = {
        {"text=123&text2=5", "{'text':'123','text2':'5'}"},
        {"text=&integer=&flag=&texts=&part=&service=",
                "{'text':null,'integer':null,'flag':null,'texts':null,'part':null,'service':null}"},
        {"integer=5&number=2.5", "{'integer':5,'number':2.5}"},
        {"integer=2.5", "{'integer':2.5}"},
        {"integer=2.0&number=1e3", "{'integer':2,'number':1000}"},
        {"integer=0x10&number= 5 ", "{'integer':16,'number':5}"},
        {"integer=9007199254740993", "{'integer':9007199254740993}"},
        {"integer=many&number=1x", "{'integer':'many','number':'1x'}"},
        {"integer=inf&number=nan", "{'integer':'inf','number':'nan'}"},
        {"number=1e999", "{'number':'1e999'}"},
        {"flag=true", "{'flag':true}"},
        {"flag=false", "{'flag':false}"},
        {"flag=yes", "{'flag':'yes'}"},
        {"flag=True", "{'flag':'True'}"},
        {"flag", "{'flag':true}"},
        {"texts=a,b", "{'texts':['a,b']}"},
        {"texts=a&texts=b", "{'texts':['a','b']}"},
        {"texts[]=", "{'texts':[null]}"},
        {"texts[3]=x", "{'texts':{'3':'x'}}"},
        {"set=1&set=2", "{'set':[1,2]}"},
        {"lists.X-Foo=a&lists.b[]=1&lists.b[]=2", "{'lists':{'X-Foo':['a'],'b':['1','2']}}"},
        {"part.n=5&part.m=6", "{'part':{'n':5,'m':'6'}}"},
        {"parts[1].n=5", "{'parts':[{'n':5}]}"},
        {"service.id=abc&service.name=", "{'service':{'id':'abc','name':null}}"},
        {"service=x", "{'service':'x'}"},
        {"config.n=7&config.o=8", "{'config':{'n':7,'o':'8'}}"},
        {"size=3&ttl=60", "{'size':3,'ttl':60}"},
};

START_TEST(text_gets_the_type_of_its_field)
{
	struct err e;
	json_t *tree = tree_of(types[_i].query, true, &e);
	form_infer(&form, &part, tree);
	is(tree, types[_i].tree);
	json_decref(tree);
}
END_TEST

START_TEST(many_arguments_cost_no_more_than_their_number)
{
	enum { N = 100000 };
	struct form_arg *args = calloc(N, sizeof *args);
	struct err e;
	for (int i = 0; i < N; i++)
		args[i] = (struct form_arg){i % 2 ? S("a") : S("b[]"), S("x")};
	json_t *tree = form_tree(args, N, true, &e);
	ck_assert_uint_eq(json_array_size(json_object_get(tree, "a")), N / 2);
	ck_assert_uint_eq(json_array_size(json_object_get(tree, "b")), N / 2);
	json_decref(tree);
	free(args);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("infer");
	TCase *t = tcase_create("infer");
	tcase_add_loop_test(t, names_say_where_values_go, 0, sizeof trees / sizeof trees[0]);
	tcase_add_test(t, words_between_brackets_are_plain_names_in_queries);
	tcase_add_test(t, depth_and_positions_are_limited);
	tcase_add_loop_test(t, text_gets_the_type_of_its_field, 0, sizeof types / sizeof types[0]);
	tcase_add_test(t, many_arguments_cost_no_more_than_their_number);
	suite_add_tcase(s, t);
	return run_suite(s);
}
