/* proxy: what one worker's requests have in common: connections, snapshot, limits, and what settings say of headers.
 */
#ifndef DP_PROXY_PROXY_H
#define DP_PROXY_PROXY_H

#include "common/http/error_body.h"
#include "common/plugin/spans.h"
#include "common/serve/access_log.h"
#include "common/serve/stream.h"
#include "dp/client/dns.h"
#include "dp/config/lease.h"
#include "dp/host/host.h"
#include "dp/host/load.h"
#include "dp/proxy/request_id.h"
#include "dp/proxy/trust.h"
#include "dp/tls/party.h"
#include "dp/upstream/links.h"
#include "dp/upstream/pick.h"
#include "dp/upstream/pool.h"

/* When a try that failed, or was answered with certain statuses, is followed by another (proxy.md 3.2): the
 * conditions of proxy_next_upstream. */
enum retry_condition {
	RETRY_ERROR = 1 << 0,
	RETRY_TIMEOUT = 1 << 1,
	RETRY_INVALID = 1 << 2,
	RETRY_NON_IDEMPOTENT = 1 << 3,
	RETRY_500 = 1 << 4,
	RETRY_502 = 1 << 5,
	RETRY_503 = 1 << 6,
	RETRY_504 = 1 << 7,
	RETRY_403 = 1 << 8,
	RETRY_404 = 1 << 9,
	RETRY_429 = 1 << 10,
	RETRY_STATUSES = RETRY_500 | RETRY_502 | RETRY_503 | RETRY_504 | RETRY_403 | RETRY_404 | RETRY_429,
};
struct retry_rules {
	unsigned conditions; /* enum retry_condition */
	uint32_t tries;      /* in all; 0: as the service says */
	uint32_t timeout_ms; /* for all of them together; 0: none */
};

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
	uint32_t ping_ms;     /* of HTTP/2 upstreams; 0: never */
	uint64_t max_body;    /* 0: no limit */
	uint64_t body_buffer; /* bodies up to this are collected before the upstream is chosen */
	struct h1_limits request_limits, response_limits;
	struct retry_rules retry;
	struct tracing tracing;
	struct slice charset; /* "; charset=UTF-8"; unset: none is added */
	bool retry_stale_post;
	bool answer_half_closed;
	bool drop_underscores;                     /* fields with '_' in their name do not reach the upstream */
	bool debug_headers;                        /* Kong-Debug is answered */
	struct slice error_templates[ERROR_KINDS]; /* unset: the usual form */
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
	struct links links;
	struct outward *outward;
	struct parties parties; /* upstreams that TLS is spoken with */
	struct dns *dns;
	struct host_worker host;
	struct request_ids ids;
	struct access_writer access_log;
	struct node_load load;
};

extern const struct stream_ops proxy_stream_ops;

/* server, pool, parties and ids are set up here; the rest (loop, options, leases, dns, outward, host) by the worker
 * before. */
void proxy_init(struct proxy *p);
void proxy_fini(struct proxy *p);

#endif
