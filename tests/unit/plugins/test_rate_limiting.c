/* rate-limiting: plugins.md 3.1 and 0.12; the numbers are those of its appendix B. */
#include <check.h>

#include "common/plugin/redis_conf.h"
#include "tests/support/plugin_rig.h"

#define TERN    "7f3c2b1a-4d5e-4f60-8a7b-9c0d1e2f3a4b"
#define SERVICE "33333333-3333-4333-8333-333333333333"
#define NIL     "00000000-0000-0000-0000-000000000000"
#define LOCAL   "127.0.0.1"

static struct rig rig;

static void setup(void)
{
	rig_init(&rig);
}

static void teardown(void)
{
	rig_fini(&rig);
}

static void use(const char *config)
{
	char row[400];
	snprintf(row, sizeof row, "{'name':'rate-limiting','service':{'id':'" SERVICE "'},'config':{%s}}", config);
	rig_plugin(&rig, row);
}

static int get(const char *path, const char *headers)
{
	char line[100];
	snprintf(line, sizeof line, "GET %s", path);
	rig_get(&rig, line, headers);
	return rig_status(&rig);
}

static void told(const char *header, const char *value)
{
	const char *found = rig_down(&rig, header);
	ck_assert_msg(found && strcmp(found, value) == 0, "%s: %s, not %s", header, found ? found : "(none)", value);
}

START_TEST(ex79_the_fourth_of_three_is_refused)
{
	static const char *const left[] = {"2", "1", "0"};
	use("'minute':3");
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(get("/", ""), 200);
		told("X-RateLimit-Limit-Minute", "3");
		told("X-RateLimit-Remaining-Minute", left[i]);
		told("RateLimit-Limit", "3");
		told("RateLimit-Remaining", left[i]);
		told("RateLimit-Reset", "43");
		ck_assert_ptr_null(rig_down(&rig, "Retry-After"));
	}
	ck_assert_int_eq(get("/", ""), 429);
	ck_assert_str_eq(rig_message(&rig), "API rate limit exceeded");
	told("X-RateLimit-Remaining-Minute", "0");
	told("RateLimit-Remaining", "0");
	told("Retry-After", "43");
	rig.now_ms += 43 * 1000;
	ck_assert_int_eq(get("/", ""), 200);
}
END_TEST

static void resets_in(const char *period, const char *seconds)
{
	char config[40];
	snprintf(config, sizeof config, "'%s':5", period);
	rig.instances_count = 0;
	use(config);
	get("/", "");
	told("RateLimit-Reset", seconds);
}

START_TEST(ex80_windows_are_those_of_the_calendar)
{
	resets_in("second", "1"); /* 2026-03-03T10:00:17Z */
	resets_in("minute", "43");
	resets_in("hour", "3583");
	resets_in("day", "50383");
	resets_in("month", "2383183");
	resets_in("year", "26229583");
	ck_assert_int_eq(rig_counter(&rig, "ratelimit:" NIL ":" SERVICE ":" LOCAL ":1772532000000:minute"), 1);
	ck_assert_int_eq(rig_counter(&rig, "ratelimit:" NIL ":" SERVICE ":" LOCAL ":1772532017000:second"), 1);
	ck_assert_int_eq(rig_counter(&rig, "ratelimit:" NIL ":" SERVICE ":" LOCAL ":1772323200000:month"), 1);
	ck_assert_int_eq(rig_counter(&rig, "ratelimit:" NIL ":" SERVICE ":" LOCAL ":1767225600000:year"), 1);
}
END_TEST

START_TEST(on_the_31st_the_month_resets_in_one_second)
{
	rig.now_ms = INT64_C(1785538799000); /* 2026-07-31T22:59:59Z; plugins.md 0.12 */
	resets_in("month", "1");
}
END_TEST

START_TEST(ex81_the_tightest_window_is_described_of_equals_the_longest)
{
	use("'minute':5,'hour':7");
	get("/", "");
	told("X-RateLimit-Limit-Minute", "5");
	told("X-RateLimit-Remaining-Minute", "4");
	told("X-RateLimit-Limit-Hour", "7");
	told("X-RateLimit-Remaining-Hour", "6");
	told("RateLimit-Limit", "5");
	rig.instances_count = 0;
	use("'minute':2,'hour':2");
	rig.x.client_ip = S("127.0.0.2");
	get("/", "");
	told("RateLimit-Reset", "3583");
}
END_TEST

static void is_refused(const char *config, const char *why)
{
	char row[300];
	snprintf(row, sizeof row, "{'name':'rate-limiting','config':{%s}}", config);
	const char *told_why = rig_refusal(&rig, "plugins", row);
	ck_assert_msg(told_why && strstr(told_why, why), "%s", told_why ? told_why : "accepted");
}

START_TEST(ex82_limits_must_grow_with_their_periods)
{
	is_refused(
	        "'hour':10,'minute':20", "The limit for hour(10.0) cannot be lower than the limit for minute(20.0)");
	is_refused("'year':1,'second':2", "The limit for year(1.0) cannot be lower than the limit for second(2.0)");
	is_refused("",
	        "at least one of these fields must be non-empty: 'config.second', 'config.minute', 'config.hour', "
	        "'config.day', 'config.month', 'config.year'");
	is_refused("'minute':0", "value must be greater than 0");
}
END_TEST

START_TEST(ex83_status_and_message_can_be_chosen_and_headers_hidden)
{
	static const char *const names[] = {"X-RateLimit-Limit-Minute", "X-RateLimit-Remaining-Minute",
	        "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "Retry-After"};
	use("'minute':1,'error_code':418,'error_message':'slow down','hide_client_headers':true");
	for (int status = 200; status <= 418; status += 218) {
		ck_assert_int_eq(get("/", ""), status);
		for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
			ck_assert_ptr_null(rig_down(&rig, names[i]));
	}
	ck_assert_str_eq(rig_message(&rig), "slow down");
}
END_TEST

START_TEST(ex84_a_header_can_be_counted_by)
{
	use("'limit_by':'header','header_name':'x-app','minute':1");
	ck_assert_int_eq(get("/", "x-app: a"), 200);
	ck_assert_int_eq(get("/", "X-App: a"), 429);
	ck_assert_int_eq(get("/", "x-app: b"), 200);
	ck_assert_int_eq(get("/", ""), 200);
	ck_assert_int_eq(get("/", ""), 429);
	ck_assert_int_eq(rig_counter(&rig, "ratelimit:" NIL ":" SERVICE ":" LOCAL ":1772532000000:minute"), 1);
}
END_TEST

START_TEST(ex85_a_path_can_be_counted)
{
	use("'limit_by':'path','path':'/a','minute':1");
	ck_assert_int_eq(get("/a", ""), 200);
	ck_assert_int_eq(get("/a?x=1", ""), 429);
	ck_assert_int_eq(get("/a/", ""), 200);
	ck_assert_int_eq(get("/a/", ""), 429);
	ck_assert_int_eq(get("/b", ""), 429); /* by address as well */
}
END_TEST

static void add_key(const char *consumer, const char *key)
{
	char json[200];
	snprintf(json, sizeof json, "{'consumer':{'id':'%s'},'key':'%s'}", consumer, key);
	rig_entity(&rig, "keyauth_credentials", json);
}

static void add_callers(void)
{
	rig_entity(&rig, "consumers", "{'id':'" TERN "','username':'tern'}");
	rig_entity(&rig, "consumers", "{'id':'" SERVICE "','username':'gull'}");
	add_key(TERN, "t1");
	add_key(TERN, "t2");
	add_key(SERVICE, "g1");
	rig_plugin(&rig, "{'name':'key-auth'}");
}

START_TEST(ex86_keys_of_one_consumer_share_its_counter)
{
	add_callers();
	use("'minute':1");
	ck_assert_int_eq(get("/", "apikey: t1"), 200);
	ck_assert_int_eq(get("/", "apikey: t2"), 429);
	ck_assert_int_eq(get("/", "apikey: g1"), 200);
}
END_TEST

START_TEST(ex86_credentials_can_be_counted_instead)
{
	add_callers();
	use("'minute':1,'limit_by':'credential'");
	ck_assert_int_eq(get("/", "apikey: t1"), 200);
	ck_assert_int_eq(get("/", "apikey: t2"), 200);
	ck_assert_int_eq(get("/", "apikey: t1"), 429);
}
END_TEST

START_TEST(ex91_who_is_not_let_in_is_not_counted)
{
	add_callers();
	use("'minute':1");
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(get("/", ""), 401);
	ck_assert_uint_eq(rig.counted, 0);
	ck_assert_int_eq(get("/", "apikey: t1"), 200);
}
END_TEST

static int get_from(const char *ip, const struct service *service)
{
	rig_request(&rig, "GET /", "");
	rig.x.client_ip = slice_cstr(ip);
	rig.x.service = service;
	rig_run(&rig);
	return rig_status(&rig);
}

START_TEST(addresses_are_counted_apart)
{
	use("'minute':1,'limit_by':'ip'");
	ck_assert_int_eq(get_from("10.0.0.1", NULL), 200);
	ck_assert_int_eq(get_from("10.0.0.1", NULL), 429);
	ck_assert_int_eq(get_from("10.0.0.2", NULL), 200);
}
END_TEST

START_TEST(services_can_be_counted)
{
	const struct service a = {.id = {{1}}}, b = {.id = {{2}}};
	use("'minute':1,'limit_by':'service'");
	ck_assert_int_eq(get_from("10.0.0.1", &a), 200);
	ck_assert_int_eq(get_from("10.0.0.2", &a), 429);
	ck_assert_int_eq(get_from("10.0.0.2", &b), 200);
}
END_TEST

START_TEST(ex87_the_row_says_whose_counters_they_are)
{
	rig_plugin(&rig, "{'name':'rate-limiting','route':{'id':'" TERN "'},'config':{'minute':9}}");
	get("/", "");
	ck_assert_int_eq(rig_counter(&rig, "ratelimit:" TERN ":" NIL ":" LOCAL ":1772532000000:minute"), 1);
}
END_TEST

START_TEST(ex88_redis_counts_what_is_denied_in_every_window)
{
	use("'minute':2,'hour':50,'policy':'redis','redis':{'host':'redis.test'}");
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(get("/", ""), i < 2 ? 200 : 429);
	ck_assert(rig.counted_denied);
	ck_assert(slice_eq(rig.counted_in->host, S("redis.test")));
	ck_assert_int_eq(rig_counter(&rig, "ratelimit:" NIL ":" SERVICE ":" LOCAL ":1772532000000:minute"), 5);
	ck_assert_int_eq(rig_counter(&rig, "ratelimit:" NIL ":" SERVICE ":" LOCAL ":1772532000000:hour"), 5);
}
END_TEST

START_TEST(ex88_a_node_does_not_count_what_is_denied)
{
	use("'minute':2,'hour':50,'policy':'local'");
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(get("/", ""), i < 2 ? 200 : 429);
	ck_assert_ptr_null(rig.counted_in);
	ck_assert_int_eq(rig_counter(&rig, "ratelimit:" NIL ":" SERVICE ":" LOCAL ":1772532000000:hour"), 2);
	told("X-RateLimit-Remaining-Hour", "48"); /* not one less: this request was not counted */
	told("RateLimit-Limit", "2");
}
END_TEST

START_TEST(ex89_lost_counters_let_pass_or_fail_as_configured)
{
	use("'minute':1,'policy':'redis','redis':{'host':'h'}");
	rig.counters_fail = true;
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(get("/", ""), 200);
	ck_assert_ptr_null(rig_down(&rig, "RateLimit-Limit"));
	rig.instances_count = 0;
	use("'minute':1,'policy':'redis','redis':{'host':'h'},'fault_tolerant':false");
	ck_assert_int_eq(get("/", ""), 500);
	ck_assert_str_eq(rig_message(&rig), "An unexpected error occurred");
}
END_TEST

/* Ours: what happens without the store is said outright, seen in a header and counted. */
START_TEST(without_the_store_the_operators_choice_holds)
{
	use("'minute':1,'policy':'redis','redis':{'host':'h'},'on_store_error':'open','fault_tolerant':false");
	rig.counters_fail = true;
	ck_assert_int_eq(get("/", ""), 200);
	told("X-RateLimit-Store", "unavailable; open");
	rig.instances_count = 0;
	use("'minute':1,'policy':'redis','redis':{'host':'h'},'on_store_error':'closed'");
	ck_assert_int_eq(get("/", ""), 500);
	rig.instances_count = 0;
	use("'minute':1,'policy':'redis','redis':{'host':'h'},'on_store_error':'local'");
	ck_assert_int_eq(get("/", ""), 200);
	told("X-RateLimit-Store", "unavailable; local");
	ck_assert_int_eq(get("/", ""), 429);
	told("X-RateLimit-Remaining-Minute", "0");
	ck_assert_str_eq(text_cstr(&rig.metered), "gatehouse_rate_limiting_store_errors_total{action=\"open\"} 1\n"
	                                          "gatehouse_rate_limiting_store_errors_total{action=\"closed\"} 1\n"
	                                          "gatehouse_rate_limiting_store_errors_total{action=\"local\"} 1\n"
	                                          "gatehouse_rate_limiting_store_errors_total{action=\"local\"} 1\n");
	is_refused("'minute':1,'policy':'cluster'", "redis counts over all data planes");
}
END_TEST

START_TEST(ex90_what_belongs_to_redis_is_checked)
{
	is_refused("'minute':1,'policy':'local','sync_rate':1", "sync_rate can only be used with the redis policy");
	is_refused("'minute':1,'policy':'redis','redis':{'host':'h'},'sync_rate':0.01",
	        "sync_rate must be greater than 0.02, or -1 to disable");
	is_refused(
	        "'minute':1,'policy':'redis'", "failed conditional validation given value of field 'config.policy'");
	is_refused("'minute':1,'limit_by':'header'",
	        "failed conditional validation given value of field 'config.limit_by'");
	is_refused("'minute':1,'limit_by':'path'",
	        "failed conditional validation given value of field 'config.limit_by'");
	is_refused("'minute':1,'redis_host':'a','redis':{'host':'b'}",
	        "both deprecated and new field are used but their values mismatch: redis_host = a vs redis.host = b");
}
END_TEST

START_TEST(ex90_flat_redis_names_are_accepted_and_echoed)
{
	const char *shown = rig_rendered(
	        &rig, "plugins", "{'name':'rate-limiting','config':{'minute':1,'redis_host':'h','redis_port':7000}}");
	ck_assert_ptr_nonnull(
	        strstr(shown, "\"redis\":{\"host\":\"h\",\"port\":7000,\"timeout\":2000,\"username\":null,"
	                      "\"password\":null,\"database\":0,\"ssl\":false,\"ssl_verify\":false,"
	                      "\"server_name\":null}"));
	ck_assert_ptr_nonnull(strstr(shown, "\"redis_host\":\"h\""));
	ck_assert_ptr_nonnull(strstr(shown, "\"redis_port\":7000"));
}
END_TEST

START_TEST(the_defaults_are_kongs)
{
	const char *shown = rig_rendered(&rig, "plugins", "{'name':'rate-limiting','config':{'minute':1}}");
	ck_assert_ptr_nonnull(
	        strstr(shown, "\"config\":{\"second\":null,\"minute\":1,\"hour\":null,\"day\":null,"
	                      "\"month\":null,\"year\":null,\"limit_by\":\"consumer\",\"header_name\":null,"
	                      "\"path\":null,\"policy\":\"local\",\"fault_tolerant\":true,\"redis\":{"));
	ck_assert_ptr_nonnull(strstr(shown, "\"hide_client_headers\":false,\"error_code\":429,"
	                                    "\"error_message\":\"API rate limit exceeded\",\"sync_rate\":-1"));
}
END_TEST

START_TEST(a_fraction_of_a_request_is_not_enough_for_one_more)
{
	use("'minute':1.5");
	ck_assert_int_eq(get("/", ""), 200);
	told("X-RateLimit-Limit-Minute", "1.5");
	told("X-RateLimit-Remaining-Minute", "0.5");
	ck_assert_int_eq(get("/", ""), 200);
	told("X-RateLimit-Remaining-Minute", "0");
	ck_assert_int_eq(get("/", ""), 429);
}
END_TEST

START_TEST(counting_may_take_its_time)
{
	use("'minute':1,'policy':'redis','redis':{'host':'h'}");
	rig.counters_wait = true;
	ck_assert_int_eq(rig_get(&rig, "GET /", ""), WAIT);
	ck_assert_int_eq(rig_complete(&rig), GO);
	told("RateLimit-Remaining", "0");
	ck_assert_int_eq(rig_get(&rig, "GET /", ""), WAIT);
	ck_assert_int_eq(rig_complete(&rig), STOP);
	ck_assert_int_eq(rig_status(&rig), 429);
}
END_TEST

START_TEST(huge_limits_do_not_overflow)
{
	use("'minute':1e300");
	ck_assert_int_eq(get("/", ""), 200);
	told("X-RateLimit-Limit-Minute", "1e+300");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("rate_limiting");
	TCase *t = tcase_create("rate_limiting");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, ex79_the_fourth_of_three_is_refused);
	tcase_add_test(t, ex80_windows_are_those_of_the_calendar);
	tcase_add_test(t, on_the_31st_the_month_resets_in_one_second);
	tcase_add_test(t, ex81_the_tightest_window_is_described_of_equals_the_longest);
	tcase_add_test(t, ex82_limits_must_grow_with_their_periods);
	tcase_add_test(t, ex83_status_and_message_can_be_chosen_and_headers_hidden);
	tcase_add_test(t, ex84_a_header_can_be_counted_by);
	tcase_add_test(t, ex85_a_path_can_be_counted);
	tcase_add_test(t, ex86_keys_of_one_consumer_share_its_counter);
	tcase_add_test(t, ex86_credentials_can_be_counted_instead);
	tcase_add_test(t, ex91_who_is_not_let_in_is_not_counted);
	tcase_add_test(t, addresses_are_counted_apart);
	tcase_add_test(t, services_can_be_counted);
	tcase_add_test(t, ex87_the_row_says_whose_counters_they_are);
	tcase_add_test(t, ex88_redis_counts_what_is_denied_in_every_window);
	tcase_add_test(t, ex88_a_node_does_not_count_what_is_denied);
	tcase_add_test(t, without_the_store_the_operators_choice_holds);
	tcase_add_test(t, ex89_lost_counters_let_pass_or_fail_as_configured);
	tcase_add_test(t, ex90_what_belongs_to_redis_is_checked);
	tcase_add_test(t, ex90_flat_redis_names_are_accepted_and_echoed);
	tcase_add_test(t, the_defaults_are_kongs);
	tcase_add_test(t, a_fraction_of_a_request_is_not_enough_for_one_more);
	tcase_add_test(t, counting_may_take_its_time);
	tcase_add_test(t, huge_limits_do_not_overflow);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
