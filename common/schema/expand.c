/* expand: the first step of a load. Keys that exist on input only (shorthands, deprecated aliases) become what they
 * stand for, in nested records too; then the kind's own couplings are applied. Called by load.c and the Admin API. */
#include "common/schema/schema_private.h"

/* ---- aliases (entities.md 1.7) --------------------------------------------------------------------------------- */

static json_t *type_error(const struct shorthand *sh, const json_t *value)
{
	struct field f = {.type = sh->type};
	json_t *copy = json_deep_copy(value);
	json_t *error = types_check(&f, &copy, false);
	json_decref(copy);
	return error;
}

/* Values as the mismatch message shows them: strings without quotes. */
static void put_shown(const json_t *value, struct text *out)
{
	if (json_is_string(value))
		text_puts(out, json_string_value(value));
	else
		violations_braced(value, out);
}

static json_t *mismatch(const struct shorthand *sh, const json_t *old, const json_t *new)
{
	struct text t = {0};
	text_printf(&t, "both deprecated and new field are used but their values mismatch: %s = ", sh->name);
	put_shown(old, &t);
	text_printf(&t, " vs %s = ", sh->replaced_by);
	put_shown(new, &t);
	json_t *error = value_message("%s", text_cstr(&t));
	text_fini(&t);
	return error;
}

/* The object that holds the last name of path; made on the way. *last gets that name. NULL when something else is
 * there. */
static json_t *holder_of(json_t *object, const char *path, struct slice *last)
{
	struct slice rest = slice_cstr(path);
	*last = slice_cut(&rest, '.');
	while (slice_is_set(rest)) {
		json_t *child = json_object_getn(object, last->ptr, last->len);
		if (!child || json_is_null(child)) {
			child = json_object();
			json_object_setn_new(object, last->ptr, last->len, child);
		}
		if (!json_is_object(child))
			return NULL;
		object = child;
		*last = slice_cut(&rest, '.');
	}
	return object;
}

static json_t *apply_alias(const struct shorthand *sh, json_t *object, json_t *value)
{
	struct slice last;
	json_t *holder = holder_of(object, sh->replaced_by, &last);
	if (!holder)
		return NULL; /* the new field is not a record: its own error will say so */

	json_t *new = json_object_getn(holder, last.ptr, last.len);
	if (new && !json_is_null(new) && !json_is_null(value) && !json_equal(new, value))
		return mismatch(sh, value, new);
	if (!new || json_is_null(new))
		json_object_setn(holder, last.ptr, last.len, value);
	return NULL;
}

static json_t *apply_shorthand(const struct shorthand *sh, json_t *object, json_t *value)
{
	struct err e;
	json_t *error = type_error(sh, value);
	if (error)
		return error;
	if (sh->replaced_by)
		return apply_alias(sh, object, value);
	if (json_is_null(value))
		return NULL;
	return sh->expand(object, value, &e) ? NULL : value_message("%s", e.message);
}

/* ---- records --------------------------------------------------------------------------------------------------- */

static json_t *expand_record(const struct schema *s, const struct schema *sub, json_t *record);

static void note(json_t **errors, const char *name, json_t *error)
{
	if (!error)
		return;
	if (!*errors)
		*errors = json_object();
	json_object_set_new(*errors, name, error);
}

static void expand_nested(const struct schema *s, const struct schema *sub, json_t *record, json_t **errors)
{
	for_each_field(declared, s)
	{
		struct field room;
		const struct field *f = field_with_sub(declared, sub, &room);
		json_t *value = json_object_get(record, f->name);
		if (f->type == TYPE_RECORD && f->record && json_is_object(value))
			note(errors, f->name, expand_record(f->record, NULL, value));
	}
}

static json_t *expand_record(const struct schema *s, const struct schema *sub, json_t *record)
{
	json_t *errors = NULL;

	for (const struct shorthand *sh = s->shorthands; sh && sh->name; sh++) {
		json_t *value = json_incref(json_object_get(record, sh->name));
		if (value) {
			json_object_del(record, sh->name);
			note(&errors, sh->name, apply_shorthand(sh, record, value));
		}
		json_decref(value);
	}
	expand_nested(s, sub, record, &errors);
	if (!errors && s->adjust)
		s->adjust(record);
	return errors;
}

json_t *expand_with(const struct schema *s, const struct schema *sub, const json_t *input, struct violations *v)
{
	json_t *record = json_deep_copy(input);
	v->fields = expand_record(s, sub, record);
	if (!v->fields)
		return record;
	json_decref(record);
	return NULL;
}

json_t *schema_expand(const struct schema *s, const json_t *input, struct violations *v)
{
	return expand_with(s, schema_subschema(s, input), input, v);
}
