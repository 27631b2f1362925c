/* front: TLS towards clients: what listeners with `ssl` shake hands with (proxy.md 7.1).
 *
 * One per process, made at the start and then only read. Which certificate a client gets is decided in the handshake
 * from the snapshot that is current at that moment, once: so a change holds for the next handshake, and a handshake
 * never mixes two versions (pitfalls.md A6-7). */
#ifndef DP_TLS_FRONT_H
#define DP_TLS_FRONT_H

#include "common/net/listener.h"
#include "common/net/tickets.h"
#include "common/net/tls.h"
#include "common/plugin/exchange.h"
#include "common/settings/settings.h"
#include "dp/config/lease.h"
#include "dp/tls/staple.h"

struct front;

/* NULL with e: certificate, key or ciphers of the settings cannot be used. */
struct front *front_new(const struct settings *s, struct err *e);
void front_free(struct front *f); /* NULL is fine; when no connection is left */

/* What handshakes need of the worker whose they are; outlives them. */
struct front_worker {
	struct leases *leases;
	void (*fetch)(void *arg, struct staple *s); /* takes the reference (staple.h) */
	void *arg;
};

/* A fresh SSL for a connection to this listener, on the worker's thread. */
SSL *front_accept(const struct front *f, const struct listen_spec *listener, const struct front_worker *w);

/* The same for a stream (stream_listen): whatever protocol is inside, none is negotiated. */
SSL *front_accept_stream(const struct front *f, const struct front_worker *w);

/* What plugins and routes may know of the connection; lives as long as the SSL and the arena. */
void front_describe(const SSL *tls, struct arena *a, struct tls_facts *facts, struct slice *server_name);

/* New keys for session tickets; every front_rotate_ms(), by the main thread. */
void front_rotate(struct front *f);
uint32_t front_rotate_ms(const struct front *f); /* 0: there are no tickets */

#endif
