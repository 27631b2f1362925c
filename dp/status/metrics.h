/* metrics: the Prometheus text of GET /metrics (proxy.md 11.5): the node's own figures (metrics.def) and what plugins
 * have counted, added up over the workers. Runs on the main thread and never stops a worker. */
#ifndef DP_STATUS_METRICS_H
#define DP_STATUS_METRICS_H

#include "common/core/text.h"
#include "dp/status/status.h"

void metrics_render(const struct status_report *r, struct text *out);

#endif
