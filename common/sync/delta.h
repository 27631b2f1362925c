/* delta: Delta <-> catalog, and a packed Delta <-> envelopes of bounded size. */
#ifndef COMMON_SYNC_DELTA_H
#define COMMON_SYNC_DELTA_H

#include "common/core/text.h"
#include "common/model/catalog.h"
#include "proto/sync.pb-c.h"

enum { DELTA_PART_SIZE = 512 * 1024, DELTA_MAX_SIZE = 1 << 30 };

/* One change as the changelog has it. json unset: removed. */
struct change {
	const struct schema *kind;
	struct uuid id;
	struct slice json;
};

/* A packed Delta. Caller frees with packed_delta_free(). */
struct packed_delta {
	char *bytes;
	size_t len;
	char *epoch;
	uint64_t base, version;
	bool snapshot;
};
void packed_delta_free(struct packed_delta *p);

/* From version 0, at which there is nothing, a delta is a snapshot as well, and says so. */
struct packed_delta *delta_pack(
        const char *epoch, uint64_t base, uint64_t version, const struct change *changes, size_t n);
struct packed_delta *delta_pack_snapshot(const char *epoch, const struct catalog *c);

/* How many envelopes p needs (at least 1), and the k-th (from 0), packed: at most DELTA_PART_SIZE bytes; *out is
 * malloc'ed, caller frees. */
uint32_t delta_parts(const struct packed_delta *p);
size_t delta_envelope(const struct packed_delta *p, uint32_t part, uint8_t **out);

/* Applies d to a copy of `base` and returns the copy with its version set; NULL with e set when a record does not
 * load or d is not based on base's version: then nothing has changed. d->snapshot: starts from an empty catalog (base
 * may be NULL). What this release does not know is held back and named in *held_back, "keys, routes.color" (may be
 * NULL): kinds are left out, fields stay in their record's JSON and are not decoded (record_parse_newer()). */
struct catalog *delta_apply(
        const struct catalog *base, const Gatehouse__Sync__Delta *d, struct text *held_back, struct err *e);

/* Collects envelopes of one delta in order. A zeroed struct is ready. */
struct delta_assembly {
	uint64_t base, version, epoch_hash;
	uint32_t next, parts;
	char *bytes;
	size_t len, cap;
};
enum assembly_result { ASSEMBLY_MORE, ASSEMBLY_DONE, ASSEMBLY_BAD };
/* A part 0 always begins anew. BAD: not the next part of what is being collected, or sizes beyond DELTA_MAX_SIZE;
 * what was collected is forgotten, start over by polling. */
enum assembly_result delta_assembly_add(struct delta_assembly *a, const Gatehouse__Sync__Envelope *part);
void delta_assembly_reset(struct delta_assembly *a);
Gatehouse__Sync__Delta *delta_assembly_unpack(
        struct delta_assembly *a, struct err *e); /* NULL: not a delta, or another than
                                                   * the envelopes said */

#endif
