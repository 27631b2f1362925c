/* l4: stream routes (proxy.md 1.4, 1.5 Sources and destinations, R-1.7 Stream routes). */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "dp/router/l4.h"
#include "tests/support/routes.h"

static struct arena arena;

static void setup(void)
{
	arena_init(&arena);
}

static void teardown(void)
{
	arena_fini(&arena);
}

struct item {
	const char *ip;
	int port; /* 0: none */
};

static struct record_list list_of(const struct item *items, size_t n)
{
	struct cidr_port *list = arena_array(&arena, struct cidr_port, n);

	for (size_t i = 0; i < n; i++)
		list[i] = (struct cidr_port){slice_cstr(items[i].ip), {items[i].port != 0, items[i].port}};
	return (struct record_list){list, n, sizeof *list};
}

static struct route *route(const char *text, struct item source, struct item destination)
{
	static unsigned number;
	struct route *r = route_of(&arena, text, ++number);

	if (source.ip || source.port)
		r->sources = list_of(&source, 1);
	if (destination.ip || destination.port)
		r->destinations = list_of(&destination, 1);
	return r;
}
#define ANY ((struct item){NULL, 0})

static struct l4_session session(enum l4_protocol protocol, const char *source, int port, const char *sni)
{
	struct l4_session s = {
	        .protocol = protocol, .source_port = port, .destination_port = 443, .sni = slice_cstr(sni)};

	ck_assert(ip_parse(slice_cstr(source), &s.source) && ip_parse(S("192.0.2.9"), &s.destination));
	return s;
}

START_TEST(R_1_5_sources_and_destinations)
{
	static const struct {
		struct item source, destination;
		const char *from;
		int port;
		bool matches;
	} cases[] = {{{"10.0.0.1", 0}, {NULL, 0}, "10.0.0.1", 5, true},
	        {{"10.0.0.1", 0}, {NULL, 0}, "10.0.0.2", 5, false},
	        {{"10.0.0.0/8", 0}, {NULL, 0}, "10.9.9.9", 5, true},
	        {{"10.0.0.0/8", 5}, {NULL, 0}, "10.9.9.9", 5, true},
	        {{"10.0.0.0/8", 6}, {NULL, 0}, "10.9.9.9", 5, false}, {{NULL, 5}, {NULL, 0}, "::1", 5, true},
	        {{"::1", 0}, {NULL, 0}, "::1", 5, true}, {{"fd00::/8", 0}, {NULL, 0}, "10.0.0.1", 5, false},
	        {{NULL, 0}, {NULL, 443}, "::1", 5, true}, {{NULL, 0}, {"192.0.2.0/24", 443}, "::1", 5, true},
	        {{NULL, 0}, {NULL, 444}, "::1", 5, false}, {{NULL, 5}, {NULL, 444}, "::1", 5, false}};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct l4_session s = session(L4_TCP, cases[i].from, cases[i].port, NULL);
		const struct route *r = route("protocols=tcp,tls", cases[i].source, cases[i].destination);
		ck_assert_msg(l4_matches(r, &s, false) == cases[i].matches, "case %zu", i);
	}
}
END_TEST

START_TEST(R_1_5_any_item_suffices)
{
	const struct item items[] = {{"10.0.0.1", 1}, {"10.0.0.2", 0}, {NULL, 7}};
	struct route *r = route("protocols=udp", ANY, ANY);
	struct l4_session first = session(L4_UDP, "10.0.0.1", 2, NULL), second = session(L4_UDP, "10.0.0.2", 2, NULL),
	                  third = session(L4_UDP, "::1", 7, NULL), tcp = session(L4_TCP, "::1", 7, NULL);

	r->sources = list_of(items, 3);
	ck_assert(!l4_matches(r, &first, false) && l4_matches(r, &second, false) && l4_matches(r, &third, false));
	ck_assert(!l4_matches(r, &tcp, false));
}
END_TEST

START_TEST(R_1_5_snis)
{
	struct l4_session tls = session(L4_TLS, "::1", 1, "A.test"), none = session(L4_TLS, "::1", 1, NULL),
	                  through = session(L4_TLS_PASSTHROUGH, "::1", 1, "a.test"),
	                  tcp = session(L4_TCP, "::1", 1, NULL);

	ck_assert(l4_matches(route("protocols=tls snis=a.test.", ANY, ANY), &tls, true));
	ck_assert(l4_matches(route("protocols=tls snis=*.test", ANY, ANY), &tls, false));
	ck_assert(!l4_matches(route("protocols=tls snis=*.test", ANY, ANY), &tls, true));
	ck_assert(l4_matches(route("protocols=tls snis=a.*", ANY, ANY), &tls, false));
	ck_assert(!l4_matches(route("protocols=tls snis=b.test", ANY, ANY), &tls, false));
	ck_assert(!l4_matches(route("protocols=tls snis=a.test", ANY, ANY), &none, false));
	ck_assert(l4_matches(route("protocols=tls_passthrough snis=a.test", ANY, ANY), &through, false));
	ck_assert(l4_matches(route("protocols=tcp,tls snis=a.test", ANY, ANY), &tcp, false));
}
END_TEST

START_TEST(R_1_7_order_of_stream_routes)
{
	const struct route *ordered[] = {
	        route("protocols=tls snis=a.test", (struct item){"10.0.0.1", 1}, ANY),
	        route("protocols=tcp", (struct item){"10.0.0.1", 1}, (struct item){NULL, 443}),
	        route("protocols=tls snis=a.test", ANY, ANY),
	        route("protocols=tcp", (struct item){"10.0.0.1", 1}, ANY),
	        route("protocols=tcp", (struct item){"10.0.0.1", 0}, ANY),
	        route("protocols=tcp", (struct item){"10.0.0.0/8", 1}, ANY),
	        route("protocols=tcp", (struct item){NULL, 1}, ANY),
	        route("protocols=tcp", (struct item){"10.0.0.0/8", 0}, ANY),
	        route("protocols=tcp", ANY, (struct item){"10.0.0.1", 1}),
	        route("protocols=tcp", ANY, (struct item){NULL, 1}),
	};
	enum { COUNT = sizeof ordered / sizeof *ordered };

	ck_assert_uint_eq(l4_priority(ordered[1]), UINT64_C(1) << 61 | (8 | 4) << 4 | 4);
	for (size_t a = 0; a < COUNT; a++)
		for (size_t b = 0; b < COUNT; b++)
			if (l4_priority(ordered[a]) != l4_priority(ordered[b]))
				ck_assert_msg(l4_before(ordered[a], ordered[b], false) ==
				                      (l4_priority(ordered[a]) > l4_priority(ordered[b])),
				        "%zu, %zu", a, b);
	for (size_t i = 3; i + 1 < COUNT; i++)
		ck_assert_msg(l4_before(ordered[i], ordered[i + 1], false), "%zu", i);
}
END_TEST

START_TEST(R_1_7_ties)
{
	struct route *old = route("protocols=tcp created=1", (struct item){NULL, 1}, ANY),
	             *young = route("protocols=tcp created=2", (struct item){NULL, 1}, ANY);

	ck_assert(l4_before(young, old, false) && !l4_before(old, young, false)); /* the greatest id */
	ck_assert(l4_before(old, young, true) && !l4_before(young, old, true));
	young->created_at = 1;
	ck_assert(l4_before(old, young, true));
}
END_TEST

static const struct {
	const char *protocols, *expression;
	enum l4_protocol protocol;
	const char *from;
	int port;
	const char *sni;
	bool matches;
} expressions[] = {
        {"tcp", "net.protocol == \"tcp\"", L4_TCP, "10.0.0.1", 5, NULL, true},
        {"tcp", "net.protocol == \"tcp\"", L4_UDP, "10.0.0.1", 5, NULL, false},
        {"udp", "net.protocol == \"udp\"", L4_UDP, "10.0.0.1", 5, NULL, true},
        {"tls", "net.protocol == \"tls\"", L4_TLS, "10.0.0.1", 5, NULL, true},
        {"tls_passthrough", "net.protocol == \"tcp\"", L4_TLS_PASSTHROUGH, "10.0.0.1", 5, NULL, true},
        {"tls", "net.src.ip in 10.0.0.0/8", L4_TCP, "10.0.0.1", 5, NULL, false}, /* not one of its protocols */
        {"tcp", "net.src.ip in 10.0.0.0/8", L4_TCP, "10.9.0.1", 5, NULL, true},
        {"tcp", "net.src.ip not in 10.0.0.0/8", L4_TCP, "10.9.0.1", 5, NULL, false},
        {"tcp", "net.src.ip == ::1 && net.src.port > 4", L4_TCP, "::1", 5, NULL, true},
        {"tcp", "net.src.port <= 4", L4_TCP, "::1", 5, NULL, false},
        {"tcp", "net.dst.ip == 192.0.2.9 && net.dst.port == 443", L4_TCP, "::1", 5, NULL, true},
        {"tcp", "net.port == 444", L4_TCP, "::1", 5, NULL, false}, /* the old name */
        {"tls", "tls.sni == \"a.test\"", L4_TLS, "::1", 5, "a.test", true},
        {"tls", "lower(tls.sni) =^ \".test\"", L4_TLS, "::1", 5, "A.TEST", true},
        {"tls", "tls.sni ~ r#\"^[ab]\\.test$\"#", L4_TLS, "::1", 5, "b.test", true},
        {"tls", "tls.sni ~ r#\"^[ab]\\.test$\"#", L4_TLS, "::1", 5, "c.test", false},
        {"tls", "tls.sni != \"a.test\"", L4_TLS, "::1", 5, NULL, false}, /* a missing field */
        {"tls", "tls.sni == \"x\" || tls.sni == \"a.test\" && net.src.port == 5", L4_TLS, "::1", 5, "a.test", true},
};

static struct route *with_expression(const char *protocols, const char *expression, int64_t priority)
{
	char text[64];

	snprintf(text, sizeof text, "protocols=%s", protocols);
	struct route *r = route(text, ANY, ANY);
	r->expression = slice_cstr(expression);
	r->priority = priority;
	return r;
}

START_TEST(R_1_9_expressions_of_streams)
{
	const struct l4_expr *x;
	struct l4_session s = session(
	        expressions[_i].protocol, expressions[_i].from, expressions[_i].port, expressions[_i].sni);
	struct err e = {""};

	s.arena = &arena;
	x = l4_expr_make(with_expression(expressions[_i].protocols, expressions[_i].expression, 0), &arena, &e);
	ck_assert_msg(x != NULL, "%s: %s", expressions[_i].expression, e.message);
	ck_assert_msg(l4_expr_matches(x, &s) == expressions[_i].matches, "%s", expressions[_i].expression);
}
END_TEST

START_TEST(R_1_9_streams_have_no_http_fields)
{
	struct err e;

	ck_assert_ptr_null(l4_expr_make(with_expression("tcp", "http.path == \"/\"", 0), &arena, &e));
	ck_assert_msg(strstr(e.message, "Unknown LHS field"), "%s", e.message);
}
END_TEST

START_TEST(R_1_7_expressions_come_first_by_priority)
{
	const struct route *fields = route(
	        "protocols=tls snis=a.test", (struct item){"10.0.0.1", 1}, (struct item){"10.0.0.1", 1});
	const struct route *low = with_expression("tcp", "net.src.port > 1", 0),
	                   *high = with_expression("tcp", "net.src.port > 1", 9);

	ck_assert(l4_before(low, fields, false) && !l4_before(fields, low, false));
	ck_assert(l4_before(high, low, false) && !l4_before(low, high, false));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("l4");
	TCase *t = tcase_create("l4");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, R_1_5_sources_and_destinations);
	tcase_add_test(t, R_1_5_any_item_suffices);
	tcase_add_test(t, R_1_5_snis);
	tcase_add_test(t, R_1_7_order_of_stream_routes);
	tcase_add_test(t, R_1_7_ties);
	tcase_add_loop_test(t, R_1_9_expressions_of_streams, 0, sizeof expressions / sizeof expressions[0]);
	tcase_add_test(t, R_1_9_streams_have_no_http_fields);
	tcase_add_test(t, R_1_7_expressions_come_first_by_priority);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
