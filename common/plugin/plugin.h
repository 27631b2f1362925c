/* plugin: what a plugin is, and what its phases may see and do. The ABI of every file in common/plugins.
 *
 * A plugin is one file and one line in plugins.def. It is a config schema, perhaps entities of its own, and functions
 * for the phases it takes part in. It owns no sockets, no caches and no threads: effects go through call_*() below,
 * which stand on the host (dp/host for real, tests/support/plugin_rig in unit tests). The control plane links plugins
 * for their schemas and never runs a phase. Contract: plugins.md; house.md section 5. */
#ifndef COMMON_PLUGIN_PLUGIN_H
#define COMMON_PLUGIN_PLUGIN_H

#include "common/entity/consumer.h"
#include "common/entity/route.h"
#include "common/entity/service.h"
#include "common/http/head.h"
#include "common/http/uri.h"
#include "common/schema/schema.h"

/* GO: next plugin. STOP: an answer is ready (call_reject and friends). WAIT: an effect is under way; the function
 * given to it runs when it is done, and its verdict counts instead. */
enum verdict { GO, STOP, WAIT };

struct call;
typedef enum verdict (*phase_fn)(struct call *c);

/* What a plugin needs besides heads, decided per configuration. */
enum plugin_wants {
	WHOLE_REQUEST_BODY = 1 << 0, /* buffered before access runs, within the limit: call_body() */
	WHOLE_RESPONSE_BODY = 1 << 1,
};

enum plugin_scope {
	SCOPE_ROUTE = 1,
	SCOPE_SERVICE = 2,
	SCOPE_CONSUMER = 4,
	SCOPE_CONSUMER_GROUP = 8,
	SCOPE_ALL = 15,
};
enum plugin_protocols { PROTOCOLS_HTTP, PROTOCOLS_ANY };

struct plugin {
	const char *name; /* "key-auth" */
	int priority;     /* higher runs first (plugins.md 0.2) */
	unsigned scopes;  /* enum plugin_scope: what it may be attached to besides globally */
	enum plugin_protocols protocols;
	const struct schema *config;
	const struct schema *const *entities; /* NULL-terminated, or NULL */

	/* Once per configuration and snapshot; also the last validation on the control plane. *compiled is on the
	 * arena and read-only afterwards. NULL: nothing to prepare. */
	bool (*compile)(const void *conf, struct arena *a, const void **compiled, struct err *e);
	unsigned (*wants)(const void *conf); /* NULL: nothing */
	size_t state_size;                   /* zeroed bytes per request at call->state */

	phase_fn rewrite, access, response_head, log;
	/* A piece of body in c->piece; may replace it (arena memory). c->piece_last with the last one. */
	phase_fn request_body, response_body;
	const char *doc;
};

/* An answer made here instead of by the upstream. */
struct reply {
	int status;           /* 0: none */
	struct slice message; /* E-form: negotiated error body (plugins.md 0.4) */
	struct slice body;    /* J-form: sent verbatim when message is unset */
	struct slice type;    /* Content-Type of body; unset: none */
};

/* One request as its phases see it. The owner (dp/proxy, the rig) fills it; plugins read it and change what says so.
 */
struct exchange {
	struct arena *arena;       /* lives as long as the request */
	struct head *request;      /* as received; changes are what the upstream sees */
	struct slice path;         /* normalised, not escaped (proxy.md 1.3) */
	struct slice query;        /* raw, unset when there was no '?'; may be replaced: sent upstream */
	struct slice scheme;       /* "http" or "https" */
	struct head *response;     /* from response_head on; changes are what the client sees */
	const struct route *route; /* NULL before routing or when none matched */
	const struct service *service;
	struct slice client_ip;  /* text, after trusted-proxy processing */
	struct slice request_id; /* 32 hex digits */
	int64_t started_ms;      /* wall clock */

	const struct consumer *consumer; /* set by authentication */
	bool has_credential;
	struct uuid credential_id;

	struct slice body; /* the whole request body when wanted; may be replaced with call_set_body() */
	bool body_replaced;
	struct body_args *body_args; /* of call_body_arg(); starts as NULL */
	struct head added;           /* headers for the response, whoever makes it: call_respond_header() */
	struct reply reply;
};

/* Counters for limits: see call_count(). */
struct counter {
	struct slice key;
	int64_t limit;
	uint32_t window_s; /* time to live of the key */
	int64_t used;      /* out: value before this request */
};
struct redis_conf; /* common/plugin/redis_conf.h: the shared `redis` record */
struct count {
	const struct redis_conf *redis; /* NULL: the node's own memory */
	struct counter *counters;       /* arena memory */
	size_t n;
	/* true: every counter is incremented whatever the outcome; false: all are incremented only when every one of
	 * them is below its limit. Decided and counted in one atomic step either way. */
	bool count_denied;
	bool failed; /* out: the store did not answer; nothing is known */
};

/* What the process offers to plugins. One per worker. */
struct host {
	/* Looks up an entity by a unique field: "key" and its text, "id" and its 16 bytes (uuid_slice). NULL when
	 * there is none (or its ttl is over). Lives as long as the request. */
	const void *(*find)(struct call *c, const struct schema *kind, const char *field, struct slice value);
	/* Counts; then `done` runs, at once (its verdict is returned) or later (WAIT is returned). */
	enum verdict (*count)(struct call *c, struct count *count, phase_fn done);
};

struct call {
	const struct plugin *plugin;
	const void *conf;     /* the plugin's config struct */
	const void *compiled; /* what compile() made */
	void *state;          /* state_size bytes, the same in every phase of a request */
	const struct uuid *route_id, *service_id,
	        *consumer_id; /* what this configuration is attached to; NULL: not */
	struct exchange *x;
	const struct host *host;
	struct slice piece; /* request_body, response_body */
	bool piece_last;
	void *data;  /* for the plugin between a WAIT and its continuation */
	void *owner; /* of whoever runs the phase */
};

/* ---- reading --------------------------------------------------------------------------------------------------- */

/* An argument of the request: the first value under a name, unset when there is none. *count (may be NULL): how often
 * the name occurs. Only the first CALL_MAX_ARGS arguments of query and body are seen (plugins.md 0.7). */
enum { CALL_MAX_ARGS = 100 };

struct slice call_header(struct call *c, struct slice name, size_t *count);
/* Decoded. A bare name, "?name", counts but has no value; "?name=" has an empty one. */
struct slice call_query(struct call *c, struct slice name, size_t *count);
/* From a form (urlencoded or multipart) or a JSON object, by Content-Type; needs WHOLE_REQUEST_BODY. JSON: only
 * strings are values; arrays and objects count as two. */
struct slice call_body_arg(struct call *c, struct slice name, size_t *count);
/* The value of a cookie; unset: there is none of that name. Quotes around it are taken off. */
struct slice call_cookie(struct call *c, struct slice name);
/* The body as it stands; unset: there is none, or it was not wanted. */
struct slice call_body(struct call *c);

/* The text of an id; NULL gives the nil UUID. */
struct slice call_uuid_text(struct call *c, const struct uuid *id);

/* ---- changing what goes upstream: slices given here must live as long as the request ----------------------------
 */

void call_set_header(struct call *c, struct slice name, struct slice value);
void call_remove_header(struct call *c, struct slice name);
/* Removes every argument of that (decoded) name; the others keep order and spelling. */
void call_remove_query(struct call *c, struct slice name);
/* Removes every argument of that name, in the body's own encoding. */
void call_remove_body_arg(struct call *c, struct slice name);
void call_set_body(struct call *c, struct slice body);

/* ---- answering ------------------------------------------------------------------------------------------------- */

/* Sets a header of the response, whether it comes from the upstream or from here. */
void call_respond_header(struct call *c, struct slice name, struct slice value);
/* E-form (plugins.md 0.4): the body is negotiated and carries the request id. message unset: the status's own text.
 */
enum verdict call_reject(struct call *c, int status, struct slice message);
/* J-form: body verbatim; type unset: no Content-Type. */
enum verdict call_exit(struct call *c, int status, struct slice body, struct slice type);
/* J-form of a table: compact, "application/json; charset=utf-8". Takes the reference. */
enum verdict call_exit_json(struct call *c, int status, json_t *body);
/* For what should not happen: logs why and rejects with 500 "An unexpected error occurred". */
enum verdict call_fault(struct call *c, const char *why);

/* ---- identity (plugins.md 0.5 and 0.6) ------------------------------------------------------------------------- */

/* A credential was accepted: sets consumer and credential and the X-Consumer-* headers for the upstream.
 * identifier: X-Credential-Identifier, or CREDENTIAL_ID for the credential's id. consumer may be NULL; credential
 * too, when it is not an entity of ours. */
#define CREDENTIAL_ID ((struct slice){NULL, 0})
void call_authenticated(
        struct call *c, const struct consumer *consumer, const struct uuid *credential, struct slice identifier);
/* The configured anonymous consumer (id or username) takes the place: GO; 500 when there is no such consumer. */
enum verdict call_anonymous(struct call *c, struct slice anonymous);

/* ---- effects --------------------------------------------------------------------------------------------------- */

static inline const void *call_find(struct call *c, const struct schema *kind, const char *field, struct slice value)
{
	return c->host->find(c, kind, field, value);
}

/* return call_count(c, count, done); and done, another phase_fn, decides. */
static inline enum verdict call_count(struct call *c, struct count *count, phase_fn done)
{
	return c->host->count(c, count, done);
}

#endif
