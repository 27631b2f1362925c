/* secrets: puts what vault references stand for into the records of this node, and notices when that changes.
 *
 * Records are decoded with the secrets in place of the references (common/schema/decode.h); their JSON, which goes to
 * the disk cache, keeps the references. What cannot be found is an empty string and a line in the log, and the
 * configuration loads all the same. A secret that was there once stays when it cannot be read any more. Main thread
 * only. */
#ifndef DP_CONFIG_SECRETS_H
#define DP_CONFIG_SECRETS_H

#include "common/model/catalog.h"
#include "common/settings/settings.h"

struct secrets;

/* From now on records are decoded with secrets. One per process. */
struct secrets *secrets_new(const struct settings *s);
void secrets_free(struct secrets *s); /* NULL is fine */

/* For a catalog before it is used: makes its vaults those that references are looked up in; when they are others than
 * before, decodes the records that have references anew. */
void secrets_settle(struct secrets *s, struct catalog *c);
/* Looks everything up again. True when something has changed: then secrets_decode_again() the catalog. */
bool secrets_have_changed(struct secrets *s);
void secrets_decode_again(struct secrets *s, struct catalog *c);

#endif
