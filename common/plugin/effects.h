/* effects: what plugins may ask of the process around them. Part of the ABI, included by plugin.h.
 *
 * An effect that belongs to a request ends with it: a client that leaves cancels what is pending, and no continuation
 * runs afterwards. `return call_count(c, &count, done);` and `done`, another phase_fn of the plugin, decides; memory
 * given to an effect is the request's (c->x->arena, the configuration), because it must outlive the call. */
#ifndef COMMON_PLUGIN_EFFECTS_H
#define COMMON_PLUGIN_EFFECTS_H

#include "common/plugin/plugin.h"

/* ---- counters for limits --------------------------------------------------------------------------------------- */

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
	/* The JSON of an entity of the snapshot, as the Admin API shows it, without members that are null. */
	struct slice (*entity_json)(struct call *c, const struct schema *kind, const struct uuid *id);
};

static inline const void *call_find(struct call *c, const struct schema *kind, const char *field, struct slice value)
{
	return c->host->find(c, kind, field, value);
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

#endif
