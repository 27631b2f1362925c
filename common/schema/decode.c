/* decode: see decode.h. One small function per kind of member; decode_member() is the switch. */
#include "common/schema/decode.h"

static struct slice text_of(const json_t *v, struct arena *a)
{
	if (!json_is_string(v))
		return (struct slice){NULL, 0};
	return arena_dup(a, slice_of(json_string_value(v), json_string_length(v)));
}

static struct slice_list strings_of(const json_t *v, struct arena *a)
{
	size_t n = json_array_size(v);
	struct slice *items = arena_alloc(a, (n ? n : 1) * sizeof *items);
	for (size_t i = 0; i < n; i++)
		items[i] = text_of(json_array_get(v, i), a);
	return (struct slice_list){items, n};
}

static struct int_list integers_of(const json_t *v, struct arena *a)
{
	size_t n = json_array_size(v);
	int64_t *items = arena_alloc(a, (n ? n : 1) * sizeof *items);
	for (size_t i = 0; i < n; i++)
		items[i] = json_integer_value(json_array_get(v, i));
	return (struct int_list){items, n};
}

static struct num_list numbers_of(const json_t *v, struct arena *a)
{
	size_t n = json_array_size(v);
	double *items = arena_alloc(a, (n ? n : 1) * sizeof *items);
	for (size_t i = 0; i < n; i++)
		items[i] = json_number_value(json_array_get(v, i));
	return (struct num_list){items, n};
}

static struct slice_map map_of(const json_t *v, struct arena *a)
{
	struct slice_pair *items = arena_alloc(a, (json_object_size(v) + 1) * sizeof *items);
	size_t n = 0;
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)v, key, value)
		items[n++] = (struct slice_pair){arena_dup(a, slice_cstr(key)), text_of(value, a)};
	return (struct slice_map){items, n};
}

static struct list_map lists_of(const json_t *v, struct arena *a)
{
	struct list_pair *items = arena_alloc(a, (json_object_size(v) + 1) * sizeof *items);
	size_t n = 0;
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)v, key, value)
		items[n++] = (struct list_pair){arena_dup(a, slice_cstr(key)), strings_of(value, a)};
	return (struct list_map){items, n};
}

static bool records_of(const struct field *f, const json_t *v, struct arena *a, struct record_list *out, struct err *e)
{
	const struct schema *s = f->elements->record;
	size_t n = json_array_size(v);
	char *items = arena_alloc(a, (n ? n : 1) * s->size);
	for (size_t i = 0; i < n; i++)
		if (!schema_decode(s, json_array_get(v, i), a, items + i * s->size, e))
			return false;
	*out = (struct record_list){items, n, s->size};
	return true;
}

static struct ref reference_of(const json_t *v)
{
	const json_t *id = json_object_get(v, "id");
	struct ref r = {.set = false};
	r.set = json_is_string(id) && uuid_parse(slice_of(json_string_value(id), json_string_length(id)), &r.id);
	return r;
}

static bool has_json_type(enum member_kind k, const json_t *v)
{
	switch (k) {
	case MEMBER_SLICE:
	case MEMBER_UUID: return json_is_string(v);
	case MEMBER_INT:
	case MEMBER_OPT_INT: return json_is_integer(v);
	case MEMBER_NUM:
	case MEMBER_OPT_NUM: return json_is_number(v);
	case MEMBER_BOOL:
	case MEMBER_OPT_BOOL: return json_is_boolean(v);
	case MEMBER_SLICE_LIST:
	case MEMBER_INT_LIST:
	case MEMBER_NUM_LIST:
	case MEMBER_RECORD_LIST: return json_is_array(v);
	case MEMBER_SLICE_MAP:
	case MEMBER_LIST_MAP:
	case MEMBER_RECORD:
	case MEMBER_REF: return json_is_object(v);
	default: return true;
	}
}

static void release_json(void *arg)
{
	json_decref(arg);
}

static bool decode_member(const struct field *f, const json_t *v, struct arena *a, void *m, struct err *e)
{
	switch (f->member) {
	case MEMBER_NONE: break;
	case MEMBER_SLICE: *(struct slice *)m = text_of(v, a); break;
	case MEMBER_UUID: return uuid_parse(slice_cstr(json_string_value(v)), m) || err_set(e, "%s: not a UUID", f->name);
	case MEMBER_INT: *(int64_t *)m = json_integer_value(v); break;
	case MEMBER_OPT_INT: *(struct opt_int *)m = (struct opt_int){true, json_integer_value(v)}; break;
	case MEMBER_NUM: *(double *)m = json_number_value(v); break;
	case MEMBER_OPT_NUM: *(struct opt_num *)m = (struct opt_num){true, json_number_value(v)}; break;
	case MEMBER_BOOL: *(bool *)m = json_is_true(v); break;
	case MEMBER_OPT_BOOL: *(struct opt_bool *)m = (struct opt_bool){true, json_is_true(v)}; break;
	case MEMBER_SLICE_LIST: *(struct slice_list *)m = strings_of(v, a); break;
	case MEMBER_INT_LIST: *(struct int_list *)m = integers_of(v, a); break;
	case MEMBER_NUM_LIST: *(struct num_list *)m = numbers_of(v, a); break;
	case MEMBER_RECORD_LIST: return records_of(f, v, a, m, e);
	case MEMBER_SLICE_MAP: *(struct slice_map *)m = map_of(v, a); break;
	case MEMBER_LIST_MAP: *(struct list_map *)m = lists_of(v, a); break;
	case MEMBER_RECORD: return schema_decode(f->record, v, a, m, e);
	case MEMBER_REF: *(struct ref *)m = reference_of(v); break;
	case MEMBER_JSON:
		*(json_t **)m = json_deep_copy(v);
		arena_defer(a, release_json, *(json_t **)m);
		break;
	}
	return true;
}

bool schema_decode(const struct schema *s, const json_t *rendered, struct arena *a, void *out, struct err *e)
{
	memset(out, 0, s->size);
	for_each_field(f, s)
	{
		const json_t *v = json_object_get(rendered, f->name);
		if (!v || json_is_null(v) || f->member == MEMBER_NONE)
			continue;
		if (!has_json_type(f->member, v))
			return err_set(e, "%s.%s: expected %s", s->name, f->name, field_type_name(f->type));
		if (!decode_member(f, v, a, (char *)out + f->offset, e))
			return false;
	}
	return true;
}

void *schema_decode_new(const struct schema *s, const json_t *rendered, struct arena *a, struct err *e)
{
	void *out = arena_zalloc(a, s->size);
	return schema_decode(s, rendered, a, out, e) ? out : NULL;
}
