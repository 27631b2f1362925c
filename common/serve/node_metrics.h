/* node_metrics: the Prometheus text of GET /metrics: how families and lines are written, and the figures that both
 * planes show of themselves (proxy.md 11.5). The names are those of the program we stand in for, because dashboards
 * read them. */
#ifndef COMMON_SERVE_NODE_METRICS_H
#define COMMON_SERVE_NODE_METRICS_H

#include "common/plugin/metric.h"
#include "common/serve/stream.h"

/* HELP and TYPE; the family's lines follow. */
void metrics_family(struct text *out, const char *name, enum metric_kind kind, const char *help);
/* name suffix {labels} value. labels: see metric_label(); empty: no braces. */
void metrics_line(struct text *out, const char *name, const char *suffix, struct slice labels, uint64_t value);

struct node_facts {
	struct slice node_id;
	const struct server_stats *server;
	bool is_store_reachable;             /* the database, or what a data plane has instead: its control plane */
	uint64_t jobs_running, jobs_waiting; /* besides requests */
};
void node_metrics(struct text *out, const struct node_facts *n);

struct node_zone {
	const char *name;
	uint64_t used, total; /* bytes */
};
void node_metrics_zones(struct text *out, struct slice node_id, const struct node_zone *zones, size_t count);

#define NODE_METRICS_TYPE "text/plain; charset=UTF-8"

#endif
