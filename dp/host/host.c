/* host: see host.h. */
#include "dp/host/host.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "common/entity/consumer_group.h"
#include "common/model/kinds.h"
#include "dp/host/cache.h"
#include "dp/host/counters.h"
#include "dp/host/entity_texts.h"
#include "dp/host/fetch.h"
#include "dp/host/meter.h"
#include "dp/host/redis.h"
#include "dp/host/sinks.h"
#include "dp/host/staples.h"

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
	return r && !(r->expires_at > 0 && record_is_expired(r, clock_wall_coarse_ms())) ? r->entity : NULL;
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
	struct each e = {fn, arg, clock_wall_coarse_ms()};
	if (f)
		catalog_each_ref(owner_of(c)->snapshot->catalog, kind, f, id, give_entity, &e);
}

/* ---- effects that wait ----------------------------------------------------------------------------------------- */

/* An effect under way: ends with its answer or with the request. */
struct pending {
	struct call *call;
	phase_fn done;
	struct arena_cleanup *cleanup;
	union {
		struct redis_call *redis;
		struct fetching *fetching;
		struct timeout timer;
	};
	struct count *count;
	struct redis_ask *ask;
};

static struct pending *pend(struct call *c, phase_fn done)
{
	struct pending *p = arena_new(c->x->arena, struct pending);
	p->call = c;
	p->done = done;
	return p;
}

static enum verdict wait_for(struct pending *p, arena_cleanup_fn cancel)
{
	p->cleanup = arena_defer(p->call->x->arena, cancel, p);
	return WAIT;
}

static void resume(struct pending *p)
{
	arena_undefer(p->cleanup);
	owner_of(p->call)->resume(p->call, p->done(p->call));
}

/* ---- counting and Redis ---------------------------------------------------------------------------------------- */

static void cancel_redis(void *arg)
{
	redis_cancel(((struct pending *)arg)->redis);
}

static void on_counted(void *arg, bool ok)
{
	struct pending *p = arg;
	p->count->failed = !ok;
	resume(p);
}

static enum verdict count_in_redis(struct call *c, struct count *count, phase_fn done)
{
	struct pending *p = pend(c, done);
	p->count = count;
	p->redis = redis_count(owner_of(c)->worker->redis, count, on_counted, p);
	if (p->redis)
		return wait_for(p, cancel_redis);
	count->failed = true;
	return done(c);
}

static enum verdict count_now(struct call *c, struct count *count, phase_fn done)
{
	if (count->redis)
		return count_in_redis(c, count, done);
	const struct host_worker *w = owner_of(c)->worker;
	counters_count(count->is_shared ? w->shared_counters : w->counters, count, clock_mono_coarse_ms());
	return done(c);
}

static void on_redis(void *arg, bool ok)
{
	struct pending *p = arg;
	struct arena *a = p->call->x->arena;
	p->ask->failed = !ok;
	if (ok)
		p->ask->text = arena_dup(a, p->ask->text);
	if (ok && p->ask->error)
		p->ask->error = arena_cstr(a, slice_cstr(p->ask->error));
	resume(p);
}

static enum verdict ask_redis(struct call *c, struct redis_ask *ask, phase_fn done)
{
	struct pending *p = pend(c, done);
	p->ask = ask;
	p->redis = redis_send(owner_of(c)->worker->redis, ask, on_redis, p);
	if (p->redis)
		return wait_for(p, cancel_redis);
	ask->failed = true;
	return done(c);
}

static void post_to_redis(struct call *c, const struct redis_ask *ask)
{
	redis_post(owner_of(c)->worker->redis, ask);
}

/* ---- time and requests ----------------------------------------------------------------------------------------- */

static void cancel_timer(void *arg)
{
	timeout_clear(&((struct pending *)arg)->timer);
}

static void on_time(void *arg)
{
	resume(arg);
}

static enum verdict after(struct call *c, uint32_t ms, phase_fn done)
{
	struct pending *p = pend(c, done);
	if (ms == 0)
		return done(c);
	timeout_set(&owner_of(c)->worker->loop->timeouts, &p->timer, ms, on_time, p);
	return wait_for(p, cancel_timer);
}

static void cancel_fetch(void *arg)
{
	fetch_cancel(((struct pending *)arg)->fetching);
}

static void on_fetched(void *arg)
{
	struct pending *p = arg;
	if (p->cleanup) /* else fetch() is still on the stack */
		resume(p);
}

static enum verdict fetch(struct call *c, struct fetch *f, phase_fn done)
{
	struct pending *p = pend(c, done);
	struct fetching *g = fetch_start(owner_of(c)->worker, c->x->arena, f, on_fetched, p);
	if (!g)
		return done(c);
	p->fetching = g;
	return wait_for(p, cancel_fetch);
}

/* ---- those that do not ----------------------------------------------------------------------------------------- */

static void put_in_sink(struct call *c, const struct sink *s, struct slice entry)
{
	sinks_put(owner_of(c)->worker->sinks, s, entry);
}

static void release(void *value)
{
	cache_release(value);
}

static bool get_from_cache(struct call *c, struct slice key, struct slice *value)
{
	struct cache_value *v = cache_get(owner_of(c)->worker->cache, key, clock_mono_ms());
	if (!v)
		return false;
	arena_defer(c->x->arena, release, v);
	*value = cache_bytes(v);
	return true;
}

static bool put_in_cache(struct call *c, struct slice key, struct slice value, uint32_t ttl_ms)
{
	return cache_put(owner_of(c)->worker->cache, key, value, clock_mono_ms() + ttl_ms);
}

static bool delete_from_cache(struct call *c, struct slice key)
{
	return cache_delete(owner_of(c)->worker->cache, key);
}

static void count_for_metrics(struct call *c, const struct metric *of, struct slice labels, uint64_t value)
{
	meter_count(owner_of(c)->worker->meter, of, labels, value);
}

static void count_about(struct call *c, const struct metric *of, const struct metric_subject *about,
        metric_labels_fn write, uint64_t value)
{
	meter_count_about(owner_of(c)->worker->meter, of, about, write, c, value);
}

static const void *entity_of(const struct catalog *catalog, const struct schema *kind, const struct uuid *id)
{
	static const struct uuid nil;
	const struct record *r = uuid_eq(id, &nil) ? NULL : catalog_get(catalog, kind, id);
	return r ? r->entity : NULL;
}

/* What is named and not there makes another name, too: an empty one. */
static bool is_current(const struct meter_subject *s, void *arg)
{
	const struct catalog *catalog = arg;
	return s->names == metric_names(entity_of(catalog, &route_schema, &s->route),
	                           entity_of(catalog, &service_schema, &s->service),
	                           entity_of(catalog, &consumer_schema, &s->consumer));
}

void host_sweep_meter(struct host_worker *w, const struct snapshot *s)
{
	if (w->sweep.version != s->version)
		w->sweep.version = s->version, w->sweep.at = 0, w->sweep.is_done = false;
	if (!w->sweep.is_done)
		w->sweep.is_done = meter_sweep(
		        w->meter, &w->sweep.at, HOST_SWEEP_STEPS, is_current, (void *)(uintptr_t)s->catalog);
}

static struct text *record_text(struct call *c)
{
	return &owner_of(c)->worker->record;
}

static uint64_t next_number(struct call *c)
{
	return ++owner_of(c)->worker->number;
}

static struct slice worker_uuid(struct call *c)
{
	return slice_of(owner_of(c)->worker->uuid, UUID_TEXT);
}

static enum verdict read_body(struct call *c, phase_fn done)
{
	return owner_of(c)->read_body(c, done);
}

static struct slice entity_json(struct call *c, const struct schema *kind, const struct uuid *id)
{
	const struct snapshot *s = owner_of(c)->snapshot;
	return entity_texts_get(owner_of(c)->worker->texts, s->catalog, s->version, kind, id);
}

struct group_names {
	struct call *call;
	struct slice *items;
	size_t len, cap;
};

static bool add_group(struct record *membership, void *arg)
{
	struct group_names *names = arg;
	const struct group_membership *m = membership->entity;
	const struct record *group = catalog_get(
	        owner_of(names->call)->snapshot->catalog, &consumer_group_schema, &m->consumer_group.id);
	if (group && names->len < names->cap)
		names->items[names->len++] = ((const struct consumer_group *)group->entity)->name;
	return true;
}

static int compare_names(const void *a, const void *b)
{
	return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

static struct slice_list consumer_groups(struct call *c, const struct uuid *consumer)
{
	const struct catalog *catalog = owner_of(c)->snapshot->catalog;
	size_t all = catalog_count(catalog, &consumer_group_schema);
	if (all == 0)
		return (struct slice_list){0};
	struct group_names names = {.call = c, .items = arena_array(c->x->arena, struct slice, all), .cap = all};
	catalog_each_ref(catalog, &group_membership_schema,
	        schema_reference_to(&group_membership_schema, "consumers"), consumer, add_group, &names);
	qsort(names.items, names.len, sizeof *names.items, compare_names);
	return (struct slice_list){names.items, names.len};
}

static struct slice node_id(struct call *c)
{
	return owner_of(c)->worker->node_id;
}

static struct slice server_ip(struct call *c)
{
	const struct conn *client = owner_of(c)->client;
	struct sockaddr_storage address;
	socklen_t len = sizeof address;
	char *text = arena_alloc(c->x->arena, INET6_ADDRSTRLEN + 1);
	if (!client || getsockname(client->fd, (struct sockaddr *)&address, &len) != 0)
		return slice_of(NULL, 0);
	conn_address_text((struct sockaddr *)&address, text, INET6_ADDRSTRLEN, NULL);
	return slice_cstr(text);
}

void host_worker_init(struct host_worker *w)
{
	static const struct pool_limits kept = {.size = 16, .idle_timeout_ms = 60000};
	struct uuid id = uuid_v4();

	uuid_format(&id, w->uuid);
	pool_init(&w->fetch_pool, w->loop, &kept);
	struct dialer from = host_dialer(w);
	w->redis = redis_set_new(&from);
	w->texts = entity_texts_new();
	w->sinks = sinks_new(w);
	w->staples = staples_new(w);
}

void host_worker_fini(struct host_worker *w)
{
	staples_free(w->staples);
	sinks_free(w->sinks);
	redis_set_free(w->redis);
	entity_texts_free(w->texts);
	text_fini(&w->record);
	pool_fini(&w->fetch_pool);
}

const struct host host_vtable = {.find = find,
        .each = each,
        .count = count_now,
        .read_body = read_body,
        .after = after,
        .fetch = fetch,
        .redis = ask_redis,
        .redis_post = post_to_redis,
        .sink = put_in_sink,
        .cache_get = get_from_cache,
        .cache_put = put_in_cache,
        .cache_delete = delete_from_cache,
        .meter = count_for_metrics,
        .meter_about = count_about,
        .record_text = record_text,
        .next_number = next_number,
        .worker_uuid = worker_uuid,
        .node_id = node_id,
        .server_ip = server_ip,
        .consumer_groups = consumer_groups,
        .entity_json = entity_json};
