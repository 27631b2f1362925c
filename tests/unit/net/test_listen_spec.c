/* The syntax of proxy_listen and its like (proxy.md 10.2). */
#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>

#include "common/net/conn.h"
#include "common/net/listener.h"

static struct arena a;
static struct listen_spec *specs;
static size_t n;
static struct err e;

static void set_up(void)
{
	arena_init(&a);
}

static void tear_down(void)
{
	arena_fini(&a);
}

static bool parse(const char *text)
{
	return listen_parse(&a, slice_cstr(text), &specs, &n, &e);
}

static void expect_address(const struct listen_spec *s, const char *address, int port)
{
	char text[INET6_ADDRSTRLEN];
	int found;
	conn_address_text((const struct sockaddr *)&s->address, text, sizeof text, &found);
	ck_assert_str_eq(text, address);
	ck_assert_int_eq(found, port);
	ck_assert_int_eq(s->port, port);
}

START_TEST(the_default_of_proxy_listen)
{
	ck_assert(parse("0.0.0.0:8000 reuseport backlog=16384, 0.0.0.0:8443 http2 ssl reuseport backlog=16384"));
	ck_assert_uint_eq(n, 2);
	expect_address(&specs[0], "0.0.0.0", 8000);
	ck_assert(specs[0].reuseport && !specs[0].ssl && !specs[0].http2);
	ck_assert(slice_eq(specs[0].text, S("0.0.0.0:8000")));
	expect_address(&specs[1], "0.0.0.0", 8443);
	ck_assert(specs[1].reuseport && specs[1].ssl && specs[1].http2);
}
END_TEST

START_TEST(off_as_first_item_is_no_listener)
{
	ck_assert(parse("off"));
	ck_assert_uint_eq(n, 0);
	ck_assert(parse(" off , 127.0.0.1:80"));
	ck_assert_uint_eq(n, 0);
	ck_assert(!parse("127.0.0.1:80, off"));
}
END_TEST

START_TEST(ipv6_is_written_in_brackets)
{
	ck_assert(parse("[::1]:8001,[::]:80 ipv6only=off"));
	expect_address(&specs[0], "::1", 8001);
	ck_assert(!specs[0].ipv6_dual);
	expect_address(&specs[1], "::", 80);
	ck_assert(specs[1].ipv6_dual);
}
END_TEST

START_TEST(a_name_is_resolved)
{
	ck_assert(parse("localhost:8001"));
	ck_assert_int_eq(specs[0].port, 8001);
	ck_assert(is_loopback((struct sockaddr *)&specs[0].address));
	ck_assert(!parse("no-such-name.invalid:80"));
	ck_assert_ptr_nonnull(strstr(e.message, "no-such-name.invalid"));
}
END_TEST

START_TEST(flags)
{
	ck_assert(parse("127.0.0.1:1 proxy_protocol deferred bind"));
	ck_assert(specs[0].proxy_protocol && specs[0].deferred && !specs[0].udp);
	ck_assert_int_eq(specs[0].backlog, 16384);
	ck_assert(parse("127.0.0.1:1  udp\tbacklog=7"));
	ck_assert(specs[0].udp);
	ck_assert_int_eq(specs[0].backlog, 7);
}
END_TEST

START_TEST(so_keepalive_has_three_values)
{
	ck_assert(
	        parse("127.0.0.1:1 so_keepalive=on, 127.0.0.1:2 so_keepalive=off, 127.0.0.1:3 so_keepalive=30m::10, "
	              "127.0.0.1:4 so_keepalive=:5:"));
	ck_assert(specs[0].keepalive && specs[0].keepalive_idle_s == 0);
	ck_assert(!specs[1].keepalive);
	ck_assert(specs[2].keepalive && specs[2].keepalive_idle_s == 1800 && specs[2].keepalive_interval_s == 0 &&
	          specs[2].keepalive_count == 10);
	ck_assert(specs[3].keepalive_interval_s == 5);
}
END_TEST

START_TEST(what_is_malformed_is_refused_in_kongs_words)
{
	static const char *const bad[] = {"", "  ", "8000", "127.0.0.1", "127.0.0.1:", ":8000", "127.0.0.1:x",
	        "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:80 tls",
	        "127.0.0.1:80 backlog=", "127.0.0.1:80 backlog=0", "127.0.0.1:80,", "127.0.0.1:80 ipv6only=maybe",
	        "::1:80", "127.0.0.1:80 so_keepalive=1:2", "127.0.0.1:80 so_keepalive=1:2:3:4",
	        "127.0.0.1:80 so_keepalive=x::"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		ck_assert_msg(!parse(bad[i]), "accepted: '%s'", bad[i]);
		ck_assert_msg(
		        strstr(e.message,
		                "must be of form: [off] | <ip>:<port> [ssl] [http2] [proxy_protocol] [deferred] "
		                "[bind] [reuseport] [backlog=%d+]") == e.message,
		        "'%s': %s", bad[i], e.message);
	}
}
END_TEST

static bool loops_back(const char *address)
{
	ck_assert(parse(address));
	return is_loopback((struct sockaddr *)&specs[0].address);
}

START_TEST(loopback_addresses)
{
	ck_assert(loops_back("127.0.0.1:1"));
	ck_assert(loops_back("127.255.1.2:1"));
	ck_assert(loops_back("[::1]:1"));
	ck_assert(loops_back("[::ffff:127.0.0.1]:1"));
	ck_assert(!loops_back("0.0.0.0:1"));
	ck_assert(!loops_back("[::]:1"));
	ck_assert(!loops_back("10.0.0.1:1"));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("listen_spec");
	TCase *c = tcase_create("listen_spec");
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, the_default_of_proxy_listen);
	tcase_add_test(c, off_as_first_item_is_no_listener);
	tcase_add_test(c, ipv6_is_written_in_brackets);
	tcase_add_test(c, a_name_is_resolved);
	tcase_add_test(c, flags);
	tcase_add_test(c, so_keepalive_has_three_values);
	tcase_add_test(c, what_is_malformed_is_refused_in_kongs_words);
	tcase_add_test(c, loopback_addresses);
	suite_add_tcase(s, c);
	return s;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
