/* form_edit: see form_edit.h. */
#include "common/http/form_edit.h"

#include "common/core/text.h"
#include "common/http/uri.h"

bool form_has(const struct form *f, struct slice name)
{
	for (size_t i = 0; i < f->count; i++)
		if (slice_eq(f->fields[i].name, name))
			return true;
	return false;
}

/* From field `from` on. */
static bool remove_behind(struct form *f, size_t from, struct slice name)
{
	size_t kept = from, was = f->count;
	for (size_t i = from; i < f->count; i++)
		if (!slice_eq(f->fields[i].name, name))
			f->fields[kept++] = f->fields[i];
	f->count = kept;
	return kept < was;
}

bool form_remove(struct form *f, struct slice name)
{
	return remove_behind(f, 0, name);
}

bool form_rename(struct form *f, struct slice from, struct slice to)
{
	if (slice_eq(from, to) || !form_has(f, from))
		return false;
	form_remove(f, to);
	for (size_t i = 0; i < f->count; i++)
		if (slice_eq(f->fields[i].name, from))
			f->fields[i].name = to;
	return true;
}

bool form_replace(struct form *f, struct slice name, struct slice value)
{
	for (size_t i = 0; i < f->count; i++) {
		if (!slice_eq(f->fields[i].name, name))
			continue;
		f->fields[i].value = value;
		remove_behind(f, i + 1, name);
		return true;
	}
	return false;
}

void form_append(struct arena *a, struct form *f, struct slice name, struct slice value)
{
	/* few are added, and how much room there is nobody knows */
	struct form_field *more = arena_array(a, struct form_field, f->count + 1);
	if (f->count)
		memcpy(more, f->fields, f->count * sizeof *more);
	more[f->count] = (struct form_field){.name = name, .value = value};
	f->fields = more;
	f->count++;
}

struct slice form_text(struct arena *a, const struct form *f)
{
	struct text out = {0};
	for (size_t i = 0; i < f->count; i++) {
		if (i > 0)
			text_putc(&out, '&');
		uri_put_escaped(&out, f->fields[i].name);
		if (!slice_is_set(f->fields[i].value))
			continue;
		text_putc(&out, '=');
		uri_put_escaped(&out, f->fields[i].value);
	}
	struct slice text = arena_dup(a, text_slice(&out));
	text_fini(&out);
	return text;
}
