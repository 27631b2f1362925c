/* decode: see decode.h. One function per kind of member; the member's kind comes from its C type (FIELD). */
#include "common/schema/decode.h"

#include "common/schema/schema_private.h"

static bool wrong_type(const struct field *f, const json_t *value, struct err *e)
{
	static const char *const names[] = {
	        "an object", "an array", "a string", "an integer", "a number", "true", "false", "null"};
	return err_set(e, "%s: cannot take %s as %s", f->name ? f->name : "element",
	        value ? names[json_typeof(value)] : "nothing", field_type_name(f->type));
}

static decode_secret_fn secret_of;
static void *secret_arg;

void decode_use_secrets(decode_secret_fn fn, void *arg)
{
	secret_of = fn;
	secret_arg = arg;
}

/* f: of the field, the element or the value of a map; it says whether the text may be a reference. */
static struct slice copy_string(const struct field *f, struct arena *a, const json_t *value)
{
	struct slice text = value_slice(value);

	if (secret_of && f && field_is_vault_reference(f, value))
		return secret_of(text, a, secret_arg);
	for (const char *const *word = f ? f->one_of : NULL; word && *word; word++)
		if (slice_eq(text, slice_cstr(*word)))
			return slice_cstr(*word); /* one for all, in place of a copy for each */
	return arena_dup(a, text);
}

/* Room for n zeroed items; for none too, because NULL would mean "unset". */
#define ROOM(a, type, n) arena_array((a), type, (n) ? (n) : 1)

/* ---- lists ----------------------------------------------------------------------------------------------------- */

static bool decode_strings(
        const struct field *f, const json_t *value, struct arena *a, struct slice_list *out, struct err *e)
{
	size_t i;
	json_t *element;
	struct slice *items = ROOM(a, struct slice, json_array_size(value));

	*out = (struct slice_list){items, json_array_size(value)};
	json_array_foreach(value, i, element)
	{
		if (!json_is_string(element))
			return wrong_type(f, element, e);
		items[i] = copy_string(f->elements, a, element);
	}
	return json_is_array(value) || wrong_type(f, value, e);
}

static bool decode_ints(
        const struct field *f, const json_t *value, struct arena *a, struct int_list *out, struct err *e)
{
	size_t i;
	json_t *element;
	int64_t *items = ROOM(a, int64_t, json_array_size(value));

	*out = (struct int_list){items, json_array_size(value)};
	json_array_foreach(value, i, element)
	{
		if (!json_is_integer(element))
			return wrong_type(f, element, e);
		items[i] = json_integer_value(element);
	}
	return json_is_array(value) || wrong_type(f, value, e);
}

static bool decode_numbers(
        const struct field *f, const json_t *value, struct arena *a, struct num_list *out, struct err *e)
{
	size_t i;
	json_t *element;
	double *items = ROOM(a, double, json_array_size(value));

	*out = (struct num_list){items, json_array_size(value)};
	json_array_foreach(value, i, element)
	{
		if (!json_is_number(element))
			return wrong_type(f, element, e);
		items[i] = json_number_value(element);
	}
	return json_is_array(value) || wrong_type(f, value, e);
}

static bool decode_records(
        const struct field *f, const json_t *value, struct arena *a, struct record_list *out, struct err *e)
{
	size_t i;
	json_t *element;
	const struct schema *s = f->elements->record;
	char *items = arena_zalloc(a, s->size * json_array_size(value) + 1);

	*out = (struct record_list){items, json_array_size(value), s->size};
	json_array_foreach(value, i, element) if (!schema_decode(s, element, a, items + i * s->size, e)) return false;
	return json_is_array(value) || wrong_type(f, value, e);
}

/* ---- maps ------------------------------------------------------------------------------------------------------ */

static bool decode_map(
        const struct field *f, const json_t *value, struct arena *a, struct slice_map *out, struct err *e)
{
	struct slice_pair *items = ROOM(a, struct slice_pair, json_object_size(value));
	const char *key;
	json_t *element;

	if (!json_is_object(value))
		return wrong_type(f, value, e);
	*out = (struct slice_map){items, json_object_size(value)};
	json_object_foreach((json_t *)value, key, element)
	{
		if (!json_is_string(element))
			return wrong_type(f, element, e);
		*items++ = (struct slice_pair){arena_dup(a, slice_cstr(key)), copy_string(f->values, a, element)};
	}
	return true;
}

static bool decode_list_map(
        const struct field *f, const json_t *value, struct arena *a, struct list_map *out, struct err *e)
{
	struct list_pair *items = ROOM(a, struct list_pair, json_object_size(value));
	const char *key;
	json_t *element;

	if (!json_is_object(value))
		return wrong_type(f, value, e);
	*out = (struct list_map){items, json_object_size(value)};
	json_object_foreach((json_t *)value, key, element)
	{
		items->key = arena_dup(a, slice_cstr(key));
		if (!decode_strings(f, element, a, &items->values, e))
			return false;
		items++;
	}
	return true;
}

/* ---- single values --------------------------------------------------------------------------------------------- */

static bool decode_string(
        const struct field *f, const json_t *value, struct arena *a, struct slice *out, struct err *e)
{
	*out = copy_string(f, a, value);
	return json_is_string(value) || wrong_type(f, value, e);
}

static bool decode_int(const struct field *f, const json_t *value, int64_t *out, struct err *e)
{
	*out = json_integer_value(value);
	return json_is_integer(value) || wrong_type(f, value, e);
}

static bool decode_number(const struct field *f, const json_t *value, double *out, struct err *e)
{
	*out = json_number_value(value);
	return json_is_number(value) || wrong_type(f, value, e);
}

static bool decode_bool(const struct field *f, const json_t *value, bool *out, struct err *e)
{
	*out = json_is_true(value);
	return json_is_boolean(value) || wrong_type(f, value, e);
}

static bool decode_uuid(const struct field *f, const json_t *value, struct uuid *out, struct err *e)
{
	return uuid_parse(value_slice(value), out) || wrong_type(f, value, e);
}

static bool decode_reference(const struct field *f, const json_t *value, struct ref *out, struct err *e)
{
	out->set = true;
	return decode_uuid(f, json_is_object(value) ? json_object_get(value, "id") : value, &out->id, e);
}

static void drop_json(void *value)
{
	json_decref(value);
}

static bool decode_json(const json_t *value, struct arena *a, json_t **out)
{
	*out = json_incref((json_t *)value);
	arena_defer(a, drop_json, *out);
	return true;
}

static bool decode_member(const struct field *f, const json_t *value, struct arena *a, void *member, struct err *e)
{
	struct opt_int *opt_int = member;
	struct opt_num *opt_num = member;
	struct opt_bool *opt_bool = member;

	switch (f->member) {
	case MEMBER_NONE: return true;
	case MEMBER_SLICE: return decode_string(f, value, a, member, e);
	case MEMBER_INT: return decode_int(f, value, member, e);
	case MEMBER_OPT_INT: opt_int->set = true; return decode_int(f, value, &opt_int->value, e);
	case MEMBER_NUM: return decode_number(f, value, member, e);
	case MEMBER_OPT_NUM: opt_num->set = true; return decode_number(f, value, &opt_num->value, e);
	case MEMBER_BOOL: return decode_bool(f, value, member, e);
	case MEMBER_OPT_BOOL: opt_bool->set = true; return decode_bool(f, value, &opt_bool->value, e);
	case MEMBER_SLICE_LIST: return decode_strings(f, value, a, member, e);
	case MEMBER_INT_LIST: return decode_ints(f, value, a, member, e);
	case MEMBER_NUM_LIST: return decode_numbers(f, value, a, member, e);
	case MEMBER_RECORD_LIST: return decode_records(f, value, a, member, e);
	case MEMBER_SLICE_MAP: return decode_map(f, value, a, member, e);
	case MEMBER_LIST_MAP: return decode_list_map(f, value, a, member, e);
	case MEMBER_RECORD: return schema_decode(f->record, value, a, member, e);
	case MEMBER_REF: return decode_reference(f, value, member, e);
	case MEMBER_UUID: return decode_uuid(f, value, member, e);
	case MEMBER_JSON: return decode_json(value, a, member);
	}
	return true;
}

bool schema_decode(const struct schema *s, const json_t *rendered, struct arena *a, void *out, struct err *e)
{
	memset(out, 0, s->size);
	if (!json_is_object(rendered))
		return err_set(e, "%s: expected an object", s->name);
	for_each_field(f, s)
	{
		const json_t *value = json_object_get(rendered, f->name);
		if (value && !json_is_null(value) && !decode_member(f, value, a, (char *)out + f->offset, e))
			return err_prefix(e, "%s", s->name);
	}
	return true;
}

void *schema_decode_new(const struct schema *s, const json_t *rendered, struct arena *a, struct err *e)
{
	void *out = arena_zalloc(a, s->size);
	return schema_decode(s, rendered, a, out, e) ? out : NULL;
}
