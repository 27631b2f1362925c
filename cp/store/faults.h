/* faults: the API's errors that the store finds, with their exact texts (admin-api.md 3.2). All return false. */
#ifndef CP_STORE_FAULTS_H
#define CP_STORE_FAULTS_H

#include "cp/store/pg.h"
#include "cp/store/store.h"

/* Takes fields (may be NULL). */
bool fault_set(struct fault *fault, int code, int status, json_t *fields, const char *format, ...)
        __attribute__((format(printf, 5, 6)));

bool fault_invalid_id(struct fault *fault);                                                          /* 1 */
bool fault_primary_key(struct fault *fault, const char *id);                                         /* 3 */
bool fault_foreign(struct fault *fault, const struct field *f, const char *id);                      /* 4 */
bool fault_referenced(struct fault *fault, const struct schema *child, const struct schema *parent); /* 4 */
bool fault_unique(struct fault *fault, json_t *key);                                     /* 5; takes key */
bool fault_missing(struct fault *fault, const char *id);                                 /* 6 */
bool fault_invalid_unique(struct fault *fault, const struct field *f, const char *text); /* 10 */
/* Without a message: which write it was is known to whoever asked for it. */
bool fault_read_only(struct fault *fault);                  /* 12 */
bool fault_no_history(struct fault *fault);                 /* 6: database = off */
bool fault_unresolved(struct fault *fault, json_t *fields); /* 13; takes fields */

/* 503 when the database is gone, else 500; code 8 in both. */
bool fault_database(struct fault *fault, const struct pg_error *e);
/* As fault_database, but a violated constraint of kind becomes 3, 4 or 5. */
bool fault_write(struct fault *fault, const struct pg_error *e, const struct schema *kind, const json_t *record);

#endif
