/* compile: what the parts of snapshot_build() share. Private to dp/config/compile*.c and snapshot.c. */
#ifndef DP_CONFIG_COMPILE_H
#define DP_CONFIG_COMPILE_H

#include "dp/config/snapshot.h"

/* ---- a table of things by id, used while building ----------------------------------------------------------- */

struct id_slot {
	const struct uuid *id; /* NULL: free */
	void *value;
};

struct id_table { /* zeroed: empty */
	struct id_slot *slots;
	size_t mask, count;
};

/* The value's place, added (NULL) when it is not there; valid until the next call. `id` must stay. */
void **id_table_at(struct id_table *t, const struct uuid *id);
void *id_table_get(const struct id_table *t, const struct uuid *id); /* NULL: absent */
void id_table_fini(struct id_table *t);

/* ---- chains: compile_chains.c ------------------------------------------------------------------------------- */

/* All enabled configurations of plugins, by what they are attached to; each list in the order of the chain. */
struct plugin_row;
struct plugin_rows {
	struct plugin_row *global; /* and those attached to a consumer only */
	struct id_table by_route, by_service;
	uint32_t *state_offsets; /* by rank in the chain */
};

bool plugin_rows_load(struct plugin_rows *rows, struct snapshot *s, struct err *e);
void plugin_rows_fini(struct plugin_rows *rows);
/* The chain of a route; service NULL: none. Shared with other routes when this one has no plugins of its own;
 * *of_service caches the one for the service. */
const struct chain *plugin_rows_chain(const struct plugin_rows *rows, struct snapshot *s, const struct uuid *route,
        const struct uuid *service, const struct chain **of_service);

/* ---- destinations: compile_destinations.c ------------------------------------------------------------------- */

struct destinations {
	struct snapshot *snapshot;
	const struct field *upstream_name, *target_upstream;
	struct id_table targets[2]; /* by upstream; plain and TLS: the Host header differs */
};

void destinations_init(struct destinations *d, struct snapshot *s);
void destinations_fini(struct destinations *d);
const struct destination *destinations_of(struct destinations *d, const struct service *service);

/* ---- consumer rows: snapshot.c ------------------------------------------------------------------------------ */

/* Open addressing over the instances that name a consumer or a group of consumers. */
struct consumer_rows {
	const struct plugin_instance **slots;
	size_t mask, count;
};

void consumer_rows_init(struct consumer_rows *rows, struct arena *a, size_t n);
void consumer_rows_add(struct consumer_rows *rows, const struct plugin_instance *instance);

#endif
