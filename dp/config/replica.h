/* replica: the configuration this data plane has: its catalog, epoch and version, and why a newer one was refused.
 *
 * Applying is all or nothing: a candidate catalog is made beside the current one and offered to the callback, which
 * compiles and publishes it; only when that succeeds does it become the current one. Belongs to the main loop's
 * thread. */
#ifndef DP_CONFIG_REPLICA_H
#define DP_CONFIG_REPLICA_H

#include "common/sync/delta.h"

struct replica;

/* Compiles and publishes. On success the candidate is taken; on failure e says why, and it is the replica's still. */
typedef bool (*replica_apply_fn)(struct catalog *candidate, struct slice epoch, void *arg, struct err *e);

struct replica *replica_new(replica_apply_fn apply, void *arg);
void replica_free(struct replica *r);

/* Runs on every candidate before it is offered, and may replace records in it. */
typedef void (*replica_prepare_fn)(struct catalog *candidate, void *arg);
void replica_prepare(struct replica *r, replica_prepare_fn prepare, void *arg);

enum replica_result {
	REPLICA_APPLIED,
	REPLICA_STALE,   /* not newer than what is there */
	REPLICA_GAP,     /* of another epoch, or its base is not our version: poll */
	REPLICA_REFUSED, /* a record does not load or the callback refused: the old one stays; replica_error() says
	                    why */
};
/* is_answer: d answers our own Poll, so a snapshot counts even when it is of another epoch or not newer. */
enum replica_result replica_apply(struct replica *r, const Gatehouse__Sync__Delta *d, bool is_answer);
/* A whole configuration from elsewhere (a file, the disk cache). Takes the catalog on success. */
bool replica_set(struct replica *r, struct catalog *c, struct slice epoch, struct err *e);

bool replica_has_config(const struct replica *r);
struct slice replica_epoch(const struct replica *r); /* "" when there is none */
uint64_t replica_version(const struct replica *r);
const struct catalog *replica_catalog(const struct replica *r); /* NULL before the first */

/* Why a newer version could not be applied, and which; "" when the last one could. */
const char *replica_error(const struct replica *r);
uint64_t replica_error_version(const struct replica *r);
/* What this release does not know of the present configuration, "keys, routes.color"; "": nothing. */
const char *replica_held_back(const struct replica *r);

#endif
