/* number: see number.h. Called by the Admin API and the status listener. */
#include "common/core/number.h"

#include <math.h>
#include <stdlib.h>

bool number_parse(struct slice text, double *out)
{
	char copy[64], *end;
	struct slice s = slice_trim(text);

	if (s.len == 0 || s.len >= sizeof copy || slice_find(s, '\0') >= 0)
		return false;
	memcpy(copy, s.ptr, s.len);
	copy[s.len] = '\0';
	*out = strtod(copy, &end);
	return *end == '\0' && isfinite(*out);
}
