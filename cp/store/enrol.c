/* enrol: see enrol.h. Each call is one statement, so that it needs no transaction of its own. */
#include "cp/store/enrol.h"

#include <inttypes.h>
#include <stdlib.h>

#include "cp/store/store_private.h"

static bool begin_statement(struct store *st, const char *sql, struct fault *fault)
{
	if (st->is_memory)
		return fault_set(
		        fault, 12, 400, NULL, "nodes join and are revoked with a database only (database = off)");
	arena_reset(&st->scratch);
	text_clear(&st->sql);
	text_puts(&st->sql, sql);
	return true;
}

static const char *number(struct store *st, int64_t n)
{
	return arena_printf(&st->scratch, "%" PRId64, n).ptr;
}

static const char *text(struct store *st, struct slice s)
{
	return slice_is_set(s) && is_pg_text(s) ? arena_cstr(&st->scratch, s) : "";
}

/* ---- rows for people ------------------------------------------------------------------------------------------- */

#define AT(column) "extract(epoch FROM " column ")::bigint"

static json_t *value_at(const PGresult *r, int row, int column, bool is_time)
{
	if (PQgetisnull(r, row, column))
		return json_null();
	return is_time ? json_integer((json_int_t)pg_uint(r, row, column)) : json_string(PQgetvalue(r, row, column));
}

/* Columns whose names end in _at are times. */
static json_t *rows_json(PGresult *r)
{
	json_t *out = r ? json_array() : NULL;

	for (int row = 0; r && row < PQntuples(r); row++) {
		json_t *one = json_object();
		for (int i = 0; i < PQnfields(r); i++) {
			struct slice name = slice_cstr(PQfname(r, i));
			bool is_time = name.len > 3 && slice_eq(slice_from(name, name.len - 3), S("_at"));
			json_object_set_new(one, name.ptr, value_at(r, row, i, is_time));
		}
		json_array_append_new(out, one);
	}
	PQclear(r);
	return out;
}

/* ---- tokens ---------------------------------------------------------------------------------------------------- */

bool store_token_add(struct store *st, const struct enrol_token *t, int64_t ttl_s, struct slice created_by,
        int64_t *expires_s, struct fault *fault)
{
	if (!begin_statement(st,
	            "WITH old AS (DELETE FROM cluster_tokens WHERE expires_at < now() - interval '30 days')"
	            " INSERT INTO cluster_tokens (id, digest, expires_at, created_by) VALUES"
	            " ($1::uuid, $2, clock_timestamp() + $3::bigint * interval '1 second', $4)"
	            " RETURNING " AT("expires_at"),
	            fault))
		return false;
	PGresult *r = store_query(st, PG_PARAMS(t->id, t->digest, number(st, ttl_s), text(st, created_by)), fault);
	if (r)
		*expires_s = (int64_t)pg_uint(r, 0, 0);
	PQclear(r);
	return r != NULL;
}

json_t *store_tokens(struct store *st, struct fault *fault)
{
	if (!begin_statement(st,
	            "SELECT id, " AT("created_at") " AS created_at, created_by, " AT("expires_at") " AS expires_at, " AT(
	                    "used_at") " AS used_at, used_by FROM cluster_tokens ORDER BY cluster_tokens.created_at DESC"
	                               " LIMIT 1000",
	            fault))
		return NULL;
	return rows_json(store_query(st, NULL, fault));
}

bool store_token_remove(struct store *st, const char *id, bool *was_there, struct fault *fault)
{
	if (!begin_statement(st, "DELETE FROM cluster_tokens WHERE id = $1::uuid", fault))
		return false;
	PGresult *r = store_query(st, PG_PARAMS(id), fault);
	*was_there = r && pg_affected(r) > 0;
	PQclear(r);
	return r != NULL;
}

/* Why a token could not be spent. Who has not shown its secret learns nothing. True: it was spent on this very node,
 * by a statement whose answer was lost. */
static bool explain(
        struct store *st, const struct enrol_token *t, const char *node, struct err *why, struct fault *fault)
{
	if (!begin_statement(st,
	            "SELECT used_by, to_char(used_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'),"
	            " to_char(expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')"
	            " FROM cluster_tokens WHERE id = $1::uuid AND digest = $2",
	            fault))
		return false;
	PGresult *r = store_query(st, PG_PARAMS(t->id, t->digest), fault);
	if (!r)
		return false;
	bool is_ours = PQntuples(r) > 0 && strcmp(PQgetvalue(r, 0, 0), node) == 0;
	if (PQntuples(r) == 0)
		err_set(why, "this cluster has no such token: was it deleted? gatectl cluster token makes another");
	else if (!PQgetisnull(r, 0, 1) && !is_ours)
		err_set(why,
		        "the token was used at %s UTC, by node %s; each lets in one node: gatectl cluster token makes another",
		        PQgetvalue(r, 0, 1), PQgetvalue(r, 0, 0));
	else if (!is_ours)
		err_set(why, "the token ended at %s UTC; gatectl cluster token makes another", PQgetvalue(r, 0, 2));
	PQclear(r);
	return is_ours;
}

bool store_token_spend(struct store *st, const struct enrol_token *t, const struct enrol_node *node, struct err *why,
        struct fault *fault)
{
	if (!begin_statement(st,
	            "WITH spent AS (UPDATE cluster_tokens SET used_at = clock_timestamp(), used_by = $3::uuid"
	            "  WHERE id = $1::uuid AND digest = $2 AND used_at IS NULL AND expires_at > clock_timestamp()"
	            "  RETURNING id)"
	            " INSERT INTO cluster_nodes (id, hostname, serial, expires_at, signed_at)"
	            " SELECT $3::uuid, $4, $5, to_timestamp($6::bigint), clock_timestamp() FROM spent",
	            fault))
		return false;
	PGresult *r = store_query(st,
	        PG_PARAMS(t->id, t->digest, node->id, text(st, slice_cstr(node->hostname)), node->serial,
	                number(st, node->expires_s)),
	        fault);
	bool ok = r && pg_affected(r) == 1;
	PQclear(r);
	return ok || (r && explain(st, t, node->id, why, fault));
}

/* ---- nodes ----------------------------------------------------------------------------------------------------- */

bool store_node_signed(struct store *st, const struct enrol_node *node, struct fault *fault)
{
	if (!begin_statement(st,
	            "INSERT INTO cluster_nodes AS n (id, hostname, serial, expires_at, signed_at) VALUES"
	            " ($1::uuid, $2, $3, to_timestamp($4::bigint), clock_timestamp())"
	            " ON CONFLICT (id) DO UPDATE SET hostname = $2, serial = $3, expires_at = to_timestamp($4::bigint),"
	            " signed_at = clock_timestamp() WHERE n.revoked_at IS NULL",
	            fault))
		return false;
	PGresult *r = store_query(st,
	        PG_PARAMS(node->id, text(st, slice_cstr(node->hostname)), node->serial, number(st, node->expires_s)),
	        fault);
	bool ok = r && pg_affected(r) == 1;
	PQclear(r);
	return ok;
}

bool store_node_revoke(struct store *st, const char *id, struct slice by, struct slice why, struct fault *fault)
{
	if (!begin_statement(st,
	            "INSERT INTO cluster_nodes AS n (id, revoked_at, revoked_by, revoked_why)"
	            " VALUES ($1::uuid, clock_timestamp(), $2, $3) ON CONFLICT (id) DO UPDATE SET"
	            " revoked_at = clock_timestamp(), revoked_by = $2, revoked_why = $3 WHERE n.revoked_at IS NULL",
	            fault))
		return false;
	PGresult *r = store_query(st, PG_PARAMS(id, text(st, by), text(st, why)), fault);
	PQclear(r);
	return r != NULL;
}

json_t *store_revoked(struct store *st, struct fault *fault)
{
	if (!begin_statement(st,
	            "SELECT id, hostname, " AT(
	                    "revoked_at") " AS revoked_at, revoked_by, revoked_why AS message"
	                                  " FROM cluster_nodes WHERE cluster_nodes.revoked_at IS NOT NULL ORDER BY id",
	            fault))
		return NULL;
	return rows_json(store_query(st, NULL, fault));
}

/* ---- what was seen --------------------------------------------------------------------------------------------- */

static bool run(struct store *st, const struct pg_params *params, struct fault *fault)
{
	PGresult *r = store_query(st, params, fault);
	PQclear(r);
	return r != NULL;
}

bool store_nodes_keep(struct store *st, const json_t *nodes, struct fault *fault)
{
	if (json_array_size(nodes) == 0)
		return true;
	if (!begin_statement(st,
	            "INSERT INTO cluster_nodes AS n (id, seen, seen_at)"
	            " SELECT (e->>'id')::uuid, e, clock_timestamp() - (e->>'silent_ms')::bigint * interval '1 millisecond'"
	            " FROM json_array_elements($1::json) e ON CONFLICT (id) DO UPDATE SET"
	            " seen = excluded.seen, seen_at = excluded.seen_at"
	            " WHERE n.seen_at IS NULL OR n.seen_at < excluded.seen_at",
	            fault))
		return false;
	char *dump = json_dumps(nodes, JSON_COMPACT);
	bool ok = run(st, PG_PARAMS(dump ? dump : "[]"), fault);
	free(dump);
	return ok;
}

json_t *store_nodes_seen(struct store *st, struct fault *fault)
{
	if (!begin_statement(st,
	            "SELECT seen, greatest(0, extract(epoch FROM clock_timestamp() - seen_at) * 1000)::bigint"
	            " FROM cluster_nodes WHERE seen IS NOT NULL AND revoked_at IS NULL ORDER BY seen_at DESC LIMIT 4096",
	            fault))
		return NULL;
	PGresult *r = store_query(st, NULL, fault);
	json_t *out = r ? json_array() : NULL;
	for (int row = 0; r && row < PQntuples(r); row++) {
		struct slice text_of = pg_value(r, row, 0);
		json_t *node = json_loadb(text_of.ptr, text_of.len, 0, NULL);
		if (!json_is_object(node))
			continue;
		json_object_set_new(node, "silent_ms", json_integer((json_int_t)pg_uint(r, row, 1)));
		json_array_append_new(out, node);
	}
	PQclear(r);
	return out;
}

bool store_nodes_purge(struct store *st, int64_t silent_s, struct fault *fault)
{
	return begin_statement(st,
	               "DELETE FROM cluster_nodes WHERE revoked_at IS NULL AND greatest(seen_at, signed_at)"
	               " < clock_timestamp() - $1::bigint * interval '1 second'",
	               fault) &&
	       run(st, PG_PARAMS(number(st, silent_s)), fault);
}
