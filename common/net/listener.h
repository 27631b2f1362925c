/* listener: a listening socket on a loop. Every worker has its own on the same address (SO_REUSEPORT). */
#ifndef COMMON_NET_LISTENER_H
#define COMMON_NET_LISTENER_H

#include <sys/socket.h>

#include "common/core/arena.h"
#include "common/net/loop.h"

/* One element of proxy_listen and its like (proxy.md 10.2): "0.0.0.0:8443 http2 ssl reuseport backlog=16384". */
struct listen_spec {
	struct sockaddr_storage address;
	socklen_t address_len;
	struct slice text; /* "0.0.0.0:8443", for messages */
	int port;
	int public_port;     /* what clients think it is: see listen_map_ports() */
	char public_text[8]; /* the same in digits: every request shows it to the upstream */
	int backlog;         /* default 16384 */
	bool ssl, http2, proxy_protocol, reuseport, deferred, udp;
	bool serves_http2; /* the flag is here, or on another address of the same property (proxy.md 7.4) */
	bool ipv6_dual;    /* ipv6only=off: an IPv6 socket takes IPv4 as well */
	bool keepalive;    /* so_keepalive, with its three values; 0: the system's */
	int keepalive_idle_s, keepalive_interval_s, keepalive_count;
};

/* Parses a whole property ("off" gives n = 0). The specs are on the arena. */
bool listen_parse(struct arena *a, struct slice value, struct listen_spec **out, size_t *n, struct err *e);
/* port_maps, "80:8000, 443:8443" (proxy.md 2.3): a balancer in front of us listens on 80 and connects to 8000. */
bool listen_map_ports(struct listen_spec *specs, size_t n, struct slice port_maps, struct err *e);
bool is_loopback(const struct sockaddr *sa);

struct listener;
/* fd is non-blocking, TCP_NODELAY, CLOEXEC; the callee owns it. It hands fd to conn_accepted() before it accepts
 * another. */
typedef void (*accept_fn)(struct listener *l, int fd, void *arg);

/* Opens and listens, always with SO_REUSEPORT. spec must outlive the connections that come of it. e says which
 * address, why, and (for a port in use) by whom when that can be found. */
struct listener *listener_open(
        struct loop *loop, const struct listen_spec *spec, accept_fn fn, void *arg, struct err *e);
/* Does nobody listen there yet? Listeners share ports for the sake of the workers of one process; whoever does not
 * want to share with another process asks first. */
bool listener_is_free(const struct listen_spec *spec, struct err *e);
void listener_close(struct listener *l);
void listener_pause(struct listener *l, bool paused); /* at the connection limit */
const struct listen_spec *listener_spec(const struct listener *l);
int listener_port(const struct listener *l); /* the system's choice when the spec says 0 */

#endif
