/* host: what plugins may ask for, for real: lookups in the snapshot, counters in memory or Redis.
 * One struct per worker; the vtable that plugins see is host_vtable. */
#ifndef DP_HOST_HOST_H
#define DP_HOST_HOST_H

#include "common/net/loop.h"
#include "dp/client/dns.h"
#include "dp/config/snapshot.h"
#include "dp/host/dial.h"
#include "dp/tls/outward.h"
#include "dp/upstream/pool.h"

struct counters;  /* counters.h: the node's */
struct redis_set; /* redis.h: this worker's connections */
struct meter;     /* meter.h: this worker's figures */

/* What a call's owner must offer. call->owner points to it. */
struct host_owner {
	struct host_worker *worker;
	const struct snapshot *snapshot;
	/* A phase that had returned WAIT has come to this verdict. */
	void (*resume)(struct call *c, enum verdict v);
	enum verdict (*read_body)(struct call *c, phase_fn done);
	const struct conn *client; /* NULL: none */
};

struct host_worker {
	struct loop *loop;
	struct counters *counters, *shared_counters; /* the latter: with other nodes */
	struct redis_set *redis;
	struct entity_texts *texts; /* entity_texts.h */
	struct cache *cache;        /* cache.h: the node's */
	struct meter *meter;        /* meter.h */
	struct sinks *sinks;        /* sinks.h */
	struct staples *staples;    /* staples.h */
	struct dns *dns;
	struct pool fetch_pool;  /* of fetch.h */
	struct outward *outward; /* TLS for going out: the node's */
	char uuid[UUID_TEXT + 1];
	struct slice node_id;
	uint64_t number;
	struct text record; /* of the request that is logged */
	struct {
		uint64_t version; /* of the configuration that the meter is being compared with */
		uint32_t at;
		bool is_done;
	} sweep;
};

static inline struct dialer host_dialer(const struct host_worker *w)
{
	return (struct dialer){w->loop, w->dns, w->outward};
}

/* loop, counters, cache, dns and outward are set before; the rest is made here. */
void host_worker_init(struct host_worker *w);
void host_worker_fini(struct host_worker *w);
/* Drops some of the series whose entities have gone from the configuration, at most HOST_SWEEP_STEPS looked at. To be
 * called every now and then. */
enum { HOST_SWEEP_STEPS = 2048 };
void host_sweep_meter(struct host_worker *w, const struct snapshot *s);

extern const struct host host_vtable;

#endif
