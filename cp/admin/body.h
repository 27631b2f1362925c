/* body: from the bytes of a POST, PUT or PATCH to the object they stand for (admin-api.md 2). */
#ifndef CP_ADMIN_BODY_H
#define CP_ADMIN_BODY_H

#include "cp/admin/call.h"

/* JSON values are counted before they are read, for each costs many times its bytes. */
enum { ADMIN_BODY_VALUES_MAX = 8 * 1000000 };
/* Fills c->input; false when the answer is ready. The object belongs to whoever made c. */
bool admin_body_read(struct admin_call *c);
/* Makes the input ready for schema_load(): gives the leaves of a form the types that the kind wants, and checks
 * `ttl`, which is an option and not a field (entities.md 3). existing: the row that a PATCH is about, or NULL; its
 * plugin decides over `config` when the form does not name one. False when the answer is ready. May be called twice.
 */
bool admin_body_prepare(struct admin_call *c, const struct schema *kind, const json_t *existing);

#endif
