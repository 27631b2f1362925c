/* audit: see audit.h. store_commit() calls audit_put(). */
#include "cp/store/audit.h"

#include <inttypes.h>
#include <stdlib.h>

#include "cp/store/store_private.h"

void store_audit_expect(struct store *st, const struct audit_entry *e)
{
	st->audit = e;
}

/* ---- writing --------------------------------------------------------------------------------------------------- */

static void put_text(struct store *st, struct slice s)
{
	text_puts(&st->sql, ", ");
	if (slice_is_set(s) && is_pg_text(s))
		pg_put_literal(&st->pg, &st->sql, s);
	else
		text_puts(&st->sql, "NULL");
}

static void put_id(struct store *st, const struct uuid *id)
{
	static const struct uuid none;
	char text[UUID_TEXT + 1];

	uuid_format(id, text);
	put_text(st, uuid_eq(id, &none) ? (struct slice){0} : slice_cstr(text));
}

void audit_put(struct store *st, uint64_t version)
{
	const struct audit_entry *e = st->audit;

	text_puts(&st->sql,
	        "INSERT INTO audit_requests (version, status, request_id, method, path, client_ip, admin, login, "
	        "admin_id) VALUES (");
	if (version > 0)
		text_printf(&st->sql, "%" PRIu64, version);
	else
		text_puts(&st->sql, "NULL");
	text_printf(&st->sql, ", %d", *e->status ? *e->status : 200);
	put_text(st, e->request_id);
	put_text(st, e->method);
	put_text(st, e->path);
	put_text(st, e->client_ip);
	put_text(st, e->admin);
	put_text(st, e->login);
	put_id(st, &e->admin_id);
	text_puts(&st->sql, "); ");
}

bool store_audit_finish(struct store *st, struct fault *fault)
{
	if (!st->audit || st->is_memory) {
		st->audit = NULL;
		return true;
	}
	text_clear(&st->sql);
	audit_put(st, 0);
	st->audit = NULL;
	PGresult *r = store_query(st, NULL, fault);
	PQclear(r);
	return r != NULL;
}

/* ---- reading --------------------------------------------------------------------------------------------------- */

static json_t *text_or_null(struct slice s)
{
	return slice_is_set(s) ? json_stringn(s.ptr, s.len) : json_null();
}

static json_t *row_json(const PGresult *r, int row)
{
	static const char *const names[] = {
	        "request_id", "admin", "admin_id", "login", "client_ip", "method", "path"};
	json_t *out = json_pack("{s:I, s:f}", "number", (json_int_t)pg_uint(r, row, 0), "request_timestamp",
	        strtod(PQgetvalue(r, row, 1), NULL));

	for (int i = 0; i < 7; i++)
		json_object_set_new(out, names[i], text_or_null(pg_value(r, row, 4 + i)));
	json_object_set_new(out, "status", json_integer((json_int_t)pg_uint(r, row, 2)));
	json_object_set_new(
	        out, "version", PQgetisnull(r, row, 3) ? json_null() : json_integer((json_int_t)pg_uint(r, row, 3)));
	return out;
}

static const char LIST[] =
        "SELECT id, extract(epoch FROM at), status, version, request_id, admin, admin_id, login, client_ip, method, path"
        " FROM audit_requests WHERE ($1::bigint IS NULL OR id < $1) AND ($2::text IS NULL OR admin = $2)"
        " AND ($3::text IS NULL OR method = $3) AND ($4::text IS NULL OR starts_with(path, $4))"
        " AND ($5::double precision IS NULL OR at >= to_timestamp($5))"
        " AND ($6::double precision IS NULL OR at < to_timestamp($6)) AND ($7::integer IS NULL OR status = $7)"
        " ORDER BY id DESC LIMIT $8::bigint";

/* NULL: no restriction. */
static const char *text_param(struct store *st, struct slice s)
{
	return slice_is_set(s) ? arena_cstr(&st->scratch, s) : NULL;
}

static const char *number_param(struct store *st, uint64_t n)
{
	return arena_printf(&st->scratch, "%" PRIu64, n).ptr;
}

json_t *store_audit_list(struct store *st, const struct audit_filter *f, bool *more, struct fault *fault)
{
	*more = false;
	if (st->is_memory || !is_pg_text(f->admin) || !is_pg_text(f->method) || !is_pg_text(f->path))
		return json_array(); /* what cannot be stored is not there */
	arena_reset(&st->scratch);
	text_clear(&st->sql);
	text_puts(&st->sql, LIST);
	PGresult *r = store_query(st,
	        PG_PARAMS(f->below ? number_param(st, f->below) : NULL, text_param(st, f->admin),
	                text_param(st, f->method), text_param(st, f->path), text_param(st, f->after),
	                text_param(st, f->before), text_param(st, f->status),
	                number_param(st, (uint64_t)f->size + 1)),
	        fault);
	if (!r)
		return NULL;
	json_t *out = json_array();
	*more = PQntuples(r) > f->size;
	for (int i = 0; i < PQntuples(r) && i < f->size; i++)
		json_array_append_new(out, row_json(r, i));
	PQclear(r);
	return out;
}

bool store_audit_prune(struct store *st, int64_t ttl_s, unsigned limit, uint64_t *dropped, struct fault *fault)
{
	arena_reset(&st->scratch);
	text_clear(&st->sql);
	text_puts(&st->sql,
	        "DELETE FROM audit_requests WHERE id IN (SELECT id FROM audit_requests"
	        " WHERE at < now() - $1::double precision * interval '1 second' ORDER BY id LIMIT $2::bigint)");
	PGresult *r = store_query(st, PG_PARAMS(number_param(st, (uint64_t)ttl_s), number_param(st, limit)), fault);
	if (r)
		*dropped = pg_affected(r);
	PQclear(r);
	return r != NULL;
}
