/* wait: the arguments of ?wait=all, and what is answered when time is up (users.md 2.3). */
#include "tests/unit/admin/fixture.h"

#include "cp/admin/wait.h"
#include "cp/publish/nodes.h"

START_TEST(times_have_units_and_limits)
{
	static const struct {
		struct slice text;
		int64_t ms; /* 0: refused */
	} cases[] = {{SLICE("5s"), 5000}, {SLICE("500ms"), 500}, {SLICE("2m"), 120000}, {SLICE("3"), 3000},
	        {SLICE("0.5s"), 500}, {SLICE("10m"), 600000}, {SLICE("0"), 0}, {SLICE("0.1ms"), 0}, {SLICE("11m"), 0},
	        {SLICE("-1s"), 0}, {SLICE("s"), 0}, {SLICE(""), 0}, {SLICE("5h"), 0}, {SLICE("nan"), 0}};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int64_t ms = 0;
		ck_assert_int_eq(admin_duration(cases[i].text, &ms), cases[i].ms > 0);
		ck_assert_int_eq(ms, cases[i].ms);
	}
}
END_TEST

static void report(uint64_t version, bool leaving)
{
	struct node_report r = {.hostname = S("eu-3"),
	        .release = S("1"),
	        .error = S(""),
	        .has_config = true,
	        .version = version,
	        .leaving = leaving};
	nodes_report(&r, S("e"), version);
}

START_TEST(who_gives_up_says_how_far_it_has_come_and_keeps_the_answer)
{
	struct admin_response r = {.status = 201, .json = json_pack("{s:s}", "name", "orders"), .version = 42};

	report(40, false);
	ck_assert(!admin_wait_is_over(&r));
	ck_assert_uint_eq(r.applied, 0);
	ck_assert_uint_eq(r.connected, 1);
	admin_wait_give_up(&r);
	ck_assert_int_eq(r.status, 202);
	ck_assert_str_eq(
	        json_string_value(json_object_get(r.json, "message")), "0/1 data planes at v42 (eu-3: 2 behind)");
	ck_assert_str_eq(json_string_value(json_object_get(json_object_get(r.json, "entity"), "name")), "orders");
	report(42, false);
	ck_assert(admin_wait_is_over(&r));
	ck_assert_uint_eq(r.applied, 1);
	json_decref(r.json);
	nodes_clear();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("wait");
	TCase *t = tcase_create("wait");

	tcase_add_test(t, times_have_units_and_limits);
	tcase_add_test(t, who_gives_up_says_how_far_it_has_come_and_keeps_the_answer);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
