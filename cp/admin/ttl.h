/* ttl: rows that expire (entities.md 3). Clients send and see seconds to live; rows hold `expires_at`, Unix seconds.
 */
#ifndef CP_ADMIN_TTL_H
#define CP_ADMIN_TTL_H

#include "cp/admin/call.h"

struct admin_ttl {
	bool given;
	int64_t seconds; /* 0: forever */
};

/* Takes `ttl` out of the input of kinds that have one. False: it is no such number, and the answer is ready. */
bool admin_ttl_take(struct admin_call *c, const struct schema *kind, json_t *input, struct admin_ttl *out);
/* Sets when the record expires: as asked; else, for an update, as `existing` does. */
void admin_ttl_store(const struct schema *kind, json_t *record, const json_t *existing, const struct admin_ttl *ttl);
/* From what is stored to what clients see. */
void admin_ttl_render(const struct schema *kind, const json_t *row, json_t *rendered);

#endif
