/* metric: a family of things that are counted for /metrics (proxy.md 11.5). Whoever counts declares it once, as a
 * constant in its file; dp/host/meter.h keeps the figures, dp/status shows them. */
#ifndef COMMON_PLUGIN_METRIC_H
#define COMMON_PLUGIN_METRIC_H

#include <stdint.h>

#include "common/core/text.h"
#include "common/core/uuid.h"

struct call;
struct route;
struct service;
struct consumer;

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metric {
	const char *name; /* "kong_http_requests_total" */
	enum metric_kind kind;
	const char *help;
	const uint32_t *bounds; /* of a histogram: upper bounds of its buckets, ascending, without +Inf */
	uint32_t bounds_count;
};

/* Appends name="value", escaped, with a comma before it when text is not empty: the labels of a series. */
void metric_label(struct text *labels, const char *name, struct slice value);

/* ---- series about entities ------------------------------------------------------------------------------------- */

/* What the labels of a series name. Such a series is found without writing its labels, and goes when one of the
 * entities has gone or is called otherwise. */
struct metric_subject {
	const struct route *route; /* NULL: not named, as the others */
	const struct service *service;
	const struct consumer *consumer;
	uint32_t detail; /* tells apart what is about the same entities: a status, a direction */
};

/* Writes the labels of a new series about `s`. */
typedef void (*metric_labels_fn)(struct call *c, const struct metric_subject *s, struct text *labels);

/* What labels call them: the service's name, else its host; the route's name, else its id (room: for its text); the
 * consumer's username. "" for NULL. */
struct slice metric_service(const struct service *s);
struct slice metric_route(const struct route *r, char room[UUID_TEXT + 1]);
struct slice metric_consumer(const struct consumer *c);
/* Changes when one of these names does. */
uint64_t metric_names(const struct route *r, const struct service *s, const struct consumer *c);

#endif
