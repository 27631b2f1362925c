/* names: targets that are names (proxy.md 5.3), looked up at a small name server in the test's own loop. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/core/log.h"
#include "dp/upstream/balancer_private.h"
#include "dp/upstream/report.h"
#include "tests/support/balancing.h"
#include "tests/support/dns_server.h"
#include "tests/support/loading.h"
#include "tests/support/turns.h"

#define CHECKS "'healthchecks':{'passive':{'unhealthy':{'tcp_failures':1}}},"

static struct balancing b;
static struct dns_server server;
static struct dns *dns;

static void setup(void)
{
	struct err e;
	struct loop *loop = turns_loop();
	log_set_level(LOG_ERROR);
	dns_server_open(&server, loop);
	dns = dns_new(loop,
	        &(struct dns_options){.resolvers = slice_cstr(server.address),
	                .order = S("SRV,A"),
	                .valid_ttl_ms = 500,
	                .stale_ttl_ms = 3600 * 1000,
	                .not_found_ms = 50,
	                .error_ms = 50},
	        &e);
	ck_assert_ptr_nonnull(dns);
	balancing_begin(&b, &(struct balancers_options){.loop = loop, .dns = dns});
}

static void teardown(void)
{
	balancers_stop(b.all);
	dns_free(dns);
	dns_server_close(&server);
	snapshot_free(b.snapshot);
	balancers_free(b.all);
	loop_free(b.loop);
}

static bool is_resolved(void *arg)
{
	return !balancers_are_resolving(b.all);
}

static void resolve(void)
{
	ck_assert(turns_until(b.loop, 3000, is_resolved, NULL));
}

static bool has_asked(void *arg)
{
	return server.queries >= (int)(intptr_t)arg;
}

/* Until the name has been looked up again, and what came of it is shown. */
static void renew(void)
{
	ck_assert(turns_until(b.loop, 4000, has_asked, (void *)(intptr_t)(server.queries + 2)));
	turns_for(b.loop, 20);
}

static const struct view *view(void)
{
	return atomic_load(&balancing_pool(&b)->balancer->view);
}

static const char *addresses(void)
{
	static char out[512];
	const struct view *v = view();
	size_t len = 0;
	out[0] = '\0';
	for (uint32_t i = 0; i < v->count; i++)
		len += (size_t)snprintf(out + len, sizeof out - len, "%s%.*s:%d=%d", i ? " " : "",
		        SLICE_ARG(v->entries[i].peer->text), v->entries[i].peer->port, (int)v->entries[i].weight);
	return out;
}

static void offer(int priority, int weight, int port, const char *host)
{
	server.srv[server.srv_count++] = (struct dns_server_srv){priority, weight, port, host};
	server.srv_owner = "srv.test";
}

START_TEST(until_a_name_is_known_the_asker_waits)
{
	balancing_set(&b, "", "a.test:80=10");
	ck_assert_int_eq(balancing_pick(&b), -1);
	resolve();
	ck_assert_int_eq(balancing_pick(&b), 80);
}
END_TEST

START_TEST(who_can_be_reached_is_not_waited_for)
{
	server.rcode = SILENT;
	balancing_set(&b, "", "a.test:80=10 10.0.0.9:81=1");
	ck_assert_int_eq(balancing_pick(&b), 81);
}
END_TEST

START_TEST(each_record_has_the_full_weight_of_the_target)
{
	server.a = 3;
	balancing_set(&b, "", "a.test:80=10");
	resolve();
	ck_assert_str_eq(addresses(), "10.0.0.1:80=10 10.0.0.2:80=10 10.0.0.3:80=10");
	ck_assert_uint_eq(view()->total, 30);
}
END_TEST

START_TEST(example_112_of_services_the_lowest_priority)
{
	offer(1, 10, 1001, "h1.test");
	offer(2, 10, 1002, "h2.test");
	balancing_set(&b, "", "srv.test:80=100");
	resolve();
	ck_assert_str_eq(addresses(), "h1.test:1001=10");
	ck_assert_int_eq(balancing_pick(&b), 1001);
}
END_TEST

START_TEST(a_service_without_weight_counts_one_and_without_port_has_the_targets)
{
	offer(1, 0, 0, "h1.test");
	offer(1, 7, 1002, "h2.test");
	balancing_set(&b, "", "srv.test:80=100");
	resolve();
	ck_assert_str_eq(addresses(), "h1.test:80=1 h2.test:1002=7");
}
END_TEST

START_TEST(a_service_host_with_several_addresses_is_one_address_with_turns)
{
	server.a = 2;
	offer(1, 1, 1001, "h1.test");
	balancing_set(&b, "", "srv.test:80=100");
	resolve();
	const struct entry *e = &view()->entries[0];
	ck_assert_uint_eq(e->endpoints_count, 2);
	struct balancer_pick one = balancing_take(&b), two = balancing_take(&b);
	ck_assert(one.to->address.v4.sin_addr.s_addr != two.to->address.v4.sin_addr.s_addr);
	ck_assert_int_eq(balancing_port(&one), 1001);
	peer_release(one.peer);
	peer_release(two.peer);
}
END_TEST

START_TEST(host_headers_of_services)
{
	offer(1, 1, 1001, "h1.test");
	balancing_set(&b, "", "srv.test:80=100");
	resolve();
	ck_assert(slice_eq(view()->entries[0].host_header[0], S("srv.test:1001")));
	balancing_set(&b, "'use_srv_name':true,", "srv.test:80=100");
	ck_assert(slice_eq(view()->entries[0].host_header[0], S("h1.test:1001")));
	balancing_set(&b, "'use_srv_name':true,'host_header':'other.test',", "srv.test:80=100");
	ck_assert(slice_eq(view()->entries[0].host_header[0], S("other.test:1001")));
}
END_TEST

START_TEST(a_target_without_weight_gets_nothing_whatever_its_records_weigh)
{
	offer(1, 50, 1001, "h1.test");
	balancing_set(&b, "", "srv.test:80=0");
	resolve();
	ck_assert_str_eq(addresses(), "h1.test:1001=0");
	ck_assert_int_eq(balancing_pick(&b), 0);
}
END_TEST

START_TEST(what_changes_changes_only_itself)
{
	server.a = 2;
	balancing_set(&b, CHECKS, "a.test:80=1");
	resolve();
	peer_report_failure(view()->entries[0].peer, false);
	server.a = 3;
	renew();
	ck_assert_str_eq(addresses(), "10.0.0.1:80=1 10.0.0.2:80=1 10.0.0.3:80=1");
	ck_assert(!is_health_good(&view()->entries[0].peer->health));
	ck_assert(is_health_good(&view()->entries[2].peer->health));
}
END_TEST

START_TEST(what_is_unchanged_changes_nothing)
{
	balancing_set(&b, CHECKS, "a.test:80=1");
	resolve();
	const struct view *before = view();
	renew();
	ck_assert_ptr_eq(view(), before); /* pitfalls.md A3-9a */
}
END_TEST

START_TEST(example_113_an_outage_leaves_the_addresses)
{
	balancing_set(&b, "", "a.test:80=1");
	resolve();
	server.rcode = RCODE_SERVFAIL;
	ck_assert(turns_until(b.loop, 4000, has_asked, (void *)(intptr_t)(server.queries + 1)));
	turns_for(b.loop, 50);
	ck_assert_int_eq(balancing_pick(&b), 80);
}
END_TEST

static const char *dns_words(void)
{
	static char out[256];
	struct arena a;
	arena_init(&a);
	snprintf(out, sizeof out, "%s", balancers_describe(b.all, S("pool"), &a)->targets[0]->dns);
	arena_fini(&a);
	return out;
}

START_TEST(a_name_that_is_not_there_has_no_addresses_and_says_why)
{
	server.rcode = RCODE_NXDOMAIN;
	balancing_set(&b, "", "nx.test:80=1");
	ck_assert_str_eq(dns_words(), "not resolved yet");
	resolve();
	ck_assert_int_eq(balancing_pick(&b), 0);
	ck_assert_str_eq(dns_words(), "Domain name not found");
	server.rcode = RCODE_OK;
}
END_TEST

START_TEST(words_for_what_was_found)
{
	offer(1, 1, 1001, "h1.test");
	balancing_set(&b, "", "srv.test:80=1");
	resolve();
	ck_assert_str_eq(dns_words(), "SRV");
	balancing_set(&b, "", "a.test:80=1");
	resolve();
	ck_assert_str_eq(dns_words(), "A");
}
END_TEST

START_TEST(literal_addresses_never_enter_the_resolver)
{
	balancing_set(&b, "", "10.0.0.5:80=1 [fd00::5]:80=1");
	ck_assert(is_resolved(NULL));
	ck_assert_int_eq(server.queries, 0);
}
END_TEST

START_TEST(a_name_that_goes_is_not_asked_for_any_more)
{
	balancing_set(&b, "", "a.test:80=1 b.test:80=1");
	resolve();
	balancing_set(&b, "", "10.0.0.5:80=1");
	int before = server.queries;
	turns_for(b.loop, 1200);
	ck_assert_int_eq(server.queries, before);
}
END_TEST

START_TEST(an_upstream_may_go_while_its_names_are_looked_up)
{
	server.rcode = SILENT;
	balancing_set(&b, "", "a.test:80=1");
	balancing_set(&b, NULL, NULL);
	turns_for(b.loop, 10);
	ck_assert(is_resolved(NULL));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("names");
	TCase *t = tcase_create("all");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 20);
	tcase_add_test(t, until_a_name_is_known_the_asker_waits);
	tcase_add_test(t, who_can_be_reached_is_not_waited_for);
	tcase_add_test(t, each_record_has_the_full_weight_of_the_target);
	tcase_add_test(t, example_112_of_services_the_lowest_priority);
	tcase_add_test(t, a_service_without_weight_counts_one_and_without_port_has_the_targets);
	tcase_add_test(t, a_service_host_with_several_addresses_is_one_address_with_turns);
	tcase_add_test(t, host_headers_of_services);
	tcase_add_test(t, a_target_without_weight_gets_nothing_whatever_its_records_weigh);
	tcase_add_test(t, what_changes_changes_only_itself);
	tcase_add_test(t, what_is_unchanged_changes_nothing);
	tcase_add_test(t, example_113_an_outage_leaves_the_addresses);
	tcase_add_test(t, a_name_that_is_not_there_has_no_addresses_and_says_why);
	tcase_add_test(t, words_for_what_was_found);
	tcase_add_test(t, literal_addresses_never_enter_the_resolver);
	tcase_add_test(t, a_name_that_goes_is_not_asked_for_any_more);
	tcase_add_test(t, an_upstream_may_go_while_its_names_are_looked_up);
	suite_add_tcase(s, t);
	return run_suite(s);
}
