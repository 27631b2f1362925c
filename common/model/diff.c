/* diff: see diff.h. */
#include "common/model/diff.h"

#include <stdlib.h>

#include "common/core/text.h"
#include "common/crypto/digest.h"
#include "common/schema/load.h"

enum { HASH_BYTES = 4, NESTING_MAX = 16 };

struct diff {
	json_t *out;
	struct slice salt;
	struct text path; /* dotted, of the record that is looked at; ends in a dot unless empty */
	unsigned depth;
};

/* ---- values as they may be shown ------------------------------------------------------------------------------- */

static json_t *shown(const struct diff *d, const struct field *f, const json_t *value);

static json_t *hashed(const struct diff *d, const json_t *value)
{
	unsigned char digest[SHA256_SIZE];
	char hex[2 * HASH_BYTES + 1];
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);

	digest_hmac_sha256(d->salt, slice_cstr(text ? text : ""), digest);
	digest_hex(digest, HASH_BYTES, hex);
	free(text);
	return json_sprintf("*** (%s)", hex);
}

static json_t *shown_record(const struct diff *d, const struct schema *s, const json_t *record)
{
	json_t *out = json_object();

	for_each_field(f, s)
	{
		const json_t *value = json_object_get(record, f->name);
		if (value)
			json_object_set_new(out, f->name, shown(d, f, value));
	}
	return out;
}

static json_t *shown_list(const struct diff *d, const struct field *elements, const json_t *list)
{
	json_t *out = json_array(), *element;
	size_t i;

	json_array_foreach((json_t *)list, i, element) json_array_append_new(out, shown(d, elements, element));
	return out;
}

static json_t *shown_map(const struct diff *d, const struct field *values, const json_t *map)
{
	json_t *out = json_object(), *value;
	const char *key;

	json_object_foreach((json_t *)map, key, value) json_object_set_new(out, key, shown(d, values, value));
	return out;
}

static json_t *shown(const struct diff *d, const struct field *f, const json_t *value)
{
	if (!value || json_is_null(value))
		return json_null();
	if (f->flags & SECRET)
		return hashed(d, value);
	if (f->record && json_is_object(value))
		return shown_record(d, f->record, value);
	if (f->elements && json_is_array(value))
		return shown_list(d, f->elements, value);
	if (f->values && json_is_object(value))
		return shown_map(d, f->values, value);
	return json_deep_copy(value);
}

/* ---- comparing ------------------------------------------------------------------------------------------------- */

static void walk(
        struct diff *d, const struct schema *s, const struct schema *sub, const json_t *from, const json_t *to);

static bool is_null(const json_t *value)
{
	return !value || json_is_null(value);
}

static bool is_same(const json_t *a, const json_t *b)
{
	return (is_null(a) && is_null(b)) || json_equal((json_t *)a, (json_t *)b);
}

/* Is there nothing on either side but a record, to be taken apart? */
static bool is_record(const struct schema *record, const json_t *a, const json_t *b)
{
	return record && (is_null(a) || json_is_object(a)) && (is_null(b) || json_is_object(b));
}

static void descend(struct diff *d, const char *name, const struct schema *record, const json_t *a, const json_t *b)
{
	size_t len = d->path.len;

	if (d->depth == NESTING_MAX) /* no table is that deep */
		return;
	d->depth++;
	text_printf(&d->path, "%s.", name);
	walk(d, record, NULL, a, b);
	d->path.len = len;
	d->path.ptr[len] = '\0';
	d->depth--;
}

static void add(struct diff *d, const char *name, json_t *from, json_t *to)
{
	json_t *line = json_object();

	json_object_set_new(line, "field", json_sprintf("%s%s", text_cstr(&d->path), name));
	json_object_set_new(line, "from", from);
	json_object_set_new(line, "to", to);
	json_array_append_new(d->out, line);
}

static void walk(
        struct diff *d, const struct schema *s, const struct schema *sub, const json_t *from, const json_t *to)
{
	for_each_field(f, s)
	{
		const json_t *a = json_object_get(from, f->name), *b = json_object_get(to, f->name);
		const struct schema *record = sub && strcmp(f->name, "config") == 0 ? sub : f->record;
		if (is_same(a, b) || (f->flags & UPDATED) || (d->depth == 0 && strcmp(f->name, "id") == 0))
			continue;
		if (is_record(record, a, b) && !(f->flags & SECRET))
			descend(d, f->name, record, a, b);
		else
			add(d, f->name, shown(d, f, a), shown(d, f, b));
	}
}

json_t *diff_fields(const struct schema *kind, const json_t *from, const json_t *to, struct slice salt)
{
	static const struct field expiry = {.name = "expires_at"}; /* no table has it: clients see ttl */
	struct diff d = {.out = json_array(), .salt = salt};
	const json_t *a = json_object_get(from, expiry.name), *b = json_object_get(to, expiry.name);

	walk(&d, kind, schema_subschema(kind, to ? to : from), from, to);
	if (kind->has_ttl && !is_same(a, b))
		add(&d, expiry.name, shown(&d, &expiry, a), shown(&d, &expiry, b));
	text_fini(&d.path);
	return d.out;
}

const char *diff_name(const struct schema *kind, const json_t *record)
{
	const struct field *key = schema_endpoint_key(kind);
	const char *name = json_string_value(json_object_get(record, "name"));

	if (name || !key || (key->flags & SECRET))
		return name;
	return json_string_value(json_object_get(record, key->name));
}
