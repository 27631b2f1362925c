/* equal: when two values are the same (JSON Schema core 4.2.2): numbers by their value, objects whatever the order of
 * their members. */
#include <math.h>

#include "common/jsonschema/private.h"

static bool is_same_object(const json_t *a, const json_t *b)
{
	const char *key;
	json_t *value;
	if (json_object_size(a) != json_object_size(b))
		return false;
	json_object_foreach((json_t *)a, key, value)
	{
		if (!jsonschema_equal(value, json_object_get(b, key)))
			return false;
	}
	return true;
}

static bool is_same_array(const json_t *a, const json_t *b)
{
	if (json_array_size(a) != json_array_size(b))
		return false;
	for (size_t i = 0; i < json_array_size(a); i++)
		if (!jsonschema_equal(json_array_get(a, i), json_array_get(b, i)))
			return false;
	return true;
}

bool jsonschema_equal(const json_t *a, const json_t *b)
{
	if (!a || !b)
		return false;
	if (json_is_integer(a) && json_is_integer(b))
		return json_integer_value(a) == json_integer_value(b);
	if (json_is_number(a) && json_is_number(b))
		return json_number_value(a) == json_number_value(b);
	if (json_typeof(a) != json_typeof(b))
		return false;
	if (json_is_object(a))
		return is_same_object(a, b);
	return json_is_array(a) ? is_same_array(a, b) : json_equal(a, b);
}

static uint64_t mix(uint64_t h, uint64_t more)
{
	return (h ^ more) * UINT64_C(0x9e3779b97f4a7c15) + (h >> 29);
}

static uint64_t hash_number(const json_t *v)
{
	double d = json_number_value(v);
	uint64_t bits;
	d = d == 0 ? 0 : d; /* -0 */
	memcpy(&bits, &d, sizeof bits);
	return mix(3, bits);
}

/* Equal values have equal hashes. */
static uint64_t hash(const json_t *v)
{
	const char *key;
	json_t *member;
	uint64_t h = (uint64_t)json_typeof(v);
	size_t i;

	if (json_is_number(v))
		return hash_number(v);
	if (json_is_string(v))
		return mix(h, slice_hash(slice_of(json_string_value(v), json_string_length(v))));
	if (json_is_array(v))
		json_array_foreach(v, i, member) h = mix(h, hash(member));
	if (json_is_object(v))
		json_object_foreach((json_t *)v, key, member) h += mix(slice_hash(slice_cstr(key)), hash(member));
	return h;
}

/* Elements with the same hash hang together; there are few of them, unless they are the same. */
struct chained {
	const json_t *value;
	struct chained *next;
};

static bool add_new(struct map *seen, struct arena *a, const json_t *value)
{
	uint64_t h = hash(value);
	struct slice key = slice_of((const char *)&h, sizeof h);
	struct chained *first = map_get(seen, key), *one = arena_new(a, struct chained);

	for (const struct chained *c = first; c; c = c->next)
		if (jsonschema_equal(c->value, value))
			return false;
	*one = (struct chained){value, first};
	map_set(seen, key, one);
	return true;
}

bool jsonschema_is_unique(const json_t *array)
{
	struct map seen = {0};
	struct arena a;
	bool unique = true;

	arena_init(&a);
	for (size_t i = 0; unique && i < json_array_size(array); i++)
		unique = add_new(&seen, &a, json_array_get(array, i));
	map_fini(&seen);
	arena_fini(&a);
	return unique;
}
