/* relay PORT UPSTREAM_PORT: copies bytes between a client and an upstream connection and understands none of them:
 * the floor under every proxy on this machine. One thread, epoll, edge-triggered, one upstream connection per client
 * connection. For make bench. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct end {
	int fd;
	struct end *peer;
};

static char buffer[64 * 1024];

static struct sockaddr_in loopback(int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return a;
}

static void set_up(int fd)
{
	int on = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	fcntl(fd, F_SETFL, O_NONBLOCK);
}

static void watch(int epoll, struct end *e)
{
	struct epoll_event ev = {.events = EPOLLIN | EPOLLET, .data.ptr = e};
	epoll_ctl(epoll, EPOLL_CTL_ADD, e->fd, &ev);
}

static void join(int epoll, int client, int upstream_port)
{
	struct sockaddr_in to = loopback(upstream_port);
	struct end *a = calloc(2, sizeof *a), *b = a + 1;
	*a = (struct end){client, b};
	*b = (struct end){socket(AF_INET, SOCK_STREAM, 0), a};
	if (connect(b->fd, (struct sockaddr *)&to, sizeof to) < 0)
		exit(1);
	set_up(a->fd);
	set_up(b->fd);
	watch(epoll, a);
	watch(epoll, b);
}

/* Both ends at once; an event of the other that is still to come finds -1. */
static void finish(struct end *e)
{
	close(e->fd);
	close(e->peer->fd);
	e->fd = e->peer->fd = -1;
}

static void copy(struct end *from)
{
	ssize_t n = from->fd < 0 ? -1 : read(from->fd, buffer, sizeof buffer);
	if (n > 0) {
		for (ssize_t at = 0; at < n;) {
			ssize_t put = write(from->peer->fd, buffer + at, (size_t)(n - at));
			if (put > 0)
				at += put;
			else if (errno != EAGAIN)
				return;
		}
	} else if (n == 0) {
		finish(from);
	}
}

int main(int argc, char **argv)
{
	int port = argc > 2 ? atoi(argv[1]) : 0, upstream_port = argc > 2 ? atoi(argv[2]) : 0, on = 1;
	struct sockaddr_in at = loopback(port);
	int listener = socket(AF_INET, SOCK_STREAM, 0), epoll = epoll_create1(0);
	struct end self = {listener, NULL};

	signal(SIGPIPE, SIG_IGN);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(listener, (struct sockaddr *)&at, sizeof at) < 0 || listen(listener, 1024) < 0) {
		perror("relay");
		return 1;
	}
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = &self}, ready[64];
	epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &ev);
	for (;;) {
		int n = epoll_wait(epoll, ready, 64, -1);
		for (int i = 0; i < n; i++) {
			struct end *e = ready[i].data.ptr;
			if (e == &self)
				join(epoll, accept(listener, NULL, NULL), upstream_port);
			else
				copy(e);
		}
	}
}
