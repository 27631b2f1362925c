/* link_client: a data plane's end of the link; see link.h.
 *
 * nanomsg dials our unix sockets again and again; each connection it makes becomes one TLS connection to the control
 * plane. When that fails the local connection is closed and for a while (doubling, with jitter) new ones are closed
 * at once, which costs next to nothing, so a data plane's nanomsg may retry often without flooding a control plane
 * that is down.
 *
 * Under TLS 1.3 a client's handshake is complete before the server has looked at the client's certificate. So
 * "connected" means here: the other side's nanomsg has spoken.
 *
 * The control plane's name is resolved with getaddrinfo(), which blocks: the loop should be a thread of its own. */
#include <errno.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/core/log.h"
#include "common/sync/link_private.h"

enum { BACKOFF_MIN_MS = 100, BACKOFF_MAX_MS = 4 * 1000, PASSAGES_MAX = 16 };

/* One connection of our own nanomsg and its continuation to the control plane. */
struct passage {
	struct passage *next;
	struct link_client *client;
	enum { PASSAGE_DIALLING, PASSAGE_RELAYING, PASSAGE_DEAD } state;
	enum link_socket socket;
	struct conn *far, *near;
	struct relay relay;
	bool has_spoken;
};

struct door { /* a listening unix socket */
	struct link_client *client;
	struct sockaddr_un address;
	int fd;
	struct event *event;
};

struct link_client {
	struct loop *loop;
	SSL_CTX *tls;
	char *host;
	int port;
	struct door doors[2]; /* by enum link_socket */
	struct passage *passages;
	unsigned count, up;
	unsigned attempt; /* counts dials, to take turns among addresses */
	uint64_t not_before_ms;
	uint32_t backoff_ms;
	atomic_uint_fast64_t down_since;
	struct link_log log;
	struct loop_timer *reaper;
};

static void mark_up(struct passage *p)
{
	struct link_client *c = p->client;
	if (p->has_spoken)
		return;
	p->has_spoken = true;
	c->backoff_ms = 0;
	if (c->up++ == 0 && atomic_exchange(&c->down_since, 0))
		log_notice("connected to the control plane", LOG_STR("host", c->host), LOG_INT("port", c->port));
}

static void mark_down(struct passage *p)
{
	struct link_client *c = p->client;
	if (!p->has_spoken)
		return;
	p->has_spoken = false;
	if (--c->up > 0)
		return;
	atomic_store(&c->down_since, clock_mono_ms());
	log_notice("lost the control plane", LOG_STR("host", c->host), LOG_INT("port", c->port));
}

/* Both sockets' connections fail at about the same time: that counts once. */
static void back_off(struct link_client *c)
{
	uint32_t random;
	if (clock_mono_ms() < c->not_before_ms)
		return;
	random_bytes(&random, sizeof random);
	c->backoff_ms = c->backoff_ms == 0 ? BACKOFF_MIN_MS : c->backoff_ms * 2;
	if (c->backoff_ms > BACKOFF_MAX_MS)
		c->backoff_ms = BACKOFF_MAX_MS;
	c->not_before_ms = clock_mono_ms() + c->backoff_ms / 2 + random % c->backoff_ms;
}

static void bury(struct passage *p)
{
	if (p->state == PASSAGE_DEAD)
		return;
	if (p->state == PASSAGE_RELAYING)
		relay_stop(&p->relay);
	else {
		if (p->far)
			conn_close(p->far);
		conn_close(p->near);
	}
	p->far = p->near = NULL;
	mark_down(p);
	p->state = PASSAGE_DEAD;
}

static void reap(void *arg)
{
	struct link_client *c = arg;
	for (struct passage **at = &c->passages; *at;) {
		struct passage *p = *at;
		if (p->state != PASSAGE_DEAD) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		c->count--;
		free(p);
	}
}

static void fail(struct passage *p, const char *why)
{
	struct link_client *c = p->client;
	back_off(c);
	link_log(&c->log, "cannot reach the control plane", c->host, why);
	bury(p);
}

/* ---- relaying ---- */

static struct passage *passage_of(struct relay *r)
{
	return (struct passage *)((char *)r - offsetof(struct passage, relay));
}

static void on_traffic(struct relay *r)
{
	mark_up(passage_of(r));
}

static void on_relay_end(struct relay *r)
{
	struct passage *p = passage_of(r);
	if (p->has_spoken)
		bury(p);
	else
		fail(p, "it closed the connection before it said anything (is this node's certificate accepted?)");
}

static const struct relay_ops passage_relay_ops = {.on_traffic = on_traffic, .on_end = on_relay_end};

/* ---- dialling ---- */

static void on_far_connected(struct conn *c, int error)
{
	struct passage *p = c->owner;
	if (error) {
		long verdict = c->tls ? SSL_get_verify_result(c->tls) : X509_V_OK;
		fail(p, verdict == X509_V_OK ? strerror(error) : X509_verify_cert_error_string(verdict));
		return;
	}
	link_tune(c->fd);
	conn_set_timeout(c, 0);
	p->state = PASSAGE_RELAYING;
	relay_start(&p->relay, p->far, p->near, &passage_relay_ops);
}

static void nothing(struct conn *c)
{
}

static void on_far_lost(struct conn *c)
{
	fail(c->owner, "no connection, or no TLS handshake in time");
}

static void on_near_lost(struct conn *c)
{
	bury(c->owner);
}

static const struct conn_ops far_ops = {.on_readable = nothing,
        .on_drained = nothing,
        .on_connected = on_far_connected,
        .on_closed = on_far_lost,
        .on_timeout = on_far_lost};
static const struct conn_ops near_ops = {
        .on_readable = nothing, .on_drained = nothing, .on_closed = on_near_lost, .on_timeout = on_near_lost};

static SSL *new_tls(struct link_client *c, enum link_socket which)
{
	SSL *tls = SSL_new(c->tls);
	if (!tls || !link_set_alpn(tls, which))
		abort();
	SSL_set_tlsext_host_name(tls, c->host);
	SSL_set_connect_state(tls);
	return tls;
}

/* A name may have several addresses: successive dials take them in turn. */
static const struct addrinfo *choose(const struct addrinfo *all, unsigned attempt)
{
	unsigned n = 0;
	for (const struct addrinfo *a = all; a; a = a->ai_next)
		n++;
	const struct addrinfo *a = all;
	for (unsigned skip = attempt % n; skip > 0; skip--)
		a = a->ai_next;
	return a;
}

static void dial(struct passage *p)
{
	struct link_client *c = p->client;
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *all = NULL;
	char port[16];

	snprintf(port, sizeof port, "%d", c->port);
	int problem = getaddrinfo(c->host, port, &hints, &all);
	if (problem) {
		fail(p, gai_strerror(problem));
		return;
	}
	/* the two sockets of one pair should reach the same control plane: divide by two */
	const struct addrinfo *to = choose(all, c->attempt++ / 2);
	SSL *tls = new_tls(c, p->socket);
	p->far = conn_connect(c->loop, to->ai_addr, to->ai_addrlen, tls, &far_ops, p);
	if (p->far)
		conn_set_timeout(p->far, LINK_HANDSHAKE_MS);
	else
		fail(p, strerror(errno));
	freeaddrinfo(all);
}

static void admit(struct door *d, int fd)
{
	struct link_client *c = d->client;
	reap(c);
	if (clock_mono_ms() < c->not_before_ms || c->count >= PASSAGES_MAX) {
		close(fd);
		return;
	}
	struct passage *p = calloc(1, sizeof *p);
	if (!p)
		abort();
	p->client = c;
	p->socket = d == &c->doors[LINK_PUB] ? LINK_PUB : LINK_REP;
	p->near = conn_accepted(c->loop, fd, NULL, &near_ops, p);
	p->next = c->passages;
	c->passages = p;
	c->count++;
	dial(p);
}

static void on_door(evutil_socket_t fd, short what, void *arg)
{
	for (;;) {
		int got = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (got < 0)
			return;
		admit(arg, got);
	}
}

/* ---- opening and closing ---- */

static bool open_door(struct link_client *c, enum link_socket which, const char *path, struct err *e)
{
	struct door *d = &c->doors[which];
	d->client = c;
	if (!link_unix_address(path, &d->address, e))
		return false;
	unlink(path); /* left behind by a process that was killed; the folder is ours alone */
	d->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (d->fd < 0 || bind(d->fd, (const struct sockaddr *)&d->address, sizeof d->address) < 0 ||
	        chmod(path, 0600) < 0 || listen(d->fd, 16) < 0)
		return err_set(e, "cannot listen on '%s': %s", path, strerror(errno));
	d->event = event_new(c->loop->base, d->fd, EV_READ | EV_PERSIST, on_door, d);
	event_add(d->event, NULL);
	return true;
}

static void close_door(struct door *d)
{
	if (d->event)
		event_free(d->event);
	if (d->fd >= 0) {
		close(d->fd);
		unlink(d->address.sun_path);
	}
}

struct link_client *link_client_open(struct loop *l, const char *host, int port, const struct link_certs *certs,
        const char *pub_path, const char *rep_path, struct err *e)
{
	struct link_client *c = calloc(1, sizeof *c);
	if (!c)
		abort();
	c->loop = l;
	c->host = slice_strdup(slice_cstr(host));
	c->port = port;
	c->doors[LINK_PUB].fd = c->doors[LINK_REP].fd = -1;
	atomic_init(&c->down_since, clock_mono_ms());
	c->tls = link_client_tls(certs, e);
	if (c->tls && open_door(c, LINK_PUB, pub_path, e) && open_door(c, LINK_REP, rep_path, e)) {
		c->reaper = loop_timer_new(l, 1000, true, reap, c);
		return c;
	}
	link_client_close(c);
	return NULL;
}

void link_client_close(struct link_client *c)
{
	if (!c)
		return;
	loop_timer_free(c->reaper);
	close_door(&c->doors[LINK_PUB]);
	close_door(&c->doors[LINK_REP]);
	for (struct passage *p = c->passages; p; p = p->next)
		bury(p);
	reap(c);
	SSL_CTX_free(c->tls);
	free(c->host);
	free(c);
}

uint64_t link_client_down_since(const struct link_client *c)
{
	return atomic_load(&c->down_since);
}

bool link_client_use(struct link_client *c, const struct link_certs *certs, struct err *e)
{
	SSL_CTX *tls = link_client_tls(certs, e);
	if (!tls)
		return false;
	SSL_CTX_free(c->tls); /* those that use it hold it */
	c->tls = tls;
	c->not_before_ms = 0;
	c->backoff_ms = 0;
	for (struct passage *p = c->passages; p; p = p->next)
		bury(p); /* our own nanomsg comes again at once */
	return true;
}
