/* node_about: what else is known of a data plane, for people: its labels, how long its certificate lasts, how much it
 * does. Embedded in its row of nodes.c, whose lock covers it. A zeroed one knows nothing. */
#ifndef CP_PUBLISH_NODE_ABOUT_H
#define CP_PUBLISH_NODE_ABOUT_H

#include <jansson.h>

#include "common/sync/node_load.h"

struct node_about {
	json_t *labels;         /* {"region":"eu"}; NULL: none */
	int64_t cert_expires_s; /* 0: there is no link between, or not known */
	struct node_load base;  /* what it said at base_ms ... */
	uint64_t base_ms;       /* ... monotonic; 0: nothing yet */
	json_t *load;           /* rates since the base before; NULL: not known */
};

/* What a Poll says. */
void node_about_take(struct node_about *a, const Gatehouse__Sync__Poll *p, uint64_t now_ms);
/* For rows, and for other control planes: {"labels":{},"certificate_expires_at":n|null,"load":{"requests_per_s":1.5,
 * "errors_4xx_per_s":0,"errors_5xx_per_s":0,"p50_ms":1.2,"p99_ms":9.8,"upstream_ms":0.9}|null}. New reference. */
json_t *node_about_json(const struct node_about *a);
/* What another control plane made of it. */
void node_about_learn(struct node_about *a, const json_t *json);
void node_about_fini(struct node_about *a);

#endif
