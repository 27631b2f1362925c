/* prometheus: plugins.md 7.3, proxy.md 11.5: what is counted, by which labels, and by which switches. */
#include <check.h>

#include "tests/support/loading.h"
#include "tests/support/plugin_rig.h"

static struct rig rig;

static void setup(void)
{
	rig_init(&rig);
}

static void teardown(void)
{
	rig_fini(&rig);
}

#define ROUTE   "{'id':'0b8f5a52-1c1e-4f7a-9d53-2f6a0c7b1e11','name':'r','paths':['/']}"
#define SERVICE "{'name':'svc','host':'up.test'}"

/* 30 ms in all: 3 until a target is chosen, 20 until its answer begins. */
static const char *metered(const char *config, const char *route, const char *service, bool is_answered)
{
	char row[256];
	snprintf(row, sizeof row, "{'name':'prometheus','config':%s}", config);
	rig_plugin(&rig, row);
	rig_request(&rig, "GET /a", "");
	rig.x.route = route ? rig_entity(&rig, "routes", route) : NULL;
	rig.x.service = service ? rig_entity(&rig, "services", service) : NULL;
	rig.x.consumer = rig_entity(&rig, "consumers", "{'username':'tern'}");
	rig_run(&rig);
	rig_upstream_answers(&rig, 200, "", "");
	rig.x.from_upstream = is_answered;
	rig.x.request_size = 100;
	rig.x.response_size = 2000;
	rig.x.started_ns = 1000000;
	rig.x.chosen_ns = is_answered ? 4000000 : 0;
	rig.x.first_byte_ns = is_answered ? 24000000 : 0;
	rig.x.ended_ns = 31000000;
	rig_log(&rig);
	return text_cstr(&rig.metered);
}

START_TEST(nothing_is_counted_unless_it_is_switched_on) /* example 129 */
{
	ck_assert_str_eq(metered("{}", ROUTE, SERVICE, true), "");
}
END_TEST

START_TEST(requests_by_status) /* example 129 */
{
	ck_assert_str_eq(metered("{'status_code_metrics':true,'per_consumer':true}", ROUTE, SERVICE, true),
	        "kong_http_requests_total{service=\"svc\",route=\"r\",code=\"200\",source=\"service\","
	        "workspace=\"default\",consumer=\"tern\"} 1\n");
}
END_TEST

START_TEST(answers_of_our_own_and_no_consumers)
{
	ck_assert_str_eq(metered("{'status_code_metrics':true}", ROUTE, SERVICE, false),
	        "kong_http_requests_total{service=\"svc\",route=\"r\",code=\"200\",source=\"kong\","
	        "workspace=\"default\",consumer=\"\"} 1\n");
}
END_TEST

START_TEST(what_has_no_name_is_called_by_host_and_id)
{
	ck_assert_str_eq(
	        metered("{'status_code_metrics':true}", "{'id':'0b8f5a52-1c1e-4f7a-9d53-2f6a0c7b1e11','paths':['/']}",
	                "{'host':'up.test'}", true),
	        "kong_http_requests_total{service=\"up.test\",route=\"0b8f5a52-1c1e-4f7a-9d53-2f6a0c7b1e11\","
	        "code=\"200\",source=\"service\",workspace=\"default\",consumer=\"\"} 1\n");
}
END_TEST

START_TEST(latencies)
{
#define LABELS "{service=\"svc\",route=\"r\",workspace=\"default\"}"
	ck_assert_str_eq(metered("{'latency_metrics':true,'per_consumer':true}", ROUTE, SERVICE, true),
	        "kong_kong_latency_ms" LABELS " 3\nkong_request_latency_ms" LABELS
	        " 30\nkong_upstream_latency_ms" LABELS " 20\n");
}
END_TEST

START_TEST(what_was_not_proxied_has_no_upstream_latency)
{
	ck_assert_str_eq(metered("{'latency_metrics':true}", ROUTE, NULL, false),
	        "kong_kong_latency_ms{service=\"\",route=\"r\",workspace=\"default\"} 30\n"
	        "kong_request_latency_ms{service=\"\",route=\"r\",workspace=\"default\"} 30\n");
}
END_TEST

START_TEST(bytes_both_ways)
{
	ck_assert_str_eq(metered("{'bandwidth_metrics':true,'per_consumer':true}", ROUTE, SERVICE, true),
	        "kong_bandwidth_bytes{service=\"svc\",route=\"r\",direction=\"ingress\",workspace=\"default\","
	        "consumer=\"tern\"} 100\n"
	        "kong_bandwidth_bytes{service=\"svc\",route=\"r\",direction=\"egress\",workspace=\"default\","
	        "consumer=\"tern\"} 2000\n");
}
END_TEST

START_TEST(requests_without_a_route_count_for_nothing)
{
	ck_assert_str_eq(metered("{'status_code_metrics':true,'latency_metrics':true,'bandwidth_metrics':true}", NULL,
	                         NULL, false),
	        "");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("prometheus");
	TCase *t = tcase_create("all");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, nothing_is_counted_unless_it_is_switched_on);
	tcase_add_test(t, requests_by_status);
	tcase_add_test(t, answers_of_our_own_and_no_consumers);
	tcase_add_test(t, what_has_no_name_is_called_by_host_and_id);
	tcase_add_test(t, latencies);
	tcase_add_test(t, what_was_not_proxied_has_no_upstream_latency);
	tcase_add_test(t, bytes_both_ways);
	tcase_add_test(t, requests_without_a_route_count_for_nothing);
	suite_add_tcase(s, t);
	return run_suite(s);
}
