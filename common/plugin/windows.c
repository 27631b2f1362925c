/* windows: see windows.h. */
#include "common/plugin/windows.h"

#include <time.h>

enum { MONTH_S = 2592000 };

const struct window_kind window_kinds[WINDOWS] = {
        {"second", 1}, {"minute", 60}, {"hour", 3600}, {"day", 86400}, {"month", MONTH_S}, {"year", 31536000}};

int64_t window_start_s(int64_t seconds, int64_t now_s)
{
	time_t t = now_s;
	struct tm tm;

	if (seconds <= 86400)
		return now_s - now_s % seconds;
	gmtime_r(&t, &tm);
	struct tm start = {.tm_year = tm.tm_year, .tm_mon = seconds == MONTH_S ? tm.tm_mon : 0, .tm_mday = 1};
	return timegm(&start);
}

bool windows_check_order(const json_t *limits, const char *the, struct err *e)
{
	for (size_t low = 0; low < WINDOWS; low++)
		for (size_t high = low + 1; high < WINDOWS; high++) {
			const json_t *a = json_object_get(limits, window_kinds[low].name);
			const json_t *b = json_object_get(limits, window_kinds[high].name);
			if (json_is_number(a) && json_is_number(b) && json_number_value(b) < json_number_value(a))
				return err_set(e, "%s limit for %s(%.1f) cannot be lower than the limit for %s(%.1f)",
				        the, window_kinds[high].name, json_number_value(b), window_kinds[low].name,
				        json_number_value(a));
		}
	return true;
}
