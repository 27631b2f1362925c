/* target_health (cp): what is kept of what data planes say, and (common/sync) the words for it (admin-api.md 7.2). */
#include "cp/publish/target_health.h"

#include <check.h>
#include <stdlib.h>

#include "common/sync/target_health.h"
#include "cp/publish/nodes.h"
#include "tests/support/loading.h"
#include "tests/support/records.h"

static struct uuid node, upstream, target;
static Gatehouse__Sync__AddressHealth addresses[2], *address_list[2] = {&addresses[0], &addresses[1]};
static Gatehouse__Sync__TargetHealth one, *target_list[1] = {&one};
static Gatehouse__Sync__UpstreamHealth health, *health_list[1] = {&health};
static Gatehouse__Sync__Poll poll;

static ProtobufCBinaryData bytes_of(struct uuid *id)
{
	return (ProtobufCBinaryData){sizeof id->bytes, id->bytes};
}

static void setup(void)
{
	node = test_uuid(1), upstream = test_uuid(2), target = test_uuid(3);
	for (int i = 0; i < 2; i++) {
		gatehouse__sync__address_health__init(&addresses[i]);
		addresses[i].ip = i ? "10.0.0.2" : "10.0.0.1";
		addresses[i].port = 80;
		addresses[i].weight = 50;
	}
	gatehouse__sync__target_health__init(&one);
	one.id = bytes_of(&target);
	one.dns = "A";
	one.addresses = address_list;
	one.n_addresses = 2;
	gatehouse__sync__upstream_health__init(&health);
	health.id = bytes_of(&upstream);
	health.name = "pool";
	health.checked = true;
	health.targets = target_list;
	health.n_targets = 1;
	gatehouse__sync__poll__init(&poll);
	poll.hostname = "h1";
	poll.health = health_list;
	poll.n_health = 1;
	poll.health_anew = true;
	nodes_report(&(struct node_report){.id = node, .has_config = true, .version = 1}, S("e"), 1);
}

static void teardown(void)
{
	target_health_clear();
	nodes_clear();
}

static json_t *entity(int weight)
{
	return json_pack("{s:s, s:s, s:i}", "id", test_id(3), "target", "pool.test:80", "weight", weight);
}

/* ---- words ----------------------------------------------------------------------------------------------------- */

static void expect_word(const char *word, const Gatehouse__Sync__TargetHealth *t, int weight)
{
	json_t *e = entity(weight);
	ck_assert_str_eq(target_health_word(&health, t, e), word);
	json_decref(e);
}

START_TEST(a_target_is_healthy_if_any_address_is)
{
	expect_word("UNHEALTHY", &one, 100);
	addresses[1].healthy = true;
	expect_word("HEALTHY", &one, 100);
	one.left_out = 3;
	addresses[1].healthy = false;
	expect_word("HEALTHY", &one, 100);
}
END_TEST

START_TEST(without_addresses_or_unknown_it_is_a_dns_error)
{
	expect_word("DNS_ERROR", NULL, 100);
	one.n_addresses = 0;
	expect_word("DNS_ERROR", &one, 100);
}
END_TEST

START_TEST(without_checks_or_weight_checks_are_off)
{
	expect_word("HEALTHCHECKS_OFF", &one, 0);
	expect_word("HEALTHCHECKS_OFF", NULL, 0);
	health.checked = false;
	expect_word("HEALTHCHECKS_OFF", &one, 100);
}
END_TEST

START_TEST(data_names_addresses_and_weights)
{
	json_t *e = entity(50);
	addresses[0].healthy = true;
	json_t *data = target_health_data(&health, &one, e);
	is(data,
	        "{'host':'pool.test','port':80,'dns':'A','nodeWeight':50,'weight':{'total':100,'available':50,'unavailable':50},"
	        "'addresses':[{'ip':'10.0.0.1','port':80,'weight':50,'health':'HEALTHY'},"
	        "{'ip':'10.0.0.2','port':80,'weight':50,'health':'UNHEALTHY'}]}");
	json_decref(data);
	one.n_addresses = 0;
	one.dns = "Domain name not found";
	data = target_health_data(&health, &one, e);
	has(data, "addresses", "[]");
	has(data, "weight", "{'total':0,'available':0,'unavailable':0}");
	has(data, "dns", "'Domain name not found'");
	json_decref(data);
	json_decref(e);
}
END_TEST

START_TEST(the_balancer_as_a_whole)
{
	json_t *all = json_pack("[o]", entity(50));
	json_t *data = target_health_balancer(&health, all);
	has(data, "health", "'UNHEALTHY'");
	has(data, "balancer_health", "'UNHEALTHY'");
	has(data, "details.healthy", "false");
	has(data, "details.weight", "{'total':100,'available':0,'unavailable':100}");
	ck_assert_str_eq(json_string_value(json_object_get(data, "id")), test_id(2));
	json_decref(data);
	health.checked = false;
	health.healthy = true;
	data = target_health_balancer(&health, all);
	has(data, "health", "'HEALTHCHECKS_OFF'");
	has(data, "balancer_health", "'HEALTHY'");
	json_decref(data);
	json_decref(all);
}
END_TEST

/* ---- what is kept ---------------------------------------------------------------------------------------------- */

static size_t known(void)
{
	size_t n;
	struct target_health_row *rows = target_health_of(&upstream, &n);
	target_health_free(rows, n);
	return n;
}

START_TEST(what_a_poll_says_is_kept_by_node)
{
	size_t n;
	target_health_take(&node, &poll);
	struct target_health_row *rows = target_health_of(&upstream, &n);
	ck_assert_uint_eq(n, 1);
	ck_assert(uuid_eq(&rows[0].node, &node));
	ck_assert_str_eq(rows[0].hostname, "h1");
	ck_assert_uint_eq(rows[0].health->targets[0]->n_addresses, 2);
	target_health_free(rows, n);
	json_t *summary = target_health_summary(&node);
	is(summary, "{'upstreams':1,'unhealthy':[{'upstream':'pool','address':'10.0.0.1:80'},"
	            "{'upstream':'pool','address':'10.0.0.2:80'}],'more':0}");
	json_decref(summary);
}
END_TEST

START_TEST(a_node_that_is_not_connected_says_nothing)
{
	struct uuid other = test_uuid(9);
	target_health_take(&other, &poll);
	ck_assert_uint_eq(known(), 0);
}
END_TEST

START_TEST(what_has_gone_is_forgotten)
{
	target_health_take(&node, &poll);
	poll.health_anew = false;
	health.gone = true;
	target_health_take(&node, &poll);
	ck_assert_uint_eq(known(), 0);
}
END_TEST

START_TEST(a_node_that_begins_anew_or_leaves_is_forgotten)
{
	target_health_take(&node, &poll);
	poll.n_health = 0;
	poll.health_anew = false;
	target_health_take(&node, &poll);
	ck_assert_uint_eq(known(), 1); /* nothing new */
	poll.health_anew = true;
	target_health_take(&node, &poll);
	ck_assert_uint_eq(known(), 0);
	poll.n_health = 1;
	target_health_take(&node, &poll);
	poll.leaving = true;
	target_health_take(&node, &poll);
	ck_assert_uint_eq(known(), 0);
}
END_TEST

START_TEST(what_is_no_text_is_not_kept)
{
	addresses[1].ip = "\xff\xfe";
	target_health_take(&node, &poll);
	ck_assert_uint_eq(known(), 0);
	addresses[1].ip = "10.0.0.2";
	health.id.len = 5;
	target_health_take(&node, &poll);
	ck_assert_uint_eq(known(), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("target health");
	TCase *t = tcase_create("all");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_target_is_healthy_if_any_address_is);
	tcase_add_test(t, without_addresses_or_unknown_it_is_a_dns_error);
	tcase_add_test(t, without_checks_or_weight_checks_are_off);
	tcase_add_test(t, data_names_addresses_and_weights);
	tcase_add_test(t, the_balancer_as_a_whole);
	tcase_add_test(t, what_a_poll_says_is_kept_by_node);
	tcase_add_test(t, a_node_that_is_not_connected_says_nothing);
	tcase_add_test(t, what_has_gone_is_forgotten);
	tcase_add_test(t, a_node_that_begins_anew_or_leaves_is_forgotten);
	tcase_add_test(t, what_is_no_text_is_not_kept);
	suite_add_tcase(s, t);
	return run_suite(s);
}
