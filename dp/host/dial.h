/* dial: a connection to a host and port that a plugin or a sink names: the name is looked up, the connection made,
 * TLS spoken when wanted, all within one time. */
#ifndef DP_HOST_DIAL_H
#define DP_HOST_DIAL_H

#include "common/net/conn.h"
#include "dp/client/dns.h"
#include "dp/tls/outward.h"

struct dial;

/* What one thread has for going out. */
struct dialer {
	struct loop *loop;
	struct dns *dns;         /* NULL: only addresses are connected to */
	struct outward *outward; /* NULL: no TLS */
};

struct dial_to {
	struct slice host; /* a name or an address; must live until fn runs or dial_cancel() */
	int port;
	bool tls, tls_verify;
	struct slice tls_name; /* unset: the host */
	uint32_t timeout_ms;
};

/* c: connected, the callee's from now on (conn_adopt); NULL: why says why not. */
typedef void (*dial_fn)(void *arg, struct conn *c, const char *why);
/* fn runs once, perhaps from inside: NULL is returned then. */
struct dial *dial_start(const struct dialer *from, const struct dial_to *to, dial_fn fn, void *arg);
void dial_cancel(struct dial *d); /* fn will not run; NULL is fine */

/* "192.0.2.1", "[2001:db8::1]" and "2001:db8::1" as a socket address. False: it is a name. */
bool dial_address(struct slice host, int port, struct sockaddr_storage *out, socklen_t *len);

#endif
