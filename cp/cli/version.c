/* gatectl version: prints the release. */
#include <stdio.h>

#include "common/core/release.h"
#include "cp/cli/command.h"
#include "cp/cli/output.h"

static enum exit_code run_version(struct cli *c)
{
	json_t *out = json_pack("{s:s}", "release", GATEHOUSE_RELEASE);

	if (c->json)
		output_json(out);
	else
		printf("gatehouse %s\n", GATEHOUSE_RELEASE);
	json_decref(out);
	return EXIT_OK;
}

const struct command version_command = {
        .name = "version",
        .usage = "[-o json]",
        .summary = "print the release",
        .examples = "  gatectl version\n  gatectl --version\n",
        .run = run_version,
};
