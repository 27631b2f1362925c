/* document_refs: names and ids of other entities of the document become references (declarative-config.md 2.2). */
#include "common/model/document_private.h"
#include "common/schema/violations.h"

static struct slice text_of(const json_t *string)
{
	return slice_of(json_string_value(string), json_string_length(string));
}

/* ---- the index ------------------------------------------------------------------------------------------------- */

static void say_taken(struct document *d, struct item *i, const char *what, struct slice value)
{
	if (!i->whole)
		i->whole = arena_printf(&d->arena,
		        "uniqueness violation: '%s' entity with %s set to '%.*s' already declared", i->out.kind->name,
		        what, SLICE_ARG(value))
		                   .ptr;
}

void document_index(struct document *d, struct item *i)
{
	struct item_list *list = &d->lists[kinds_index(i->out.kind)];
	const struct field *key = schema_endpoint_key(i->out.kind);
	const json_t *value = key && (key->flags & UNIQUE) ? json_object_get(i->input, key->name) : NULL;
	struct slice id = slice_of(i->id_text, UUID_TEXT);

	if (map_get(&list->by_id, id))
		say_taken(d, i, "primary key", id);
	else
		map_set(&list->by_id, id, i);
	if (!json_is_string(value))
		return;
	if (map_get(&list->by_key, text_of(value)))
		say_taken(d, i, key->name, key->flags & SECRET ? S("***") : text_of(value));
	else
		map_set(&list->by_key, text_of(value), i);
}

/* By name first, then by id. */
static const struct item *find(const struct document *d, const struct schema *kind, struct slice name)
{
	const struct item_list *list = &d->lists[kinds_index(kind)];
	const struct item *found = map_get(&list->by_key, name);
	struct uuid id;
	char text[UUID_TEXT + 1];

	if (found || !uuid_parse(name, &id))
		return found;
	uuid_format(&id, text);
	return map_get(&list->by_id, slice_of(text, UUID_TEXT));
}

/* ---- references ------------------------------------------------------------------------------------------------ */

static void add_fault(struct item *i, const char *field, json_t *text)
{
	if (!i->faults)
		i->faults = json_object();
	json_object_set_new(i->faults, field, text);
}

/* A nested entity is checked as if it stood alone, where such a field has no place. */
static void say_unresolved(struct item *i, const struct field *f, const json_t *given)
{
	struct text shown = {0};

	if (i->parent) {
		add_fault(i, f->name, json_string("value must be null"));
		return;
	}
	if (json_is_string(given))
		text_put(&shown, text_of(given));
	else if (json_is_string(json_object_get(given, "id")))
		text_put(&shown, text_of(json_object_get(given, "id")));
	else
		violations_braced(given, &shown);
	if (!i->references)
		i->references = json_object();
	json_object_set_new(i->references, f->name,
	        json_sprintf(
	                "invalid reference '%s: %s' (no such entry in '%s')", f->name, text_cstr(&shown), f->ref));
	text_fini(&shown);
}

static void set_reference(json_t *input, const struct field *f, const char *id)
{
	json_object_set_new(input, f->name, json_pack("{s:s}", "id", id));
}

/* A reference that leads nowhere is reported as such; beyond that the entity is judged as if it led somewhere. */
static void resolve(struct document *d, struct item *i, const struct field *f, json_t *input)
{
	const struct schema *kind = kinds_by_name(slice_cstr(f->ref));
	const json_t *given = json_object_get(i->input, f->name), *name = given;

	if (json_is_object(given))
		name = json_object_get(given, "id");
	if (!kind || !given || !(json_is_string(given) || json_is_object(given)))
		return;
	const struct item *to = json_is_string(name) ? find(d, kind, text_of(name)) : NULL;
	if (!to)
		say_unresolved(i, f, given);
	set_reference(input, f, to ? to->id_text : "00000000-0000-0000-0000-000000000001");
}

/* What nesting says must not be contradicted. */
static void set_parent(struct document *d, struct item *i, json_t *input)
{
	const json_t *given = json_object_get(i->input, i->via->name), *name = given;

	if (json_is_object(given))
		name = json_object_get(given, "id");
	if (given && !json_is_null(given) &&
	        (!json_is_string(name) || find(d, i->parent->out.kind, text_of(name)) != i->parent))
		add_fault(i, i->via->name,
		        json_sprintf("must be the one of '%s' that it is nested in, or left out", i->via->ref));
	set_reference(input, i->via, i->parent->id_text);
}

void document_resolve(struct document *d, struct item *i, json_t *input)
{
	for_each_field(f, i->out.kind)
	{
		if (f->type != TYPE_FOREIGN)
			continue;
		if (i->via == f)
			set_parent(d, i, input);
		else
			resolve(d, i, f, input);
	}
}
