/* catalog: see catalog.h.
 *
 * One flat array of pmaps, laid out once per process: for every kind its records by id, then one map per indexed
 * field. A UNIQUE field's map leads from the value to the record. A reference field's map leads from the id referred
 * to, to a group: a counted object with a pmap of the records that refer to it.
 *
 * The surprising part: groups are values of a shared map, so whether one may be changed in place is seen only after
 * it was taken out of the map (take_group): if nobody else holds it then, it is ours alone. */
#include "common/model/catalog.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/core/pmap.h"
#include "common/model/kinds.h"

enum { MAPS_MAX = KINDS_MAX * 8 };

/* ---- layout ---------------------------------------------------------------------------------------------------- */

/* What map i of every catalog is for. */
static struct {
	size_t first[KINDS_MAX + 1];         /* map of a kind's records by id; its fields' maps follow */
	const struct field *field[MAPS_MAX]; /* NULL: by id */
} layout;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static bool is_indexed(const struct field *f)
{
	return f->ref ? f->member == MEMBER_REF : (f->flags & UNIQUE) && f->member == MEMBER_SLICE;
}

static void add_map(size_t *n, const struct field *f)
{
	if (*n == MAPS_MAX)
		abort(); /* MAPS_MAX wants to be larger */
	layout.field[(*n)++] = f;
}

static void lay_out(void)
{
	size_t n = 0;
	for (size_t i = 0; i < kinds_count(); i++) {
		layout.first[i] = n;
		add_map(&n, NULL);
		for_each_field(f, kinds_at(i)) if (is_indexed(f)) add_map(&n, f);
	}
	layout.first[kinds_count()] = n;
}

static size_t maps_count(void)
{
	return layout.first[kinds_count()];
}

/* ---- groups ---------------------------------------------------------------------------------------------------- */

struct group {
	unsigned refs;
	struct uuid id;      /* referred to */
	struct pmap records; /* by id */
};

static struct slice record_id(const void *value, const void *context)
{
	const struct record *r = value;
	return uuid_slice(&r->id);
}

static struct slice record_field(const void *value, const void *context)
{
	return record_lookup_key(value, context);
}

static void *hold_record(void *value)
{
	return record_ref(value);
}

static void drop_record(void *value)
{
	record_unref(value);
}

static struct slice group_id(const void *value, const void *context)
{
	const struct group *g = value;
	return uuid_slice(&g->id);
}

static void *hold_group(void *value)
{
	struct group *g = value;
	g->refs++;
	return g;
}

static void drop_group(void *value)
{
	struct group *g = value;
	if (--g->refs > 0)
		return;
	pmap_fini(&g->records);
	free(g);
}

static const struct pmap_ops by_id = {record_id, hold_record, drop_record};
static const struct pmap_ops by_field = {record_field, hold_record, drop_record};
static const struct pmap_ops by_reference = {group_id, hold_group, drop_group};

static struct group *group_new(const struct uuid *id)
{
	struct group *g = malloc(sizeof *g);
	if (!g)
		abort();
	*g = (struct group){.refs = 1, .id = *id};
	pmap_init(&g->records, &by_id, NULL);
	return g;
}

/* The group for id, out of the map, with a reference for the caller, who alone holds it and may change it. */
static struct group *take_group(struct pmap *m, const struct uuid *id)
{
	struct group *g = pmap_get(m, uuid_slice(id));
	if (!g)
		return group_new(id);
	hold_group(g);
	pmap_remove(m, uuid_slice(id));
	if (g->refs == 1)
		return g;
	struct group *copy = group_new(id);
	copy->records = pmap_copy(&g->records);
	drop_group(g);
	return copy;
}

static void give_group(struct pmap *m, struct group *g)
{
	if (g->records.count > 0)
		pmap_put(m, g);
	drop_group(g);
}

/* ---- catalogs -------------------------------------------------------------------------------------------------- */

struct catalog {
	uint64_t version;
	struct pmap maps[]; /* see layout */
};

static struct catalog *allocate(void)
{
	pthread_once(&once, lay_out);
	struct catalog *c = malloc(sizeof *c + maps_count() * sizeof c->maps[0]);
	if (!c)
		abort();
	return c;
}

struct catalog *catalog_new(void)
{
	struct catalog *c = allocate();
	c->version = 0;
	for (size_t i = 0; i < maps_count(); i++) {
		const struct field *f = layout.field[i];
		pmap_init(&c->maps[i], !f ? &by_id : f->ref ? &by_reference : &by_field, f);
	}
	return c;
}

struct catalog *catalog_copy(const struct catalog *c)
{
	struct catalog *copy = allocate();
	copy->version = c->version;
	for (size_t i = 0; i < maps_count(); i++)
		copy->maps[i] = pmap_copy(&c->maps[i]);
	return copy;
}

void catalog_free(struct catalog *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < maps_count(); i++)
		pmap_fini(&c->maps[i]);
	free(c);
}

uint64_t catalog_version(const struct catalog *c)
{
	return c->version;
}

void catalog_set_version(struct catalog *c, uint64_t version)
{
	c->version = version;
}

/* ---- changing -------------------------------------------------------------------------------------------------- */

static void index_field(struct pmap *m, const struct field *f, struct record *r)
{
	struct slice key = record_lookup_key(r, f);
	if (!slice_is_set(key))
		return;
	if (!f->ref) {
		pmap_put(m, r);
		return;
	}
	const struct ref *to = field_member(f, r->entity);
	struct group *g = take_group(m, &to->id);
	pmap_put(&g->records, r);
	give_group(m, g);
}

static void unindex_field(struct pmap *m, const struct field *f, struct record *r)
{
	struct slice key = record_lookup_key(r, f);
	if (!slice_is_set(key))
		return;
	if (!f->ref) {
		if (pmap_get(m, key) == r) /* else a later record has the value now */
			pmap_remove(m, key);
		return;
	}
	const struct ref *to = field_member(f, r->entity);
	struct group *g = take_group(m, &to->id);
	pmap_remove(&g->records, uuid_slice(&r->id));
	give_group(m, g);
}

static void for_fields(struct catalog *c, size_t kind, struct record *r,
        void (*fn)(struct pmap *m, const struct field *f, struct record *r))
{
	for (size_t i = layout.first[kind] + 1; i < layout.first[kind + 1]; i++)
		fn(&c->maps[i], layout.field[i], r);
}

void catalog_put(struct catalog *c, struct record *r)
{
	size_t kind = kinds_index(r->kind);
	struct pmap *records = &c->maps[layout.first[kind]];
	struct record *was = pmap_get(records, uuid_slice(&r->id));
	if (was)
		for_fields(c, kind, was, unindex_field);
	pmap_put(records, r);
	for_fields(c, kind, r, index_field);
}

bool catalog_remove(struct catalog *c, const struct schema *kind_schema, const struct uuid *id)
{
	size_t kind = kinds_index(kind_schema);
	struct pmap *records = &c->maps[layout.first[kind]];
	struct record *was = pmap_get(records, uuid_slice(id));
	if (!was)
		return false;
	for_fields(c, kind, was, unindex_field);
	return pmap_remove(records, uuid_slice(id));
}

/* ---- reading --------------------------------------------------------------------------------------------------- */

static const struct pmap *map_of(const struct catalog *c, const struct schema *kind, const struct field *f)
{
	size_t k = kinds_index(kind);
	if (!f || f == kind->fields) /* every kind's table begins with its id */
		return &c->maps[layout.first[k]];
	for (size_t i = layout.first[k] + 1; i < layout.first[k + 1]; i++)
		if (layout.field[i] == f)
			return &c->maps[i];
	return NULL;
}

struct record *catalog_get(const struct catalog *c, const struct schema *kind, const struct uuid *id)
{
	return pmap_get(map_of(c, kind, NULL), uuid_slice(id));
}

struct record *catalog_find(
        const struct catalog *c, const struct schema *kind, const struct field *f, struct slice value)
{
	const struct pmap *m = map_of(c, kind, f);
	return m && !f->ref ? pmap_get(m, value) : NULL;
}

struct visit {
	catalog_fn fn;
	void *arg;
};

static bool visit(void *value, void *arg)
{
	const struct visit *v = arg;
	return v->fn(value, v->arg);
}

bool catalog_each(const struct catalog *c, const struct schema *kind, catalog_fn fn, void *arg)
{
	struct visit v = {fn, arg};
	return pmap_each(map_of(c, kind, NULL), visit, &v);
}

bool catalog_each_ref(const struct catalog *c, const struct schema *kind, const struct field *f,
        const struct uuid *id, catalog_fn fn, void *arg)
{
	const struct pmap *m = map_of(c, kind, f);
	const struct group *g = m && f->ref ? pmap_get(m, uuid_slice(id)) : NULL;
	struct visit v = {fn, arg};
	return !g || pmap_each(&g->records, visit, &v);
}

struct difference {
	catalog_diff_fn fn;
	void *arg;
};

static bool differ(void *was, void *is, void *arg)
{
	const struct difference *d = arg;
	return d->fn(was, is, d->arg);
}

bool catalog_diff(
        const struct catalog *was, const struct catalog *is, const struct schema *kind, catalog_diff_fn fn, void *arg)
{
	struct difference d = {fn, arg};
	return pmap_diff(map_of(was, kind, NULL), map_of(is, kind, NULL), differ, &d);
}

size_t catalog_count(const struct catalog *c, const struct schema *kind)
{
	return map_of(c, kind, NULL)->count;
}

size_t catalog_total(const struct catalog *c)
{
	size_t total = 0;
	for (size_t i = 0; i < maps_count(); i++)
		if (!layout.field[i])
			total += c->maps[i].count;
	return total;
}
