/* history: what the control plane publishes: the current catalog, the deltas that led to it, and answers to Polls cut
 * from these.
 *
 * Belongs to the publishing thread. Invariants: the ring holds consecutive deltas, each one's base the version of the
 * one before, the last one's version the current version; everything that has been handed out in parts stays
 * available for a while, so that a data plane can fetch the remaining parts after the configuration has moved on. */
#ifndef CP_PUBLISH_HISTORY_H
#define CP_PUBLISH_HISTORY_H

#include "cp/publish/feed.h"

struct history;

struct history *history_new(void);
void history_free(struct history *h);

/* Begins with what was published before a restart; takes the catalog. */
void history_begin(struct history *h, struct catalog *c, struct slice epoch);

/* Takes the batch. The delta to publish (the history's own, valid until the next call), or NULL when history has
 * begun anew. */
const struct packed_delta *history_take(struct history *h, struct feed_batch *b);

/* The two halves of history_take(): the first makes the delta, and answers lead on to it from then on; the second,
 * which takes the batch, brings the catalog up to it. In between snapshots are still of the version before. */
const struct packed_delta *history_pack(struct history *h, const struct feed_batch *b);
void history_settle(struct history *h, struct feed_batch *b);

bool history_has_begun(const struct history *h);
const struct catalog *history_catalog(const struct history *h); /* NULL before the first batch */
const char *history_epoch(const struct history *h);             /* "" before the first batch */
uint64_t history_version(const struct history *h);

/* What brings a data plane at `epoch` and `version` up to date: a delta, or a snapshot; NULL: nothing is newer. Valid
 * until the next call. */
const struct packed_delta *history_answer(struct history *h, struct slice epoch, uint64_t version);
/* Something handed out earlier of which parts are still wanted; NULL: no longer there. */
const struct packed_delta *history_resume(struct history *h, struct slice epoch, uint64_t base, uint64_t version);

#endif
