/* pg: see pg.h. Statements are sent without blocking for the answer, so that a silent server can be given up;
 * connecting relies on libpq's own connect_timeout. */
#include "cp/store/pg.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/core/clock.h"
#include "common/core/text.h"
#include "common/core/utf8.h"

enum { SILENCE_MS = 1000 }; /* how much longer than its own limit the server may stay silent */

static const char *const SYSTEM_CA_FILE = "/etc/ssl/certs/ca-certificates.crt";

static const char *keep(struct pg *pg, struct slice s, const char *otherwise)
{
	return s.len > 0 ? arena_cstr(&pg->arena, s) : otherwise;
}

/* One of "db1,db2:5433,[2001:db8::1]:5432": its host and port for libpq, which wants two lists. */
static void put_host(struct text *hosts, struct text *ports, struct slice one, int64_t port)
{
	const char *last = memrchr(one.ptr, ':', one.len);
	ptrdiff_t colon = last ? last - one.ptr : -1;
	int64_t own;

	if (colon > 0 && slice_to_int(slice_from(one, (size_t)colon + 1), &own) &&
	        (slice_find(one, ':') == colon || one.ptr[colon - 1] == ']')) {
		port = own;
		one = slice_of(one.ptr, (size_t)colon);
	}
	if (one.len > 2 && one.ptr[0] == '[' && one.ptr[one.len - 1] == ']')
		one = slice_of(one.ptr + 1, one.len - 2);
	text_printf(hosts, "%s%.*s", hosts->len ? "," : "", SLICE_ARG(one));
	text_printf(ports, "%s%" PRId64, ports->len ? "," : "", port);
}

static void keep_hosts(struct pg *pg, const struct settings *s)
{
	struct slice rest = s->pg_host.len > 0 ? s->pg_host : S("127.0.0.1");
	struct text hosts = {0}, ports = {0};

	while (rest.len > 0) {
		put_host(&hosts, &ports, slice_trim(slice_cut(&rest, ',')), s->pg_port > 0 ? s->pg_port : 5432);
		pg->hosts++;
	}
	pg->host = arena_cstr(&pg->arena, text_slice(&hosts));
	pg->port = arena_cstr(&pg->arena, text_slice(&ports));
	pg->where = pg->hosts > 1 ? arena_cstr(&pg->arena, s->pg_host)
	                          : arena_printf(&pg->arena, "%s:%s", pg->host, pg->port).ptr;
	text_fini(&hosts);
	text_fini(&ports);
}

void pg_init(struct pg *pg, const struct settings *s)
{
	*pg = (struct pg){.timeout_ms = s->pg_timeout, .ssl = s->pg_ssl, .ssl_verify = s->pg_ssl_verify};
	arena_init(&pg->arena);
	keep_hosts(pg, s);
	pg->user = keep(pg, s->pg_user, "kong");
	pg->password = keep(pg, s->pg_password, NULL);
	pg->database = keep(pg, s->pg_database, "kong");
	pg->schema = keep(pg, s->pg_schema, NULL);
}

void pg_disconnect(struct pg *pg)
{
	PQfinish(pg->conn);
	pg->conn = NULL;
}

void pg_fini(struct pg *pg)
{
	pg_disconnect(pg);
	arena_fini(&pg->arena);
}

/* ---- errors ---------------------------------------------------------------------------------------------------- */

/* The first line of a libpq message, without "connection to server at ..., port ... failed: " and "FATAL:  ". */
static struct slice reason_of(const char *message)
{
	struct slice rest = slice_cstr(message);
	struct slice line = slice_cut(&rest, '\n');
	const char *failed = memmem(line.ptr, line.len, "failed: ", 8);

	if (failed)
		line = slice_from(line, (size_t)(failed - line.ptr) + 8);
	for (ptrdiff_t colon; (colon = slice_find(line, ':')) > 0;) {
		struct slice word = slice_of(line.ptr, (size_t)colon);
		if (!slice_eq(word, S("FATAL")) && !slice_eq(word, S("ERROR")))
			break;
		line = slice_trim(slice_from(line, (size_t)colon + 1));
	}
	return line.len > 0 ? line : S("the connection was closed");
}

static bool contains(struct slice s, const char *word)
{
	return s.len > 0 && memmem(s.ptr, s.len, word, strlen(word)) != NULL;
}

static const char *advice_for(struct slice reason)
{
	if (contains(reason, "authentication") || contains(reason, "password") || contains(reason, "role"))
		return "check pg_user and pg_password";
	if (contains(reason, "database") && contains(reason, "does not exist"))
		return "create it with createdb, or check pg_database";
	if (contains(reason, "pg_hba"))
		return "allow this host in pg_hba.conf";
	if (contains(reason, "SSL") || contains(reason, "certificate"))
		return "check pg_ssl and pg_ssl_verify";
	if (contains(reason, "too many"))
		return "raise max_connections of the server, or lower admin_threads";
	return "check that PostgreSQL is running there, and pg_host and pg_port";
}

static bool set_gone(struct pg *pg, struct pg_error *e, struct slice reason)
{
	*e = (struct pg_error){.gone = true};
	return err_set(&e->text, "cannot reach the database at %s (database \"%s\", user \"%s\"): %.*s; %s",
	        pg->where, pg->database, pg->user, SLICE_ARG(reason), advice_for(reason));
}

/* Classes of SQLSTATE after which the same server may well work again: lost connections, shutdown, start-up, no
 * resources, a limit of time, a standby that became read-only. */
static bool is_outage(const char *state)
{
	static const char *const starts[] = {"08", "53", "57P", "58", "57014", "25006", "55P03", "40", NULL};

	for (const char *const *s = starts; *s; s++)
		if (strncmp(state, *s, strlen(*s)) == 0)
			return true;
	return false;
}

static void set_sql_error(struct pg *pg, struct pg_error *e, const PGresult *r)
{
	const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
	const char *constraint = PQresultErrorField(r, PG_DIAG_CONSTRAINT_NAME);
	/* the detail of an error quotes rows, secrets included: only the primary message is passed on */
	const char *primary = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);

	*e = (struct pg_error){0};
	snprintf(e->sqlstate, sizeof e->sqlstate, "%s", state ? state : "");
	snprintf(e->constraint, sizeof e->constraint, "%s", constraint ? constraint : "");
	e->gone = is_outage(e->sqlstate);
	if (strcmp(e->sqlstate, "57014") == 0)
		err_set(&e->text, "the database at %s did not finish within %" PRId64 " ms (pg_timeout)", pg->where,
		        pg->timeout_ms);
	else if (strcmp(e->sqlstate, "42P01") == 0 || strcmp(e->sqlstate, "42703") == 0)
		err_set(&e->text, "the database \"%s\" at %s lacks tables of this release (%s); run the migrations",
		        pg->database, pg->where, primary);
	else
		err_set(&e->text, "the database at %s refused: %s", pg->where, primary ? primary : "unknown reason");
}

/* ---- connecting ------------------------------------------------------------------------------------------------ */

/* A commit whose wait for the standby was cut short is answered as if all were well, with a warning beside it. No
 * language but one has its words, so it is known by the function that it comes from. */
static void on_notice(void *arg, const PGresult *r)
{
	struct pg *pg = arg;
	const char *from = PQresultErrorField(r, PG_DIAG_SOURCE_FUNCTION);

	if (from && strcmp(from, "SyncRepWaitForLSN") == 0)
		pg->is_unreplicated = true;
}

/* What libpq is told, as the two lists it wants. */
struct options {
	const char *keys[20], *values[20];
	int n;
};

static void put_option(struct options *o, const char *key, const char *value)
{
	o->keys[o->n] = key;
	o->values[o->n++] = value;
}

static void put_tls(struct options *o, const struct pg *pg)
{
	bool has_ca = access(SYSTEM_CA_FILE, R_OK) == 0 && !getenv("PGSSLROOTCERT");

	put_option(o, "sslmode", !pg->ssl ? "disable" : pg->ssl_verify ? "verify-full" : "require");
	if (pg->ssl_verify && has_ca)
		put_option(o, "sslrootcert", SYSTEM_CA_FILE);
}

/* A peer that vanished is noticed: while something is sent after tcp_user_timeout, while listening by keepalives. */
static PGconn *dial(const struct pg *pg)
{
	char connect_s[24], silence_ms[24];
	int64_t limit = pg->timeout_ms > 0 ? pg->timeout_ms : 5000;
	struct options o = {0};

	snprintf(connect_s, sizeof connect_s, "%" PRId64, (limit + 999) / 1000);
	snprintf(silence_ms, sizeof silence_ms, "%" PRId64, limit + SILENCE_MS);
	put_option(&o, "host", pg->host);
	put_option(&o, "port", pg->port);
	put_option(&o, "user", pg->user);
	put_option(&o, "password", pg->password);
	put_option(&o, "dbname", pg->database);
	if (pg->hosts > 1)
		put_option(&o, "target_session_attrs", "read-write");
	put_option(&o, "connect_timeout", connect_s);
	put_option(&o, "tcp_user_timeout", silence_ms);
	put_option(&o, "keepalives_idle", "30");
	put_option(&o, "keepalives_interval", "10");
	put_option(&o, "keepalives_count", "3");
	put_option(&o, "application_name", "gatehouse-cp");
	put_option(&o, "client_encoding", "UTF8");
	put_tls(&o, pg);
	return PQconnectdbParams(o.keys, o.values, 0); /* the lists end with NULL: zeroed above */
}

static bool set_up_session(struct pg *pg, struct pg_error *e)
{
	struct text sql = {0};
	text_printf(&sql, "SET statement_timeout = %" PRId64 "; SET bytea_output = hex", pg->timeout_ms);
	if (pg->schema) {
		char *name = PQescapeIdentifier(pg->conn, pg->schema, strlen(pg->schema));
		text_printf(&sql, "; SET search_path = %s", name ? name : "\"\"");
		PQfreemem(name);
	}
	PGresult *r = PQexec(pg->conn, text_cstr(&sql));
	bool ok = PQresultStatus(r) == PGRES_COMMAND_OK;
	if (!ok)
		set_gone(pg, e, reason_of(PQerrorMessage(pg->conn)));
	PQclear(r);
	text_fini(&sql);
	return ok;
}

bool pg_connect(struct pg *pg, struct pg_error *e)
{
	if (pg->conn && PQstatus(pg->conn) == CONNECTION_OK)
		return true;
	pg_disconnect(pg);
	pg->conn = dial(pg);
	if (PQstatus(pg->conn) != CONNECTION_OK) {
		set_gone(pg, e, reason_of(PQerrorMessage(pg->conn)));
		pg_disconnect(pg);
		return false;
	}
	PQsetNoticeReceiver(pg->conn, on_notice, pg);
	if (set_up_session(pg, e))
		return true;
	pg_disconnect(pg);
	return false;
}

/* ---- statements ------------------------------------------------------------------------------------------------ */

static bool wait_readable(PGconn *conn, uint64_t deadline_ms)
{
	for (;;) {
		uint64_t now = clock_mono_ms();
		if (deadline_ms && now >= deadline_ms)
			return false;
		struct pollfd p = {.fd = PQsocket(conn), .events = POLLIN};
		int n = poll(&p, 1, deadline_ms ? (int)(deadline_ms - now) : -1);
		if (n > 0)
			return true;
		if (n < 0 && errno != EINTR)
			return false;
	}
}

/* Waits for the answer; false when the server stayed silent. Loss of the connection shows in the results. */
static bool await_answer(struct pg *pg)
{
	uint64_t deadline = pg->timeout_ms > 0 ? clock_mono_ms() + (uint64_t)pg->timeout_ms + SILENCE_MS : 0;

	while (PQisBusy(pg->conn)) {
		if (!wait_readable(pg->conn, deadline))
			return false;
		if (!PQconsumeInput(pg->conn))
			return true;
	}
	return true;
}

static bool is_failure(const PGresult *r)
{
	ExecStatusType s = PQresultStatus(r);
	return s != PGRES_COMMAND_OK && s != PGRES_TUPLES_OK && s != PGRES_SINGLE_TUPLE && s != PGRES_EMPTY_QUERY;
}

/* The last result, or the first failure. */
static PGresult *collect(struct pg *pg)
{
	PGresult *last = NULL;

	while (await_answer(pg)) {
		PGresult *r = PQgetResult(pg->conn);
		if (!r)
			return last;
		if (last && is_failure(last)) {
			PQclear(r);
			continue;
		}
		PQclear(last);
		last = r;
	}
	PQclear(last);
	return NULL;
}

static PGresult *send_and_collect(struct pg *pg, const char *sql, const struct pg_params *params)
{
	int sent = params ? PQsendQueryParams(pg->conn, sql, params->n, NULL, params->values, NULL, NULL, 0)
	                  : PQsendQuery(pg->conn, sql);
	return sent ? collect(pg) : NULL;
}

/* One try. *lost: the connection is gone and nothing is known of the statement. */
static PGresult *attempt(
        struct pg *pg, const char *sql, const struct pg_params *params, bool *lost, struct pg_error *e)
{
	PGresult *r = send_and_collect(pg, sql, params);

	*lost = PQstatus(pg->conn) != CONNECTION_OK;
	if (r && !is_failure(r) && !*lost)
		return r;
	if (r && !*lost) {
		set_sql_error(pg, e, r);
		/* it has become a standby: another host takes writes now */
		*lost = strcmp(e->sqlstate, "25006") == 0;
		if (*lost)
			pg_disconnect(pg);
	} else if (*lost) {
		set_gone(pg, e, reason_of(PQerrorMessage(pg->conn)));
		pg_disconnect(pg);
	} else {
		set_gone(pg, e, S("the server does not answer"));
		pg_disconnect(pg);
	}
	PQclear(r);
	return NULL;
}

PGresult *pg_query(struct pg *pg, const char *sql, const struct pg_params *params, struct pg_error *e)
{
	bool lost = false;

	if (pg->pinned && !pg->conn) {
		set_gone(pg, e, S("the connection was lost inside a transaction"));
		return NULL;
	}
	bool fresh = !pg->conn;
	if (!pg_connect(pg, e))
		return NULL;
	PGresult *r = attempt(pg, sql, params, &lost, e);
	if (r || !lost || fresh || pg->pinned)
		return r;
	return pg_connect(pg, e) ? attempt(pg, sql, params, &lost, e) : NULL;
}

bool pg_run(struct pg *pg, const char *sql, const struct pg_params *params, struct pg_error *e)
{
	PGresult *r = pg_query(pg, sql, params, e);
	PQclear(r);
	return r != NULL;
}

bool pg_set_timeout(struct pg *pg, int64_t timeout_ms, struct pg_error *e)
{
	char sql[64];

	pg->timeout_ms = timeout_ms;
	snprintf(sql, sizeof sql, "SET statement_timeout = %" PRId64, timeout_ms);
	return pg_run(pg, sql, NULL, e);
}

/* ---- values ---------------------------------------------------------------------------------------------------- */

struct slice pg_value(const PGresult *r, int row, int column)
{
	if (PQgetisnull(r, row, column))
		return (struct slice){0};
	return slice_of(PQgetvalue(r, row, column), (size_t)PQgetlength(r, row, column));
}

uint64_t pg_uint(const PGresult *r, int row, int column)
{
	return PQgetisnull(r, row, column) ? 0 : strtoull(PQgetvalue(r, row, column), NULL, 10);
}

uint64_t pg_affected(const PGresult *r)
{
	return strtoull(PQcmdTuples((PGresult *)r), NULL, 10);
}

void pg_put_literal(struct pg *pg, struct text *out, struct slice s)
{
	char *quoted = pg->conn ? PQescapeLiteral(pg->conn, s.ptr ? s.ptr : "", s.len) : NULL;

	if (quoted)
		text_puts(out, quoted);
	PQfreemem(quoted);
}

bool is_pg_text(struct slice s)
{
	return slice_find(s, '\0') < 0 && utf8_invalid_at(s) < 0;
}
