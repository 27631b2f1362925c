/* probe: asks one address once whether it is well (proxy.md 6.4): a connection, and over it a request. How often, and
 * what follows, is the prober's affair. On the balance thread. */
#ifndef DP_UPSTREAM_PROBE_H
#define DP_UPSTREAM_PROBE_H

#include "common/crypto/pair.h"
#include "dp/tls/outward.h"
#include "dp/upstream/balancer.h"

struct probe;

enum probe_outcome {
	PROBE_STATUS,     /* answered: status says with what */
	PROBE_CONNECTED,  /* tcp: that was all */
	PROBE_NOT_HTTP,   /* what came is no status line: counts as an HTTP failure */
	PROBE_CONNECTION, /* refused, reset, closed, TLS */
	PROBE_TIMEOUT,    /* connecting, sending or waiting for an answer */
};

/* Borrowed until probe_start() returns, but for what says otherwise. */
struct probe_request {
	struct loop *loop;
	const struct active_checks *checks; /* type, path, headers, timeout ... */
	struct slice host;                  /* Host; the server name when checks name none */
	struct endpoint to;
	struct outward *outward; /* lives on; NULL: no TLS */
	const struct pair *pair; /* client certificate; NULL: none */
};
/* fn runs once, never from inside probe_start(), unless probe_cancel() comes before. detail: a reason in words. */
typedef void (*probe_fn)(void *arg, enum probe_outcome outcome, int status, const char *detail);

struct probe *probe_start(const struct probe_request *r, probe_fn fn, void *arg);
void probe_cancel(struct probe *p);

/* Of "HTTP/1.1 200 OK": the status; 0: it is no status line; -1: it is not all there yet. */
int probe_read_status(struct slice received);

#endif
