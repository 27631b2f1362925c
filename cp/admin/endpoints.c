/* endpoints: GET /endpoints: every path that is answered, from the table of routes and from the schemas. */
#include <stdlib.h>

#include "cp/admin/info.h"
#include "cp/admin/routes.h"
#include "cp/admin/rules.h"

struct paths {
	struct arena *arena;
	struct slice *items;
	size_t len, cap;
};

static void add(struct paths *p, struct slice path)
{
	if (p->len == p->cap) {
		struct slice *more = arena_array(p->arena, struct slice, p->cap ? p->cap * 2 : 128);
		if (p->len > 0)
			memcpy(more, p->items, p->len * sizeof *more);
		p->items = more;
		p->cap = p->cap ? p->cap * 2 : 128;
	}
	p->items[p->len++] = path;
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

static void add_nested(struct paths *p, const struct schema *outer)
{
	for (size_t i = 0; i < kinds_count(); i++) {
		const struct schema *kind = kinds_at(i);
		const char *name = admin_nested_name(kind);
		if (!name || !schema_reference_to(kind, outer->name))
			continue;
		add(p, arena_printf(p->arena, "/%s/{%s}/%s", outer->path, outer->name, name));
		add(p, arena_printf(p->arena, "/%s/{%s}/%s/{%s}", outer->path, outer->name, name, kind->name));
	}
}

static void add_kind(struct paths *p, const struct schema *kind)
{
	if (!kind->path || admin_rules_of(kind)->only_nested)
		return;
	add(p, arena_printf(p->arena, "/%s", kind->path));
	add(p, arena_printf(p->arena, "/%s/{%s}", kind->path, kind->name));
	add_nested(p, kind);
	for_each_field(f, kind) if (f->type == TYPE_FOREIGN && kinds_by_name(slice_cstr(f->ref)))
	        add(p, arena_printf(p->arena, "/%s/{%s}/%s", kind->path, kind->name, f->name));
}

/* '/' ranks below every other character, so that what is below a path follows it at once. */
static int by_path(const void *a, const void *b)
{
	const struct slice *x = a, *y = b;
	size_t n = x->len < y->len ? x->len : y->len;

	for (size_t i = 0; i < n; i++) {
		int cx = x->ptr[i] == '/' ? 0 : (unsigned char)x->ptr[i];
		int cy = y->ptr[i] == '/' ? 0 : (unsigned char)y->ptr[i];
		if (cx != cy)
			return cx - cy;
	}
	return x->len < y->len ? -1 : x->len > y->len;
}

void admin_endpoints(struct admin_call *c)
{
	struct paths p = {.arena = c->arena};
	json_t *data = json_array();

	for (size_t i = 0; i < admin_routes_count(); i++)
		add(&p, braced(c->arena, admin_routes_at(i)->pattern));
	for (size_t i = 0; i < kinds_count(); i++)
		add_kind(&p, kinds_at(i));
	qsort(p.items, p.len, sizeof *p.items, by_path);
	for (size_t i = 0; i < p.len; i++)
		json_array_append_new(data, json_stringn(p.items[i].ptr, p.items[i].len));
	c->response->status = 200;
	c->response->json = json_pack("{s:o}", "data", data);
}
