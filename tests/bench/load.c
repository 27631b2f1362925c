/* load: makes requests and measures answers, for what wrk does not do: a steady rate whatever the answers do (open
 * loop: time counts from when a request was due, not from when it could be sent), a new connection for every request
 * (TLS full or resumed), large bodies in both directions, and many connections that do nothing.
 *
 *	load [options] PORT PATH
 *	  -c N  connections (32)            -s S  seconds (4)
 *	  -r N  requests per second, evenly spaced; otherwise as fast as answers come
 *	  -n    a new connection for every request      -b N  bytes of body to send with POST
 *	  -t    TLS 1.3                                 -R    resume sessions
 *	  -H 'Name: value'
 *	  -m N  puts a number below N in the place of % in PATH (twice: modulo 100 first)
 *	  -i    idle: one request on each connection, prints "ready", holds them until standard input ends
 *	  -o FILE  a line for each answer: when it was asked and complete (monotonic, ns), -m's number, status, and
 *the first byte of the body (as a number)
 *
 * Prints one line of JSON. One thread, epoll. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { IDLE_AT_ONCE = 16 };
enum state { CLOSED, HANDSHAKE, SENDING, READING, IDLE };

struct connection {
	int fd;
	SSL *tls;
	enum state state;
	bool wants_write;
	uint64_t due_ns, asked_ns;
	unsigned index; /* of -m */
	unsigned char first;
	size_t sent, head_len, head_have;
	int64_t body_left; /* of the answer; -1: its head is not complete */
	char head[512], answer[4096];
	struct connection *next; /* of the free ones */
};

static struct {
	int port, connections;
	double seconds, rate;
	bool fresh, tls, resume, idle;
	size_t body;
	unsigned many;
	const char *path, *headers[8];
	FILE *out;
	int header_count;
} want = {.connections = 32, .seconds = 4};

static struct {
	uint64_t requests, errors, bytes, resumed;
	uint32_t *us;
	size_t us_room;
} got;

static int poller;
static SSL_CTX *context;
static SSL_SESSION *session;
static struct connection *all, *spare;
static char *body, *sink;
static uint64_t started_ns, until_ns, next_due_ns, number;

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- connections ---------------------------------------------------------------------------------------------- */

static int keep_session(SSL *tls, SSL_SESSION *s)
{
	(void)tls;
	SSL_SESSION_free(session);
	session = s;
	return 1;
}

static void make_context(void)
{
	context = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	if (want.resume)
		SSL_CTX_sess_set_new_cb(context, keep_session);
}

static void watch(struct connection *c, bool writes)
{
	struct epoll_event ev = {.events = writes ? EPOLLOUT : EPOLLIN, .data.ptr = c};
	if (c->wants_write != writes)
		epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &ev);
	c->wants_write = writes;
}

static void hang_up(struct connection *c)
{
	if (c->tls) {
		SSL_shutdown(c->tls);
		SSL_free(c->tls);
	}
	close(c->fd);
	c->tls = NULL;
	c->state = CLOSED;
}

static void start_tls(struct connection *c)
{
	c->tls = SSL_new(context);
	SSL_set_fd(c->tls, c->fd);
	SSL_set_tlsext_host_name(c->tls, "bench.test");
	if (want.resume && session)
		SSL_set_session(c->tls, session);
	SSL_set_connect_state(c->tls);
	c->state = HANDSHAKE;
}

static void dial(struct connection *c)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)want.port)};
	int on = 1;
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof to) < 0)
		die("connect");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	fcntl(c->fd, F_SETFL, O_NONBLOCK);
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};
	epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &ev);
	c->wants_write = false;
	c->state = SENDING;
	if (want.tls)
		start_tls(c);
}

/* ---- bytes: > 0 so many, 0 not now, -1 gone -------------------------------------------------------------------- */

static ssize_t tls_result(struct connection *c, int n, bool was_write)
{
	if (n > 0)
		return n;
	int why = SSL_get_error(c->tls, n);
	if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
		return -1;
	watch(c, why == SSL_ERROR_WANT_WRITE || (was_write && why != SSL_ERROR_WANT_READ));
	return 0;
}

static ssize_t put(struct connection *c, const char *bytes, size_t len)
{
	if (c->tls)
		return tls_result(c, SSL_write(c->tls, bytes, (int)len), true);
	ssize_t n = write(c->fd, bytes, len);
	if (n < 0 && errno == EAGAIN) {
		watch(c, true);
		return 0;
	}
	return n > 0 ? n : -1;
}

static ssize_t get(struct connection *c, char *to, size_t room)
{
	if (c->tls)
		return tls_result(c, SSL_read(c->tls, to, (int)room), false);
	ssize_t n = read(c->fd, to, room);
	return n > 0 ? n : n < 0 && errno == EAGAIN ? 0 : -1;
}

/* ---- one exchange --------------------------------------------------------------------------------------------- */

static void write_path(char *out, size_t size, unsigned i)
{
	const char *first = strchr(want.path, '%'), *second = first ? strchr(first + 1, '%') : NULL;
	if (!want.many || !first)
		snprintf(out, size, "%s", want.path);
	else if (!second)
		snprintf(out, size, "%.*s%u%s", (int)(first - want.path), want.path, i, first + 1);
	else
		snprintf(out, size, "%.*s%u%.*s%u%s", (int)(first - want.path), want.path, i % 100,
		        (int)(second - first - 1), first + 1, i, second + 1);
}

static void write_head(struct connection *c)
{
	char path[200];
	c->index = want.many ? (unsigned)(number * 7919 % want.many) : 0;
	write_path(path, sizeof path, c->index);
	int n = snprintf(
	        c->head, sizeof c->head, "%s %s HTTP/1.1\r\nHost: bench.test\r\n", want.body ? "POST" : "GET", path);
	for (int i = 0; i < want.header_count; i++)
		n += snprintf(c->head + n, sizeof c->head - (size_t)n, "%s\r\n", want.headers[i]);
	if (want.body)
		n += snprintf(c->head + n, sizeof c->head - (size_t)n, "Content-Length: %zu\r\n", want.body);
	n += snprintf(c->head + n, sizeof c->head - (size_t)n, "\r\n");
	c->head_len = (size_t)n;
}

static void note(uint64_t ns)
{
	if (got.requests == got.us_room) {
		got.us_room = got.us_room ? 2 * got.us_room : 1 << 16;
		got.us = realloc(got.us, got.us_room * sizeof *got.us);
	}
	got.us[got.requests++] = (uint32_t)(ns / 1000);
}

static void begin(struct connection *c, uint64_t due_ns);

/* A few at a time: what many requests at once need is not what idle connections keep. */
static void start_idle(int more)
{
	static int started;
	for (; more > 0 && started < want.connections; more--)
		begin(&all[started++], now_ns());
}

/* The next request of this connection, or none for now. */
static void go_on(struct connection *c)
{
	uint64_t now = now_ns();
	c->state = IDLE;
	if (want.fresh)
		hang_up(c);
	if (want.idle) {
		start_idle(1);
		return;
	}
	if (now >= until_ns)
		return;
	if (!want.rate) {
		begin(c, now);
	} else if (next_due_ns <= now) { /* late: everybody was busy */
		uint64_t due = next_due_ns;
		next_due_ns += (uint64_t)(1e9 / want.rate);
		begin(c, due);
	} else {
		c->next = spare;
		spare = c;
	}
}

static void fail(struct connection *c)
{
	got.errors++;
	hang_up(c);
	if (got.errors > 1000)
		die("a thousand requests failed, the last one");
	go_on(c);
}

static void finish(struct connection *c)
{
	if (memcmp(c->answer, "HTTP/1.1 2", 10) != 0)
		got.errors++;
	if (c->tls && SSL_session_reused(c->tls))
		got.resumed++;
	uint64_t now = now_ns();
	if (want.out)
		fprintf(want.out, "%llu %llu %u %.3s %u\n", (unsigned long long)c->asked_ns, (unsigned long long)now,
		        c->index, c->answer + 9, c->first);
	note(now - c->due_ns);
	go_on(c);
}

static bool send_on(struct connection *c)
{
	size_t all_len = c->head_len + want.body;
	while (c->sent < all_len) {
		bool in_head = c->sent < c->head_len;
		ssize_t n = in_head ? put(c, c->head + c->sent, c->head_len - c->sent)
		                    : put(c, body + (c->sent - c->head_len), all_len - c->sent);
		if (n <= 0)
			return n == 0;
		c->sent += (size_t)n;
	}
	watch(c, false);
	c->state = READING;
	c->head_have = 0;
	c->body_left = -1;
	return true;
}

/* The head of the answer is here: how much of a body is still to come? */
static bool read_answer_head(struct connection *c, const char *end)
{
	c->answer[c->head_have] = '\0';
	const char *length = strcasestr(c->answer, "\r\ncontent-length:");
	if (!length || length > end)
		return false;
	c->body_left = strtoll(length + 17, NULL, 10) - (int64_t)(c->head_have - (size_t)(end + 4 - c->answer));
	c->first = (unsigned char)end[4];
	return true;
}

static bool read_on(struct connection *c)
{
	for (;;) {
		bool in_head = c->body_left < 0;
		ssize_t n = in_head ? get(c, c->answer + c->head_have, sizeof c->answer - 1 - c->head_have)
		                    : get(c, sink, 1 << 18);
		if (n <= 0)
			return n == 0;
		got.bytes += (uint64_t)n;
		if (!in_head) {
			c->first = c->first ? c->first : (unsigned char)*sink;
			c->body_left -= n;
		} else {
			c->head_have += (size_t)n;
			const char *end = memmem(c->answer, c->head_have, "\r\n\r\n", 4);
			if (end ? !read_answer_head(c, end) : c->head_have == sizeof c->answer - 1)
				return false;
		}
		if (c->body_left == 0) {
			finish(c);
			return true;
		}
	}
}

static void drive(struct connection *c)
{
	bool ok = true;
	if (c->state == HANDSHAKE) {
		ssize_t n = tls_result(c, SSL_do_handshake(c->tls), false);
		ok = n >= 0;
		if (n > 0)
			c->state = SENDING;
	}
	if (ok && c->state == SENDING)
		ok = send_on(c);
	if (ok && c->state == READING)
		ok = read_on(c);
	else if (ok && c->state == IDLE) /* closed by the other side, or a ticket */
		ok = get(c, sink, 1) == 0;
	if (!ok && c->state == IDLE)
		hang_up(c);
	else if (!ok)
		fail(c);
}

static void begin(struct connection *c, uint64_t due_ns)
{
	c->due_ns = due_ns;
	c->asked_ns = now_ns();
	c->sent = 0;
	number++;
	write_head(c);
	if (c->state == CLOSED)
		dial(c);
	else
		c->state = SENDING;
	drive(c);
}

/* ---- the run --------------------------------------------------------------------------------------------------- */

static void start_due(int timer)
{
	uint64_t ticks, now = now_ns();
	if (read(timer, &ticks, sizeof ticks) < 0 && errno != EAGAIN)
		die("timer");
	while (next_due_ns <= now && spare && now < until_ns) {
		struct connection *c = spare;
		spare = c->next;
		uint64_t due = next_due_ns;
		next_due_ns += (uint64_t)(1e9 / want.rate);
		begin(c, due);
	}
}

static int make_timer(void)
{
	long period = (long)(1e9 / want.rate);
	struct itimerspec every = {.it_interval.tv_nsec = period < 50000 ? 50000 : period, .it_value.tv_nsec = 1};
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = NULL};
	timerfd_settime(timer, 0, &every, NULL);
	epoll_ctl(poller, EPOLL_CTL_ADD, timer, &ev);
	return timer;
}

static bool is_over(void)
{
	return want.idle ? got.requests + got.errors >= (uint64_t)want.connections : now_ns() >= until_ns;
}

static void run(void)
{
	struct epoll_event ready[256];
	int timer = -1;
	next_due_ns = started_ns;
	if (want.rate)
		timer = make_timer();
	if (want.idle)
		start_idle(IDLE_AT_ONCE);
	for (int i = 0; i < want.connections && !want.idle; i++) {
		if (want.rate) {
			all[i].next = spare;
			spare = &all[i];
		} else {
			begin(&all[i], now_ns());
		}
	}
	while (!is_over()) {
		int n = epoll_wait(poller, ready, 256, 100);
		for (int i = 0; i < n; i++) {
			if (ready[i].data.ptr)
				drive(ready[i].data.ptr);
			else
				start_due(timer);
		}
	}
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

static double percentile(double p)
{
	return got.requests ? got.us[(size_t)((double)(got.requests - 1) * p)] / 1000.0 : 0;
}

static void report(void)
{
	double seconds = (double)(now_ns() - started_ns) / 1e9;
	qsort(got.us, got.requests, sizeof *got.us, by_size);
	printf("{\"requests\": %llu, \"errors\": %llu, \"bytes\": %llu, \"resumed\": %llu, \"seconds\": %.3f, \"p50_ms\": %.3f, \"p99_ms\": %.3f, "
	       "\"max_ms\": %.3f}\n",
	        (unsigned long long)got.requests, (unsigned long long)got.errors, (unsigned long long)got.bytes,
	        (unsigned long long)got.resumed, seconds, percentile(0.5), percentile(0.99), percentile(1));
}

static void read_options(int argc, char **argv)
{
	int o;
	while ((o = getopt(argc, argv, "c:s:r:nb:tRH:m:io:")) != -1) {
		switch (o) {
		case 'c': want.connections = atoi(optarg); break;
		case 's': want.seconds = atof(optarg); break;
		case 'r': want.rate = atof(optarg); break;
		case 'n': want.fresh = true; break;
		case 'b': want.body = strtoull(optarg, NULL, 10); break;
		case 't': want.tls = true; break;
		case 'R': want.resume = true; break;
		case 'm': want.many = (unsigned)atoi(optarg); break;
		case 'i': want.idle = true; break;
		case 'o':
			if (!(want.out = fopen(optarg, "w")))
				die(optarg);
			break;
		case 'H':
			if (want.header_count < 8)
				want.headers[want.header_count++] = optarg;
			break;
		default: exit(64);
		}
	}
	if (argc - optind != 2) {
		fprintf(stderr,
		        "usage: load [-c N] [-s S] [-r N] [-n] [-b N] [-t] [-R] [-H 'Name: value'] [-m N] [-i] [-o FILE] PORT PATH\n");
		exit(64);
	}
	want.port = atoi(argv[optind]);
	want.path = argv[optind + 1];
}

int main(int argc, char **argv)
{
	struct rlimit files = {65536, 65536};
	read_options(argc, argv);
	signal(SIGPIPE, SIG_IGN);
	setrlimit(RLIMIT_NOFILE, &files);
	if (want.tls)
		make_context();
	body = calloc(1, want.body + 1);
	sink = malloc(1 << 18);
	all = calloc((size_t)want.connections, sizeof *all);
	poller = epoll_create1(0);
	started_ns = now_ns();
	until_ns = started_ns + (uint64_t)(want.seconds * 1e9);
	run();
	if (want.idle) {
		printf("ready\n");
		fflush(stdout);
		while (getchar() != EOF)
			;
		return got.errors > 0;
	}
	report();
	return want.out && fclose(want.out) != 0;
}
