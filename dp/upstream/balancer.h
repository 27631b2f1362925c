/* balancer: which addresses an upstream has, how they are, and which of them a try goes to. One per node and
 * upstream, for all workers.
 *
 * Definition is the snapshot's (struct upstream_def) and never changes; what is here lives on through new snapshots:
 * addresses that names stand for, health, requests under way, latencies. A balancer is found by the upstream's name,
 * an address (struct peer) by ip, port and the target's host; both are remembered for 300 s when they have gone
 * (proxy.md 6.5).
 *
 * Threads: one thread (the balance loop's) resolves names, probes, and builds a *view* whenever something changes:
 * the addresses, in a form in which picking takes O(1) or O(log n). Workers read the current view within one turn of
 * their loop; a view that was replaced is freed when every worker has had another turn. So picking by round-robin and
 * consistent-hashing locks nothing; least-connections and latency keep a small tree per upstream, behind a lock of
 * its own. */
#ifndef DP_UPSTREAM_BALANCER_H
#define DP_UPSTREAM_BALANCER_H

#include "common/net/loop.h"
#include "dp/client/dns.h"
#include "dp/config/snapshot.h"
#include "dp/tls/outward.h"
#include "dp/upstream/health.h"

struct balancers; /* all of a node */
struct balancer;
struct peer; /* one address of a target */

struct balancers_options {
	struct loop *loop;       /* of the balance thread */
	struct dns *dns;         /* on that loop, for the names of targets; NULL: names are not resolved */
	struct outward *outward; /* for probes over TLS; NULL: there are none */
	/* Something has changed that reports tell: on the balance thread. NULL: nobody wants to know. */
	void (*on_change)(void *arg);
	void *arg;
	/* How long an address that has come (back) gets less than its share; 0: it does not. */
	uint32_t slow_start_ms;
};

/* On the balance thread, as all that says nothing else. */
struct balancers *balancers_new(const struct balancers_options *o);
/* Ends timers, lookups and probes. */
void balancers_stop(struct balancers *b);
/* After balancers_stop(), when no snapshot is left; from any thread. */
void balancers_free(struct balancers *b);

/* Before `is` is published: gives every upstream of it its balancer. The main thread, which owns both snapshots (and
 * counts references of parts), waits meanwhile. was: NULL for the first. */
void balancers_apply(struct balancers *b, const struct snapshot *was, const struct snapshot *is);

/* A worker's loop reads views from now on, until it leaves; any thread. */
void balancers_join(struct balancers *b, struct loop *worker);
void balancers_leave(struct balancers *b, struct loop *worker);

/* Are there names of targets that have not been answered yet? Any thread. */
bool balancers_are_resolving(const struct balancers *b);

/* How often targets have become healthy or unhealthy. Any thread. */
uint64_t balancers_changes(const struct balancers *b);

/* ---- picking: on workers --------------------------------------------------------------------------------------- */

struct endpoint {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} address;
	socklen_t len; /* 0: none */
};

enum balancer_answer {
	BALANCER_PICKED,
	BALANCER_NONE,    /* "failure to get a peer from the ring-balancer" */
	BALANCER_PENDING, /* names are being resolved for the first time: ask again soon */
};

struct balancer_query {
	bool tls;      /* which Host header */
	uint32_t hash; /* for BALANCE_HASH: xxh32 of the value */
	/* Addresses that have failed this request: least-connections and latency pass them over (5.6, 5.7). */
	struct peer *const *failed;
	size_t failed_count;
};

struct balancer_pick {
	struct peer *peer; /* in use until peer_release() */
	/* valid until the loop's turn ends */
	const struct endpoint *to;
	struct slice host; /* of the target */
	struct slice host_header;
};

enum balancer_answer balancer_pick(
        const struct upstream_def *u, const struct balancer_query *q, struct balancer_pick *out);

/* The hash of a value for consistent-hashing (5.5). */
uint32_t balancer_hash(struct slice value);

/* ---- what became of it: from any thread ------------------------------------------------------------------------ */

/* Once per pick, in the log phase. */
void peer_release(struct peer *p);
/* How long connecting and the answer took, for latency. */
void peer_measured(struct peer *p, uint64_t ns);

/* Passive reports, once per try (6.3). */
void peer_report_failure(struct peer *p, bool timeout);
void peer_report_status(struct peer *p, int status);

#endif
