/* udp: datagrams of stream_listen with `udp`. A session is one client address that talks to one of ours: what comes
 * from there goes to the upstream over a socket of its own, and back. It ends when nothing has moved for the
 * service's read_timeout.
 *
 * Datagrams may be lost, so nothing waits for room: what a socket does not take is dropped. Anybody can send from any
 * address, so sessions are bounded (UDP_SESSIONS_MAX for each listener and worker; what would begin one more is
 * dropped), and while an address is looked up only the first few datagrams are kept. */
#include <errno.h>
#include <event2/event_struct.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/core/log.h"
#include "dp/stream/aim.h"
#include "dp/stream/phases.h"
#include "dp/stream/streams.h"

enum { UDP_SESSIONS_MAX = 4096, DATAGRAM_MAX = 65536, DATAGRAMS_PER_TURN = 64, HELD_MAX = 8, KEY_MAX = 64 };

/* Both ends of what a client sends. */
struct ends {
	struct sockaddr_storage client;
	socklen_t client_len;
	union {
		struct in_pktinfo v4;
		struct in6_pktinfo v6;
	} here; /* as the kernel says it, and wants it back */
};

struct udp_port {
	struct udp_port *next;
	struct streams *streams;
	const struct listen_spec *spec;
	int fd;
	struct event event;
	struct map sessions; /* by both ends */
	bool complained;
	struct loop_deferred grave;
};

struct held {
	struct held *next;
	struct slice bytes;
};

struct udp_session {
	struct udp_port *port;
	struct arena arena;
	struct slice key;
	struct ends ends;
	struct lease *lease;
	struct route_plan plan;
	struct phases phases;
	struct aim aim;
	struct l4_session facts;
	char client_ip[IP_TEXT_MAX + 1];
	int fd; /* to the upstream; -1: not yet */
	struct event event;
	struct held *held, **held_end;
	unsigned held_count;
	struct timeout idle;
	uint64_t started_ms, sent, received;
	int64_t tries_left;
	bool over;
	struct loop_deferred grave;
};

/* ---- both ends ------------------------------------------------------------------------------------------------- */

static bool is_v6(const struct udp_port *p)
{
	return p->spec->address.ss_family == AF_INET6;
}

static void read_here(struct msghdr *m, struct ends *out)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			memcpy(&out->here.v4, CMSG_DATA(c), sizeof out->here.v4);
			out->here.v4.ipi_ifindex = 0; /* routes may change while a session lasts */
		}
		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			memcpy(&out->here.v6, CMSG_DATA(c), sizeof out->here.v6);
			if (!IN6_IS_ADDR_LINKLOCAL(&out->here.v6.ipi6_addr))
				out->here.v6.ipi6_ifindex = 0;
		}
	}
}

static void set_destination(const struct udp_port *p, const struct ends *ends, struct ip *out)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr = ends->here.v4.ipi_addr};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = ends->here.v6.ipi6_addr};

	ip_of_sockaddr(is_v6(p) ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4, out);
}

static int port_of(const struct sockaddr_storage *a)
{
	return ntohs(a->ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)a)->sin6_port
	                                      : ((const struct sockaddr_in *)a)->sin_port);
}

/* Address and port of the client, our address. */
static struct slice key_of(const struct udp_port *p, const struct ends *ends, char out[KEY_MAX])
{
	struct ip client, here;
	int port = port_of(&ends->client);
	char *at = out;

	ip_of_sockaddr((const struct sockaddr *)&ends->client, &client);
	set_destination(p, ends, &here);
	at = (char *)memcpy(at, &client, sizeof client) + sizeof client;
	at = (char *)memcpy(at, &here, sizeof here) + sizeof here;
	at = (char *)memcpy(at, &port, sizeof port) + sizeof port;
	return slice_of(out, (size_t)(at - out));
}

/* ---- the end --------------------------------------------------------------------------------------------------- */

static void free_session(void *arg)
{
	struct udp_session *s = arg;

	arena_fini(&s->arena);
	free(s);
}

static struct phases_about about(struct udp_session *s)
{
	return (struct phases_about){.arena = &s->arena,
	        .proxy = s->port->streams->proxy,
	        .snapshot = s->lease ? s->lease->snapshot : NULL,
	        .plan = &s->plan,
	        .facts = &s->facts,
	        .client_ip = slice_cstr(s->client_ip),
	        .started_ms = s->started_ms};
}

static void end(struct udp_session *s, int status)
{
	if (s->over)
		return;
	s->over = true;
	timeout_clear(&s->idle);
	aim_end(&s->aim);
	if (s->fd >= 0) {
		event_del(&s->event);
		close(s->fd);
	}
	struct stream_entry e = {
	        slice_cstr(s->client_ip), S("UDP"), status, s->sent, s->received, clock_mono_ms() - s->started_ms};
	streams_log(s->port->streams, &e);
	struct phases_about told = about(s);
	phases_end(&s->phases, &told, status, s->received, s->sent);
	if (s->lease)
		lease_give(s->lease);
	map_remove(&s->port->sessions, s->key);
	loop_defer(s->port->streams->proxy->loop, &s->grave, free_session, s);
}

static void on_idle(void *arg)
{
	end(arg, 200);
}

static void touch(struct udp_session *s)
{
	timeout_set(&s->port->streams->proxy->loop->timeouts, &s->idle, (uint32_t)s->plan.service->read_timeout,
	        on_idle, s);
}

/* ---- to the client --------------------------------------------------------------------------------------------- */

/* From the address that the client has sent to, whichever else we have. */
static void answer(struct udp_session *s, char *bytes, size_t n)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	} control = {.room = {0}};
	bool v6 = is_v6(s->port);
	size_t size = v6 ? sizeof s->ends.here.v6 : sizeof s->ends.here.v4;
	struct iovec part = {bytes, n};
	struct msghdr m = {.msg_name = &s->ends.client,
	        .msg_namelen = s->ends.client_len,
	        .msg_iov = &part,
	        .msg_iovlen = 1,
	        .msg_control = &control,
	        .msg_controllen = CMSG_SPACE(size)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = v6 ? IPPROTO_IPV6 : IPPROTO_IP;
	c->cmsg_type = v6 ? IPV6_PKTINFO : IP_PKTINFO;
	c->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(c), &s->ends.here, size);
	if (sendmsg(s->port->fd, &m, MSG_DONTWAIT) >= 0)
		s->sent += n;
}

static void on_answer(evutil_socket_t fd, short what, void *arg)
{
	static __thread char bytes[DATAGRAM_MAX];
	struct udp_session *s = arg;

	for (int i = 0; i < DATAGRAMS_PER_TURN; i++) {
		ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
		if (n < 0 && errno == ECONNREFUSED) { /* nobody is there: told by ICMP */
			aim_failed(&s->aim, false);
			phases_try_failed(&s->phases, false);
			end(s, 502);
			return;
		}
		if (n < 0)
			return;
		answer(s, bytes, (size_t)n);
		touch(s);
	}
}

/* ---- to the upstream ------------------------------------------------------------------------------------------- */

static void forward(struct udp_session *s, struct slice bytes)
{
	send(s->fd, bytes.ptr, bytes.len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void hold(struct udp_session *s, struct slice bytes)
{
	if (s->held_count == HELD_MAX)
		return;
	struct held *h = arena_new(&s->arena, struct held);
	h->bytes = arena_dup(&s->arena, bytes);
	*s->held_end = h;
	s->held_end = &h->next;
	s->held_count++;
}

static int open_socket(const struct aim *a)
{
	int fd = socket(a->address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (const struct sockaddr *)&a->address, a->address_len) != 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static void on_aimed(struct aim *a, int problem)
{
	struct udp_session *s = (struct udp_session *)((char *)a - offsetof(struct udp_session, aim));

	if (problem) {
		end(s, problem);
		return;
	}
	phases_try(&s->phases, (struct sockaddr *)&a->address);
	s->fd = open_socket(a);
	if (s->fd < 0) {
		aim_failed(a, false);
		phases_try_failed(&s->phases, false);
		if (s->tries_left-- > 0)
			aim_begin_later(a);
		else
			end(s, 502);
		return;
	}
	event_assign(&s->event, a->proxy->loop->base, s->fd, EV_READ | EV_PERSIST, on_answer, s);
	event_add(&s->event, NULL);
	phases_joined(&s->phases);
	for (struct held *h = s->held; h; h = h->next)
		forward(s, h->bytes);
	s->held = NULL;
	touch(s);
}

/* ---- the beginning --------------------------------------------------------------------------------------------- */

static bool find_route(struct udp_session *s)
{
	enum l4_protocol as;

	s->lease = lease_take(s->port->streams->proxy->leases);
	const struct l4_route *r = s->lease ? snapshot_l4(s->lease->snapshot, &s->facts, 1 << L4_UDP, &as) : NULL;
	if (!r)
		return false;
	snapshot_plan(s->lease->snapshot, r->route, &s->plan);
	return s->plan.service && slice_eq(s->plan.service->protocol, S("udp"));
}

static void set_facts(struct udp_session *s)
{
	ip_of_sockaddr((const struct sockaddr *)&s->ends.client, &s->facts.source);
	s->facts.source_port = port_of(&s->ends.client);
	set_destination(s->port, &s->ends, &s->facts.destination);
	s->facts.destination_port = s->port->spec->public_port;
	s->client_ip[ip_text(&s->facts.source, s->client_ip)] = '\0';
}

static void on_preread(void *session, int status)
{
	struct udp_session *s = session;

	if (status)
		end(s, status);
	else
		aim_begin(&s->aim);
}

static void begin(struct udp_session *s)
{
	if (!find_route(s)) {
		end(s, s->plan.route && !s->plan.service ? 503 : 500);
		return;
	}
	s->tries_left = s->plan.service->retries;
	s->aim.proxy = s->port->streams->proxy;
	s->aim.arena = &s->arena;
	s->aim.to = s->plan.destination;
	s->aim.upstream = s->plan.upstream;
	s->aim.client_ip = slice_cstr(s->client_ip);
	s->aim.fn = on_aimed;
	touch(s);
	struct phases_about told = about(s);
	phases_preread(&s->phases, &told, on_preread, s);
}

static struct udp_session *new_session(struct udp_port *p, const struct ends *ends, struct slice key)
{
	struct udp_session *s = calloc(1, sizeof *s);
	if (!s)
		abort();
	arena_init_small(&s->arena, 256);
	s->facts.arena = &s->arena;
	s->port = p;
	s->ends = *ends;
	s->fd = -1;
	s->held_end = &s->held;
	s->started_ms = clock_mono_ms();
	s->key = arena_dup(&s->arena, key);
	map_set(&p->sessions, s->key, s);
	set_facts(s);
	return s;
}

static bool has_room(struct udp_port *p)
{
	if (p->sessions.count < UDP_SESSIONS_MAX)
		return true;
	if (!p->complained)
		log_warn("a worker has all sessions of UDP it may have, datagrams of others are dropped",
		        LOG_SLICE("address", p->spec->text), LOG_INT("sessions", UDP_SESSIONS_MAX));
	p->complained = true;
	return false;
}

static void take(struct udp_port *p, const struct ends *ends, struct slice bytes)
{
	char text[KEY_MAX];
	struct slice key = key_of(p, ends, text);
	struct udp_session *s = map_get(&p->sessions, key);
	bool is_new = !s;

	if (is_new && !has_room(p))
		return;
	if (is_new)
		s = new_session(p, ends, key);
	s->received += bytes.len;
	if (s->fd < 0)
		hold(s, bytes);
	else {
		forward(s, bytes);
		touch(s);
	}
	if (is_new)
		begin(s);
}

static void on_datagram(evutil_socket_t fd, short what, void *arg)
{
	static __thread char bytes[DATAGRAM_MAX];
	struct udp_port *p = arg;

	for (int i = 0; i < DATAGRAMS_PER_TURN; i++) {
		char control[CMSG_SPACE(sizeof(struct in6_pktinfo))];
		struct ends ends = {.client_len = sizeof ends.client};
		struct iovec part = {bytes, sizeof bytes};
		struct msghdr m = {.msg_name = &ends.client,
		        .msg_namelen = sizeof ends.client,
		        .msg_iov = &part,
		        .msg_iovlen = 1,
		        .msg_control = control,
		        .msg_controllen = sizeof control};
		ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);
		if (n < 0)
			return;
		ends.client_len = m.msg_namelen;
		read_here(&m, &ends);
		take(p, &ends, slice_of(bytes, (size_t)n));
	}
}

/* ---- ports ----------------------------------------------------------------------------------------------------- */

static int bind_port(const struct listen_spec *spec)
{
	bool v6 = spec->address.ss_family == AF_INET6;
	int fd = socket(spec->address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
	setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVPKTINFO : IP_PKTINFO, &on, sizeof on);
	if (v6) {
		int only = !spec->ipv6_dual;
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
	}
	if (bind(fd, (const struct sockaddr *)&spec->address, spec->address_len) == 0)
		return fd;
	int why = errno;
	close(fd);
	errno = why;
	return -1;
}

bool streams_open_port(struct streams *s, const struct listen_spec *spec, struct err *e)
{
	int fd = bind_port(spec);
	if (fd < 0)
		return err_set(e, "cannot receive on '%.*s' udp: %s", SLICE_ARG(spec->text), strerror(errno));
	struct udp_port *p = calloc(1, sizeof *p);
	if (!p)
		abort();
	p->streams = s;
	p->spec = spec;
	p->fd = fd;
	p->next = s->ports;
	s->ports = p;
	event_assign(&p->event, s->proxy->loop->base, fd, EV_READ | EV_PERSIST, on_datagram, p);
	event_add(&p->event, NULL);
	return true;
}

static void close_port(struct udp_port *p)
{
	struct slice key;
	void *session;

	event_del(&p->event);
	for (size_t at = 0; map_next(&p->sessions, &at, &key, &session); at = 0)
		end(session, 200);
	map_fini(&p->sessions);
	close(p->fd);
}

static void free_port(void *port)
{
	free(port);
}

void streams_close_ports(struct streams *s)
{
	for (struct udp_port *p = s->ports, *next; p; p = next) {
		next = p->next;
		close_port(p);
		loop_defer(s->proxy->loop, &p->grave, free_port, p);
	}
	s->ports = NULL;
}
