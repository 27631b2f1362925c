/* warn: what is stored all the same, and probably not meant (common/model/warnings.h). */
#ifndef CP_ADMIN_WARN_H
#define CP_ADMIN_WARN_H

#include "common/model/document.h"
#include "cp/admin/call.h"

/* After a write of one entity: what there is to say becomes the header X-Gatehouse-Warning. record: stored form. */
void admin_warn(struct admin_call *c, const struct schema *kind, const json_t *record);
/* Of a whole document: adds "warnings" (at most 100 of {"kind","id","name","message"}) and "warnings_left_off". */
void admin_warn_of_document(const struct document *d, json_t *answer);

#endif
