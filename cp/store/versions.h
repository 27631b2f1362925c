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

/* Is it a version that can be read? Else the fault is code 6 with status 410 (no longer kept; it names the oldest
 * that is) or 404 (not made yet). */
bool store_has_version(struct store *st, uint64_t version, struct fault *fault);

/* Until store_look_ahead(), store_get() and store_list() show the state as of a version, all of it from one moment.
 * Rows whose ttl has ended since are there. No writes in between. Faults as store_has_version(). */
bool store_look_back(struct store *st, uint64_t version, struct fault *fault);
void store_look_ahead(struct store *st);

/* What differs between the states of two versions, in either direction, by kind's name and id: an array of
 * {"kind":..,"id":..,"from":record|null,"to":record|null} with stored forms, secrets included. At most `size` beyond
 * (after_kind, after_id), which are unset for the first page. NULL: failed, faults as store_has_version(). */
struct difference_page {
	uint64_t from, to;
	int64_t size;
	struct slice after_kind, after_id;
};
json_t *store_differences(struct store *st, const struct difference_page *page, bool *more, struct fault *fault);

/* Makes a new version whose content is that of an earlier one, in one transaction; *made is 0 when nothing differs.
 * Faults as store_has_version(), and code 4 or 5 when rules of this release forbid that content. */
bool store_restore(struct store *st, uint64_t version, uint64_t *made, struct fault *fault);

/* Drops what is beyond retention, oldest first, at most `limit` versions a call; *dropped says how many. Kept are the
 * latest `versions` ones, of them those that are not older than `days` (0: no bound), and the latest
 * STORE_KEPT_ALWAYS in any case. Safe beside everything else, also on several control planes at once: then one of
 * them does it, and the others drop nothing. */
enum { STORE_KEPT_ALWAYS = 10 };
struct retention {
	int64_t versions, days;
};
bool store_prune(
        struct store *st, const struct retention *keep, unsigned limit, uint64_t *dropped, struct fault *fault);

#endif
