/* turns: see turns.h. */
#include "tests/support/turns.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

struct wait {
	struct loop *loop;
	bool (*done)(void *arg);
	void *arg;
	uint64_t until_ms;
};

struct loop *turns_loop(void)
{
	struct err e;
	struct loop *l = loop_new(&e);
	ck_assert_ptr_nonnull(l);
	return l;
}

static void look(void *arg)
{
	struct wait *w = arg;
	if ((w->done && w->done(w->arg)) || clock_mono_ms() >= w->until_ms)
		loop_stop(w->loop);
}

bool turns_until(struct loop *l, uint32_t ms, bool (*done)(void *arg), void *arg)
{
	struct wait w = {l, done, arg, clock_mono_ms() + ms};
	struct loop_timer *t = loop_timer_new(l, 1, true, look, &w);
	loop_run(l);
	loop_timer_free(t);
	return done && done(arg);
}

void turns_for(struct loop *l, uint32_t ms)
{
	turns_until(l, ms, NULL, NULL);
}

int turns_listen(int *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	ck_assert_int_eq(listen(fd, 16), 0);
	getsockname(fd, (struct sockaddr *)&a, &len);
	*port = ntohs(a.sin_port);
	return fd;
}

int turns_sockets(int *far_end)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int port, on = 1, listening = turns_listen(&port);

	a.sin_port = htons((uint16_t)port);
	*far_end = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(connect(*far_end, (struct sockaddr *)&a, sizeof a), 0);
	setsockopt(*far_end, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	evutil_make_socket_nonblocking(*far_end);
	int fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	close(listening);
	return fd;
}

struct conn *turns_pair(struct loop *l, int *far_end)
{
	static const struct conn_ops none = {0};
	return conn_accepted(l, turns_sockets(far_end), NULL, &none, NULL);
}

void turns_send(int fd, const char *bytes)
{
	size_t n = strlen(bytes);
	ck_assert_int_eq(send(fd, bytes, n, MSG_NOSIGNAL), (ssize_t)n);
}

struct received {
	int fd;
	const char *mark;
	char bytes[65536];
	size_t len;
};

static bool has_mark(void *arg)
{
	struct received *r = arg;
	ssize_t n = recv(r->fd, r->bytes + r->len, sizeof r->bytes - 1 - r->len, MSG_DONTWAIT);
	if (n > 0)
		r->len += (size_t)n;
	r->bytes[r->len] = '\0';
	return strstr(r->bytes, r->mark) != NULL;
}

const char *turns_receive(struct loop *l, int fd, const char *mark)
{
	static struct received r;
	r.fd = fd;
	r.mark = mark;
	r.len = 0;
	ck_assert_msg(turns_until(l, 2000, has_mark, &r), "waited for '%s', received '%s'", mark, r.bytes);
	return r.bytes;
}

bool turns_is_closed(int fd)
{
	char bytes[4096];
	ssize_t n;
	while ((n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
		continue;
	return n == 0 || errno != EAGAIN;
}
