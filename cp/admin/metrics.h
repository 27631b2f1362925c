/* metrics: what a control plane tells of itself as Prometheus text; for the Admin API and the status listener. */
#ifndef CP_ADMIN_METRICS_H
#define CP_ADMIN_METRICS_H

#include "common/serve/node_metrics.h"

/* Appends the node's own figures, and when it heard from which data plane. Any thread. */
void metrics_of_control_plane(struct text *out, const struct node_facts *facts);

#endif
