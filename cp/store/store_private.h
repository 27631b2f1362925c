/* The inside of a store handle: for the files of this folder. */
#ifndef CP_STORE_STORE_PRIVATE_H
#define CP_STORE_STORE_PRIVATE_H

#include "cp/store/audit.h"
#include "cp/store/faults.h"
#include "cp/store/memory_private.h"
#include "cp/store/pg.h"
#include "cp/store/sql.h"
#include "cp/store/store.h"

enum store_op { STORE_CREATE, STORE_UPDATE, STORE_DELETE };
/* Changes by enum store_op. */
struct tally {
	unsigned of[3];
};

/* The open write unit. Invariant: open == pg.pinned, and while open the version row is locked by us. */
struct unit {
	bool open;
	bool failed;      /* a statement failed: only a rollback is left */
	uint64_t base;    /* version when it began */
	unsigned changes; /* lines written to the changelog; the version becomes base + 1 when there are any */
	struct tally tallies[KINDS_MAX]; /* the same, by kinds_index() */
};

struct store {
	/* database = off: no pg; memory_private.h does the work, and writes are refused. Each call of store.h and
	 * versions.h that would ask PostgreSQL says so in its first line; that is all there is to the seam. */
	bool is_memory;
	int bell; /* of store_listen() then; -1: none */
	struct pg pg;
	struct pg listener; /* only LISTEN, so that no notification is swallowed by an answer on pg */
	struct unit unit;
	uint64_t at;                      /* what store_get() and store_list() read: SQL_PRESENT or a version */
	struct store_signature signature; /* of the versions to come */
	struct arena signed_on;           /* holds it */
	const struct audit_entry *audit;  /* to be written with the next commit; NULL: nothing */
	struct text sql;                  /* of the statement being made; cleared by each */
	struct arena scratch;             /* parameters of one call; reset by each */
};

/* Opens a unit if none is open (*own). */
bool store_enter(struct store *st, bool *own, struct fault *fault);
/* Ends what store_enter began: commits or rolls back its own unit, or marks a failed write in the caller's. */
bool store_leave(struct store *st, bool own, bool ok, uint64_t *version, struct fault *fault);
/* A query whose failure is a plain database fault. */
PGresult *store_query(struct store *st, const struct pg_params *params, struct fault *fault);
/* Every visible row of every kind, inside the transaction that is open. */
bool store_send_rows(struct store *st, store_row_fn fn, void *arg, struct err *e);
/* Removes one row and writes it to the changelog, with what cascades from it. */
bool store_remove(struct store *st, const struct schema *kind, const char *id, struct fault *fault);

/* Adds the statement that puts st->audit on record, with the version that was made or 0. */
void audit_put(struct store *st, uint64_t version);

#endif
