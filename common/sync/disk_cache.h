/* disk_cache: the last good configuration on disk, so that a data plane restarts without a control plane, and a
 * control plane without its database.
 *
 * <folder>/config.cache is a packed snapshot Delta in a sealed envelope (common/crypto/seal.h: encrypted, since it
 * holds secrets, and checked, since it may be damaged); the one before is kept as config.cache.previous; the key is
 * in config.cache.key (0600, made once). Small changes are appended to config.cache.log. Files are replaced
 * atomically. Writing happens on a thread of its own, always the newest version. Between two writes it rests for
 * DISK_CACHE_EVERY_MS and for DISK_CACHE_REST times as long as the last one took, so that a large configuration that
 * changes all the time takes a twentieth of a core at most; whatever is not written yet is written at the end, and
 * after a crash comes from the control plane. A write that fails (a full disk) is logged once and tried again every
 * DISK_CACHE_RETRY_MS, with what is newest then, until it is done; what was kept before stays.
 *
 * Killed at any moment, a restart finds the last version whose keeping was complete, or a later one, and never a
 * part: tests/unit/sync/test_disk_cache_killed.c dies at each of its steps. */
#ifndef COMMON_SYNC_DISK_CACHE_H
#define COMMON_SYNC_DISK_CACHE_H

#include "common/net/loop.h"
#include "common/sync/delta.h"

enum {
	DISK_CACHE_EVERY_MS = 500,
	DISK_CACHE_RETRY_MS = 2000,
	DISK_CACHE_REST = 19,
	DISK_CACHE_REST_MAX_MS = 60 * 1000
};

struct disk_cache;

/* loop: of the thread to which the catalogs belong. e: the folder or the key file cannot be used. */
struct disk_cache *disk_cache_open(struct loop *loop, struct slice folder, struct err *e);
/* Writes what has not been written, then ends. NULL is fine. */
void disk_cache_close(struct disk_cache *d);

/* Offers the last good configuration: config.cache, else the previous one. use() takes the catalog when it returns
 * true; else e says why, and the file counts as damaged. False: there is none that can be used (damaged ones are set
 * aside as
 * *.damaged, and logged). */
typedef bool (*disk_cache_use_fn)(struct catalog *c, struct slice epoch, void *arg, struct err *e);
bool disk_cache_load(struct disk_cache *d, disk_cache_use_fn use, void *arg);
/* This is to be kept. Cheap: takes a copy and returns. */
void disk_cache_keep(struct disk_cache *d, const struct catalog *c, struct slice epoch);

/* For tests: how often the file was written. */
unsigned disk_cache_writes(const struct disk_cache *d);

#endif
