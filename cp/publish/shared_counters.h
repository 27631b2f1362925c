/* shared_counters: adds up what data planes have counted of limits that they share (policy `cluster`), and tells each
 * what the others have. Those of this control plane say it in Polls; what those of others have counted comes by way
 * of peers.c. In memory only: after a restart the data planes tell everything again. One table per process; any
 * thread.
 *
 * A node may be heard of by both ways, and by either earlier: what counts is the larger of the two. */
#ifndef CP_PUBLISH_SHARED_COUNTERS_H
#define CP_PUBLISH_SHARED_COUNTERS_H

#include <jansson.h>

#include "common/core/uuid.h"
#include "proto/sync.pb-c.h"

/* Keys, beyond which new ones are not added up; length of a key; reports of a Poll. */
enum {
	SHARED_COUNTERS_MAX = 1000000,
	SHARED_COUNTERS_KEY = 1024 /* as COUNTER_KEY_MAX of data planes */,
	SHARED_COUNTERS_POLL = 4096
};

/* Takes what a Poll reports and puts the answer into e, which shared_counters_release() frees. */
void shared_counters_answer(
        const struct uuid *node, const Gatehouse__Sync__Poll *p, Gatehouse__Sync__Envelope *e, uint64_t now_ms);
void shared_counters_release(Gatehouse__Sync__Envelope *e);

/* ---- for peers.c ---- */

/* Something has been counted here since the last export. */
bool shared_counters_have_news(void);
/* What has changed within the last SHARED_COUNTERS_EXPORT_MS, each in all, so that a missed export costs nothing:
 * {key: {"left": seconds, "nodes": {id: count}}}; at most SHARED_COUNTERS_EXPORT keys. A new reference. */
enum { SHARED_COUNTERS_EXPORT = 10000, SHARED_COUNTERS_EXPORT_MS = 5000 };
json_t *shared_counters_export(uint64_t now_ms);
/* What another control plane exported age_ms ago. Anything that is no such export is left out. */
void shared_counters_import(const json_t *counters, uint64_t age_ms, uint64_t now_ms);

size_t shared_counters_size(void);
void shared_counters_clear(void);

#endif
