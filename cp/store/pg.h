/* pg: one connection to PostgreSQL and how to run statements on it.
 *
 * Used by the files of this folder only. Parameters and results are text. A statement that finds the connection lost
 * is repeated once on a new connection, unless a transaction is open (`pinned`): then the work is lost and the caller
 * is told. No call waits for ever: the server ends a statement after pg_timeout, and when the server itself is silent
 * for a second more, the connection is given up. The password is in no message. Of several hosts the one that takes
 * writes is used; when it fails, the next connection looks for it anew. */
#ifndef CP_STORE_PG_H
#define CP_STORE_PG_H

#include <libpq-fe.h>

#include "common/core/arena.h"
#include "common/core/err.h"
#include "common/core/text.h"
#include "common/settings/settings.h"

struct pg {
	PGconn *conn;            /* NULL: not connected */
	bool pinned;             /* a transaction is open: never reconnect behind the caller's back */
	int64_t timeout_ms;      /* of one statement; 0: none (migrations) */
	const char *host, *port; /* lists with commas when there are several */
	const char *where;       /* for messages */
	unsigned hosts;
	const char *user, *password, *database, *schema;
	bool is_unreplicated; /* the server has said that a commit may not have reached its standby */
	bool ssl, ssl_verify;
	struct arena arena; /* holds the strings above */
};

/* What went wrong, in a form that can be mapped to the API's codes. */
struct pg_error {
	char sqlstate[6];    /* "" when the server said nothing */
	char constraint[64]; /* name of the violated constraint, or "" */
	bool gone;           /* the server cannot be reached or does not answer */
	struct err text;
};

enum { PG_PARAMS_MAX = 16 };

struct pg_params {
	const char *values[PG_PARAMS_MAX]; /* NULL is SQL's NULL */
	int n;
};
#define PG_PARAMS(...)              \
	(&(const struct pg_params){ \
	        .values = {__VA_ARGS__}, .n = (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *))})

/* Remembers the settings; does not connect. */
void pg_init(struct pg *pg, const struct settings *s);
void pg_fini(struct pg *pg);

/* Connects when not connected. */
bool pg_connect(struct pg *pg, struct pg_error *e);
void pg_disconnect(struct pg *pg);

/* Without parameters sql may hold several statements; the result is that of the last one. The caller clears the
 * result with PQclear(). NULL: failed, e is set. */
PGresult *pg_query(struct pg *pg, const char *sql, const struct pg_params *params, struct pg_error *e);
/* As pg_query, for statements without a result of interest. */
bool pg_run(struct pg *pg, const char *sql, const struct pg_params *params, struct pg_error *e);
/* Changes the limit for statements on this connection, now and after a reconnect; 0: none. */
bool pg_set_timeout(struct pg *pg, int64_t timeout_ms, struct pg_error *e);

/* A value of a result; unset when NULL. Valid until PQclear(). */
struct slice pg_value(const PGresult *r, int row, int column);
uint64_t pg_uint(const PGresult *r, int row, int column); /* 0 when NULL */
/* Rows that an INSERT, UPDATE or DELETE touched. */
uint64_t pg_affected(const PGresult *r);

/* Appends s as a quoted literal, for statements that take no parameters. Nothing when there is no connection: the
 * statement will not run either. */
void pg_put_literal(struct pg *pg, struct text *out, struct slice s);
/* False for text that no PostgreSQL string can hold: a NUL byte, or bytes that are not UTF-8. */
bool is_pg_text(struct slice s);

#endif
