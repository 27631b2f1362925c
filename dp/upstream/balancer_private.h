/* What the files of the balancer share; private to dp/upstream. See balancer.h for the threads. */
#ifndef DP_UPSTREAM_BALANCER_PRIVATE_H
#define DP_UPSTREAM_BALANCER_PRIVATE_H

#include <pthread.h>

#include "common/core/map.h"
#include "dp/upstream/balancer.h"

enum { BALANCER_ENTRIES_MAX = 65535, PEER_REMEMBERED_MS = 300 * 1000 };

/* The main thread's reference to an upstream's definition, shared by a balancer and its views. */
struct def_hold {
	unsigned refs;
	struct upstream_def *def;
	struct def_hold *next; /* on the list of those to be given back */
};

struct peer {
	struct balancer *balancer;
	struct slice text, host; /* "10.0.0.1", or the name in an SRV record; of the target */
	int port;

	health_word health;
	_Atomic uint32_t active;       /* picked and not released: it may not be freed */
	_Atomic uint32_t turn;         /* among several endpoints, and while it ramps up */
	_Atomic uint64_t ramp_from_ms; /* slow start; 0: over */

	/* under the balancer's lock */
	double ewma;      /* s */
	uint64_t ewma_ns; /* when; 0: nothing measured */
	uint32_t index;   /* in the current view */

	/* the balance thread's */
	unsigned views;   /* that hold it */
	uint64_t gone_ms; /* since when none does; 0: some do */
	bool probing;
	int ignored_status; /* of the last probe, that is in no list; 0: it was in one */
};

/* One address as the current definition has it. */
struct entry {
	struct peer *peer;
	int64_t weight;
	uint32_t target; /* index in the definition */
	uint32_t endpoints_count;
	struct endpoint *endpoints; /* several, or none, when an SRV record names a host */
	struct slice host, host_header[2];
};

/* Positions of consistent-hashing; the same for all views of one structure. */
struct ring {
	unsigned refs;
	uint32_t points;
	uint32_t at[]; /* entry + 1 at this point; 0: free */
};

/* The least of many: a tournament of keys, by index of the entry. */
struct least {
	uint32_t leaves; /* a power of two */
	double *keys;    /* INFINITY: not to be picked */
	uint64_t *used;  /* equal keys: the one that was picked longest ago */
	uint32_t *winners;
	uint64_t clock;
};

struct view {
	struct arena arena; /* it is in it */
	struct balancer *balancer;
	struct def_hold *hold;
	enum balance balance;
	struct health_rules rules;
	struct entry *entries;
	uint32_t count;
	uint64_t total;  /* of weights */
	bool is_pending; /* names are not answered yet */

	/* round-robin, of entries that were available when it was built: ends of their share of all slots */
	uint32_t *live;
	uint64_t *ends, slots, stride;
	uint32_t live_count;
	/* consistent-hashing */
	struct ring *ring;
	uint32_t *owners; /* entry + 1 that serves this point */
	/* least-connections, latency: under the lock */
	struct least least;

	_Atomic unsigned waiting; /* workers that may still read it */
	struct view *next;        /* on the list of those that were replaced */
};

struct balancer {
	struct balancers *owner;
	struct slice name;
	_Atomic unsigned refs; /* definitions that point here */
	_Atomic(struct view *) view;
	_Atomic uint64_t turn;
	_Atomic bool is_well;       /* available weight is above the threshold */
	_Atomic uint64_t available; /* weight */
	_Atomic bool is_dirty;      /* availability has changed since the view was built */
	pthread_mutex_t lock;

	/* the balance thread's */
	struct uuid id;        /* of the upstream */
	uint64_t changed;      /* number of its last change, of all that balancers have seen */
	struct def_hold *hold; /* NULL: the upstream has gone */
	struct prober *prober; /* NULL: there are no active checks */
	struct map peers;      /* by text, port, host */
	struct map names;      /* host:port -> struct target_name */
	uint64_t gone_ms;
};

struct balancers {
	struct balancers_options o;
	struct map by_name;
	struct def_hold *returned; /* to be given back when the main thread waits */
	struct view *retired;
	uint64_t changed; /* the number of the last change of any */
	struct loop_timer *purge, *ramp;
	_Atomic unsigned unresolved; /* names that were never answered */
	_Atomic uint64_t changes;    /* of health */
	bool is_stopped;

	pthread_mutex_t lock; /* of the list of workers */
	struct loop **workers;
	size_t worker_count;
};

static inline bool view_uses_tree(const struct view *v)
{
	return v->balance == BALANCE_LEAST_CONNECTIONS || v->balance == BALANCE_LATENCY;
}

/* ---- balancer.c, peer.c ---- */

/* Builds the view anew. structure: addresses or weights may have changed, not only health. */
void balancer_refresh(struct balancer *b, bool structure);
/* From any thread: soon, once for many changes of health. */
void balancer_refresh_later(struct balancer *b);
/* Under the lock: what is available, and the keys of the tree. */
void balancer_recount(struct balancer *b);
struct peer *balancer_peer(struct balancer *b, struct slice text, int port, struct slice host);
void balancer_purge_peers(struct balancer *b, uint64_t now_ms);
void peer_free(struct peer *p);
void peer_report(
        struct peer *p, const struct health_limits *l, enum health_counter counter, const char *why, int detail);
void peer_mark(struct peer *p, bool healthy);
void def_hold_unref(struct balancers *all, struct def_hold *h);

/* ---- view.c ---- */

struct view *view_build(struct balancer *b, struct ring *ring); /* ring: to be shared; NULL: make one if needed */
void view_free(struct view *v);
bool is_entry_available(const struct view *v, const struct entry *e);

/* ---- names.c: the addresses behind the names of targets ---- */

struct target_name;
/* NULL: not answered yet (*is_pending), or not to be had (names_error()). */
const struct dns_set *names_find(struct balancer *b, const struct target_def *t, bool *is_pending);
const char *names_error(struct balancer *b, const struct target_def *t); /* NULL: none */
void names_sync(struct balancer *b); /* with the definition: begins and ends lookups */
void names_end(struct balancer *b);
/* Endpoints of a name in an SRV record. */
size_t names_endpoints(
        struct balancer *b, const struct target_def *t, size_t record, struct endpoint *out, size_t max);

/* ---- the algorithms ---- */

void round_robin_build(struct view *v);
const struct entry *round_robin_pick(struct view *v);

struct ring *hash_ring_new(const struct view *v, const struct upstream_def *def);
void hash_ring_unref(struct ring *r);
void hash_build(struct view *v);
const struct entry *hash_pick(const struct view *v, uint32_t hash);

void least_build(struct view *v);
void least_set(struct least *l, uint32_t i, double key);
/* Under the lock, with the entry's present figures. */
void least_update(struct view *v, uint32_t i);
/* A try took so long: into the peer's average. Under the lock. */
void least_measured(struct peer *p, uint64_t ns);
const struct entry *least_pick(struct view *v, const struct balancer_query *q);

/* ---- slow start ---- */

/* Does this entry take the turn? Always, but while its peer ramps up. */
bool peer_takes_turn(struct peer *p, uint32_t slow_start_ms);
double peer_ramp(const struct peer *p, uint32_t slow_start_ms); /* 0.1 .. 1 */

#endif
