/* audit: who asked for which write, from where, and what became of it. Rows of the table `audit_requests`, which
 * belongs to no version: neither a rollback nor the pruning of history touches it.
 *
 * A write's row is committed with the version that it made, so there is never one without the other; of a write that
 * made none (refused, or nothing to change) the row is written alone. Paths come redacted from the caller; bodies are
 * not kept, for the differences between versions show what was changed, with secrets as hashes. */
#ifndef CP_STORE_AUDIT_H
#define CP_STORE_AUDIT_H

#include "cp/store/store.h"

struct audit_entry {
	struct slice request_id, method, path, client_ip; /* text that PostgreSQL can hold */
	struct slice admin, login;                        /* unset: nobody was asked, or nobody was let in */
	struct uuid admin_id;                             /* zero: none */
	const int *status; /* of the answer, as it is when the row is written; 0 counts as 200 */
};

/* From now on, what this handle commits is this request's doing. e is borrowed until store_audit_finish(). */
void store_audit_expect(struct store *st, const struct audit_entry *e);
/* Writes the row unless a commit has. */
bool store_audit_finish(struct store *st, struct fault *fault);

struct audit_filter {
	uint64_t below; /* only rows with a smaller number; 0: all */
	int64_t size;
	struct slice admin, method, path;   /* unset: any; path: what it begins with */
	struct slice after, before, status; /* Unix seconds; a number; unset: any */
};
/* With database = off nothing is on record, and nothing is found: who asked for what is in the log. Newest first,
 * each with `number` for the next call's `below`:
 * {"number":7,"request_id":..,"request_timestamp":1764327769.123,
 * "admin":..,"admin_id":..,"login":..,"client_ip":..,"method":..,"path":..,"status":201,"version":42|null}. NULL:
 * failed. */
json_t *store_audit_list(struct store *st, const struct audit_filter *f, bool *more, struct fault *fault);

/* Drops rows older than ttl_s, at most limit of them; *dropped says how many. */
bool store_audit_prune(struct store *st, int64_t ttl_s, unsigned limit, uint64_t *dropped, struct fault *fault);

#endif
