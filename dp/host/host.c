/* host: see host.h. */
#include "dp/host/host.h"

#include "common/model/kinds.h"
#include "dp/host/counters.h"
#include "dp/host/entity_texts.h"
#include "dp/host/redis.h"

static struct host_owner *owner_of(struct call *c)
{
	return c->owner;
}

static struct record *look_up(
        const struct catalog *catalog, const struct schema *kind, const struct field *f, struct slice value)
{
	struct uuid id;
	if (f->format != FORMAT_UUID)
		return catalog_find(catalog, kind, f, value);
	if (value.len != sizeof id.bytes)
		return NULL;
	memcpy(id.bytes, value.ptr, sizeof id.bytes);
	return catalog_get(catalog, kind, &id);
}

static const void *find(struct call *c, const struct schema *kind, const char *name, struct slice value)
{
	const struct field *f = schema_field(kind, slice_cstr(name));
	struct record *r = f ? look_up(owner_of(c)->snapshot->catalog, kind, f, value) : NULL;
	return r && !record_is_expired(r, clock_wall_ms()) ? r->entity : NULL;
}

struct each {
	entity_fn fn;
	void *arg;
	int64_t now_ms;
};

static bool give_entity(struct record *r, void *arg)
{
	const struct each *e = arg;
	return record_is_expired(r, e->now_ms) || e->fn(r->entity, e->arg);
}

static void each(
        struct call *c, const struct schema *kind, const char *ref, const struct uuid *id, entity_fn fn, void *arg)
{
	const struct field *f = schema_field(kind, slice_cstr(ref));
	struct each e = {fn, arg, clock_wall_ms()};
	if (f)
		catalog_each_ref(owner_of(c)->snapshot->catalog, kind, f, id, give_entity, &e);
}

/* A count under way: ends with its answer or with the request. */
struct pending {
	struct call *call;
	struct count *count;
	phase_fn done;
	struct redis_call *redis;
	struct arena_cleanup *cleanup;
};

static void cancel(void *arg)
{
	redis_cancel(((struct pending *)arg)->redis);
}

static void on_counted(void *arg, bool ok)
{
	struct pending *p = arg;
	arena_undefer(p->cleanup);
	p->count->failed = !ok;
	owner_of(p->call)->resume(p->call, p->done(p->call));
}

static enum verdict count_in_redis(struct call *c, struct count *count, phase_fn done)
{
	struct pending *p = arena_new(c->x->arena, struct pending);
	*p = (struct pending){.call = c, .count = count, .done = done};
	p->redis = redis_count(owner_of(c)->worker->redis, count->redis, count->counters, count->n,
	        count->count_denied, on_counted, p);
	if (!p->redis) {
		count->failed = true;
		return done(c);
	}
	p->cleanup = arena_defer(c->x->arena, cancel, p);
	return WAIT;
}

static enum verdict count_now(struct call *c, struct count *count, phase_fn done)
{
	if (count->redis)
		return count_in_redis(c, count, done);
	counters_count(owner_of(c)->worker->counters, count->counters, count->n, count->count_denied,
	        (uint64_t)clock_wall_ms());
	return done(c);
}

static enum verdict read_body(struct call *c, phase_fn done)
{
	return owner_of(c)->read_body(c, done);
}

static struct slice entity_json(struct call *c, const struct schema *kind, const struct uuid *id)
{
	return entity_texts_get(owner_of(c)->worker->texts, owner_of(c)->snapshot->catalog, kind, id);
}

const struct host host_vtable = {
        .find = find, .each = each, .count = count_now, .read_body = read_body, .entity_json = entity_json};
