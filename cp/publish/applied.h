/* applied: has a version reached the data planes? For the Admin API, which answers a write when it has. */
#ifndef CP_PUBLISH_APPLIED_H
#define CP_PUBLISH_APPLIED_H

#include <stdint.h>

/* Blocks until every connected data plane that is in step has applied `version`, at most timeout_ms; any thread. Says
 * how many have, of how many connected. */
void applied_wait(uint64_t version, int timeout_ms, unsigned *applied, unsigned *connected);

#endif
