/* disk_log: what has changed since config.cache was written, so that a change costs its own size on disk and not that
 * of the whole configuration. Used by disk_cache.
 *
 * <prefix>/config.cache.log: one frame per write, a 4-byte length (big-endian) and a packed Delta in a sealed
 * envelope, each delta based on the version before. Frames are only ever appended; a torn or damaged one, and all
 * behind it, do not count. */
#ifndef COMMON_SYNC_DISK_LOG_H
#define COMMON_SYNC_DISK_LOG_H

#include "common/crypto/seal.h"
#include "common/sync/delta.h"

/* Appends the difference and waits until it is on the disk. Only reads the catalogs: any thread. *len: bytes
 * appended. False with e set: not written; the file may end in a torn frame, so nothing may be appended any more. */
bool disk_log_append(const char *path, const struct seal_key *key, const char *epoch, const struct catalog *was,
        const struct catalog *is, size_t *len, struct err *e);

/* Takes the catalog that config.cache holds, gives the newest that the log leads to: itself, when there is no log or
 * it does not lead on from there. */
struct catalog *disk_log_replay(const char *path, const struct seal_key *key, struct slice epoch, struct catalog *c);

#endif
