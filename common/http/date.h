/* date: IMF-fixdate (RFC 9110 5.6.7), "Sun, 06 Nov 1994 08:49:37 GMT". */
#ifndef COMMON_HTTP_DATE_H
#define COMMON_HTTP_DATE_H

#include "common/core/slice.h"

enum { HTTP_DATE_LEN = 29 };
void http_date(int64_t unix_s, char out[HTTP_DATE_LEN + 1]);
/* The current time, formatted once a second per thread. Valid until the next call on this thread. */
struct slice http_date_now(void);

#endif
