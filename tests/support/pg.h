/* pg: a private PostgreSQL for tests.
 *
 * main() calls test_pg_start() before the suite and test_pg_stop() after it; each test asks for a database of its
 * own. The cluster lives in a temporary folder, listens on a unix socket there and on a free port of 127.0.0.1, and
 * runs without fsync. It ends with the program, however that ends. As root it runs as user "postgres", because
 * PostgreSQL refuses root. GATEHOUSE_TEST_PG_CLUSTER=<folder> names an empty cluster to copy
 * in place of making one, which takes a second. With GATEHOUSE_TEST_PG=<conninfo> in the environment that server is
 * used instead, and left as it is. */
#ifndef TESTS_SUPPORT_PG_H
#define TESTS_SUPPORT_PG_H

#include <stdbool.h>

#include "common/settings/settings.h"

void test_pg_start(void); /* exits with a message when it cannot */
void test_pg_stop(void);

/* Can the server be stopped and started? Not when it was given by the environment. */
bool test_pg_is_private(void);
/* Fast shutdown, which cuts all connections; then the same cluster again, on the same port. From any process of the
 * test. */
void test_pg_halt(void);
void test_pg_resume(void);

/* Settings for a new, empty database. Everything else is zero. The strings live as long as the process. */
struct settings test_pg_database(void);

/* Runs SQL in that database beside the code under test; fails the test on an error. */
void test_pg_exec(const struct settings *s, const char *sql);
/* The first value of the first row ("" when there is none); the caller frees. */
char *test_pg_value(const struct settings *s, const char *sql);

#endif
