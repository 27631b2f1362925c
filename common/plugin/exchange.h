/* exchange: one request and its answer as plugins see them. The owner (dp/proxy, the rig) fills it; phases read it
 * and change it through the words of plugin.h. Part of the ABI, included by plugin.h.
 *
 * What only a log needs (tries, sizes, times, the answer's head behind the last byte) is filled in when a plugin of
 * the request has a log phase, and before that phase runs. */
#ifndef COMMON_PLUGIN_EXCHANGE_H
#define COMMON_PLUGIN_EXCHANGE_H

#include "common/entity/consumer.h"
#include "common/entity/route.h"
#include "common/entity/service.h"
#include "common/http/head.h"
#include "common/http/uri.h"

/* An answer made here instead of by the upstream. */
struct reply {
	int status;           /* 0: none */
	struct slice message; /* E-form: negotiated error body (plugins.md 0.4) */
	struct slice body;    /* J-form: sent verbatim when message is unset */
	struct slice type;    /* Content-Type of body; unset: none */
	bool plain;           /* E-form: plain text when there is no Accept, instead of JSON */
	bool as_proxied;      /* stands for an upstream's: latencies are told as of one */
	bool hang_up;         /* no answer at all: the connection closes */
};

/* What the upstream is to see in place of what the client sent: call_set_*(). Unset members change nothing. */
struct upstream_changes {
	struct slice method, host; /* host: the Host field */
	struct slice target;       /* host or name of an upstream to go to instead of the service's; with port */
	int port;
	struct slice path; /* instead of what route and service make of the request's: sent escaped */
};

/* A try to have the request answered by an upstream (plugins.md 0.10, `tries`). */
struct upstream_try {
	int64_t started_ns; /* wall clock */
	uint64_t chosen_ns; /* how long choosing the address took */
	struct slice ip;
	int port;
	int status; /* of its answer; 0: none came */
	bool failed;
	int code; /* of a failure: 502 or 504 */
	bool reused;
};

struct x509_st;
struct stack_st_X509;

struct tls_facts {
	struct slice version, cipher; /* "TLSv1.3"; unset: plaintext */
	struct slice client_verify;   /* "NONE": the client has shown no certificate; "FAILED:..." */
	/* What the client has shown, believed by nobody: a plugin that asked for it (call_ask_client_certificate())
	 * verifies it. NULL: nothing. X509 * and STACK_OF(X509) * of OpenSSL, the latter without the client's own. */
	struct x509_st *client;
	struct stack_st_X509 *client_chain;
	bool was_asked; /* in this connection's handshake */
};

struct log_extra {
	struct slice key; /* dots nest: "ai.proxy" */
	json_t *value;    /* NULL: the member is left out of the record */
	struct log_extra *next;
};

/* What a plugin tells those behind it: call_share(). */
struct shared_value {
	struct slice name, value;
	struct shared_value *next;
};

/* What there is to tell of a session of TCP, TLS or UDP in place of a request and an answer. Filled in for the log.
 */
struct session_facts {
	uint64_t received, sent; /* bytes from and to the client */
	uint64_t upstream_received, upstream_sent;
};

struct tracing;
struct spans;

struct exchange {
	struct arena *arena; /* lives as long as the request */
	/* Of a session of a stream route, whose plugins see preread and log: there is no request then (an empty head
	 * stands for it), no answer (response is NULL), and status is how the session ended. NULL: a request. */
	const struct session_facts *session;
	struct head *request;      /* as received; changes are what the upstream sees */
	struct slice path;         /* normalised, not escaped (proxy.md 1.3) */
	struct slice query;        /* raw, unset when there was no '?'; may be replaced: sent upstream */
	struct slice scheme;       /* "http" or "https" */
	struct head *response;     /* from response_head on; changes are what the client sees */
	const struct route *route; /* NULL before routing or when none matched */
	const struct service *service;
	const struct slice_pair *captures; /* named and numbered groups of the route's regex path */
	size_t captures_count;
	struct slice client_ip;       /* text, after trusted-proxy processing */
	struct slice request_id;      /* 32 hex digits */
	int64_t started_ms;           /* wall clock */
	struct slice server_ip;       /* text, of the client's connection; unset: not known */
	int port;                     /* of the listener, after port_maps */
	uint64_t connection;          /* serial number of the client's connection in this process */
	uint32_t connection_requests; /* number of this request on it, from 1 */
	struct tls_facts tls;
	struct slice server_name; /* SNI; unset: none */

	const struct consumer *consumer; /* set by authentication */
	bool has_credential;
	struct uuid credential_id; /* all zero when the credential is not an entity of ours */
	/* what authentication itself says the caller belongs to (LDAP, a session), for acl; NULL: nothing */
	const struct slice_list *authenticated_groups;

	struct shared_value *shared;

	struct slice body; /* the whole request body when wanted; may be replaced with call_set_body() */
	bool body_replaced;
	struct body_args *body_args; /* of call_body_arg(); starts as NULL */
	struct upstream_changes upstream;
	/* headers for the response, whoever makes it: call_respond_header(), call_add_respond_header() */
	struct head added, appended;
	struct reply reply;

	/* for the log phase */
	int status;         /* sent to the client; 499: it left before; 0: nothing yet */
	bool from_upstream; /* the answer is the service's; false: made here */
	struct slice upstream_uri;
	struct upstream_try *tries;
	size_t tries_count, tries_cap;
	uint64_t request_size, response_size; /* bytes incl. heads */
	/* monotonic; 0: did not happen. chosen: a target was picked; first_byte: the upstream's head came */
	uint64_t started_ns, chosen_ns, first_byte_ns, ended_ns;
	struct log_extra *log_extras;
	struct slice log_record;       /* of call_log_record(), made once */
	const struct tracing *tracing; /* spans.h: what settings say of traces */
	struct spans *spans;           /* NULL: nothing is noted */
	/* Of a gRPC upstream's answer, there with the last piece of its body; NULL: none. A plugin that says
	 * otherwise what they say (grpc-web) sets it to NULL, and the client does not get them. */
	struct head *trailers;
};

#endif
