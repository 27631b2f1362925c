/* date_parse: http_date_parse() of date.h. Everything stands at fixed places: no libc, no locale. */
#include "common/http/date.h"

/* n digits; -1: something else is there. */
static int number(const char *at, int n)
{
	int value = 0;
	for (int i = 0; i < n; i++) {
		if (at[i] < '0' || at[i] > '9')
			return -1;
		value = value * 10 + at[i] - '0';
	}
	return value;
}

/* 0: none. */
static int month(const char *at)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	for (int i = 0; i < 12; i++)
		if (memcmp(names + 3 * i, at, 3) == 0)
			return i + 1;
	return 0;
}

/* "08:49:37" in seconds; -1: no time. A leap second is one. */
static int time_of_day(const char *at)
{
	int h = number(at, 2), m = number(at + 3, 2), s = number(at + 6, 2);
	if (at[2] != ':' || at[5] != ':' || h < 0 || h > 23 || m < 0 || m > 59 || s < 0 || s > 60)
		return -1;
	return h * 3600 + m * 60 + s;
}

static int days_of(int m, int year)
{
	static const char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	return days[m - 1] + (m == 2 && is_leap);
}

/* The inverse of civil() in date.c: days since 1970-01-01, with years that begin in March. */
static int64_t days_since_1970(int year, int m, int day)
{
	int64_t y = year - (m <= 2), era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
	int of_year = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + day - 1;
	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool put_together(int year, int m, int day, int seconds, int64_t *unix_s)
{
	if (year < 0 || m == 0 || day < 1 || day > days_of(m, year) || seconds < 0)
		return false;
	*unix_s = days_since_1970(year, m, day) * 86400 + seconds;
	return true;
}

/* "06 Nov 1994 08:49:37 GMT" */
static bool parse_fixdate(struct slice s, int64_t *unix_s)
{
	const char *at = s.ptr;
	return s.len == 24 && at[2] == ' ' && at[6] == ' ' && at[11] == ' ' && memcmp(at + 20, " GMT", 4) == 0 &&
	       put_together(number(at + 7, 4), month(at + 3), number(at, 2), time_of_day(at + 12), unix_s);
}

/* "06-Nov-94 08:49:37 GMT" */
static bool parse_rfc850(struct slice s, int64_t *unix_s)
{
	const char *at = s.ptr;
	if (s.len != 22 || at[2] != '-' || at[6] != '-' || at[9] != ' ' || memcmp(at + 18, " GMT", 4) != 0)
		return false;
	int year = number(at + 7, 2);
	year = year < 0 ? year : year < 70 ? year + 2000 : year + 1900;
	return put_together(year, month(at + 3), number(at, 2), time_of_day(at + 10), unix_s);
}

/* "Sun Nov  6 08:49:37 1994" */
static bool parse_asctime(struct slice s, int64_t *unix_s)
{
	const char *at = s.ptr;
	if (s.len != 24 || at[3] != ' ' || at[7] != ' ' || at[10] != ' ' || at[19] != ' ')
		return false;
	int day = at[8] == ' ' ? number(at + 9, 1) : number(at + 8, 2);
	return put_together(number(at + 20, 4), month(at + 4), day, time_of_day(at + 11), unix_s);
}

bool http_date_parse(struct slice text, int64_t *unix_s)
{
	ptrdiff_t comma = slice_find(text, ',');

	if (comma < 0)
		return parse_asctime(text, unix_s);
	struct slice rest = slice_trim(slice_from(text, (size_t)comma + 1));
	return parse_fixdate(rest, unix_s) || parse_rfc850(rest, unix_s);
}
