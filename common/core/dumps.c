/* dumps: see dumps.h. Called by the programs when they start (setting core_dumps). */
#include "common/core/dumps.h"

#include <sys/prctl.h>
#include <sys/resource.h>

void dumps_forbid(void)
{
	const struct rlimit none = {0, 0};

	setrlimit(RLIMIT_CORE, &none);
	/* a handler that core_pattern names gets the memory by a pipe, whatever the limit is */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
