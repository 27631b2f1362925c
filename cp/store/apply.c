/* apply: see apply.h.
 *
 * Names may be swapped and parents replaced, so no order of single writes is right in general: references are checked
 * at the end, and of every kind all rows that change are taken out before any comes in. Rows go in batches, a
 * thousand times fewer statements than rows. */
#include "cp/store/apply.h"

#include <inttypes.h>
#include <stdlib.h>

#include "cp/store/store_private.h"

enum { BATCH = 1000, PURGE_MAX = 1000000 };

/* ---- what changes ---------------------------------------------------------------------------------------------- */

static bool is_new(const struct document_item *i)
{
	return !i->was;
}

/* The document gives a record that is as it was the very same text, also when the stored one is older. */
static bool is_changed(const struct document_item *i)
{
	return i->was && !i->is_same;
}

struct each {
	apply_change_fn fn;
	void *arg;
};

static bool tell_left(const struct schema *kind, const struct uuid *id, struct slice json, void *arg)
{
	const struct each *e = arg;

	if (document_has_kind(kind))
		e->fn(APPLY_DELETE, kind, id, json, (struct slice){0}, e->arg);
	return true;
}

void apply_each_change(const struct apply_result *r, bool keep_rest, apply_change_fn fn, void *arg)
{
	struct each e = {fn, arg};

	for (size_t n = 0; n < document_count(r->document); n++) {
		const struct document_item *i = document_at(r->document, n);
		if (is_new(i))
			fn(APPLY_CREATE, i->kind, &i->record->id, (struct slice){0}, i->record->json, arg);
		else if (is_changed(i))
			fn(APPLY_UPDATE, i->kind, &i->record->id, *i->was, i->record->json, arg);
	}
	if (!keep_rest)
		document_base_each_left(r->base, tell_left, &e);
}

static void count_change(enum apply_op op, const struct schema *kind, const struct uuid *id, struct slice from,
        struct slice to, void *arg)
{
	struct apply_result *r = arg;
	r->counts[op]++;
}

static void count_changes(struct apply_result *r, bool keep_rest)
{
	apply_each_change(r, keep_rest, count_change, r);
	r->unchanged = (unsigned)document_count(r->document) - r->counts[APPLY_CREATE] - r->counts[APPLY_UPDATE];
}

static unsigned changes_of(const struct apply_result *r)
{
	return r->counts[APPLY_CREATE] + r->counts[APPLY_UPDATE] + r->counts[APPLY_DELETE];
}

/* ---- writing --------------------------------------------------------------------------------------------------- */

typedef void (*batch_sql_fn)(struct text *out, const struct schema *kind);

/* Statements of one sort over the rows of one kind; docs is a JSON array that is being filled. */
struct batch {
	struct store *st;
	const struct schema *kind;
	batch_sql_fn sql;
	enum store_op op;
	bool is_logged;
	struct text docs;
	unsigned n;
	struct fault *fault;
};

static const char *number(struct store *st, uint64_t n)
{
	return arena_printf(&st->scratch, "%" PRIu64, n).ptr;
}

/* Every line of the changelog was written: else a row has gone that was there when it was read. */
static bool note_lines(struct batch *b, uint64_t lines)
{
	struct unit *u = &b->st->unit;

	if (!b->is_logged)
		return true;
	u->changes += (unsigned)lines;
	u->tallies[kinds_index(b->kind)].of[b->op] += (unsigned)lines;
	return lines == b->n ||
	       fault_set(b->fault, 8, 503, NULL, "rows of '%s' have gone meanwhile; try again", b->kind->name);
}

static bool batch_run(struct batch *b)
{
	struct store *st = b->st;
	struct pg_error e;

	if (b->n == 0)
		return true;
	arena_reset(&st->scratch);
	text_putc(&b->docs, ']');
	text_clear(&st->sql);
	b->sql(&st->sql, b->kind);
	const char *docs = text_cstr(&b->docs);
	const struct pg_params *params = b->is_logged ? PG_PARAMS(number(st, st->unit.base + 1),
	                                                        number(st, st->unit.changes), docs)
	                                              : PG_PARAMS(docs);
	PGresult *r = pg_query(&st->pg, text_cstr(&st->sql), params, &e);
	bool ok = r ? note_lines(b, pg_affected(r)) : fault_write(b->fault, &e, b->kind, NULL);
	PQclear(r);
	text_clear(&b->docs);
	b->n = 0;
	return ok;
}

static bool batch_add(struct batch *b, struct slice json)
{
	text_putc(&b->docs, b->n == 0 ? '[' : ',');
	text_put(&b->docs, json);
	return ++b->n < BATCH || batch_run(b);
}

static bool batch_end(struct batch *b)
{
	bool ok = batch_run(b);

	text_fini(&b->docs);
	return ok;
}

/* One sort of statement over the items of its kind. */
static bool write_items(struct batch b, const struct document *d, bool (*wanted)(const struct document_item *i))
{
	bool ok = true;

	for (size_t n = 0; ok && n < document_count(d); n++) {
		const struct document_item *i = document_at(d, n);
		if (i->kind == b.kind && wanted(i))
			ok = batch_add(&b, i->record->json);
	}
	return batch_end(&b) && ok;
}

struct removal {
	struct batch batch;
	bool ok;
};

static bool remove_left(const struct schema *kind, const struct uuid *id, struct slice json, void *arg)
{
	struct removal *r = arg;
	char text[UUID_TEXT + 3];

	if (kind != r->batch.kind || !document_has_kind(kind))
		return true;
	text[0] = '"';
	uuid_format(id, text + 1);
	text[UUID_TEXT + 1] = '"';
	r->ok = batch_add(&r->batch, slice_of(text, UUID_TEXT + 2));
	return r->ok;
}

static bool remove_rows(struct batch b, const struct document_base *base)
{
	struct removal r = {.batch = b, .ok = true};

	document_base_each_left(base, remove_left, &r);
	return batch_end(&r.batch) && r.ok;
}

static bool write_kind(struct store *st, const struct schema *kind, const struct apply_result *r, bool keep_rest,
        struct fault *fault)
{
	struct batch out = {st, kind, sql_batch_take_out, STORE_UPDATE, true, .fault = fault};
	struct batch gone = {st, kind, sql_batch_delete, STORE_DELETE, true, .fault = fault};
	struct batch back = {st, kind, sql_batch_put_back, STORE_UPDATE, false, .fault = fault};
	struct batch in = {st, kind, sql_batch_insert, STORE_CREATE, true, .fault = fault};

	return write_items(out, r->document, is_changed) && (keep_rest || remove_rows(gone, r->base)) &&
	       write_items(back, r->document, is_changed) && write_items(in, r->document, is_new);
}

static bool set_constraints(struct store *st, const char *when, struct fault *fault)
{
	struct pg_error e;
	char sql[64];

	snprintf(sql, sizeof sql, "SET CONSTRAINTS ALL %s", when);
	if (pg_run(&st->pg, sql, NULL, &e))
		return true;
	if (strcmp(e.sqlstate, "23503") != 0)
		return fault_database(fault, &e);
	return fault_set(fault, 4, 400, NULL, "a record refers to one that would be removed: %s", e.text.message);
}

static bool write_all(struct store *st, const struct apply_result *r, bool keep_rest, struct fault *fault)
{
	bool ok = set_constraints(st, "DEFERRED", fault);

	for (size_t k = 0; ok && k < kinds_count(); k++)
		ok = write_kind(st, kinds_at(k), r, keep_rest, fault);
	return ok && set_constraints(st, "IMMEDIATE", fault);
}

/* ---- one attempt ----------------------------------------------------------------------------------------------- */

static bool add_row(const struct schema *kind, struct slice json, void *arg, struct err *e)
{
	return document_base_add(arg, kind, json, e);
}

static bool fail_read(struct fault *fault, const struct err *e)
{
	return fault_set(fault, 8, 503, NULL, "%s", e->message);
}

/* Compares; false in *go_on: there is nothing to write. */
static void compare(const struct apply_request *r, struct apply_result *out, bool *go_on)
{
	out->document = r->read(out->base, r->arg);
	*go_on = out->document && !document_has_faults(out->document);
	if (!*go_on)
		return;
	count_changes(out, r->keep_rest);
	*go_on = !r->dry_run && changes_of(out) > 0;
}

static bool purge(struct store *st, struct fault *fault)
{
	uint64_t ignored; /* nobody sees expired rows, but their keys are taken */
	return store_purge_expired(st, PURGE_MAX, &ignored, fault);
}

/* One statement writes all rows of a kind, so its limit grows with them: pg_timeout for each thousand changes. */
static bool write_patiently(struct store *st, const struct apply_result *out, bool keep_rest, struct fault *fault)
{
	struct pg_error e;
	int64_t thousands = (int64_t)(changes_of(out) / 1000), limit_ms = st->pg.timeout_ms * (1 + thousands);
	if (thousands > 0 && !pg_set_timeout(&st->pg, limit_ms < INT32_MAX ? limit_ms : INT32_MAX, &e))
		return fail_read(fault, &e.text);
	return write_all(st, out, keep_rest, fault);
}

/* Without keeping others out: most of the time goes into reading. *moved: somebody has written meanwhile. */
static bool try_lightly(
        struct store *st, const struct apply_request *r, struct apply_result *out, bool *moved, struct fault *fault)
{
	struct err e;
	uint64_t seen;
	bool go_on;

	out->base = document_base_new();
	if (!store_snapshot(st, &seen, add_row, out->base, &e))
		return fail_read(fault, &e);
	compare(r, out, &go_on);
	if (!go_on)
		return true;
	if (st->is_memory)
		return fault_read_only(fault);
	if (!store_begin(st, fault))
		return false;
	*moved = st->unit.base != seen;
	if (*moved) {
		store_rollback(st);
		return true;
	}
	if (purge(st, fault) && write_patiently(st, out, r->keep_rest, fault))
		return store_commit(st, &out->version, fault);
	store_rollback(st);
	return false;
}

static bool try_alone(struct store *st, const struct apply_request *r, struct apply_result *out, struct fault *fault)
{
	struct err e;
	bool go_on = false;

	out->base = document_base_new();
	if (!store_begin(st, fault))
		return false;
	bool ok = purge(st, fault) && (store_send_rows(st, add_row, out->base, &e) || fail_read(fault, &e));
	if (ok)
		compare(r, out, &go_on);
	if (ok && go_on)
		ok = write_patiently(st, out, r->keep_rest, fault);
	if (ok && go_on)
		return store_commit(st, &out->version, fault);
	store_rollback(st);
	return ok;
}

static bool apply(struct store *st, const struct apply_request *r, struct apply_result *out, struct fault *fault)
{
	bool moved = false;

	if (!try_lightly(st, r, out, &moved, fault))
		return false;
	if (!moved)
		return true;
	apply_result_fini(out);
	return try_alone(st, r, out, fault);
}

bool store_apply(struct store *st, const struct apply_request *r, struct apply_result *out, struct fault *fault)
{
	struct pg_error ignored; /* a connection that is lost begins with the limit that is set here */
	int64_t usual_ms = st->pg.timeout_ms;

	*out = (struct apply_result){0};
	bool ok = apply(st, r, out, fault);
	if (st->pg.timeout_ms != usual_ms)
		pg_set_timeout(&st->pg, usual_ms, &ignored);
	return ok;
}

void apply_result_fini(struct apply_result *r)
{
	document_free(r->document);
	document_base_free(r->base);
	*r = (struct apply_result){0};
}
