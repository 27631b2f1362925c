/* shared_counts: see shared_counts.h. */
#include "common/plugin/shared_counts.h"

static bool offered;

void shared_counts_offer(bool on)
{
	offered = on;
}

bool are_shared_counts_offered(void)
{
	return offered;
}
