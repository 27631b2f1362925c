/* dns: lookups against a small server in the test's own loop (proxy.md 5.10). */
#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "dp/client/dns.h"
#include "tests/support/loading.h"
#include "tests/support/turns.h"

/* ---- a server ------------------------------------------------------------------------------------------------- */

enum { RCODE_OK = 0, RCODE_SERVFAIL = 2, RCODE_NXDOMAIN = 3, SILENT = 99 };

static struct {
	int fd, rcode, addresses, ttl; /* what it answers: 10.0.0.1, 10.0.0.2, ... */
	int queries;
	struct event *event;
} server;

static size_t put16(unsigned char *out, size_t at, unsigned n)
{
	out[at] = (unsigned char)(n >> 8);
	out[at + 1] = (unsigned char)n;
	return at + 2;
}

/* Turns a query into its answer, in place. */
static size_t answer(unsigned char *m, size_t len)
{
	size_t end = 12;
	while (end < len && m[end])
		end += m[end] + 1u;
	end += 5; /* the root, type and class */
	int count = server.rcode == RCODE_OK ? server.addresses : 0;
	put16(m, 2, 0x8180u | (unsigned)server.rcode);
	put16(m, 6, (unsigned)count);
	put16(m, 8, 0);
	put16(m, 10, 0);
	for (int i = 0; i < count; i++) {
		end = put16(m, end, 0xc00c);
		end = put16(m, end, 1);
		end = put16(m, end, 1);
		end = put16(m, end, 0);
		end = put16(m, end, (unsigned)server.ttl);
		end = put16(m, end, 4);
		end = put16(m, end, 10 << 8);
		end = put16(m, end, (unsigned)i + 1);
	}
	return end;
}

static void on_query(evutil_socket_t fd, short what, void *arg)
{
	unsigned char m[1024];
	struct sockaddr_in from;
	socklen_t from_len = sizeof from;
	ssize_t n = recvfrom(fd, m, 512, 0, (struct sockaddr *)&from, &from_len);
	if (n < 17)
		return;
	server.queries++;
	if (server.rcode != SILENT)
		sendto(fd, m, answer(m, (size_t)n), 0, (struct sockaddr *)&from, from_len);
}

static int open_server(struct loop *l)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof a;
	server.fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(server.fd, (struct sockaddr *)&a, sizeof a), 0);
	getsockname(server.fd, (struct sockaddr *)&a, &len);
	server.event = event_new(l->base, server.fd, EV_READ | EV_PERSIST, on_query, NULL);
	event_add(server.event, NULL);
	return ntohs(a.sin_port);
}

/* ---- asking -----------------------------------------------------------------------------------------------------
 */

static struct loop *loop;
static struct dns *dns;

struct asked {
	int calls;
	enum dns_status status;
	char address[INET_ADDRSTRLEN + 8];
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
	const struct sockaddr_in *in = (const struct sockaddr_in *)&one->address;
	char ip[INET_ADDRSTRLEN];
	ck_assert_int_eq(in->sin_family, AF_INET);
	snprintf(a->address, sizeof a->address, "%s:%d", inet_ntop(AF_INET, &in->sin_addr, ip, sizeof ip),
	        ntohs(in->sin_port));
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

static void setup(void)
{
	char resolver[32];
	struct err e;
	loop = turns_loop();
	snprintf(resolver, sizeof resolver, "127.0.0.1:%d", open_server(loop));
	struct dns_options options = {.resolvers = slice_cstr(resolver)};
	dns = dns_new(loop, &options, &e);
	ck_assert_ptr_nonnull(dns);
	server.rcode = RCODE_OK;
	server.addresses = 1;
	server.ttl = 60;
	server.queries = 0;
}

static void teardown(void)
{
	dns_free(dns);
	event_free(server.event);
	close(server.fd);
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
	server.addresses = 3;
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
	server.addresses = 0;
	ck_assert_int_eq(ask("empty.test.", 1).status, DNS_NO_SUCH_NAME);
}
END_TEST

START_TEST(an_error_is_remembered_for_a_second)
{
	server.rcode = RCODE_SERVFAIL;
	struct asked a = ask("a.test.", 1);
	ck_assert_int_eq(a.status, DNS_FAILED);
	ck_assert_uint_gt(strlen(a.text), 0);
	int before = server.queries;
	ck_assert_int_eq(ask("a.test.", 1).status, DNS_FAILED);
	ck_assert_int_eq(server.queries, before);
	turns_for(loop, 1050);
	server.rcode = RCODE_OK;
	ck_assert_str_eq(ask("a.test.", 1).address, "10.0.0.1:1");
}
END_TEST

START_TEST(a_stale_answer_serves_while_it_is_renewed)
{
	server.ttl = 1;
	ask("a.test.", 1);
	turns_for(loop, 1050);
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
	server.ttl = 1;
	ask("a.test.", 1);
	turns_for(loop, 1050);
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

START_TEST(a_resolver_that_is_no_address_is_refused)
{
	struct err e;
	struct dns_options options = {.resolvers = S("nonsense:x")};
	ck_assert_ptr_null(dns_new(loop, &options, &e));
	ck_assert_ptr_nonnull(strstr(e.message, "nonsense:x"));
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
	tcase_add_test(t, an_error_is_remembered_for_a_second);
	tcase_add_test(t, a_stale_answer_serves_while_it_is_renewed);
	tcase_add_test(t, a_name_that_has_gone_does_not_survive);
	tcase_add_test(t, a_cancelled_asker_hears_nothing);
	tcase_add_test(t, a_silent_server_fails_the_lookup_or_its_end_cancels_it);
	tcase_add_test(t, a_resolver_that_is_no_address_is_refused);
	suite_add_tcase(s, t);
	return run_suite(s);
}
