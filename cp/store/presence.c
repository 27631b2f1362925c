/* presence: see presence.h. Called by cp/publish/peers. */
#include "cp/store/presence.h"

#include <inttypes.h>
#include <stdlib.h>

#include "cp/store/store_private.h"

/* Ends a statement that begins with WITH. */
#define RING " SELECT pg_notify('gatehouse_peers', '')"

static void begin_statement(struct store *st, const char *sql)
{
	arena_reset(&st->scratch);
	text_clear(&st->sql);
	text_puts(&st->sql, sql);
}

static bool run(struct store *st, const struct pg_params *params, struct fault *fault)
{
	PGresult *r = store_query(st, params, fault);

	PQclear(r);
	return r != NULL;
}

bool store_be_present(struct store *st, const struct presence *me, struct fault *fault)
{
	begin_statement(st,
	        "WITH old AS (DELETE FROM control_planes WHERE at < now() - interval '1 hour' AND id <> $1::uuid)"
	        ", new AS (INSERT INTO control_planes (id, hostname, release, version, nodes, counters)"
	        " VALUES ($1::uuid, $2, $3, $4::bigint, $5::json, $6::json) ON CONFLICT (id) DO UPDATE SET"
	        " hostname = $2, release = $3, version = $4::bigint, nodes = $5::json, counters = coalesce($6::json, control_planes.counters),"
	        " at = clock_timestamp())" RING);
	char *nodes = json_dumps(me->nodes, JSON_COMPACT);
	char *counters = me->counters ? json_dumps(me->counters, JSON_COMPACT) : NULL;
	bool ok = run(st,
	        PG_PARAMS(me->id, me->hostname, me->release, arena_printf(&st->scratch, "%" PRIu64, me->version).ptr,
	                nodes ? nodes : "[]", counters),
	        fault);
	free(nodes);
	free(counters);
	return ok;
}

bool store_be_absent(struct store *st, const char *id, struct fault *fault)
{
	begin_statement(st, "DELETE FROM control_planes WHERE id = $1::uuid");
	return run(st, PG_PARAMS(id), fault);
}

/* A new reference; null when there is none. */
static json_t *json_at(const PGresult *r, int row, int column)
{
	struct slice text = pg_value(r, row, column);
	json_t *value = slice_is_set(text) ? json_loadb(text.ptr, text.len, JSON_DECODE_ANY, NULL) : NULL;

	return value ? value : json_null();
}

static json_t *row_json(const PGresult *r, int row)
{
	return json_pack("{s:s, s:s, s:s, s:I, s:o, s:o, s:I}", "id", PQgetvalue(r, row, 0), "hostname",
	        PQgetvalue(r, row, 1), "release", PQgetvalue(r, row, 2), "version", (json_int_t)pg_uint(r, row, 3),
	        "nodes", json_at(r, row, 4), "counters", json_at(r, row, 5), "age_ms",
	        (json_int_t)pg_uint(r, row, 6));
}

json_t *store_others_present(struct store *st, const char *id, struct fault *fault)
{
	begin_statement(st,
	        "SELECT id, hostname, release, version, nodes, counters,"
	        " greatest(0, extract(epoch FROM clock_timestamp() - at) * 1000)::bigint"
	        " FROM control_planes WHERE id <> $1::uuid AND at > now() - interval '1 hour' ORDER BY id");
	PGresult *r = store_query(st, PG_PARAMS(id), fault);
	json_t *out = r ? json_array() : NULL;
	for (int i = 0; r && i < PQntuples(r); i++)
		json_array_append_new(out, row_json(r, i));
	PQclear(r);
	return out;
}

/* ---- questions and answers ------------------------------------------------------------------------------------- */

static const char *number_text(struct store *st, int64_t n)
{
	return arena_printf(&st->scratch, "%" PRId64, n).ptr;
}

bool store_ask_peers(struct store *st, const char *me, const struct peer_call *call, struct fault *fault)
{
	begin_statement(st, "WITH new AS (INSERT INTO control_plane_calls (id, origin, what, payload)"
	                    " VALUES ($1::bigint, $2::uuid, $3, $4::json))" RING);
	return run(st, PG_PARAMS(number_text(st, call->id), me, call->what, call->payload), fault);
}

/* Every row as an object; a new reference, NULL: failed. */
static json_t *rows(struct store *st, const char *me, const char *middle, const char *last, struct fault *fault)
{
	PGresult *r = store_query(st, PG_PARAMS(me), fault);
	json_t *out = r ? json_array() : NULL;

	for (int i = 0; r && i < PQntuples(r); i++)
		json_array_append_new(out, json_pack("{s:I, s:s, s:o}", "id", (json_int_t)pg_uint(r, i, 0), middle,
		                                   PQgetvalue(r, i, 1), last, json_at(r, i, 2)));
	PQclear(r);
	return out;
}

json_t *store_asked_by_peers(struct store *st, const char *me, struct fault *fault)
{
	begin_statement(st, "SELECT id, what, payload FROM control_plane_calls"
	                    " WHERE origin <> $1::uuid AND at > clock_timestamp() - interval '10 s' ORDER BY at");
	return rows(st, me, "what", "payload", fault);
}

bool store_answer_peer(struct store *st, const char *me, int64_t id, const char *answer, struct fault *fault)
{
	begin_statement(st, "WITH new AS (INSERT INTO control_plane_answers (call, control_plane, answer)"
	                    " VALUES ($1::bigint, $2::uuid, $3::json) ON CONFLICT DO NOTHING)" RING);
	return run(st, PG_PARAMS(number_text(st, id), me, answer), fault);
}

json_t *store_answered_by_peers(struct store *st, const char *me, struct fault *fault)
{
	begin_statement(st,
	        "DELETE FROM control_plane_answers a USING control_plane_calls c"
	        " WHERE c.id = a.call AND c.origin = $1::uuid RETURNING a.call, a.control_plane, a.answer");
	return rows(st, me, "control_plane", "answer", fault);
}

bool store_forget_calls(struct store *st, struct fault *fault)
{
	begin_statement(st,
	        "WITH old AS (DELETE FROM control_plane_calls WHERE at < clock_timestamp() - interval '1 min')"
	        " DELETE FROM control_plane_answers WHERE at < clock_timestamp() - interval '1 min'");
	return run(st, NULL, fault);
}
