/* proxy: what one worker's requests have in common: connections, snapshot, limits, and what settings say of headers.
 */
#ifndef DP_PROXY_PROXY_H
#define DP_PROXY_PROXY_H

#include "common/http/error_body.h"
#include "common/serve/access_log.h"
#include "common/serve/stream.h"
#include "dp/client/dns.h"
#include "dp/config/lease.h"
#include "dp/host/host.h"
#include "dp/proxy/request_id.h"
#include "dp/proxy/trust.h"
#include "dp/upstream/pick.h"
#include "dp/upstream/pool.h"

/* From settings, once; shared by all workers, read-only. */
struct proxy_options {
	struct router_options router;
	struct slice server_token; /* "gatehouse/0.1.0" */
	struct slice via;          /* "1.1 gatehouse/0.1.0" */
	bool show_server, show_via, show_proxy_latency, show_upstream_latency, show_response_latency;
	bool show_request_id, show_upstream_status;
	bool send_request_id; /* to upstreams */
	struct slice error_default_type;
	struct slice upgrade_protocols;  /* besides websocket; comma separated */
	struct slice upgrade_connection; /* Connection of a request that asks for an upgrade */
	uint32_t websocket_idle_ms;      /* 0: as the service's timeouts */
	struct trust trust;
	struct pool_limits pool;
	uint64_t max_body;
};

struct settings;
/* Reads `headers`, `server_token` and the rest. Everything is on the arena. */
bool proxy_options_init(struct proxy_options *o, const struct settings *s, struct arena *a, struct err *e);

/* One per worker. */
struct proxy {
	struct loop *loop;
	const struct proxy_options *options;
	struct server server;
	struct leases *leases;
	struct pool pool;
	struct picker picker;
	struct dns *dns;
	struct host_worker host;
	struct request_ids ids;
	struct access_writer access_log;
};

extern const struct stream_ops proxy_stream_ops;

/* server, pool, picker and ids are set up here; the rest (loop, options, leases, dns, host) by the worker before. */
void proxy_init(struct proxy *p);
void proxy_fini(struct proxy *p);

#endif
