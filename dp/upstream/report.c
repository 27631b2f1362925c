/* report: see report.h. */
#include "dp/upstream/report.h"

#include <stdlib.h>

#include "dp/upstream/balancer_private.h"

enum { ADDRESSES_MAX = 400, TARGETS_MAX = 400 }; /* of an upstream: what fits into one Poll */

/* ---- one upstream ---------------------------------------------------------------------------------------------- */

struct describing {
	struct balancer *balancer;
	const struct view *view;
	struct arena *arena;
	size_t addresses; /* so far */
};

static Gatehouse__Sync__AddressHealth *describe_address(struct describing *d, const struct entry *e, bool healthy)
{
	Gatehouse__Sync__AddressHealth *a = arena_new(d->arena, Gatehouse__Sync__AddressHealth);

	gatehouse__sync__address_health__init(a);
	a->ip = arena_cstr(d->arena, e->peer->text);
	a->port = (uint32_t)e->peer->port;
	a->weight = (uint32_t)e->weight;
	a->healthy = healthy;
	d->addresses++;
	return a;
}

static bool is_shown_healthy(const struct view *v, const struct entry *e)
{
	return e->endpoints_count > 0 && (!v->rules.in_use || is_health_good(&e->peer->health));
}

/* Those of which something is wrong come first, should there be too many. */
static void describe_addresses(struct describing *d, Gatehouse__Sync__TargetHealth *t, uint32_t target, bool healthy)
{
	const struct view *v = d->view;

	for (uint32_t i = 0; i < v->count; i++) {
		const struct entry *e = &v->entries[i];
		if (e->target != target || is_shown_healthy(v, e) != healthy)
			continue;
		if (d->addresses < ADDRESSES_MAX)
			t->addresses[t->n_addresses++] = describe_address(d, e, healthy);
		else
			t->left_out++;
	}
}

static const char *dns_word(struct describing *d, const struct target_def *t)
{
	bool is_pending;
	const char *error = names_error(d->balancer, t);

	if (t->is_address)
		return t->address.ss_family == AF_INET6 ? "AAAA" : "A";
	if (error)
		return error;
	const struct dns_set *set = names_find(d->balancer, t, &is_pending);
	if (!set)
		return "not resolved yet";
	return set->type == DNS_TYPE_SRV ? "SRV" : set->type == DNS_TYPE_AAAA ? "AAAA" : "A";
}

static uint32_t count_entries(const struct view *v, uint32_t target)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < v->count; i++)
		n += v->entries[i].target == target;
	return n;
}

static Gatehouse__Sync__TargetHealth *describe_target(struct describing *d, const struct target_def *def, uint32_t i)
{
	Gatehouse__Sync__TargetHealth *t = arena_new(d->arena, Gatehouse__Sync__TargetHealth);

	gatehouse__sync__target_health__init(t);
	t->id = (ProtobufCBinaryData){sizeof def->id.bytes, arena_alloc(d->arena, sizeof def->id.bytes)};
	memcpy(t->id.data, def->id.bytes, sizeof def->id.bytes);
	t->dns = arena_cstr(d->arena, slice_cstr(dns_word(d, def)));
	t->addresses = arena_array(d->arena, Gatehouse__Sync__AddressHealth *, count_entries(d->view, i));
	describe_addresses(d, t, i, false);
	describe_addresses(d, t, i, true);
	return t;
}

static Gatehouse__Sync__UpstreamHealth *new_message(struct balancer *b, struct arena *a)
{
	Gatehouse__Sync__UpstreamHealth *u = arena_new(a, Gatehouse__Sync__UpstreamHealth);

	gatehouse__sync__upstream_health__init(u);
	u->id = (ProtobufCBinaryData){sizeof b->id.bytes, arena_alloc(a, sizeof b->id.bytes)};
	memcpy(u->id.data, b->id.bytes, sizeof b->id.bytes);
	u->name = arena_cstr(a, b->name);
	u->gone = b->hold == NULL;
	return u;
}

static Gatehouse__Sync__UpstreamHealth *describe(struct balancer *b, struct arena *a)
{
	Gatehouse__Sync__UpstreamHealth *u = new_message(b, a);
	struct describing d = {.balancer = b, .view = atomic_load(&b->view), .arena = a};

	if (u->gone || !d.view)
		return u;
	const struct upstream_def *def = d.view->hold->def;
	u->checked = d.view->rules.in_use;
	u->healthy = atomic_load(&b->is_well);
	u->targets = arena_array(a, Gatehouse__Sync__TargetHealth *, def->targets_count);
	for (size_t i = 0; i < def->targets_count && i < TARGETS_MAX; i++)
		u->targets[u->n_targets++] = describe_target(&d, &def->targets[i], (uint32_t)i);
	u->left_out = (uint32_t)(def->targets_count - u->n_targets);
	return u;
}

Gatehouse__Sync__UpstreamHealth *balancers_describe(struct balancers *all, struct slice name, struct arena *a)
{
	struct balancer *b = map_get(&all->by_name, name);

	return b && b->hold ? describe(b, a) : NULL;
}

/* ---- what has changed ------------------------------------------------------------------------------------------ */

static int by_change(const void *pa, const void *pb)
{
	const struct balancer *const *a = pa, *const *b = pb;

	return (*a)->changed < (*b)->changed ? -1 : (*a)->changed > (*b)->changed;
}

static struct balancer **changed_since(struct balancers *all, uint64_t after, struct arena *a, size_t *count)
{
	struct balancer **list = arena_array(a, struct balancer *, all->by_name.count + 1);
	struct slice key;
	void *value;

	*count = 0;
	for (size_t at = 0; map_next(&all->by_name, &at, &key, &value);)
		if (((struct balancer *)value)->changed > after)
			list[(*count)++] = value;
	qsort(list, *count, sizeof *list, by_change);
	return list;
}

/* The first one is taken whatever its size: it has a limit of its own. */
void balancers_report(struct balancers *all, uint64_t after, size_t room, struct arena *a, struct health_batch *out)
{
	size_t n = 0, used = 0;

	*out = (struct health_batch){.upto = after};
	if (all->changed <= after)
		return;
	struct balancer **list = changed_since(all, after, a, &n);
	out->items = arena_array(a, Gatehouse__Sync__UpstreamHealth *, n + 1);
	for (size_t i = 0; i < n; i++) {
		Gatehouse__Sync__UpstreamHealth *u = describe(list[i], a);
		used += gatehouse__sync__upstream_health__get_packed_size(u) + 8;
		out->more = used > room;
		if (out->more)
			break;
		out->items[out->count++] = u;
		out->upto = list[i]->changed;
	}
}

/* ---- marks ----------------------------------------------------------------------------------------------------- */

static struct balancer *find_by_id(struct balancers *all, const struct uuid *id)
{
	struct slice key;
	void *value;

	for (size_t at = 0; map_next(&all->by_name, &at, &key, &value);) {
		struct balancer *b = value;
		if (b->hold && uuid_eq(&b->id, id))
			return b;
	}
	return NULL;
}

/* "10.0.0.1:80", "[2001:db8::1]:80" */
static bool is_address_of(const struct peer *p, struct slice address)
{
	char text[320];
	bool bare = slice_find(p->text, ':') >= 0 && p->text.ptr[0] != '[';
	int n = snprintf(text, sizeof text, bare ? "[%.*s]:%d" : "%.*s:%d", SLICE_ARG(p->text), p->port);

	return slice_ieq(slice_of(text, (size_t)n), address);
}

static bool mark_target(struct balancer *b, const struct view *v, uint32_t target, const struct target_mark *m)
{
	for (uint32_t i = 0; i < v->count; i++) {
		const struct entry *e = &v->entries[i];
		if (e->target == target && (!slice_is_set(m->address) || is_address_of(e->peer, m->address)))
			peer_mark(e->peer, m->healthy);
	}
	balancer_refresh(b, false); /* so that the next report tells it */
	return true;
}

bool balancers_mark(struct balancers *all, const struct target_mark *m)
{
	struct balancer *b = find_by_id(all, &m->upstream);
	const struct view *v = b ? atomic_load(&b->view) : NULL;
	const struct upstream_def *def = v ? v->hold->def : NULL;

	for (size_t i = 0; def && i < def->targets_count; i++)
		if (uuid_eq(&def->targets[i].id, &m->target))
			return mark_target(b, v, (uint32_t)i, m);
	return false;
}
