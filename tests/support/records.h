/* records: records for tests, from JSON (with ' for ") as the Admin API would make them. A mistake fails the test. */
#ifndef TESTS_SUPPORT_RECORDS_H
#define TESTS_SUPPORT_RECORDS_H

#include "common/model/record.h"

/* kind by name, "services". One reference, the caller's. */
struct record *record_of(const char *kind, const char *json, ...) __attribute__((format(printf, 2, 3)));
/* All zero but its one reference and its arena: for who fills it by hand. */
struct record *record_blank(void);
/* 00000000-0000-4000-8000-<number>: the id of a test's entity. */
struct uuid test_uuid(unsigned number);
const char *test_id(unsigned number); /* its text; valid until the eighth call from now */

#endif
