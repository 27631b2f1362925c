/* form_edit: changes to the names and values of a form or query, in place: what transformations are made of. A name
 * stands for all fields that have it; the others keep their order. Memory is the arena that the form was read into.
 */
#ifndef COMMON_HTTP_FORM_EDIT_H
#define COMMON_HTTP_FORM_EDIT_H

#include "common/http/form.h"

bool form_has(const struct form *f, struct slice name);
/* Each returns whether anything has changed. */
bool form_remove(struct form *f, struct slice name);
/* All values move; fields that had the new name are gone. Nothing happens when there is none of the old name, or both
 * are the same. */
bool form_rename(struct form *f, struct slice from, struct slice to);
/* One field with this value in the place of all that have the name; only if there is one. */
bool form_replace(struct form *f, struct slice name, struct slice value);
/* Another field behind the others. */
void form_append(struct arena *a, struct form *f, struct slice name, struct slice value);

/* "a=1&b&c=2", everything but unreserved characters escaped. */
struct slice form_text(struct arena *a, const struct form *f);

#endif
