/* versions: the history of the configuration: what was written when, by whom and why, and any state it has been in.
 *
 * A line of the changelog holds what a record became and what it was before. The state at a version is therefore the
 * present one with every later line taken back: reading it costs what has changed since, not what there is, and
 * dropping the oldest lines loses nothing but the way to the states before them. Every version from the oldest kept
 * to the present one can be read, compared and returned to. Contract: users.md 2.5 and 5. */
#ifndef CP_STORE_VERSIONS_H
#define CP_STORE_VERSIONS_H

#include "cp/store/store.h"

/* {"version":42,"time":1764327769.123,"author":"anna"|null,"message":..,"source":..,"created":1,"updated":0,
 * "deleted":0,"counts":{"services":{"created":1,"updated":0,"deleted":0}}}; time in Unix seconds. NULL with
 * fault->code 0: there is no such version (yet, or any more). New reference. */
json_t *store_version(struct store *st, uint64_t version, struct fault *fault);
/* Versions before `before` (0: from the present one), newest first; *more: there are older ones. NULL: failed. */
json_t *store_versions(struct store *st, uint64_t before, int64_t size, bool *more, struct fault *fault);

/* The oldest and the present version. */
bool store_history_range(struct store *st, uint64_t *oldest, uint64_t *current, struct fault *fault);

#endif
