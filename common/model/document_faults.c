/* document_faults: what is wrong with a document, in the three forms of declarative-config.md 5: the tree, the flat
 * list, the text. */
#include "common/model/document_private.h"
#include "common/schema/violations.h"

static bool has_own_faults(const struct item *i)
{
	return i->whole || i->faults;
}

static bool is_faulty(const struct item *i)
{
	return has_own_faults(i) || i->late || i->references;
}

typedef void (*item_fn)(const struct item *i, void *arg);

static void each_item(const struct document *d, item_fn fn, void *arg)
{
	for (size_t k = 0; k < kinds_count(); k++)
		for (size_t n = 0; n < d->lists[k].len; n++)
			fn(d->lists[k].items[n], arg);
}

/* What the entity is called; NULL: nothing. */
static const char *name_of(const struct item *i)
{
	const struct field *key = schema_endpoint_key(i->out.kind);
	return key && !(key->flags & SECRET) ? json_string_value(json_object_get(i->input, key->name)) : NULL;
}

/* ---- the tree -------------------------------------------------------------------------------------------------- */

static json_t *list_in(json_t *node, const char *key)
{
	json_t *list = json_object_get(node, key);

	if (!json_is_array(list)) {
		list = json_array();
		json_object_set_new(node, key, list);
	}
	return list;
}

static json_t *element_at(json_t *list, size_t index)
{
	while (json_array_size(list) <= index)
		json_array_append_new(list, json_null());
	return json_array_get(list, index);
}

/* The node of an item, an object; what is wrong with an entity as such is a plain text unless there is more to say.
 */
static json_t *node_of(json_t *tree, const struct item *i)
{
	json_t *list = list_in(i->parent ? node_of(tree, i->parent) : tree, i->out.kind->name);
	json_t *node = element_at(list, i->index), *object;

	if (json_is_object(node))
		return node;
	object = json_is_string(node) ? json_pack("{s:[O]}", "@entity", node) : json_object();
	json_array_set_new(list, i->index, object);
	return object;
}

static void add_to_tree(const struct item *i, void *arg)
{
	json_t *tree = arg;

	if (i->whole && !i->faults) {
		json_t *list = list_in(i->parent ? node_of(tree, i->parent) : tree, i->out.kind->name);
		element_at(list, i->index);
		json_array_set_new(list, i->index, json_string(i->whole));
	} else if (i->faults) {
		json_t *node = node_of(tree, i), *copy = json_deep_copy(i->faults);
		json_object_update(node, copy);
		if (i->whole)
			json_array_append_new(list_in(node, "@entity"), json_string(i->whole));
		json_decref(copy);
	}
}

/* By name, not by place: found when places are no longer known, in the program that we stand in for. */
static void add_late(const struct item *i, void *arg)
{
	json_t *of_kind = json_object_get(arg, i->out.kind->name), *text;
	const char *field, *key = name_of(i) ? name_of(i) : i->id_text;

	if (!i->late && !i->references)
		return;
	if (!of_kind) {
		of_kind = json_object();
		json_object_set_new(arg, i->out.kind->name, of_kind);
	}
	if (i->late) {
		json_object_set_new(of_kind, key, json_string(i->late));
		return;
	}
	json_t *texts = json_array();
	json_object_foreach(i->references, field, text) json_array_append(texts, text);
	json_object_set_new(of_kind, key, texts);
}

json_t *document_fault_tree(const struct document *d)
{
	json_t *tree = json_deep_copy(d->top);

	each_item(d, add_to_tree, tree);
	if (json_object_size(tree) == 0)
		each_item(d, add_late, tree);
	return tree;
}

void document_fault_message(const json_t *tree, struct text *out)
{
	text_puts(out, "declarative config is invalid: ");
	violations_braced(tree, out);
}

/* ---- the flat list --------------------------------------------------------------------------------------------- */

typedef void (*fault_fn)(const char *field, const char *message, void *arg); /* field NULL: of the entity */

/* Calls fn for every text below value; path is where that is, and as it was afterwards. */
static void each_text(const json_t *value, struct text *path, fault_fn fn, void *arg)
{
	size_t i, len = path->len;
	const char *key;
	json_t *member;

	if (json_is_string(value))
		fn(len > 0 ? text_cstr(path) : NULL, json_string_value(value), arg);
	json_array_foreach(value, i, member)
	{
		text_printf(path, "%s%zu", len > 0 ? "." : "", i + 1);
		each_text(member, path, fn, arg);
		path->ptr[path->len = len] = '\0';
	}
	json_object_foreach((json_t *)value, key, member)
	{
		if (strcmp(key, "@entity") == 0) {
			json_t *text;
			json_array_foreach(member, i, text) fn(NULL, json_string_value(text), arg);
			continue;
		}
		text_printf(path, "%s%s", len > 0 ? "." : "", key);
		each_text(member, path, fn, arg);
		path->ptr[path->len = len] = '\0';
	}
}

static void each_fault(const struct item *i, fault_fn fn, void *arg)
{
	struct text path = {0};

	text_reserve(&path, 1);
	if (i->whole)
		fn(NULL, i->whole, arg);
	if (i->late)
		fn(NULL, i->late, arg);
	if (i->faults)
		each_text(i->faults, &path, fn, arg);
	if (i->references)
		each_text(i->references, &path, fn, arg);
	text_fini(&path);
}

static void add_error(const char *field, const char *message, void *arg)
{
	json_t *error = json_pack("{s:s, s:s}", "type", field ? "field" : "entity", "message", message);

	if (field)
		json_object_set_new(error, "field", json_string(field));
	json_array_append_new(arg, error);
}

static bool is_list_of_strings(const json_t *value)
{
	for (size_t i = 0; i < json_array_size(value); i++)
		if (!json_is_string(json_array_get(value, i)))
			return false;
	return json_is_array(value);
}

/* The input without what is nested in it; other entities by their id alone. */
static json_t *entity_of(const struct item *i)
{
	json_t *entity = i->input ? json_copy(i->input) : json_object();

	for_each_field(f, i->out.kind)
	{
		const json_t *id = json_object_get(json_object_get(entity, f->name), "id");
		if (f->type == TYPE_FOREIGN && id)
			json_object_set_new(entity, f->name, json_pack("{s:O}", "id", id));
	}
	if (i->via && i->parent->id_text[0])
		json_object_set_new(entity, i->via->name, json_pack("{s:s}", "id", i->parent->id_text));
	return entity;
}

static json_t *type_of(const struct schema *kind)
{
	size_t len = strlen(kind->name);
	return json_stringn(kind->name, kind->name[len - 1] == 's' ? len - 1 : len);
}

static void add_to_list(const struct item *i, void *arg)
{
	const char *name = json_string_value(json_object_get(i->input, "name"));
	const char *id = json_string_value(json_object_get(i->input, "id"));
	json_t *tags = json_object_get(i->input, "tags"), *errors = json_array();

	if (!is_faulty(i)) {
		json_decref(errors);
		return;
	}
	each_fault(i, add_error, errors);
	json_t *out = json_pack(
	        "{s:o, s:o, s:o}", "entity_type", type_of(i->out.kind), "entity", entity_of(i), "errors", errors);
	if (name && *name)
		json_object_set_new(out, "entity_name", json_string(name));
	if (id ? is_uuid(slice_cstr(id)) : i->whole && i->id_text[0])
		json_object_set_new(out, "entity_id", json_string(id ? id : i->id_text));
	if (is_list_of_strings(tags))
		json_object_set(out, "entity_tags", tags);
	json_array_append_new(arg, out);
}

json_t *document_fault_list(const struct document *d, json_t **rest)
{
	json_t *list = json_array();

	*rest = json_deep_copy(d->top);
	each_item(d, add_to_list, list);
	return list;
}

/* ---- the text -------------------------------------------------------------------------------------------------- */

struct telling {
	const struct document *d;
	const struct item *item;
	struct document_lines lines;
	struct text *out;
	const struct schema *kind; /* whose heading is written */
};

static void put_line(struct text *out, unsigned line)
{
	if (line > 0)
		text_printf(out, " (line %u)", line);
	text_putc(out, '\n');
}

static void tell_fault(const char *field, const char *message, void *arg)
{
	struct telling *t = arg;

	if (field)
		text_printf(t->out, "    in '%s': %s", field, message);
	else
		text_printf(t->out, "    %s", message);
	put_line(t->out, document_line(&t->lines, t->d, t->item, field));
}

static void put_place(struct text *out, const struct item *i)
{
	text_printf(out, "entry %zu of '%s'", i->index + 1, i->out.kind->name);
	if (name_of(i))
		text_printf(out, " \"%s\"", name_of(i));
	if (i->parent) {
		text_puts(out, " of ");
		put_place(out, i->parent);
	}
}

static void tell_item(const struct item *i, void *arg)
{
	struct telling *t = arg;

	if (!is_faulty(i))
		return;
	if (t->kind != i->out.kind)
		text_printf(t->out, "in '%s':\n", i->out.kind->name);
	t->kind = i->out.kind;
	t->item = i;
	text_puts(t->out, "  - in ");
	put_place(t->out, i);
	text_puts(t->out, ":\n");
	each_fault(i, tell_fault, t);
}

void document_fault_text(const struct document *d, struct text *out)
{
	struct telling t = {.d = d, .out = out};
	const char *key;
	json_t *text;

	json_object_foreach(d->top, key, text)
	{
		text_printf(out, "in '%s': %s", key, json_string_value(text));
		put_line(out, document_top_line(&t.lines, d, key));
	}
	each_item(d, tell_item, &t);
	document_lines_fini(&t.lines);
}
