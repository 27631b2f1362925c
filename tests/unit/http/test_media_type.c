/* media_type and cache_control: RFC 9110 8.3.1, RFC 9111 5.2, plugins.md 3.6. */
#include <check.h>

#include "common/http/cache_control.h"
#include "common/http/date.h"
#include "common/http/media_type.h"
#include "tests/support/loading.h"

START_TEST(types_are_parsed)
{
	struct media_type m;
	ck_assert(media_type_parse(S(" text/html ; Charset=\"utf-8; x\";q=1;"), &m));
	ck_assert(slice_eq(m.type, S("text")) && slice_eq(m.subtype, S("html")));
	ck_assert_uint_eq(m.count, 2);
	ck_assert(slice_eq(m.parameters[0].name, S("Charset")) && slice_eq(m.parameters[0].value, S("utf-8; x")));
	ck_assert(slice_eq(m.parameters[1].value, S("1")));
}
END_TEST

START_TEST(what_is_no_type_is_refused)
{
	static const char *const bad[] = {"", "text", "text/", "/html", "text/html, text/plain", "te xt/html",
	        "text/html; =x", "text/html; a", "a/b;1=1;2=2;3=3;4=4;5=5;6=6;7=7;8=8;9=9"};
	struct media_type m;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		ck_assert_msg(!media_type_parse(slice_cstr(bad[i]), &m), "%s", bad[i]);
}
END_TEST

START_TEST(types_are_compared)
{
	struct media_type json, json_utf8, any, swapped;
	ck_assert(media_type_parse(S("Application/JSON"), &json));
	ck_assert(media_type_parse(S("application/json; charset=utf-8; a=1"), &json_utf8));
	ck_assert(media_type_parse(S("application/json; A=1;charset=UTF-8"), &swapped));
	ck_assert(media_type_parse(S("*/*"), &any));
	ck_assert(media_type_is(&json, &json_utf8) && media_type_is(&json, &any) && !media_type_is(&any, &json));
	ck_assert(!media_type_same_parameters(&json, &json_utf8, true));
	ck_assert(!media_type_same_parameters(&json_utf8, &json, true));
	ck_assert(media_type_same_parameters(&json_utf8, &swapped, true));
	ck_assert(!media_type_same_parameters(&json_utf8, &swapped, false));
}
END_TEST

static struct cache_control said(struct arena *a, const char *one, const char *two)
{
	struct head h = {0};
	head_init(&h, a);
	head_add(&h, S("Cache-Control"), slice_cstr(one));
	head_add(&h, S("cache-control"), slice_cstr(two));
	return cache_control_of(&h);
}

START_TEST(directives_are_read)
{
	struct arena a;
	arena_init(&a);
	struct cache_control cc = said(
	        &a, "No-Store , max-age=\"5\"", "s-maxage = 7, private=\"x\", max-stale, min-fresh=-1");
	ck_assert(cc.no_store && cc.is_private && !cc.no_cache && !cc.only_if_cached);
	ck_assert_int_eq(cc.max_age, 5);
	ck_assert_int_eq(cc.s_maxage, 7);
	ck_assert_int_eq(cc.max_stale, -1);
	ck_assert_int_eq(cc.min_fresh, -1);
	cc = said(&a, "no-cache", "only-if-cached,max-stale=3,max-age=99999999999999999999");
	ck_assert(cc.no_cache && cc.only_if_cached && cc.max_stale == 3 && cc.max_age == -1);
	arena_fini(&a);
}
END_TEST

START_TEST(lifetimes_are_computed)
{
	static const struct {
		const char *control, *expires;
		int64_t lifetime;
	} rows[] = {
	        {"s-maxage=7, max-age=5", NULL, 7},
	        {"max-age=5", "Sun, 06 Nov 1994 08:49:37 GMT", 5},
	        {"", "Sun, 06 Nov 1994 08:49:37 GMT", 7},
	        {"", "0", 0},
	        {"", NULL, 0},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct arena a;
		struct head h = {0};
		arena_init(&a);
		head_init(&h, &a);
		head_add(&h, S("Cache-Control"), slice_cstr(rows[i].control));
		if (rows[i].expires)
			head_add(&h, S("Expires"), slice_cstr(rows[i].expires));
		struct cache_control cc = cache_control_of(&h);
		ck_assert_int_eq(cache_control_lifetime_s(&cc, &h, 784111770), rows[i].lifetime);
		arena_fini(&a);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("media_type");
	TCase *t = tcase_create("all");
	tcase_add_test(t, types_are_parsed);
	tcase_add_test(t, what_is_no_type_is_refused);
	tcase_add_test(t, types_are_compared);
	tcase_add_test(t, directives_are_read);
	tcase_add_test(t, lifetimes_are_computed);
	suite_add_tcase(s, t);
	return run_suite(s);
}
