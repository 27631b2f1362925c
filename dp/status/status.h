/* status: the status listener (default 127.0.0.1:8100): /status, /status/ready, /metrics, /explain and the log level,
 * for load balancers, probes, monitors and people. Runs on the main loop; reads the workers' figures without stopping
 * them. Contract: proxy.md 11.4, 11.5, admin-api.md 8.2 to 8.4, 8.12. */
#ifndef DP_STATUS_STATUS_H
#define DP_STATUS_STATUS_H

#include <jansson.h>

#include "common/net/listener.h"
#include "common/serve/stream.h"
#include "proto/sync.pb-c.h"

struct snapshot;
struct router_options;

/* One address of a target. state: healthchecks_off, healthy, unhealthy or dns_error. */
struct status_target {
	struct slice upstream, target, address;
	const char *state;
};
typedef void (*status_target_fn)(const struct status_target *t, void *arg);

/* What it reports; filled by the owner whenever asked. */
struct status_report {
	bool has_config, draining;
	struct slice epoch;
	uint64_t version;
	const char *error; /* why the newest version was refused; "" */
	bool connected;    /* to a control plane */
	struct slice node_id;
	struct server_stats proxy; /* all workers together */
	uint64_t access_lines_lost;
	uint64_t entries_unsent, entries_lost; /* of logging plugins, for their collectors */
	const struct snapshot *snapshot;       /* for /explain; NULL: none yet */
	const struct router_options *router;
	struct meter *const *meters; /* of the workers, for /metrics */
	size_t meter_count;
	uint64_t deliveries; /* of logging plugins, under way */
	uint64_t cache_bytes, cache_bytes_max;
	uint64_t cluster_cert_expiry_s; /* wall clock; 0: there is no certificate */
	/* Calls fn for each address of each target of each upstream; NULL: nobody knows. */
	void (*each_target)(void *targets_arg, status_target_fn fn, void *arg);
	/* How this node sees an upstream; NULL: it does not know it. On the arena. */
	Gatehouse__Sync__UpstreamHealth *(*describe)(void *targets_arg, struct slice upstream, struct arena *a);
	void *targets_arg;
	uint64_t target_changes; /* targets that have become healthy or unhealthy, since the start */
};
typedef void (*status_fn)(void *arg, struct status_report *out);

struct meter;
struct status;
struct access_log;
struct status *status_start(
        struct loop *l, struct slice listen, const struct access_log *log, status_fn fill, void *arg, struct err *e);
/* What the control plane asks by an order (dp/config/order_inbox.h), answered as its HTTP twin would be:
 * {"node":id,"status":200,"body":{..}}; a new reference.
 * explain: {"node":id,"query":"url=.."}; NULL: another node is asked.
 * level: {} to see it, {"level":"debug"} and perhaps "timeout":"60" to change it. */
json_t *status_order_explain(struct status *st, const json_t *order);
json_t *status_order_level(struct status *st, const json_t *order);
/* Takes no new connections; answers what has been asked. True: no connection that was drained is left. */
void status_drain(struct status *s);
bool is_status_idle(const struct status *s);
void status_stop(struct status *s);

#endif
