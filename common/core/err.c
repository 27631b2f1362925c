/* err: see err.h. */
#include "common/core/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool err_set(struct err *e, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	vsnprintf(e->message, sizeof e->message, format, ap);
	va_end(ap);
	return false;
}

bool err_prefix(struct err *e, const char *format, ...)
{
	char was[sizeof e->message];
	memcpy(was, e->message, sizeof was);

	va_list ap;
	va_start(ap, format);
	int n = vsnprintf(e->message, sizeof e->message, format, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof e->message)
		snprintf(e->message + n, sizeof e->message - (size_t)n, ": %s", was);
	return false;
}
