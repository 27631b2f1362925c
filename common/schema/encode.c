/* encode: see encode.h. One function per kind of member, as in decode.c. */
#include "common/schema/encode.h"

#include <math.h>
#include <stdlib.h>

#include "common/schema/schema_private.h"

static void put_record(const struct schema *s, const void *entity, struct text *out);

static void put_null(struct text *out)
{
	text_put(out, S("null"));
}

static void put_bool(bool value, struct text *out)
{
	text_puts(out, value ? "true" : "false");
}

static void put_json(const json_t *value, struct text *out)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

	if (!text)
		abort();
	text_puts(out, text);
	free(text);
}

static void put_number(double value, struct text *out)
{
	if (value == floor(value) && fabs(value) < 1e15) {
		text_put_int(out, (int64_t)value);
		return;
	}
	json_t *real = json_real(value);
	put_json(real, out);
	json_decref(real);
}

static void put_string(struct slice value, struct text *out)
{
	if (slice_is_set(value))
		text_put_json(out, value);
	else
		put_null(out);
}

static void put_uuid(const struct uuid *id, struct text *out)
{
	char text[UUID_TEXT + 1];

	uuid_format(id, text);
	text_putc(out, '"');
	text_put(out, slice_of(text, UUID_TEXT));
	text_putc(out, '"');
}

static void put_reference(const struct ref *to, struct text *out)
{
	if (!to->set) {
		put_null(out);
		return;
	}
	text_put(out, S("{\"id\":"));
	put_uuid(&to->id, out);
	text_putc(out, '}');
}

/* ---- lists and maps -------------------------------------------------------------------------------------------- */

typedef void (*put_item_fn)(const struct field *f, const void *items, size_t i, struct text *out);

/* items NULL: the list or map is unset. */
static void put_items(const struct field *f, const char *brackets, const void *items, size_t n, put_item_fn put_item,
        struct text *out)
{
	if (!items) {
		put_null(out);
		return;
	}
	text_putc(out, brackets[0]);
	for (size_t i = 0; i < n; i++) {
		if (i)
			text_putc(out, ',');
		put_item(f, items, i, out);
	}
	text_putc(out, brackets[1]);
}

static void put_string_item(const struct field *f, const void *items, size_t i, struct text *out)
{
	put_string(((const struct slice *)items)[i], out);
}

static void put_int_item(const struct field *f, const void *items, size_t i, struct text *out)
{
	text_put_int(out, ((const int64_t *)items)[i]);
}

static void put_number_item(const struct field *f, const void *items, size_t i, struct text *out)
{
	put_number(((const double *)items)[i], out);
}

static void put_record_item(const struct field *f, const void *items, size_t i, struct text *out)
{
	const struct schema *s = f->elements->record;

	put_record(s, (const char *)items + i * s->size, out);
}

static void put_strings(const struct slice_list *list, struct text *out)
{
	put_items(NULL, "[]", list->items, list->len, put_string_item, out);
}

static void put_pair_item(const struct field *f, const void *items, size_t i, struct text *out)
{
	const struct slice_pair *pair = (const struct slice_pair *)items + i;

	put_string(pair->key, out);
	text_putc(out, ':');
	put_string(pair->value, out);
}

static void put_list_pair_item(const struct field *f, const void *items, size_t i, struct text *out)
{
	const struct list_pair *pair = (const struct list_pair *)items + i;

	put_string(pair->key, out);
	text_putc(out, ':');
	put_strings(&pair->values, out);
}

/* ---- members --------------------------------------------------------------------------------------------------- */

static void put_optional_int(const struct opt_int *o, struct text *out)
{
	if (o->set)
		text_put_int(out, o->value);
	else
		put_null(out);
}

static void put_optional_number(const struct opt_num *o, struct text *out)
{
	if (o->set)
		put_number(o->value, out);
	else
		put_null(out);
}

static void put_optional_bool(const struct opt_bool *o, struct text *out)
{
	if (o->set)
		put_bool(o->value, out);
	else
		put_null(out);
}

static void put_optional_json(const json_t *value, struct text *out)
{
	if (value)
		put_json(value, out);
	else
		put_null(out);
}

/* A record that is not there is zeroed, as decoding has left it. */
static bool is_absent(const struct field *f, const char *member)
{
	if (field_is_implied(f))
		return false;
	for (size_t i = 0; i < f->record->size; i++)
		if (member[i])
			return false;
	return true;
}

static void put_nested(const struct field *f, const void *member, struct text *out)
{
	if (is_absent(f, member))
		put_null(out);
	else
		put_record(f->record, member, out);
}

static void put_member(const struct field *f, const void *member, struct text *out)
{
	const struct int_list *ints = member;
	const struct num_list *numbers = member;
	const struct record_list *records = member;
	const struct slice_map *map = member;
	const struct list_map *lists = member;

	switch (f->member) {
	case MEMBER_NONE: put_null(out); break;
	case MEMBER_SLICE: put_string(*(const struct slice *)member, out); break;
	case MEMBER_INT: text_put_int(out, *(const int64_t *)member); break;
	case MEMBER_OPT_INT: put_optional_int(member, out); break;
	case MEMBER_NUM: put_number(*(const double *)member, out); break;
	case MEMBER_OPT_NUM: put_optional_number(member, out); break;
	case MEMBER_BOOL: put_bool(*(const bool *)member, out); break;
	case MEMBER_OPT_BOOL: put_optional_bool(member, out); break;
	case MEMBER_SLICE_LIST: put_strings(member, out); break;
	case MEMBER_INT_LIST: put_items(f, "[]", ints->items, ints->len, put_int_item, out); break;
	case MEMBER_NUM_LIST: put_items(f, "[]", numbers->items, numbers->len, put_number_item, out); break;
	case MEMBER_RECORD_LIST: put_items(f, "[]", records->items, records->len, put_record_item, out); break;
	case MEMBER_SLICE_MAP: put_items(f, "{}", map->items, map->len, put_pair_item, out); break;
	case MEMBER_LIST_MAP: put_items(f, "{}", lists->items, lists->len, put_list_pair_item, out); break;
	case MEMBER_RECORD: put_nested(f, member, out); break;
	case MEMBER_REF: put_reference(member, out); break;
	case MEMBER_UUID: put_uuid(member, out); break;
	case MEMBER_JSON: put_optional_json(*(json_t *const *)member, out); break;
	}
}

/* Opens the object and leaves it open. */
static void put_fields(
        const struct schema *s, const void *entity, const struct schema *sub, const void *config, struct text *out)
{
	char before = '{';

	for_each_field(f, s)
	{
		if (f->flags & WRITE_ONLY || !field_exists(f))
			continue;
		text_putc(out, before);
		before = ',';
		text_putc(out, '"');
		text_puts(out, f->name);
		text_put(out, S("\":"));
		if (f->member == MEMBER_NONE && sub && strcmp(f->name, "config") == 0)
			put_record(sub, config, out);
		else
			put_member(f, field_member(f, entity), out);
	}
	if (before == '{')
		text_putc(out, before);
}

static void put_record(const struct schema *s, const void *entity, struct text *out)
{
	put_fields(s, entity, NULL, NULL, out);
	text_putc(out, '}');
}

void schema_encode(const struct schema *s, const void *entity, const struct schema *sub, const void *config,
        double expires_at, struct text *out)
{
	put_fields(s, entity, sub, config, out);
	if (s->has_ttl) {
		text_put(out, S(",\"" EXPIRY_KEY "\":"));
		put_optional_int(&(struct opt_int){expires_at > 0, (int64_t)expires_at}, out);
	}
	text_putc(out, '}');
}
