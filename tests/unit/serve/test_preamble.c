/* preamble: a PROXY preamble before the first request, in any number of pieces (proxy.md 10.2; pitfalls.md B4 83). */
#include <check.h>

#include "tests/support/serve_rig.h"

#define LINE  "PROXY TCP4 192.0.2.1 192.0.2.2 1234 443\r\n"
#define HELLO "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"

static struct rig *r;

static void set_up(void)
{
	r = rig_new();
	r->listener.proxy_protocol = true;
	rig_connect_tcp(r);
}

static void tear_down(void)
{
	rig_free(r);
}

START_TEST(a_request_may_come_in_the_same_packet)
{
	rig_say(r, LINE HELLO HELLO);
	ck_assert_ptr_nonnull(strstr(rig_heard(r), "hello"));
	ck_assert_uint_eq(r->server.stats.requests, 2);
}
END_TEST

START_TEST(a_preamble_may_come_byte_by_byte)
{
	for (const char *p = LINE HELLO; *p; p++)
		rig_send(r, p, 1);
	ck_assert_ptr_nonnull(strstr(rig_heard(r), "hello"));
}
END_TEST

START_TEST(without_it_the_connection_closes_silently)
{
	rig_say(r, HELLO);
	ck_assert_str_eq(rig_heard(r), "");
	ck_assert(r->eof || r->error);
	ck_assert_uint_eq(r->server.stats.active, 0);
	ck_assert_uint_eq(r->server.stats.requests, 0);
}
END_TEST

START_TEST(a_broken_one_closes_silently)
{
	rig_say(r, "PROXY TCP4 192.0.2.1 192.0.2.2 1234\r\n" HELLO);
	ck_assert_str_eq(rig_heard(r), "");
	ck_assert(r->eof || r->error);
}
END_TEST

START_TEST(a_client_that_says_half_of_it_is_given_up)
{
	r->server.header_timeout_ms = 30;
	rig_connect_tcp(r);
	rig_say(r, "PROXY TCP4 ");
	rig_wait(r, 200);
	ck_assert(r->eof || r->error);
	ck_assert_uint_eq(r->server.stats.active, 0);
}
END_TEST

START_TEST(the_server_can_end_meanwhile)
{
	rig_say(r, "PROXY TCP4 ");
	server_drain(&r->server);
	rig_turn(r);
	ck_assert(r->eof || r->error);
	ck_assert_uint_eq(r->server.stats.active, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("preamble");
	TCase *c = tcase_create("preamble");
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, a_request_may_come_in_the_same_packet);
	tcase_add_test(c, a_preamble_may_come_byte_by_byte);
	tcase_add_test(c, without_it_the_connection_closes_silently);
	tcase_add_test(c, a_broken_one_closes_silently);
	tcase_add_test(c, a_client_that_says_half_of_it_is_given_up);
	tcase_add_test(c, the_server_can_end_meanwhile);
	suite_add_tcase(s, c);
	SRunner *runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
