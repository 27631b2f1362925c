/* proxy_protocol: both versions at every cut, and what is refused (pitfalls.md B4 83). */
#include <check.h>
#include <stdlib.h>

#include "common/net/proxy_protocol.h"

#define V2 "\r\n\r\n\0\r\nQUIT\n"

static enum proxy_result parse(struct slice s, struct proxied *out, size_t *used)
{
	char *exact = malloc(s.len ? s.len : 1); /* so that a read beyond the end is seen */
	memcpy(exact, s.ptr, s.len);
	enum proxy_result r = proxy_parse(exact, s.len, out, used);
	free(exact);
	return r;
}

static const struct {
	struct slice bytes;
	const char *source, *destination; /* NULL: no address */
	int source_port, destination_port;
} good[] = {
        {SLICE("PROXY TCP4 192.0.2.1 192.0.2.2 1234 443\r\n"), "192.0.2.1", "192.0.2.2", 1234, 443},
        {SLICE("PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n"), "0.0.0.0", "255.255.255.255", 0, 65535},
        {SLICE("PROXY TCP6 2001:db8::1 ::1 1 2\r\n"), "2001:db8::1", "::1", 1, 2},
        {SLICE("PROXY UNKNOWN\r\n"), NULL, NULL, 0, 0},
        {SLICE("PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n"), NULL, NULL, 0, 0},
        {SLICE(V2 "\x21\x11\0\x0c\xc0\0\2\1\xc0\0\2\2\x04\xd2\1\xbb"), "192.0.2.1", "192.0.2.2", 1234, 443},
        {SLICE(V2 "\x21\x11\0\x10\xc0\0\2\1\xc0\0\2\2\x04\xd2\1\xbb\4\0\1\0"), "192.0.2.1", "192.0.2.2", 1234, 443},
        {SLICE(V2 "\x21\x21\0\x24 \1\r\xb8\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\1\0\2"),
                "2001:db8::1", "::1", 1, 2},
        {SLICE(V2 "\x20\0\0\0"), NULL, NULL, 0, 0},
        {SLICE(V2 "\x20\x11\0\x0c\xc0\0\2\1\xc0\0\2\2\x04\xd2\1\xbb"), NULL, NULL, 0, 0},
        {SLICE(V2 "\x21\0\0\0"), NULL, NULL, 0, 0},
        {SLICE(V2 "\x21\x12\0\x0c\xc0\0\2\1\xc0\0\2\2\x04\xd2\1\xbb"), NULL, NULL, 0, 0},
};

static void check_ip(const struct ip *a, const char *text)
{
	char out[IP_TEXT_MAX];
	ck_assert(slice_eq(slice_of(out, ip_text(a, out)), slice_cstr(text)));
}

START_TEST(good_ones_are_read_whole_and_leave_the_rest)
{
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		char with_rest[256];
		struct proxied p;
		size_t used = 0, n = good[i].bytes.len;
		memcpy(with_rest, good[i].bytes.ptr, n);
		memcpy(with_rest + n, "GET / HTTP/1.1\r\n", 16);
		ck_assert_int_eq(parse(slice_of(with_rest, n + 16), &p, &used), PROXY_DONE);
		ck_assert_uint_eq(used, n);
		ck_assert_int_eq(p.has_address, good[i].source != NULL);
		if (!p.has_address)
			continue;
		check_ip(&p.source, good[i].source);
		check_ip(&p.destination, good[i].destination);
		ck_assert_int_eq(p.source_port, good[i].source_port);
		ck_assert_int_eq(p.destination_port, good[i].destination_port);
	}
}
END_TEST

START_TEST(less_than_all_of_it_asks_for_more)
{
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		for (size_t n = 0; n < good[i].bytes.len; n++) {
			struct proxied p;
			size_t used;
			ck_assert_int_eq(parse(slice_of(good[i].bytes.ptr, n), &p, &used), PROXY_MORE);
		}
}
END_TEST

START_TEST(bad_ones_are_refused)
{
	const struct slice bad[] = {
	        SLICE("GET / HTTP/1.1\r\n"),
	        SLICE("\x16\x03\x01"),
	        SLICE("proxy TCP4 1.1.1.1 2.2.2.2 1 2\r\n"),
	        SLICE("PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n"),
	        SLICE("PROXY TCP4 1.1.1.1 2.2.2.2 1\r\n"),
	        SLICE("PROXY TCP4 1.1.1.1 2.2.2.2 1 2 3\r\n"),
	        SLICE("PROXY TCP4 1.1.1.1  2.2.2.2 1 2\r\n"),
	        SLICE("PROXY TCP4 1.1.1.1 2.2.2.2 1 65536\r\n"),
	        SLICE("PROXY TCP4 1.1.1.1 2.2.2.2 01 2\r\n"),
	        SLICE("PROXY TCP4 1.1.1.1 2.2.2.2 -1 2\r\n"),
	        SLICE("PROXY TCP4 ::1 ::2 1 2\r\n"),
	        SLICE("PROXY TCP6 1.1.1.1 2.2.2.2 1 2\r\n"),
	        SLICE("PROXY UDP4 1.1.1.1 2.2.2.2 1 2\r\n"),
	        SLICE("PROXY UNK\0NOWN\r\n"),
	        SLICE("PROXY \r\n"),
	        SLICE(V2 "\x31\x11\0\x0c"),
	        SLICE(V2 "\x22\x11\0\x0c"),
	        SLICE(V2 "\x21\x11\0\x0b"),
	        SLICE(V2 "\x21\x21\0\x23"),
	        SLICE(V2 "\x21\x11\x10\x01"),
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct proxied p;
		size_t used;
		ck_assert_msg(parse(bad[i], &p, &used) == PROXY_BAD, "%zu", i);
	}
}
END_TEST

START_TEST(a_line_without_an_end_is_given_up_at_107_bytes)
{
	char line[200];
	struct proxied p;
	size_t used;
	memset(line, 'x', sizeof line);
	memcpy(line, "PROXY UNKNOWN ", 14);
	ck_assert_int_eq(parse(slice_of(line, 106), &p, &used), PROXY_MORE);
	ck_assert_int_eq(parse(slice_of(line, 107), &p, &used), PROXY_BAD);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("proxy_protocol");
	TCase *c = tcase_create("proxy_protocol");
	tcase_add_test(c, good_ones_are_read_whole_and_leave_the_rest);
	tcase_add_test(c, less_than_all_of_it_asks_for_more);
	tcase_add_test(c, bad_ones_are_refused);
	tcase_add_test(c, a_line_without_an_end_is_given_up_at_107_bytes);
	suite_add_tcase(s, c);
	SRunner *runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
