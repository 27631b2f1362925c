/* origin PORT: the upstream that the benchmarks proxy to: HTTP/1.1, keep-alive, one thread, epoll; small enough never
 * to be the bottleneck. The end of the path says how much to answer: "10m", "16k", anything else 100 bytes; a path
 * that begins with "/v" and a digit is answered with a hundred of that digit. Bodies of requests (Content-Length
 * only) are read and dropped before the answer. For make bench and scripts/prove: no hostile input here. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct answer {
	char *bytes;
	size_t len;
};

struct client {
	int fd;
	size_t have; /* bytes of the next head */
	size_t body_left;
	const struct answer *answer; /* being sent once body_left is 0; NULL: none */
	size_t sent;
	bool wants_write;
	char head[16 * 1024];
};

static struct answer small, medium, large, versions[10];
static char dropped[256 * 1024];
static int poller;

static struct answer make_answer(size_t body, char fill)
{
	struct answer a = {.bytes = malloc(body + 256)};
	int head = sprintf(a.bytes,
	        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
	        "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nServer: origin\r\n\r\n",
	        body);
	memset(a.bytes + head, fill, body);
	a.len = (size_t)head + body;
	return a;
}

static void finish(struct client *c)
{
	close(c->fd);
	free(c);
}

static void watch_writes(struct client *c, bool on)
{
	struct epoll_event ev = {.events = on ? EPOLLOUT : EPOLLIN, .data.ptr = c};
	if (c->wants_write != on)
		epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &ev);
	c->wants_write = on;
}

/* False: the connection is gone. */
static bool send_answer(struct client *c)
{
	while (c->answer && c->body_left == 0) {
		ssize_t n = write(c->fd, c->answer->bytes + c->sent, c->answer->len - c->sent);
		if (n < 0 && errno == EAGAIN) {
			watch_writes(c, true);
			return true;
		}
		if (n <= 0)
			return false;
		c->sent += (size_t)n;
		if (c->sent == c->answer->len)
			c->answer = NULL;
	}
	watch_writes(c, false);
	return true;
}

static const struct answer *answer_for(const char *head)
{
	const char *end = strstr(head, " HTTP/1."), *target = strchr(head, ' ');
	if (target && memcmp(target, " /v", 3) == 0 && target[3] >= '0' && target[3] <= '9')
		return &versions[target[3] - '0'];
	if (end && memcmp(end - 3, "10m", 3) == 0)
		return &large;
	return end && memcmp(end - 3, "16k", 3) == 0 ? &medium : &small;
}

static size_t body_of(const char *head)
{
	for (const char *line = head; (line = strchr(line, '\n')) && line[1] != '\r';)
		if (strncasecmp(++line, "content-length:", 15) == 0)
			return strtoull(line + 15, NULL, 10);
	return 0;
}

/* Takes one head from what has been read. False: it is not complete. */
static bool take_head(struct client *c)
{
	char *end = memmem(c->head, c->have, "\r\n\r\n", 4);
	if (!end)
		return false;
	end[3] = '\0';
	c->answer = answer_for(c->head);
	c->sent = 0;
	c->body_left = body_of(c->head);
	size_t used = (size_t)(end + 4 - c->head);
	size_t body = c->have - used < c->body_left ? c->have - used : c->body_left;
	c->body_left -= body;
	c->have -= used + body;
	memmove(c->head, end + 4 + body, c->have);
	return true;
}

static bool read_some(struct client *c)
{
	size_t room = c->body_left ? c->body_left : sizeof c->head - c->have - 1;
	char *to = c->body_left ? dropped : c->head + c->have;
	if (c->body_left && room > sizeof dropped)
		room = sizeof dropped;
	ssize_t n = read(c->fd, to, room);
	if (n < 0 && errno == EAGAIN)
		return true;
	if (n <= 0)
		return false;
	if (c->body_left)
		c->body_left -= (size_t)n;
	else
		c->have += (size_t)n;
	while (!c->answer && take_head(c))
		if (!send_answer(c))
			return false;
	return send_answer(c);
}

static void welcome(int listener)
{
	int on = 1;
	struct client *c = calloc(1, sizeof *c);
	c->fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	if (c->fd < 0) {
		free(c);
		return;
	}
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};
	epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &ev);
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)(argc > 1 ? atoi(argv[1]) : 0))};
	int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	signal(SIGPIPE, SIG_IGN);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	small = make_answer(100, 'x'), medium = make_answer(16 * 1024, 'x'),
	large = make_answer(10 * 1024 * 1024, 'x');
	for (int i = 0; i < 10; i++)
		versions[i] = make_answer(100, (char)('0' + i));
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(listener, (struct sockaddr *)&at, sizeof at) < 0 || listen(listener, 4096) < 0) {
		perror("origin");
		return 1;
	}
	poller = epoll_create1(0);
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = NULL}, ready[64];
	epoll_ctl(poller, EPOLL_CTL_ADD, listener, &ev);
	for (;;) {
		int n = epoll_wait(poller, ready, 64, -1);
		for (int i = 0; i < n; i++) {
			struct client *c = ready[i].data.ptr;
			if (!c)
				welcome(listener);
			else if (!(c->wants_write ? send_answer(c) : read_some(c)))
				finish(c);
		}
	}
}
