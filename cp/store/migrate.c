/* migrate: see migrate.h. Called by the control plane's start and by its migrations command.
 *
 * First the numbered migrations, then a comparison: whatever table, column, index or reference the kinds ask for and
 * the catalog of the database lacks is made. Both are lists of steps; each step is one transaction, so a run that was
 * cut short is taken up where it stopped. A plan with no steps is what "current" means. */
#include "cp/store/migrate.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/core/map.h"
#include "cp/store/store_private.h"

struct migration {
	int number;
	const char *name, *sql;
};

static const struct migration migrations[] = {
#define MIGRATION(number, name, sql) {number, name, sql},
#include "cp/store/migrations/migrations.def"
#undef MIGRATION
};

enum { MIGRATIONS = sizeof migrations / sizeof *migrations };
#define RELEASE (migrations[MIGRATIONS - 1].number)

/* ---- what is there --------------------------------------------------------------------------------------------- */

/* The database as it is. Keys of `names`: "r:services" (table or index), "c:services.name", "f:services.x_fkey". */
struct inventory {
	bool has_schema;
	int release; /* 0: empty */
	struct map names;
};

#define OURS "(SELECT oid FROM pg_namespace WHERE nspname = current_schema())"
static const char INVENTORY[] =
        "SELECT 'r:' || relname FROM pg_class WHERE relnamespace = " OURS
        " UNION ALL SELECT 'c:' || relname || '.' || attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid"
        " WHERE relnamespace = " OURS " AND relkind = 'r' AND attnum > 0 AND NOT attisdropped"
        " UNION ALL SELECT 'f:' || relname || '.' || conname FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid"
        " WHERE relnamespace = " OURS " AND contype = 'f'";

static void inventory_fini(struct inventory *inv)
{
	map_fini(&inv->names);
}

static bool has(const struct inventory *inv, const char *form, const char *table, const char *name)
{
	struct text key = {0};

	text_printf(&key, "%s:%s%s%s", form, table, *name ? "." : "", name);
	bool found = map_get(&inv->names, text_slice(&key)) != NULL;
	text_fini(&key);
	return found;
}

static bool read_names(struct store *st, struct inventory *inv, struct pg_error *e)
{
	PGresult *r = pg_query(&st->pg, INVENTORY, NULL, e);

	for (int i = 0; r && i < PQntuples(r); i++)
		map_set(&inv->names, pg_value(r, i, 0), inv);
	PQclear(r);
	return r != NULL;
}

static bool read_release(struct store *st, struct inventory *inv, struct pg_error *e)
{
	if (!has(inv, "r", "gatehouse_meta", ""))
		return true;
	PGresult *r = pg_query(&st->pg, "SELECT release FROM gatehouse_meta", NULL, e);
	if (r && PQntuples(r) > 0)
		inv->release = (int)pg_uint(r, 0, 0);
	PQclear(r);
	return r != NULL;
}

static bool take_inventory(struct store *st, struct inventory *inv, struct pg_error *e)
{
	*inv = (struct inventory){0};
	PGresult *r = pg_query(&st->pg, "SELECT current_schema() IS NOT NULL", NULL, e);
	inv->has_schema = r && slice_eq(pg_value(r, 0, 0), S("t"));
	PQclear(r);
	if (r && !inv->has_schema)
		return true;
	return r && read_names(st, inv, e) && read_release(st, inv, e);
}

/* ---- what is missing ------------------------------------------------------------------------------------------- */

/* Called once per step, in order; false stops. */
typedef bool (*step_fn)(const char *name, const char *sql, void *arg);

struct plan {
	const struct inventory *inv;
	step_fn fn;
	void *arg;
};

/* One kind's missing statements, and a name such as "extend table services (name, ca)". */
struct changes {
	struct text sql, columns;
};

static void end_statement(struct changes *c)
{
	text_putc(&c->sql, ';');
}

static void want_column(const struct plan *p, const struct schema *kind, const struct field *f, struct changes *c)
{
	if (has(p->inv, "c", kind->name, f->name))
		return;
	sql_add_column(&c->sql, kind, f);
	end_statement(c);
	text_printf(&c->columns, "%s%s", c->columns.len > 0 ? ", " : "", f->name);
}

static void want_index(const struct plan *p, const struct schema *kind, const struct field *f, struct changes *c)
{
	char name[SQL_NAME];

	sql_index_name(kind, f, name);
	if (strcmp(f->name, "id") == 0 || has(p->inv, "r", name, ""))
		return;
	sql_create_index(&c->sql, kind, f);
	end_statement(c);
}

static void want_fkey(const struct plan *p, const struct schema *kind, const struct field *f, struct changes *c)
{
	char name[SQL_NAME];
	const struct schema *target = f->type == TYPE_FOREIGN ? kinds_by_name(slice_cstr(f->ref)) : NULL;

	sql_fkey_name(kind, f, name);
	if (!target || has(p->inv, "f", kind->name, name))
		return;
	sql_add_fkey(&c->sql, kind, f, target);
	end_statement(c);
}

static void want_scope(const struct plan *p, const struct schema *kind, struct changes *c)
{
	char name[SQL_NAME];

	sql_scope_name(kind, name);
	if (!has_scope_key(kind) || has(p->inv, "r", name, ""))
		return;
	sql_create_scope_index(&c->sql, kind);
	end_statement(c);
}

static void want_expiry(const struct plan *p, const struct schema *kind, bool has_table, struct changes *c)
{
	char name[SQL_NAME];

	if (!kind->has_ttl)
		return;
	if (has_table && !has(p->inv, "c", kind->name, "expires_at")) {
		sql_add_expiry_column(&c->sql, kind);
		end_statement(c);
	}
	sql_expiry_name(kind, name);
	if (!has(p->inv, "r", name, "")) {
		sql_create_expiry_index(&c->sql, kind);
		end_statement(c);
	}
}

static bool plan_kind(const struct plan *p, const struct schema *kind)
{
	struct changes c = {0};
	struct text name = {0};
	bool ok = true;
	bool has_table = has(p->inv, "r", kind->name, "");

	if (!has_table) {
		sql_create_table(&c.sql, kind);
		end_statement(&c);
	}
	for_each_field(f, kind)
	{
		if (!is_column(f))
			continue;
		if (has_table)
			want_column(p, kind, f, &c);
		want_index(p, kind, f, &c);
		want_fkey(p, kind, f, &c);
	}
	want_expiry(p, kind, has_table, &c);
	want_scope(p, kind, &c);
	if (c.sql.len > 0) {
		text_printf(&name, "%s table %s", has_table ? "extend" : "create", kind->name);
		if (c.columns.len > 0)
			text_printf(&name, " (%s)", text_cstr(&c.columns));
		ok = p->fn(text_cstr(&name), text_cstr(&c.sql), p->arg);
	}
	text_fini(&c.sql);
	text_fini(&c.columns);
	text_fini(&name);
	return ok;
}

static bool plan_migration(const struct plan *p, const struct migration *m)
{
	struct text sql = {0}, name = {0};

	if (m->number <= p->inv->release)
		return true;
	text_printf(&name, "migration %04d %s", m->number, m->name);
	text_printf(&sql, "%s; UPDATE gatehouse_meta SET release = %d;", m->sql, m->number);
	bool ok = p->fn(text_cstr(&name), text_cstr(&sql), p->arg);
	text_fini(&sql);
	text_fini(&name);
	return ok;
}

static bool plan_schema(const struct plan *p, const char *schema)
{
	struct text sql = {0};

	if (p->inv->has_schema)
		return true;
	text_puts(&sql, "CREATE SCHEMA ");
	sql_ident(&sql, schema ? schema : "public");
	bool ok = p->fn("create schema", text_cstr(&sql), p->arg);
	text_fini(&sql);
	return ok;
}

static bool plan_migrations(const struct plan *p, const char *schema)
{
	bool ok = plan_schema(p, schema);

	for (size_t i = 0; ok && i < MIGRATIONS; i++)
		ok = plan_migration(p, &migrations[i]);
	return ok;
}

static bool plan_kinds(const struct plan *p)
{
	bool ok = true;

	for (size_t i = 0; ok && i < kinds_count(); i++)
		ok = plan_kind(p, kinds_at(i));
	for (size_t i = 0; ok && kinds_private_at(i); i++)
		ok = plan_kind(p, kinds_private_at(i));
	return ok;
}

/* ---- status ---------------------------------------------------------------------------------------------------- */

static bool stop_at_first(const char *name, const char *sql, void *arg)
{
	return false;
}

bool migrate_status(struct store *st, enum migrate_state *out, struct err *e)
{
	struct inventory inv;
	struct pg_error pe;

	if (!take_inventory(st, &inv, &pe)) {
		inventory_fini(&inv);
		return err_set(e, "%s", pe.text.message);
	}
	struct plan p = {.inv = &inv, .fn = stop_at_first};
	if (inv.release == 0)
		*out = MIGRATE_EMPTY;
	else if (inv.release > RELEASE)
		*out = MIGRATE_NEWER;
	else
		*out = plan_migrations(&p, st->pg.schema) && plan_kinds(&p) ? MIGRATE_CURRENT : MIGRATE_PENDING;
	inventory_fini(&inv);
	return true;
}

/* ---- running --------------------------------------------------------------------------------------------------- */

struct run {
	struct store *st;
	void (*progress)(const char *step, void *arg);
	void *arg;
	struct err *e;
};

static bool run_step(const char *name, const char *sql, void *arg)
{
	struct run *run = arg;
	struct pg_error pe, ignored;
	struct text all = {0};

	text_printf(&all, "BEGIN; %s; COMMIT", sql);
	bool ok = pg_run(&run->st->pg, text_cstr(&all), NULL, &pe);
	text_fini(&all);
	if (!ok) {
		pg_run(&run->st->pg, "ROLLBACK", NULL, &ignored);
		return err_set(run->e, "%s: %s", name, pe.text.message);
	}
	if (run->progress)
		run->progress(name, run->arg);
	return true;
}

static bool run_migrations(const struct plan *p, struct run *run)
{
	if (p->inv->release > RELEASE)
		return err_set(run->e,
		        "the database is at release %d, newer than %d of this program; upgrade the program",
		        p->inv->release, RELEASE);
	return plan_migrations(p, run->st->pg.schema);
}

static bool run_kinds(const struct plan *p, struct run *run)
{
	return plan_kinds(p);
}

/* Each part looks at the database anew: migrations may have dropped what the kinds then make again. */
static bool run_part(struct run *run, bool (*part)(const struct plan *p, struct run *run))
{
	struct inventory inv;
	struct pg_error pe;
	struct plan p = {.inv = &inv, .fn = run_step, .arg = run};
	bool ok = (take_inventory(run->st, &inv, &pe) || err_set(run->e, "%s", pe.text.message)) && part(&p, run);

	inventory_fini(&inv);
	return ok;
}

static bool run_plan(struct run *run)
{
	return run_part(run, run_migrations) && run_part(run, run_kinds);
}

/* One run at a time in a database. The lock belongs to the connection: a process that dies frees it. */
static const char LOCK[] = "SELECT pg_advisory_lock(hashtextextended('gatehouse migrate', 0))";
static const char UNLOCK[] = "SELECT pg_advisory_unlock(hashtextextended('gatehouse migrate', 0))";

bool migrate_run(struct store *st, void (*progress)(const char *step, void *arg), void *arg, struct err *e)
{
	struct run run = {.st = st, .progress = progress, .arg = arg, .e = e};
	struct pg_error pe, ignored;
	int64_t timeout_ms = st->pg.timeout_ms;

	/* filling an index of a large table may take longer than any request should */
	if (!pg_set_timeout(&st->pg, 0, &pe) || !pg_run(&st->pg, LOCK, NULL, &pe)) {
		st->pg.timeout_ms = timeout_ms;
		return err_set(e, "%s", pe.text.message);
	}
	st->pg.pinned = true; /* a new connection would not hold the lock */
	bool ok = run_plan(&run);
	pg_run(&st->pg, UNLOCK, NULL, &ignored);
	st->pg.pinned = false;
	pg_set_timeout(&st->pg, timeout_ms, &ignored);
	return ok;
}
