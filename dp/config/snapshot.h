/* snapshot: what one version compiles to. Immutable once built; a request borrows it through a lease.
 *
 * The next version's snapshot is a changed copy of this one's: it shares everything that the change does not concern
 * (part.h, dp/router/router.h, common/core/pmap.h), so a change costs what it touches, not what is there. Built by
 * compile*.c on the main thread, read by all workers without locks, freed by the main thread when the last lease has
 * gone: then the parts go that no other snapshot shares.
 *
 * So that a change touches little, a route knows nothing of what it leads to: its service, chain and upstream are
 * looked up in the same snapshot when a request has found its route (snapshot_plan). */
#ifndef DP_CONFIG_SNAPSHOT_H
#define DP_CONFIG_SNAPSHOT_H

#include <sys/socket.h>

#include "common/crypto/pair.h"
#include "common/entity/upstream.h"
#include "common/model/catalog.h"
#include "common/plugin/ordering.h"
#include "common/plugin/plugin.h"
#include "dp/config/part.h"
#include "dp/router/l4.h"
#include "dp/router/router.h"

/* One configuration of a plugin, ready to run. */
struct plugin_instance {
	struct part part; /* by the id of its record */
	const struct plugin *plugin;
	const void *conf, *compiled;
	unsigned wants;
	bool for_http, for_streams; /* where its row's protocols let it run (plugins.md 0.1) */
	const struct uuid *route_id, *service_id, *consumer_id, *consumer_group_id; /* attached to; NULL: not */
	const struct ordering *ordering; /* NULL: the priority says where it stands */
	struct uuid id;
	struct consumer_row { /* what a row for consumers is looked up by; zero: not attached to such */
		const struct plugin *plugin;
		struct uuid consumer, group, route, service; /* group only without consumer */
	} row;
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
	struct part part;
	struct chain_link *links;
	uint32_t count;
	struct chain_link *stream_links; /* of sessions of TCP, TLS and UDP, which have no consumers */
	uint32_t stream_count;
	uint32_t state_size; /* of the block for this chain; the snapshot's state_size is enough for any chain */
	/* Does any plugin of the chain take part in the phase? */
	bool has_rewrite, has_access, has_request_body, has_response_head, has_response_body, has_log;
};

/* Where a service's requests go. */
struct destination {
	struct slice host; /* of the service, lower case; may be the name of an upstream: see route_plan */
	int port;
	bool tls;
	bool h2;         /* gRPC: HTTP/2, where others are HTTP/1.1 */
	bool is_address; /* host is an IP literal: address is ready */
	struct sockaddr_storage address;
	socklen_t address_len;
	struct slice host_header; /* for plain hosts: "up.test:9000"; upstreams' targets have their own */
};

enum balance { BALANCE_ROUND_ROBIN, BALANCE_HASH, BALANCE_LEAST_CONNECTIONS, BALANCE_LATENCY };
enum hash_kind {
	HASH_NONE,
	HASH_CONSUMER,
	HASH_IP,
	HASH_HEADER,
	HASH_COOKIE,
	HASH_PATH,
	HASH_QUERY_ARG,
	HASH_URI_CAPTURE,
};
/* What of a request is hashed. */
struct hash_input {
	enum hash_kind kind;
	struct slice name; /* of the header, cookie, argument or capture */
};

/* the Host field for a host: the port is left away when it is the scheme's own; IPv6 stands in brackets. The
 * result may be `host` itself. */
struct slice destination_host_header(struct arena *a, struct slice host, int port, bool tls);

/* An upstream with its targets. */
struct upstream_def {
	struct part part; /* by name */
	const struct upstream *upstream;
	enum balance balance;
	struct hash_input hash_on, hash_fallback;
	/* What changes while this stays: which addresses there are, and how they are. Set by balancers_apply()
	 * (dp/upstream) before the snapshot is published; NULL: nobody did, there is no peer. */
	struct balancer *balancer;
	struct target_def {
		struct slice host;
		int port;
		int64_t weight;
		bool is_address;
		struct sockaddr_storage address;
		socklen_t address_len;
		struct slice host_header[2]; /* for services without and with TLS */
		struct uuid id;
	} * targets; /* by host, port, id: in the same order on every node */
	size_t targets_count;
};

/* A certificate entity, ready for handshakes. */
struct certificate_part {
	struct part part;              /* by id */
	struct pair pair, alternative; /* the second is of another type of key; zeroed: there is none */
	bool is_broken;                /* a vault gave something else: a handshake that wants it must fail */
	uint64_t serial;               /* of this process: another pair has another one */
};

/* A CA certificate. */
struct ca_part {
	struct part part; /* by id */
	X509 *cert;
	uint64_t serial; /* as above */
};

/* The stream routes, in the order in which they are looked at. */
struct l4_table {
	struct part part;
	bool exact_snis; /* flavour traditional */
	/* Of a session with TLS only those routes can be meant that have its name, and those that have no names or
	 * patterns of them: places in `routes`, ascending. */
	struct l4_name {
		struct slice name; /* in lower case, without a dot at its end */
		uint32_t at;
	} * names; /* by name, then by place */
	uint32_t *open;
	uint32_t names_count, open_count;
	uint32_t count;
	const struct l4_route {
		struct part part; /* by id */
		const struct route *route;
		const struct l4_expr *expr; /* NULL: it is matched by its fields */
	} * routes[];
};

/* A route with all that its requests need. */
struct route_plan {
	const struct route *route;
	const struct service *service;         /* NULL: none */
	const struct destination *destination; /* NULL when service is */
	const struct upstream_def *upstream;   /* which the service's host names; NULL: it is a plain host */
	const struct chain *chain;
	bool https_only; /* protocols hold https but not http */
	bool grpcs_only; /* grpcs but not grpc */
	bool is_grpc;    /* they are grpc, grpcs or both */
};

struct snapshot {
	struct slice epoch;
	uint64_t version;
	struct catalog *catalog;    /* owned */
	struct router *router;      /* owned; the value of a route is its record */
	const struct chain *global; /* for requests without a route, and for routes without plugins of their own */
	uint32_t state_size;        /* of a request's block that is taken before its chain is known */
	const struct l4_table *l4;  /* NULL: there are no stream routes */

	/* Private: compile*.c fills them, snapshot.c looks things up. */
	struct pmap services;       /* struct service_part by id */
	struct pmap upstreams;      /* struct upstream_def by name */
	struct pmap certificates;   /* struct certificate_part by id */
	struct pmap l4_routes;      /* struct l4_route by id */
	struct pmap authorities;    /* struct ca_part by id */
	struct pmap snis;           /* struct sni_part by name */
	struct pmap chains;         /* struct chain by route, of those with plugins of their own */
	struct pmap instances;      /* struct plugin_instance by id */
	struct pmap handshake_rows; /* struct plugin_instance by id, of those with a certificate phase */
	struct pmap consumer_rows;  /* struct plugin_instance by .row, of those for a consumer or a group of them */
	struct pmap scopes[3];      /* struct scope by what plugins are attached to: enum scope_kind */
	uint32_t *state_offsets;    /* by rank of a plugin; where its state is, in any chain */
};

/* Takes the catalog. base: the snapshot of the version before, to share with (it stays as it is); NULL: from nothing.
 * Both ways lead to the same. NULL with e set when a plugin's compile() refuses its configuration, a plugin is not
 * known here, or a route's service is missing: then the catalog is the caller's still. A route that the router cannot
 * use (a regex that does not compile) is logged and left out. */
struct snapshot *snapshot_build(const struct snapshot *base, struct slice epoch, struct catalog *catalog,
        const struct router_options *options, struct err *e);
void snapshot_free(struct snapshot *s);

/* What a route of s->router, or a stream route, leads to. */
void snapshot_plan(const struct snapshot *s, const struct route *route, struct route_plan *out);
/* NULL: no upstream has this name. */
const struct upstream_def *snapshot_upstream(const struct snapshot *s, struct slice name);
/* fn(arg) for every upstream that differs from the snapshot before (NULL: for all); NULL stands for absent. */
void snapshot_diff_upstreams(const struct snapshot *was, const struct snapshot *is,
        void (*fn)(struct upstream_def *was, struct upstream_def *is, void *arg), void *arg);

/* Calls fn for every plugin instance that takes part in handshakes for this name (plugin.h, `certificate`), until it
 * returns false. exact_snis: flavour traditional. */
typedef bool (*handshake_fn)(const struct plugin_instance *i, void *arg);
bool snapshot_each_handshake(
        const struct snapshot *s, struct slice server_name, bool exact_snis, handshake_fn fn, void *arg);

/* Which stream route a session belongs to, if it spoke one of `protocols` (bits, 1 << enum l4_protocol; session->
 * protocol does not matter); *as is the protocol by which it matched. NULL: none. */
const struct l4_route *snapshot_l4(
        const struct snapshot *s, const struct l4_session *session, unsigned protocols, enum l4_protocol *as);

/* what a client is shown that asks for this name: the certificate of the name, of *.rest, of name.*, or of *.
 * NULL: none of them is there, or this is no host name (unset: the client named none): the node's own. */
const struct certificate_part *snapshot_certificate_for(const struct snapshot *s, struct slice server_name);
const struct certificate_part *snapshot_certificate(const struct snapshot *s, const struct uuid *id); /* NULL: gone */
const struct ca_part *snapshot_authority(const struct snapshot *s, const struct uuid *id);            /* NULL: gone */

/* the instance of a plugin for this consumer, or link->instance when no row names the consumer or a group that
 * it belongs to. */
const struct plugin_instance *snapshot_instance(const struct snapshot *s, const struct chain_link *link,
        const struct route *r, const struct service *sv, const struct uuid *consumer);

#endif
