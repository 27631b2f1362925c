/* machine: what the commands for one machine's processes share (start.c, check.c). */
#ifndef CP_CLI_MACHINE_H
#define CP_CLI_MACHINE_H

#include "cp/cli/command.h"

/* Makes the folder `prefix` and what is below it; what is there stays. */
bool machine_prepare(const struct settings *s, struct err *e);
/* Is the declarative file that the settings name well, if any? Else every fault is on stderr, after `before`. */
bool machine_check_document(struct cli *c, const struct settings *s, const char *before);

#endif
