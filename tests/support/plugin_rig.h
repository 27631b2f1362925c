/* plugin_rig: a gateway without sockets, for tests of plugins. Entities and plugins go in as JSON (with ' for "),
 * requests as text; what the upstream or the client would see comes out.
 *
 *	static struct rig rig;   rig_init(&rig) in setup, rig_fini(&rig) in teardown
 *
 *	rig_plugin(&rig, "{'name':'key-auth','config':{'hide_credentials':true}}");
 *	rig_get(&rig, "GET /a?apikey=K-tern-1&b=2", "");
 *	ck_assert_int_eq(rig_status(&rig), 200);
 *	ck_assert_str_eq(rig_query(&rig), "b=2");
 *
 *	rig_upstream_answers(&rig, 200, "Content-Type: application/json", "{'n':5}");   the upstream answers (or,
 *after a STOP, we do) ck_assert_str_eq(rig_down(&rig, "X-N"), "1"); rig_log(&rig);
 *
 * Effects need no sockets either: counters, fetches, Redis, sinks, the cache and metrics are members of the rig that
 *a test sets and reads. They are done at once, but for counters when counters_wait says otherwise.
 *
 * It runs every plugin that was put in, in the order of plugins.md 0.2. It does not choose among rows of one plugin:
 * that is the data plane's (snapshot_instance). A mistake in a test's JSON fails the test. */
#ifndef TESTS_SUPPORT_PLUGIN_RIG_H
#define TESTS_SUPPORT_PLUGIN_RIG_H

#include "common/core/map.h"
#include "common/model/catalog.h"
#include "common/plugin/plugin.h"
#include "common/plugin/spans.h"

enum { RIG_PLUGINS = 16 };

struct rig {
	int64_t now_ms;                      /* wall clock: starts at 2026-03-03T10:00:17Z */
	bool counters_fail;                  /* call_count() finds nobody where Redis should be */
	bool counters_wait;                  /* call_count() gives WAIT; rig_complete() lets it answer */
	unsigned counted;                    /* how often call_count() was called */
	bool counted_denied;                 /* count_denied of the last one */
	const struct redis_conf *counted_in; /* redis of the last one */
	/* what effects find and leave */
	struct text record;         /* the latest log record */
	struct text sunk;           /* all entries that went into sinks */
	const struct sink *sunk_in; /* the last one's */
	const char *fetch_error;    /* of the next fetch; NULL: it is answered with the following */
	int fetch_status;           /* 200 */
	const char *fetch_headers, *fetch_answer;
	struct fetch fetched; /* the last one */
	unsigned fetches, sleeps;
	const char *redis_text; /* what Redis answers; NULL: nil */
	int64_t redis_number;
	bool redis_fails;
	struct text asked;      /* of Redis: one command a line */
	struct text metered;    /* "name{labels} value" a line */
	struct tracing tracing; /* what is noted of requests: nothing, at a rate of 0.01 */
	size_t piece_size;      /* bodies come in pieces of so many bytes; 0: in one */

	/* The request; route, service and consumer may be set between rig_request() and rig_run(). */
	struct exchange x;
	/* private */
	struct arena request_arena, config_arena;
	struct head request, response;
	struct slice body, answer;
	bool answered;
	struct catalog *catalog;
	struct map cached; /* key -> struct slice on config_arena */
	uint64_t number;
	struct map counters; /* key -> int64_t on config_arena */
	struct rig_instance {
		const struct plugin *plugin;
		struct call call;
	} instances[RIG_PLUGINS];
	size_t instances_count, at;
	struct count *pending;
	phase_fn pending_done;
};

void rig_init(struct rig *r);
void rig_fini(struct rig *r);

/* ---- configuration ---- */

/* An entity, loaded as the Admin API would; its C struct. */
const void *rig_entity(struct rig *r, const char *kind, const char *json);
/* A row of plugins, ready to run. */
void rig_plugin(struct rig *r, const char *json);
/* Why the Admin API would refuse it: "schema violation (...)"; NULL when it would not. */
const char *rig_refusal(struct rig *r, const char *kind, const char *json);
/* What the Admin API would answer, as compact JSON. */
const char *rig_rendered(struct rig *r, const char *kind, const char *json);

/* ---- requests ---- */

/* "GET /a?b=1" and "name: value" lines, "" for none. */
void rig_request(struct rig *r, const char *line, const char *headers);
void rig_body(struct rig *r, const char *type, const char *body);
/* GO: it would go upstream. STOP: answered. WAIT: call rig_complete(). */
enum verdict rig_run(struct rig *r);
enum verdict rig_complete(struct rig *r);
/* The body on its way to the upstream, through the phase request_body, after GO. STOP: refused. */
enum verdict rig_send_body(struct rig *r, const char *body);
/* rig_request() and rig_run(). */
enum verdict rig_get(struct rig *r, const char *line, const char *headers);
/* The answer on its way to the client, through response_head and response_body. After a STOP it is the plugin's own
 * and the arguments do not count. WAIT: call rig_complete(). */
enum verdict rig_upstream_answers(struct rig *r, int status, const char *headers, const char *body);
void rig_log(struct rig *r); /* the log phase */

/* ---- what came of it; strings live until the next request ---- */

int rig_status(struct rig *r);                         /* of the answer; 200 when it went upstream */
const char *rig_message(struct rig *r);                /* of an E-form answer; "" when there is none */
const char *rig_client_body(struct rig *r);            /* what the client reads */
const char *rig_down(struct rig *r, const char *name); /* a header for the client; NULL: not there */
const char *rig_up(struct rig *r, const char *name);   /* a header for the upstream; NULL: not there */
const char *rig_query(struct rig *r);                  /* for the upstream; NULL: none */
const char *rig_up_body(struct rig *r);
int64_t rig_counter(struct rig *r, const char *key); /* 0 when it was never counted */

#endif
