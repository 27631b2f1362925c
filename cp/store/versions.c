/* versions: see versions.h. Rows of the table `versions`, one per version from the oldest kept to the present one. */
#include "cp/store/versions.h"

#include <inttypes.h>

#include "cp/store/store_private.h"

#define COLUMNS "version, extract(epoch FROM at), author, message, source, counts"

static json_t *text_or_null(struct slice s)
{
	return s.len > 0 ? json_stringn(s.ptr, s.len) : json_null();
}

static void add_totals(json_t *version, const json_t *counts)
{
	static const char *const names[] = {"created", "updated", "deleted"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		json_int_t total = 0;
		const char *kind;
		json_t *of;
		json_object_foreach((json_t *)counts, kind, of)
		        total += json_integer_value(json_object_get(of, names[i]));
		json_object_set_new(version, names[i], json_integer(total));
	}
}

static json_t *version_json(const PGresult *r, int row)
{
	struct slice counts = pg_value(r, row, 5);
	json_t *out = json_pack("{s:I, s:f, s:o, s:o, s:o}", "version", (json_int_t)pg_uint(r, row, 0), "time",
	        strtod(PQgetvalue(r, row, 1), NULL), "author", text_or_null(pg_value(r, row, 2)), "message",
	        text_or_null(pg_value(r, row, 3)), "source", text_or_null(pg_value(r, row, 4)));
	json_t *parsed = json_loadb(counts.ptr, counts.len, 0, NULL);

	if (!parsed)
		parsed = json_object();
	add_totals(out, parsed);
	json_object_set_new(out, "counts", parsed);
	return out;
}

static const char *number(struct store *st, uint64_t n)
{
	return arena_printf(&st->scratch, "%" PRIu64, n).ptr;
}

static void begin_statement(struct store *st)
{
	arena_reset(&st->scratch);
	text_clear(&st->sql);
}

json_t *store_version(struct store *st, uint64_t version, struct fault *fault)
{
	if (st->is_memory) {
		fault_no_history(fault);
		return NULL;
	}
	begin_statement(st);
	text_puts(&st->sql, "SELECT " COLUMNS " FROM versions WHERE version = $1::bigint");
	PGresult *r = store_query(st, PG_PARAMS(number(st, version)), fault);
	json_t *out = r && PQntuples(r) > 0 ? version_json(r, 0) : NULL;
	PQclear(r);
	return out;
}

json_t *store_versions(struct store *st, uint64_t before, int64_t size, bool *more, struct fault *fault)
{
	if (st->is_memory) {
		fault_no_history(fault);
		return NULL;
	}
	begin_statement(st);
	*more = false;
	text_puts(&st->sql, "SELECT " COLUMNS " FROM versions WHERE version < $1::bigint ORDER BY version DESC LIMIT "
	                    "$2::bigint");
	PGresult *r = store_query(
	        st, PG_PARAMS(number(st, before > 0 ? before : INT64_MAX), number(st, (uint64_t)size + 1)), fault);
	if (!r)
		return NULL;
	json_t *out = json_array();
	*more = PQntuples(r) > size;
	for (int i = 0; i < PQntuples(r) && i < size; i++)
		json_array_append_new(out, version_json(r, i));
	PQclear(r);
	return out;
}

bool store_has_version(struct store *st, uint64_t version, struct fault *fault)
{
	if (st->is_memory)
		return fault_no_history(fault);
	begin_statement(st);
	text_puts(&st->sql, "SELECT oldest, version FROM gatehouse_meta, config_version");
	PGresult *r = store_query(st, NULL, fault);
	if (!r)
		return false;
	uint64_t oldest = PQntuples(r) == 1 ? pg_uint(r, 0, 0) : 0, current = pg_uint(r, 0, 1);
	PQclear(r);
	if (version < oldest)
		return fault_set(fault, 6, 410, NULL,
		        "version %" PRIu64 " is no longer kept; the oldest that is kept is %" PRIu64, version,
		        oldest);
	if (version > current)
		return fault_set(fault, 6, 404, NULL, "there is no version %" PRIu64 "; the present one is %" PRIu64,
		        version, current);
	return true;
}
