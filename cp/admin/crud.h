/* crud: the generic endpoints of single entities (admin-api.md 4), driven by schemas alone.
 *
 * A write is one unit of the store: what is there is read, merged, checked and written while no other writer can come
 * in between, so that parallel writes to one entity never lose a change. */
#ifndef CP_ADMIN_CRUD_H
#define CP_ADMIN_CRUD_H

#include "cp/admin/call.h"

/* Handlers for c->target. */
void admin_create(struct admin_call *c);
void admin_get(struct admin_call *c);
void admin_put(struct admin_call *c);
void admin_patch(struct admin_call *c);
void admin_delete(struct admin_call *c);

/* ---- for lists and special endpoints --------------------------------------------------------------------------- */

/* The row with this id or endpoint key; a new reference. NULL: when there is no answer yet (status 0), it is not
 * there. */
json_t *admin_find(
        struct admin_call *c, const struct schema *kind, struct slice key, const struct store_scope *scope);
/* As admin_find, but a missing row is answered with the plain 404. */
json_t *admin_find_or_404(
        struct admin_call *c, const struct schema *kind, struct slice key, const struct store_scope *scope);
/* Restricts to what belongs to the target's outer entity, whose id goes to *id; answers 404 when that is missing. No
 * restriction for top-level targets. */
bool admin_find_scope(struct admin_call *c, struct store_scope *scope, struct uuid *id);
/* What clients see of a row; a new reference. When the database fails, c->response says so (status >= 500). */
json_t *admin_render(struct admin_call *c, const struct schema *kind, const json_t *row);
/* {"id":"..."} as the value of a reference. */
void admin_set_reference(json_t *input, const struct field *f, const struct uuid *id);
/* Runs change() as one unit of the store. It returns false when the answer is a refusal: then nothing is kept. */
void admin_in_unit(struct admin_call *c, bool (*change)(struct admin_call *c));
/* Checks input and writes it as a new row, within a unit. The record as stored, or NULL with the answer. */
json_t *admin_insert(struct admin_call *c, const struct schema *kind, json_t *input);
/* Removes a row, within a unit. False: the answer is ready. */
bool admin_remove(struct admin_call *c, const struct schema *kind, const struct uuid *id);
/* The id of a row. */
struct uuid admin_row_id(const json_t *row);

#endif
