/* request: one exchange between a client and an upstream, from its first byte to its log entry.
 *
 * The steps, one function each, in the order of enum step; request_wake() drives them. A step returns FLOW_NEXT (go
 * on), FLOW_WAIT (it will be run again by the next request_wake(), and then looks whether what it waits for is there)
 * or FLOW_DONE. Memory is the stream's arena: nothing is freed singly, pending operations register cleanups there. */
#ifndef DP_PROXY_REQUEST_H
#define DP_PROXY_REQUEST_H

#include "common/core/text.h"
#include "dp/client/h1_client.h"
#include "dp/client/tunnel.h"
#include "dp/proxy/proxy.h"

enum step {
	STEP_START,   /* snapshot, id, path */
	STEP_REWRITE, /* global plugins before routing */
	STEP_ROUTE,
	STEP_ACCESS, /* the route's plugins */
	STEP_BODY,   /* collect a small or wanted request body */
	STEP_PICK,   /* choose and resolve an address */
	STEP_CONNECT,
	STEP_SEND,
	STEP_ANSWER,  /* the response streams by callbacks */
	STEP_RESPOND, /* side exit: an answer of our own */
	STEP_COUNT
};

enum flow { FLOW_NEXT, FLOW_WAIT, FLOW_DONE };

/* A body that a plugin wants whole. */
enum { BODY_WHOLE_MAX = 10 * 1024 * 1024 };

enum body_mode { BODY_NONE, BODY_UNREAD, BODY_COLLECTING, BODY_COLLECTED, BODY_STREAMING };

struct body {
	enum body_mode mode;
	struct text bytes; /* collected so far */
	bool whole_wanted; /* by a plugin: may be larger than BODY_BUFFER */
	bool chunked;      /* length unknown when streaming began */
	int64_t length;    /* announced; -1 */
	bool last_seen;
};

/* One plugin's part in this request: chosen when its turn comes, used again in the later phases (proxy.md 8.1). */
struct chain_run {
	const struct chain *chain;
	struct call *calls; /* chain->count of them; plugin NULL: no configuration applies */
	uint32_t at;        /* the link whose turn it is */
	bool waiting;       /* a phase returned WAIT */
	bool ended;         /* answered: only record the rest */
	char *state;
};

struct request {
	struct stream *stream;
	struct proxy *proxy;
	struct lease *lease;
	const struct snapshot *snapshot; /* the lease's, or NULL */
	enum step step;
	bool running;    /* request_wake() is on the stack */
	bool over;       /* answered completely, or aborted */
	int lost_status; /* for logs, when nothing was answered */

	struct exchange x;
	struct slice error_type; /* media type of an error body when there is no Accept; unset: JSON */
	struct host_owner owner;
	char id[REQUEST_ID_LEN];
	char client_ip[IP_TEXT_MAX];
	int client_port;       /* 0: unknown */
	bool peer_trusted;     /* its X-Forwarded-* stand */
	struct slice raw_path; /* of the target, as received */
	struct router_match match;
	struct route_plan found;       /* what the match leads to */
	const struct route_plan *plan; /* &found once a route is found; else NULL */
	struct chain_run run;
	struct body body;

	/* the current try */
	struct pick pick;
	struct sockaddr_storage address;
	socklen_t address_len;
	struct dns_query *lookup;
	bool resolved;
	struct conn *connecting;
	bool connected;
	bool reused;       /* the connection came from the pool */
	bool fresh_only;   /* a pooled one was stale: open a new one */
	bool written;      /* bytes of the request have been sent in this try */
	struct conn *conn; /* connected, not yet with the client */
	struct h1_client client;
	struct slice upgrade; /* sent as Upgrade; unset: none */
	struct tunnel tunnel; /* after a 101 */
	int64_t tries_left;
	uint32_t tried;
	bool proxied; /* a target was chosen: latency headers of proxied responses */
	int upstream_status;

	uint64_t picked_ns, answered_ns;
};

/* Runs steps until one waits or all is done. Harmless when already running: the running step sees the change. */
void request_wake(struct request *r);
/* The next step is `to`; used by a step before it returns FLOW_NEXT, or by a callback before request_wake(). */
static inline void request_goto(struct request *r, enum step to)
{
	r->step = to;
}

/* The last thing that happens to a request, answered or given up: cancels what is pending, runs the log phase, gives
 * the snapshot back. */
void request_finish(struct request *r);

/* ---- the parts, one file each ---- */

/* chain.c */
enum flow chain_rewrite(struct request *r);
enum flow chain_access(struct request *r);
void chain_use_global(struct request *r); /* when access never ran: global plugins see the response */
void chain_response_head(struct request *r);
bool chain_has_response_body(const struct request *r);
struct slice chain_response_body(struct request *r, struct slice piece, bool last);
void chain_log(struct request *r);

/* body.c */
enum flow body_collect(struct request *r); /* STEP_BODY; also for a plugin that wants the whole body */
void body_want_whole(struct request *r);
void body_start_streaming(struct request *r);
void body_on_piece(struct request *r, struct slice piece, bool last);
void body_on_upstream_drained(struct request *r);

/* attempt.c: PICK, CONNECT, SEND and what can go wrong */
enum flow attempt_pick(struct request *r);
enum flow attempt_connect(struct request *r);
enum flow attempt_send(struct request *r);
void attempt_cancel(struct request *r);

/* upgrade.c */
struct slice upgrade_wanted(const struct request *r); /* the protocol to ask the upstream for; unset: none */
void upgrade_take(struct request *r, struct conn *c); /* the upstream has answered 101 */
void upgrade_begin(struct request *r);                /* and the client has been told */
void upgrade_on_piece(struct request *r, struct slice piece, bool last);

/* forward.c: the request that the upstream sees (proxy.md 2) */
void forward_head(struct request *r, struct head *out);
/* what the client is thought to have asked: its own words when its peer is trusted, else the connection's. */
struct slice forward_scheme(const struct request *r);
struct slice forward_host(struct request *r);
/* Can `Connection` never remove this field (DEV-3)? */
bool forward_is_protected(const struct header *h);

/* answer.c: the response that the client sees (proxy.md 4) */
void answer_begin(struct request *r, struct head *upstream, struct slice piece, bool last);
void answer_piece(struct request *r, struct slice piece, bool last);
void answer_add_own_headers(struct request *r, struct head *out);

#endif
