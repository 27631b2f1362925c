/* in_step: what this process's control plane knows of its one data plane. */
#ifndef TESTS_SUPPORT_IN_STEP_H
#define TESTS_SUPPORT_IN_STEP_H

#include <stdbool.h>

/* Does it know that the data plane has the newest version? Only then does a write wait for it. */
bool is_known_in_step(void);

#endif
