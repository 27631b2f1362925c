/* gatectl version: prints the release. */
#include <stdio.h>

#include "common/core/release.h"
#include "cp/cli/command.h"

static enum exit_code run_version(struct cli *c)
{
	(void)c;
	printf("gatehouse %s\n", GATEHOUSE_RELEASE);
	return EXIT_OK;
}

const struct command version_command = {
        .name = "version",
        .usage = "",
        .summary = "print the release",
        .examples = "  gatectl version\n  gatectl --version\n",
        .run = run_version,
};
