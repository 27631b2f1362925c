/* session: one connection of stream_listen, from its first byte to its access line.
 *
 * The order of its life: PROXY preamble, ClientHello (both only looked at, and only where the listener wants them),
 * the route, TLS when the route ends it here, an address, a connection to it, then bytes both ways through two
 * tunnels. A session waits for one thing at a time; whatever was waited for calls the function that comes next.
 * session_end() is the only way out. */
#include <errno.h>
#include <stdlib.h>

#include "common/core/log.h"
#include "common/net/client_hello.h"
#include "dp/client/tunnel.h"
#include "dp/stream/aim.h"
#include "dp/stream/phases.h"
#include "dp/stream/streams.h"

enum { HIGH_WATER = 128 * 1024 }; /* not yet taken by one side: the other is not read */

struct session {
	struct session *prev, *next;
	struct streams *streams;
	const struct listen_spec *listener;
	struct arena arena;
	struct lease *lease;
	uint64_t started_ms;
	int status; /* for the log */
	bool over;
	struct loop_deferred grave;

	struct conn *client; /* until the tunnel has it */
	struct proxy_reader *preamble;
	struct l4_session facts;
	char sni[CLIENT_HELLO_NAME_MAX];
	char client_ip[IP_TEXT_MAX + 1];
	struct route_plan plan;
	enum l4_protocol as;
	struct phases phases;

	struct aim aim;
	struct conn *connecting;
	int64_t tries_left;
	struct tunnel down, up;  /* to the client, to the upstream */
	uint64_t sent, received; /* to and from the client */
};

static void session_end(struct session *s, int status);

/* ---- the end --------------------------------------------------------------------------------------------------- */

static void free_session(void *arg)
{
	struct session *s = arg;

	arena_fini(&s->arena);
	free(s->preamble);
	free(s);
}

static void unlink_session(struct session *s)
{
	struct streams *all = s->streams;

	*(s->prev ? &s->prev->next : &all->sessions) = s->next;
	if (s->next)
		s->next->prev = s->prev;
	__atomic_store_n(&all->active, all->active - 1, __ATOMIC_RELAXED);
	if (all->active + 1 == all->max)
		all->on_full(all, false);
}

static struct phases_about about(struct session *s)
{
	return (struct phases_about){.arena = &s->arena,
	        .proxy = s->streams->proxy,
	        .snapshot = s->lease ? s->lease->snapshot : NULL,
	        .plan = &s->plan,
	        .facts = &s->facts,
	        .client = s->client,
	        .client_ip = slice_cstr(s->client_ip),
	        .started_ms = s->started_ms};
}

static void session_end(struct session *s, int status)
{
	if (s->over)
		return;
	s->over = true;
	s->status = status;
	aim_end(&s->aim);
	if (s->connecting)
		conn_close(s->connecting);
	if (s->client)
		conn_close(s->client);
	tunnel_cancel(&s->down);
	tunnel_cancel(&s->up);
	struct stream_entry e = {
	        slice_cstr(s->client_ip), S("TCP"), status, s->sent, s->received, clock_mono_ms() - s->started_ms};
	streams_log(s->streams, &e);
	struct phases_about told = about(s);
	phases_end(&s->phases, &told, status, s->received, s->sent);
	if (s->lease)
		lease_give(s->lease);
	unlink_session(s);
	loop_defer(s->streams->proxy->loop, &s->grave, free_session, s); /* callers on the stack still look at it */
}

/* ---- bytes both ways ------------------------------------------------------------------------------------------- */

/* From one side to the other, which is not asked to hold more than so much. */
static void pass(struct tunnel *from, struct tunnel *to, struct slice piece, bool last)
{
	tunnel_write(to, piece, last);
	if (tunnel_queued(to) > HIGH_WATER)
		tunnel_pause(from, true);
}

static void on_down_piece(struct tunnel *t, struct slice piece, bool last)
{
	struct session *s = t->owner;
	s->received += piece.len;
	pass(&s->down, &s->up, piece, last);
}

static void on_up_piece(struct tunnel *t, struct slice piece, bool last)
{
	struct session *s = t->owner;
	s->sent += piece.len;
	pass(&s->up, &s->down, piece, last);
}

static void on_down_drained(struct tunnel *t)
{
	tunnel_pause(&((struct session *)t->owner)->up, false);
}

static void on_up_drained(struct tunnel *t)
{
	tunnel_pause(&((struct session *)t->owner)->down, false);
}

static void on_fail(struct tunnel *t, bool idle)
{
	session_end(t->owner, 200);
}

/* One side is done with; the other may have bytes to send still. */
static void on_over(struct tunnel *t)
{
	struct session *s = t->owner;
	if (!s->down.conn && !s->up.conn)
		session_end(s, 200);
}

static const struct tunnel_ops down_ops = {
        .on_piece = on_down_piece, .on_drained = on_down_drained, .on_fail = on_fail, .on_over = on_over};
static const struct tunnel_ops up_ops = {
        .on_piece = on_up_piece, .on_drained = on_up_drained, .on_fail = on_fail, .on_over = on_over};

static void join(struct session *s, struct conn *upstream)
{
	uint32_t idle_ms = (uint32_t)s->plan.service->read_timeout;
	struct conn *client = s->client;

	s->client = NULL;
	s->status = 200;
	phases_joined(&s->phases);
	conn_set_timeout(upstream, 0);
	tunnel_start(&s->up, upstream, idle_ms, &up_ops, s);
	tunnel_start(&s->down, client, idle_ms, &down_ops, s);
	tunnel_run(&s->down);
	tunnel_run(&s->up);
}

/* ---- towards the upstream -------------------------------------------------------------------------------------- */

/* Nothing of the client's has been forwarded yet: another address may be tried. */
static void try_failed(struct session *s, bool timeout, bool later)
{
	aim_failed(&s->aim, timeout);
	phases_try_failed(&s->phases, timeout);
	if (s->tries_left-- <= 0)
		session_end(s, 502);
	else if (later)
		aim_begin_later(&s->aim);
	else
		aim_begin(&s->aim);
}

static void on_connected(struct conn *c, int error)
{
	struct session *s = c->owner;
	const char *why = party_problem(c->tls);

	s->connecting = NULL;
	if (!error) {
		aim_reached(&s->aim);
		join(s, c);
		return;
	}
	if (why)
		log_warn("an upstream's certificate is not believed", LOG_SLICE("host", s->aim.pick.host_header),
		        LOG_STR("why", why));
	conn_close(c);
	try_failed(s, false, false);
}

static void on_connect_closed(struct conn *c)
{
	on_connected(c, ECONNRESET);
}

static void on_connect_timeout(struct conn *c)
{
	struct session *s = c->owner;

	s->connecting = NULL;
	conn_close(c);
	try_failed(s, true, false);
}

static const struct conn_ops connect_ops = {
        .on_connected = on_connected,
        .on_readable = on_connect_closed,
        .on_drained = on_connect_closed,
        .on_closed = on_connect_closed,
        .on_timeout = on_connect_timeout,
};

/* False: whom TLS is to be spoken with cannot be said, and what was meant for TLS never goes in the clear. */
static bool find_party(struct session *s, struct party **out)
{
	bool keeps = s->plan.route->preserve_host && s->facts.sni.len > 0;
	struct party_wanted wanted = {
	        .snapshot = s->lease->snapshot,
	        .service = s->plan.service,
	        .upstream = s->plan.upstream ? s->plan.upstream->upstream : NULL,
	        .host = keeps ? s->facts.sni : s->aim.pick.host_header,
	        .address = (const struct sockaddr *)&s->aim.address,
	        .address_len = s->aim.address_len,
	        .arena = &s->arena,
	};
	struct err e;

	*out = NULL;
	if (!s->plan.destination->tls)
		return true;
	*out = party_find(&s->streams->proxy->parties, &wanted, &e);
	if (!*out)
		log_error("no TLS towards the upstream", LOG_STR("why", e.message));
	return *out != NULL;
}

static void on_aimed(struct aim *a, int problem)
{
	struct session *s = (struct session *)((char *)a - offsetof(struct session, aim));
	struct party *party;

	if (problem || !find_party(s, &party)) {
		session_end(s, problem ? problem : 502);
		return;
	}
	phases_try(&s->phases, (struct sockaddr *)&a->address);
	s->connecting = conn_connect(s->streams->proxy->loop, (struct sockaddr *)&a->address, a->address_len,
	        party ? party_connect(party) : NULL, &connect_ops, s);
	if (s->connecting)
		conn_set_timeout(s->connecting, (uint32_t)s->plan.service->connect_timeout);
	else
		try_failed(s, false, true);
}

/* ---- the client before that ------------------------------------------------------------------------------------ */

static void on_gone(struct conn *c)
{
	session_end(c->owner, 200);
}

static void on_too_slow(struct conn *c)
{
	session_end(c->owner, 400);
}

/* What it says waits in the socket. */
static void on_waiting_readable(struct conn *c)
{
}

static const struct conn_ops waiting_ops = {
        .on_readable = on_waiting_readable, .on_drained = on_gone, .on_closed = on_gone, .on_timeout = on_gone};

static void find_address(struct session *s)
{
	conn_adopt(s->client, &waiting_ops, s);
	conn_set_timeout(s->client, 0);
	s->tries_left = s->plan.service->retries;
	s->aim.proxy = s->streams->proxy;
	s->aim.arena = &s->arena;
	s->aim.to = s->plan.destination;
	s->aim.upstream = s->plan.upstream;
	s->aim.client_ip = slice_cstr(s->client_ip);
	s->aim.fn = on_aimed;
	aim_begin(&s->aim);
}

static void on_tls_done(struct conn *c)
{
	struct session *s = c->owner;

	phases_tls(&s->phases, c);
	find_address(s);
}

static const struct conn_ops tls_ops = {
        .on_readable = on_tls_done, .on_drained = on_gone, .on_closed = on_too_slow, .on_timeout = on_too_slow};

static void end_tls_here(struct session *s)
{
	struct conn *c = s->client;

	conn_adopt(c, &tls_ops, s);
	conn_start_tls(c, front_accept_stream(s->streams->front, s->streams->front_worker));
	c->can_read = true; /* the ClientHello was only looked at */
	conn_wake(c);
}

static bool is_for_streams(const struct service *service)
{
	return slice_eq(service->protocol, S("tcp")) || slice_eq(service->protocol, S("tls"));
}

/* 0, or what the access log tells. */
static int find_route(struct session *s, enum l4_protocol *as)
{
	unsigned protocols = 1 << L4_TCP;

	if (s->listener->ssl)
		protocols |= 1 << L4_TLS | 1 << L4_TLS_PASSTHROUGH;
	s->lease = lease_take(s->streams->proxy->leases);
	const struct l4_route *r = s->lease ? snapshot_l4(s->lease->snapshot, &s->facts, protocols, as) : NULL;
	if (!r)
		return 500;
	snapshot_plan(s->lease->snapshot, r->route, &s->plan);
	if (!s->plan.service)
		return 503;
	if (*as == L4_TCP && s->listener->ssl) {
		log_error("a route of tcp was found for a connection with TLS",
		        LOG_SLICE("listener", s->listener->text));
		return 500;
	}
	if (is_for_streams(s->plan.service))
		return 0;
	log_error(
	        "a stream cannot go to a service of this protocol", LOG_SLICE("protocol", s->plan.service->protocol));
	return 500;
}

static void on_preread(void *session, int status)
{
	struct session *s = session;

	if (status)
		session_end(s, status);
	else if (s->as == L4_TLS)
		end_tls_here(s);
	else
		find_address(s);
}

/* Plugins may take their time. */
static void choose_route(struct session *s)
{
	int problem = find_route(s, &s->as);

	if (problem) {
		session_end(s, problem);
		return;
	}
	conn_adopt(s->client, &waiting_ops, s);
	struct phases_about told = about(s);
	phases_preread(&s->phases, &told, on_preread, s);
}

/* ---- ClientHello ----------------------------------------------------------------------------------------------- */

static void on_hello(struct conn *c)
{
	static __thread char bytes[CLIENT_HELLO_BYTES_MAX];
	struct session *s = c->owner;
	size_t len;
	ssize_t n;

	do
		n = recv(c->fd, bytes, sizeof bytes, MSG_PEEK);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return;
	enum hello_result r = n > 0 ? client_hello_parse(bytes, (size_t)n, s->sni, &len) : HELLO_BAD;
	if (r == HELLO_MORE && n < (ssize_t)sizeof bytes && !c->peer_closed)
		return;
	if (r != HELLO_DONE) {
		session_end(s, 400);
		return;
	}
	if (len > 1 && s->sni[len - 1] == '.') /* a dot at its end means nothing */
		len--;
	s->facts.sni = slice_of(s->sni, len);
	choose_route(s);
}

static const struct conn_ops hello_ops = {
        .on_readable = on_hello, .on_drained = on_gone, .on_closed = on_gone, .on_timeout = on_too_slow};

/* ---- who and where --------------------------------------------------------------------------------------------- */

static void set_destination(struct session *s)
{
	struct sockaddr_storage here;
	socklen_t len = sizeof here;
	const struct proxied *said = s->client->proxied;

	s->facts.destination_port = s->listener->public_port;
	if (said && said->has_address) {
		s->facts.destination = said->destination;
		s->facts.destination_port = said->destination_port;
	} else if (getsockname(s->client->fd, (struct sockaddr *)&here, &len) == 0)
		ip_of_sockaddr((const struct sockaddr *)&here, &s->facts.destination);
}

static void begin(struct session *s)
{
	static const struct head none = {0};
	const struct trust *trust = &s->streams->proxy->options->trust;

	set_destination(s);
	if (trust_client(trust, s->client, &none, &s->facts.source, &s->facts.source_port))
		s->client_ip[ip_text(&s->facts.source, s->client_ip)] = '\0';
	if (!s->listener->ssl) {
		choose_route(s);
		return;
	}
	conn_adopt(s->client, &hello_ops, s);
	on_hello(s->client);
}

static void on_preamble(struct conn *c)
{
	struct session *s = c->owner;
	struct proxied said;
	enum proxy_result r = proxy_read(s->preamble, c->fd, &said);

	if (r == PROXY_MORE && !c->peer_closed)
		return;
	if (r != PROXY_DONE) {
		session_end(s, 400);
		return;
	}
	c->proxied = malloc(sizeof said);
	if (!c->proxied)
		abort();
	*c->proxied = said;
	begin(s);
}

static const struct conn_ops preamble_ops = {
        .on_readable = on_preamble, .on_drained = on_gone, .on_closed = on_gone, .on_timeout = on_too_slow};

/* ---- the beginning --------------------------------------------------------------------------------------------- */

static void link_session(struct session *s)
{
	struct streams *all = s->streams;

	s->next = all->sessions;
	if (s->next)
		s->next->prev = s;
	all->sessions = s;
	__atomic_store_n(&all->active, all->active + 1, __ATOMIC_RELAXED);
	if (all->active == all->max)
		all->on_full(all, true);
}

void streams_accept(struct streams *all, const struct listen_spec *listener, int fd)
{
	struct session *s = calloc(1, sizeof *s);
	if (!s)
		abort();
	arena_init_small(&s->arena, 256);
	s->facts.arena = &s->arena;
	s->streams = all;
	s->listener = listener;
	s->started_ms = clock_mono_ms();
	strcpy(s->client_ip, "unix:");
	s->client = conn_accepted(all->proxy->loop, fd, NULL, &preamble_ops, s);
	conn_set_timeout(s->client, all->preread_timeout_ms);
	link_session(s);
	if (!listener->proxy_protocol) {
		begin(s);
		return;
	}
	s->preamble = calloc(1, sizeof *s->preamble);
	if (!s->preamble)
		abort();
}

void streams_close(struct streams *all)
{
	while (all->sessions)
		session_end(all->sessions, all->sessions->status ? all->sessions->status : 200);
	streams_close_ports(all);
}
