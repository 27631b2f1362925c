/* plugin: what a plugin is, and what its phases may see and do. The ABI of every file in common/plugins, and of
 * shared objects built outside (PLUGIN_ABI below).
 *
 * A plugin is one file and one line in plugins.def. It is a config schema, perhaps entities of its own, and functions
 * for the phases it takes part in. It owns no sockets, no caches and no threads: effects go through the words of
 * effects.h, which stand on the host (dp/host for real, tests/support/plugin_rig in unit tests). The control plane
 * links plugins for their schemas and never runs a phase. Contract: plugins.md; house.md section 5. */
#ifndef COMMON_PLUGIN_PLUGIN_H
#define COMMON_PLUGIN_PLUGIN_H

#include "common/plugin/exchange.h"
#include "common/schema/schema.h"

/* GO: next plugin. STOP: an answer is ready (call_reject and friends). WAIT: an effect is under way; the function
 * given to it runs when it is done, and its verdict counts instead. */
enum verdict { GO, STOP, WAIT };

struct call;
typedef enum verdict (*phase_fn)(struct call *c);

/* What a plugin needs besides heads, decided per configuration. */
enum plugin_wants {
	WHOLE_REQUEST_BODY =
	        1 << 0, /* buffered before access runs: call_body(). Too large: 413. See call_read_body() */
	WHOLE_RESPONSE_BODY = 1 << 1, /* response_body runs once, before the head is sent: see USE_WHOLE */
};

/* How the body phase of one call takes part: chosen for each request, see call_use_request_body(). */
enum body_use {
	USE_NOTHING, /* the phase does not run */
	USE_READ,    /* it looks at the pieces; length and framing stay */
	USE_CHANGE,  /* it may replace pieces: the length is not known in advance */
	USE_WHOLE,   /* response only: one piece, the whole body, before the head is sent. Too large: 502 */
};

enum plugin_scope {
	SCOPE_ROUTE = 1,
	SCOPE_SERVICE = 2,
	SCOPE_CONSUMER = 4,
	SCOPE_CONSUMER_GROUP = 8,
	SCOPE_ALL = 15,
	SCOPE_GLOBAL_ONLY = 0,
};
enum plugin_protocols { PROTOCOLS_HTTP, PROTOCOLS_ANY };
#define PLUGIN_PROTOCOLS "['grpc','grpcs','http','https']" /* what a row is for when nobody says */

/* clang-format off */
/* Phases, in the order in which they come. A request's configuration of a plugin is chosen in access and stays.
 *
 * certificate    a TLS handshake begins: rows of routes that could be meant by the name (those that it is among the
 *                `snis` of, or that have none), of such a route's service, and those attached to neither. c->x has
 *                `arena` and `server_name` only, nothing may be asked of the process. GO; STOP ends the handshake
 * preread        a TCP, TLS or UDP session has its route: like access, without heads. GO, STOP (it is closed), WAIT
 * rewrite        before routing: only global rows. GO, STOP, WAIT
 * access         after routing. GO, STOP, WAIT
 * request_body   each piece of the body on its way to the upstream, in c->piece. GO or STOP
 * response_head  the head of the answer, whoever made it, in c->x->response. GO, WAIT; STOP: the answer is replaced by
 *                what call_exit() or call_reject() said, and the plugins behind see that one
 * response_body  each piece of the answer's body. GO; with USE_WHOLE also WAIT, and STOP as above
 * log            when all is over, also for requests refused before routing, and for sessions (c->x->session). The
 *                verdict does not matter
 *
 * A STOP before the answer ends access for the plugins behind; the later phases of all that are configured run on the
 * answer (plugins.md 0.2, proxy.md 8.5). When access never ran, they are the global ones. */
/* clang-format on */
struct plugin {
	const char *name; /* "key-auth" */
	int priority;     /* higher runs first (plugins.md 0.2) */
	unsigned scopes;  /* enum plugin_scope: what it may be attached to besides globally */
	enum plugin_protocols protocols;
	const char *default_protocols; /* as in tables: "['http','tcp']"; NULL: PLUGIN_PROTOCOLS */
	const struct schema *config;
	const struct schema *const *entities; /* NULL-terminated, or NULL */

	/* Once per configuration and snapshot; also the last validation on the control plane. *compiled is on the
	 * arena and read-only afterwards. NULL: nothing to prepare. */
	bool (*compile)(const void *conf, struct arena *a, const void **compiled, struct err *e);
	unsigned (*wants)(const void *conf); /* NULL: nothing */
	size_t state_size;                   /* zeroed bytes per request at call->state */

	phase_fn certificate, preread;
	phase_fn rewrite, access, response_head, log;
	phase_fn request_body, response_body;
	const char *doc;
	const char *example; /* a config, as JSON with ' for ": for the reference of plugins */
};

struct host;

struct call {
	const struct plugin *plugin;
	const void *conf;      /* the plugin's config struct */
	const void *compiled;  /* what compile() made */
	void *state;           /* state_size bytes, the same in every phase of a request */
	const struct uuid *id; /* of the plugin entity */
	const struct uuid *route_id, *service_id,
	        *consumer_id; /* what this configuration is attached to; NULL: not */
	struct exchange *x;
	const struct host *host;
	struct slice piece; /* request_body, response_body; to replace it see call_replace_piece() */
	bool piece_last;
	enum body_use request_use, response_use;
	void *data;  /* for the plugin between a WAIT and its continuation */
	void *owner; /* of whoever runs the phase */
	struct text *scratch;
};

/* ---- reading -------------------------------------------------------------------------------------------------- */

/* An argument of the request: the first value under a name, unset when there is none. *count (may be NULL): how often
 * the name occurs. Only the first CALL_MAX_ARGS arguments of query and body are seen (plugins.md 0.7). */
enum { CALL_MAX_ARGS = 100 };

/* To step over all fields: head_next(c->x->request, ...), or the array itself. */
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

/* Decoded arguments in the order of the request. value unset: a bare name. */
struct arg {
	struct slice name, value;
};
struct arg_list {
	struct arg *items; /* arena memory with room for one more than CALL_MAX_ARGS; the caller's to change */
	size_t len;
};
struct arg_list call_query_args(struct call *c);
/* Of an urlencoded body; empty for any other. */
struct arg_list call_form_args(struct call *c);
/* The body as JSON, whatever its type; NULL: it is not JSON. Ends with the request; json_incref() to keep. */
json_t *call_body_json(struct call *c);

/* The method, as it goes upstream. */
struct slice call_method(struct call *c);
/* The text of an id; NULL gives the nil UUID. */
struct slice call_uuid_text(struct call *c, const struct uuid *id);
/* A named ("user") or numbered ("1") group of the route's regex path; unset: there is none. */
struct slice call_capture(struct call *c, struct slice name);

/* For plugins behind this one, also other ones: "authenticated_jwt_token". A value that is there already is replaced.
 * Unset: nobody has said so. */
void call_share(struct call *c, struct slice name, struct slice value);
struct slice call_shared(struct call *c, struct slice name);

/* ---- changing what goes upstream: slices given here must live as long as the request --------------------------- */

/* Replaces all fields of that name. Host is what the upstream sees as Host. */
void call_set_header(struct call *c, struct slice name, struct slice value);
void call_add_header(struct call *c, struct slice name, struct slice value); /* another field */
void call_remove_header(struct call *c, struct slice name);
void call_set_method(struct call *c, struct slice method);
/* The path for the upstream, not escaped, instead of what route and service make of the request's. */
void call_set_path(struct call *c, struct slice path);
/* Goes to another host and port, or to the upstream entity of this name, by the service's protocol and timeouts. */
void call_set_upstream(struct call *c, struct slice host, int port);
/* Raw, without '?'; unset: none. */
void call_set_query(struct call *c, struct slice query);
void call_set_query_args(struct call *c, const struct arg_list *args);
/* Removes every argument of that (decoded) name; the others keep order and spelling. */
void call_remove_query(struct call *c, struct slice name);
/* Removes every argument of that name, in the body's own encoding. */
void call_remove_body_arg(struct call *c, struct slice name);
void call_set_body(struct call *c, struct slice body);
void call_set_form_args(struct call *c, const struct arg_list *args); /* as an urlencoded body */
void call_set_body_json(struct call *c, const json_t *json);          /* compact */

/* ---- bodies in pieces ----------------------------------------------------------------------------------------- */

/* How this request's body phase takes part. The default is USE_CHANGE, for the response with WHOLE_RESPONSE_BODY
 * USE_WHOLE. To be called no later than in access, or in response_head. */
void call_use_request_body(struct call *c, enum body_use use);
void call_use_response_body(struct call *c, enum body_use use);
/* Puts other bytes in the place of c->piece. They must live until the phase runs again: the request's arena, or
 * call_scratch() for what would add up over a long body. */
void call_replace_piece(struct call *c, struct slice piece);
/* An empty text of this call, emptied again before every piece. */
struct text *call_scratch(struct call *c);

/* ---- answering ------------------------------------------------------------------------------------------------ */

/* Sets a header of the response, whether it comes from the upstream or from here. */
void call_respond_header(struct call *c, struct slice name, struct slice value);
void call_respond_id(struct call *c, enum header_id id, struct slice value);         /* a name of headers.def */
void call_add_respond_header(struct call *c, struct slice name, struct slice value); /* another field */
void call_remove_respond_header(struct call *c, struct slice name);
/* From response_head on: a header of the response as it stands. */
struct slice call_response_header(struct call *c, struct slice name, size_t *count);
int call_response_status(struct call *c);
/* In response_head (or response_body with USE_WHOLE); the body stays. */
void call_set_response_status(struct call *c, int status);

/* E-form (plugins.md 0.4): the body is negotiated and carries the request id. message unset: the status's own text.
 */
enum verdict call_reject(struct call *c, int status, struct slice message);
/* J-form: body verbatim; type unset: no Content-Type. body unset: nothing, which for some statuses means the E-form
 * of the status in plain text (plugins.md 0.4, quirk). */
enum verdict call_exit(struct call *c, int status, struct slice body, struct slice type);
/* J-form of a table: compact, "application/json; charset=utf-8". Takes the reference. */
enum verdict call_exit_json(struct call *c, int status, json_t *body);
/* For what should not happen: logs why and rejects with 500 "An unexpected error occurred". */
enum verdict call_fault(struct call *c, const char *why);

/* ---- identity (plugins.md 0.5 and 0.6) ------------------------------------------------------------------------ */

/* A credential was accepted: sets consumer and credential and the X-Consumer-* headers for the upstream.
 * identifier: X-Credential-Identifier, or CREDENTIAL_ID for the credential's id. consumer may be NULL; credential
 * too, when it is not an entity of ours. */
#define CREDENTIAL_ID ((struct slice){NULL, 0})
void call_authenticated(
        struct call *c, const struct consumer *consumer, const struct uuid *credential, struct slice identifier);
/* The configured anonymous consumer (id or username) takes the place: GO; 500 when there is no such consumer. */
enum verdict call_anonymous(struct call *c, struct slice anonymous);

/* In the certificate phase: the client is asked for a certificate, and may have none. c->x->tls has it later. */
void call_ask_client_certificate(struct call *c);

/* ---- logging -------------------------------------------------------------------------------------------------- */

/* Adds a member to the log record of this request, or takes one out (value NULL). Takes the reference. Any phase. */
void call_log_set(struct call *c, struct slice key, json_t *value);
/* The log record (plugins.md 0.10) as compact JSON, in the log phase and until it ends. Made once per request. */
struct slice call_log_record(struct call *c);
/* In the log phase: milliseconds in the gateway, until the service's answer began (-1: it was not asked, or did not
 * answer), in all, and reading its answer. */
struct latencies {
	int64_t kong, proxy, request, receive;
};
struct latencies call_latencies(struct call *c);
/* "http://host:8000/path?query", as logs have it. */
struct slice call_request_url(struct call *c);

#include "common/plugin/effects.h"

/* ---- plugins built outside the tree --------------------------------------------------------------------------- */

/* Changes with every change of a struct, a macro or a function that plugins see. */
enum { PLUGIN_ABI = 3, PLUGIN_MAGIC = 0x47485031 };

struct plugin_object {
	uint32_t magic, abi;
	uint32_t plugin_size, call_size, exchange_size, host_size, field_size, schema_size;
	const struct plugin *plugin;
};

/* The last line of a plugin that is built as a shared object: PLUGIN_OBJECT(hello_plugin). See objects.h. */
#define PLUGIN_OBJECT(symbol)                                                                               \
	__attribute__((visibility("default"))) const struct plugin_object gatehouse_plugin = {PLUGIN_MAGIC, \
	        PLUGIN_ABI, sizeof(struct plugin), sizeof(struct call), sizeof(struct exchange),            \
	        sizeof(struct host), sizeof(struct field), sizeof(struct schema), &(symbol)}

#endif
