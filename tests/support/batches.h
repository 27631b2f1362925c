/* batches: versions made up for tests of publishing: consumers numbered from 0, so that no database is needed. */
#ifndef TESTS_SUPPORT_BATCHES_H
#define TESTS_SUPPORT_BATCHES_H

#include "cp/publish/feed.h"

const struct schema *batches_kind(void); /* consumers */
struct uuid batches_id(unsigned n);

/* Consumer n is called "<n>-<mark>", filled up with 'x' to `size` bytes. */
void batches_put(struct feed_batch *b, unsigned n, const char *mark, size_t size);
void batches_remove(struct feed_batch *b, unsigned n);

/* One version that puts consumer n with this mark. */
struct feed_batch *batches_one(const char *epoch, uint64_t version, unsigned n, const char *mark);
/* A snapshot of consumers 0 .. n-1, each of `size` bytes, all with this mark. */
struct feed_batch *batches_snapshot(const char *epoch, uint64_t version, unsigned n, const char *mark, size_t size);

/* Whether consumer n of the catalog has this mark; mark NULL: whether it is absent. */
bool batches_has(const struct catalog *c, unsigned n, const char *mark);
size_t batches_count(const struct catalog *c);

#endif
