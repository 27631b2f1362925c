/* delta: see delta.h. What arrives here has crossed a network: every size, order and id is checked before it is used.
 */
#include "common/sync/delta.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/model/kinds.h"

/* Payload of a part; the rest of DELTA_PART_SIZE is for the envelope's own fields. */
enum { PAYLOAD_MAX = DELTA_PART_SIZE - 1024 };

static void *need(void *p)
{
	if (!p)
		abort();
	return p;
}

/* ---- packing --------------------------------------------------------------------------------------------------- */

void packed_delta_free(struct packed_delta *p)
{
	if (!p)
		return;
	free(p->bytes);
	free(p->epoch);
	free(p);
}

static ProtobufCBinaryData binary(struct slice s)
{
	return (ProtobufCBinaryData){s.len, (uint8_t *)s.ptr};
}

/* A Delta under construction: its changes point into memory of the caller. */
struct draft {
	Gatehouse__Sync__Delta delta;
	Gatehouse__Sync__Change *changes, **pointers;
	size_t n;
	struct arena texts; /* of records that keep none */
};

static void draft_init(struct draft *d, size_t cap)
{
	*d = (struct draft){.delta = GATEHOUSE__SYNC__DELTA__INIT};
	d->changes = need(calloc(cap + 1, sizeof *d->changes));
	d->pointers = need(calloc(cap + 1, sizeof *d->pointers));
	arena_init(&d->texts);
}

static void draft_add(struct draft *d, const struct schema *kind, const struct uuid *id, struct slice json)
{
	Gatehouse__Sync__Change *c = &d->changes[d->n];
	gatehouse__sync__change__init(c);
	c->kind = (char *)kind->name;
	c->id = binary(uuid_slice(id));
	c->json = binary(json);
	d->pointers[d->n++] = c;
}

static struct packed_delta *draft_pack(
        struct draft *d, const char *epoch, uint64_t base, uint64_t version, bool snapshot)
{
	d->delta.epoch = (char *)epoch;
	d->delta.base_version = base;
	d->delta.version = version;
	d->delta.snapshot = snapshot;
	d->delta.changes = d->pointers;
	d->delta.n_changes = d->n;

	struct packed_delta *p = need(malloc(sizeof *p));
	*p = (struct packed_delta){NULL, 0, slice_strdup(slice_cstr(epoch)), base, version, snapshot};
	p->len = gatehouse__sync__delta__get_packed_size(&d->delta);
	p->bytes = need(malloc(p->len + 1));
	gatehouse__sync__delta__pack(&d->delta, (uint8_t *)p->bytes);
	free(d->changes);
	free(d->pointers);
	arena_fini(&d->texts);
	return p;
}

struct packed_delta *delta_pack(
        const char *epoch, uint64_t base, uint64_t version, const struct change *changes, size_t n)
{
	struct draft d;
	draft_init(&d, n);
	for (size_t i = 0; i < n; i++)
		draft_add(&d, changes[i].kind, &changes[i].id, changes[i].json);
	return draft_pack(&d, epoch, base, version, base == 0);
}

static bool add_record(struct record *r, void *arg)
{
	struct draft *d = arg;
	draft_add(d, r->kind, &r->id, record_stored_text(r, &d->texts));
	return true;
}

struct packed_delta *delta_pack_snapshot(const char *epoch, const struct catalog *c)
{
	struct draft d;
	draft_init(&d, catalog_total(c));
	for (size_t i = 0; i < kinds_count(); i++)
		catalog_each(c, kinds_at(i), add_record, &d);
	return draft_pack(&d, epoch, 0, catalog_version(c), true);
}

/* ---- envelopes ------------------------------------------------------------------------------------------------- */

uint32_t delta_parts(const struct packed_delta *p)
{
	return p->len == 0 ? 1 : (uint32_t)((p->len + PAYLOAD_MAX - 1) / PAYLOAD_MAX);
}

size_t delta_envelope(const struct packed_delta *p, uint32_t part, uint8_t **out)
{
	struct slice rest = slice_from(slice_of(p->bytes, p->len), (size_t)part * PAYLOAD_MAX);
	if (rest.len > PAYLOAD_MAX)
		rest.len = PAYLOAD_MAX;

	Gatehouse__Sync__Envelope e = GATEHOUSE__SYNC__ENVELOPE__INIT;
	e.epoch = p->epoch;
	e.base_version = p->base;
	e.version = p->version;
	e.snapshot = p->snapshot;
	e.part = part;
	e.parts = delta_parts(p);
	e.payload = binary(rest);
	size_t len = gatehouse__sync__envelope__get_packed_size(&e);
	*out = need(malloc(len));
	return gatehouse__sync__envelope__pack(&e, *out);
}

/* ---- assembly -------------------------------------------------------------------------------------------------- */

void delta_assembly_reset(struct delta_assembly *a)
{
	free(a->bytes);
	*a = (struct delta_assembly){0};
}

static enum assembly_result bad(struct delta_assembly *a)
{
	delta_assembly_reset(a);
	return ASSEMBLY_BAD;
}

static void begin(struct delta_assembly *a, const Gatehouse__Sync__Envelope *e)
{
	delta_assembly_reset(a);
	a->epoch_hash = slice_hash(slice_cstr(e->epoch));
	a->base = e->base_version;
	a->version = e->version;
	a->parts = e->parts;
}

static bool is_next(const struct delta_assembly *a, const Gatehouse__Sync__Envelope *e)
{
	return a->parts == e->parts && a->next == e->part && e->part < e->parts && a->base == e->base_version &&
	       a->version == e->version && a->epoch_hash == slice_hash(slice_cstr(e->epoch));
}

/* Doubles, so that a delta of many parts is not copied for each. */
static void append(struct delta_assembly *a, const void *bytes, size_t n)
{
	if (a->len + n > a->cap) {
		a->cap = a->cap * 2 > a->len + n ? a->cap * 2 : a->len + n;
		a->bytes = need(realloc(a->bytes, a->cap));
	}
	if (n)
		memcpy(a->bytes + a->len, bytes, n);
	a->len += n;
}

enum assembly_result delta_assembly_add(struct delta_assembly *a, const Gatehouse__Sync__Envelope *e)
{
	if (e->part == 0)
		begin(a, e);
	if (!is_next(a, e) || e->payload.len > DELTA_PART_SIZE || a->len + e->payload.len > DELTA_MAX_SIZE)
		return bad(a);
	append(a, e->payload.data, e->payload.len);
	a->next++;
	return a->next == a->parts ? ASSEMBLY_DONE : ASSEMBLY_MORE;
}

Gatehouse__Sync__Delta *delta_assembly_unpack(struct delta_assembly *a, struct err *e)
{
	Gatehouse__Sync__Delta *d = gatehouse__sync__delta__unpack(NULL, a->len, (const uint8_t *)a->bytes);
	if (!d) {
		err_set(e, "expected a packed delta, these %zu bytes are none", a->len);
		return NULL;
	}
	if (d->version == a->version && d->base_version == a->base)
		return d;
	err_set(e,
	        "the envelope promised the delta from %" PRIu64 " to %" PRIu64 ", inside is one from %" PRIu64
	        " to %" PRIu64,
	        a->base, a->version, d->base_version, d->version);
	gatehouse__sync__delta__free_unpacked(d, NULL);
	return NULL;
}

/* ---- applying -------------------------------------------------------------------------------------------------- */

static bool apply_record(struct catalog *c, const struct schema *kind, const struct uuid *id, struct slice json,
        uint64_t version, struct text *held_back, struct err *e)
{
	struct record *r = record_parse_newer(kind, json, version, held_back, e);
	if (!r)
		return false;
	bool same = uuid_eq(&r->id, id);
	if (same)
		catalog_put(c, r);
	record_unref(r);
	return same || err_set(e, "the record has another id");
}

static bool apply_change(
        struct catalog *c, const Gatehouse__Sync__Change *ch, uint64_t version, struct text *held_back, struct err *e)
{
	const struct schema *kind = kinds_by_name(slice_cstr(ch->kind));
	if (!kind) {
		record_hold_back(held_back, slice_cstr(ch->kind));
		return true;
	}
	struct uuid id;
	if (ch->id.len != sizeof id.bytes)
		return err_set(e, "expected an id of 16 bytes for a change of %s, not %zu", kind->name, ch->id.len);
	memcpy(id.bytes, ch->id.data, sizeof id.bytes);
	if (ch->json.len == 0) {
		catalog_remove(c, kind, &id);
		return true;
	}
	if (apply_record(c, kind, &id, slice_of((const char *)ch->json.data, ch->json.len), version, held_back, e))
		return true;
	char text[UUID_TEXT + 1];
	uuid_format(&id, text);
	return err_prefix(e, "%s %s", kind->name, text);
}

struct catalog *delta_apply(
        const struct catalog *base, const Gatehouse__Sync__Delta *d, struct text *held_back, struct err *e)
{
	if (!d->snapshot && (!base || catalog_version(base) != d->base_version)) {
		err_set(e, "expected a delta from version %" PRIu64 ", not from %" PRIu64,
		        base ? catalog_version(base) : 0, d->base_version);
		return NULL;
	}
	struct text unwanted = {0};
	struct catalog *c = d->snapshot ? catalog_new() : catalog_copy(base);
	bool ok = true;
	for (size_t i = 0; ok && i < d->n_changes; i++)
		ok = apply_change(c, d->changes[i], d->version, held_back ? held_back : &unwanted, e);
	text_fini(&unwanted);
	if (ok) {
		catalog_set_version(c, d->version);
		return c;
	}
	catalog_free(c);
	return NULL;
}
