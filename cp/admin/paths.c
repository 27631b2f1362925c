/* paths: see paths.h. Used by /endpoints and /openapi.json. Mirrors what routes.c finds. */
#include "cp/admin/paths.h"

#include <stdlib.h>

#include "common/core/text.h"
#include "cp/admin/rules.h"

enum { FIRST_ROOM = 256 };

struct list {
	struct arena *arena;
	struct admin_path *items;
	size_t len, cap;
};

static struct admin_path *add(struct list *l)
{
	if (l->len == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : FIRST_ROOM;
		struct admin_path *more = arena_array(l->arena, struct admin_path, cap);
		if (l->len > 0)
			memcpy(more, l->items, l->len * sizeof *more);
		l->items = more;
		l->cap = cap;
	}
	return &l->items[l->len++];
}

/* ":name" becomes "{name}". */
static struct slice braced(struct arena *a, const char *pattern)
{
	struct text out = {0};

	for (const char *at = pattern; *at; at++) {
		if (*at != ':') {
			text_putc(&out, *at);
			continue;
		}
		size_t n = strcspn(at + 1, "/");
		text_printf(&out, "{%.*s}", (int)n, at + 1);
		at += n;
	}
	struct slice path = arena_dup(a, text_slice(&out));
	text_fini(&out);
	return path;
}

/* Private kinds have lines in the table; what those answer follows from the kind all the same. */
static void note_private_kind(struct admin_path *path)
{
	struct slice rest = slice_from(path->pattern, 1), first = slice_cut(&rest, '/');

	for (size_t i = 0; kinds_private_at(i); i++) {
		const struct schema *kind = kinds_private_at(i);
		if (!slice_eq(first, slice_cstr(kind->path)) || slice_find(rest, '/') >= 0)
			continue;
		path->kind = kind;
		path->shape = slice_is_set(rest) ? SHAPE_ITEM : SHAPE_COLLECTION;
	}
}

static void add_route(struct list *l, const struct admin_route *route)
{
	struct admin_path path = {
	        .pattern = braced(l->arena, route->pattern), .methods = route->methods, .route = route};

	note_private_kind(&path);
	*add(l) = path;
}

static void add_shape(struct list *l, struct admin_path path, enum admin_shape shape, const char *pattern)
{
	path.shape = shape;
	path.methods = admin_shape_methods(shape);
	path.pattern = slice_cstr(pattern);
	*add(l) = path;
}

static void add_nested(struct list *l, const struct schema *outer)
{
	for (size_t i = 0; i < kinds_count(); i++) {
		const struct schema *kind = kinds_at(i);
		const char *name = admin_nested_name(kind);
		struct admin_path path = {
		        .kind = kind, .outer = outer, .reference = schema_reference_to(kind, outer->name)};
		if (!name || !path.reference)
			continue;
		const char *list = arena_printf(l->arena, "/%s/{%s}/%s", outer->path, outer->name, name).ptr;
		add_shape(l, path, SHAPE_NESTED_COLLECTION, list);
		add_shape(l, path, SHAPE_NESTED_ITEM, arena_printf(l->arena, "%s/{%s}", list, kind->name).ptr);
	}
}

static void add_referred(struct list *l, const struct schema *outer, const struct field *f)
{
	const struct schema *kind = f->type == TYPE_FOREIGN ? kinds_by_name(slice_cstr(f->ref)) : NULL;

	if (kind)
		add_shape(l, (struct admin_path){.kind = kind, .outer = outer, .reference = f}, SHAPE_REFERRED,
		        arena_printf(l->arena, "/%s/{%s}/%s", outer->path, outer->name, f->name).ptr);
}

static void add_kind(struct list *l, const struct schema *kind)
{
	struct admin_path path = {.kind = kind};

	if (!kind->path || admin_rules_of(kind)->only_nested)
		return;
	add_shape(l, path, SHAPE_COLLECTION, arena_printf(l->arena, "/%s", kind->path).ptr);
	add_shape(l, path, SHAPE_ITEM, arena_printf(l->arena, "/%s/{%s}", kind->path, kind->name).ptr);
	add_nested(l, kind);
	for_each_field(f, kind)
	{
		if (!admin_rules_of(kind)->hides_references)
			add_referred(l, kind, f);
	}
}

static int by_pattern(const void *a, const void *b)
{
	const struct slice *x = &((const struct admin_path *)a)->pattern,
	                   *y = &((const struct admin_path *)b)->pattern;
	size_t n = x->len < y->len ? x->len : y->len;

	for (size_t i = 0; i < n; i++) {
		int cx = x->ptr[i] == '/' ? 0 : (unsigned char)x->ptr[i];
		int cy = y->ptr[i] == '/' ? 0 : (unsigned char)y->ptr[i];
		if (cx != cy)
			return cx - cy;
	}
	return x->len < y->len ? -1 : x->len > y->len;
}

/* The table wins over what follows from the kinds, as it does when a request comes. */
static size_t drop_twins(struct admin_path *items, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		bool twin = kept > 0 && slice_eq(items[kept - 1].pattern, items[i].pattern);
		if (!twin)
			items[kept++] = items[i];
		else if (items[i].route)
			items[kept - 1] = items[i];
	}
	return kept;
}

const struct admin_path *admin_paths(struct arena *a, size_t *n)
{
	struct list l = {.arena = a};

	for (size_t i = 0; i < admin_routes_count(); i++)
		add_route(&l, admin_routes_at(i));
	for (size_t i = 0; i < kinds_count(); i++)
		add_kind(&l, kinds_at(i));
	qsort(l.items, l.len, sizeof *l.items, by_pattern);
	*n = drop_twins(l.items, l.len);
	return l.items;
}
