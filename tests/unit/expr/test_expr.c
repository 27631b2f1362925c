/* expr: the grammar, the types and the texts of R-1.9, row by row. */
#include <check.h>
#include <stdlib.h>

#include "common/core/text.h"
#include "common/expr/expr.h"
#include "common/expr/rust_regex.h"

static struct arena arena;
static struct err err;

static void setup(void)
{
	arena_init(&arena);
	err.message[0] = '\0';
}

static void teardown(void)
{
	arena_fini(&arena);
}

static const struct expr *parse(const char *text)
{
	return expr_parse(slice_cstr(text), EXPR_HTTP, &arena, &err);
}

/* ---- shape: "&(P |(P P))" ----------------------------------------------------------------------------------- */

static void draw(const struct expr_node *n, struct text *out)
{
	if (n->kind == EXPR_PREDICATE) {
		text_put(out, n->predicate.value.text);
		return;
	}
	text_puts(out, n->kind == EXPR_AND ? "&(" : n->kind == EXPR_OR ? "|(" : "!(");
	draw(n->left, out);
	if (n->right) {
		text_putc(out, ' ');
		draw(n->right, out);
	}
	text_putc(out, ')');
}

static const struct {
	const char *text, *shape;
} shapes[] = {
        {"http.path == \"a\"", "a"},
        {"\t http.path\n==\r\"a\" ", "a"},
        {"http.path==\"a\"&&http.path==\"b\"", "&(a b)"},
        /* || binds tighter than &&, whichever stands first; both to the left */
        {"http.path==\"a\" && http.path==\"b\" || http.path==\"c\"", "&(a |(b c))"},
        {"http.path==\"a\" || http.path==\"b\" && http.path==\"c\"", "&(|(a b) c)"},
        {"http.path==\"a\" || http.path==\"b\" || http.path==\"c\"", "|(|(a b) c)"},
        {"http.path==\"a\" && http.path==\"b\" && http.path==\"c\"", "&(&(a b) c)"},
        {"(http.path==\"a\" && http.path==\"b\") || http.path==\"c\"", "|(&(a b) c)"},
        {"!(http.path==\"a\")", "!(a)"},
        {"! ( ! (http.path==\"a\") )", "!(!(a))"},
        {"((http.path==\"a\"))", "a"},
};

START_TEST(R_1_9_precedence_and_associativity)
{
	struct text out = {0};
	const struct expr *x = parse(shapes[_i].text);

	ck_assert_msg(x != NULL, "%s: %s", shapes[_i].text, err.message);
	draw(x->root, &out);
	ck_assert_str_eq(text_cstr(&out), shapes[_i].shape);
	text_fini(&out);
}
END_TEST

/* ---- what is refused, and with which text -------------------------------------------------------------------- */

#define MISMATCH "Type mismatch between the LHS and RHS values of predicate"
#define STRINGS  "Regex/Prefix/Postfix operators only supports string operands"
#define NUMBERS  "Greater/GreaterOrEqual/Lesser/LesserOrEqual operators only supports integer operands"
#define NETWORK  "In/NotIn operators only supports IP in CIDR"

static const struct {
	const char *text, *says;
} wrong[] = {
        {"", "expected term"},
        {"http.path", "expected an operator"},
        {"http.path == ", "expected a value"},
        {"! http.path == \"/a\"", "expected term"}, /* example 56 */
        {"(http.path == \"/a\"", "expected ')'"},
        {"http.path == \"/a\" )", "expected '&&', '||' or the end"},
        {"http.path == \"/a", "expected '\"'"},
        {"http.path == r#\"/a\"", "expected '\"#'"},
        {"http.path == \"\\x\"", "expected one of"},
        {"http.path == 5", MISMATCH},
        {"http.path.segments.len == \"5\"", MISMATCH},
        {"net.src.ip == 10.0.0.0/8", MISMATCH},
        {"net.src.ip == \"10.0.0.1\"", MISMATCH},
        {"http.path ^= 5", MISMATCH},
        {"net.dst.port ^= 5", STRINGS},
        {"net.dst.port =^ 5", STRINGS},
        {"net.dst.port ~ \"5\"", "Regex operators only supports string operands"},
        {"http.path ~ 5", "regex operator can only be used with String operands"},
        {"http.path ~ \"(\"", "regex parse error"},
        {"http.path ~ \"a(?=b)\"", "look-around"},
        {"net.dst.port contains 5", "Contains operator only supports string operands"},
        {"http.path contains 5", MISMATCH},
        {"http.path > \"a\"", NUMBERS},
        {"http.path > 5", MISMATCH},
        {"net.src.ip >= 10.0.0.1", NUMBERS},
        {"http.path in 10.0.0.0/8", NETWORK},
        {"net.src.ip in 10.0.0.1", NETWORK},
        {"net.src.ip not in \"a\"", NETWORK},
        {"net.src.ip in 10.0.0.1/8", "expected a network without host bits"},
        {"net.src.ip in 10.0.0.0/33", "expected a network"},
        {"http.nothing == \"a\"", "Unknown LHS field"},
        {"http.headers. == \"a\"", "Unknown LHS field"},
        {"lower(net.dst.port) == 5", "lower-case transformation function only supported with String type fields"},
        {"upper(http.path) == \"a\"", "unknown transformation function: upper"},
        {"http.path.segments.x == \"a\"", "illformed http.path.segments.* field"},
        {"http.path.segments.01 == \"a\"", "illformed http.path.segments.* field"},
        {"http.path.segments.1_1 == \"a\"", "illformed http.path.segments.* field"},
        {"http.path.segments.2_1 == \"a\"", "illformed http.path.segments.* field"},
        {"http.path.segments.0_01 == \"a\"", "illformed http.path.segments.* field"},
        {"net.dst.port == 9223372036854775808", "expected a value"},
        {"net.dst.port == 0x", "expected a value"},
        {"net.dst.port == 09", "expected a value"},
        {"net.dst.port == 1.2", "expected a value"},
};

START_TEST(R_1_9_errors)
{
	ck_assert_msg(parse(wrong[_i].text) == NULL, "%s", wrong[_i].text);
	ck_assert_msg(strstr(err.message, wrong[_i].says) != NULL, "%s: '%s', expected '%s'", wrong[_i].text,
	        err.message, wrong[_i].says);
}
END_TEST

static const char *const right[] = {"net.protocol == \"http\"", "tls.sni =^ \".test\"", "http.method != \"GET\"",
        "http.host contains \"a\"", "http.path ~ \"^/a/[0-9]+$\"", "http.path ~ r#\"/a\\d+\"#",
        "http.path.segments.0 == \"a\"", "http.path.segments.0_2 == \"a/b/c\"", "http.path.segments.len >= 2",
        "any(lower(http.headers.x_a)) == \"1\"", "lower(any(http.queries.q)) ^= \"1\"", "net.src.port < 0x400",
        "net.src.port > -1", "net.dst.port <= 017", "net.port == 80", "net.src.ip == 10.0.0.1", "net.src.ip != ::1",
        "net.dst.ip in 10.0.0.0/8", "net.dst.ip not in fd00::/8", "net.src.ip in 0.0.0.0/0"};

START_TEST(R_1_9_every_field_type_and_operator)
{
	ck_assert_msg(parse(right[_i]) != NULL, "%s: %s", right[_i], err.message);
}
END_TEST

START_TEST(R_1_9_literals)
{
	ck_assert_int_eq(parse("net.dst.port == 0x1F")->root->predicate.value.number, 31);
	ck_assert_int_eq(parse("net.dst.port == 017")->root->predicate.value.number, 15);
	ck_assert_int_eq(parse("net.dst.port == -9223372036854775808")->root->predicate.value.number, INT64_MIN);
	ck_assert(
	        slice_eq(parse("http.path == \"a\\\"\\\\\\n\\r\\t\"")->root->predicate.value.text, S("a\"\\\n\r\t")));
	ck_assert(slice_eq(parse("http.path == r#\"a\"b\\n\"#")->root->predicate.value.text, S("a\"b\\n")));
	ck_assert(parse("net.port == 80")->has_old_port);
	ck_assert(!parse("net.dst.port == 80")->has_old_port);
}
END_TEST

START_TEST(R_1_9_stream_routers_have_fewer_fields)
{
	static const char *const there[] = {
	        "net.protocol == \"tcp\"", "tls.sni == \"a\"", "net.src.port == 1", "net.dst.ip in 10.0.0.0/8"};

	for (size_t i = 0; i < sizeof there / sizeof *there; i++)
		ck_assert(expr_parse(slice_cstr(there[i]), EXPR_STREAM, &arena, &err) != NULL);
	ck_assert_ptr_null(expr_parse(S("http.path == \"/\""), EXPR_STREAM, &arena, &err));
	ck_assert_str_eq(err.message, "Unknown LHS field");
}
END_TEST

static const char *repeated(const char *before, size_t n, const char *unit, const char *between, const char *after)
{
	struct text t = {0};

	text_puts(&t, before);
	for (size_t i = 0; i < n; i++)
		text_printf(&t, "%s%s", i ? between : "", unit);
	text_puts(&t, after);
	const char *copy = arena_cstr(&arena, text_slice(&t));
	text_fini(&t);
	return copy;
}

START_TEST(limits_on_length_depth_and_count)
{
	const char *closed = repeated("net.port<1", EXPR_DEPTH_MAX, ")", "", "");

	ck_assert_ptr_nonnull(parse(repeated("", EXPR_DEPTH_MAX, "(", "", closed)));
	ck_assert_ptr_null(parse(repeated("", EXPR_DEPTH_MAX + 1, "(", "", "")));
	ck_assert_msg(strstr(err.message, "nested deeper"), "%s", err.message);
	ck_assert_ptr_null(parse(repeated("", EXPR_DEPTH_MAX + 1, "any(", "", "")));
	ck_assert_ptr_nonnull(parse(repeated("", EXPR_PREDICATES_MAX, "net.port<1", "&&", "")));
	ck_assert_ptr_null(parse(repeated("", EXPR_PREDICATES_MAX + 1, "net.port<1", "&&", "")));
	ck_assert_msg(strstr(err.message, "predicates"), "%s", err.message);
	ck_assert_ptr_null(parse(repeated("http.path == \"", EXPR_TEXT_MAX, "a", "", "\"")));
	ck_assert_msg(strstr(err.message, "longer than"), "%s", err.message);
}
END_TEST

/* ---- Rust's dialect (R-1.5, example 24) ---------------------------------------------------------------------- */

START_TEST(example_24_what_rust_regexes_lack)
{
	static const char *const refused[] = {"/(?=secret)", "(?!a)", "(?<=a)b", "(?<!a)b", "(a)\\1", "(?<n>a)\\k<n>",
	        "a*+", "a++", "a?+", "a{2}+", "(?>a)", "a\\Kb", "(", "[a", "*"};
	static const char *const taken[] = {"/v\\d+/items/(?<item>[^/]+)$", "(?P<n>a)", "(?:a|b)+?", "a*?b??",
	        "[+*?]+", "\\++", "[(?=]", "(?i)abc", "\\p{L}+", "a{2,3}?"};

	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
		ck_assert_msg(!rust_regex_accepts(slice_cstr(refused[i]), &err), "%s", refused[i]);
	for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
		ck_assert_msg(rust_regex_accepts(slice_cstr(taken[i]), &err), "%s: %s", taken[i], err.message);
}
END_TEST

#define COUNT(array) (int)(sizeof(array) / sizeof *(array))

int main(void)
{
	Suite *s = suite_create("expr");
	TCase *t = tcase_create("parse");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, R_1_9_precedence_and_associativity, 0, COUNT(shapes));
	tcase_add_loop_test(t, R_1_9_errors, 0, COUNT(wrong));
	tcase_add_loop_test(t, R_1_9_every_field_type_and_operator, 0, COUNT(right));
	tcase_add_test(t, R_1_9_literals);
	tcase_add_test(t, R_1_9_stream_routers_have_fewer_fields);
	tcase_add_test(t, limits_on_length_depth_and_count);
	tcase_add_test(t, example_24_what_rust_regexes_lack);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
