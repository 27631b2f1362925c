/* target_health: see target_health.h. */
#include "dp/status/target_health.h"

#include "common/entity/target.h"
#include "dp/config/snapshot.h"

struct telling {
	const struct snapshot *snapshot;
	struct arena arena;
	status_target_fn fn;
	void *arg;
};

/* "host:port", as it was written; unset: it has gone meanwhile. */
static struct slice target_name(const struct telling *t, const ProtobufCBinaryData *id)
{
	struct uuid uuid;
	if (id->len != sizeof uuid.bytes)
		return (struct slice){0};
	memcpy(uuid.bytes, id->data, sizeof uuid.bytes);
	const struct record *r = catalog_get(t->snapshot->catalog, &target_schema, &uuid);
	return r ? ((const struct target *)r->entity)->target : (struct slice){0};
}

static struct slice address_text(struct telling *t, const Gatehouse__Sync__AddressHealth *a)
{
	bool bare = strchr(a->ip, ':') && a->ip[0] != '[';
	return arena_printf(&t->arena, bare ? "[%s]:%u" : "%s:%u", a->ip, a->port);
}

static void tell_target(
        struct telling *t, const Gatehouse__Sync__UpstreamHealth *u, const Gatehouse__Sync__TargetHealth *of)
{
	struct status_target one = {
	        .upstream = slice_cstr(u->name), .target = target_name(t, &of->id), .address = S("")};

	if (!slice_is_set(one.target))
		return;
	if (of->n_addresses == 0) {
		one.state = "dns_error";
		t->fn(&one, t->arg);
	}
	for (size_t i = 0; i < of->n_addresses; i++) {
		const Gatehouse__Sync__AddressHealth *a = of->addresses[i];
		one.address = address_text(t, a);
		one.state = !u->checked ? "healthchecks_off" : a->healthy ? "healthy" : "unhealthy";
		t->fn(&one, t->arg);
	}
}

void target_health_each(struct balance_thread *balance, const struct snapshot *s, status_target_fn fn, void *arg)
{
	struct telling t = {.snapshot = s, .fn = fn, .arg = arg};
	struct health_batch all;

	arena_init(&t.arena);
	balance_thread_report(balance, 0, SIZE_MAX, &t.arena, &all);
	for (size_t i = 0; i < all.count; i++)
		for (size_t k = 0; !all.items[i]->gone && k < all.items[i]->n_targets; k++)
			tell_target(&t, all.items[i], all.items[i]->targets[k]);
	arena_fini(&t.arena);
}
