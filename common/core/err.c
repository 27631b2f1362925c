/* err: see err.h. */
#include "common/core/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool err_set(struct err *e, const char *format, ...)
{
	char fresh[sizeof e->message]; /* an argument may be the old message */
	va_list ap;
	va_start(ap, format);
	vsnprintf(fresh, sizeof fresh, format, ap);
	va_end(ap);
	memcpy(e->message, fresh, strlen(fresh) + 1);
	return false;
}

bool err_prefix(struct err *e, const char *format, ...)
{
	struct err what;
	va_list ap;
	va_start(ap, format);
	vsnprintf(what.message, sizeof what.message, format, ap);
	va_end(ap);
	return err_set(e, "%s: %s", what.message, e->message);
}
