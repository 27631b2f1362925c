/* entity_texts: entities as JSON for logs, without members that are null (plugins.md 0.10). A worker makes each text
 * once per version of the entity and keeps at most ENTITY_TEXTS_MAX. */
#ifndef DP_HOST_ENTITY_TEXTS_H
#define DP_HOST_ENTITY_TEXTS_H

#include "common/model/catalog.h"

enum { ENTITY_TEXTS_MAX = 4096 };

struct entity_texts;

struct entity_texts *entity_texts_new(void);
void entity_texts_free(struct entity_texts *t);
/* "" when there is no such entity. Valid until the next call. version: the catalog's; while it stays the same,
 * nothing is looked up there. */
struct slice entity_texts_get(struct entity_texts *t, const struct catalog *catalog, uint64_t version,
        const struct schema *kind, const struct uuid *id);

#endif
