/* slow PORT N: N clients, each of which sends a byte a second: half of them heads, half bodies of requests whose
 * heads came at once. Whoever is closed comes again. Prints "ready" when all are connected, and goes on until
 * standard input ends. For scripts/prove. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { TURNS = 100 }; /* a hundredth of the clients sends every hundredth of a second */

struct client {
	int fd, at; /* in its text */
};

static const char head[] = "GET /plain HTTP/1.1\r\nHost: slow.test\r\n\r\n";
static const char body[] = "POST /plain HTTP/1.1\r\nHost: slow.test\r\nContent-Length: 600\r\n\r\n";
static int port, poller;

static void dial(struct client *c)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int on = 1;
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	c->at = 0;
	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof to) < 0) {
		perror("slow: connect");
		exit(1);
	}
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	fcntl(c->fd, F_SETFL, O_NONBLOCK);
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};
	epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &ev);
}

static void come_again(struct client *c)
{
	close(c->fd);
	dial(c);
}

static void send_next(struct client *c, int sends_body)
{
	ssize_t n;
	if (!sends_body)
		n = write(c->fd, &head[c->at], 1);
	else if (c->at == 0)
		n = write(c->fd, body, sizeof body - 1);
	else
		n = write(c->fd, "x", 1);
	if (n < 0 && errno != EAGAIN) {
		come_again(c);
		return;
	}
	c->at++;
	if (c->at == (sends_body ? 601 : (int)sizeof head - 1))
		c->at = 0;
}

/* Answers are read and dropped. */
static void drop(struct client *c)
{
	char bytes[4096];
	ssize_t n = read(c->fd, bytes, sizeof bytes);
	if (n == 0 || (n < 0 && errno != EAGAIN))
		come_again(c);
}

static long long now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Handles what comes until the time is there. -1: standard input has ended. */
static int listen_until(long long due_ms)
{
	struct epoll_event ready[256];
	long long left;
	while ((left = due_ms - now_ms()) > 0) {
		int n = epoll_wait(poller, ready, 256, (int)left);
		for (int i = 0; i < n; i++) {
			char c;
			if (ready[i].data.ptr)
				drop(ready[i].data.ptr);
			else if (read(0, &c, 1) <= 0)
				return -1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct rlimit files = {20000, 20000};
	if (argc != 3) {
		fprintf(stderr, "usage: slow PORT N\n");
		return 64;
	}
	port = atoi(argv[1]);
	int count = atoi(argv[2]);
	struct client *all = calloc((size_t)count, sizeof *all);

	signal(SIGPIPE, SIG_IGN);
	setrlimit(RLIMIT_NOFILE, &files);
	poller = epoll_create1(0);
	struct epoll_event in = {.events = EPOLLIN, .data.ptr = NULL};
	epoll_ctl(poller, EPOLL_CTL_ADD, 0, &in);
	for (int i = 0; i < count; i++)
		dial(&all[i]);
	printf("ready\n");
	fflush(stdout);
	long long due_ms = now_ms();
	for (int turn = 0;; turn = (turn + 1) % TURNS) {
		for (int i = turn; i < count; i += TURNS)
			send_next(&all[i], i / TURNS % 2);
		due_ms += 1000 / TURNS;
		if (listen_until(due_ms) < 0)
			return 0;
	}
}
