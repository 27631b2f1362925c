/* document_unique: unique fields beside the endpoint key, and, where rows exist already, keys made of several fields
 * (declarative-config.md 4). Endpoint keys and ids are looked at when they are indexed (document_refs.c). */
#include "common/model/document_private.h"

static void say_taken(struct document *d, struct item *i, const char *what, struct slice value)
{
	i->late = arena_printf(&d->arena, "uniqueness violation: '%s' entity with %s set to '%.*s' already declared",
	        i->out.kind->name, what, SLICE_ARG(value))
	                  .ptr;
}

static void check_field(struct document *d, struct item_list *list, const struct field *f)
{
	struct map seen = {0};

	for (size_t k = 0; k < list->len; k++) {
		struct item *i = list->items[k];
		struct slice value = i->out.record ? record_lookup_key(i->out.record, f) : (struct slice){0};
		if (!slice_is_set(value))
			continue;
		if (map_get(&seen, value))
			say_taken(d, i, f->name, f->flags & SECRET ? S("***") : value);
		else
			map_set(&seen, value, i);
	}
	map_fini(&seen);
}

static bool put_scope(struct text *key, const struct item *i)
{
	bool any = false;

	for_each_field(f, i->out.kind)
	{
		if (!(f->flags & SCOPE))
			continue;
		any = true;
		text_put(key, record_lookup_key(i->out.record, f));
		text_putc(key, '\0');
	}
	return any;
}

static void check_scope(struct document *d, struct item_list *list)
{
	struct map seen = {0};
	struct text key = {0};

	for (size_t k = 0; k < list->len; k++) {
		struct item *i = list->items[k];
		text_clear(&key);
		if (!i->out.record || !put_scope(&key, i))
			continue;
		if (map_get(&seen, text_slice(&key)))
			say_taken(d, i, "primary key", slice_of(i->id_text, UUID_TEXT));
		else
			map_set(&seen, text_slice(&key), i);
	}
	map_fini(&seen);
	text_fini(&key);
}

void document_check_unique(struct document *d)
{
	for (size_t k = 0; k < kinds_count(); k++) {
		const struct field *key = schema_endpoint_key(kinds_at(k));
		for_each_field(f, kinds_at(k))
		{
			if ((f->flags & UNIQUE) && f != key && f->member == MEMBER_SLICE)
				check_field(d, &d->lists[k], f);
		}
		if (d->options.base)
			check_scope(d, &d->lists[k]);
	}
}
