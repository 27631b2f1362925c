/* enrol: see enrol.h. Each call is one statement, so that it needs no transaction of its own. */
#include "cp/store/enrol.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>

#include <openssl/crypto.h>

#include "common/core/ip.h"
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

static json_t *value_at(const PGresult *r, int row, int column)
{
	enum { INT8_OID = 20, INT4_OID = 23 };
	Oid type = PQftype(r, column);

	if (PQgetisnull(r, row, column))
		return json_null();
	if (type == INT8_OID || type == INT4_OID)
		return json_integer((json_int_t)pg_uint(r, row, column));
	return json_string(PQgetvalue(r, row, column));
}

static json_t *rows_json(PGresult *r)
{
	json_t *out = r ? json_array() : NULL;

	for (int row = 0; r && row < PQntuples(r); row++) {
		json_t *one = json_object();
		for (int i = 0; i < PQnfields(r); i++)
			json_object_set_new(one, PQfname(r, i), value_at(r, row, i));
		json_array_append_new(out, one);
	}
	PQclear(r);
	return out;
}

/* ---- tokens ---------------------------------------------------------------------------------------------------- */

/* RFC 1123 2.1, and the underscores that some networks have. No wildcards: one control plane, its names. */
static bool is_name(struct slice host)
{
	char before = '.';

	for (size_t i = 0; i < host.len; before = host.ptr[i++]) {
		unsigned char c = (unsigned char)host.ptr[i];
		if (c == '.' ? before == '.' : !isalnum(c) && c != '-' && c != '_')
			return false;
	}
	return host.len > 0 && host.len <= 253 && before != '.';
}

static bool check_hosts(struct slice hosts, struct err *e)
{
	unsigned n = 0;

	for (struct slice rest = hosts; hosts.len > 0 && slice_is_set(rest);) {
		struct slice host = slice_cut(&rest, ',');
		if (++n > ENROL_HOSTS_MAX)
			return err_set(e, "more than %d hosts are named", ENROL_HOSTS_MAX);
		struct ip address;
		if (!is_name(host) && !ip_parse(host, &address))
			return err_set(e, "host '%.*s' is expected to be a DNS name or an address",
			        (int)(host.len < 253 ? host.len : 253), host.ptr);
	}
	return true;
}

bool enrol_check(const struct enrol_terms *t, struct err *e)
{
	if (t->ttl_s < 1 || t->ttl_s > ENROL_TTL_MAX_S)
		return err_set(e, "ttl is expected to be a number of seconds from 1 to %d", ENROL_TTL_MAX_S);
	if (t->uses < 1 || t->uses > ENROL_USES_MAX)
		return err_set(e, "uses is expected to be a number from 1 to %d", ENROL_USES_MAX);
	if (t->as_control_plane && t->uses != 1)
		return err_set(e, "a control plane's token is for one of them: uses is expected to be 1");
	if (t->as_control_plane && t->hosts.len == 0)
		return err_set(e, "hosts is expected: the names by which others dial the control plane");
	if (!t->as_control_plane && t->hosts.len > 0)
		return err_set(e, "hosts are of control planes: a data plane's certificate has none");
	return check_hosts(t->hosts, e);
}

static const char *role_of(const struct enrol_terms *t)
{
	return t->as_control_plane ? "control_plane" : "data_plane";
}

bool store_token_add(struct store *st, const struct enrol_token *t, const struct enrol_terms *terms,
        struct slice created_by, int64_t *expires_s, struct fault *fault)
{
	if (!begin_statement(st,
	            "WITH old AS (DELETE FROM cluster_tokens WHERE expires_at < now() - interval '30 days')"
	            " INSERT INTO cluster_tokens (id, digest, expires_at, created_by, role, hosts, uses) VALUES"
	            " ($1::uuid, $2, clock_timestamp() + $3::bigint * interval '1 second', $4, $5, $6, $7::integer)"
	            " RETURNING " AT("expires_at"),
	            fault))
		return false;
	PGresult *r = store_query(st,
	        PG_PARAMS(t->id, t->digest, number(st, terms->ttl_s), text(st, created_by), role_of(terms),
	                text(st, terms->hosts), number(st, terms->uses)),
	        fault);
	if (r)
		*expires_s = (int64_t)pg_uint(r, 0, 0);
	PQclear(r);
	return r != NULL;
}

bool store_token_make(struct store *st, const unsigned char ca[SHA256_SIZE], const struct enrol_terms *terms,
        struct slice created_by, struct enrol_made *out, struct fault *fault)
{
	struct join_token token;
	char digest[SHA256_HEX + 1];

	join_token_new(ca, &token);
	join_token_text(&token, out->text);
	uuid_format(&token.id, out->id);
	join_token_digest(slice_of((const char *)token.secret, sizeof token.secret), digest);
	OPENSSL_cleanse(&token, sizeof token);
	return store_token_add(st, &(struct enrol_token){out->id, digest}, terms, created_by, &out->expires_s, fault);
}

json_t *store_tokens(struct store *st, struct fault *fault)
{
	if (!begin_statement(st,
	            "SELECT id, " AT("created_at") " AS created_at, created_by, " AT(
	                    "expires_at") " AS expires_at, role, hosts, uses, used, " AT("used_at") " AS used_at, used_by FROM cluster_tokens ORDER BY cluster_tokens.created_at DESC"
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

#define UTC(column) "to_char(" column " AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')"

bool store_token_read(
        struct store *st, const struct enrol_token *t, struct enrol_terms *out, struct err *why, struct fault *fault)
{
	if (!begin_statement(st,
	            "SELECT used_by, " UTC("used_at") ", " UTC(
	                    "expires_at") ", role, hosts, uses, used >= uses, expires_at <= clock_timestamp()"
	                                  " FROM cluster_tokens WHERE id = $1::uuid AND digest = $2",
	            fault))
		return false;
	PGresult *r = store_query(st, PG_PARAMS(t->id, t->digest), fault);
	bool ok = r && PQntuples(r) > 0;

	if (r && !ok)
		err_set(why, "this cluster has no such token: was it deleted? gatectl cluster token makes another");
	if (ok) {
		*out = (struct enrol_terms){.as_control_plane = slice_eq(pg_value(r, 0, 3), S("control_plane")),
		        .hosts = arena_dup(&st->scratch, pg_value(r, 0, 4)),
		        .uses = (int64_t)pg_uint(r, 0, 5)};
		bool is_spent = PQgetvalue(r, 0, 6)[0] == 't', is_over = PQgetvalue(r, 0, 7)[0] == 't';
		if (is_spent && out->uses == 1)
			ok = err_set(why,
			        "the token was used at %s UTC, by node %s; each lets in one node: gatectl cluster token makes "
			        "another",
			        PQgetvalue(r, 0, 1), PQgetvalue(r, 0, 0));
		else if (is_spent)
			ok = err_set(why,
			        "the token was used up at %s UTC: it was for %s nodes; gatectl cluster token makes another",
			        PQgetvalue(r, 0, 1), PQgetvalue(r, 0, 5));
		else if (is_over)
			ok = err_set(why, "the token ended at %s UTC; gatectl cluster token makes another",
			        PQgetvalue(r, 0, 2));
	}
	PQclear(r);
	return ok;
}

/* By a statement whose answer was lost: ids of nodes are made anew for each that comes. */
static bool was_spent_on(struct store *st, const char *node, struct fault *fault)
{
	if (!begin_statement(st, "SELECT 1 FROM cluster_nodes WHERE id = $1::uuid", fault))
		return false;
	PGresult *r = store_query(st, PG_PARAMS(node), fault);
	bool was = r && PQntuples(r) > 0;
	PQclear(r);
	return was;
}

bool store_token_spend(struct store *st, const struct enrol_token *t, const struct enrol_node *node, struct err *why,
        struct fault *fault)
{
	struct enrol_terms ignored;

	if (!begin_statement(st,
	            "WITH spent AS (UPDATE cluster_tokens SET used = used + 1, used_at = clock_timestamp(), used_by = $3::uuid"
	            "  WHERE id = $1::uuid AND digest = $2 AND used < uses AND expires_at > clock_timestamp() AND role = $7"
	            "  RETURNING id)"
	            " INSERT INTO cluster_nodes (id, hostname, serial, expires_at, signed_at)"
	            " SELECT $3::uuid, $4, $5, to_timestamp($6::bigint), clock_timestamp() FROM spent",
	            fault))
		return false;
	PGresult *r = store_query(st,
	        PG_PARAMS(t->id, t->digest, node->id, text(st, slice_cstr(node->hostname)), node->serial,
	                number(st, node->expires_s), node->is_control_plane ? "control_plane" : "data_plane"),
	        fault);
	bool ok = r && pg_affected(r) == 1, failed = !r;
	PQclear(r);
	if (ok || failed || was_spent_on(st, node->id, fault))
		return ok || !failed;
	if (fault->code == 0 && store_token_read(st, t, &ignored, why, fault))
		err_set(why, "the token is not for a node of this kind");
	return false;
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
