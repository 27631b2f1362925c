/* document_lines: where the entities of a document stand in its text. Asked for messages only, so JSON text is read a
 * second time (as YAML, which it nearly is) rather than each time with its lines. */
#include "common/model/document_private.h"

static void prepare(struct document_lines *l, const struct document *d)
{
	struct err ignored;

	if (l->is_ready)
		return;
	l->is_ready = true;
	l->yaml = &d->yaml;
	if (!d->is_yaml && slice_is_set(d->text) && yaml_read(d->text, &l->own, &ignored))
		l->yaml = &l->own;
}

static const json_t *root_of(const struct document_lines *l, const struct document *d)
{
	return l->yaml == &l->own ? l->own.root : d->root;
}

static unsigned line_of_key(const struct document_lines *l, const json_t *object, struct slice key, json_t **value)
{
	size_t i = 0;
	const char *name;
	json_t *member;

	*value = NULL;
	json_object_foreach((json_t *)object, name, member)
	{
		if (slice_eq(slice_cstr(name), key)) {
			*value = member;
			return yaml_line_at(l->yaml, object, i);
		}
		i++;
	}
	return 0;
}

static unsigned line_of_position(const struct document_lines *l, const json_t *array, struct slice at, json_t **value)
{
	int64_t n = 0;

	*value = NULL;
	if (!slice_to_int(at, &n) || n < 1)
		return 0;
	*value = json_array_get(array, (size_t)n - 1);
	return yaml_line_at(l->yaml, array, (size_t)n - 1);
}

/* As far down the path as the document goes: of what is missing, the line of what it is missing in. */
static unsigned line_below(const struct document_lines *l, const json_t *at, const char *path)
{
	unsigned line = yaml_line(l->yaml, at);

	for (struct slice rest = slice_cstr(path); at && slice_is_set(rest);) {
		struct slice part = slice_cut(&rest, '.');
		json_t *value;
		unsigned here = json_is_array(at) ? line_of_position(l, at, part, &value)
		                                  : line_of_key(l, at, part, &value);
		if (here > 0)
			line = here;
		at = value;
	}
	return line;
}

unsigned document_line(struct document_lines *l, const struct document *d, const struct item *i, const char *path)
{
	prepare(l, d);
	const json_t *list = i->parent ? document_locate(root_of(l, d), i->parent) : root_of(l, d);

	list = json_object_get(list, i->out.kind->name);
	const json_t *element = json_array_get(list, i->index);
	if (path && json_is_object(element))
		return line_below(l, element, path);
	return yaml_line_at(l->yaml, list, i->index);
}

unsigned document_top_line(struct document_lines *l, const struct document *d, const char *key)
{
	json_t *value;

	prepare(l, d);
	return line_of_key(l, root_of(l, d), slice_cstr(key), &value);
}

void document_lines_fini(struct document_lines *l)
{
	yaml_fini(&l->own);
}
