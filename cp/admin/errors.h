/* errors: answers that say what is wrong (admin-api.md 3). */
#ifndef CP_ADMIN_ERRORS_H
#define CP_ADMIN_ERRORS_H

#include "common/schema/violations.h"
#include "cp/admin/call.h"

/* {"message":"..."} */
void admin_fail(struct admin_call *c, int status, const char *format, ...) __attribute__((format(printf, 3, 4)));
void admin_not_found(struct admin_call *c);
void admin_not_allowed(struct admin_call *c);

/* {"code":..,"name":..,"message":..,"fields":..}; takes the fault. kind: whose endpoint key a code 10 is about. */
void admin_fault(struct admin_call *c, struct fault *f, const struct schema *kind);
/* Code 2; takes v. */
void admin_violations(struct admin_call *c, struct violations *v);
/* Code 6: nothing has this key. */
void admin_missing(struct admin_call *c, const struct schema *kind, struct slice key);
/* Code 11: one option is wrong. */
void admin_bad_option(struct admin_call *c, const char *option, const char *text);
/* Codes without fields: 7 and 9. */
void admin_bad_page(struct admin_call *c, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* "schema violation" of code 2; NULL: there is no such code, or (10) it names a field. */
const char *admin_code_name(int code);
enum { ADMIN_CODE_MAX = 19 };

#endif
