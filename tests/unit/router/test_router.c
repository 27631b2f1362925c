/* router: the numbered examples of proxy.md section 12 that are pure routing, and the rules of 1.5 by themselves. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "dp/router/order.h"
#include "dp/router/router.h"
#include "tests/support/routes.h"

enum { ROUTES_MAX = 4096 };
enum flavor { T, C, STRICT }; /* traditional, compatible (original), compatible (strict) */

static struct arena arena;
static struct route *routes[ROUTES_MAX];
static struct router *router;
static struct router_options options;
static struct router_match match;
static struct text problems;

static void setup(void)
{
	arena_init(&arena);
}

static void teardown(void)
{
	router_free(router);
	router = NULL;
	text_fini(&problems);
	arena_fini(&arena);
}

/* Builds a router of the routes given as text; the first is route 1. */
static void given_list(enum flavor flavor, const char *const *texts, size_t n)
{
	struct router_entry *entries = arena_array(&arena, struct router_entry, n);

	for (size_t i = 0; i < n; i++) {
		routes[i] = route_of(&arena, texts[i], (unsigned)i + 1);
		entries[i] = (struct router_entry){routes[i], &routes[i]};
	}
	options = (struct router_options){.flavor = flavor == T ? ROUTER_TRADITIONAL : ROUTER_TRADITIONAL_COMPATIBLE,
	        .calculation = flavor == STRICT ? ROUTER_STRICT : ROUTER_ORIGINAL};
	router_free(router);
	text_clear(&problems);
	router = router_build(entries, n, &options, &problems);
}
#define given(flavor, ...)                                       \
	given_list((flavor), (const char *const[]){__VA_ARGS__}, \
	        sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

struct ask {
	const char *path, *host, *method, *sni;
	int port;
	bool tls;
	struct {
		const char *name, *value;
	} headers[8];
};

/* Number of the route that matches; 0: none. */
static int ask(struct ask a)
{
	struct header headers[8];
	struct head head = {.headers = headers};
	struct router_request q = {.method = slice_cstr(a.method ? a.method : "GET"),
	        .host = slice_cstr(a.host ? a.host : "h.test"),
	        .path = slice_cstr(a.path ? a.path : "/"),
	        .scheme = slice_cstr(a.tls ? "https" : "http"),
	        .sni = slice_cstr(a.sni),
	        .listener_port = a.port  ? a.port
	                         : a.tls ? 8443
	                                 : 8000,
	        .head = &head,
	        .arena = &arena};

	for (; head.count < 8 && a.headers[head.count].name; head.count++)
		headers[head.count] = (struct header){slice_cstr(a.headers[head.count].name),
		        slice_cstr(a.headers[head.count].value), HEADER_OTHER};
	if (!router_match(router, &q, &match))
		return 0;
	ck_assert_ptr_eq(match.route, *(struct route **)match.value);
	return (int)((struct route **)match.value - routes) + 1;
}
#define ASK(...) ask((struct ask){__VA_ARGS__})
#define HOST(h)  ASK(.host = (h))

static const char *up(const char *path, const char *service_path)
{
	if (!ASK(.path = path))
		return "404";
	return arena_cstr(&arena,
	        router_upstream_path(&arena, slice_cstr(service_path), &match, slice_cstr(path), options.flavor));
}

static const char *capture(const char *name)
{
	for (size_t i = 0; i < match.captures_count; i++)
		if (slice_eq(match.captures[i].key, slice_cstr(name)))
			return arena_cstr(&arena, match.captures[i].value);
	return NULL;
}

static const enum flavor flavors[] = {T, C, STRICT};
#define EACH_FLAVOR(f) for (const enum flavor *f = flavors; f < flavors + 3; f++)

/* ---- paths -------------------------------------------------------------------------------------------------- */

START_TEST(example_1_to_4_prefix_is_not_segment_aware)
{
	EACH_FLAVOR(f)
	{
		given(*f, "paths=/shop");
		ck_assert_str_eq(up("/shop/cart", NULL), "/cart");
		ck_assert_str_eq(up("/shop", NULL), "/");
		ck_assert_str_eq(up("/shopping", NULL), "/ping");
		ck_assert_int_eq(ASK(.path = "/Shop"), 0);
	}
}
END_TEST

START_TEST(example_5_to_11_upstream_path)
{
	given(C, "paths=/shop strip=no");
	ck_assert_str_eq(up("/shop/cart", NULL), "/shop/cart");
	ck_assert_str_eq(up("/shop/a", "/v3"), "/v3/shop/a");
	given(C, "paths=/shop");
	ck_assert_str_eq(up("/shop", "/v3"), "/v3");
	ck_assert_str_eq(up("/shop/", "/v3"), "/v3/");
	ck_assert_str_eq(up("/shopx", "/v3"), "/v3/x");
	ck_assert_str_eq(up("/shop", "/v3/"), "/v3");
	ck_assert_str_eq(up("/shop/", "/v3/"), "/v3/");
	given(T, "paths=/shop handling=v1");
	ck_assert_str_eq(up("/shopx", "/v3"), "/v3x");
	given(T, "paths=/shop handling=v1 strip=no");
	ck_assert_str_eq(up("/shopx", "/v3"), "/v3shopx");
	given(C, "paths=/shop handling=v1");
	ck_assert_str_eq(up("/shopx", "/v3"), "/v3/x");
	given(C, "hosts=h.test");
	ck_assert_str_eq(up("/a", "/v3"), "/v3/a");
	ck_assert_str_eq(up("/", "/v3"), "/v3");
}
END_TEST

START_TEST(example_12_to_18_paths_after_normalisation)
{
	EACH_FLAVOR(f)
	{
		given(*f, "paths=/a");
		ck_assert_str_eq(up("/a../b", NULL), "/b");
		given(*f, "paths=/");
		ck_assert_str_eq(up("/x/y/", NULL), "/x/y/");
		ck_assert_str_eq(up("/x/z", NULL), "/x/z");
		ck_assert_str_eq(up("/x%2Fy%3Az", NULL), "/x%2Fy%3Az");
		ck_assert_str_eq(up("/~user/f", NULL), "/~user/f");
		given(*f, "paths=/caf\xc3\xa9");
		ck_assert_str_eq(up("/caf\xc3\xa9/x", NULL), "/x");
	}
}
END_TEST

START_TEST(example_20_21_regex_path_and_captures)
{
	EACH_FLAVOR(f)
	{
		given(*f, "paths=~/v\\d+/items/(?<item>[^/]+)$");
		ck_assert_str_eq(up("/v2/items/9", NULL), "/");
		ck_assert_str_eq(capture("item"), "9");
		ck_assert_str_eq(capture("1"), "9");
		ck_assert_str_eq(capture("0"), "/v2/items/9");
		given(*f, "paths=~/v\\d+/items/(?<item>[^/]+)");
		ck_assert_str_eq(up("/v2/items/9/parts", NULL), "/parts");
		ck_assert_str_eq(capture("item"), "9");
		ck_assert(slice_eq(match.prefix, S("/v2/items/9")));
	}
}
END_TEST

START_TEST(captures_of_1_5)
{
	given(T, "paths=~/v(\\d)(x)?", "paths=~/plain", "paths=~/none(x)?");
	ASK(.path = "/v2/rest");
	ck_assert_str_eq(capture("0"), "/v2/rest"); /* with the rest */
	ck_assert_str_eq(capture("1"), "2");
	ck_assert_ptr_null(capture("2"));
	ASK(.path = "/plain/x");
	ck_assert_uint_eq(match.captures_count, 0);
	ASK(.path = "/none/x");
	ck_assert_uint_eq(match.captures_count, 0);
	given(C, "paths=~/v(\\d)(x)?");
	ASK(.path = "/v2/rest");
	ck_assert_str_eq(capture("0"), "/v2"); /* the text of the match */
	ck_assert_ptr_null(capture("2"));
}
END_TEST

START_TEST(example_22_23_24_anchoring_and_dialect)
{
	EACH_FLAVOR(f)
	{
		given(*f, "paths=~/x$");
		ck_assert_int_eq(ASK(.path = "/a/x"), 0);
		ck_assert_int_eq(ASK(.path = "/x"), 1);
		given(*f, "paths=~/old|/new strip=no");
		ck_assert_int_eq(ASK(.path = "/new/1"), 1);
		ck_assert_int_eq(ASK(.path = "/z/new"), *f == T ? 0 : 1);
	}
	given(T, "paths=~/(?=secret)");
	ck_assert_uint_eq(problems.len, 0);
	ck_assert_int_eq(ASK(.path = "/secret"), 1);
	ck_assert_int_eq(ASK(.path = "/public"), 0);
}
END_TEST

START_TEST(compatible_regexes_read_utf8_and_end_at_the_end)
{
	given(C, "paths=~/caf.$", "paths=~/\\w+/x$");
	ck_assert_int_eq(ASK(.path = "/caf\xc3\xa9"), 1);
	ck_assert_int_eq(ASK(.path = "/\xc3\xa9t\xc3\xa9/x"), 2);
	ck_assert_int_eq(ASK(.path = "/caf\xc3\xa9\n"), 0);
	ck_assert_int_eq(ASK(.path = "/caf\xc3("), 0);
}
END_TEST

START_TEST(dev_27_a_path_that_is_not_utf8_is_matched_as_bytes)
{
	EACH_FLAVOR(f)
	{
		given(*f, "paths=/");
		ck_assert_int_eq(ASK(.path = "/x\xc3("), 1);
		given(*f, "paths=~/x");
		ck_assert_int_eq(ASK(.path = "/x\xc3("), 1);
	}
}
END_TEST

START_TEST(a_regex_that_takes_too_many_steps_does_not_match)
{
	char path[2048] = "/";

	memset(path + 1, 'a', sizeof path - 2);
	path[sizeof path - 2] = '!';
	path[sizeof path - 1] = '\0';
	EACH_FLAVOR(f)
	{
		given(*f, "paths=~/(a+)+$", "paths=/aa");
		ck_assert_int_eq(ASK(.path = path), 2);
	}
}
END_TEST

START_TEST(a_literal_start_does_not_hide_what_a_regex_matches)
{
	static const char *const cases[][2] = {{"~/ab?c", "/ac"}, {"~/ab*", "/a"}, {"~/ab+c", "/abbc"},
	        {"~/a{0}b", "/b"}, {"~/a\\.b", "/a.b"}, {"~/a\\db", "/a1b"}, {"~/(?i)AB", "/ab"},
	        {"~/a(?:|b)c", "/ac"}, {"~/a[|]b", "/a|b"}, {"~/x\\|y", "/x|y"}, {"~/[]|]z", "/|z"},
	        {"~/\\Qa.b\\E", "/a.b"}, {"~/\xc3\xa9?z", "/z"}, {"~/a(b|c)|/q", "/q"}};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[64];
		snprintf(text, sizeof text, "paths=%s", cases[i][0]);
		EACH_FLAVOR(f)
		{ /* enough neighbours to make a trie of it */
			if (*f == T && strchr(cases[i][0], '\xc3'))
				continue;
			given(*f, text, "paths=/n1", "paths=/n2", "paths=/n3", "paths=/n4", "paths=/n5", "paths=/n6",
			        "paths=/n7", "paths=/n8", "paths=/n9");
			ck_assert_msg(ASK(.path = cases[i][1]) == 1, "%s on %s", cases[i][0], cases[i][1]);
		}
	}
}
END_TEST

/* ---- hosts -------------------------------------------------------------------------------------------------- */

START_TEST(example_28_any_port_and_any_case)
{
	EACH_FLAVOR(f)
	{
		given(*f, "hosts=api.test");
		ck_assert_int_eq(HOST("api.test"), 1);
		ck_assert_int_eq(HOST("api.test:8000"), 1);
		ck_assert_int_eq(HOST("api.test:1"), 1);
		ck_assert_int_eq(HOST("API.test"), 1); /* D-1 */
		ck_assert_int_eq(HOST("xapi.test"), 0);
		ck_assert_int_eq(HOST(""), 0);
		given(*f, "hosts=API.Test", "hosts=*.B.test");
		ck_assert_int_eq(HOST("api.test"), 1);
		ck_assert_int_eq(HOST("a.b.TEST"), 2);
	}
}
END_TEST

START_TEST(example_29_host_with_port)
{
	EACH_FLAVOR(f)
	{
		given(*f, "hosts=api.test:8443");
		ck_assert_int_eq(ASK(.host = "api.test", .tls = true), *f == T ? 0 : 1);
		ck_assert_int_eq(ASK(.host = "api.test:8443", .tls = true), 1);
		ck_assert_int_eq(ASK(.host = "api.test:8443", .port = 8000), 1);
		ck_assert_int_eq(ASK(.host = "api.test:1", .tls = true), 0);
		given(*f, "hosts=p.test:80");
		ck_assert_int_eq(HOST("p.test"), 0);
		ck_assert_int_eq(HOST("p.test:80"), 1);
	}
}
END_TEST

START_TEST(example_30_31_wildcards)
{
	EACH_FLAVOR(f)
	{
		given(*f, "hosts=*.api.test");
		ck_assert_int_eq(HOST("a.api.test"), 1);
		ck_assert_int_eq(HOST("a.b.api.test"), 1);
		ck_assert_int_eq(HOST("a.api.test:99"), 1);
		ck_assert_int_eq(HOST("api.test"), 0);
		ck_assert_int_eq(HOST(".api.test"), *f == T ? 0 : 1);
		given(*f, "hosts=api.*");
		ck_assert_int_eq(HOST("api.test"), 1);
		ck_assert_int_eq(HOST("api.co.test"), 1);
		ck_assert_int_eq(HOST("api.test:7"), 1);
		ck_assert_int_eq(HOST("xapi.test"), 0);
	}
}
END_TEST

START_TEST(example_32_plain_host_before_wildcard)
{
	EACH_FLAVOR(f)
	{
		given(*f, "hosts=*.x.test", "hosts=a.x.test");
		ck_assert_int_eq(HOST("a.x.test"), 2);
		ck_assert_int_eq(HOST("b.x.test"), 1);
	}
}
END_TEST

START_TEST(wildcard_with_port_of_1_5)
{
	EACH_FLAVOR(f)
	{
		given(*f, "hosts=*.w.test:8443");
		ck_assert_int_eq(HOST("a.w.test:8443"), 1);
		ck_assert_int_eq(HOST("a.w.test:1"), 0);
		ck_assert_int_eq(HOST("a.w.test"), 0);
		given(*f, "hosts=*.w.test:80");
		ck_assert_int_eq(HOST("a.w.test"), *f == T ? 1 : 0);
		ck_assert_int_eq(HOST("a.w.test:80"), 1);
		given(*f, "hosts=*.w.test:443");
		ck_assert_int_eq(ASK(.host = "a.w.test", .tls = true), *f == T ? 1 : 0);
	}
}
END_TEST

START_TEST(ipv6_hosts_of_1_5)
{
	given(T, "hosts=::11", "hosts=[::31]:321");
	ck_assert_int_eq(HOST("[::11]"), 1);
	ck_assert_int_eq(HOST("[::11]:654"), 1);
	ck_assert_int_eq(HOST("::11"), 1);
	ck_assert_int_eq(HOST("[::31]:321"), 2);
	ck_assert_int_eq(HOST("[::31]"), 0);
	ck_assert_int_eq(HOST("::31"), 0);
	given(C, "hosts=::11", "hosts=[::31]:321", "hosts=[::41]");
	ck_assert_int_eq(HOST("::11"), 1);
	ck_assert_int_eq(HOST("[::11]"), 0);
	ck_assert_int_eq(HOST("[::31]:321"), 2);
	ck_assert_int_eq(ASK(.host = "[::31]", .port = 321), 0);
	ck_assert_int_eq(HOST("[::41]"), 3);
	ck_assert_int_eq(HOST("[::41]:80"), 0);
}
END_TEST

START_TEST(port_splitting_in_traditional)
{
	given(T, "hosts=name", "hosts=a:b:1");
	ck_assert_int_eq(HOST("name:"), 1);
	ck_assert_int_eq(HOST("name:23h"), 0);
	ck_assert_int_eq(HOST("name:1:2"), 0);
	ck_assert_int_eq(HOST("a:b:1"), 2);
	ck_assert_int_eq(HOST("a:b"), 0);
}
END_TEST

START_TEST(a_very_long_host_is_only_another_host)
{
	char host[5000];

	memset(host, 'a', sizeof host);
	memcpy(host, "api.", 4);
	memcpy(host + sizeof host - 8, ".w.test", 8);
	given(C, "hosts=x.test", "hosts=*.w.test");
	ck_assert_int_eq(HOST(host), 2);
	given(T, "hosts=x.test", "hosts=api.*");
	ck_assert_int_eq(HOST(host), 2);
}
END_TEST

START_TEST(a_host_pattern_that_makes_no_sense_leaves_the_route_out)
{
	static const char *const bad[] = {"hosts=ok.test,a*.test", "hosts=*.a.*", "hosts=a.*.test", "hosts=**"};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		given(C, bad[i], "hosts=ok.test");
		ck_assert_uint_gt(problems.len, 0);
		ck_assert_int_eq(HOST("ok.test"), 2);
	}
}
END_TEST

/* ---- headers, methods, snis --------------------------------------------------------------------------------- */

START_TEST(example_34_header_values)
{
	EACH_FLAVOR(f)
	{
		given(*f, "header.x-plan=gold,silver");
		ck_assert_int_eq(ASK(.headers = {{"X-Plan", "GOLD"}}), 1);
		ck_assert_int_eq(ASK(.headers = {{"X-Plan", "iron"}}), 0);
		ck_assert_int_eq(ASK(.headers = {{"X-Plan", "iron"}, {"X-Plan", "gold"}}), 1);
		ck_assert_int_eq(ASK(.headers = {{"X-Plan", "iron, gold"}}), 0);
		ck_assert_int_eq(ASK(), 0);
	}
}
END_TEST

START_TEST(example_35_more_headers_first)
{
	EACH_FLAVOR(f)
	{
		given(*f, "header.a=1 header.b=2", "header.a=1");
		ck_assert_int_eq(ASK(.headers = {{"a", "1"}, {"b", "2"}}), 1);
		ck_assert_int_eq(ASK(.headers = {{"a", "1"}}), 2);
	}
}
END_TEST

START_TEST(example_36_header_regex)
{
	EACH_FLAVOR(f)
	{
		given(*f, "header.ua=~*^bot-\\d+$");
		ck_assert_int_eq(ASK(.headers = {{"UA", "Bot-17"}}), 1);
		ck_assert_int_eq(ASK(.headers = {{"UA", "xbot-17"}}), 0);
	}
}
END_TEST

START_TEST(header_regexes_by_flavour_of_1_5)
{
	EACH_FLAVOR(f)
	{
		bool compatible = *f != T;
		given(*f, "header.ua=~*bot,x");
		ck_assert_int_eq(ASK(.headers = {{"UA", "mybot"}}), compatible);
		ck_assert_int_eq(ASK(.headers = {{"UA", "~*BOT"}}), 1); /* equal, or found by the regex */
		given(*f, "header.ua=~*^a\\Db$");                       /* DEV-9 */
		ck_assert_int_eq(ASK(.headers = {{"UA", "aXb"}}), 1);
		ck_assert_int_eq(ASK(.headers = {{"UA", "a1b"}}), 0);
		given(*f, "header.ua=~*BOT");
		ck_assert_int_eq(ASK(.headers = {{"UA", "BOT"}}), compatible);
	}
}
END_TEST

START_TEST(dash_equals_underscore_in_header_names_of_the_compatible_flavour)
{
	EACH_FLAVOR(f)
	{
		given(*f, "header.x_a=1");
		ck_assert_int_eq(ASK(.headers = {{"X-A", "1"}}), *f != T);
		ck_assert_int_eq(ASK(.headers = {{"X_A", "1"}}), 1);
	}
}
END_TEST

START_TEST(only_the_first_headers_count)
{
	struct route *r = route_of(&arena, "header.a=1", 1);
	struct router_entry entry = {r, r};
	struct header fields[] = {{S("b"), S("1"), 0}, {S("a"), S("1"), 0}};
	struct head head = {.headers = fields, .count = 2};
	struct router_request q = {
	        .method = S("GET"), .path = S("/"), .scheme = S("http"), .head = &head, .arena = &arena};

	for (unsigned most = 0; most < 3; most++) {
		struct router_options o = {.flavor = ROUTER_TRADITIONAL, .max_headers = most};
		struct router *small = router_build(&entry, 1, &o, NULL);
		ck_assert_int_eq(router_match(small, &q, &match), most != 1);
		router_free(small);
	}
}
END_TEST

START_TEST(example_37_method)
{
	EACH_FLAVOR(f)
	{
		given(*f, "methods=POST");
		ck_assert_int_eq(ASK(.method = "POST"), 1);
		ck_assert_int_eq(ASK(.method = "GET"), 0);
		ck_assert_int_eq(ASK(.method = "post"), 0);
	}
}
END_TEST

START_TEST(example_38_sni)
{
	EACH_FLAVOR(f)
	{
		given(*f, "protocols=https snis=a.test. paths=/", "paths=/");
		ck_assert_int_eq(ASK(.tls = true, .sni = "a.test"), 1);
		ck_assert_int_eq(ASK(.tls = true, .sni = "A.Test"), 1);
		ck_assert_int_eq(ASK(.tls = true, .sni = "b.test"), 2);
		ck_assert_int_eq(ASK(.tls = true), 2);
	}
}
END_TEST

START_TEST(sni_wildcards_only_in_the_compatible_flavour)
{
	EACH_FLAVOR(f)
	{
		given(*f, "protocols=https snis=*.a.test,b.*");
		ck_assert_int_eq(ASK(.tls = true, .sni = "x.a.test"), *f != T);
		ck_assert_int_eq(ASK(.tls = true, .sni = "b.test"), *f != T);
		ck_assert_int_eq(ASK(.tls = true, .sni = "a.test"), 0);
		ck_assert_int_eq(ASK(.tls = false), 1); /* the redirect of 1.13 */
	}
}
END_TEST

/* ---- order -------------------------------------------------------------------------------------------------- */

static void check_order(int line, struct ask a, int t, int original, int strict, const char *const *texts, size_t n)
{
	int want[] = {[T] = t, [C] = original, [STRICT] = strict};

	EACH_FLAVOR(f)
	{
		given_list(*f, texts, n);
		int got = ask(a);
		ck_assert_msg(
		        got == want[*f], "line %d, flavour %d: route %d instead of %d", line, *f, got, want[*f]);
	}
}
#define Q(...) ((struct ask){__VA_ARGS__})
#define ORDER(q, t, original, strict, ...)                                                        \
	check_order(__LINE__, (q), (t), (original), (strict), (const char *const[]){__VA_ARGS__}, \
	        sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

START_TEST(example_45_to_53_order)
{
	ORDER(Q(.path = "/a/b/c"), 2, 2, 2, "paths=/a", "paths=/a/b");
	ORDER(Q(.path = "/a/b/c"), 2, 2, 2, "paths=/a/b/c", "paths=~/a");
	ORDER(Q(.path = "/a/1"), 2, 2, 2, "paths=~/a/\\d+", "paths=~/a/.* priority=5");
	ORDER(Q(.path = "/v1"), 2, 1, 2, "hosts=h.test", "paths=/v1 methods=GET");
	ORDER(Q(.path = "/v1"), 2, 1, 2, "paths=~/v1", "paths=/v1 methods=GET");
	ORDER(Q(.path = "/v1", .host = "a.h.test"), 1, 2, 2, "hosts=*.h.test", "paths=/v1");
	ORDER(Q(.path = "/long/path", .headers = {{"a", "1"}}), 1, 1, 1, "header.a=1", "paths=/long/path");
	ORDER(Q(.path = "/x"), 1, 2, 2, "paths=/x", "paths=/x");
	ORDER(Q(.path = "/aaaa"), 1, 1, 1, "paths=/a,/aaaa", "paths=/aaa");
	ORDER(Q(.path = "/aaab"), 2, 2, 2, "paths=/a,/aaaa", "paths=/aaa");
	ORDER(Q(.path = "/ab"), 1, 1, 1, "paths=/a,/aaaa", "paths=/aaa");
}
END_TEST

#define ALL_HEADERS                     \
	{                               \
		{"a", "1"}, {"b", "1"}, \
		{                       \
			"c", "1"        \
		}                       \
	}
#define QUERY        Q(.path = "/v1/x", .host = "a.h.test")
#define QUERY_PORT   Q(.path = "/v1/x", .host = "a.h.test:8000")
#define QUERY_HEADER Q(.path = "/v1/x", .host = "a.h.test", .headers = ALL_HEADERS)
#define QUERY_SNI    Q(.path = "/v1/x", .host = "a.h.test", .tls = true, .sni = "a.h.test", .headers = ALL_HEADERS)

START_TEST(order_of_kinds)
{
	ORDER(QUERY, 2, 2, 2, "methods=GET", "hosts=a.h.test");
	ORDER(QUERY, 2, 2, 2, "paths=/v1/x", "hosts=a.h.test");
	ORDER(QUERY_HEADER, 2, 2, 2, "header.a=1 header.b=1 header.c=1", "hosts=a.h.test");
	ORDER(QUERY_HEADER, 2, 2, 2, "paths=/v1/x", "header.a=1");
	ORDER(QUERY, 2, 2, 2, "methods=GET", "paths=~/.*");
	ORDER(QUERY, 2, 1, 1, "methods=GET id=2 created=1000", "hosts=*.h.test id=1 created=2000");
	ORDER(QUERY, 1, 2, 2, "hosts=a.h.test,*.other.test id=1 created=2000", "hosts=*.h.test id=2 created=1000");
	ORDER(QUERY, 1, 2, 1, "paths=/v1 methods=GET", "hosts=a.h.test");
	ORDER(QUERY_HEADER, 2, 2, 2, "hosts=a.h.test", "paths=/v1 hosts=*.h.test methods=GET header.a=1");
	ORDER(QUERY_SNI, 1, 1, 1, "paths=/", "protocols=https snis=a.h.test");
	ORDER(QUERY_SNI, 2, 2, 2, "hosts=a.h.test protocols=https snis=a.h.test", "hosts=a.h.test paths=/");
	ORDER(QUERY, 3, 3, 3, "hosts=a.h.test methods=POST", "paths=/v1", "paths=/ methods=GET");
	ORDER(QUERY_HEADER, 1, 2, 1, "methods=GET paths=/v1/x", "paths=~/v", "header.a=1");
}
END_TEST

START_TEST(dev_29_four_kinds_and_overflowing_priorities)
{
	const char *header = "paths=/v1 hosts=*.h.test methods=GET header.a=1 id=2";

	ORDER(QUERY_HEADER, 1, 2, 1, "paths=/v1 hosts=*.h.test methods=GET header.a=1 header.b=1 id=1", header);
	ORDER(QUERY_HEADER, 2, 2, 2, "paths=/v1/x hosts=*.h.test methods=GET header.a=1 id=2",
	        "paths=/v1 hosts=a.h.test methods=GET header.a=1 id=1");
	ORDER(QUERY_SNI, 2, 1, 2, "paths=/v1/x hosts=a.h.test methods=GET header.a=1",
	        "paths=/v1 hosts=a.h.test methods=GET header.a=1 protocols=https snis=a.h.test");
	ORDER(QUERY, 2, 2, 2, "paths=~/v priority=4095", "hosts=a.h.test");
	ORDER(QUERY, 2, 1, 2, "paths=~/v priority=4096", "hosts=a.h.test");
	ORDER(QUERY, 2, 1, 2, "paths=~/v priority=4096 id=2", "paths=~/v priority=5000 id=1");
	ORDER(QUERY, 2, 1, 2, "paths=~/v priority=-1", "paths=~/v priority=0");
	ORDER(QUERY, 2, 1, 2, "paths=~/v priority=-1", "hosts=a.h.test");
	ORDER(QUERY_HEADER, 2, 2, 2, "paths=~/v header.a=1 priority=2", "paths=~/v header.a=1 header.b=1");
	ORDER(QUERY, 2, 2, 2, "paths=~/v priority=1024", "paths=~/v methods=GET");
}
END_TEST

/* step 4 (a) and (c) */
START_TEST(traditional_entry_point_and_literal_hosts)
{
	ORDER(QUERY, 1, 2, 2, "paths=/v1", "paths=/v1 snis=a.h.test protocols=http,https");
	ORDER(QUERY, 2, 2, 2, "paths=/v1 methods=POST", "paths=/v1 snis=a.h.test protocols=http,https");
	ORDER(QUERY_PORT, 2, 2, 2, "hosts=a.h.test created=1000 id=1", "hosts=a.h.test:8000 created=2000 id=2");
	ORDER(QUERY_PORT, 2, 1, 1, "hosts=*.h.test id=2 created=1000", "hosts=*.h.test:8000 id=1 created=2000");
	given(T, "hosts=a.test paths=/x", "hosts=a.test:8000 paths=/", "hosts=*.test created=1",
	        "hosts=a.test,*.b.test");
	ck_assert_int_eq(ASK(.host = "a.test:8000", .path = "/x"), 2);
	ck_assert_int_eq(ASK(.host = "a.test", .path = "/x"), 1);
	given(T, "hosts=*.test created=1", "hosts=a.test,*.b.test created=2");
	ck_assert_int_eq(HOST("a.test"), 2);
	ck_assert_int_eq(HOST("a.test:80"), 1);
}
END_TEST

START_TEST(derived_ids_decide_ties)
{
	struct uuid first = numbered_uuid(1), derived = order_derived_id(&first, 1);
	char text[UUID_TEXT + 1];

	uuid_format(&derived, text);
	ck_assert_str_eq(text, "18f07866-6f7d-5228-bfdf-b3b91c047895");
	ORDER(Q(.path = "/v1"), 2, 1, 1, "paths=/v1,/zz id=2 created=2000", "paths=/v1 id=1 created=1000");
	ORDER(Q(.path = "/v1/"), 2, 2, 2, "paths=/,/v1,/v1/xyz", "paths=/v1/");
}
END_TEST

/* ---- what cannot work --------------------------------------------------------------------------------------- */

START_TEST(a_broken_route_is_left_out_and_named)
{
	EACH_FLAVOR(f)
	{
		given(*f, "paths=/a,~/(", "paths=/", "strip=no", "header.a=~*[");
		ck_assert_int_eq(ASK(.path = "/a"), 2);
		ck_assert_ptr_nonnull(strstr(text_cstr(&problems), "route 00000001-0000-4000-8000-000000000000: "));
		ck_assert_ptr_nonnull(strstr(text_cstr(&problems), "route 00000003-"));
		ck_assert_ptr_nonnull(strstr(text_cstr(&problems), "route 00000004-"));
		ck_assert_ptr_null(strstr(text_cstr(&problems), "route 00000002-"));
	}
}
END_TEST

START_TEST(an_empty_router_matches_nothing)
{
	struct router_request q = {.method = S("GET"), .path = S("/"), .scheme = S("http"), .arena = &arena};

	options = (struct router_options){.flavor = ROUTER_TRADITIONAL};
	router = router_build(NULL, 0, &options, NULL);
	ck_assert(!router_match(router, &q, &match));
}
END_TEST

/* ---- many routes -------------------------------------------------------------------------------------------- */

static void given_many(enum flavor flavor, const char *format, int n)
{
	const char **texts = arena_array(&arena, const char *, n);

	for (int i = 0; i < n; i++) {
		char *text = arena_alloc(&arena, 128);
		snprintf(text, 128, format, i, i);
		texts[i] = text;
	}
	given_list(flavor, texts, (size_t)n);
}

START_TEST(thousands_of_routes_are_each_found)
{
	char text[64];

	EACH_FLAVOR(f)
	{
		given_many(*f, "paths=/api/r%d/", 2000);
		for (int i = 0; i < 2000; i += 37) {
			snprintf(text, sizeof text, "/api/r%d/x", i);
			ck_assert_int_eq(ASK(.path = text), i + 1);
		}
		given_many(*f, "hosts=h%d.test paths=/", 2000);
		for (int i = 0; i < 2000; i += 37) {
			snprintf(text, sizeof text, "h%d.test", i);
			ck_assert_int_eq(HOST(text), i + 1);
		}
		given_many(*f, "paths=/ header.x-tenant=t%d", 2000);
		for (int i = 0; i < 2000; i += 37) {
			snprintf(text, sizeof text, "T%d", i);
			ck_assert_int_eq(ASK(.headers = {{"other", "1"}, {"X-Tenant", text}}), i + 1);
		}
		given_many(*f, "paths=/ snis=s%d.test protocols=https", 2000);
		for (int i = 0; i < 2000; i += 37) {
			snprintf(text, sizeof text, "s%d.test", i);
			ck_assert_int_eq(ASK(.tls = true, .sni = text), i + 1);
		}
		given_many(*f, "paths=~/r%d/(?<id>\\d+)$", 200);
		ck_assert_int_eq(ASK(.path = "/r117/42"), 118);
		ck_assert_str_eq(capture("id"), "42");
	}
}
END_TEST

/* A request's arena must not grow: the usual case takes no memory. */
START_TEST(a_match_of_plain_routes_takes_no_memory)
{
	struct arena untouched = {0};
	struct router_request q = {.method = S("GET"),
	        .host = S("h7.test:80"),
	        .path = S("/api/x"),
	        .scheme = S("http"),
	        .arena = &untouched};

	given_many(C, "hosts=h%d.test,*.h%d.test paths=/api methods=GET", 500);
	ck_assert(router_match(router, &q, &match));
	ck_assert_uint_eq(untouched.used, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("router");
	TCase *c = tcase_create("proxy.md section 12 and 1.5-1.8");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, example_1_to_4_prefix_is_not_segment_aware);
	tcase_add_test(c, example_5_to_11_upstream_path);
	tcase_add_test(c, example_12_to_18_paths_after_normalisation);
	tcase_add_test(c, example_20_21_regex_path_and_captures);
	tcase_add_test(c, captures_of_1_5);
	tcase_add_test(c, example_22_23_24_anchoring_and_dialect);
	tcase_add_test(c, compatible_regexes_read_utf8_and_end_at_the_end);
	tcase_add_test(c, dev_27_a_path_that_is_not_utf8_is_matched_as_bytes);
	tcase_add_test(c, a_regex_that_takes_too_many_steps_does_not_match);
	tcase_add_test(c, a_literal_start_does_not_hide_what_a_regex_matches);
	tcase_add_test(c, example_28_any_port_and_any_case);
	tcase_add_test(c, example_29_host_with_port);
	tcase_add_test(c, example_30_31_wildcards);
	tcase_add_test(c, example_32_plain_host_before_wildcard);
	tcase_add_test(c, wildcard_with_port_of_1_5);
	tcase_add_test(c, ipv6_hosts_of_1_5);
	tcase_add_test(c, port_splitting_in_traditional);
	tcase_add_test(c, a_very_long_host_is_only_another_host);
	tcase_add_test(c, a_host_pattern_that_makes_no_sense_leaves_the_route_out);
	tcase_add_test(c, example_34_header_values);
	tcase_add_test(c, example_35_more_headers_first);
	tcase_add_test(c, example_36_header_regex);
	tcase_add_test(c, header_regexes_by_flavour_of_1_5);
	tcase_add_test(c, dash_equals_underscore_in_header_names_of_the_compatible_flavour);
	tcase_add_test(c, only_the_first_headers_count);
	tcase_add_test(c, example_37_method);
	tcase_add_test(c, example_38_sni);
	tcase_add_test(c, sni_wildcards_only_in_the_compatible_flavour);
	tcase_add_test(c, example_45_to_53_order);
	tcase_add_test(c, order_of_kinds);
	tcase_add_test(c, dev_29_four_kinds_and_overflowing_priorities);
	tcase_add_test(c, traditional_entry_point_and_literal_hosts);
	tcase_add_test(c, derived_ids_decide_ties);
	tcase_add_test(c, a_broken_route_is_left_out_and_named);
	tcase_add_test(c, an_empty_router_matches_nothing);
	tcase_add_test(c, thousands_of_routes_are_each_found);
	tcase_add_test(c, a_match_of_plain_routes_takes_no_memory);
	suite_add_tcase(suite, c);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
