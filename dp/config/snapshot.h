/* snapshot: what one version compiles to. Immutable once built; a request borrows it through a lease.
 *
 * Built by compile.c on the main thread, read by all workers without locks, freed by the main thread when the last
 * lease has gone. */
#ifndef DP_CONFIG_SNAPSHOT_H
#define DP_CONFIG_SNAPSHOT_H

#include <sys/socket.h>

#include "common/entity/upstream.h"
#include "common/model/catalog.h"
#include "common/plugin/plugin.h"
#include "dp/router/router.h"

/* One configuration of a plugin, ready to run. */
struct plugin_instance {
	const struct plugin *plugin;
	const void *conf, *compiled;
	unsigned wants;
	const struct uuid *route_id, *service_id, *consumer_id, *consumer_group_id; /* attached to; NULL: not */
	struct uuid id;
};

/* One plugin in a route's chain: the instance for requests without a consumer (NULL: none), and whether there are
 * rows for consumers (and, of these, for groups of them) that may take its place once a consumer is known. */
struct chain_link {
	const struct plugin *plugin;
	const struct plugin_instance *instance;
	bool has_consumer_rows, has_group_rows;
	uint32_t state_offset; /* of its state in the request's block; the same in every chain of a snapshot */
};

/* The plugins of a route (or the global ones), in order of priority. Empty for most routes: they pay nothing. */
struct chain {
	struct chain_link *links;
	uint32_t count;
	uint32_t state_size; /* of the block for this chain; the snapshot's state_size is enough for any chain */
	/* Does any plugin of the chain take part in the phase? */
	bool has_rewrite, has_access, has_request_body, has_response_head, has_response_body, has_log;
};

/* Where a service's requests go. */
struct destination {
	const struct upstream *upstream; /* service.host names an upstream entity; NULL: a plain host */
	struct slice host;               /* of the service, lower case */
	int port;
	bool tls;
	bool is_address; /* host is an IP literal: address is ready */
	struct sockaddr_storage address;
	socklen_t address_len;
	struct slice host_header; /* for plain hosts: "up.test:9000"; upstreams' targets have their own */
	struct target_def {
		struct slice host;
		int port;
		int64_t weight;
		bool is_address;
		struct sockaddr_storage address;
		socklen_t address_len;
		struct slice host_header;
		struct uuid id;
	} * targets; /* of the upstream */
	size_t targets_count;
};

/* A route with all that its requests need; what router_match() hands back as value. */
struct route_plan {
	const struct route *route;
	const struct service *service;         /* NULL: none */
	const struct destination *destination; /* NULL when service is */
	const struct chain *chain;
	bool https_only; /* protocols hold https but not http */
};

struct snapshot {
	struct slice epoch;
	uint64_t version;
	struct catalog *catalog; /* owned */
	struct router *router;   /* owned */
	struct chain global; /* for requests without a route; also the chain of routes without plugins of their own */
	uint32_t state_size; /* of a request's block that is taken before its chain is known */
	struct arena arena;  /* plans, chains, instances, destinations */
	struct consumer_rows *consumer_rows; /* private: see snapshot_instance() */
};

/* Takes the catalog. NULL with e set when a plugin's compile() refuses its configuration, a plugin is not known here,
 * or a route's service is missing: then the catalog is the caller's still. A route that the router cannot use (a
 * regex that does not compile) is logged and left out. */
struct snapshot *snapshot_build(
        struct slice epoch, struct catalog *catalog, const struct router_options *options, struct err *e);
void snapshot_free(struct snapshot *s);

/* the instance of a plugin for this consumer, or link->instance when no row names the consumer or a group that
 * it belongs to. */
const struct plugin_instance *snapshot_instance(const struct snapshot *s, const struct chain_link *link,
        const struct route *r, const struct service *sv, const struct uuid *consumer);

#endif
