/* explain (pitfalls A2-5): the winner is the router's own, the others stand in its order with what decides. */
#include <check.h>
#include <stdlib.h>

#include "dp/router/router.h"
#include "tests/support/routes.h"

static struct arena arena;
static struct router *router;
static struct router_explanation said;
static struct err err;

static void setup(void)
{
	arena_init(&arena);
}

static void teardown(void)
{
	router_free(router);
	arena_fini(&arena);
}

static void given(enum router_flavor flavor, const char *const *texts)
{
	router = router_new(&(struct router_options){.flavor = flavor, .calculation = ROUTER_STRICT});
	for (unsigned n = 1; texts[n - 1]; n++) {
		struct route *r = route_of(&arena, texts[n - 1], n);
		ck_assert_msg(router_put(router, &(struct router_entry){r, r}, &err), "%s", err.message);
	}
}
#define GIVEN(flavor, ...) given((flavor), (const char *const[]){__VA_ARGS__, NULL})

static void ask(const char *host, const char *path, bool tls)
{
	struct router_request q = {.method = S("GET"),
	        .host = slice_cstr(host),
	        .path = slice_cstr(path),
	        .scheme = tls ? S("https") : S("http"),
	        .listener_port = 8000,
	        .arena = &arena};

	router_explain(router, &q, &said);
}

/* The i-th route considered is number n, for this reason. */
static void expect(size_t i, unsigned n, const char *why)
{
	struct uuid id = numbered_uuid(n);

	ck_assert_uint_lt(i, said.count);
	ck_assert_msg(uuid_eq(&said.candidates[i].route->id, &id), "%zu: another route", i);
	ck_assert_msg(strstr(said.candidates[i].why, why) != NULL, "%zu: %s", i, said.candidates[i].why);
}

START_TEST(R_1_6_every_step_of_the_traditional_order)
{
	static const struct {
		const char *winner, *loser, *why;
	} pairs[] = {{"hosts=h.test paths=/a", "paths=/a methods=GET", "fewer kinds, or lesser"},
	        {"hosts=h.test,*.x.test paths=/a", "hosts=*.test paths=/a", "literally"},
	        {"paths=~/a", "paths=/a", "submatch"},
	        {"paths=~/a priority=2", "paths=~/[a] priority=1", "regex_priority"},
	        {"paths=/a/b", "paths=/a", "path is shorter"},
	        {"paths=/a created=1", "paths=/a created=2", "younger"},
	        {"paths=/a created=1", "paths=/a created=1", "lower id"}};

	GIVEN(ROUTER_TRADITIONAL, pairs[_i].winner, pairs[_i].loser);
	ask("h.test", "/a/b", false);
	ck_assert(said.has_match);
	expect(0, 1, "wins");
	expect(1, 2, pairs[_i].why);
}
END_TEST

START_TEST(R_1_6_a_what_the_entry_point_passes_over)
{
	GIVEN(ROUTER_TRADITIONAL, "paths=/a", "paths=/a snis=a.test protocols=https");
	ask("h.test", "/a", false);
	expect(0, 2, "passed over");
	expect(1, 1, "wins");
}
END_TEST

START_TEST(R_1_7_the_number_or_the_id)
{
	GIVEN(ROUTER_TRADITIONAL_COMPATIBLE, "paths=/a", "paths=/a", "paths=/a/b");
	ask("h.test", "/a/b", false);
	expect(0, 3, "wins");
	expect(1, 2, "is below");
	expect(2, 1, "is below");
	router_remove(router, &said.candidates[0].route->id);
	ask("h.test", "/a/b", false);
	expect(0, 2, "wins");
	expect(1, 1, "greater id");
}
END_TEST

START_TEST(what_does_not_fit_says_which_test_failed_and_strangers_are_counted)
{
	GIVEN(ROUTER_TRADITIONAL_COMPATIBLE, "paths=/a methods=POST", "paths=/a header.x=1",
	        "paths=/a snis=b.test protocols=https", "paths=/b", "hosts=o.test", "paths=/a,/bb,~/a/x");
	ask("h.test", "/a", true);
	ck_assert(said.has_match);
	ck_assert_uint_eq(said.count, 4);
	expect(0, 6, "wins");
	ck_assert(slice_eq(said.candidates[0].paths, S("/a")));
	for (size_t i = 1; i < 4; i++)
		ck_assert(!said.candidates[i].fits);
	ck_assert_uint_eq(said.other_hosts, 1);
	ck_assert_uint_eq(said.other_paths, 1);
	ask("h.test", "/none", true);
	ck_assert(!said.has_match);
	ck_assert_uint_eq(said.count, 0);
	ck_assert_uint_eq(said.other_paths, 5);
}
END_TEST

struct pairs {
	unsigned count, first[4], second[4];
};

static unsigned number_of(const struct route *r)
{
	unsigned n = 1;

	for (struct uuid id = numbered_uuid(n); !uuid_eq(&id, &r->id); id = numbered_uuid(n))
		n++;
	return n;
}

static void note_pair(const struct route *first, const struct route *second, void *arg)
{
	struct pairs *p = arg;

	p->first[p->count] = number_of(first);
	p->second[p->count++] = number_of(second);
}

START_TEST(R_1_7_pairs_that_original_and_strict_order_otherwise)
{
	struct pairs pairs = {0};

	GIVEN(ROUTER_TRADITIONAL_COMPATIBLE, "hosts=h.test", "paths=/v1 methods=GET", "paths=/a", "paths=/a/b");
	router_each_inversion(router, 4, note_pair, &pairs); /* strict here: the one of two kinds comes first */
	ck_assert_uint_eq(pairs.count, 1);
	ck_assert_uint_eq(pairs.first[0], 2);
	ck_assert_uint_eq(pairs.second[0], 1);
	pairs.count = 0;
	router_each_inversion(router, 0, note_pair, &pairs);
	ck_assert_uint_eq(pairs.count, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("explain");
	TCase *t = tcase_create("explain");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, R_1_6_every_step_of_the_traditional_order, 0, 7);
	tcase_add_test(t, R_1_6_a_what_the_entry_point_passes_over);
	tcase_add_test(t, R_1_7_the_number_or_the_id);
	tcase_add_test(t, R_1_7_pairs_that_original_and_strict_order_otherwise);
	tcase_add_test(t, what_does_not_fit_says_which_test_failed_and_strangers_are_counted);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
