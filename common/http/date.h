/* date: dates of HTTP (RFC 9110 5.6.7): written as IMF-fixdate, "Sun, 06 Nov 1994 08:49:37 GMT", read in all three
 * forms.
 */
#ifndef COMMON_HTTP_DATE_H
#define COMMON_HTTP_DATE_H

#include "common/core/slice.h"

enum { HTTP_DATE_LEN = 29 };
void http_date(int64_t unix_s, char out[HTTP_DATE_LEN + 1]);
/* The current time, formatted once a second per thread. Valid until the next call on this thread. */
struct slice http_date_now(void);
/* IMF-fixdate, "Sunday, 06-Nov-94 08:49:37 GMT" or "Sun Nov  6 08:49:37 1994". The day of the week is not looked at;
 * years of two digits are those from 1970 to 2069. False when it is no date. */
bool http_date_parse(struct slice text, int64_t *unix_s);

#endif
