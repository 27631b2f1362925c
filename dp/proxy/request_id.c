/* request_id: see request_id.h. */
#include "dp/proxy/request_id.h"

#include "common/core/uuid.h"

void request_id_next(struct request_ids *ids, char out[REQUEST_ID_LEN])
{
	static const char hex[] = "0123456789abcdef";
	if (ids->left < REQUEST_ID_LEN / 2) {
		random_bytes(ids->pool, sizeof ids->pool);
		ids->left = sizeof ids->pool;
	}
	ids->left -= REQUEST_ID_LEN / 2;
	const unsigned char *bytes = ids->pool + ids->left;
	for (int i = 0; i < REQUEST_ID_LEN / 2; i++) {
		out[2 * i] = hex[bytes[i] >> 4];
		out[2 * i + 1] = hex[bytes[i] & 15];
	}
}
