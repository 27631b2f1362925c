/* document_walk: which entities a document holds, at the top and nested in others (declarative-config.md 1 and 2.1).
 */
#include <stdlib.h>

#include "common/model/document_private.h"

/* ---- keys at the top ------------------------------------------------------------------------------------------- */

static void top_fault(struct document *d, const char *key, const char *text)
{
	json_object_set_new(d->top, key, json_string(text));
}

static void read_format_version(struct document *d)
{
	static const struct {
		const char *name;
		int version;
	} known[] = {{"1.1", 11}, {"2.1", 21}, {"3.0", 30}};
	const json_t *value = json_object_get(d->root, "_format_version");

	if (!value || json_is_null(value))
		top_fault(d, "_format_version", "required field missing");
	else if (!json_is_string(value))
		top_fault(d, "_format_version", "expected a string");
	for (size_t i = 0; json_is_string(value) && i < 3; i++)
		if (strcmp(json_string_value(value), known[i].name) == 0)
			d->version = known[i].version;
	if (json_is_string(value) && d->version == 0)
		top_fault(d, "_format_version", "expected one of: 1.1, 2.1, 3.0");
}

static void read_transform(struct document *d)
{
	const json_t *value = json_object_get(d->root, "_transform");

	if (value && !json_is_null(value) && !json_is_boolean(value))
		top_fault(d, "_transform", "expected a boolean");
	d->transform = !json_is_false(value);
}

/* What other programs write for themselves. */
static void read_workspace(struct document *d)
{
	const json_t *value = json_object_get(d->root, "_workspace");
	const char *name = json_string_value(value);

	if (value && !json_is_null(value) && (!name || (*name && strcmp(name, "default") != 0)))
		top_fault(d, "_workspace", "there is only the workspace 'default'");
}

static bool is_one_of(const char *key, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(*words, key) == 0)
			return true;
	return false;
}

static const char *const comments[] = {"_comment", "_ignore", NULL};
static const char *const own_keys[] = {"_format_version", "_transform", "_workspace", "_info", "_konnect", NULL};
/* Entities of others that mean nothing here: of a cluster, of the other edition. */
static const char *const foreign[] = {"workspaces", "parameters", "clustering_data_planes", NULL};

/* WebAssembly filters have their place at the top, in services and in routes, but there are none (entities.md 4.14).
 */
static const char filter_chains[] = "filter_chains";

static const char *fault_of_filters(const json_t *value)
{
	if (!json_is_array(value) && !json_is_null(value))
		return "expected an array";
	return json_array_size(value) > 0 ? "no such filter: WebAssembly is off" : NULL;
}

/* ---- entities -------------------------------------------------------------------------------------------------- */

static struct item *add_item(struct document *d, const struct schema *kind)
{
	struct item_list *list = &d->lists[kinds_index(kind)];
	struct item *i = arena_new(&d->arena, struct item);

	if (list->len == list->cap) {
		list->cap = list->cap ? list->cap * 2 : 16;
		list->items = realloc(list->items, list->cap * sizeof *list->items);
		if (!list->items)
			abort();
	}
	list->items[list->len++] = i;
	d->count++;
	i->out.kind = kind;
	return i;
}

/* The kind nested under this key, and through which of its references; NULL: it is none. */
static const struct schema *nested_kind(const struct schema *parent, const char *key, const struct field **via)
{
	const struct field *f = schema_field(parent, slice_cstr(key));

	if (f && !(f->flags & WRITE_ONLY))
		return NULL;
	const struct schema *kind = kinds_by_name(slice_cstr(key));
	*via = kind ? schema_reference_to(kind, parent->name) : NULL;
	return *via ? kind : NULL;
}

static void walk_list(
        struct document *d, const struct schema *kind, json_t *list, struct item *parent, const struct field *via);

static void member_fault(struct item *i, const char *key, const char *text)
{
	if (!i->faults)
		i->faults = json_object();
	json_object_set_new(i->faults, key, json_string(text));
}

static bool may_have_filters(const struct schema *kind)
{
	return strcmp(kind->name, "services") == 0 || strcmp(kind->name, "routes") == 0;
}

static void walk_members(struct document *d, struct item *i, const json_t *object)
{
	bool filters = may_have_filters(i->out.kind);
	const struct field *via;
	const char *key;
	json_t *value;

	i->input = json_copy((json_t *)object);
	json_object_foreach((json_t *)object, key, value)
	{
		const struct schema *nested = nested_kind(i->out.kind, key, &via);
		bool is_filters = filters && strcmp(key, filter_chains) == 0;
		if (!nested && !is_filters && !is_one_of(key, comments) && strcmp(key, "ws_id") != 0)
			continue;
		json_object_del(i->input, key);
		if (is_filters && fault_of_filters(value))
			member_fault(i, key, fault_of_filters(value));
		if (!nested || json_is_null(value))
			continue;
		if (json_is_array(value)) {
			walk_list(d, nested, value, i, via);
			continue;
		}
		member_fault(i, key, "expected an array");
	}
}

static void walk_list(
        struct document *d, const struct schema *kind, json_t *list, struct item *parent, const struct field *via)
{
	size_t index;
	json_t *element;

	json_array_foreach(list, index, element)
	{
		struct item *i = add_item(d, kind);
		i->parent = parent;
		i->via = via;
		i->index = index;
		if (json_is_object(element))
			walk_members(d, i, element);
		else
			i->whole = arena_cstr(&d->arena, S("expected a record"));
	}
}

static void walk_top(struct document *d, const char *key, json_t *value)
{
	const struct schema *kind = kinds_by_name(slice_cstr(key));

	if (is_one_of(key, comments) || is_one_of(key, own_keys))
		return;
	if (strcmp(key, filter_chains) == 0) {
		if (fault_of_filters(value))
			top_fault(d, key, fault_of_filters(value));
	} else if (!kind && !is_one_of(key, foreign)) {
		top_fault(d, key, "unknown field");
	} else if (!json_is_array(value) && !json_is_null(value)) {
		top_fault(d, key, "expected an array");
	} else if (kind) {
		walk_list(d, kind, value, NULL, NULL);
	}
}

bool document_walk(struct document *d, struct err *e)
{
	const char *key;
	json_t *value;

	d->top = json_object();
	read_format_version(d);
	read_transform(d);
	read_workspace(d);
	json_object_foreach(d->root, key, value) walk_top(d, key, value);
	return d->count <= DOCUMENT_ITEMS_MAX ||
	       err_set(e, "%zu entities are more than %d", d->count, DOCUMENT_ITEMS_MAX);
}

const json_t *document_locate(const json_t *root, const struct item *i)
{
	const json_t *container = i->parent ? document_locate(root, i->parent) : root;
	return json_array_get(json_object_get(container, i->out.kind->name), i->index);
}
