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
	text_puts(out, " (id)");
}

/* ---- reading --------------------------------------------------------------------------------------------------- */

static const char NOW[] = "extract(epoch from now())";

static void put_from(struct text *out, const char *what, const struct schema *kind)
{
	text_printf(out, "SELECT %s FROM ", what);
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

void sql_select(struct text *out, const struct schema *kind, const struct field *by, const struct field *scope)
{
	put_from(out, "doc", kind);
	put_equals(out, by, 1);
	if (scope)
		put_equals(out, scope, 2);
	put_visible(out, kind);
	text_puts(out, " LIMIT 1");
}

void sql_select_id(struct text *out, const struct schema *kind, const struct field *by)
{
	put_from(out, "id", kind);
	put_equals(out, by, 1);
	put_visible(out, kind);
	text_puts(out, " LIMIT 1");
}

void sql_select_page(struct text *out, const struct schema *kind, const struct sql_page *page)
{
	int n = 0;

	put_from(out, "doc", kind);
	if (page->scope)
		put_equals(out, page->scope, ++n);
	if (page->tags)
		text_printf(out, " AND tags %s $%d::text[]", page->tags_any ? "&&" : "@>", ++n);
	if (page->after)
		text_printf(out, " AND id > $%d::uuid", ++n);
	put_visible(out, kind);
	text_printf(out, " ORDER BY id LIMIT %" PRId64, page->limit);
}

void sql_select_all(struct text *out, const struct schema *kind)
{
	put_from(out, "doc", kind);
	put_visible(out, kind);
}

/* ---- writing --------------------------------------------------------------------------------------------------- */

/* Of a private kind nothing is logged; the numbers of version and line go nowhere. */
static void put_log(struct text *out, const struct schema *kind, const char *op, const char *doc)
{
	if (kind->is_private) {
		text_puts(out, " RETURNING id) SELECT id, $1::bigint, $2::integer FROM r");
		return;
	}
	text_printf(out,
	        " RETURNING id) INSERT INTO changelog (version, seq, kind, id, op, doc)"
	        " SELECT $1::bigint, $2::integer, '%s', id, '%s', %s FROM r",
	        kind->name, op, doc);
}

void sql_insert(struct text *out, const struct schema *kind)
{
	text_puts(out, "WITH r AS (INSERT INTO ");
	sql_ident(out, kind->name);
	text_puts(out, " (doc) VALUES ($3::json)");
	put_log(out, kind, "create", "$3::json");
}

void sql_update(struct text *out, const struct schema *kind)
{
	text_puts(out, "WITH r AS (UPDATE ");
	sql_ident(out, kind->name);
	text_puts(out, " SET doc = $3::json WHERE id = ($3::json ->> 'id')::uuid AND doc::text <> $3::text");
	put_visible(out, kind);
	put_log(out, kind, "update", "$3::json");
}

void sql_delete(struct text *out, const struct schema *kind)
{
	text_puts(out, "WITH r AS (DELETE FROM ");
	sql_ident(out, kind->name);
	text_puts(out, " WHERE id = $3::uuid");
	put_log(out, kind, "delete", "NULL::json");
}

void sql_select_referring(struct text *out, const struct schema *kind, const struct field *f, bool only_expired)
{
	put_from(out, "id", kind);
	put_equals(out, f, 1);
	if (only_expired)
		text_printf(out, " AND expires_at <= %s", NOW);
	text_puts(out, " ORDER BY id");
}

void sql_select_is_referred(struct text *out, const struct schema *kind, const struct field *f)
{
	put_from(out, "1", kind);
	put_equals(out, f, 1);
	put_visible(out, kind);
	text_puts(out, " LIMIT 1");
}

void sql_select_expired_twins(struct text *out, const struct schema *kind)
{
	put_from(out, "id", kind);
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
	put_from(out, "id", kind);
	text_printf(out, " AND expires_at <= %s ORDER BY expires_at LIMIT %zu", NOW, limit);
}
