/* redis: a private Redis for tests: nothing on disk, a free port of 127.0.0.1, gone with the test program.
 *
 * main() calls test_redis_start() before the suite and test_redis_stop() after it; tests may hold the server up. */
#ifndef TESTS_SUPPORT_REDIS_H
#define TESTS_SUPPORT_REDIS_H

#include <stdbool.h>

void test_redis_start(void); /* exits with a message when it cannot */
void test_redis_stop(void);
int test_redis_port(void);
/* A held server takes connections and does not answer (SIGSTOP). */
void test_redis_hold(bool held);

#endif
