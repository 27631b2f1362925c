/* balancer: see balancer.h. Which balancers, peers and views there are, and how long; and what workers do with them.
 */
#include "dp/upstream/balancer.h"

#include <stdlib.h>

#include "common/core/clock.h"
#include "dp/upstream/balancer_private.h"
#include "dp/upstream/prober.h"

enum { PURGE_MS = 30 * 1000, RAMP_STEPS = 10 };

static void *new_zeroed(size_t size)
{
	void *p = calloc(1, size);

	if (!p)
		abort();
	return p;
}

/* ---- definitions: the main thread's to count ------------------------------------------------------------------- */

static struct def_hold *def_hold_new(struct upstream_def *def)
{
	struct def_hold *h = new_zeroed(sizeof *h);

	h->refs = 1;
	h->def = part_ref(def);
	return h;
}

void def_hold_unref(struct balancers *all, struct def_hold *h)
{
	if (!h || --h->refs > 0)
		return;
	h->next = all->returned;
	all->returned = h;
}

/* While the main thread waits, or when there is no other any more. */
static void give_back(struct balancers *all)
{
	while (all->returned) {
		struct def_hold *h = all->returned;
		all->returned = h->next;
		part_unref(h->def);
		free(h);
	}
}

/* ---- views ----------------------------------------------------------------------------------------------------- */

void balancer_recount(struct balancer *b)
{
	struct view *v = atomic_load(&b->view);
	uint64_t available = 0;

	for (uint32_t i = 0; i < v->count; i++) {
		if (is_entry_available(v, &v->entries[i]))
			available += (uint64_t)v->entries[i].weight;
		if (view_uses_tree(v))
			least_update(v, i);
	}
	atomic_store(&b->available, available);
	atomic_store(&b->is_well, health_is_enough(&v->rules, available, v->total));
}

static void forget_view(struct balancers *all, struct view *v)
{
	for (struct view **at = &all->retired; *at; at = &(*at)->next) {
		if (*at != v)
			continue;
		*at = v->next;
		break;
	}
	view_free(v);
}

static void on_all_passed(void *arg)
{
	struct view *v = arg;
	forget_view(v->balancer->owner, v);
}

/* On a worker: its turn in which it might have read the view is over. */
static void on_passed(void *arg)
{
	struct view *v = arg;
	if (atomic_fetch_sub(&v->waiting, 1) == 1)
		loop_post(v->balancer->owner->o.loop, on_all_passed, v);
}

static void retire(struct balancers *all, struct view *v)
{
	v->next = all->retired;
	all->retired = v;
	pthread_mutex_lock(&all->lock);
	atomic_store(&v->waiting, (unsigned)all->worker_count + 1);
	for (size_t i = 0; i < all->worker_count; i++)
		loop_post(all->workers[i], on_passed, v);
	pthread_mutex_unlock(&all->lock);
	on_passed(v);
}

static void publish(struct balancer *b, struct view *v)
{
	pthread_mutex_lock(&b->lock);
	struct view *old = atomic_exchange(&b->view, v);
	for (uint32_t i = 0; i < v->count; i++)
		v->entries[i].peer->index = i;
	if (view_uses_tree(v))
		least_build(v);
	balancer_recount(b);
	pthread_mutex_unlock(&b->lock);
	if (old)
		retire(b->owner, old);
}

static void note_change(struct balancer *b)
{
	struct balancers *all = b->owner;

	b->changed = ++all->changed;
	if (all->o.on_change)
		all->o.on_change(all->o.arg);
}

void balancer_refresh(struct balancer *b, bool structure)
{
	const struct view *was = atomic_load(&b->view);

	if (!b->hold || b->owner->is_stopped)
		return;
	atomic_store(&b->is_dirty, false); /* before availability is looked at */
	publish(b, view_build(b, structure || !was ? NULL : was->ring));
	note_change(b);
}

/* Keys of what ramps up change by themselves. */
static void recount_all(void *arg)
{
	struct balancers *all = arg;
	struct slice key;
	void *value;

	for (size_t at = 0; map_next(&all->by_name, &at, &key, &value);) {
		struct balancer *b = value;
		pthread_mutex_lock(&b->lock);
		if (atomic_load(&b->view) && view_uses_tree(atomic_load(&b->view)))
			balancer_recount(b);
		pthread_mutex_unlock(&b->lock);
	}
}

static void refresh_dirty(void *arg)
{
	balancer_refresh(arg, false);
}

void balancer_refresh_later(struct balancer *b)
{
	if (!atomic_exchange(&b->is_dirty, true))
		loop_post(b->owner->o.loop, refresh_dirty, b);
}

/* ---- balancers ------------------------------------------------------------------------------------------------- */

static struct balancer *balancer_new(struct balancers *all, struct slice name)
{
	struct balancer *b = new_zeroed(sizeof *b);

	b->owner = all;
	b->name = slice_of(slice_strdup(name), name.len);
	pthread_mutex_init(&b->lock, NULL);
	map_set(&all->by_name, b->name, b);
	return b;
}

static void balancer_free(struct balancer *b)
{
	struct slice key;
	void *value;

	for (size_t at = 0; map_next(&b->peers, &at, &key, &value);)
		peer_free(value);
	map_fini(&b->peers);
	pthread_mutex_destroy(&b->lock);
	free((char *)b->name.ptr);
	free(b);
}

static void let_go(void *arg)
{
	atomic_fetch_sub(&((struct balancer *)arg)->refs, 1);
}

/* The definition is not published yet: the last that is done to it. */
static void tie(struct upstream_def *def, struct balancer *b)
{
	def->balancer = b;
	atomic_fetch_add(&b->refs, 1);
	arena_defer(&def->part.arena, let_go, b);
}

/* Requests of older snapshots still find the view; nothing is looked up or probed any more. */
static void put_to_rest(struct balancer *b)
{
	prober_end(b);
	names_end(b);
	def_hold_unref(b->owner, b->hold);
	b->hold = NULL;
	b->gone_ms = clock_mono_ms();
	note_change(b);
}

static void apply_one(struct upstream_def *was, struct upstream_def *is, void *arg)
{
	struct balancers *all = arg;
	struct balancer *b = map_get(&all->by_name, (is ? is : was)->part.key);

	if (!is) {
		if (b)
			put_to_rest(b);
		return;
	}
	if (!b)
		b = balancer_new(all, is->part.key);
	tie(is, b);
	def_hold_unref(all, b->hold);
	b->hold = def_hold_new(is);
	b->id = is->upstream->id;
	names_sync(b);
	balancer_refresh(b, true);
	prober_sync(b);
}

void balancers_apply(struct balancers *all, const struct snapshot *was, const struct snapshot *is)
{
	struct slice key;
	void *value;

	snapshot_diff_upstreams(was, is, apply_one, all);
	for (size_t at = 0; map_next(&all->by_name, &at, &key, &value);)
		prober_take_certificate(value, is);
	give_back(all);
}

static bool is_dead(struct balancer *b, uint64_t now)
{
	return !b->hold && atomic_load(&b->refs) == 0 && now - b->gone_ms > PEER_REMEMBERED_MS;
}

/* Its view goes first, and with it the last who holds its peers. */
static void purge_one(struct balancers *all, struct balancer *b, uint64_t now)
{
	struct view *v = is_dead(b, now) ? atomic_exchange(&b->view, NULL) : NULL;

	if (v)
		retire(all, v);
	balancer_purge_peers(b, now);
}

static bool holds_retired(const struct balancers *all, const struct balancer *b)
{
	for (const struct view *v = all->retired; v; v = v->next)
		if (v->balancer == b)
			return true;
	return false;
}

static void purge(void *arg)
{
	struct balancers *all = arg;
	uint64_t now = clock_mono_ms();
	struct slice key;
	void *value;

	for (size_t at = 0; map_next(&all->by_name, &at, &key, &value);) {
		struct balancer *b = value;
		purge_one(all, b, now);
		if (!is_dead(b, now) || b->peers.count > 0 || holds_retired(all, b))
			continue;
		map_remove(&all->by_name, b->name);
		balancer_free(b);
		at = 0;
	}
}

struct balancers *balancers_new(const struct balancers_options *o)
{
	struct balancers *all = new_zeroed(sizeof *all);

	all->o = *o;
	pthread_mutex_init(&all->lock, NULL);
	all->purge = loop_timer_new(o->loop, PURGE_MS, true, purge, all);
	if (o->slow_start_ms)
		all->ramp = loop_timer_new(o->loop, o->slow_start_ms / RAMP_STEPS + 1, true, recount_all, all);
	return all;
}

void balancers_stop(struct balancers *all)
{
	struct slice key;
	void *value;

	all->is_stopped = true;
	loop_timer_free(all->purge);
	loop_timer_free(all->ramp);
	for (size_t at = 0; map_next(&all->by_name, &at, &key, &value);) {
		prober_end(value);
		names_end(value);
	}
}

void balancers_free(struct balancers *all)
{
	struct slice key;
	void *value;

	if (!all)
		return;
	for (size_t at = 0; map_next(&all->by_name, &at, &key, &value);) {
		struct balancer *b = value;
		struct view *v = atomic_exchange(&b->view, NULL);
		if (v)
			view_free(v);
		def_hold_unref(all, b->hold);
	}
	while (all->retired)
		forget_view(all, all->retired);
	give_back(all);
	for (size_t at = 0; map_next(&all->by_name, &at, &key, &value);)
		balancer_free(value);
	map_fini(&all->by_name);
	pthread_mutex_destroy(&all->lock);
	free(all->workers);
	free(all);
}

void balancers_join(struct balancers *all, struct loop *worker)
{
	pthread_mutex_lock(&all->lock);
	all->workers = realloc(all->workers, (all->worker_count + 1) * sizeof *all->workers);
	if (!all->workers)
		abort();
	all->workers[all->worker_count++] = worker;
	pthread_mutex_unlock(&all->lock);
}

void balancers_leave(struct balancers *all, struct loop *worker)
{
	pthread_mutex_lock(&all->lock);
	for (size_t i = 0; i < all->worker_count; i++)
		if (all->workers[i] == worker)
			all->workers[i--] = all->workers[--all->worker_count];
	pthread_mutex_unlock(&all->lock);
}

uint64_t balancers_changes(const struct balancers *all)
{
	return atomic_load_explicit(&all->changes, memory_order_relaxed);
}

bool balancers_are_resolving(const struct balancers *all)
{
	return atomic_load(&all->unresolved) > 0;
}

/* ---- on workers ------------------------------------------------------------------------------------------------ */

static const struct entry *choose(struct view *v, const struct balancer_query *q)
{
	switch (v->balance) {
	case BALANCE_HASH: return hash_pick(v, q->hash);
	case BALANCE_LEAST_CONNECTIONS:
	case BALANCE_LATENCY: return least_pick(v, q);
	case BALANCE_ROUND_ROBIN: break;
	}
	return round_robin_pick(v);
}

static void take(const struct entry *e, const struct balancer_query *q, struct balancer_pick *out)
{
	struct peer *p = e->peer;
	uint32_t turn = 0;

	atomic_fetch_add_explicit(&p->active, 1, memory_order_relaxed);
	if (e->endpoints_count > 1)
		turn = atomic_fetch_add_explicit(&p->turn, 1, memory_order_relaxed) % e->endpoints_count;
	*out = (struct balancer_pick){
	        .peer = p, .to = &e->endpoints[turn], .host = e->host, .host_header = e->host_header[q->tls]};
}

static const struct entry *choose_and_take(struct view *v, const struct balancer_query *q, struct balancer_pick *out)
{
	const struct entry *e = choose(v, q);

	if (e)
		take(e, q, out);
	return e;
}

/* The view may have been replaced while we waited for the lock: the tree of the current one counts. */
static const struct entry *pick_from_tree(
        struct balancer *b, const struct balancer_query *q, struct balancer_pick *out)
{
	pthread_mutex_lock(&b->lock);
	struct view *v = atomic_load(&b->view);
	const struct entry *e = choose_and_take(v, q, out);
	if (e && view_uses_tree(v))
		least_update(v, (uint32_t)(e - v->entries));
	pthread_mutex_unlock(&b->lock);
	return e;
}

enum balancer_answer balancer_pick(
        const struct upstream_def *u, const struct balancer_query *q, struct balancer_pick *out)
{
	struct balancer *b = u->balancer;
	struct view *v = b ? atomic_load_explicit(&b->view, memory_order_acquire) : NULL;
	const struct entry *e = NULL;

	if (!v)
		return BALANCER_NONE;
	if (atomic_load_explicit(&b->is_well, memory_order_relaxed))
		e = view_uses_tree(v) ? pick_from_tree(b, q, out) : choose_and_take(v, q, out);
	return e ? BALANCER_PICKED : v->is_pending ? BALANCER_PENDING : BALANCER_NONE;
}
