/* template and lua_pattern: plugins.md 4.1, the paragraph on templates. */
#include <check.h>
#include <stdio.h>

#include "common/plugin/lua_pattern.h"
#include "common/plugin/template.h"
#include "tests/support/loading.h"
#include "tests/support/plugin_rig.h"

static struct rig rig;
static struct call call;
static struct template_env env;

static void setup(void)
{
	static const struct slice_pair captures[] = {{SLICE("user"), SLICE("ann")}, {SLICE("1"), SLICE("ann")}};
	rig_init(&rig);
	rig_request(&rig,
	        "GET /u/ann?z=1&two=a&two=b&bare&empty=", "x-t: hey\nX-Two: 1\nx-two: 2\nx_u: under\nHost: ex.test");
	rig.x.captures = captures;
	rig.x.captures_count = 2;
	call = (struct call){.x = &rig.x};
	call_share(&call, S("authenticated_jwt_token"), S("old"));
	call_share(&call, S("authenticated_jwt_token"), S("a.b.c"));
	template_env_init(&env, &call);
}

static void teardown(void)
{
	rig_fini(&rig);
}

/* NULL: it cannot be computed. */
static const char *rendered(const char *text)
{
	const struct template *t = template_compile(rig.x.arena, slice_cstr(text));
	struct slice out;
	const char *why = NULL;
	if (template_render(t, &env, &out, &why))
		return arena_cstr(rig.x.arena, out);
	ck_assert_ptr_nonnull(why);
	return NULL;
}

static const struct {
	const char *text, *expected;
} rows[] = {
        /* text */
        {"", ""},
        {"plain", "plain"},
        {"$(foo", "$(foo"},
        {"a$b(c)", "a$b(c)"},
        {"#", "#"},
        {"a $('x') b $(\"y\")", "a x b y"},
        {"$$('x')", "$x"},
        {"$('$(uri_captures.user1)')", "$(uri_captures.user1)"},
        {"$('a\\'b\\65\\n')", "a'bA\n"},
        /* paths */
        {"$(headers.x_t)", "hey"},
        {"$(headers['x-t'])", "hey"},
        {"$(headers[\"X-T\"])", "hey"},
        {"$(headers.x_u)", "under"},
        {"$(headers.nope)", ""},
        {"$(headers.x_two)", "1, 2"},
        {"$(headers.x_two[2])", "2"},
        {"$(headers.x_two[3])", ""},
        {"$(query_params.z)", "1"},
        {"$(query_params['two'][1])", "a"},
        {"$(query_params.bare)", "true"},
        {"$(query_params.empty)", ""},
        {"$(uri_captures.user)$(uri_captures[1])$(uri_captures['1'])", "annannann"},
        {"$(shared.authenticated_jwt_token)", "a.b.c"},
        {"$(shared.nope)", ""},
        {"$(unheard_of)", ""},
        /* operators */
        {"$(query_params.q or 'none')", "none"},
        {"$(query_params.z or 'none')", "1"},
        {"$(headers.nope or query_params.nope or 7)", "7"},
        {"$(headers.x_t and 'yes' or 'no')", "yes"},
        {"$(headers.x_t == 'hey')", "true"},
        {"$(headers.x_t ~= 'hey')", "false"},
        {"$(not headers.nope)", "true"},
        {"$(not not headers.nope)", "false"},
        {"$('a' .. 'b' .. 1)", "ab1"},
        {"$(1.5)", "1.5"},
        {"$(1 == 1.0)", "true"},
        {"$('1' == 1)", "false"},
        {"$('a' < 'b' and 2 >= 2)", "true"},
        {"$((nil or 'x') .. ('y'))", "xy"},
        {"$(true and nil)", ""},
        /* calls */
        {"$(string.upper(headers.x_t))", "HEY"},
        {"$(headers.x_t:upper():lower())", "hey"},
        {"$(string.sub(headers.x_t, 2))", "ey"},
        {"$(string.sub(headers.x_t, -2, -2))", "e"},
        {"$(string.sub('abc', 3, 1))", ""},
        {"$(string.len('abc'))", "3"},
        {"$(string.rep('ab', 3))", "ababab"},
        {"$(string.reverse('abc'))", "cba"},
        {"$(string.byte('A'))$(string.char(66, 67))", "65BC"},
        {"$(string.format('%s-%d-%x-%%', 'a', 7, 255))", "a-7-ff-%"},
        {"$(string.find('abcabc', 'ca'))", "3"},
        {"$(string.find('a.c', '.', 1, true))", "2"},
        {"$(string.find('abc', 'x'))", ""},
        {"$(string.match('Bearer abc', '^Bearer%s+(.+)$'))", "abc"},
        {"$(string.match('key=val', '%w+'))", "key"},
        {"$(string.gsub('hello world', 'o', '0'))", "hell0 w0rld"},
        {"$(string.gsub('ann', '(%a)', '%1%1', 2))", "aannn"},
        {"$(tostring(nil))", "nil"},
        {"$(tonumber('12') == 12)", "true"},
        {"$(tonumber('x'))", ""},
        {"$(type(headers))$(type('x'))$(type(nil))", "tablestringnil"},
        /* what cannot be computed */
        {"$(a b)", NULL},
        {"$()", NULL},
        {"$(10 * uri_captures.user)", NULL},
        {"$(headers.nope.more)", NULL},
        {"$(unheard_of.more)", NULL},
        {"$(unheard_of())", NULL},
        {"$(headers())", NULL},
        {"$(7 % 3 + 2 * 3 - 8 / 4)", "5"},
        {"$(#headers.x_t + 1)", "4"},
        {"$(-(2 + 1))", "-3"},
        {"$({1})", NULL},
        {"$(kong.request.get_method())", NULL}, /* what chunks have, templates do not */
        {"$(return 1)", NULL},
        {"$(headers)", NULL},
        {"$(string.upper)", NULL},
        {"$(string.upper(nil))", NULL},
        {"$('a' .. nil)", NULL},
        {"$('a' < 1)", NULL},
        {"$('unclosed)", NULL},
        {"$(os.exit())", NULL},
        {"$(while)", NULL},
        {"$(string.format('%q', 'x'))", NULL},
        {"$(string.match('x', '()('))", "$(string.match('x', '()('))"},
        {"$(string.match('x', ')x('))", NULL},
        {"$(string.match('x', '[a'))", NULL},
        {"$(string.match('x', '%b()'))", NULL},
        /* evil */
        {"$(string.rep('x', 1000000000))", NULL},
        {"$(string.rep('', 1000000000))", NULL},
        {"$(string.rep('x', 2 % 0))", NULL},
        {"$(string.rep('x', -1 / 0))", NULL},
        {"$(string.rep('x', -9e300))", ""},
        {"$(string.sub('abc', 0 / 0))", NULL},
        {"$(string.sub('abc', -9e300, 9e300))", "abc"},
        {"$(string.char(0 / 0))", NULL},
        {"$(string.format('%d', 0 / 0))", NULL},
        {"$(string.find('abc', 'b', 9e300))", ""},
        {"$(headers.x_two[0 / 0])", ""},
        {"$(1 / 0)$(0 / 0 == 0 / 0)", "inffalse"},
        {"$(string.match('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'a*a*a*a*a*a*a*a*b'))", NULL},
        {"$(string.gsub(string.rep('a', 60000), 'a', string.rep('b', 60000)))", NULL},
};

START_TEST(templates_are_rendered)
{
	const char *got = rendered(rows[_i].text);
	if (!rows[_i].expected)
		ck_assert_msg(!got, "%s gave '%s'", rows[_i].text, got);
	else
		ck_assert_msg(got && strcmp(got, rows[_i].expected) == 0, "%s gave '%s', expected '%s'",
		        rows[_i].text, got ? got : "nothing", rows[_i].expected);
}
END_TEST

START_TEST(untrusted_lua_can_be_off) /* 4.1 */
{
	template_allow_lua(false);
	ck_assert_ptr_null(rendered("a$(headers.x_t)"));
	ck_assert_str_eq(rendered("no expression"), "no expression");
	template_allow_lua(true);
	ck_assert_str_eq(rendered("a$(headers.x_t)"), "ahey");
}
END_TEST

/* Texts that nest or are long end in an error, not in a stack or a heap that overflows. */
START_TEST(nesting_and_length_have_limits)
{
	static const char *const heads[] = {"(", "not ", "headers.x or ", "'a' .. ", "string.upper("};
	for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
		struct text text = {0};
		text_puts(&text, "$(");
		for (int n = 0; n < 20000; n++)
			text_puts(&text, heads[i]);
		text_puts(&text, "'x'");
		for (int n = 0; n < 20000 && strchr(heads[i], '('); n++)
			text_putc(&text, ')');
		text_putc(&text, ')');
		ck_assert_ptr_null(rendered(text_cstr(&text)));
		text_fini(&text);
	}
}
END_TEST

START_TEST(patterns_find)
{
	static const struct {
		const char *pattern, *text, *expected;
	} patterns[] = {
	        {"b.d", "abcd", "bcd"},
	        {"^b", "ab", NULL},
	        {"^a-b", "aab", "aab"},
	        {"[^%d]+", "12ab3", "ab"},
	        {"[a-c]?x", "zx", "x"},
	        {"[]]", "a]", "]"},
	        {"%D+$", "1a2bc", "bc"},
	        {"a%.b", "axb a.b", "a.b"},
	        {"", "abc", ""},
	        {"$", "abc", ""},
	        {"a$b", "a$b", "a$b"},
	};
	for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
		struct lua_match m;
		unsigned steps = LUA_STEPS_MAX;
		int found = lua_pattern_find(
		        slice_cstr(patterns[i].pattern), slice_cstr(patterns[i].text), 0, &m, &steps);
		ck_assert_msg(found == (patterns[i].expected != NULL), "%s", patterns[i].pattern);
		if (found)
			ck_assert_msg(slice_eq(m.whole, slice_cstr(patterns[i].expected)), "%s", patterns[i].pattern);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("template");
	TCase *t = tcase_create("all");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, templates_are_rendered, 0, sizeof rows / sizeof rows[0]);
	tcase_add_test(t, untrusted_lua_can_be_off);
	tcase_add_test(t, nesting_and_length_have_limits);
	tcase_add_test(t, patterns_find);
	suite_add_tcase(s, t);
	return run_suite(s);
}
