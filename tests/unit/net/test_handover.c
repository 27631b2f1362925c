/* handover: listening sockets by address, from one process to the next (proxy.md 10.4: no connection attempt may be
 * refused). The whole of it is in tests/e2e/settings/test_one_machine.py. */
#include "common/net/handover.h"

#include <check.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/net/listener.h"

/* A socket that listens on a port of the system's choice. */
static int listening(int *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	ck_assert_int_eq(listen(fd, 8), 0);
	getsockname(fd, (struct sockaddr *)&a, &len);
	*port = ntohs(a.sin_port);
	return fd;
}

START_TEST(inherited_sockets_are_found_by_address_and_taken_once)
{
	char value[256];
	int port, first = listening(&port), second = listening(&port), plain = socket(AF_INET, SOCK_STREAM, 0);

	snprintf(value, sizeof value,
	        "127.0.0.1:1=%d;127.0.0.1:1=%d;127.0.0.1:2=%d;127.0.0.1:3=999;x;=;127.0.0.1:4=a", first, second,
	        plain);
	setenv("GATEHOUSE_LISTEN_FDS", value, 1);
	ck_assert(handover_has(S("127.0.0.1:1")));
	ck_assert_ptr_null(getenv("GATEHOUSE_LISTEN_FDS")); /* not for whoever this process starts */
	ck_assert_int_eq(handover_take(S("127.0.0.1:1")), first);
	ck_assert_int_eq(handover_take(S("127.0.0.1:1")), second);
	ck_assert_int_eq(handover_take(S("127.0.0.1:1")), -1);
	ck_assert(!handover_has(S("127.0.0.1:2"))); /* does not listen */
	ck_assert(!handover_has(S("127.0.0.1:3"))); /* is not open */
	ck_assert(!handover_has(S("127.0.0.1:4")));
}
END_TEST

static void ignore(struct listener *l, int fd, void *arg)
{
	close(fd);
}

START_TEST(a_listener_takes_the_inherited_socket_and_what_waits_in_it)
{
	struct arena a;
	struct err e;
	struct listen_spec *specs;
	size_t n;
	char value[64], address[32];
	int port, fd = listening(&port);

	snprintf(address, sizeof address, "127.0.0.1:%d", port);
	snprintf(value, sizeof value, "%s=%d", address, fd);
	setenv("GATEHOUSE_LISTEN_FDS", value, 1);
	arena_init(&a);
	ck_assert(listen_parse(&a, slice_cstr(address), &specs, &n, &e));
	ck_assert(listener_is_free(&specs[0], &e)); /* though somebody listens: it is ours */
	struct loop *loop = loop_new(&e);
	struct listener *l = listener_open(loop, &specs[0], ignore, NULL, &e);
	ck_assert_ptr_nonnull(l);
	ck_assert_int_eq(listener_port(l), port);
	ck_assert(!handover_has(slice_cstr(address)));
	handover_complete(loop);
	listener_close(l);
	loop_free(loop);
	arena_fini(&a);
}
END_TEST

START_TEST(what_nobody_takes_is_closed)
{
	char value[64];
	int port, fd = listening(&port);
	struct err e;

	snprintf(value, sizeof value, "127.0.0.1:%d=%d", port, fd);
	setenv("GATEHOUSE_LISTEN_FDS", value, 1);
	struct loop *loop = loop_new(&e);
	handover_complete(loop);
	ck_assert_int_lt(write(fd, "", 0), 0);
	loop_free(loop);
}
END_TEST

static void note_failure(void *arg)
{
	loop_stop(arg);
}

START_TEST(a_successor_that_ends_too_early_has_failed)
{
	struct err e;
	struct loop *loop = loop_new(&e);
	char *argv[] = {"test", "--no-such-option", NULL};

	setenv("CK_RUN_CASE", "none", 1); /* this program again, with nothing to do */
	struct successor *s = successor_start(loop, argv, 10000, note_failure, loop, &e);
	ck_assert_ptr_nonnull(s);
	loop_run(loop); /* ends by note_failure() */
	successor_free(s);
	loop_free(loop);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("handover");
	TCase *t = tcase_create("handover");

	tcase_add_test(t, inherited_sockets_are_found_by_address_and_taken_once);
	tcase_add_test(t, a_listener_takes_the_inherited_socket_and_what_waits_in_it);
	tcase_add_test(t, what_nobody_takes_is_closed);
	tcase_add_test(t, a_successor_that_ends_too_early_has_failed);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
