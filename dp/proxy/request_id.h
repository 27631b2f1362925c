/* request_id: 32 hexadecimal digits, unique and not guessable, one per request (proxy.md 4.3). */
#ifndef DP_PROXY_REQUEST_ID_H
#define DP_PROXY_REQUEST_ID_H

#include "common/core/slice.h"

enum { REQUEST_ID_LEN = 32, REQUEST_ID_POOL = 4096 };

/* Random bytes fetched in advance: one system call serves 256 requests. Zeroed: valid. */
struct request_ids {
	unsigned char pool[REQUEST_ID_POOL];
	unsigned left;
};

void request_id_next(struct request_ids *ids, char out[REQUEST_ID_LEN]);

#endif
