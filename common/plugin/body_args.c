/* body_args: arguments of a request body, whatever way it is encoded (plugins.md 0.7). Read once per request, when a
 * plugin first asks. A body that cannot be read has no arguments, as one of another type has none. */
#include <jansson.h>

#include "common/http/form_write.h"
#include "common/plugin/args.h"
#include "common/plugin/json_body.h"
#include "common/plugin/plugin.h"

struct body_args {
	enum { BODY_OPAQUE, BODY_URLENCODED, BODY_MULTIPART, BODY_JSON } form;
	struct form parts; /* BODY_MULTIPART */
	json_t *json;      /* BODY_JSON: an object */
};

static void free_json(void *json)
{
	json_decref(json);
}

static void read_json(struct call *c, struct body_args *b)
{
	json_t *json;
	if (json_body_parse(c->x->body, &json) != JSON_BODY_OK)
		return;
	arena_defer(c->x->arena, free_json, json);
	if (!json_is_object(json))
		return;
	b->form = BODY_JSON;
	b->json = json;
}

static void read_parts(struct call *c, struct body_args *b, struct slice type)
{
	struct err ignored;
	if (form_parse_multipart(c->x->arena, type, c->x->body, &b->parts, &ignored))
		b->form = BODY_MULTIPART;
}

static bool is_type(struct slice type, struct slice wanted)
{
	return type.len >= wanted.len && slice_ieq(slice_of(type.ptr, wanted.len), wanted);
}

static struct body_args *read_body(struct call *c)
{
	if (c->x->body_args)
		return c->x->body_args;
	struct body_args *b = c->x->body_args = arena_new(c->x->arena, struct body_args);
	struct slice type = call_header(c, S("Content-Type"), NULL);
	if (c->x->body.len == 0)
		return b;
	if (is_type(type, S("application/x-www-form-urlencoded")))
		b->form = BODY_URLENCODED;
	else if (is_type(type, S("multipart/form-data")))
		read_parts(c, b, type);
	else if (is_type(type, S("application/json")))
		read_json(c, b);
	return b;
}

/* ---- reading --------------------------------------------------------------------------------------------------- */

static struct slice part_get(const struct form *parts, struct slice name, size_t *count)
{
	struct slice first = {NULL, 0};
	*count = 0;
	for (size_t i = 0; i < parts->count && i < CALL_MAX_ARGS; i++) {
		if (!slice_eq(parts->fields[i].name, name))
			continue;
		if (!slice_is_set(first))
			first = parts->fields[i].value;
		++*count;
	}
	return first;
}

/* The value is copied: the object may lose it, see call_remove_body_arg(). */
static struct slice member_get(struct arena *a, const json_t *object, struct slice name, size_t *count)
{
	const json_t *v = json_object_getn(object, name.ptr, name.len);
	*count = json_is_array(v) || json_is_object(v) ? 2 : v != NULL;
	if (!json_is_string(v))
		return slice_of(NULL, 0);
	return arena_dup(a, slice_of(json_string_value(v), json_string_length(v)));
}

struct slice call_body_arg(struct call *c, struct slice name, size_t *count)
{
	const struct body_args *b = read_body(c);
	size_t ignored;
	if (!count)
		count = &ignored;
	*count = 0;
	switch (b->form) {
	case BODY_URLENCODED: return args_get(c->x->arena, c->x->body, name, count);
	case BODY_MULTIPART: return part_get(&b->parts, name, count);
	case BODY_JSON: return member_get(c->x->arena, b->json, name, count);
	case BODY_OPAQUE: break;
	}
	return slice_of(NULL, 0);
}

/* ---- removing -------------------------------------------------------------------------------------------------- */

static void take_body(struct call *c, struct text *body)
{
	call_set_body(c, arena_dup(c->x->arena, text_slice(body)));
	text_fini(body);
}

static void member_remove(struct call *c, json_t *object, struct slice name)
{
	if (json_object_deln(object, name.ptr, name.len) == 0)
		call_set_body_json(c, object);
}

static bool has_part(const struct form *parts, struct slice name)
{
	for (size_t i = 0; i < parts->count; i++)
		if (slice_eq(parts->fields[i].name, name))
			return true;
	return false;
}

static void part_remove(struct call *c, const struct form *parts, struct slice name)
{
	struct form kept = {arena_array(c->x->arena, struct form_field, parts->count + 1), 0};
	struct text out = {0};
	struct slice type;

	for (size_t i = 0; i < parts->count; i++)
		if (!slice_eq(parts->fields[i].name, name))
			kept.fields[kept.count++] = parts->fields[i];
	form_write_multipart(c->x->arena, &kept, &out, &type);
	call_set_header(c, S("Content-Type"), type);
	take_body(c, &out);
}

void call_remove_body_arg(struct call *c, struct slice name)
{
	const struct body_args *b = read_body(c);
	if (b->form == BODY_URLENCODED) {
		struct slice kept = args_remove(c->x->arena, c->x->body, name);
		if (kept.ptr != c->x->body.ptr)
			call_set_body(c, kept);
	} else if (b->form == BODY_MULTIPART && has_part(&b->parts, name)) {
		part_remove(c, &b->parts, name);
	} else if (b->form == BODY_JSON) {
		member_remove(c, b->json, name);
	}
}

/* ---- the whole ------------------------------------------------------------------------------------------------- */

struct arg_list call_form_args(struct call *c)
{
	if (read_body(c)->form == BODY_URLENCODED)
		return args_list(c->x->arena, c->x->body);
	return (struct arg_list){arena_new(c->x->arena, struct arg), 0};
}

json_t *call_body_json(struct call *c)
{
	if (read_body(c)->form == BODY_JSON)
		return read_body(c)->json;
	json_t *json;
	if (json_body_parse(c->x->body, &json) == JSON_BODY_OK)
		arena_defer(c->x->arena, free_json, json);
	return json;
}

void call_set_form_args(struct call *c, const struct arg_list *args)
{
	call_set_body(c, args_text(c->x->arena, args));
}

void call_set_body_json(struct call *c, const json_t *json)
{
	call_set_body(c, args_json(c->x->arena, json));
}
