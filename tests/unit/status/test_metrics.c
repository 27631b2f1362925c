/* metrics: the text of /metrics, of two workers together (proxy.md 11.5). */
#include <check.h>

#include "dp/host/meter.h"
#include "dp/status/metrics.h"

static const struct metric requests = {.name = "kong_requests", .kind = METRIC_COUNTER, .help = "Requests"};
static const uint32_t bounds[] = {1, 5};
static const struct metric latency = {
        .name = "kong_latency_ms", .kind = METRIC_HISTOGRAM, .help = "Latency", .bounds = bounds, .bounds_count = 2};

static struct meter *meters[2];
static struct text out;

static void set_up(void)
{
	for (int i = 0; i < 2; i++)
		meters[i] = meter_new(100);
}

static void tear_down(void)
{
	for (int i = 0; i < 2; i++)
		meter_free(meters[i]);
	text_fini(&out);
}

static const char *render(void)
{
	struct status_report r = {.error = "",
	        .node_id = S("n1"),
	        .version = 42,
	        .connected = true,
	        .proxy = {.requests = 5, .active = 2},
	        .cluster_cert_expiry_s = 1800000000,
	        .deliveries = 3,
	        .entries_unsent = 4,
	        .cache_bytes = 5,
	        .cache_bytes_max = 6,
	        .meters = meters,
	        .meter_count = 2};
	metrics_render(&r, &out);
	return text_cstr(&out);
}

START_TEST(the_node_tells_of_itself)
{
	const char *text = render();
	ck_assert_ptr_nonnull(strstr(text, "# TYPE kong_nginx_connections_total gauge\n"));
	ck_assert_ptr_nonnull(
	        strstr(text, "kong_nginx_connections_total{node_id=\"n1\",subsystem=\"http\",state=\"active\"} 2\n"));
	ck_assert_ptr_nonnull(strstr(text, "kong_nginx_requests_total{node_id=\"n1\",subsystem=\"http\"} 5\n"));
	ck_assert_ptr_nonnull(strstr(text, "gatehouse_config_version{node_id=\"n1\"} 42\n"));
	ck_assert_ptr_nonnull(strstr(text, "\nkong_datastore_reachable 1\n"));
	ck_assert_ptr_nonnull(strstr(text, "kong_node_info{node_id=\"n1\",version=\""));
	ck_assert_ptr_nonnull(strstr(text, "\nkong_nginx_timers{state=\"running\"} 3\n"));
	ck_assert_ptr_nonnull(strstr(text, "\nkong_nginx_timers{state=\"pending\"} 4\n"));
	ck_assert_ptr_nonnull(strstr(text, "kong_memory_lua_shared_dict_bytes{node_id=\"n1\",shared_dict=\"gatehouse_"
	                                   "cache\",kong_subsystem=\"http\"} 5\n"));
	ck_assert_ptr_nonnull(strstr(text, "kong_memory_lua_shared_dict_total_bytes{node_id=\"n1\",shared_dict="
	                                   "\"gatehouse_cache\",kong_subsystem=\"http\"} 6\n"));
	ck_assert_ptr_nonnull(strstr(text, "\nkong_data_plane_cluster_cert_expiry_timestamp 1800000000\n"));
	ck_assert_ptr_nonnull(strstr(text, "\nkong_nginx_metric_errors_total 0\n"));
	ck_assert_ptr_eq(strstr(text, "kong_upstream_target_health"), NULL);
	ck_assert_ptr_eq(strstr(strstr(text, "# HELP kong_nginx_connections_total") + 1,
	                         "# HELP kong_nginx_connections_total"),
	        NULL);
}
END_TEST

START_TEST(workers_are_added_up_and_families_stand_together)
{
	meter_count(meters[0], &requests, S("code=\"200\""), 3);
	meter_count(meters[0], &latency, S("service=\"s\""), 1);
	meter_count(meters[0], &requests, S("code=\"404\""), 1);
	meter_count(meters[1], &requests, S("code=\"200\""), 4);
	meter_count(meters[1], &latency, S("service=\"s\""), 3);
	meter_count(meters[1], &latency, S("service=\"s\""), 30);
	const char *want = "# HELP kong_latency_ms Latency\n"
	                   "# TYPE kong_latency_ms histogram\n"
	                   "kong_latency_ms_bucket{service=\"s\",le=\"1\"} 1\n"
	                   "kong_latency_ms_bucket{service=\"s\",le=\"5\"} 2\n"
	                   "kong_latency_ms_bucket{service=\"s\",le=\"+Inf\"} 3\n"
	                   "kong_latency_ms_count{service=\"s\"} 3\n"
	                   "kong_latency_ms_sum{service=\"s\"} 34\n"
	                   "# HELP kong_requests Requests\n"
	                   "# TYPE kong_requests counter\n"
	                   "kong_requests{code=\"200\"} 7\n"
	                   "kong_requests{code=\"404\"} 1\n";
	ck_assert_ptr_nonnull(strstr(render(), want));
}
END_TEST

START_TEST(labels_are_escaped)
{
	struct text labels = {0};
	metric_label(&labels, "service", S("a\"b\\c\nd"));
	metric_label(&labels, "route", S(""));
	ck_assert_str_eq(text_cstr(&labels), "service=\"a\\\"b\\\\c\\nd\",route=\"\"");
	text_fini(&labels);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("metrics");
	TCase *c = tcase_create("metrics");
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, the_node_tells_of_itself);
	tcase_add_test(c, workers_are_added_up_and_families_stand_together);
	tcase_add_test(c, labels_are_escaped);
	suite_add_tcase(s, c);
	SRunner *runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
