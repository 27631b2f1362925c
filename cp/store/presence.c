/* presence: see presence.h. Called by cp/publish/peers. */
#include "cp/store/presence.h"

#include <inttypes.h>
#include <stdlib.h>

#include "cp/store/store_private.h"

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
	        " INSERT INTO control_planes (id, hostname, release, version, nodes)"
	        " VALUES ($1::uuid, $2, $3, $4::bigint, $5::json) ON CONFLICT (id) DO UPDATE SET"
	        " hostname = $2, release = $3, version = $4::bigint, nodes = $5::json, at = clock_timestamp()");
	char *nodes = json_dumps(me->nodes, JSON_COMPACT);
	bool ok = run(st,
	        PG_PARAMS(me->id, me->hostname, me->release, arena_printf(&st->scratch, "%" PRIu64, me->version).ptr,
	                nodes ? nodes : "[]"),
	        fault);
	free(nodes);
	return ok;
}

bool store_be_absent(struct store *st, const char *id, struct fault *fault)
{
	begin_statement(st, "DELETE FROM control_planes WHERE id = $1::uuid");
	return run(st, PG_PARAMS(id), fault);
}

static json_t *row_json(const PGresult *r, int row)
{
	struct slice nodes = pg_value(r, row, 4);
	json_t *parsed = json_loadb(nodes.ptr, nodes.len, 0, NULL);

	return json_pack("{s:s, s:s, s:s, s:I, s:o, s:I}", "id", PQgetvalue(r, row, 0), "hostname",
	        PQgetvalue(r, row, 1), "release", PQgetvalue(r, row, 2), "version", (json_int_t)pg_uint(r, row, 3),
	        "nodes", json_is_array(parsed) ? parsed : json_array(), "age_ms", (json_int_t)pg_uint(r, row, 5));
}

json_t *store_others_present(struct store *st, const char *id, struct fault *fault)
{
	begin_statement(st,
	        "SELECT id, hostname, release, version, nodes,"
	        " greatest(0, extract(epoch FROM clock_timestamp() - at) * 1000)::bigint"
	        " FROM control_planes WHERE id <> $1::uuid AND at > now() - interval '1 hour' ORDER BY id");
	PGresult *r = store_query(st, PG_PARAMS(id), fault);
	json_t *out = r ? json_array() : NULL;
	for (int i = 0; r && i < PQntuples(r); i++)
		json_array_append_new(out, row_json(r, i));
	PQclear(r);
	return out;
}
