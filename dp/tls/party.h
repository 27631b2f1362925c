/* party: whom a worker speaks TLS with upstream, and how: address, name, whether and with which authorities it is
 * verified, which certificate we show (proxy.md 7.2). Two connections to one party are interchangeable; with another
 * one they never are (DEV-5, pitfalls.md A5-2), so the party's serial is part of the key of kept connections.
 *
 * Made at first use from the snapshot of the request, kept with the session that the next connection resumes. A
 * certificate or a list of authorities that changes makes other parties. At most PARTIES_MAX are kept, the longest
 * unused goes first: with preserve_host names are the clients' to choose. */
#ifndef DP_TLS_PARTY_H
#define DP_TLS_PARTY_H

#include <sys/socket.h>

#include "common/core/map.h"
#include "dp/config/snapshot.h"
#include "dp/tls/outward.h"

enum { PARTIES_MAX = 1024 };

struct party;

/* One per worker. */
struct parties {
	struct outward *outward;
	struct map map; /* by all that makes a party */
	struct party *newest, *oldest;
	uint64_t serial;
};

void parties_init(struct parties *p, struct outward *outward);
void parties_fini(struct parties *p); /* what connections still hold ends with them */

struct party_wanted {
	const struct snapshot *snapshot;
	const struct service *service;
	const struct upstream *upstream; /* NULL: none */
	struct slice host;               /* as in Host; a port does not matter */
	const struct sockaddr *address;
	socklen_t address_len;
	struct arena *arena; /* for the search, and for nothing that stays */
};

/* NULL with e: there is no such certificate, or it is none. Good until the next call. */
struct party *party_find(struct parties *p, const struct party_wanted *w, struct err *e);
uint64_t party_serial(const struct party *party); /* never 0, never that of another */
/* A fresh SSL for a connection to it; resumes the last session. */
SSL *party_connect(struct party *party);
/* After a handshake that failed: why the certificate was not believed; NULL: that was not it. */
const char *party_problem(const SSL *tls);

#endif
