/* warnings: what a configuration is allowed to say and probably does not mean (users.md 2.4, pitfalls.md A2-5, A3-1
 * and A3-2, proxy.md D-2). Nothing here refuses anything.
 *
 * Of one record: certificates that expire within WARNINGS_DAYS, passive health checks that mark targets for ever.
 * Of a whole document also: routes that never get a request, because another one takes all that they match; upstreams
 * that no service names. */
#ifndef COMMON_MODEL_WARNINGS_H
#define COMMON_MODEL_WARNINGS_H

#include "common/model/document.h"

enum { WARNINGS_DAYS = 30 };

/* text: lower case, without the record's own name; of the caller's callee only while it runs. */
typedef void (*warning_fn)(const struct record *r, const char *text, void *arg);

/* Can there be anything to say of single records of this kind? */
bool warnings_has_kind(const struct schema *kind);
void warnings_of_record(const struct record *r, int64_t now_s, warning_fn fn, void *arg);
/* d has no faults. Costs about as much as sorting its routes. */
void warnings_of_document(const struct document *d, int64_t now_s, warning_fn fn, void *arg);

#endif
