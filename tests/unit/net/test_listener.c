/* Listeners: accepting, running out of descriptors, ports in use. */
#include <arpa/inet.h>
#include <check.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/core/log.h"
#include "common/net/conn.h"
#include "common/net/listener.h"
#include "tests/support/tmp.h"

enum { PORT = 21050, KEPT = 512 };

static struct loop *l;
static struct arena a;
static struct listener *listener;
static struct err e;
static int accepted, fds[KEPT];

static void stop(void *arg)
{
	loop_stop(l);
}

static void turn(void)
{
	loop_post(l, stop, NULL);
	loop_run(l);
}

static void run_for(uint32_t ms)
{
	struct loop_timer *t = loop_timer_new(l, ms, false, stop, NULL);
	loop_run(l);
	loop_timer_free(t);
}

static void keep(struct listener *x, int fd, void *arg)
{
	fds[accepted++] = fd;
}

static struct listener *open_on(const char *text, accept_fn fn)
{
	struct listen_spec *spec;
	size_t n;
	ck_assert(listen_parse(&a, slice_cstr(text), &spec, &n, &e));
	return listener_open(l, spec, fn, NULL, &e);
}

static void set_up(void)
{
	l = loop_new(&e);
	arena_init(&a);
	accepted = 0;
	listener = NULL;
}

static void tear_down(void)
{
	listener_close(listener);
	for (int i = 0; i < accepted; i++)
		close(fds[i]);
	loop_free(l);
	arena_fini(&a);
}

static int dial(int port)
{
	struct sockaddr_in to = {
	        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

START_TEST(accepted_sockets_are_non_blocking_without_delay_and_closed_on_exec)
{
	int on = 0;
	socklen_t len = sizeof on;
	listener = open_on("127.0.0.1:0", keep);
	ck_assert_ptr_nonnull(listener);
	int client = dial(listener_port(listener));
	turn();
	ck_assert_int_eq(accepted, 1);
	ck_assert(fcntl(fds[0], F_GETFL) & O_NONBLOCK);
	ck_assert(fcntl(fds[0], F_GETFD) & FD_CLOEXEC);
	ck_assert_int_eq(getsockopt(fds[0], IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
	ck_assert(on);
	close(client);
}
END_TEST

START_TEST(so_keepalive_reaches_accepted_sockets)
{
	int value = 0;
	socklen_t len = sizeof value;
	listener = open_on("127.0.0.1:0 so_keepalive=77::3", keep);
	int client = dial(listener_port(listener));
	turn();
	getsockopt(fds[0], SOL_SOCKET, SO_KEEPALIVE, &value, &len);
	ck_assert_int_eq(value, 1);
	getsockopt(fds[0], IPPROTO_TCP, TCP_KEEPIDLE, &value, &len);
	ck_assert_int_eq(value, 77);
	close(client);
}
END_TEST

static struct conn *adopted;

static void adopt(struct listener *x, int fd, void *arg)
{
	static const struct conn_ops none = {0};
	adopted = conn_accepted(l, fd, NULL, &none, NULL);
}

START_TEST(the_peers_address_is_known)
{
	struct sockaddr_in own;
	socklen_t len = sizeof own;
	char text[INET6_ADDRSTRLEN];
	int port;
	listener = open_on("127.0.0.1:0", adopt);
	int client = dial(listener_port(listener));
	turn();
	getsockname(client, (struct sockaddr *)&own, &len);
	conn_address_text(&adopted->peer.any, text, sizeof text, &port);
	ck_assert_str_eq(text, "127.0.0.1");
	ck_assert_int_eq(port, ntohs(own.sin_port));
	conn_close(adopted);
	close(client);
}
END_TEST

START_TEST(a_crowd_is_accepted_in_bounded_portions)
{
	int clients[150];
	listener = open_on("127.0.0.1:0", keep);
	for (int i = 0; i < 150; i++)
		clients[i] = dial(listener_port(listener));
	event_base_loop(l->base, EVLOOP_ONCE);
	ck_assert_int_eq(accepted, 64);
	for (int i = 0; i < 5; i++)
		turn();
	ck_assert_int_eq(accepted, 150);
	for (int i = 0; i < 150; i++)
		close(clients[i]);
}
END_TEST

START_TEST(a_paused_listener_leaves_connections_in_the_backlog)
{
	listener = open_on("127.0.0.1:0", keep);
	listener_pause(listener, true);
	int client = dial(listener_port(listener));
	ck_assert_int_ge(client, 0);
	run_for(30);
	ck_assert_int_eq(accepted, 0);
	listener_pause(listener, false);
	run_for(10);
	ck_assert_int_eq(accepted, 1);
	close(client);
}
END_TEST

static void close_it(struct listener *x, int fd, void *arg)
{
	accepted++;
	close(fd);
	fds[0] = -1;
	listener_close(x);
	listener = NULL;
}

START_TEST(a_listener_may_be_closed_in_its_callback)
{
	listener = open_on("127.0.0.1:0", close_it);
	int port = listener_port(listener), one = dial(port), two = dial(port);
	turn();
	ck_assert_int_eq(accepted, 1);
	ck_assert_int_eq(dial(port), -1);
	close(one);
	close(two);
}
END_TEST

static size_t lines_of(const char *path)
{
	size_t n = 0;
	FILE *f = fopen(path, "r");
	for (int ch; f && (ch = fgetc(f)) != EOF;)
		n += ch == '\n';
	if (f)
		fclose(f);
	return n;
}

START_TEST(without_descriptors_accepting_pauses_and_says_so_once)
{
	struct rlimit was, few;
	tmp_make();
	ck_assert(log_open(tmp_path("log"), &e));
	listener = open_on("127.0.0.1:0", keep);
	int client = dial(listener_port(listener));
	getrlimit(RLIMIT_NOFILE, &was);
	few = was;
	few.rlim_cur = 3; /* descriptors that are open stay open */
	setrlimit(RLIMIT_NOFILE, &few);
	uint64_t cpu = (uint64_t)clock();
	run_for(350);
	ck_assert_uint_lt((uint64_t)clock() - cpu, CLOCKS_PER_SEC / 10);
	ck_assert_int_eq(accepted, 0);
	setrlimit(RLIMIT_NOFILE, &was);
	run_for(150);
	ck_assert_int_eq(accepted, 1);
	ck_assert_uint_eq(lines_of(tmp_path("log")), 1);
	log_open(NULL, &e);
	tmp_remove();
	close(client);
}
END_TEST

START_TEST(workers_share_an_address)
{
	struct listener *other;
	listener = open_on("127.0.0.1:21050", keep);
	ck_assert_ptr_nonnull(listener);
	other = open_on("127.0.0.1:21050", keep);
	ck_assert_ptr_nonnull(other);
	listener_close(other);
}
END_TEST

/* A socket without SO_REUSEPORT, as another program would have. */
static int occupy(int port)
{
	struct sockaddr_in at = {
	        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	return fd;
}

START_TEST(a_port_in_use_is_told_with_the_name_of_its_holder)
{
	char expected[64];
	int fd = occupy(PORT + 1);
	ck_assert_ptr_null(open_on("127.0.0.1:21051", keep));
	snprintf(expected, sizeof expected, "(pid %d)", (int)getpid());
	ck_assert_ptr_nonnull(strstr(e.message, "cannot listen on '127.0.0.1:21051': in use by "));
	ck_assert_ptr_nonnull(strstr(e.message, expected));
	close(fd);
}
END_TEST

/* Our own listeners share the port, so somebody who does not want that has to ask. */
START_TEST(a_port_that_another_listens_on_is_not_free)
{
	struct listen_spec *spec;
	size_t n;
	ck_assert(listen_parse(&a, S("127.0.0.1:21052"), &spec, &n, &e));
	ck_assert(listener_is_free(spec, &e));
	listener = listener_open(l, spec, keep, NULL, &e);
	ck_assert(!listener_is_free(spec, &e));
	ck_assert_ptr_nonnull(strstr(e.message, "in use by "));
}
END_TEST

START_TEST(an_address_that_is_not_ours_is_refused_by_name)
{
	ck_assert_ptr_null(open_on("192.0.2.1:21053", keep));
	ck_assert_ptr_nonnull(strstr(e.message, "192.0.2.1:21053"));
	ck_assert_ptr_null(open_on("127.0.0.1:21053 udp", keep));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("listener");
	TCase *c = tcase_create("listener");
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, accepted_sockets_are_non_blocking_without_delay_and_closed_on_exec);
	tcase_add_test(c, so_keepalive_reaches_accepted_sockets);
	tcase_add_test(c, the_peers_address_is_known);
	tcase_add_test(c, a_crowd_is_accepted_in_bounded_portions);
	tcase_add_test(c, a_paused_listener_leaves_connections_in_the_backlog);
	tcase_add_test(c, a_listener_may_be_closed_in_its_callback);
	tcase_add_test(c, without_descriptors_accepting_pauses_and_says_so_once);
	tcase_add_test(c, workers_share_an_address);
	tcase_add_test(c, a_port_in_use_is_told_with_the_name_of_its_holder);
	tcase_add_test(c, a_port_that_another_listens_on_is_not_free);
	tcase_add_test(c, an_address_that_is_not_ours_is_refused_by_name);
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
