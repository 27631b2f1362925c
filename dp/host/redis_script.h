/* redis_script: counting in Redis as one step: what is sent for a struct count, and what comes back. */
#ifndef DP_HOST_REDIS_SCRIPT_H
#define DP_HOST_REDIS_SCRIPT_H

#include <hiredis/hiredis.h>

#include "common/crypto/digest.h"
#include "common/plugin/plugin.h"

enum { REDIS_COUNTERS_MAX = 8 };

extern const struct slice redis_script;

struct redis_script_args {
	struct slice items[4 + 4 * REDIS_COUNTERS_MAX];
	char numbers[1 + 3 * REDIS_COUNTERS_MAX][24];
	unsigned count, used;
};

/* count has at most REDIS_COUNTERS_MAX counters, whose keys have one slot. digest: the script's SHA-1 in hex; unset:
 * the whole script is sent, to a server that does not have it. */
void redis_script_args(struct redis_script_args *a, const struct count *count, struct slice digest);
/* Fills in what was used before. False: this is no answer to it. */
bool redis_script_read(const redisReply *r, const struct count *count);

#endif
