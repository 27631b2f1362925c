/* ttl: see ttl.h. Called by crud around schema_load(), to which an expiry is no field. */
#include "cp/admin/ttl.h"

#include <math.h>

#include "common/core/clock.h"
#include "cp/admin/errors.h"
#include "cp/admin/number.h"

enum { TTL_MAX = 100000000 };

static bool number_of(const json_t *value, double *out)
{
	if (json_is_number(value)) {
		*out = json_number_value(value);
		return true;
	}
	return json_is_string(value) &&
	       admin_number(slice_of(json_string_value(value), json_string_length(value)), out);
}

bool admin_ttl_take(struct admin_call *c, const struct schema *kind, json_t *input, struct admin_ttl *out)
{
	const json_t *value = kind->has_ttl ? json_object_get(input, "ttl") : NULL;
	double seconds = 0;

	*out = (struct admin_ttl){.given = value && !json_is_null(value)};
	if (out->given &&
	        (!number_of(value, &seconds) || seconds < 0 || seconds > TTL_MAX || floor(seconds) != seconds)) {
		admin_bad_option(c, "ttl", "must be an integer between 0 and 100000000");
		return false;
	}
	out->seconds = (int64_t)seconds;
	if (value)
		json_object_del(input, "ttl");
	return true;
}

void admin_ttl_store(const struct schema *kind, json_t *record, const json_t *existing, const struct admin_ttl *ttl)
{
	json_t *kept = json_object_get(existing, "expires_at");

	if (!kind->has_ttl)
		return;
	json_object_del(record, "ttl");
	if (ttl->given && ttl->seconds > 0)
		json_object_set_new(
		        record, "expires_at", json_real((double)clock_wall_ms() / 1000 + (double)ttl->seconds));
	else if (!ttl->given && kept)
		json_object_set(record, "expires_at", kept);
	else
		json_object_del(record, "expires_at");
}

void admin_ttl_render(const struct schema *kind, const json_t *row, json_t *rendered)
{
	const json_t *expires_at = json_object_get(row, "expires_at");

	if (!kind->has_ttl)
		return;
	json_object_del(rendered, "expires_at");
	if (json_is_number(expires_at)) {
		double left = ceil(json_number_value(expires_at) - (double)clock_wall_ms() / 1000);
		json_object_set_new(rendered, "ttl", json_integer(left > 0 ? (json_int_t)left : 0));
	} else {
		json_object_set_new(rendered, "ttl", json_null());
	}
}
