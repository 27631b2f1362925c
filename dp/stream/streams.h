/* streams: a worker's sessions of TCP, TLS and UDP: connections of stream_listen that are passed on as bytes
 * (proxy.md 7.3). No HTTP is known here; which route, address and certificate are found as for requests. */
#ifndef DP_STREAM_STREAMS_H
#define DP_STREAM_STREAMS_H

#include "common/net/listener.h"
#include "dp/proxy/proxy.h"
#include "dp/tls/front.h"

struct session;  /* session.c: TCP and TLS */
struct udp_port; /* udp.c */

struct streams {
	struct proxy *proxy; /* loop, leases, names, parties, whom to trust */
	const struct front *front;
	const struct front_worker *front_worker;
	struct access_writer log;
	uint32_t preread_timeout_ms; /* for PROXY preamble and ClientHello */
	uint32_t max;                /* sessions of TCP; 0: no limit */
	/* At the limit: true; when there is room again: false. */
	void (*on_full)(struct streams *s, bool full);
	uint32_t active; /* one writer; others read it with relaxed loads */
	struct session *sessions;
	struct udp_port *ports;
};

/* The members up to on_full are set. */
void streams_accept(struct streams *s, const struct listen_spec *listener, int fd);
/* Receives on an address with `udp` until streams_close_ports(). spec must outlive that. */
bool streams_open_port(struct streams *s, const struct listen_spec *spec, struct err *e);
void streams_close_ports(struct streams *s); /* and the sessions that came by them */
/* Ends all sessions, now. */
void streams_close(struct streams *s);

/* ---- for session.c and udp.c ----------------------------------------------------------------------------------- */

/* What the access line says of a session (`basic`, 7.3). */
struct stream_entry {
	struct slice client_ip, protocol; /* "TCP", "UDP" */
	int status;
	uint64_t sent, received; /* by and from the client's side */
	uint64_t ms;
};
void streams_log(struct streams *s, const struct stream_entry *e);

#endif
