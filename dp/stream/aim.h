/* aim: which address of its service a session goes to: picked, looked up, and picked again when that one cannot be
 * reached (proxy.md 5.1, 3.2). What dp/proxy/balance.c is for requests.
 *
 * Embedded in the session. Invariant: after aim_end() no callback comes, and every peer that was picked has been
 * released. */
#ifndef DP_STREAM_AIM_H
#define DP_STREAM_AIM_H

#include "dp/proxy/proxy.h"

struct aim;
/* problem 0: aim->address is ready. Else what the access log tells: 503 (nothing to go to), 500 (resolver). */
typedef void (*aim_fn)(struct aim *a, int problem);

struct aim {
	struct proxy *proxy;
	struct arena *arena;
	const struct destination *to;
	const struct upstream_def *upstream; /* NULL: none */
	struct slice client_ip;
	aim_fn fn;

	struct sockaddr_storage address;
	socklen_t address_len;
	struct pick pick;

	struct dns_query *lookup;
	struct pick_wait wait;
	struct balancer_query query; /* with the peers that were tried before */
	uint64_t begun_ns;
};

/* The members above `address` are set. fn runs once, perhaps from inside; after aim_failed() aim_begin() may be
 * called again. */
void aim_begin(struct aim *a);
void aim_begin_later(struct aim *a); /* in the next millisecond: for those who failed without waiting */
/* The address could not be reached, or did not answer in time. */
void aim_failed(struct aim *a, bool timeout);
void aim_reached(struct aim *a);
/* The session is over. Harmless when nothing was begun. */
void aim_end(struct aim *a);

#endif
