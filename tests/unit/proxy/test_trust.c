/* trust: who the client is, row by row of R-2.3 (proxy.md 2.3; examples 64 to 66). */
#include <arpa/inet.h>
#include <check.h>

#include "dp/proxy/trust.h"

static struct arena arena;
static struct head request;
static struct conn conn;

static void set_up(void)
{
	struct sockaddr_in *peer = (struct sockaddr_in *)&conn.peer;
	arena_init(&arena);
	head_init(&request, &arena);
	conn = (struct conn){0};
	*peer = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(4000)};
	inet_pton(AF_INET, "198.51.100.20", &peer->sin_addr);
}

static void tear_down(void)
{
	arena_fini(&arena);
}

static struct trust trust(const char *ips, const char *header, bool recursive)
{
	struct trust t;
	struct err e;
	ck_assert(trust_init(&t, &arena, slice_cstr(ips), slice_cstr(header), recursive, &e));
	return t;
}

static void check_client(const struct trust *t, const char *want, int want_port)
{
	char text[IP_TEXT_MAX];
	struct ip a;
	int port;
	ck_assert(trust_client(t, &conn, &request, &a, &port));
	ck_assert_msg(slice_eq(slice_of(text, ip_text(&a, text)), slice_cstr(want)), "%s", want);
	ck_assert_int_eq(port, want_port);
}

START_TEST(nobody_is_trusted_by_default)
{
	struct trust t = trust("", "X-Real-IP", false);
	head_add(&request, S("X-Real-IP"), S("1.1.1.1"));
	ck_assert(!trust_peer(&t, &conn));
	check_client(&t, "198.51.100.20", 4000);
}
END_TEST

START_TEST(only_a_trusted_peer_names_the_client)
{
	struct trust t = trust("10.0.0.0/8, 198.51.100.0/24", "X-Real-IP", false),
	             other = trust("10.0.0.0/8", "X-Real-IP", false);
	head_add(&request, S("X-Real-IP"), S("1.1.1.1"));
	ck_assert(trust_peer(&t, &conn) && !trust_peer(&other, &conn));
	check_client(&t, "1.1.1.1", 0);
	check_client(&other, "198.51.100.20", 4000);
}
END_TEST

/* Fields, recursive, the client. 192.0.2.0/24 and the peer are trusted. */
START_TEST(lists_are_read_from_the_right)
{
	const struct {
		const char *first, *second;
		bool recursive;
		const char *want;
		int port;
	} cases[] = {
	        {"8.8.8.8, 7.7.7.7, 192.0.2.9", NULL, true, "7.7.7.7", 0},
	        {"8.8.8.8, 7.7.7.7, 192.0.2.9", NULL, false, "192.0.2.9", 0},
	        {"7.7.7.7", "192.0.2.9", true, "7.7.7.7", 0},
	        {"7.7.7.7", "192.0.2.9", false, "192.0.2.9", 0},
	        {"192.0.2.1, 192.0.2.2", NULL, true, "192.0.2.1", 0},
	        {"7.7.7.7:81", NULL, false, "7.7.7.7", 81},
	        {"[2001:db8::1]:81", NULL, false, "2001:db8::1", 81},
	        {"7.7.7.7, unknown", NULL, false, "198.51.100.20", 4000},
	        {"unknown, 192.0.2.9", NULL, true, "192.0.2.9", 0},
	        {"7.7.7.7", "unknown", true, "198.51.100.20", 4000},
	        {"", NULL, false, "198.51.100.20", 4000},
	        {" , ,", NULL, true, "198.51.100.20", 4000},
	        {"7.7.7.7,", NULL, true, "7.7.7.7", 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct trust t = trust("198.51.100.20,192.0.2.0/24", "X-Forwarded-For", cases[i].recursive);
		head_init(&request, &arena);
		head_add(&request, S("X-Forwarded-For"), slice_cstr(cases[i].first));
		if (cases[i].second)
			head_add(&request, S("x-forwarded-for"), slice_cstr(cases[i].second));
		check_client(&t, cases[i].want, cases[i].port);
	}
}
END_TEST

START_TEST(any_header_will_do)
{
	struct trust t = trust("0.0.0.0/0", "Fly-Client-IP", false);
	head_add(&request, S("X-Real-IP"), S("1.1.1.1"));
	check_client(&t, "198.51.100.20", 4000);
	head_add(&request, S("fly-client-ip"), S("2.2.2.2"));
	check_client(&t, "2.2.2.2", 0);
}
END_TEST

START_TEST(a_preamble_counts_when_settings_and_peer_say_so)
{
	struct trust t = trust("198.51.100.20", "proxy_protocol", false),
	             header = trust("198.51.100.20", "X-Real-IP", false),
	             nobody = trust("10.0.0.1", "proxy_protocol", false);
	struct proxied said = {.has_address = true, .source_port = 5};
	ck_assert(ip_parse(S("203.0.113.7"), &said.source));

	check_client(&t, "198.51.100.20", 4000);
	conn.proxied = &said;
	check_client(&t, "203.0.113.7", 5);
	check_client(&header, "198.51.100.20", 4000);
	check_client(&nobody, "198.51.100.20", 4000);
	said.has_address = false;
	check_client(&t, "198.51.100.20", 4000);
}
END_TEST

START_TEST(peers_on_unix_sockets_are_trusted_for_the_address_only)
{
	struct trust t = trust("unix:", "X-Real-IP", false);
	struct ip a;
	int port;
	conn.peer.any.sa_family = AF_UNIX;
	ck_assert(!trust_client(&t, &conn, &request, &a, &port));
	head_add(&request, S("X-Real-IP"), S("1.1.1.1"));
	check_client(&t, "1.1.1.1", 0);
	ck_assert(!trust_peer(&t, &conn));
}
END_TEST

START_TEST(a_list_that_is_wrong_names_the_item)
{
	struct trust t;
	struct err e;
	ck_assert(!trust_init(&t, &arena, S("10.0.0.0/8, 1.2.3"), S("X-Real-IP"), false, &e));
	ck_assert_ptr_nonnull(strstr(e.message, "'1.2.3'"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("trust");
	TCase *c = tcase_create("trust");
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, nobody_is_trusted_by_default);
	tcase_add_test(c, only_a_trusted_peer_names_the_client);
	tcase_add_test(c, lists_are_read_from_the_right);
	tcase_add_test(c, any_header_will_do);
	tcase_add_test(c, a_preamble_counts_when_settings_and_peer_say_so);
	tcase_add_test(c, peers_on_unix_sockets_are_trusted_for_the_address_only);
	tcase_add_test(c, a_list_that_is_wrong_names_the_item);
	suite_add_tcase(s, c);
	SRunner *runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
