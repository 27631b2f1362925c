/* windows: the fixed windows that limits are counted in (plugins.md 0.12): seconds to years of the UTC calendar. */
#ifndef COMMON_PLUGIN_WINDOWS_H
#define COMMON_PLUGIN_WINDOWS_H

#include <jansson.h>

#include "common/core/err.h"

enum { WINDOWS = 6 };

extern const struct window_kind {
	const char *name; /* "minute"; also the member of a configuration that limits it */
	int64_t seconds;  /* a month is 30 days, whatever the calendar says */
} window_kinds[WINDOWS];

/* When the window that now_s is in began. */
int64_t window_start_s(int64_t seconds, int64_t now_s);
/* A longer window may not have a smaller limit: "<The> limit for hour(10.0) cannot be lower than the limit for
 * minute(20.0)". */
bool windows_check_order(const json_t *limits, const char *the, struct err *e);

#endif
