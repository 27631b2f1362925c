/* trust: whose word counts about who the client is (proxy.md ). Settings are read once; a request asks.
 *
 * Two decisions, both by the address of the TCP peer: may its X-Forwarded-* stand, and may it name the client's
 * address. With nobody trusted, which is the default, neither costs anything. */
#ifndef DP_PROXY_TRUST_H
#define DP_PROXY_TRUST_H

#include "common/core/arena.h"
#include "common/core/ip.h"
#include "common/http/head.h"
#include "common/net/conn.h"

enum real_ip_source { REAL_IP_HEADER, REAL_IP_PROXY_PROTOCOL };

/* Zeroed: nobody is trusted. */
struct trust {
	struct ip_range *ranges;
	size_t count;
	bool unix_peers; /* "unix:" in trusted_ips: real ip only */
	enum real_ip_source source;
	enum header_id header_id;
	struct slice header; /* of REAL_IP_HEADER */
	bool recursive;
};

/* trusted_ips, real_ip_header and real_ip_recursive. Everything is on the arena. */
bool trust_init(struct trust *t, struct arena *a, struct slice trusted_ips, struct slice header, bool recursive,
        struct err *e);
/* May the X-Forwarded-* fields of this peer stand? */
bool trust_peer(const struct trust *t, const struct conn *c);
/* The client's address: the peer's own, or what a trusted peer says. *port is the client's port, 0 when unknown.
 * False: there is none (a Unix socket). */
bool trust_client(const struct trust *t, const struct conn *c, const struct head *request, struct ip *out, int *port);

#endif
