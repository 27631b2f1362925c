/* shared_counters: adds up what the data planes of this control plane have counted of limits that they share (policy
 * `cluster`), and tells each what the others have. In memory only: after a restart the data planes tell everything
 * again. One table per process; the publishing thread's alone. */
#ifndef CP_PUBLISH_SHARED_COUNTERS_H
#define CP_PUBLISH_SHARED_COUNTERS_H

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
size_t shared_counters_size(void);
void shared_counters_clear(void);

#endif
