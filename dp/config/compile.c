/* compile: snapshot_build(), from the snapshot of one version to that of the next. Runs on the main thread at every
 * change.
 *
 * The two versions' catalogs are compared (which costs what differs, not what is there), and each record that came,
 * went or changed has its parts taken out of the copy and made anew, with those of other records that depend on it:
 *
 *   plugin    its instance, the scope it is attached to, and from there the chains that change
 *   target    its upstream
 *   upstream  by name
 *   service   destination and chain; its routes when it was enabled or disabled
 *   certificate, sni   themselves; they name each other
 *   route     its rules in the router; its chain when it has plugins of its own
 *
 * A snapshot from nothing is the same with an empty catalog for the version before: there is one way to build, and
 * tests/unit/config/test_incremental.c compares what a thousand changes lead to with what one build leads to. */
#include <stdlib.h>

#include "common/core/log.h"
#include "common/model/kinds.h"
#include "dp/config/compile.h"

/* ---- sets of ids -------------------------------------------------------------------------------------------- */

void compile_touch(struct map *ids, const struct uuid *id)
{
	map_set(ids, uuid_slice(id), ids);
}

bool compile_each(struct compiling *c, const struct map *ids, compile_id_fn fn)
{
	struct slice key;
	struct uuid id;
	void *value;

	for (size_t at = 0; map_next(ids, &at, &key, &value);) {
		memcpy(id.bytes, key.ptr, sizeof id.bytes);
		if (!fn(c, &id))
			return false;
	}
	return true;
}

/* ---- routes ------------------------------------------------------------------------------------------------- */

const struct field *compile_route_service(void)
{
	return schema_field(&route_schema, S("service"));
}

static bool is_http_route(const struct route *r)
{
	static const struct slice family[] = {SLICE("http"), SLICE("https"), SLICE("grpc"), SLICE("grpcs")};

	for (size_t i = 0; i < r->protocols.len; i++)
		for (size_t f = 0; f < sizeof family / sizeof *family; f++)
			if (slice_eq(r->protocols.items[i], family[f]))
				return true;
	return false;
}

static bool complain_of_missing_service(struct compiling *c, const struct route *r)
{
	char route[UUID_TEXT + 1], service[UUID_TEXT + 1];

	uuid_format(&r->id, route);
	uuid_format(&r->service.id, service);
	return err_set(c->e, "route %s refers to service %s, which is not there", route, service);
}

/* Routes of a service that is not enabled are not matched at all (1.8). */
static bool put_route(struct compiling *c, struct record *record)
{
	const struct route *r = record->entity;
	const struct service_part *part = NULL;
	struct err why;

	if (r->service.set) {
		part = pmap_get(&c->s->services, uuid_slice(&r->service.id));
		if (!part)
			return complain_of_missing_service(c, r);
	}
	bool is_off = part && !part->service->enabled;
	if (!is_http_route(r) && !is_off)
		compile_l4_put(c, record);
	else
		compile_l4_remove(c, &r->id);
	if (!is_http_route(r) || is_off) {
		router_remove(c->s->router, &r->id);
		return true;
	}
	if (router_put(c->s->router, &(struct router_entry){r, record_ref(record)}, &why))
		return true;
	record_unref(record);
	char id[UUID_TEXT + 1];
	uuid_format(&r->id, id);
	log_error("route cannot be used and is left out", LOG_STR("route", id), LOG_STR("problem", why.message));
	return true;
}

static bool change_route(struct record *was, struct record *is, void *arg)
{
	struct compiling *c = arg;

	if (!is) {
		router_remove(c->s->router, &was->id);
		compile_l4_remove(c, &was->id);
	}
	return !is || put_route(c, is);
}

static bool put_again(struct record *route, void *arg)
{
	return put_route(arg, route);
}

static bool put_routes_of(struct compiling *c, const struct uuid *service)
{
	return catalog_each_ref(c->is, &route_schema, compile_route_service(), service, put_again, c);
}

static bool compile_routes(struct compiling *c)
{
	return catalog_diff(c->was, c->is, &route_schema, change_route, c) &&
	       compile_each(c, &c->switched, put_routes_of);
}

/* ---- snapshots ---------------------------------------------------------------------------------------------- */

static void drop_record(void *record)
{
	record_unref(record);
}

static void init_maps(struct snapshot *s)
{
	pmap_init(&s->services, &part_ops, NULL);
	pmap_init(&s->upstreams, &part_ops, NULL);
	pmap_init(&s->certificates, &part_ops, NULL);
	pmap_init(&s->authorities, &part_ops, NULL);
	pmap_init(&s->handshake_rows, &part_ops, NULL);
	pmap_init(&s->l4_routes, &part_ops, NULL);
	pmap_init(&s->snis, &part_ops, NULL);
	pmap_init(&s->chains, &part_ops, NULL);
	pmap_init(&s->instances, &part_ops, NULL);
	pmap_init(&s->consumer_rows, &consumer_row_ops, NULL);
	for (int i = 0; i < SCOPE_KINDS; i++)
		pmap_init(&s->scopes[i], &part_ops, NULL);
}

static void copy_maps(struct snapshot *s, const struct snapshot *base)
{
	s->services = pmap_copy(&base->services);
	s->upstreams = pmap_copy(&base->upstreams);
	s->certificates = pmap_copy(&base->certificates);
	s->authorities = pmap_copy(&base->authorities);
	s->handshake_rows = pmap_copy(&base->handshake_rows);
	s->l4_routes = pmap_copy(&base->l4_routes);
	s->snis = pmap_copy(&base->snis);
	s->chains = pmap_copy(&base->chains);
	s->instances = pmap_copy(&base->instances);
	s->consumer_rows = pmap_copy(&base->consumer_rows);
	for (int i = 0; i < SCOPE_KINDS; i++)
		s->scopes[i] = pmap_copy(&base->scopes[i]);
}

static struct snapshot *new_snapshot(const struct snapshot *base, const struct router_options *options)
{
	struct snapshot *s = calloc(1, sizeof *s);
	struct router_options own = *options;

	if (!s)
		abort();
	own.drop = drop_record;
	if (base) {
		copy_maps(s, base);
		s->router = router_copy(base->router);
		s->global = part_ref((struct chain *)base->global);
		s->l4 = part_ref((struct l4_table *)base->l4);
	} else {
		init_maps(s);
		s->router = router_new(&own);
	}
	return s;
}

struct tally {
	size_t count, limit;
};

static bool count_change(struct record *was, struct record *is, void *arg)
{
	struct tally *t = arg;

	return ++t->count <= t->limit;
}

/* When most of it is new (a snapshot from the control plane), building from nothing takes less. */
static bool is_mostly_new(const struct catalog *was, const struct catalog *is)
{
	struct tally t = {.limit = catalog_total(is) / 4 + 16};

	for (size_t i = 0; i < kinds_count(); i++)
		if (!catalog_diff(was, is, kinds_at(i), count_change, &t))
			return true;
	return false;
}

static void compiling_fini(struct compiling *c)
{
	map_fini(&c->services);
	map_fini(&c->upstreams);
	map_fini(&c->route_chains);
	map_fini(&c->service_chains);
	map_fini(&c->switched);
}

/* In the order of who depends on whom. */
static bool compile(struct compiling *c)
{
	if (!compile_plugins(c))
		return false;
	compile_chains(c);
	compile_certificates(c);
	compile_upstreams(c);
	return compile_services(c) && compile_routes(c);
}

struct snapshot *snapshot_build(const struct snapshot *base, struct slice epoch, struct catalog *catalog,
        const struct router_options *options, struct err *e)
{
	struct catalog *nothing = catalog_new();

	if (base && is_mostly_new(base->catalog, catalog))
		base = NULL;
	struct snapshot *s = new_snapshot(base, options);
	s->epoch = slice_of(slice_strdup(epoch), epoch.len);
	s->version = catalog_version(catalog);
	s->catalog = catalog;
	struct compiling c = {
	        .was = base ? base->catalog : nothing, .is = catalog, .s = s, .e = e, .global_chain = !base};
	compile_inherit_states(s, base);
	bool ok = compile(&c);
	compile_l4(&c, options);
	compiling_fini(&c);
	catalog_free(nothing);
	if (ok)
		return s;
	s->catalog = NULL; /* still the caller's */
	snapshot_free(s);
	return NULL;
}
