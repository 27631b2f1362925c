/* effects: what plugins may ask of the process around them. Part of the ABI, included by plugin.h.
 *
 * An effect that belongs to a request ends with it: a client that leaves cancels what is pending, and no continuation
 * runs afterwards. `return call_count(c, &count, done);` and `done`, another phase_fn of the plugin, decides; memory
 * given to an effect is the request's (c->x->arena, the configuration), because it must outlive the call. */
#ifndef COMMON_PLUGIN_EFFECTS_H
#define COMMON_PLUGIN_EFFECTS_H

#include "common/core/text.h"
#include "common/plugin/metric.h"
#include "common/plugin/plugin.h"

/* ---- counters for limits --------------------------------------------------------------------------------------- */

struct counter {
	struct slice key;
	int64_t limit;
	int64_t add;       /* how much this request is; 0: one. Negative gives back */
	uint32_t window_s; /* time to live of the key */
	int64_t used;      /* out: value before this request */
	uint64_t hash;     /* the host's own */
};
struct redis_conf; /* common/plugin/redis_conf.h: the shared `redis` record */
struct count {
	const struct redis_conf *redis; /* NULL: the node's own memory */
	struct counter *counters;       /* arena memory */
	bool is_shared;                 /* with the other data planes (shared_counts.h); without redis */
	size_t n;
	/* true: every counter is incremented whatever the outcome; false: all are incremented only when every one of
	 * them is below its limit. Decided and counted in one atomic step either way. */
	bool count_denied;
	bool peek;   /* only reads */
	bool failed; /* out: the store did not answer; nothing is known */
};

/* ---- requests to others ---------------------------------------------------------------------------------------- */

struct fetch {
	struct slice method; /* unset: GET */
	struct slice url;    /* http or https, host, perhaps port, path and query; userinfo becomes Authorization */
	const struct head *headers; /* NULL: none. Host and framing are made from url and body */
	struct slice body;
	uint32_t timeout_ms;   /* for connecting, sending and waiting each; 0: 10 s */
	uint32_t keepalive_ms; /* how long the connection is kept for the next fetch; 0: closed */
	size_t answer_max;     /* longest answer's body; 0: 1 MiB */
	bool tls_verify;
	struct slice tls_name; /* SNI and name in the certificate; unset: the url's host */

	/* out */
	const char *error; /* NULL: answered. Else why not, in words for a log */
	int status;
	struct head *response; /* its fields live as long as the request */
	struct slice answer;   /* the body */
};

/* ---- what is sent on behind the request ------------------------------------------------------------------------ */

/* The `queue` record (plugins.md 0.9) in numbers; queue_conf.h has the schema. */
struct sink_queue {
	uint32_t batch_size;                    /* entries per delivery; 0: one */
	uint32_t coalesce_ms;                   /* how long the first entry of a batch may wait for others */
	uint32_t entries_max;                   /* 0: 10,000 */
	uint64_t bytes_max;                     /* 0: SINK_BYTES_MAX */
	int64_t retry_ms;                       /* a delivery is tried again for so long; -1: never */
	uint32_t retry_first_ms, retry_last_ms; /* pause between tries: doubles from the first to the last */
	bool each_alone; /* every entry at once and by itself, without waiting for the one before */
};
/* No queue holds more, whatever its configuration says: a dead collector must not grow a worker. */
enum { SINK_BYTES_MAX = 32 * 1024 * 1024 };

enum sink_kind { SINK_HTTP, SINK_TCP, SINK_UDP, SINK_FILE, SINK_SYSLOG };

struct sink;
/* What goes out in one delivery. */
struct sink_batch {
	const struct sink *sink;
	struct slice node_id;
	const struct slice *entries;
	size_t n;
};

/* Where entries go. Made in compile() and given to sink_ready(); read-only afterwards. The host copies what it needs:
 * entries are delivered also when the configuration is gone. */
struct sink {
	enum sink_kind kind;
	const char *plugin;
	struct slice name; /* of the queue: configurations with equal names share one; the latest says how */
	struct sink_queue queue;
	uint32_t timeout_ms, keepalive_ms;
	/* HTTP */
	struct slice url, method;
	struct head headers;
	int status_below; /* delivered: an answer below this; 0: 300 */
	/* HTTP, TCP, UDP, FILE: the bytes of a delivery; NULL: the entries behind each other */
	void (*encode)(const struct sink_batch *b, struct text *out);
	struct slice context; /* what encode needs of the configuration */
	/* TCP, UDP */
	struct slice host;
	int port;
	/* TCP, HTTP */
	bool tls, tls_verify;
	struct slice tls_name;
	/* FILE */
	struct slice path;
	bool reopen; /* for each delivery */
	/* SYSLOG: entries are whole datagrams for /dev/log */

	uint64_t fingerprint; /* sink_ready() */
};
/* The last thing that is done to a sink. */
void sink_ready(struct sink *s);
/* Entries as lines. */
void sink_encode_lines(const struct sink_batch *b, struct text *out);
/* A JSON array of entries that are JSON. */
void sink_encode_array(const struct sink_batch *b, struct text *out);

/* ---- commands to Redis ----------------------------------------------------------------------------------------- */

enum { REDIS_ARGS_MAX = 16 };
struct redis_ask {
	const struct redis_conf *redis;
	struct slice args[REDIS_ARGS_MAX]; /* the second is the key; of EVAL and EVALSHA the fourth */
	unsigned count;
	unsigned master; /* of a Redis Cluster the n-th master is asked, whatever the key; 0: the one that has the key
	                  */
	/* out */
	unsigned masters;  /* how many there are; 1: no cluster */
	bool failed;       /* nothing is known */
	const char *error; /* the server's refusal; NULL: none */
	struct slice text; /* a string; unset: nil or no string */
	int64_t number;    /* an integer */
};

/* ---- the host -------------------------------------------------------------------------------------------------- */

typedef bool (*entity_fn)(const void *entity, void *arg); /* false: no more */

/* What the process offers to plugins. One per worker. */
struct host {
	/* Looks up an entity by a unique field: "key" and its text, "id" and its 16 bytes (uuid_slice). NULL when
	 * there is none (or its ttl is over). Lives as long as the request. */
	const void *(*find)(struct call *c, const struct schema *kind, const char *field, struct slice value);
	/* Calls fn for every entity whose reference field `ref` points to id, in no particular order. */
	void (*each)(struct call *c, const struct schema *kind, const char *ref, const struct uuid *id, entity_fn fn,
	        void *arg);
	/* Counts; then `done` runs, at once (its verdict is returned) or later (WAIT is returned). */
	enum verdict (*count)(struct call *c, struct count *count, phase_fn done);
	enum verdict (*read_body)(struct call *c, phase_fn done);
	enum verdict (*after)(struct call *c, uint32_t ms, phase_fn done);
	enum verdict (*fetch)(struct call *c, struct fetch *f, phase_fn done);
	enum verdict (*redis)(struct call *c, struct redis_ask *ask, phase_fn done);
	void (*redis_post)(struct call *c, const struct redis_ask *ask);
	void (*sink)(struct call *c, const struct sink *s, struct slice entry);
	bool (*cache_get)(struct call *c, struct slice key, struct slice *value);
	bool (*cache_put)(struct call *c, struct slice key, struct slice value, uint32_t ttl_ms);
	bool (*cache_delete)(struct call *c, struct slice key);
	void (*meter)(struct call *c, const struct metric *of, struct slice labels, uint64_t value);
	void (*meter_about)(struct call *c, const struct metric *of, const struct metric_subject *about,
	        metric_labels_fn write, uint64_t value);
	struct text *(*record_text)(struct call *c); /* the worker's, for call_log_record() */
	uint64_t (*next_number)(struct call *c);
	struct slice (*worker_uuid)(struct call *c);
	struct slice (*node_id)(struct call *c);
	struct slice (*server_ip)(struct call *c);
	struct slice_list (*consumer_groups)(struct call *c, const struct uuid *consumer);
	/* The JSON of an entity of the snapshot, as the Admin API shows it, without members that are null. */
	struct slice (*entity_json)(struct call *c, const struct schema *kind, const struct uuid *id);
};

static inline const void *call_find(struct call *c, const struct schema *kind, const char *field, struct slice value)
{
	return c->host->find(c, kind, field, value);
}

/* Names of the groups that a consumer belongs to, sorted. */
static inline struct slice_list call_consumer_groups(struct call *c, const struct consumer *consumer)
{
	return c->host->consumer_groups(c, &consumer->id);
}

static inline void call_each(
        struct call *c, const struct schema *kind, const char *ref, const struct uuid *id, entity_fn fn, void *arg)
{
	c->host->each(c, kind, ref, id, fn, arg);
}

static inline enum verdict call_count(struct call *c, struct count *count, phase_fn done)
{
	return c->host->count(c, count, done);
}

/* In access: waits until the whole request body is there, then `done` runs and call_body() has it. For plugins that
 * need it only now and then; WHOLE_REQUEST_BODY is for those that always do. Too large: 413, and done does not run.
 */
static inline enum verdict call_read_body(struct call *c, phase_fn done)
{
	return c->host->read_body(c, done);
}

/* `done` runs ms from now. */
static inline enum verdict call_after(struct call *c, uint32_t ms, phase_fn done)
{
	return c->host->after(c, ms, done);
}

/* Sends a request and waits for the whole answer, or for f->error. */
static inline enum verdict call_fetch(struct call *c, struct fetch *f, phase_fn done)
{
	return c->host->fetch(c, f, done);
}

static inline enum verdict call_redis(struct call *c, struct redis_ask *ask, phase_fn done)
{
	return c->host->redis(c, ask, done);
}

/* Sends a command whose answer nobody waits for. Any phase, and ask need not outlive the call. While there is no
 * connection it is dropped: for what may get lost, such as a copy in a cache. */
static inline void call_redis_post(struct call *c, const struct redis_ask *ask)
{
	c->host->redis_post(c, ask);
}

/* Hands an entry to a sink: copied, delivered later by this worker. Never waits and never fails: what the sink cannot
 * take is dropped and counted. Any phase, usually log. */
static inline void call_sink(struct call *c, const struct sink *s, struct slice entry)
{
	c->host->sink(c, s, entry);
}

/* The node's cache of bytes, shared by its workers and bounded in size (mem_cache_size): what was used longest ago
 * goes first. A value that was got lives as long as the request. Keys are the plugin's own: begin them with its name.
 */
static inline bool call_cache_get(struct call *c, struct slice key, struct slice *value)
{
	return c->host->cache_get(c, key, value);
}
/* False: too large to keep. */
static inline bool call_cache_put(struct call *c, struct slice key, struct slice value, uint32_t ttl_ms)
{
	return c->host->cache_put(c, key, value, ttl_ms);
}
/* False: it was not there. */
static inline bool call_cache_delete(struct call *c, struct slice key)
{
	return c->host->cache_delete(c, key);
}

/* Figures for GET /metrics: adds to a counter, observes in a histogram, sets a gauge. labels: metric_label()
 * (metric.h); `of` is a constant of the plugin's file. */
static inline void call_meter(struct call *c, const struct metric *of, struct slice labels, uint64_t value)
{
	c->host->meter(c, of, labels, value);
}
/* The same for labels that name entities: cheaper, and the series goes when they go (struct metric_subject). */
static inline void call_meter_about(struct call *c, const struct metric *of, const struct metric_subject *about,
        metric_labels_fn write, uint64_t value)
{
	c->host->meter_about(c, of, about, write, value);
}

/* 1, 2, 3, ... on this worker; with call_worker_uuid() unique everywhere. */
static inline uint64_t call_next_number(struct call *c)
{
	return c->host->next_number(c);
}
static inline struct slice call_node_id(struct call *c)
{
	return c->host->node_id(c);
}
/* Our end of the client's connection, as text; unset when it has none. */
static inline struct slice call_server_ip(struct call *c)
{
	return c->host->server_ip(c);
}
static inline struct slice call_worker_uuid(struct call *c)
{
	return c->host->worker_uuid(c);
}

#endif
