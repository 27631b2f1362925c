/* list: see list.h. The order is that of ids, so a page stays where it is while rows come and go. */
#include "cp/admin/list.h"

#include <math.h>

#include "common/core/base64.h"
#include "common/schema/formats.h"
#include "cp/admin/crud.h"
#include "cp/admin/errors.h"
#include "common/core/number.h"
#include "cp/admin/rules.h"

enum { TAGS_MAX = 5 };

/* ---- offsets --------------------------------------------------------------------------------------------------- */

struct slice admin_offset_encode(struct arena *a, struct slice id)
{
	return base64_encode(a, arena_printf(a, "[\"%.*s\"]", SLICE_ARG(id)), BASE64_STANDARD, false);
}

bool admin_offset_decode(struct arena *a, struct slice offset, struct slice *id, const char **why)
{
	struct slice bytes;
	json_error_t e;

	*why = "bad base64 encoding";
	if (!base64_decode(a, offset, BASE64_STANDARD, &bytes))
		return false;
	*why = "bad json encoding";
	json_t *json = bytes.len > 0 ? json_loadb(bytes.ptr, bytes.len, 0, &e) : NULL;
	const char *text = json_string_value(json_array_get(json, 0));
	bool ok = text && is_uuid(slice_cstr(text));
	if (ok)
		*id = arena_dup(a, slice_cstr(text));
	json_decref(json);
	return ok;
}

bool admin_list_offset(struct admin_call *c, struct slice *id)
{
	struct slice offset;
	const char *why;

	*id = (struct slice){0};
	if (!admin_query(c->request, S("offset"), &offset))
		return true;
	if (admin_offset_decode(c->arena, offset, id, &why))
		return true;
	admin_bad_page(c, 7, "'%.*s' is not a valid offset: %s", SLICE_ARG(offset), why);
	return false;
}

/* ---- size and tags --------------------------------------------------------------------------------------------- */

bool admin_list_size(struct admin_call *c, bool capped, int64_t *out)
{
	struct slice text;
	double size;

	*out = ADMIN_PAGE_DEFAULT;
	if (!admin_query(c->request, S("size"), &text))
		return true;
	if (!number_parse(text, &size)) {
		admin_bad_page(c, 9, "size must be a number");
		return false;
	}
	if (capped && size > ADMIN_PAGE_MAX)
		size = ADMIN_PAGE_MAX;
	if (size < 1 || size > ADMIN_PAGE_MAX || floor(size) != size) {
		admin_bad_page(c, 9, "size must be an integer between 1 and %d", ADMIN_PAGE_MAX);
		return false;
	}
	*out = (int64_t)size;
	return true;
}

static bool is_tag(struct arena *a, struct slice tag)
{
	struct slice replacement = {0};
	struct err e;
	return tag.len > 0 && format_check(FORMAT_TAG, tag, a, &replacement, &e);
}

static const char *tags_problem(struct arena *a, struct slice filter, struct page *page)
{
	struct slice *tags = arena_array(a, struct slice, TAGS_MAX);
	bool any = slice_find(filter, '/') >= 0, all = slice_find(filter, ',') >= 0;

	if (filter.len == 0)
		return "cannot be null";
	if (any && all)
		return "invalid filter syntax";
	page->tags = tags;
	page->tags_any = any;
	for (struct slice rest = filter; slice_is_set(rest);) {
		struct slice tag = slice_cut(&rest, any ? '/' : ',');
		if (!is_tag(a, tag))
			return "invalid filter syntax";
		if (page->tags_count == TAGS_MAX)
			return "cannot query more than 5 tags";
		tags[page->tags_count++] = tag;
	}
	return NULL;
}

bool admin_list_tags(struct admin_call *c, struct page *page)
{
	struct slice filter;

	if (!admin_query(c->request, S("tags"), &filter))
		return true;
	const char *problem = tags_problem(c->arena, filter, page);
	if (problem)
		admin_bad_option(c, "tags", problem);
	return !problem;
}

/* ---- answers --------------------------------------------------------------------------------------------------- */

/* Everything but what RFC 3986 calls unreserved. */
void admin_list_escape(struct text *out, struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char ch = (unsigned char)s.ptr[i], lower = ascii_lower(ch);
		if ((lower >= 'a' && lower <= 'z') || (ch >= '0' && ch <= '9') || (ch && strchr("-._~", ch)))
			text_putc(out, (char)ch);
		else
			text_printf(out, "%%%02X", ch);
	}
}

void admin_list_answer(struct admin_call *c, json_t *data, struct slice offset, struct slice extra)
{
	struct text next = {0};
	struct slice version;

	if (c->response->status) { /* rendering the rows has failed */
		json_decref(data);
		return;
	}
	json_t *body = json_pack("{s:o, s:n}", "data", data, "next");

	if (slice_is_set(offset)) {
		text_put(&next, c->request->path);
		text_puts(&next, "?offset=");
		admin_list_escape(&next, offset);
		text_put(&next, extra);
		if (admin_query(c->request, S("version"), &version)) { /* the same state for all pages */
			text_puts(&next, "&version=");
			admin_list_escape(&next, version);
		}
		json_object_set_new(body, "next", json_stringn(next.ptr, next.len));
		json_object_set_new(body, "offset", json_stringn(offset.ptr, offset.len));
	}
	text_fini(&next);
	c->response->status = 200;
	c->response->json = body;
}

/* A top-level list repeats what it was asked for in `next`; a nested one does not. */
static struct slice repeated_args(struct admin_call *c, const struct page *page)
{
	struct text out = {0};
	struct slice value;

	if (c->target.outer)
		return S("");
	if (page->tags_count > 0 && admin_query(c->request, S("tags"), &value)) {
		text_puts(&out, "&tags=");
		admin_list_escape(&out, value);
	}
	if (admin_query(c->request, S("size"), &value))
		text_printf(&out, "&size=%d", (int)page->size);
	struct slice extra = arena_dup(c->arena, text_slice(&out));
	text_fini(&out);
	return extra;
}

static json_t *render_rows(struct admin_call *c, const struct schema *kind, const json_t *rows)
{
	json_t *data = json_array(), *row;
	size_t i;

	json_array_foreach((json_t *)rows, i, row) json_array_append_new(data, admin_render(c, kind, row));
	return data;
}

struct slice admin_list_last_id(const json_t *rows)
{
	const json_t *last = json_array_get(rows, json_array_size(rows) - 1);
	return slice_cstr(json_string_value(json_object_get(last, "id")));
}

static bool read_page_args(struct admin_call *c, struct page *page)
{
	return admin_list_size(c, false, &page->size) && admin_list_offset(c, &page->after) &&
	       (c->target.outer || !schema_field(c->target.kind, S("tags")) || admin_list_tags(c, page));
}

static void list_rows(struct admin_call *c, const struct store_scope *scope)
{
	struct page page = {0};
	struct fault f = {0};
	bool more;

	if (!read_page_args(c, &page))
		return;
	json_t *rows = store_list(c->store, c->target.kind, scope, &page, &more, &f);
	if (!rows) {
		admin_fault(c, &f, c->target.kind);
		return;
	}
	struct slice offset = more ? admin_offset_encode(c->arena, admin_list_last_id(rows)) : (struct slice){0};
	admin_list_answer(c, render_rows(c, c->target.kind, rows), offset, repeated_args(c, &page));
	json_decref(rows);
}

void admin_list(struct admin_call *c)
{
	const struct admin_rules *rules = admin_rules_of(c->target.kind);
	struct store_scope scope;
	struct uuid id;

	if (!admin_find_scope(c, &scope, &id))
		return;
	if (!rules->list || !rules->list(c, &scope))
		list_rows(c, &scope);
}

bool admin_each_row(struct admin_call *c, const struct schema *kind, const struct store_scope *scope,
        struct page page, admin_row_fn fn, void *arg)
{
	bool more = true, go_on = true;
	struct fault f = {0};

	page.size = ADMIN_PAGE_MAX;
	while (more && go_on) {
		json_t *rows = store_list(c->store, kind, scope, &page, &more, &f);
		if (!rows) {
			admin_fault(c, &f, kind);
			return false;
		}
		for (size_t i = 0; i < json_array_size(rows) && go_on; i++)
			go_on = fn(json_array_get(rows, i), arg);
		more = more && json_array_size(rows) > 0;
		page.after = more ? arena_dup(c->arena, admin_list_last_id(rows)) : (struct slice){0};
		json_decref(rows);
	}
	return true;
}
