/* store: entities in PostgreSQL, with every write a version.
 *
 * A write is one transaction: lock the version row (which puts all writers in one order), change rows, add to the
 * changelog, version + 1, NOTIFY. Versions are dense and in commit order. Reads see the last commit. One store handle
 * per thread; all calls block. Contract: admin-api.md 3 (errors), entities.md 6.
 *
 * With database = off the same calls work on a document in memory (memory.h): reads as here, writes refused with code
 * 12, no history. Whoever uses a handle need not know which it is. */
#ifndef CP_STORE_STORE_H
#define CP_STORE_STORE_H

#include "common/core/text.h"
#include "common/model/kinds.h"
#include "common/settings/settings.h"

struct store;

/* Connects; e says host, port, database and what to do. */
struct store *store_open(const struct settings *s, struct err *e);
/* Does not: the first call does, and tells when that fails. */
struct store *store_unconnected(const struct settings *s);
void store_close(struct store *st);
/* True when the database answers. */
bool store_ping(struct store *st);

/* Kong's error codes (admin-api.md 3.2). `fields` as in the API; `message` complete. Zeroed by the caller before a
 * call. Code 8 with status 503: the database is gone or too slow, and message says which host and why; with 500: our
 * mistake. */
struct fault {
	int code;      /* 0: none; 1..19 */
	int status;    /* HTTP */
	char *message; /* malloc'ed or NULL */
	json_t *fields;
	const char *fields_key; /* "fields" or "options" */
};
void fault_fini(struct fault *f);

/* How a row is addressed. Exactly one of id and key is set. */
struct store_key {
	const struct uuid *id;
	const struct field *field; /* with value: by a unique field */
	struct slice value;
};
/* Only rows whose reference field f points to id: nested lists and items. Zeroed: no restriction. */
struct store_scope {
	const struct field *field;
	const struct uuid *id;
};

struct page {
	int64_t size;             /* 1..1000 */
	struct slice after;       /* last id of the previous page as 36 characters, or unset */
	const struct slice *tags; /* filter */
	size_t tags_count;
	bool tags_any; /* OR instead of AND */
};

/* NULL: not found (fault->code 0) or failed (fault set). New reference to the rendered form. */
json_t *store_get(struct store *st, const struct schema *kind, const struct store_key *key,
        const struct store_scope *scope, struct fault *fault);
/* Array of rendered rows, ascending by id; *more: there is a next page. NULL: failed. */
json_t *store_list(struct store *st, const struct schema *kind, const struct store_scope *scope,
        const struct page *page, bool *more, struct fault *fault);

/* Resolves references given by unique key, {"name":"x"}, to {"id":...} in place, also in the kind's nested
 * input (admin-api.md 3.2 code 13, entities.md 1.6). */
bool store_resolve_refs(struct store *st, const struct schema *kind, json_t *input, struct fault *fault);

/* Writes. On success *version is the new configuration version. Records are complete and checked (schema_load). */
bool store_insert(
        struct store *st, const struct schema *kind, const json_t *record, uint64_t *version, struct fault *fault);
/* Replaces the row with the record's id; missing: code 6. The very same record again is no change. */
bool store_update(
        struct store *st, const struct schema *kind, const json_t *record, uint64_t *version, struct fault *fault);
/* Removes the row and, recursively, what cascades. Missing: true with *version 0. */
bool store_delete(
        struct store *st, const struct schema *kind, const struct uuid *id, uint64_t *version, struct fault *fault);

/* Read, check and write as one unit: between begin and commit no other writer can come in between. Units do not nest.
 * After a write of the unit has failed the unit can only be rolled back; store_commit() then does that and fails.
 * Inside a unit *version of a write is the version that a commit will make; when nothing has changed it is 0, here
 * and in store_commit(), and no version is made. */
bool store_begin(struct store *st, struct fault *fault);
bool store_commit(struct store *st, uint64_t *version, struct fault *fault);
void store_rollback(struct store *st);

/* Who is behind the versions made from now on through this handle, until it is signed anew. Copied. What cannot be
 * stored as text (broken UTF-8, a NUL) is left out. */
struct store_signature {
	struct slice author;  /* unset: not known */
	struct slice message; /* why; unset: none given */
	struct slice source;  /* address the request came from; unset: this process */
};
void store_sign(struct store *st, const struct store_signature *by);
/* The message alone: when nobody gave one. */
void store_sign_message(struct store *st, struct slice message);

/* Removes up to limit expired rows of every kind with a ttl, as ordinary deletes. *version: of the last change, or 0.
 * For a timer; reads do not see expired rows in any case. A record expires at its key `expires_at` (Unix seconds). */
bool store_purge_expired(struct store *st, size_t limit, uint64_t *version, struct fault *fault);

/* ---- for publishing ---- */

/* The database's clock, Unix milliseconds; that of this machine when there is none. */
bool store_clock(struct store *st, int64_t *unix_ms, struct err *e);
/* The epoch of this database's history, and its current version. */
bool store_position(struct store *st, struct text *epoch, uint64_t *version, struct err *e);
/* What tells this version from another one of the same number, in a database that has been restored or has failed
 * over to a standby that lacked some: *stamp is "" when its row is not kept any more (or there is no database). */
bool store_stamp(struct store *st, uint64_t version, struct text *stamp, struct err *e);
/* This database has lost versions that have been published: its history begins anew under another epoch, unless
 * another control plane has seen to that. */
bool store_renew_epoch(struct store *st, struct slice epoch, struct err *e);
/* Every row of every kind as of *version, in one consistent read. */
typedef bool (*store_row_fn)(const struct schema *kind, struct slice json, void *arg, struct err *e);
bool store_snapshot(struct store *st, uint64_t *version, store_row_fn fn, void *arg, struct err *e);
/* Changes with version > after, in order. False with e when the log does not reach back that far (then take a
 * snapshot) or on failure. json unset: removed. */
typedef bool (*store_change_fn)(uint64_t version, const struct schema *kind, const struct uuid *id, struct slice json,
        void *arg, struct err *e);
bool store_changes(struct store *st, uint64_t after, store_change_fn fn, void *arg, struct err *e);
/* The socket of a second connection after LISTEN (on the first, an answer could swallow a notification); becomes
 * readable on NOTIFY. Drain first, then read changes. store_drain() empties it; false: broken, listen anew. */
int store_listen(struct store *st, struct err *e);
bool store_drain(struct store *st);

#endif
