/* phases: the plugins of a session: preread when its route is known, log when it is over (proxy.md 8.1). What
 * dp/proxy/chain.c is for requests.
 *
 * Embedded in the session, zeroed. Most routes have no plugins for streams: then nothing is made. */
#ifndef DP_STREAM_PHASES_H
#define DP_STREAM_PHASES_H

#include "dp/proxy/proxy.h"

struct running;
struct phases {
	struct running *running; /* NULL: there are no plugins */
	bool begun;
};

/* What plugins are told of a session. Slices and pointers must live as long as it does. */
struct phases_about {
	struct arena *arena;
	struct proxy *proxy;
	const struct snapshot *snapshot;
	const struct route_plan *plan; /* route NULL: none was found */
	const struct l4_session *facts;
	const struct conn *client; /* NULL: none (UDP) */
	struct slice client_ip;
	uint64_t started_ms; /* monotonic */
};

/* status 0: the session may go on. Else it ends with this status. */
typedef void (*phases_fn)(void *session, int status);

/* Runs preread of the route's plugins. fn is called once, perhaps from inside, unless phases_end() comes first. */
void phases_preread(struct phases *p, const struct phases_about *about, phases_fn fn, void *session);

/* What happens meanwhile. All harmless without plugins. */
void phases_tls(struct phases *p, const struct conn *client); /* the handshake is done */
void phases_try(struct phases *p, const struct sockaddr *to);
void phases_try_failed(struct phases *p, bool timeout);
void phases_joined(struct phases *p); /* with the upstream */

/* The session is over: runs log, of the global plugins when preread never was to run. */
void phases_end(struct phases *p, const struct phases_about *about, int status, uint64_t received, uint64_t sent);

#endif
