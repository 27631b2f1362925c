/* date: see date.h. The calendar is computed, not asked of libc, whose functions take a lock for the time zone. */
#include "common/http/date.h"

#include "common/core/clock.h"

static void put2(char *out, int n)
{
	out[0] = (char)('0' + n / 10);
	out[1] = (char)('0' + n % 10);
}

/* Days since 1970-01-01 to a date of the Gregorian calendar. Years begin in March here, so that the leap day is last.
 */
static void civil(int64_t days, int *year, int *month, int *day)
{
	days += 719468; /* 0000-03-01 */
	int64_t era = (days >= 0 ? days : days - 146096) / 146097;
	int of_era = (int)(days - era * 146097);
	int y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int of_year = of_era - (365 * y + y / 4 - y / 100);
	int m = (5 * of_year + 2) / 153;

	*day = of_year - (153 * m + 2) / 5 + 1;
	*month = m < 10 ? m + 3 : m - 9;
	*year = (int)(y + era * 400) + (*month <= 2);
}

void http_date(int64_t unix_s, char out[HTTP_DATE_LEN + 1])
{
	static const char day_names[] = "ThuFriSatSunMonTueWed",
	                  month_names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	int64_t days = unix_s / 86400;
	int s = (int)(unix_s % 86400), year, month, day;

	if (s < 0) {
		s += 86400;
		days--;
	}
	civil(days, &year, &month, &day);
	memcpy(out, "Thu, 01 Jan 1970 00:00:00 GMT", HTTP_DATE_LEN + 1);
	memcpy(out, day_names + 3 * ((days % 7 + 7) % 7), 3);
	put2(out + 5, day);
	memcpy(out + 8, month_names + 3 * (month - 1), 3);
	put2(out + 12, year / 100 % 100);
	put2(out + 14, year % 100);
	put2(out + 17, s / 3600);
	put2(out + 20, s / 60 % 60);
	put2(out + 23, s % 60);
}

struct slice http_date_now(void)
{
	static __thread int64_t formatted = -1;
	static __thread char text[HTTP_DATE_LEN + 1];
	int64_t now = clock_wall_s();

	if (now != formatted) {
		http_date(now, text);
		formatted = now;
	}
	return slice_of(text, HTTP_DATE_LEN);
}
