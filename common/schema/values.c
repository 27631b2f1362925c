/* values: small helpers over jansson that the walkers share; see schema_private.h. */
#include "common/schema/schema_private.h"

#include <math.h>
#include <stdio.h>

#include "common/core/text.h"
#include "common/core/utf8.h"

json_t *value_message(const char *format, ...)
{
	struct text t = {0};
	va_list ap;
	va_start(ap, format);
	text_vprintf(&t, format, ap);
	va_end(ap);

	ptrdiff_t bad = utf8_invalid_at(text_slice(&t));
	json_t *string = json_stringn(text_cstr(&t), bad < 0 ? t.len : (size_t)bad);
	text_fini(&t);
	return string;
}

json_t *value_at(const json_t *object, const char *path)
{
	struct slice rest = slice_cstr(path);
	json_t *at = (json_t *)object;
	while (at && slice_is_set(rest)) {
		struct slice name = slice_cut(&rest, '.');
		at = json_object_getn(at, name.ptr, name.len);
	}
	return at;
}

void value_number(double value, char out[32])
{
	if (value == floor(value) && fabs(value) < 1e15)
		snprintf(out, 32, "%.0f", value);
	else
		snprintf(out, 32, "%.14g", value);
}

void value_make_whole(json_t **value)
{
	if (!json_is_real(*value))
		return;
	double d = json_real_value(*value);
	if (d != floor(d) ||
	        fabs(d) > 9007199254740992.0) /* 2^53: beyond it a double no longer tells whole numbers apart */
		return;
	json_decref(*value);
	*value = json_integer((json_int_t)d);
}

void value_names(const char *const *names, const char *prefix, struct text *out)
{
	for (size_t i = 0; names[i]; i++)
		text_printf(out, "%s'%s%s'", i ? ", " : "", prefix, names[i]);
}
