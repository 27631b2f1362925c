/* notify: the datagram that a service manager waits for. */
#include "cp/cli/notify.h"

#include <check.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int manager(const char *name)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	size_t len = strlen(name);

	memcpy(at.sun_path, name, len);
	if (name[0] == '@')
		at.sun_path[0] = '\0';
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(
	        bind(fd, (struct sockaddr *)&at, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)), 0);
	setenv("NOTIFY_SOCKET", name, 1);
	return fd;
}

static void ck_told(int fd, const char *state)
{
	char got[64];
	ssize_t n = recv(fd, got, sizeof got, 0);

	ck_assert_int_eq(n, (ssize_t)strlen(state));
	ck_assert(memcmp(got, state, (size_t)n) == 0);
	close(fd);
}

START_TEST(the_manager_is_told_at_its_path)
{
	char path[64];
	struct err e;

	snprintf(path, sizeof path, "/tmp/test-notify-%d", (int)getpid());
	unlink(path);
	int fd = manager(path);
	ck_assert(notify("READY=1", &e));
	ck_told(fd, "READY=1");
	unlink(path);
}
END_TEST

START_TEST(an_abstract_name_begins_with_an_at_sign)
{
	char name[64];
	struct err e;

	snprintf(name, sizeof name, "@test-notify-%d", (int)getpid());
	int fd = manager(name);
	ck_assert(notify("STOPPING=1", &e));
	ck_told(fd, "STOPPING=1");
}
END_TEST

START_TEST(without_a_manager_nothing_is_done)
{
	struct err e;

	unsetenv("NOTIFY_SOCKET");
	ck_assert(notify("READY=1", &e));
	setenv("NOTIFY_SOCKET", "", 1);
	ck_assert(notify("READY=1", &e));
}
END_TEST

START_TEST(who_cannot_be_told_is_named)
{
	struct err e;
	char name[300];

	setenv("NOTIFY_SOCKET", "/nowhere/at/all", 1);
	ck_assert(!notify("READY=1", &e));
	ck_assert_ptr_nonnull(strstr(e.message, "/nowhere/at/all"));
	setenv("NOTIFY_SOCKET", "vsock:2:1234", 1);
	ck_assert(!notify("READY=1", &e));
	memset(name, 'x', sizeof name);
	name[0] = '/';
	name[sizeof name - 1] = '\0';
	setenv("NOTIFY_SOCKET", name, 1);
	ck_assert(!notify("READY=1", &e));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("notify");
	TCase *t = tcase_create("all");

	tcase_add_test(t, the_manager_is_told_at_its_path);
	tcase_add_test(t, an_abstract_name_begins_with_an_at_sign);
	tcase_add_test(t, without_a_manager_nothing_is_done);
	tcase_add_test(t, who_cannot_be_told_is_named);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
