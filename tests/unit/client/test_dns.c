/* dns: lookups against a small server in the test's own loop (proxy.md 5.10). */
#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/core/log.h"
#include "common/net/conn.h"
#include "dp/client/dns.h"
#include "dp/client/dns_message.h"
#include "tests/support/dns_server.h"
#include "tests/support/loading.h"
#include "tests/support/turns.h"

/* ---- asking ---------------------------------------------------------------------------------------------------- */

static struct loop *loop;
static struct dns *dns;
static struct dns_server server;

struct asked {
	int calls;
	enum dns_status status;
	char address[INET6_ADDRSTRLEN + 8];
	char text[128];
};

static void on_answer(void *arg, enum dns_status status, const struct dns_answer *answered, const char *text)
{
	struct asked *a = arg;
	a->calls++;
	a->status = status;
	if (status != DNS_FOUND) {
		snprintf(a->text, sizeof a->text, "%s", text);
		return;
	}
	const struct dns_address *one = &answered->addresses[answered->turn % answered->count];
	char ip[INET6_ADDRSTRLEN];
	int port;
	conn_address_text((const struct sockaddr *)&one->address, ip, sizeof ip, &port);
	snprintf(a->address, sizeof a->address, "%s:%d", ip, port);
}

static bool was_called(void *arg)
{
	return ((struct asked *)arg)->calls > 0;
}

static struct asked ask(const char *name, int port)
{
	struct asked a = {0};
	struct dns_query *q = dns_lookup(dns, slice_cstr(name), port, on_answer, &a);
	if (a.calls)
		ck_assert_ptr_null(q);
	ck_assert_msg(turns_until(loop, 8000, was_called, &a), "no answer for %s", name);
	ck_assert_int_eq(a.calls, 1);
	return a;
}

/* As the settings' defaults are, but for the order: most tests want one query. */
static struct dns_options options_of(const char *order)
{
	return (struct dns_options){.resolvers = slice_cstr(server.address),
	        .order = slice_cstr(order),
	        .stale_ttl_ms = 3600 * 1000,
	        .not_found_ms = 30 * 1000,
	        .error_ms = 1000};
}

static void use(struct dns_options options)
{
	struct err e;
	if (dns)
		dns_free(dns);
	dns = dns_new(loop, &options, &e);
	ck_assert_msg(dns != NULL, "%s", e.message);
}

static void order(const char *types)
{
	use(options_of(types));
}

/* Answers and errors live for 40 ms. */
static void brief(const char *types)
{
	struct dns_options o = options_of(types);
	o.valid_ttl_ms = o.error_ms = 40;
	use(o);
}

static void setup(void)
{
	loop = turns_loop();
	dns_server_open(&server, loop);
	dns = NULL;
	order("A");
}

static void teardown(void)
{
	dns_free(dns);
	dns_server_close(&server);
	loop_free(loop);
}

START_TEST(a_name_becomes_its_address_and_is_remembered)
{
	ck_assert_str_eq(ask("a.test", 81).address, "10.0.0.1:81");
	ck_assert_str_eq(ask("a.test", 82).address, "10.0.0.1:82");
	ck_assert_int_eq(server.queries, 1); /* A only: dns_order */
}
END_TEST

START_TEST(several_addresses_take_turns_from_the_first)
{
	server.a = 3;
	ck_assert_str_eq(ask("a.test", 1).address, "10.0.0.1:1");
	ck_assert_str_eq(ask("a.test", 1).address, "10.0.0.2:1");
	ck_assert_str_eq(ask("a.test", 1).address, "10.0.0.3:1");
	ck_assert_str_eq(ask("a.test", 1).address, "10.0.0.1:1");
}
END_TEST

START_TEST(names_of_the_hosts_file_need_no_server)
{
	struct asked a = {0};
	ck_assert_ptr_null(dns_lookup(dns, S("localhost"), 80, on_answer, &a));
	ck_assert_int_eq(a.calls, 1);
	ck_assert_str_eq(a.address, "127.0.0.1:80");
	ck_assert_int_eq(server.queries, 0);
}
END_TEST

START_TEST(queries_for_one_name_are_merged)
{
	struct asked a = {0}, b = {0};
	dns_lookup(dns, S("a.test"), 1, on_answer, &a);
	dns_lookup(dns, S("a.test"), 2, on_answer, &b);
	ck_assert(turns_until(loop, 2000, was_called, &a) && turns_until(loop, 2000, was_called, &b));
	ck_assert_str_eq(a.address, "10.0.0.1:1");
	ck_assert_str_eq(b.address, "10.0.0.1:2");
	ck_assert_int_eq(server.queries, 1);
}
END_TEST

START_TEST(a_name_that_is_not_there_is_remembered_as_such)
{
	server.rcode = RCODE_NXDOMAIN;
	ck_assert_int_eq(ask("nx.test.", 1).status, DNS_NO_SUCH_NAME);
	int before = server.queries;
	server.rcode = RCODE_OK;
	ck_assert_int_eq(ask("nx.test.", 1).status, DNS_NO_SUCH_NAME);
	ck_assert_int_eq(server.queries, before);
}
END_TEST

START_TEST(an_empty_answer_is_no_such_name)
{
	server.a = 0;
	ck_assert_int_eq(ask("empty.test.", 1).status, DNS_NO_SUCH_NAME);
}
END_TEST

START_TEST(an_error_is_remembered_for_its_time)
{
	struct dns_options o = options_of("A");
	o.error_ms = 100;
	use(o);
	server.rcode = RCODE_SERVFAIL;
	struct asked a = ask("a.test.", 1);
	ck_assert_int_eq(a.status, DNS_FAILED);
	ck_assert_uint_gt(strlen(a.text), 0);
	int before = server.queries;
	ck_assert_int_eq(ask("a.test.", 1).status, DNS_FAILED);
	ck_assert_int_eq(server.queries, before);
	turns_for(loop, 120);
	server.rcode = RCODE_OK;
	ck_assert_str_eq(ask("a.test.", 1).address, "10.0.0.1:1");
}
END_TEST

START_TEST(a_stale_answer_serves_while_it_is_renewed)
{
	brief("A");
	ask("a.test.", 1);
	turns_for(loop, 60);
	server.rcode = RCODE_SERVFAIL; /* and it survives an outage */
	int before = server.queries;
	struct asked a = {0};
	ck_assert_ptr_null(dns_lookup(dns, S("a.test."), 1, on_answer, &a));
	ck_assert_str_eq(a.address, "10.0.0.1:1");
	turns_for(loop, 50);
	ck_assert_int_gt(server.queries, before);
	ck_assert_str_eq(ask("a.test.", 1).address, "10.0.0.1:1");
}
END_TEST

START_TEST(a_name_that_has_gone_does_not_survive)
{
	brief("A");
	ask("a.test.", 1);
	turns_for(loop, 60);
	server.rcode = RCODE_NXDOMAIN;
	ask("a.test.", 1);
	turns_for(loop, 50);
	ck_assert_int_eq(ask("a.test.", 1).status, DNS_NO_SUCH_NAME);
}
END_TEST

START_TEST(a_cancelled_asker_hears_nothing)
{
	struct asked a = {0}, b = {0};
	struct dns_query *q = dns_lookup(dns, S("a.test"), 1, on_answer, &a);
	dns_lookup(dns, S("a.test"), 2, on_answer, &b);
	dns_cancel(q);
	ck_assert(turns_until(loop, 2000, was_called, &b));
	ck_assert_int_eq(a.calls, 0);
}
END_TEST

START_TEST(a_silent_server_fails_the_lookup_or_its_end_cancels_it)
{
	struct asked a = {0};
	server.rcode = SILENT;
	ck_assert_ptr_nonnull(dns_lookup(dns, S("a.test."), 1, on_answer, &a));
	turns_for(loop, 30);
	ck_assert_int_eq(a.calls, 0); /* teardown frees it, without a call */
}
END_TEST

/* pitfalls.md A4-6; without it the first server's silence takes two seconds, each time. */
START_TEST(a_dead_server_is_passed_by)
{
	struct dns_server other;
	char both[80];

	server.rcode = SILENT;
	dns_server_open(&other, loop);
	snprintf(both, sizeof both, "%s,%s", server.address, other.address);
	struct dns_options o = options_of("A");
	o.resolvers = slice_cstr(both);
	use(o);
	ck_assert_str_eq(ask("a.test", 1).address, "10.0.0.1:1");
	ck_assert_int_eq(server.queries, 1);
	ck_assert_str_eq(ask("b.test", 1).address, "10.0.0.1:1");
	ck_assert_str_eq(ask("c.test", 1).address, "10.0.0.1:1");
	ck_assert_int_eq(server.queries, 1); /* the other one stands first now */
	ck_assert_int_eq(other.queries, 3);
	other.rcode = RCODE_NXDOMAIN;
	ck_assert_int_eq(ask("d.test", 1).status, DNS_NO_SUCH_NAME);
	server.rcode = RCODE_OK;
	other.rcode = SILENT;
	ck_assert_str_eq(ask("e.test", 1).address, "10.0.0.1:1");
	dns_free(dns);
	dns = NULL;
	dns_server_close(&other);
	order("A");
}
END_TEST

START_TEST(a_resolver_that_is_no_address_is_refused)
{
	struct err e;
	struct dns_options options = {.resolvers = S("nonsense:x")};
	ck_assert_ptr_null(dns_new(loop, &options, &e));
	ck_assert_ptr_nonnull(strstr(e.message, "nonsense:x"));
	options = (struct dns_options){.order = S("LAST,MX")};
	ck_assert_ptr_null(dns_new(loop, &options, &e));
	ck_assert_str_eq(e.message, "dns_order has 'MX', expected a list of LAST, SRV, A, AAAA and CNAME");
}
END_TEST

/* ---- the order of types (dns_order) ---------------------------------------------------------------------------- */

enum { A = 1, CNAME = 5, AAAA = 28, SRV = 33 };

START_TEST(types_are_tried_in_turn_the_last_one_found_first)
{
	brief("LAST,SRV,A,CNAME");
	ck_assert_str_eq(ask("a.test.", 80).address, "10.0.0.1:80");
	ck_assert_int_eq(server.queries_of[SRV], 1);
	ck_assert_int_eq(server.queries_of[A], 1);
	turns_for(loop, 60);
	ask("a.test.", 80);
	turns_for(loop, 30);
	ck_assert_int_eq(server.queries_of[SRV], 1);
	ck_assert_int_eq(server.queries_of[A], 2);
}
END_TEST

START_TEST(aaaa_only_when_listed)
{
	server.a = 0;
	server.aaaa = 1;
	ck_assert_int_eq(ask("a.test.", 80).status, DNS_NO_SUCH_NAME);
	order("A,AAAA");
	ck_assert_str_eq(ask("a.test.", 80).address, "fd00::1:80");
}
END_TEST

START_TEST(an_error_is_not_fallen_through)
{
	order("SRV,A");
	server.servfail_type = SRV;
	ck_assert_int_eq(ask("a.test.", 80).status, DNS_FAILED);
	ck_assert_int_eq(server.queries_of[A], 0);
}
END_TEST

START_TEST(no_such_record_is)
{
	order("SRV,A");
	server.nxdomain_type = SRV;
	ck_assert_str_eq(ask("a.test.", 80).address, "10.0.0.1:80");
}
END_TEST

START_TEST(an_alias_is_followed_and_a_circle_is_told)
{
	order("A,CNAME");
	server.nxdomain_type = A;
	server.cname = "b.test";
	struct asked a = ask("a.test.", 80);
	ck_assert_int_eq(a.status, DNS_FAILED);
	ck_assert_str_eq(a.text, "recursion detected");
	ck_assert_str_eq(server.last_name, "b.test");
}
END_TEST

/* ---- services -------------------------------------------------------------------------------------------------- */

static void offer(int priority, int weight, int port, const char *host)
{
	server.srv[server.srv_count++] = (struct dns_server_srv){priority, weight, port, host};
}

START_TEST(a_service_gives_port_and_host)
{
	order("SRV,A");
	offer(1, 0, 9001, "h.test");
	ck_assert_str_eq(ask("srv.test.", 80).address, "10.0.0.1:9001");
	ck_assert_str_eq(server.last_name, "h.test");
	server.srv[0].port = 0;
	ck_assert_str_eq(ask("other.test.", 80).address, "10.0.0.1:80");
}
END_TEST

START_TEST(services_take_turns_by_weight_within_the_lowest_priority)
{
	char got[7] = "";
	order("SRV,A");
	offer(2, 100, 9003, "h.test");
	offer(1, 2, 9001, "h.test");
	offer(1, 1, 9002, "h.test");
	for (int i = 0; i < 6; i++)
		got[i] = ask("srv.test.", 80).address[12];
	ck_assert_str_eq(got, "112112");
}
END_TEST

START_TEST(a_service_that_names_itself_is_none)
{
	order("SRV,A");
	offer(1, 1, 9001, "srv.test");
	ck_assert_str_eq(ask("srv.test.", 80).address, "10.0.0.1:80");
}
END_TEST

START_TEST(a_service_whose_host_is_not_there_is_not_found)
{
	order("SRV,A");
	offer(1, 1, 9001, "h.test");
	server.nxdomain_type = A;
	ck_assert_int_eq(ask("srv.test.", 80).status, DNS_NO_SUCH_NAME);
}
END_TEST

/* ---- times ----------------------------------------------------------------------------------------------------- */

START_TEST(valid_ttl_overrides)
{
	struct dns_options o = options_of("A");
	o.valid_ttl_ms = 60 * 1000;
	o.stale_ttl_ms = 0;
	use(o);
	server.ttl = 1;
	ask("a.test.", 1);
	turns_for(loop, 1050);
	ask("a.test.", 1);
	ck_assert_int_eq(server.queries, 1);
}
END_TEST

START_TEST(a_stale_answer_has_its_time)
{
	struct dns_options o = options_of("A");
	o.stale_ttl_ms = 0;
	o.valid_ttl_ms = 40;
	use(o);
	ask("a.test.", 1);
	turns_for(loop, 60);
	server.rcode = RCODE_SERVFAIL;
	ck_assert_int_eq(ask("a.test.", 1).status, DNS_FAILED);
}
END_TEST

START_TEST(not_found_is_remembered_as_long_as_settings_say)
{
	struct dns_options o = options_of("A");
	o.not_found_ms = 50;
	use(o);
	server.rcode = RCODE_NXDOMAIN;
	ask("nx.test.", 1);
	turns_for(loop, 60);
	server.rcode = RCODE_OK;
	ck_assert_int_eq(ask("nx.test.", 1).status, DNS_FOUND);
}
END_TEST

START_TEST(without_merging_everybody_asks)
{
	struct dns_options o = options_of("A");
	struct asked a = {0}, b = {0};
	o.no_merge = true;
	use(o);
	dns_lookup(dns, S("a.test."), 1, on_answer, &a);
	dns_lookup(dns, S("a.test."), 2, on_answer, &b);
	ck_assert(turns_until(loop, 2000, was_called, &a) && turns_until(loop, 2000, was_called, &b));
	ck_assert_int_eq(server.queries, 2);
}
END_TEST

START_TEST(a_full_cache_makes_room)
{
	struct dns_options o = options_of("A");
	char name[32];
	o.cache_size = 10;
	use(o);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof name, "n%d.test.", i);
		ck_assert_int_eq(ask(name, 1).status, DNS_FOUND);
	}
	ck_assert_int_eq(server.queries, 100);
}
END_TEST

/* ---- sets ------------------------------------------------------------------------------------------------------ */

static struct {
	int calls;
	enum dns_status status;
	size_t count;
	bool is_stale;
	uint32_t ttl_ms;
} set;

static void on_set(void *arg, enum dns_status status, const struct dns_set *s, const char *text)
{
	set.calls++;
	set.status = status;
	set.count = s ? s->count : 0;
	set.is_stale = s && s->is_stale;
	set.ttl_ms = s ? s->ttl_ms : 0;
}

static bool has_set(void *arg)
{
	return set.calls > 0;
}

static void ask_set(const char *name, unsigned want)
{
	set.calls = 0;
	dns_ask(dns, slice_cstr(name), want, on_set, NULL);
	ck_assert(turns_until(loop, 8000, has_set, NULL));
}

START_TEST(who_wants_it_fresh_waits_and_hears_that_it_is_stale)
{
	server.a = 3;
	brief("A");
	ask_set("a.test.", DNS_FRESH);
	ck_assert(set.count == 3 && !set.is_stale && set.ttl_ms <= 40);
	turns_for(loop, 60);
	server.a = 2;
	ask_set("a.test.", DNS_FRESH);
	ck_assert_uint_eq(set.count, 2);
	turns_for(loop, 60);
	server.rcode = RCODE_SERVFAIL;
	ask_set("a.test.", DNS_FRESH);
	ck_assert(set.count == 2 && set.is_stale);
	server.rcode = RCODE_NXDOMAIN;
	turns_for(loop, 60); /* the error's time */
	ask_set("a.test.", DNS_FRESH);
	ck_assert_int_eq(set.status, DNS_NO_SUCH_NAME);
}
END_TEST

START_TEST(hosts_have_no_services)
{
	order("SRV,A");
	offer(1, 1, 9001, "h.test");
	ask_set("h.test.", DNS_HOST);
	ck_assert_uint_eq(set.count, 1);
	ck_assert_int_eq(server.queries_of[SRV], 0);
}
END_TEST

/* ---- the hosts file -------------------------------------------------------------------------------------------- */

static void use_hosts(const char *text, const char *types)
{
	struct dns_options o = options_of(types);
	char path[] = "/tmp/gatehouse-hosts-XXXXXX";
	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	o.hosts_file = slice_cstr(path);
	use(o);
	unlink(path);
}

START_TEST(of_each_name_the_first_address_of_a_family)
{
	static const char hosts[] = "# nothing\n10.9.0.1\tone.test  ONE # 10.9.0.9 no\n10.9.0.2 one.test\n"
	                            "fd00::9 one.test six.test\nnonsense bad.test\n10.9.0.3";
	use_hosts(hosts, "SRV,A,AAAA");
	ck_assert_str_eq(ask("One.Test", 80).address, "10.9.0.1:80");
	ck_assert_str_eq(ask("one", 80).address, "10.9.0.1:80");
	ck_assert_str_eq(ask("one.test.", 80).address, "10.9.0.1:80");
	ck_assert_str_eq(ask("six.test", 80).address, "fd00::9:80");
	ck_assert_int_eq(server.queries, 0);
	use_hosts(hosts, "AAAA,A");
	ck_assert_str_eq(ask("one.test", 80).address, "fd00::9:80");
	use_hosts(hosts, "A");
	ck_assert_str_eq(ask("six.test.", 80).address, "10.0.0.1:80"); /* not wanted: the servers are asked */
}
END_TEST

START_TEST(a_hosts_file_that_is_not_there_is_empty)
{
	struct dns_options o = options_of("A");
	o.hosts_file = S("/nowhere/hosts");
	log_set_level(LOG_ERROR);
	use(o);
	ck_assert_str_eq(ask("localhost", 80).address, "127.0.0.1:80");
	ck_assert_str_eq(ask("a.test.", 80).address, "10.0.0.1:80");
}
END_TEST

/* ---- messages -------------------------------------------------------------------------------------------------- */

/* Question a.test SRV, and one answer. */
#define HEAD "\1\2\x81\x80\0\1\0\1\0\0\0\0\1a\4test\0\0\x21\0\1"

static bool reads(const char *bytes, size_t len, enum dns_type type, struct dns_message *m)
{
	char *exact = malloc(len); /* so that ASan sees a step beyond */
	memcpy(exact, bytes, len);
	bool ok = dns_message_read((unsigned char *)exact, len, type, m);
	free(exact);
	return ok;
}

START_TEST(a_message_may_point_backwards_only)
{
	static const char good[] = HEAD "\xc0\x0c\0\x21\0\1\0\0\0\7\0\x0a\0\1\0\2\0\x50\1h\xc0\x0e";
	static const char forward[] = HEAD "\xc0\x0c\0\x21\0\1\0\0\0\7\0\x0a\0\1\0\2\0\x50\1h\xc0\x2e";
	static const char beyond[] = HEAD "\xc0\x0c\0\x21\0\1\0\0\0\7\0\x0a\0\1\0\2\0\x50\1h\xff\xff";
	struct dns_message m;
	ck_assert(reads(good, sizeof good - 1, DNS_TYPE_SRV, &m));
	ck_assert(m.count == 1 && m.ttl_s == 7);
	ck_assert(m.records[0].priority == 1 && m.records[0].weight == 2 && m.records[0].port == 80);
	ck_assert_str_eq(m.records[0].name, "h.test");
	dns_records_free(m.records, m.count);
	ck_assert(reads(forward, sizeof forward - 1, DNS_TYPE_SRV, &m) && m.count == 0);
	dns_records_free(m.records, m.count);
	ck_assert(reads(beyond, sizeof beyond - 1, DNS_TYPE_SRV, &m) && m.count == 0);
	dns_records_free(m.records, m.count);
	for (size_t n = 0; n < sizeof good - 1; n++)
		ck_assert(!reads(good, n, DNS_TYPE_SRV, &m));
}
END_TEST

START_TEST(names_hold_no_tricks)
{
	static const char dot[] = HEAD "\xc0\x0c\0\x21\0\1\0\0\0\7\0\x0d\0\1\0\2\0\x50\3h.x\0\0\0";
	static const char none[] = HEAD "\xc0\x0c\0\x21\0\1\0\0\0\7\0\7\0\1\0\2\0\x50\0";
	struct dns_message m;
	ck_assert(reads(dot, sizeof dot - 1, DNS_TYPE_SRV, &m) && m.count == 0);
	dns_records_free(m.records, m.count);
	ck_assert(reads(none, sizeof none - 1, DNS_TYPE_SRV, &m) && m.count == 0); /* RFC 2782: not available */
	dns_records_free(m.records, m.count);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("dns");
	TCase *t = tcase_create("all");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 30);
	tcase_add_test(t, a_name_becomes_its_address_and_is_remembered);
	tcase_add_test(t, several_addresses_take_turns_from_the_first);
	tcase_add_test(t, names_of_the_hosts_file_need_no_server);
	tcase_add_test(t, queries_for_one_name_are_merged);
	tcase_add_test(t, a_name_that_is_not_there_is_remembered_as_such);
	tcase_add_test(t, an_empty_answer_is_no_such_name);
	tcase_add_test(t, an_error_is_remembered_for_its_time);
	tcase_add_test(t, a_stale_answer_serves_while_it_is_renewed);
	tcase_add_test(t, a_name_that_has_gone_does_not_survive);
	tcase_add_test(t, a_cancelled_asker_hears_nothing);
	tcase_add_test(t, a_silent_server_fails_the_lookup_or_its_end_cancels_it);
	tcase_add_test(t, a_dead_server_is_passed_by);
	tcase_add_test(t, a_resolver_that_is_no_address_is_refused);
	tcase_add_test(t, types_are_tried_in_turn_the_last_one_found_first);
	tcase_add_test(t, aaaa_only_when_listed);
	tcase_add_test(t, an_error_is_not_fallen_through);
	tcase_add_test(t, no_such_record_is);
	tcase_add_test(t, an_alias_is_followed_and_a_circle_is_told);
	tcase_add_test(t, a_service_gives_port_and_host);
	tcase_add_test(t, services_take_turns_by_weight_within_the_lowest_priority);
	tcase_add_test(t, a_service_that_names_itself_is_none);
	tcase_add_test(t, a_service_whose_host_is_not_there_is_not_found);
	tcase_add_test(t, valid_ttl_overrides);
	tcase_add_test(t, a_stale_answer_has_its_time);
	tcase_add_test(t, not_found_is_remembered_as_long_as_settings_say);
	tcase_add_test(t, without_merging_everybody_asks);
	tcase_add_test(t, a_full_cache_makes_room);
	tcase_add_test(t, who_wants_it_fresh_waits_and_hears_that_it_is_stale);
	tcase_add_test(t, hosts_have_no_services);
	tcase_add_test(t, of_each_name_the_first_address_of_a_family);
	tcase_add_test(t, a_hosts_file_that_is_not_there_is_empty);
	tcase_add_test(t, a_message_may_point_backwards_only);
	tcase_add_test(t, names_hold_no_tricks);
	suite_add_tcase(s, t);
	return run_suite(s);
}
