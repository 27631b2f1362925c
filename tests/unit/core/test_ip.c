/* ip: text forms, ranges at every prefix length, IPv4 inside IPv6 (RFC 4291). */
#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>

#include "common/core/ip.h"

static struct ip address(const char *text)
{
	struct ip a;
	ck_assert_msg(ip_parse(slice_cstr(text), &a), "%s", text);
	return a;
}

static struct ip_range range(const char *text)
{
	struct ip_range r;
	ck_assert_msg(ip_range_parse(slice_cstr(text), &r), "%s", text);
	return r;
}

START_TEST(text_comes_back_as_the_c_library_writes_it)
{
	const char *const texts[] = {"0.0.0.0", "1.2.3.4", "10.20.30.40", "255.255.255.255", "192.0.2.109",
	        "::", "::1", "2001:db8::1", "fe80::1:2:3:4", "2001:db8:1:2:3:4:5:6"};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		char out[IP_TEXT_MAX];
		struct ip a = address(texts[i]);
		ck_assert(slice_eq(slice_of(out, ip_text(&a, out)), slice_cstr(texts[i])));
	}
}
END_TEST

START_TEST(what_is_no_address_is_refused)
{
	const char *const texts[] = {"", "1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.4 ", " 1.2.3.4", "a",
	        ":::", "1.2.3.4/8", "[::1]", "2001:db8::1::2",
	        "1111111111111111111111111111111111111111111111111111111111"};
	struct ip a;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		ck_assert_msg(!ip_parse(slice_cstr(texts[i]), &a), "%s", texts[i]);
	ck_assert(!ip_parse(slice_of("1.2.3.4\0", 8), &a));
}
END_TEST

START_TEST(a_port_may_follow)
{
	const struct {
		const char *text, *address;
		int port; /* -1: refused */
	} cases[] = {{"1.2.3.4", "1.2.3.4", 0}, {"1.2.3.4:80", "1.2.3.4", 80}, {"[::1]:65535", "::1", 65535},
	        {"[::1]", "::1", 0}, {"::1", "::1", 0}, {"1.2.3.4:", NULL, -1}, {"1.2.3.4:65536", NULL, -1},
	        {"1.2.3.4:-1", NULL, -1}, {"[::1", NULL, -1}, {"[::1]80", NULL, -1}, {"[1.2.3.4]:80", NULL, -1},
	        {":80", NULL, -1}, {"", NULL, -1}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct ip a;
		int port;
		bool ok = ip_parse_port(slice_cstr(cases[i].text), &a, &port);
		ck_assert_msg(ok == (cases[i].port >= 0), "%s", cases[i].text);
		if (!ok)
			continue;
		struct ip want = address(cases[i].address);
		ck_assert_mem_eq(&a, &want, sizeof a);
		ck_assert_int_eq(port, cases[i].port);
	}
}
END_TEST

/* Against shifting whole numbers. */
START_TEST(ranges_of_every_length)
{
	const uint32_t base = 0xC0000280; /* 192.0.2.128 */
	for (unsigned bits = 0; bits <= 32; bits++) {
		char text[32];
		snprintf(text, sizeof text, "192.0.2.128/%u", bits);
		struct ip_range r = range(text);
		for (unsigned flip = 0; flip < 32; flip++) {
			struct sockaddr_in sa = {
			        .sin_family = AF_INET, .sin_addr.s_addr = htonl(base ^ (1u << flip))};
			struct ip a;
			ck_assert(ip_of_sockaddr((struct sockaddr *)&sa, &a));
			ck_assert_int_eq(ip_range_has(&r, &a), 31 - flip >= bits);
		}
	}
}
END_TEST

START_TEST(families_do_not_mix)
{
	struct ip_range all4 = range("0.0.0.0/0"), all6 = range("::/0"), one = range("::1"),
	                mapped = range("::ffff:10.0.0.0/104");
	struct ip v4 = address("10.1.2.3"), v6 = address("2001:db8::1"), self = address("::1");

	ck_assert(ip_range_has(&all4, &v4) && !ip_range_has(&all4, &v6));
	ck_assert(ip_range_has(&all6, &v6) && ip_range_has(&one, &self) && !ip_range_has(&one, &v6));
	ck_assert(ip_range_has(&mapped, &v4));
}
END_TEST

START_TEST(ranges_that_are_none)
{
	const char *const texts[] = {
	        "1.2.3.4/33", "1.2.3.4/", "1.2.3.4/-1", "1.2.3.4/a", "::1/129", "1.2.3.4/8/8", "/8", ""};
	struct ip_range r;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		ck_assert_msg(!ip_range_parse(slice_cstr(texts[i]), &r), "%s", texts[i]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ip");
	TCase *c = tcase_create("ip");
	tcase_add_test(c, text_comes_back_as_the_c_library_writes_it);
	tcase_add_test(c, what_is_no_address_is_refused);
	tcase_add_test(c, a_port_may_follow);
	tcase_add_test(c, ranges_of_every_length);
	tcase_add_test(c, families_do_not_mix);
	tcase_add_test(c, ranges_that_are_none);
	suite_add_tcase(s, c);
	SRunner *runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
