/* request: one exchange between a client and an upstream, from its first byte to its log entry.
 *
 * The steps, one function each, in the order of enum step; request_wake() drives them. A step returns FLOW_NEXT (go
 * on), FLOW_WAIT (it will be run again by the next request_wake(), and then looks whether what it waits for is there)
 * or FLOW_DONE. Memory is the stream's arena: nothing is freed singly, pending operations register cleanups there. */
#ifndef DP_PROXY_REQUEST_H
#define DP_PROXY_REQUEST_H

#include "common/core/text.h"
#include "dp/client/h1_client.h"
#include "dp/client/h2_client.h"
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
	bool is_kept;      /* of a body that streams: all that was sent is in `bytes`, in case it is refused */
	bool is_filtered;  /* plugins have seen what was collected */
	enum body_use use; /* by plugins, of a body that streams */
};

/* One plugin's part in this request: chosen when its turn comes, used again in the later phases (proxy.md 8.1). */
struct chain_run {
	const struct chain *chain;
	struct call *calls; /* chain->count of them; plugin NULL: no configuration applies */
	uint32_t at;        /* the link whose turn it is */
	bool waiting;       /* a phase returned WAIT */
	bool resumed;       /* and has come to `verdict` since */
	enum verdict verdict;
	phase_fn body_wanted; /* call_read_body() of the link at `at` */
	bool ended;           /* answered: only record the rest */
	char *state;
};

struct request;

/* How requests travel to an upstream: HTTP/1.1 (carry_h1.c) or HTTP/2 (carry_h2.c). Each connects, sends, and answers
 * with attempt_answered(), answer_piece() or attempt_failed(). */
struct carrier {
	const char *via; /* what the upstream connection is in Via */
	/* STEP_CONNECT. FLOW_NEXT: the request can be sent, or this try has failed and is over. */
	enum flow (*connect)(struct request *r);
	/* whole: body is all of it, and the request complete. */
	void (*send_head)(struct request *r, struct head *out, struct slice body, bool whole);
	void (*send_piece)(struct request *r, struct slice piece, bool last);
	bool (*is_open)(const struct request *r); /* sent, and the answer is not over */
	size_t (*queued)(const struct request *r);
	void (*pause)(struct request *r, bool paused); /* back-pressure on the answer */
	void (*cancel)(struct request *r);             /* harmless at any time */
};
extern const struct carrier carry_h1, carry_h2;

/* What is known of a try that has failed. */
struct
try {
	const char *why; /* for the log; NULL: nothing particular */
	bool heard;      /* the upstream has said something */
	bool refused;    /* it says that it has done nothing (RFC 9113 8.7) */
};

enum answer_stage {
	ANSWER_NONE,       /* nothing yet */
	ANSWER_HEAD,       /* plugins see the head */
	ANSWER_COLLECTING, /* one of them wants the whole body */
	ANSWER_BODY,       /* they see the body, or its first piece */
	ANSWER_SENT,       /* begun: further pieces pass */
};

/* The answer on its way to the client, see answer.c. */
struct answer {
	enum answer_stage stage;
	bool is_ours; /* made here, from x.reply; false: the upstream's, or yet to be made */
	bool has_body;
	bool is_held; /* head and pieces are copies of our own */
	bool last;    /* piece is the last */
	enum body_use use;
	struct head head;
	struct slice piece;
	struct text held;
};

struct request {
	struct stream *stream;
	struct proxy *proxy;
	struct lease *lease;
	const struct snapshot *snapshot; /* the lease's, or NULL */
	enum step step;
	bool running; /* request_wake() is on the stack */
	bool over;    /* answered completely, or aborted */

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
	struct answer answer;

	/* the current try */
	struct pick pick;
	const struct upstream_def *upstream;        /* of the pick; NULL: none */
	struct balancer_query query;                /* what is asked of it, with the peers that were tried before */
	struct pick_wait pick_wait;                 /* names of targets are being resolved */
	struct slice hash_cookie, hash_cookie_name; /* Set-Cookie for the client; unset: none */
	struct sockaddr_storage address;
	socklen_t address_len;
	struct dns_query *lookup;
	bool resolved;
	struct conn *connecting;
	bool connected;
	bool reused;            /* the connection came from the pool */
	uint64_t conn_since_ms; /* of a reused one */
	bool fresh_only;        /* a pooled one was stale: open a new one */
	bool written;           /* bytes of the request have been sent in this try */
	struct try try;
	const struct carrier *carrier;
	struct conn *conn; /* connected, not yet with the client */
	struct h1_client client;
	struct h2_client *h2; /* of carry_h2 */
	uint64_t party;       /* of a connection with TLS: party_serial() */
	struct slice upgrade; /* sent as Upgrade; unset: none */
	struct tunnel tunnel; /* after a 101 */
	struct {
		uint64_t per_second, begun_ms; /* 0: no limit */
		struct loop_timer *timer;      /* while the upstream is not read */
	} rate;
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
enum verdict chain_read_body(struct call *c, phase_fn done);
/* The most that any plugin of the request wants with the body. */
enum body_use chain_request_use(const struct request *r);
enum body_use chain_response_use(const struct request *r);
enum verdict chain_request_body(struct request *r, struct slice *piece, bool last); /* GO or STOP */
/* The phases of the answer: after chain_begin_answer() from the first plugin; after WAIT or STOP behind that one. */
void chain_begin_answer(struct request *r);
enum verdict chain_response_head(struct request *r);
enum verdict chain_whole_response(struct request *r, struct slice *body);
void chain_response_piece(struct request *r, struct slice *piece, bool last); /* of a body that streams */
bool chain_has_log(const struct request *r);
void chain_log(struct request *r);

/* body.c */
enum flow body_step(struct request *r);    /* STEP_BODY */
enum flow body_collect(struct request *r); /* also for a plugin that wants the whole body, in access */
void body_want_whole(struct request *r);
/* The head is about to be written: how is a body framed that streams? */
void body_plan_streaming(struct request *r);
void body_start_streaming(struct request *r);
void body_send_held(struct request *r); /* what was collected of a body that is now streamed */
void body_on_piece(struct request *r, struct slice piece, bool last);
void body_on_upstream_drained(struct request *r);

/* attempt.c: PICK, CONNECT, SEND and what can go wrong */
enum flow attempt_pick(struct request *r);
enum flow attempt_connect(struct request *r);
enum flow attempt_send(struct request *r);
void attempt_cancel(struct request *r);
/* For carriers: a try begins, with this party (NULL: without TLS). False: it cannot, and the answer is made. */
bool attempt_begin(struct request *r, struct party **party);
void attempt_answered(struct request *r, struct head *response, struct slice piece, bool last);
void attempt_failed(struct request *r, enum client_failure why); /* r->try says more */

/* balance.c: what the balancer is asked and told */
enum balancer_answer balance_pick(struct request *r, const struct destination *to, const struct upstream_def *u);
void balance_failed(struct request *r, enum client_failure why);
void balance_answered(struct request *r, int status);
void balance_end(struct request *r);
void balance_add_cookie(struct request *r, struct head *out);

/* rate.c */
void rate_begin(struct request *r, struct slice bytes_per_second); /* what is no number changes nothing */
void rate_hold(struct request *r);                                 /* after a piece that was not the last */
void rate_end(struct request *r);

/* upgrade.c */
struct slice upgrade_wanted(const struct request *r); /* the protocol to ask the upstream for; unset: none */
void upgrade_take(struct request *r, struct conn *c); /* the upstream has answered 101 */
void upgrade_begin(struct request *r);                /* and the client has been told */
void upgrade_on_piece(struct request *r, struct slice piece, bool last);

/* forward.c: the request that the upstream sees (proxy.md 2) */
void forward_head(struct request *r, struct head *out);
/* the Host field that the upstream sees. */
struct slice forward_upstream_host(const struct request *r);
/* what the client is thought to have asked: its own words when its peer is trusted, else the connection's. */
struct slice forward_scheme(const struct request *r);
struct slice forward_host(struct request *r);
/* Can `Connection` never remove this field (DEV-3)? */
bool forward_is_protected(const struct header *h);

/* answer.c: the response that the client sees (proxy.md 4) */
void answer_begin(struct request *r, struct head *upstream, struct slice piece, bool last);
void answer_piece(struct request *r, struct slice piece, bool last);
struct slice answer_via(const struct request *r); /* our own part of Via */
/* r->answer.head is made: plugins see it next. */
void answer_start(struct request *r, struct slice piece, bool last);
/* Goes on as far as it can. FLOW_NEXT: x.reply is to take its place. */
enum flow answer_run(struct request *r);

/* facts.c: what the log phase tells; nothing is kept for requests without one (plugins.md 0.10) */
void facts_begin(struct request *r); /* before plugins change the head */
void facts_try_begin(struct request *r);
void facts_try_answered(struct request *r, int status);
void facts_try_failed(struct request *r, enum client_failure why);
void facts_end(struct request *r);

#endif
