/* balancing: a node's balancers in a test's own loop, with upstreams written as JSON (' for "). */
#ifndef TESTS_SUPPORT_BALANCING_H
#define TESTS_SUPPORT_BALANCING_H

#include "dp/upstream/balancer.h"

/* Balancers with one upstream, "pool", and its targets; each call of balancing_set() is a new version of it. */
struct balancing {
	struct loop *loop;
	struct balancers *all;
	struct snapshot *snapshot;
	uint64_t version;
	unsigned targets; /* made so far: their ids */
};

void balancing_begin(struct balancing *b, const struct balancers_options *o); /* o->loop is set here; o may be NULL */
void balancing_end(struct balancing *b);
/* upstream: members beside name and id, "'algorithm':'latency',"; targets: "10.0.0.1:80=100 10.0.0.2:80=50". NULL: no
 * upstream at all. */
void balancing_set(struct balancing *b, const char *upstream, const char *targets);
const struct upstream_def *balancing_pool(const struct balancing *b);

/* Picks and releases; the port of the address, 0: none, -1: pending. */
int balancing_pick(struct balancing *b);
int balancing_pick_hash(struct balancing *b, const char *value);
/* Picks and keeps. */
struct balancer_pick balancing_take(struct balancing *b);
int balancing_port(const struct balancer_pick *p);
/* The peer that has this port in the current view, whatever its health; NULL: none. */
struct peer *balancing_peer(struct balancing *b, int port);

#endif
