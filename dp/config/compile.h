/* compile: what the parts of snapshot_build() share. Private to dp/config/compile*.c and snapshot.c. */
#ifndef DP_CONFIG_COMPILE_H
#define DP_CONFIG_COMPILE_H

#include "common/core/map.h"
#include "dp/config/snapshot.h"

/* A change on its way from one snapshot to the next. */
struct compiling {
	const struct catalog *was; /* of the snapshot before; an empty one when there is none */
	const struct catalog *is;
	struct snapshot *s; /* a copy of the one before, being changed */
	struct err *e;

	/* Ids of what has to be made anew, though its own record may be the same. */
	struct map services, upstreams, route_chains;
	struct map service_chains; /* services of whose routes those with a chain of their own need a new one */
	struct map switched;       /* services that were enabled or disabled, so their routes come or go */
	bool global_chain;
	bool l4_table; /* stream routes came, went or changed */
};

void compile_touch(struct map *ids, const struct uuid *id);

typedef bool (*compile_id_fn)(struct compiling *c, const struct uuid *id);
bool compile_each(struct compiling *c, const struct map *ids, compile_id_fn fn); /* until fn returns false */

const struct field *compile_route_service(void); /* the reference of a route to its service */

/* ---- plugins and what they are attached to: compile_plugins.c ------------------------------------------------ */

enum scope_kind { SCOPE_KIND_ROUTE, SCOPE_KIND_SERVICE, SCOPE_KIND_GLOBAL, SCOPE_KINDS };

/* All that is attached to one route or service, or to none (global, and to consumers only). */
struct scope {
	struct part part; /* by the id of the route or service; "" for the global one */
	uint32_t count;
	struct scope_row { /* in the order of chains, then by id */
		const struct plugin *plugin;
		const struct plugin_instance *instance; /* NULL: this row counts those for consumers and groups */
		uint32_t rank, consumers, groups;
	} rows[];
};

bool compile_plugins(struct compiling *c);
/* Where plugins keep their state stays as it was in the snapshot before. */
void compile_inherit_states(struct snapshot *s, const struct snapshot *base);
const struct scope *compile_scope(const struct snapshot *s, enum scope_kind kind, const struct uuid *id);

static inline struct slice consumer_row_slice(const struct consumer_row *row)
{
	return slice_of((const char *)row, sizeof *row);
}
extern const struct pmap_ops consumer_row_ops;

/* ---- chains: compile_chains.c ------------------------------------------------------------------------------- */

/* The global chain and those of routes; marks the services whose chain changes with it. */
void compile_chains(struct compiling *c);
/* compile_order.c: puts the links where their instances' `ordering` wants them. */
void compile_order(struct chain_link *links, uint32_t count);
/* The chain of a service's routes (one reference, the caller's); NULL: the global one. */
struct chain *compile_service_chain(struct compiling *c, const struct uuid *service);

/* ---- stream routes: compile_l4.c ----------------------------------------------------------------------------- */

void compile_l4_put(struct compiling *c, struct record *route);
void compile_l4_remove(struct compiling *c, const struct uuid *id); /* which need not be there */
/* When all of them are put. */
void compile_l4(struct compiling *c, const struct router_options *options);

/* ---- certificates and their names: compile_certificates.c ----------------------------------------------------- */

struct sni_part {
	struct part part; /* by name, in lower case, without a dot at its end */
	struct uuid id, certificate;
};

void compile_certificates(struct compiling *c);

/* ---- services and upstreams: compile_destinations.c ---------------------------------------------------------- */

struct service_part {
	struct part part; /* by id */
	const struct service *service;
	const struct chain *chain; /* NULL: the global one */
	struct destination destination;
};

bool compile_services(struct compiling *c);
void compile_upstreams(struct compiling *c);

#endif
