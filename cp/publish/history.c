/* history: see history.h. */
#include "cp/publish/history.h"

#include <stdlib.h>

#include "common/core/clock.h"
#include "common/core/log.h"
#include "common/core/map.h"

enum {
	RING = 4096,                   /* deltas kept ... */
	RING_BYTES = 64 * 1024 * 1024, /* ... and their size in all */
	SHELF = 8,                     /* answers kept for those who fetch them in parts ... */
	SHELF_MS = 30 * 1000,          /* ... for as long after the last use */
};

/* An answer made for someone: a merged gap or a snapshot. */
struct shelved {
	struct packed_delta *p;
	uint64_t used_ms;
};

struct history {
	char *epoch;
	uint64_t version;
	struct catalog *catalog;
	struct packed_delta *ring[RING];
	unsigned first, count; /* ring[first] is the oldest */
	size_t ring_bytes;
	struct shelved shelf[SHELF];
};

struct history *history_new(void)
{
	struct history *h = calloc(1, sizeof *h);
	if (!h)
		abort();
	h->epoch = slice_strdup(S(""));
	return h;
}

bool history_has_begun(const struct history *h)
{
	return h->catalog != NULL;
}

const struct catalog *history_catalog(const struct history *h)
{
	return h->catalog;
}

const char *history_epoch(const struct history *h)
{
	return h->epoch;
}

uint64_t history_version(const struct history *h)
{
	return h->version;
}

/* ---- the ring ---- */

static struct packed_delta *ring_at(const struct history *h, unsigned i)
{
	return h->ring[(h->first + i) % RING];
}

static void ring_drop(struct history *h)
{
	struct packed_delta *p = ring_at(h, 0);
	h->ring_bytes -= p->len;
	h->first = (h->first + 1) % RING;
	h->count--;
	packed_delta_free(p);
}

static void ring_clear(struct history *h)
{
	while (h->count > 0)
		ring_drop(h);
}

static void ring_add(struct history *h, struct packed_delta *p)
{
	while (h->count == RING || (h->count > 0 && h->ring_bytes + p->len > RING_BYTES))
		ring_drop(h);
	h->ring[(h->first + h->count++) % RING] = p;
	h->ring_bytes += p->len;
}

/* Index of the delta that leads on from `version`; -1: the ring does not reach back that far. */
static int ring_find(const struct history *h, uint64_t version)
{
	unsigned low = 0, high = h->count;
	while (low < high) {
		unsigned middle = (low + high) / 2;
		if (ring_at(h, middle)->base < version)
			low = middle + 1;
		else
			high = middle;
	}
	return low < h->count && ring_at(h, low)->base == version ? (int)low : -1;
}

/* ---- taking ---- */

static void apply(struct history *h, struct feed_batch *b)
{
	feed_batch_parse(b);
	for (size_t i = 0; i < b->n; i++) {
		const struct change *c = &b->changes[i];
		if (b->records[i])
			catalog_put(h->catalog, b->records[i]);
		else if (!slice_is_set(c->json))
			catalog_remove(h->catalog, c->kind, &c->id);
	}
	catalog_set_version(h->catalog, b->version);
}

void history_begin(struct history *h, struct catalog *c, struct slice epoch)
{
	char *owned = slice_strdup(epoch);

	ring_clear(h);
	if (h->catalog)
		catalog_free(h->catalog);
	h->catalog = c;
	free(h->epoch);
	h->epoch = owned;
	h->version = catalog_version(c);
}

static void begin_anew(struct history *h, struct feed_batch *b)
{
	history_begin(h, catalog_new(), slice_cstr(b->epoch));
	h->version = b->version;
	apply(h, b);
}

const struct packed_delta *history_pack(struct history *h, const struct feed_batch *b)
{
	if (b->snapshot)
		return NULL;
	struct packed_delta *p = delta_pack(b->epoch, b->base, b->version, b->changes, b->n);
	ring_add(h, p);
	h->version = b->version;
	return p;
}

void history_settle(struct history *h, struct feed_batch *b)
{
	if (b->snapshot)
		begin_anew(h, b);
	else
		apply(h, b);
	feed_batch_free(b);
}

const struct packed_delta *history_take(struct history *h, struct feed_batch *b)
{
	const struct packed_delta *p = history_pack(h, b);
	history_settle(h, b);
	return p;
}

/* ---- merging a gap ---- */

/* Later changes of the same record replace earlier ones: less to send, and a version that a data plane refused does
 * not stand in the way of the one that mends it. */
struct merge {
	struct map last; /* kind and id -> its last change */
	Gatehouse__Sync__Delta **parts;
	unsigned n_parts;
	struct change *changes;
	size_t n;
};

static struct slice change_key(const Gatehouse__Sync__Change *c, struct text *scratch)
{
	text_clear(scratch);
	text_puts(scratch, c->kind);
	text_putc(scratch, '\0');
	text_put(scratch, slice_of((const char *)c->id.data, c->id.len));
	return text_slice(scratch);
}

static void merge_unpack(struct merge *m, const struct history *h, unsigned from)
{
	struct text key = {0};
	m->parts = calloc(h->count - from, sizeof *m->parts);
	if (!m->parts)
		abort();
	for (unsigned i = from; i < h->count; i++) {
		const struct packed_delta *p = ring_at(h, i);
		Gatehouse__Sync__Delta *d = gatehouse__sync__delta__unpack(NULL, p->len, (const uint8_t *)p->bytes);
		if (!d)
			abort(); /* we have packed it */
		m->parts[m->n_parts++] = d;
		m->n += d->n_changes;
		for (size_t k = 0; k < d->n_changes; k++)
			map_set(&m->last, change_key(d->changes[k], &key), d->changes[k]);
	}
	text_fini(&key);
}

static void merge_collect(struct merge *m)
{
	struct text key = {0};
	size_t n = 0;
	m->changes = calloc(m->n + 1, sizeof *m->changes);
	if (!m->changes)
		abort();
	for (unsigned i = 0; i < m->n_parts; i++)
		for (size_t k = 0; k < m->parts[i]->n_changes; k++) {
			const Gatehouse__Sync__Change *c = m->parts[i]->changes[k];
			if (map_get(&m->last, change_key(c, &key)) != c)
				continue;
			struct change *to = &m->changes[n++];
			to->kind = kinds_by_name(slice_cstr(c->kind));
			memcpy(to->id.bytes, c->id.data, sizeof to->id.bytes);
			to->json = c->json.len ? slice_of((const char *)c->json.data, c->json.len)
			                       : (struct slice){0};
		}
	m->n = n;
	text_fini(&key);
}

static struct packed_delta *merge_gap(const struct history *h, unsigned from)
{
	struct merge m = {0};
	merge_unpack(&m, h, from);
	merge_collect(&m);
	struct packed_delta *p = delta_pack(h->epoch, ring_at(h, from)->base, h->version, m.changes, m.n);
	for (unsigned i = 0; i < m.n_parts; i++)
		gatehouse__sync__delta__free_unpacked(m.parts[i], NULL);
	map_fini(&m.last);
	free(m.parts);
	free(m.changes);
	return p;
}

/* ---- answering ---- */

static void shelf_clear(struct shelved *s)
{
	if (s->p)
		packed_delta_free(s->p);
	*s = (struct shelved){0};
}

static const struct packed_delta *shelve(struct history *h, struct packed_delta *p)
{
	uint64_t now = clock_mono_ms();
	struct shelved *to = &h->shelf[0];
	for (struct shelved *s = h->shelf; s < h->shelf + SHELF; s++) {
		if (s->p && now - s->used_ms > SHELF_MS)
			shelf_clear(s);
		if (s->used_ms < to->used_ms)
			to = s;
	}
	shelf_clear(to);
	*to = (struct shelved){p, now};
	return p;
}

static const struct packed_delta *shelf_find(struct history *h, struct slice epoch, uint64_t base, uint64_t version)
{
	for (struct shelved *s = h->shelf; s < h->shelf + SHELF; s++)
		if (s->p && s->p->base == base && s->p->version == version &&
		        slice_eq(slice_cstr(s->p->epoch), epoch)) {
			s->used_ms = clock_mono_ms();
			return s->p;
		}
	return NULL;
}

/* Snapshots may be large: the last one stays for those who are fetching it, those before it go. */
static void drop_old_snapshots(struct history *h)
{
	struct shelved *last = NULL;
	for (struct shelved *s = h->shelf; s < h->shelf + SHELF; s++)
		if (s->p && s->p->snapshot && (!last || s->used_ms > last->used_ms))
			last = s;
	for (struct shelved *s = h->shelf; s < h->shelf + SHELF; s++)
		if (s->p && s->p->snapshot && s != last)
			shelf_clear(s);
}

/* A snapshot made a little earlier serves as well when the ring leads on from it: many data planes that come at once,
 * while versions follow each other, share one. Not the empty one of version 0: nothing is handed out that leads on
 * from it. */
static bool serves(const struct history *h, const struct packed_delta *p)
{
	return p && p->snapshot && slice_eq(slice_cstr(p->epoch), slice_cstr(h->epoch)) &&
	       (p->version == h->version || (p->version > 0 && ring_find(h, p->version) >= 0));
}

/* What led from nothing to version v is all there is at v, so nothing else is made for it: who fetches it in parts
 * must get parts of one thing. Once it is not the newest, only while the catalog is still there. */
static const struct packed_delta *first_delta(const struct history *h)
{
	const struct packed_delta *p = h->count > 0 ? ring_at(h, 0) : NULL;
	return p && p->snapshot && (h->count == 1 || p->version == catalog_version(h->catalog)) ? p : NULL;
}

static const struct packed_delta *snapshot(struct history *h)
{
	if (first_delta(h))
		return first_delta(h);
	struct shelved *newest = NULL;
	for (struct shelved *s = h->shelf; s < h->shelf + SHELF; s++)
		if (serves(h, s->p) && (!newest || s->p->version > newest->p->version))
			newest = s;
	if (!newest) {
		drop_old_snapshots(h);
		return shelve(h, delta_pack_snapshot(h->epoch, h->catalog));
	}
	newest->used_ms = clock_mono_ms();
	return newest->p;
}

const struct packed_delta *history_answer(struct history *h, struct slice epoch, uint64_t version)
{
	if (!slice_eq(epoch, slice_cstr(h->epoch)) || version > h->version)
		return snapshot(h);
	if (version == h->version)
		return NULL;
	/* Base 0 means a snapshot to those who fetch parts, so no other delta leads on from version 0. */
	int from = ring_find(h, version);
	if (from < 0 || (version == 0 && h->count > 1))
		return snapshot(h);
	if ((unsigned)from + 1 == h->count)
		return ring_at(h, (unsigned)from);
	const struct packed_delta *merged = shelf_find(h, epoch, version, h->version);
	return merged ? merged : shelve(h, merge_gap(h, (unsigned)from));
}

const struct packed_delta *history_resume(struct history *h, struct slice epoch, uint64_t base, uint64_t version)
{
	int at = ring_find(h, base);
	if (at >= 0 && ring_at(h, (unsigned)at)->version == version && slice_eq(epoch, slice_cstr(h->epoch)))
		return ring_at(h, (unsigned)at);
	return shelf_find(h, epoch, base, version);
}

void history_free(struct history *h)
{
	if (!h)
		return;
	ring_clear(h);
	for (struct shelved *s = h->shelf; s < h->shelf + SHELF; s++)
		shelf_clear(s);
	if (h->catalog)
		catalog_free(h->catalog);
	free(h->epoch);
	free(h);
}
