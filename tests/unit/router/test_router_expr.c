/* router, flavour expressions: what expressions mean (R-1.9, examples 54 to 60) and how they stand to other routes
 * (R-1.7). */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "dp/router/router.h"
#include "tests/support/routes.h"

enum { ROUTES_MAX = 16 };

static struct arena arena;
static struct router *router;
static struct route *routes[ROUTES_MAX];
static size_t routes_count;
static struct router_match match;
static struct err err;

static void setup(void)
{
	arena_init(&arena);
	router = router_new(&(struct router_options){.flavor = ROUTER_EXPRESSIONS});
	routes_count = 0;
}

static void teardown(void)
{
	router_free(router);
	arena_fini(&arena);
}

/* Route 1, 2, ... in the order of the calls. */
static void add(struct route *r)
{
	routes[routes_count++] = r;
	ck_assert_msg(router_put(router, &(struct router_entry){r, r}, &err), "%s", err.message);
}

static void given(const char *expression, int priority, const char *others)
{
	struct route *r = route_of(&arena, others, (unsigned)routes_count + 1);

	r->expression = slice_cstr(expression);
	r->priority = priority;
	add(r);
}

static void given_fields(const char *fields)
{
	add(route_of(&arena, fields, (unsigned)routes_count + 1));
}

struct ask {
	const char *path, *host, *method, *query, *sni, *source, *destination;
	int port, source_port;
	bool tls;
	struct {
		const char *name, *value;
	} headers[4];
};

/* Number of the route that matches; 0: none. */
static unsigned ask(struct ask a)
{
	struct header headers[4];
	struct head head = {.headers = headers};
	struct ip source, destination;
	struct router_request q = {.method = slice_cstr(a.method ? a.method : "GET"),
	        .host = slice_cstr(a.host ? a.host : "h.test"),
	        .path = slice_cstr(a.path ? a.path : "/"),
	        .scheme = slice_cstr(a.tls ? "https" : "http"),
	        .sni = slice_cstr(a.sni),
	        .listener_port = a.port ? a.port : 8000,
	        .head = &head,
	        .arena = &arena,
	        .query = slice_cstr(a.query),
	        .source_port = a.source_port};

	if (a.source && ip_parse(slice_cstr(a.source), &source))
		q.source = &source;
	if (a.destination && ip_parse(slice_cstr(a.destination), &destination))
		q.destination = &destination;
	for (; head.count < 4 && a.headers[head.count].name; head.count++)
		headers[head.count] = (struct header){slice_cstr(a.headers[head.count].name),
		        slice_cstr(a.headers[head.count].value), HEADER_OTHER};
	if (!router_match(router, &q, &match))
		return 0;
	for (unsigned i = 0; i < routes_count; i++)
		if (match.value == routes[i])
			return i + 1;
	ck_abort_msg("a route that was not given");
}
#define ASK(...) ask((struct ask){__VA_ARGS__})

START_TEST(example_54_priority)
{
	given("http.path ^= \"/a\"", 1, "");
	given("http.path ^= \"/a/b\"", 0, "");
	ck_assert_uint_eq(ASK(.path = "/a/b"), 1);
}
END_TEST

START_TEST(R_1_7_of_equal_priority_the_greatest_id)
{
	given("http.path ^= \"/a\"", 3, "");
	given("http.path ^= \"/\"", 3, "");
	ck_assert_uint_eq(ASK(.path = "/a"), 2);
}
END_TEST

START_TEST(example_55_or_binds_tighter)
{
	given("http.method == \"GET\" && http.path == \"/x\" || http.path == \"/y\"", 0, "");
	ck_assert_uint_eq(ASK(.path = "/y", .method = "POST"), 0);
	ck_assert_uint_eq(ASK(.path = "/y"), 1);
	ck_assert_uint_eq(ASK(.path = "/x"), 1);
}
END_TEST

START_TEST(example_56_not)
{
	given("!(http.path ^= \"/admin\")", 0, "");
	ck_assert_uint_eq(ASK(.path = "/pub"), 1);
	ck_assert_uint_eq(ASK(.path = "/admin/x"), 0);
}
END_TEST

START_TEST(example_57_all_values_or_any)
{
	given("http.headers.x_a == \"1\"", 0, "");
	given("any(http.headers.x_b) == \"1\"", 0, "");
	given("lower(http.headers.x_c) != \"one\"", 0, "");
	ck_assert_uint_eq(ASK(.headers = {{"X-A", "1"}, {"X-A", "2"}}), 0);
	ck_assert_uint_eq(ASK(.headers = {{"X-A", "1"}, {"x_a", "1"}}), 1);
	ck_assert_uint_eq(ASK(.headers = {{"X-B", "2"}, {"X-B", "1"}}), 2);
	ck_assert_uint_eq(ASK(.headers = {{"X-C", "ONE"}}), 0);
	ck_assert_uint_eq(ASK(.headers = {{"X-C", "TWO"}}), 3);
}
END_TEST

START_TEST(example_58_what_is_missing_never_matches)
{
	given("http.queries.tier != \"free\"", 0, "");
	given("net.src.ip not in 10.0.0.0/8", 0, "");
	ck_assert_uint_eq(ASK(.path = "/"), 0);
	ck_assert_uint_eq(ASK(.query = "tier=paid"), 1);
	ck_assert_uint_eq(ASK(.query = "tier=free"), 0);
	ck_assert_uint_eq(ASK(.query = "a=1&t%69er=fr%65e"), 0);
	ck_assert_uint_eq(ASK(.source = "192.0.2.1"), 2);
	ck_assert_uint_eq(ASK(.source = "10.1.2.3"), 0);
}
END_TEST

START_TEST(R_1_9_an_argument_without_value_is_empty)
{
	given("http.queries.a == \"\"", 0, "");
	ck_assert_uint_eq(ASK(.query = "b&a"), 1);
	ck_assert_uint_eq(ASK(.query = "a="), 1);
	ck_assert_uint_eq(ASK(.query = "a=1"), 0);
	ck_assert_uint_eq(ASK(.query = "a&a=1"), 0);
}
END_TEST

START_TEST(example_59_segments)
{
	static const struct {
		const char *path;
		int len;
	} lengths[] = {{"/", 0}, {"/a", 1}, {"/a/", 1}, {"/a/b/c", 3}, {"/a/b/c/", 3}};

	given("http.path.segments.0_1 == \"a/b\"", 9, "");
	for (int n = 0; n <= 3; n++)
		given(arena_printf(&arena, "http.path.segments.len == %d", n).ptr, n, "");
	ck_assert_uint_eq(ASK(.path = "/a/b/c"), 1);
	ck_assert_uint_eq(ASK(.path = "/a/b/"), 1);
	for (size_t i = 0; i < 3; i++)
		ck_assert_uint_eq(ASK(.path = lengths[i].path), lengths[i].len + 2);
	router_remove(router, &routes[0]->id);
	for (size_t i = 0; i < 5; i++)
		ck_assert_uint_eq(ASK(.path = lengths[i].path), lengths[i].len + 2);
	given("http.path.segments.1 == \"b\" && http.path.segments.2 == \"c\"", 9, "");
	ck_assert_uint_eq(ASK(.path = "/x/b/c"), 6);
}
END_TEST

START_TEST(example_60_protocols)
{
	given("http.path ^= \"/h\"", 0, "protocols=http");
	given("http.path ^= \"/s\"", 0, "protocols=https");
	given("http.path ^= \"/b\"", 0, "protocols=http,https");
	given("http.path ^= \"/g\"", 0, "protocols=grpcs");
	ck_assert_uint_eq(ASK(.path = "/h"), 1);
	ck_assert_uint_eq(ASK(.path = "/h", .tls = true), 0);
	ck_assert_uint_eq(ASK(.path = "/s"), 2); /* to be sent to https */
	ck_assert_uint_eq(ASK(.path = "/s", .tls = true), 2);
	ck_assert_uint_eq(ASK(.path = "/b"), 3);
	ck_assert_uint_eq(ASK(.path = "/b", .tls = true), 3);
	ck_assert_uint_eq(ASK(.path = "/g"), 0);
	ck_assert_uint_eq(ASK(.path = "/g", .tls = true), 4);
}
END_TEST

START_TEST(R_1_9_operators)
{
	static const struct {
		const char *expression, *yes, *no;
	} cases[] = {{"http.path == \"/a\"", "/a", "/a/"}, {"http.path != \"/a\"", "/b", "/a"},
	        {"http.path ^= \"/a\"", "/ab", "/b"}, {"http.path =^ \".json\"", "/a.json", "/a.json/x"},
	        {"http.path contains \"/b/\"", "/a/b/c", "/a/b"}, {"http.path ~ \"[0-9]$\"", "/a/7", "/7/a"},
	        {"http.path ~ \"^/a|x\"", "/b/x", "/b/a"}};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		given(cases[i].expression, 0, "");
		ck_assert_msg(ASK(.path = cases[i].yes) == routes_count, "%s", cases[i].expression);
		ck_assert_msg(ASK(.path = cases[i].no) != routes_count, "%s", cases[i].expression);
		router_remove(router, &routes[routes_count - 1]->id);
	}
}
END_TEST

START_TEST(R_1_9_numbers_and_addresses)
{
	given("net.dst.port == 81", 1, "");
	given("net.src.port >= 1000 && net.src.port < 2000", 1, "");
	given("net.dst.ip == ::1 || net.src.ip in fd00::/8", 1, "");
	given("net.src.ip == 10.0.0.1", 0, "");
	ck_assert_uint_eq(ASK(.host = "h.test:81"), 1);
	ck_assert_uint_eq(ASK(.host = "h.test", .port = 81), 1);
	ck_assert_uint_eq(ASK(.host = "h.test:82", .port = 81), 0);
	ck_assert_uint_eq(ASK(.source = "192.0.2.1", .source_port = 1000), 2);
	ck_assert_uint_eq(ASK(.source = "192.0.2.1", .source_port = 2000), 0);
	ck_assert_uint_eq(ASK(.destination = "::1"), 3);
	ck_assert_uint_eq(ASK(.source = "fd12::1"), 3);
	ck_assert_uint_eq(ASK(.source = "10.0.0.1"), 4);
}
END_TEST

START_TEST(R_1_9_host_method_sni_protocol)
{
	given("http.host == \"A.test\" && http.path == \"/h\"", 0, "");
	given("http.method == \"PATCH\"", 0, "");
	given("tls.sni =^ \".sni\"", 0, "");
	given("net.protocol == \"https\" && http.path == \"/p\"", 0, "");
	given("http.host =^ \".b.test\" && http.path == \"/w\"", 0, "");
	ck_assert_uint_eq(ASK(.path = "/h", .host = "a.TEST:8000"), 1); /* D-1: without case, without port */
	ck_assert_uint_eq(ASK(.path = "/h", .host = "b.test"), 0);
	ck_assert_uint_eq(ASK(.method = "PATCH"), 2);
	ck_assert_uint_eq(ASK(.tls = true, .sni = "a.sni"), 3);
	ck_assert_uint_eq(ASK(.tls = true), 0);
	ck_assert_uint_eq(ASK(.path = "/p", .tls = true), 4);
	ck_assert_uint_eq(ASK(.path = "/p"), 0);
	ck_assert_uint_eq(ASK(.path = "/w", .host = "x.b.test:1"), 5);
}
END_TEST

static const char *prefix_of(const char *path)
{
	ck_assert_uint_ne(ASK(.path = path), 0);
	return arena_cstr(&arena, match.prefix);
}

START_TEST(R_1_9_matched_prefix_and_captures)
{
	given("http.path ^= \"/p\" && http.method == \"GET\"", 0, "");
	given("http.path == \"/e\"", 0, "");
	given("http.path ~ \"^/r/(?<id>[0-9]+)\"", 0, "");
	given("http.path ^= \"/two\" && http.path ^= \"/two/three\"", 0, "");
	given("http.method == \"GET\" && http.path contains \"none\"", 0, "");
	ck_assert_str_eq(prefix_of("/p/x"), "/p");
	ck_assert_str_eq(prefix_of("/e"), "/e");
	ck_assert_str_eq(prefix_of("/two/three/x"), "/two/three");
	ck_assert_str_eq(prefix_of("/none"), "");
	ck_assert_str_eq(prefix_of("/r/17/x"), "/r/17");
	ck_assert_uint_eq(match.captures_count, 3);
	ck_assert(slice_eq(match.captures[2].key, S("id")) && slice_eq(match.captures[2].value, S("17")));
}
END_TEST

START_TEST(R_1_7_expressions_before_translated_routes)
{
	given_fields("hosts=h.test paths=/a methods=GET header.a=1");
	given("http.path ^= \"/\"", 0, "");
	given_fields("paths=~/a/b");
	ck_assert_uint_eq(ASK(.path = "/a", .headers = {{"a", "1"}}), 2);
	router_remove(router, &routes[1]->id);
	ck_assert_uint_eq(ASK(.path = "/a", .headers = {{"a", "1"}}), 1);
	ck_assert_uint_eq(ASK(.path = "/a/b"), 3);
	ck_assert_uint_eq(ASK(.path = "/zz"), 0);
}
END_TEST

START_TEST(an_expression_that_does_not_parse_is_left_out)
{
	struct route *r = route_of(&arena, "", 1);

	r->expression = S("http.path =");
	ck_assert(!router_put(router, &(struct router_entry){r, r}, &err));
	ck_assert_msg(strstr(err.message, "expression"), "%s", err.message);
	ck_assert_uint_eq(router_count(router), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("router, expressions");
	TCase *t = tcase_create("expressions");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, example_54_priority);
	tcase_add_test(t, R_1_7_of_equal_priority_the_greatest_id);
	tcase_add_test(t, example_55_or_binds_tighter);
	tcase_add_test(t, example_56_not);
	tcase_add_test(t, example_57_all_values_or_any);
	tcase_add_test(t, example_58_what_is_missing_never_matches);
	tcase_add_test(t, R_1_9_an_argument_without_value_is_empty);
	tcase_add_test(t, example_59_segments);
	tcase_add_test(t, example_60_protocols);
	tcase_add_test(t, R_1_9_operators);
	tcase_add_test(t, R_1_9_numbers_and_addresses);
	tcase_add_test(t, R_1_9_host_method_sni_protocol);
	tcase_add_test(t, R_1_9_matched_prefix_and_captures);
	tcase_add_test(t, R_1_7_expressions_before_translated_routes);
	tcase_add_test(t, an_expression_that_does_not_parse_is_left_out);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
