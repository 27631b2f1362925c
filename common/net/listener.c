/* listener: see listener.h. Options that connections need are set on the listening socket, from which Linux copies
 * them: an accepted connection costs one accept4(2). */
#include "common/net/listener.h"

#include <errno.h>
#include <event2/event_struct.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/core/log.h"
#include "common/net/handover.h"
#include "common/net/port_holder.h"

enum { ACCEPTS_PER_TURN = 64, RETRY_MS = 100, DEFER_S = 60 };

struct listener {
	struct loop *loop;
	int fd;
	const struct listen_spec *spec;
	accept_fn fn;
	void *arg;
	struct event event;
	struct loop_timer *retry; /* while out of file descriptors */
	bool paused, complained, closed, accepting;
};

static void watch(struct listener *l, bool on)
{
	if (on)
		event_add(&l->event, NULL);
	else
		event_del(&l->event);
}

/* ---- accepting ------------------------------------------------------------------------------------------------ */

static void on_retry(void *arg)
{
	struct listener *l = arg;
	loop_timer_free(l->retry);
	l->retry = NULL;
	if (!l->paused)
		watch(l, true);
}

/* Without this the event loop would spin: the connection stays in the backlog, so the socket stays readable. */
static void back_off(struct listener *l, int why)
{
	if (!l->complained)
		log_error("cannot accept connections for the moment", LOG_SLICE("address", l->spec->text),
		        LOG_STR("why", strerror(why)));
	l->complained = true;
	watch(l, false);
	l->retry = loop_timer_new(l->loop, RETRY_MS, false, on_retry, l);
}

static bool is_shortage(int why)
{
	return why == EMFILE || why == ENFILE || why == ENOBUFS || why == ENOMEM;
}

/* True: try the next one. */
static bool accept_one(struct listener *l)
{
	struct loop_accepted *a = &l->loop->accepted;
	a->peer_len = sizeof a->peer;
	int fd = accept4(l->fd, (struct sockaddr *)&a->peer, &a->peer_len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) {
		if (is_shortage(errno))
			back_off(l, errno);
		/* the rest are errors of the one connection (accept(2)), which is gone */
		return errno != EAGAIN && !is_shortage(errno);
	}
	l->complained = false;
	a->fd = fd;
	l->fn(l, fd, l->arg);
	a->fd = -1;
	return !l->closed && !l->paused;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;
	l->accepting = true;
	for (int i = 0; i < ACCEPTS_PER_TURN && accept_one(l);)
		i++;
	l->accepting = false;
	if (l->closed)
		free(l);
}

/* ---- opening -------------------------------------------------------------------------------------------------- */

static void set(int fd, int level, int name, int value)
{
	setsockopt(fd, level, name, &value, sizeof value);
}

static void set_options(int fd, const struct listen_spec *s)
{
	set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	if (s->address.ss_family == AF_INET6)
		set(fd, IPPROTO_IPV6, IPV6_V6ONLY, !s->ipv6_dual);
	if (s->deferred)
		set(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, DEFER_S);
	if (!s->keepalive)
		return;
	set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	if (s->keepalive_idle_s)
		set(fd, IPPROTO_TCP, TCP_KEEPIDLE, s->keepalive_idle_s);
	if (s->keepalive_interval_s)
		set(fd, IPPROTO_TCP, TCP_KEEPINTVL, s->keepalive_interval_s);
	if (s->keepalive_count)
		set(fd, IPPROTO_TCP, TCP_KEEPCNT, s->keepalive_count);
}

static bool explain(const struct listen_spec *s, const char *what, int why, struct err *e)
{
	char holder[128];
	if (why == EADDRINUSE && port_holder(s->port, holder, sizeof holder))
		return err_set(e, "cannot %s '%.*s': in use by %s", what, SLICE_ARG(s->text), holder);
	return err_set(e, "cannot %s '%.*s': %s", what, SLICE_ARG(s->text), strerror(why));
}

bool listener_is_free(const struct listen_spec *s, struct err *e)
{
	if (handover_has(s->text)) /* it is ours */
		return true;
	int fd = socket(s->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return explain(s, "open a socket for", errno, e);
	set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	int why = bind(fd, (const struct sockaddr *)&s->address, s->address_len) == 0 ? 0 : errno;
	close(fd);
	return why == 0 || explain(s, "listen on", why, e);
}

/* A socket that listens, or -1. */
static int open_socket(const struct listen_spec *s, struct err *e)
{
	int fd = handover_take(s->text);
	if (fd >= 0) {
		set_options(fd, s);
		listen(fd, s->backlog);
		return fd;
	}
	fd = socket(s->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		explain(s, "open a socket for", errno, e);
		return -1;
	}
	set_options(fd, s);
	if (bind(fd, (const struct sockaddr *)&s->address, s->address_len) == 0 && listen(fd, s->backlog) == 0)
		return fd;
	explain(s, "listen on", errno, e);
	close(fd);
	return -1;
}

struct listener *listener_open(
        struct loop *loop, const struct listen_spec *spec, accept_fn fn, void *arg, struct err *e)
{
	if (spec->udp) {
		err_set(e, "cannot listen on '%.*s': udp is for datagrams, expected a stream socket",
		        SLICE_ARG(spec->text));
		return NULL;
	}
	int fd = open_socket(spec, e);
	if (fd < 0)
		return NULL;
	struct listener *l = calloc(1, sizeof *l);
	if (!l)
		abort();
	l->loop = loop;
	l->fd = fd;
	l->spec = spec;
	l->fn = fn;
	l->arg = arg;
	event_assign(&l->event, loop->base, fd, EV_READ | EV_PERSIST, on_readable, l);
	handover_note(spec->text, fd);
	watch(l, true);
	return l;
}

void listener_close(struct listener *l)
{
	if (!l)
		return;
	event_del(&l->event);
	loop_timer_free(l->retry);
	handover_forget(l->fd);
	close(l->fd);
	l->closed = true;
	if (!l->accepting)
		free(l);
}

void listener_pause(struct listener *l, bool paused)
{
	if (l->paused == paused)
		return;
	l->paused = paused;
	if (!l->retry)
		watch(l, !paused);
}

const struct listen_spec *listener_spec(const struct listener *l)
{
	return l->spec;
}

int listener_port(const struct listener *l)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof a;
	if (l->spec->port || getsockname(l->fd, (struct sockaddr *)&a, &len) != 0)
		return l->spec->port;
	return ntohs(a.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&a)->sin6_port
	                                     : ((struct sockaddr_in *)&a)->sin_port);
}
