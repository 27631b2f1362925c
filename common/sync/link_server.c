/* link_server: the control plane's end of the link; see link.h.
 *
 * A connection goes through three states: TLS handshake, waiting for the greeting, relaying. Only when the greeting
 * was the right one is the ipc socket dialled, so a peer that fails earlier never touches nanomsg. One deadline
 * covers the first two states; another one each message.
 *
 * When very many come at once, HANDSHAKES_MAX are let in and the others wait in the kernel's queue; a place that has
 * been taken for CROWD_MS is given to the next one, so half-open connections lock nobody out. In a node's own share
 * the oldest connection is closed, so its forgotten ones do not either. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/core/log.h"
#include "common/sync/link_private.h"

enum { HANDSHAKES_MAX = 256, CROWD_MS = 500, REAP_MS = 250, PER_NODE_MAX = 8, GREETING = 8 };

struct tunnel {
	struct tunnel *prev, *next;
	struct link_server *server;
	enum {
		TUNNEL_HANDSHAKE,
		TUNNEL_GREETING,
		TUNNEL_SIGNING,
		TUNNEL_DIALLING,
		TUNNEL_RELAYING,
		TUNNEL_DEAD
	} state;
	struct conn *far, *near; /* while relaying: the relay's */
	struct relay relay;
	struct guard guard;
	struct link_asked *asked; /* while signing */
	uint64_t since_ms;
	char who[128]; /* for the log: node id once known, and address */
};

struct tunnel_list {
	struct tunnel *oldest, *newest;
	unsigned count;
};

struct link_server {
	struct loop *loop;
	struct listener *listener;
	SSL_CTX *tls;
	struct link_gate gate;
	struct sockaddr_un address[2]; /* by enum link_socket */
	unsigned max_connections;
	bool is_paused;
	struct tunnel_list fresh, known, dead; /* before the greeting; after it; to be freed */
	struct link_log log;
	struct loop_timer *reaper;
};

static void list_add(struct tunnel_list *l, struct tunnel *t)
{
	t->prev = l->newest;
	t->next = NULL;
	*(l->newest ? &l->newest->next : &l->oldest) = t;
	l->newest = t;
	l->count++;
}

static void list_remove(struct tunnel_list *l, struct tunnel *t)
{
	*(t->prev ? &t->prev->next : &l->oldest) = t->next;
	*(t->next ? &t->next->prev : &l->newest) = t->prev;
	l->count--;
}

static struct tunnel_list *list_of(struct tunnel *t)
{
	switch (t->state) {
	case TUNNEL_HANDSHAKE:
	case TUNNEL_SIGNING:
	case TUNNEL_GREETING: return &t->server->fresh;
	case TUNNEL_DEAD: return &t->server->dead;
	default: return &t->server->known;
	}
}

static bool is_full(const struct link_server *s)
{
	return s->fresh.count >= HANDSHAKES_MAX || s->fresh.count + s->known.count >= s->max_connections;
}

/* Opens or closes the door, as there is room or not. */
static void admit(struct link_server *s)
{
	if (s->listener && s->is_paused != is_full(s)) {
		s->is_paused = !s->is_paused;
		listener_pause(s->listener, s->is_paused);
	}
}

static void set_state(struct tunnel *t, int state)
{
	list_remove(list_of(t), t);
	t->state = state;
	list_add(list_of(t), t);
	admit(t->server);
}

/* Closes what is open and leaves the memory to the reaper: callers may still hold t. */
static void bury(struct tunnel *t)
{
	if (t->state == TUNNEL_DEAD)
		return;
	if (t->state == TUNNEL_RELAYING)
		relay_stop(&t->relay);
	else {
		if (t->asked)
			link_asked_drop(t->asked);
		conn_close(t->far);
		if (t->near)
			conn_close(t->near);
	}
	t->far = t->near = NULL;
	t->asked = NULL;
	guard_fini(&t->guard);
	set_state(t, TUNNEL_DEAD);
}

static void refuse(struct tunnel *t, const char *why)
{
	link_log(&t->server->log, "cluster connection refused", t->who, why);
	bury(t);
}

static void bury_dead(struct link_server *s)
{
	while (s->dead.oldest) {
		struct tunnel *t = s->dead.oldest;
		list_remove(&s->dead, t);
		free(t);
	}
}

/* Now and then. Others wait: whoever has had his time goes. */
static void reap(void *arg)
{
	struct link_server *s = arg;
	unsigned n = s->is_paused ? s->fresh.count : 0;
	while (n-- > 0 && s->fresh.oldest && clock_mono_ms() - s->fresh.oldest->since_ms >= CROWD_MS)
		refuse(s->fresh.oldest, "no handshake in time, and others wait");
	bury_dead(s);
}

/* ---- relaying ---- */

static bool emit(void *arg, const struct iovec *parts, int n)
{
	struct tunnel *t = arg;
	return conn_write(t->near, parts, n);
}

static struct tunnel *tunnel_of(struct relay *r)
{
	return (struct tunnel *)((char *)r - offsetof(struct tunnel, relay));
}

static bool filter(struct relay *r, struct slice bytes)
{
	struct tunnel *t = tunnel_of(r);
	bool was_mid_message = guard_is_mid_message(&t->guard);
	uint64_t messages = t->guard.messages;
	const char *why = guard_feed(&t->guard, bytes, emit, t);
	if (why) {
		link_log(&t->server->log, "cluster connection refused", t->who, why);
		return false;
	}
	/* between messages a node may be silent for as long as it likes; a message it has begun it must end */
	bool is_mid_message = guard_is_mid_message(&t->guard);
	if (is_mid_message != was_mid_message || t->guard.messages != messages)
		conn_set_timeout(t->far, is_mid_message ? LINK_HANDSHAKE_MS : 0);
	return true;
}

static void on_stalled(struct relay *r)
{
	struct tunnel *t = tunnel_of(r);
	link_log(&t->server->log, "cluster connection refused", t->who, "a message did not end in time");
}

static void on_relay_end(struct relay *r)
{
	bury(tunnel_of(r));
}

static const struct relay_ops tunnel_relay_ops = {.filter = filter, .on_stalled = on_stalled, .on_end = on_relay_end};

static void on_near_connected(struct conn *c, int error)
{
	struct tunnel *t = c->owner;
	if (error) {
		refuse(t, strerror(error));
		return;
	}
	conn_set_timeout(t->far, 0);
	set_state(t, TUNNEL_RELAYING);
	relay_start(&t->relay, t->far, t->near, &tunnel_relay_ops);
}

/* ---- before the greeting ---- */

static void on_silence(struct conn *c)
{
	struct tunnel *t = c->owner;
	refuse(t, t->state == TUNNEL_HANDSHAKE ? "no TLS handshake in time" : "no greeting in time");
}

static void on_lost(struct conn *c)
{
	struct tunnel *t = c->owner;
	if (t->state == TUNNEL_HANDSHAKE) {
		long verdict = c->tls ? SSL_get_verify_result(c->tls) : X509_V_OK;
		refuse(t, verdict == X509_V_OK ? "TLS handshake failed" : X509_verify_cert_error_string(verdict));
	} else
		bury(t);
}

static void nothing(struct conn *c)
{
}

static const struct conn_ops near_ops = {.on_readable = nothing,
        .on_drained = nothing,
        .on_connected = on_near_connected,
        .on_closed = on_lost,
        .on_timeout = on_lost};

static void dial_near(struct tunnel *t)
{
	struct link_server *s = t->server;
	const struct sockaddr_un *to = &s->address[t->guard.socket];
	set_state(t, TUNNEL_DIALLING);
	t->near = conn_connect(s->loop, (const struct sockaddr *)to, sizeof *to, NULL, &near_ops, t);
	if (!t->near)
		refuse(t, strerror(errno));
}

/* Room for one more connection of this node: its oldest goes. */
static void keep_share(struct tunnel *newcomer)
{
	struct tunnel *oldest = NULL;
	unsigned n = 0;
	for (struct tunnel *t = newcomer->server->known.oldest; t; t = t->next)
		if (memcmp(t->guard.peer, newcomer->guard.peer, sizeof t->guard.peer) == 0 && n++ == 0)
			oldest = t;
	if (n >= PER_NODE_MAX)
		refuse(oldest, "too many connections of this node");
}

static bool is_revoked(const struct tunnel *t)
{
	const struct link_gate *gate = &t->server->gate;
	return gate->is_revoked && t->guard.peer[0] && gate->is_revoked(t->guard.peer, gate->arg);
}

static bool identify(struct tunnel *t)
{
	char address[sizeof t->who];
	if (!link_alpn_of(t->far->tls, &t->guard.socket)) {
		refuse(t, "no protocol chosen (ALPN)");
		return false;
	}
	bool is_stranger = t->guard.socket == LINK_SIGN && !SSL_get0_peer_certificate(t->far->tls);
	if (is_stranger)
		return true;
	if (!link_peer_id(t->far->tls, t->guard.peer, &t->guard.peer_expires_s)) {
		refuse(t, "common name of the certificate is no node id (UUID)");
		return false;
	}
	if (is_revoked(t)) {
		refuse(t, "the node's certificate is revoked");
		return false;
	}
	snprintf(address, sizeof address, "%s", t->who);
	snprintf(t->who, sizeof t->who, "%s %.80s", t->guard.peer, address);
	return true;
}

static void on_asked_end(void *arg)
{
	bury(arg);
}

static void begin_signing(struct tunnel *t)
{
	set_state(t, TUNNEL_SIGNING);
	t->asked = link_asked_start(t->far, &t->server->gate, t->guard.peer, t->who, on_asked_end, t);
}

static void on_greeting(struct conn *c)
{
	struct tunnel *t = c->owner;
	if (t->state == TUNNEL_DIALLING)
		return; /* what follows the greeting waits until the relay runs */
	if (t->state == TUNNEL_HANDSHAKE) {
		if (!identify(t))
			return;
		if (t->guard.socket == LINK_SIGN) {
			begin_signing(t);
			return;
		}
		set_state(t, TUNNEL_GREETING);
	}
	enum io_result got = conn_read(c);
	struct slice have = c->in ? iobuf_slice(c->in) : (struct slice){0};
	if (!guard_may_greet(t->guard.socket, have))
		refuse(t, "greeting is not that of the socket it asked for");
	else if (have.len >= GREETING) {
		keep_share(t);
		dial_near(t);
	} else if (got == IO_EOF || got == IO_ERROR)
		bury(t);
}

static const struct conn_ops far_ops = {
        .on_readable = on_greeting, .on_drained = nothing, .on_closed = on_lost, .on_timeout = on_silence};

static void on_accept(struct listener *l, int fd, void *arg)
{
	struct link_server *s = arg;
	struct tunnel *t = calloc(1, sizeof *t);
	SSL *tls = SSL_new(s->tls);
	int port = 0;
	if (!t || !tls)
		abort();
	bury_dead(s);
	link_tune(fd);
	t->server = s;
	t->since_ms = clock_mono_ms();
	list_add(&s->fresh, t);
	t->far = conn_accepted(s->loop, fd, tls, &far_ops, t);
	conn_address_text(&t->far->peer.any, t->who, sizeof t->who, &port);
	conn_set_timeout(t->far, LINK_HANDSHAKE_MS);
	admit(s);
}

/* ---- opening and closing ---- */

struct link_server *link_server_open(struct loop *l, const struct listen_spec *spec, const struct link_certs *certs,
        const char *pub_path, const char *rep_path, unsigned max_connections, const struct link_gate *gate,
        struct err *e)
{
	struct link_server *s = calloc(1, sizeof *s);
	if (!s)
		abort();
	s->loop = l;
	s->max_connections = max_connections;
	if (gate)
		s->gate = *gate;
	if (link_unix_address(pub_path, &s->address[LINK_PUB], e) &&
	        link_unix_address(rep_path, &s->address[LINK_REP], e) && (s->tls = link_server_tls(certs, e)) != NULL)
		s->listener = listener_open(l, spec, on_accept, s, e);
	if (s->listener)
		s->reaper = loop_timer_new(l, REAP_MS, true, reap, s);
	else {
		SSL_CTX_free(s->tls);
		free(s);
		s = NULL;
	}
	return s;
}

void link_server_close(struct link_server *s)
{
	if (!s)
		return;
	listener_close(s->listener);
	s->listener = NULL;
	loop_timer_free(s->reaper);
	while (s->fresh.oldest)
		bury(s->fresh.oldest);
	while (s->known.oldest)
		bury(s->known.oldest);
	bury_dead(s);
	SSL_CTX_free(s->tls);
	free(s);
}

void link_server_cut_revoked(struct link_server *s)
{
	struct tunnel_list *lists[] = {&s->fresh, &s->known};
	for (size_t i = 0; i < 2; i++)
		for (struct tunnel *t = lists[i]->oldest, *next; t; t = next) {
			next = t->next;
			if (is_revoked(t))
				refuse(t, "the node's certificate is revoked");
		}
}

bool link_server_use(struct link_server *s, const struct link_certs *certs, struct err *e)
{
	SSL_CTX *tls = link_server_tls(certs, e);
	if (!tls)
		return false;
	SSL_CTX_free(s->tls); /* those that use it hold it */
	s->tls = tls;
	return true;
}
