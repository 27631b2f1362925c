/* sql: see sql.h. Values never become part of the text: they are parameters. Names come from our own tables. */
#include "cp/store/sql.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

/* ---- which fields are columns ---------------------------------------------------------------------------------- */

static bool is_id(const struct field *f)
{
	return strcmp(f->name, "id") == 0;
}

static bool is_tags(const struct field *f)
{
	return strcmp(f->name, "tags") == 0 && (f->type == TYPE_ARRAY || f->type == TYPE_SET);
}

bool is_column(const struct field *f)
{
	if (f->flags & WRITE_ONLY)
		return false;
	return is_id(f) || is_tags(f) || f->type == TYPE_FOREIGN || (f->flags & (UNIQUE | ENDPOINT_KEY | SCOPE));
}

bool has_scope_key(const struct schema *kind)
{
	for_each_field(f, kind)
	{
		if (f->flags & SCOPE)
			return true;
	}
	return false;
}

bool has_tags(const struct schema *kind)
{
	const struct field *f = schema_field(kind, S("tags"));
	return f && is_tags(f);
}

static const char *type_of(const struct field *f)
{
	if (is_id(f) || f->type == TYPE_FOREIGN || f->format == FORMAT_UUID)
		return "uuid";
	if (is_tags(f))
		return "text[]";
	switch (f->type) {
	case TYPE_INTEGER: return "bigint";
	case TYPE_NUMBER: return "double precision";
	case TYPE_BOOLEAN: return "boolean";
	default: return "text";
	}
}

/* ---- names ----------------------------------------------------------------------------------------------------- */

static void name(char out[SQL_NAME], const char *table, const char *field, const char *suffix)
{
	/* PostgreSQL cuts what is longer in the same way, so names read back from its errors compare equal */
	if (snprintf(out, SQL_NAME, "%s_%s%s%s", table, field, *field ? "_" : "", suffix) >= SQL_NAME)
		out[SQL_NAME - 1] = '\0';
}

void sql_pkey_name(const struct schema *kind, char out[SQL_NAME])
{
	name(out, kind->name, "", "pkey");
}

void sql_index_name(const struct schema *kind, const struct field *f, char out[SQL_NAME])
{
	name(out, kind->name, f->name, f->flags & UNIQUE ? "key" : "idx");
}

void sql_fkey_name(const struct schema *kind, const struct field *f, char out[SQL_NAME])
{
	name(out, kind->name, f->name, "fkey");
}

void sql_scope_name(const struct schema *kind, char out[SQL_NAME])
{
	name(out, kind->name, "", "scope_key");
}

void sql_expiry_name(const struct schema *kind, char out[SQL_NAME])
{
	name(out, kind->name, "", "expires_at_idx");
}

void sql_ident(struct text *out, const char *s)
{
	text_putc(out, '"');
	for (; *s; s++) {
		if (*s == '"')
			text_putc(out, '"');
		text_putc(out, *s);
	}
	text_putc(out, '"');
}

/* ---- definitions ----------------------------------------------------------------------------------------------- */

/* The value of a column, taken from a json expression. */
static void put_expression(struct text *out, const struct field *f, const char *json)
{
	if (is_tags(f))
		text_printf(out, "gatehouse_tags(%s -> 'tags')", json);
	else if (f->type == TYPE_FOREIGN)
		text_printf(out, "(%s -> '%s' ->> 'id')::uuid", json, f->name);
	else
		text_printf(out, "(%s ->> '%s')::%s", json, f->name, type_of(f));
}

static void put_column(struct text *out, const struct field *f)
{
	sql_ident(out, f->name);
	text_printf(out, " %s GENERATED ALWAYS AS (", type_of(f));
	put_expression(out, f, "doc");
	text_puts(out, ") STORED");
}

static void put_expiry_column(struct text *out)
{
	text_puts(out,
	        "expires_at double precision GENERATED ALWAYS AS ((doc ->> 'expires_at')::double precision) STORED");
}

void sql_create_table(struct text *out, const struct schema *kind)
{
	char pkey[SQL_NAME];

	text_puts(out, "CREATE TABLE ");
	sql_ident(out, kind->name);
	text_puts(out, " (doc json NOT NULL");
	for_each_field(f, kind)
	{
		if (!is_column(f))
			continue;
		text_puts(out, ", ");
		put_column(out, f);
	}
	if (kind->has_ttl) {
		text_puts(out, ", ");
		put_expiry_column(out);
	}
	sql_pkey_name(kind, pkey);
	text_puts(out, ", CONSTRAINT ");
	sql_ident(out, pkey);
	text_puts(out, " PRIMARY KEY (id))");
}

static void put_alter_table(struct text *out, const struct schema *kind)
{
	text_puts(out, "ALTER TABLE ");
	sql_ident(out, kind->name);
}

void sql_add_column(struct text *out, const struct schema *kind, const struct field *f)
{
	put_alter_table(out, kind);
	text_puts(out, " ADD COLUMN ");
	put_column(out, f);
}

void sql_add_expiry_column(struct text *out, const struct schema *kind)
{
	put_alter_table(out, kind);
	text_puts(out, " ADD COLUMN ");
	put_expiry_column(out);
}

static void put_index_head(struct text *out, const char *unique, const char *index, const struct schema *kind)
{
	text_printf(out, "CREATE %sINDEX ", unique);
	sql_ident(out, index);
	text_puts(out, " ON ");
	sql_ident(out, kind->name);
}

void sql_create_index(struct text *out, const struct schema *kind, const struct field *f)
{
	char index[SQL_NAME];

	if (is_id(f))
		return;
	sql_index_name(kind, f, index);
	put_index_head(out, f->flags & UNIQUE ? "UNIQUE " : "", index, kind);
	text_puts(out, is_tags(f) ? " USING gin (" : " (");
	sql_ident(out, f->name);
	text_putc(out, ')');
}

void sql_create_scope_index(struct text *out, const struct schema *kind)
{
	char index[SQL_NAME];
	const char *comma = "";

	sql_scope_name(kind, index);
	put_index_head(out, "UNIQUE ", index, kind);
	text_puts(out, " (");
	for_each_field(f, kind)
	{
		if (!(f->flags & SCOPE))
			continue;
		text_puts(out, comma);
		sql_ident(out, f->name);
		comma = ", ";
	}
	text_puts(out, ") NULLS NOT DISTINCT");
}

void sql_create_expiry_index(struct text *out, const struct schema *kind)
{
	char index[SQL_NAME];

	sql_expiry_name(kind, index);
	put_index_head(out, "", index, kind);
	text_puts(out, " (expires_at) WHERE expires_at IS NOT NULL");
}

void sql_add_fkey(struct text *out, const struct schema *kind, const struct field *f, const struct schema *target)
{
	char fkey[SQL_NAME];

	sql_fkey_name(kind, f, fkey);
	put_alter_table(out, kind);
	text_puts(out, " ADD CONSTRAINT ");
	sql_ident(out, fkey);
	text_puts(out, " FOREIGN KEY (");
	sql_ident(out, f->name);
	text_puts(out, ") REFERENCES ");
	sql_ident(out, target->name);
	text_puts(out, " (id) DEFERRABLE");
}

/* ---- reading --------------------------------------------------------------------------------------------------- */

static const char NOW[] = "extract(epoch from now())";

static void put_column_names(struct text *out, const struct schema *kind)
{
	text_puts(out, "doc");
	for_each_field(f, kind)
	{
		if (!is_column(f))
			continue;
		text_puts(out, ", ");
		sql_ident(out, f->name);
	}
	if (kind->has_ttl)
		text_puts(out, ", expires_at");
}

static void put_column_expressions(struct text *out, const struct schema *kind, const char *doc)
{
	text_puts(out, doc);
	for_each_field(f, kind)
	{
		if (!is_column(f))
			continue;
		text_puts(out, ", ");
		put_expression(out, f, doc);
	}
	if (kind->has_ttl)
		text_printf(out, ", (%s ->> 'expires_at')::double precision", doc);
}

/* Each record's first change beyond the version: what was there before it is the record as of the version. */
static void put_first_changes(struct text *out, const struct schema *kind, uint64_t at, const char *before)
{
	text_printf(out,
	        "(SELECT DISTINCT ON (id) id, before FROM changelog WHERE kind = '%s' AND version > %" PRIu64
	        "%s ORDER BY id, version, seq)",
	        kind->name, at, before);
}

/* A table as it was: rows that have not changed since, and what those that have were then. Both halves can be read in
 * the order of ids, so a page costs no more than its rows and the changes. */
static void put_past(struct text *out, const struct schema *kind, uint64_t at)
{
	text_puts(out, "(SELECT ");
	put_column_names(out, kind);
	text_puts(out, " FROM ");
	sql_ident(out, kind->name);
	text_printf(out,
	        " t WHERE NOT EXISTS (SELECT FROM changelog l WHERE l.kind = '%s' AND l.id = t.id AND l.version > %" PRIu64
	        ") UNION ALL SELECT ",
	        kind->name, at);
	put_column_expressions(out, kind, "before");
	text_puts(out, " FROM ");
	put_first_changes(out, kind, at, "");
	text_puts(out, " l WHERE before IS NOT NULL) AS ");
}

static void put_from(struct text *out, const char *what, const struct schema *kind, uint64_t at)
{
	text_printf(out, "SELECT %s FROM ", what);
	if (at != SQL_PRESENT)
		put_past(out, kind, at);
	sql_ident(out, kind->name);
	text_puts(out, " WHERE true");
}

static void put_equals(struct text *out, const struct field *f, int parameter)
{
	text_puts(out, " AND ");
	sql_ident(out, f->name);
	text_printf(out, " = $%d::%s", parameter, type_of(f));
}

static void put_visible(struct text *out, const struct schema *kind)
{
	if (kind->has_ttl)
		text_printf(out, " AND (expires_at IS NULL OR expires_at > %s)", NOW);
}

void sql_select(
        struct text *out, const struct schema *kind, uint64_t at, const struct field *by, const struct field *scope)
{
	put_from(out, "doc", kind, at);
	put_equals(out, by, 1);
	if (scope)
		put_equals(out, scope, 2);
	if (at == SQL_PRESENT)
		put_visible(out, kind);
	text_puts(out, " LIMIT 1");
}

void sql_select_id(struct text *out, const struct schema *kind, const struct field *by)
{
	put_from(out, "id", kind, SQL_PRESENT);
	put_equals(out, by, 1);
	put_visible(out, kind);
	text_puts(out, " LIMIT 1");
}

void sql_select_page(struct text *out, const struct schema *kind, const struct sql_page *page)
{
	int n = 0;

	put_from(out, "doc", kind, page->at);
	if (page->scope)
		put_equals(out, page->scope, ++n);
	if (page->tags)
		text_printf(out, " AND tags %s $%d::text[]", page->tags_any ? "&&" : "@>", ++n);
	if (page->after)
		text_printf(out, " AND id > $%d::uuid", ++n);
	if (page->at == SQL_PRESENT) /* what expired since was there then */
		put_visible(out, kind);
	text_printf(out, " ORDER BY id LIMIT %" PRId64, page->limit);
}

void sql_select_all(struct text *out, const struct schema *kind)
{
	put_from(out, "doc", kind, SQL_PRESENT);
	put_visible(out, kind);
}

/* ---- writing --------------------------------------------------------------------------------------------------- */

/* Ends a row statement that is the CTE r. before: what r gives as the row's earlier content. Of a private kind
 * nothing is logged; the numbers of version and line go nowhere. */
static void put_log(struct text *out, const struct schema *kind, const char *op, const char *doc, const char *before)
{
	if (kind->is_private) {
		text_puts(out, ") SELECT id, $1::bigint, $2::integer FROM r");
		return;
	}
	text_printf(out,
	        ") INSERT INTO changelog (version, seq, kind, id, op, doc, before)"
	        " SELECT $1::bigint, $2::integer, '%s', id, '%s', %s, %s FROM r",
	        kind->name, op, doc, before);
}

void sql_insert(struct text *out, const struct schema *kind)
{
	text_puts(out, "WITH r AS (INSERT INTO ");
	sql_ident(out, kind->name);
	text_puts(out, " (doc) VALUES ($3::json) RETURNING id");
	put_log(out, kind, "create", "$3::json", "NULL::json");
}

void sql_update(struct text *out, const struct schema *kind)
{
	text_puts(out, "WITH old AS (");
	put_from(out, "id, doc", kind, SQL_PRESENT);
	text_puts(out, " AND id = ($3::json ->> 'id')::uuid AND doc::text <> $3::text");
	put_visible(out, kind);
	text_puts(out, "), r AS (UPDATE ");
	sql_ident(out, kind->name);
	text_puts(out, " t SET doc = $3::json FROM old WHERE t.id = old.id RETURNING t.id, old.doc AS before");
	put_log(out, kind, "update", "$3::json", "before");
}

void sql_delete(struct text *out, const struct schema *kind)
{
	text_puts(out, "WITH r AS (DELETE FROM ");
	sql_ident(out, kind->name);
	text_puts(out, " WHERE id = $3::uuid RETURNING id, doc");
	put_log(out, kind, "delete", "NULL::json", "doc");
}

void sql_restore_remove(struct text *out, const struct schema *kind, uint64_t at)
{
	text_puts(out, "WITH past AS ");
	put_first_changes(out, kind, at, " AND version < $1::bigint");
	text_puts(out, ", gone AS (DELETE FROM ");
	sql_ident(out, kind->name);
	text_puts(out,
	        " t USING past WHERE t.id = past.id AND t.doc::text IS DISTINCT FROM past.before::text"
	        " RETURNING t.id, t.doc), logged AS (INSERT INTO changelog (version, seq, kind, id, op, doc, before)"
	        " SELECT $1::bigint, $2::integer + row_number() OVER ()");
	text_printf(out, ", '%s', past.id,", kind->name);
	text_puts(out,
	        " CASE WHEN gone.id IS NULL THEN 'create' WHEN past.before IS NULL THEN 'delete' ELSE 'update' END,"
	        " past.before, gone.doc FROM past LEFT JOIN gone ON gone.id = past.id"
	        " WHERE gone.id IS NOT NULL OR (past.before IS NOT NULL AND NOT EXISTS (SELECT FROM ");
	sql_ident(out, kind->name); /* as before this statement: rows that are the same are there */
	text_puts(out, " t WHERE t.id = past.id)) RETURNING op)"
	               " SELECT count(*) FILTER (WHERE op = 'create'), count(*) FILTER (WHERE op = 'update'),"
	               " count(*) FILTER (WHERE op = 'delete') FROM logged");
}

void sql_restore_insert(struct text *out, const struct schema *kind)
{
	text_puts(out, "INSERT INTO ");
	sql_ident(out, kind->name);
	text_printf(out,
	        " (doc) SELECT doc FROM changelog WHERE version = $1::bigint AND kind = '%s' AND doc IS NOT NULL",
	        kind->name);
}

void sql_select_referring(struct text *out, const struct schema *kind, const struct field *f, bool only_expired)
{
	put_from(out, "id", kind, SQL_PRESENT);
	put_equals(out, f, 1);
	if (only_expired)
		text_printf(out, " AND expires_at <= %s", NOW);
	text_puts(out, " ORDER BY id");
}

void sql_select_is_referred(struct text *out, const struct schema *kind, const struct field *f)
{
	put_from(out, "1", kind, SQL_PRESENT);
	put_equals(out, f, 1);
	put_visible(out, kind);
	text_puts(out, " LIMIT 1");
}

void sql_select_expired_twins(struct text *out, const struct schema *kind)
{
	put_from(out, "id", kind, SQL_PRESENT);
	text_printf(out, " AND expires_at <= %s AND (id = ($1::json ->> 'id')::uuid", NOW);
	for_each_field(f, kind)
	{
		if (!(f->flags & UNIQUE) || !is_column(f))
			continue;
		text_puts(out, " OR ");
		sql_ident(out, f->name);
		text_puts(out, " = ");
		put_expression(out, f, "$1::json");
	}
	text_putc(out, ')');
}

void sql_select_expired(struct text *out, const struct schema *kind, size_t limit)
{
	put_from(out, "id", kind, SQL_PRESENT);
	text_printf(out, " AND expires_at <= %s ORDER BY expires_at LIMIT %zu", NOW, limit);
}

/* ---- whole documents ------------------------------------------------------------------------------------------- */

static void put_batch_log(struct text *out, const struct schema *kind, const char *op, const char *id,
        const char *doc, const char *before, const char *from)
{
	text_printf(out,
	        " INSERT INTO changelog (version, seq, kind, id, op, doc, before)"
	        " SELECT $1::bigint, $2::integer + at, '%s', %s, '%s', %s, %s FROM %s",
	        kind->name, id, op, doc, before, from);
}

static void put_docs(struct text *out)
{
	text_puts(out, "WITH n AS (SELECT value AS doc, ordinality AS at"
	               " FROM json_array_elements($3::json) WITH ORDINALITY)");
}

void sql_batch_take_out(struct text *out, const struct schema *kind)
{
	put_docs(out);
	text_puts(out, ", gone AS (DELETE FROM ");
	sql_ident(out, kind->name);
	text_puts(
	        out, " t USING n WHERE t.id = (n.doc ->> 'id')::uuid RETURNING t.id, t.doc AS before, n.doc, n.at)");
	put_batch_log(out, kind, "update", "id", "doc", "before", "gone");
}

void sql_batch_put_back(struct text *out, const struct schema *kind)
{
	text_puts(out, "INSERT INTO ");
	sql_ident(out, kind->name);
	text_puts(out, " (doc) SELECT value FROM json_array_elements($1::json)");
}

void sql_batch_insert(struct text *out, const struct schema *kind)
{
	put_docs(out);
	text_puts(out, ", r AS (INSERT INTO ");
	sql_ident(out, kind->name);
	text_puts(out, " (doc) SELECT doc FROM n)");
	put_batch_log(out, kind, "create", "(doc ->> 'id')::uuid", "doc", "NULL::json", "n");
}

void sql_batch_delete(struct text *out, const struct schema *kind)
{
	text_puts(out, "WITH n AS (SELECT value::uuid AS id, ordinality AS at"
	               " FROM json_array_elements_text($3::json) WITH ORDINALITY), gone AS (DELETE FROM ");
	sql_ident(out, kind->name);
	text_puts(out, " t USING n WHERE t.id = n.id RETURNING t.id, t.doc AS before, n.at)");
	put_batch_log(out, kind, "delete", "id", "NULL::json", "before", "gone");
}
