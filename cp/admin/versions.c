/* versions: see versions.h. What each endpoint answers:
 *
 *	GET /versions                   a page of versions, newest first
 *	GET /versions/41                one of them
 *	GET /versions/41..42            what differs between two, field by field
 *	GET /versions/41/progress       which data planes have it (wait.c)
 *	POST /versions/41/rollback      a new version with the content of this one
 *	GET /services?version=41        any list or entity as it was
 */
#include "cp/admin/versions.h"

#include <inttypes.h>

#include "common/core/base64.h"
#include "common/model/diff.h"
#include "cp/admin/errors.h"
#include "cp/admin/list.h"
#include "cp/publish/publish.h"
#include "cp/store/versions.h"

/* "41" or "v41". */
static bool parse_version(struct slice text, uint64_t *out)
{
	if (text.len > 1 && text.ptr[0] == 'v')
		text = slice_from(text, 1);
	*out = 0;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return false;
		*out = *out * 10 + (uint64_t)(text.ptr[i] - '0');
	}
	return text.len > 0 && text.len <= 18;
}

/* ---- lists ----------------------------------------------------------------------------------------------------- */

/* The offset is the number of the last version of the page before. */
static bool read_offset(struct admin_call *c, uint64_t *before)
{
	struct slice offset, text;

	*before = 0;
	if (!admin_query(c->request, S("offset"), &offset))
		return true;
	if (base64_decode(c->arena, offset, BASE64_STANDARD, &text) && parse_version(text, before) && *before > 0)
		return true;
	admin_bad_page(c, 7, "'%.*s' is not a valid offset: bad base64 encoding", SLICE_ARG(offset));
	return false;
}

static struct slice offset_after(struct arena *a, const json_t *versions)
{
	const json_t *last = json_array_get(versions, json_array_size(versions) - 1);
	struct slice number = arena_printf(
	        a, "%" PRIu64, (uint64_t)json_integer_value(json_object_get(last, "version")));
	return base64_encode(a, number, BASE64_STANDARD, false);
}

void admin_versions(struct admin_call *c)
{
	struct fault f = {0};
	struct slice next = {0}, text;
	uint64_t before;
	int64_t size;
	bool more;

	if (!admin_list_size(c, false, &size) || !read_offset(c, &before))
		return;
	json_t *list = store_versions(c->store, before, size, &more, &f);
	if (!list) {
		admin_fault(c, &f, NULL);
		return;
	}
	if (more)
		next = offset_after(c->arena, list);
	admin_list_answer(c, list, next,
	        admin_query(c->request, S("size"), &text) ? arena_printf(c->arena, "&size=%d", (int)size) : S(""));
}

/* ---- differences ----------------------------------------------------------------------------------------------- */

/* An offset is base64 of ["<id>","<kind>"], of the last record of the page before. */
static bool read_place(struct admin_call *c, struct difference_page *page)
{
	struct slice offset, bytes;

	page->after_kind = S("");
	if (!admin_list_offset(c, &page->after_id))
		return false;
	if (!admin_query(c->request, S("offset"), &offset) ||
	        !base64_decode(c->arena, offset, BASE64_STANDARD, &bytes))
		return true;
	json_t *place = json_loadb(bytes.ptr, bytes.len, 0, NULL);
	const char *kind = json_string_value(json_array_get(place, 1));
	if (kind)
		page->after_kind = arena_dup(c->arena, slice_cstr(kind));
	json_decref(place);
	return true;
}

static struct slice place_after(struct arena *a, const json_t *differences)
{
	const json_t *last = json_array_get(differences, json_array_size(differences) - 1);
	struct slice text = arena_printf(a, "[\"%s\",\"%s\"]", json_string_value(json_object_get(last, "id")),
	        json_string_value(json_object_get(last, "kind")));
	return base64_encode(a, text, BASE64_STANDARD, false);
}

static const char *change_word(const json_t *from, const json_t *to)
{
	return json_is_null(from) ? "create" : json_is_null(to) ? "delete" : "update";
}

/* What clients see of a difference; a kind that this release does not have is named, not looked into. */
static json_t *describe(const json_t *difference, struct slice salt)
{
	const json_t *from = json_object_get(difference, "from"), *to = json_object_get(difference, "to");
	const json_t *name = json_object_get(difference, "kind"), *id = json_object_get(difference, "id");
	const struct schema *kind = kinds_by_name(slice_cstr(json_string_value(name)));
	const json_t *shown = json_is_null(to) ? from : to;

	return json_pack("{s:O, s:O, s:s?, s:s, s:o}", "kind", name, "id", id, "name",
	        kind ? diff_name(kind, shown) : NULL, "change", change_word(from, to), "fields",
	        kind ? diff_fields(kind, json_is_null(from) ? NULL : from, json_is_null(to) ? NULL : to, salt)
	             : json_array());
}

static json_t *describe_all(struct admin_call *c, const json_t *differences)
{
	json_t *out = json_array(), *one;
	struct text epoch = {0};
	uint64_t version;
	struct err e;
	size_t i;

	/* without it hashes are still hashes */
	if (!store_position(c->store, &epoch, &version, &e))
		text_clear(&epoch);
	json_array_foreach((json_t *)differences, i, one)
	        json_array_append_new(out, describe(one, text_slice(&epoch)));
	text_fini(&epoch);
	return out;
}

static void answer_differences(struct admin_call *c, uint64_t from, uint64_t to)
{
	struct difference_page page = {.from = from, .to = to};
	struct fault f = {0};
	struct slice text;
	bool more;

	if (!admin_list_size(c, false, &page.size) || !read_place(c, &page))
		return;
	json_t *differences = store_differences(c->store, &page, &more, &f);
	if (!differences) {
		admin_fault(c, &f, NULL);
		return;
	}
	admin_list_answer(c, describe_all(c, differences),
	        more ? place_after(c->arena, differences) : (struct slice){0},
	        admin_query(c->request, S("size"), &text) ? arena_printf(c->arena, "&size=%d", (int)page.size)
	                                                  : S(""));
	json_object_set_new(c->response->json, "from", json_integer((json_int_t)from));
	json_object_set_new(c->response->json, "to", json_integer((json_int_t)to));
	json_decref(differences);
}

/* ---- one version, or a range ----------------------------------------------------------------------------------- */

static void answer_bad_version(struct admin_call *c, struct slice text)
{
	admin_fail(c, 400, "'%.*s' is not a version; expected a number, such as 41", SLICE_ARG(text));
}

bool admin_version_param(struct admin_call *c, uint64_t *version)
{
	if (parse_version(c->params[0], version))
		return true;
	answer_bad_version(c, c->params[0]);
	return false;
}

/* "41..42": false when it is none. */
static bool split_range(struct slice text, struct slice *from, struct slice *to)
{
	ptrdiff_t dot = slice_find(text, '.');

	if (dot < 0 || (size_t)dot + 2 > text.len || text.ptr[dot + 1] != '.')
		return false;
	*from = slice_of(text.ptr, (size_t)dot);
	*to = slice_from(text, (size_t)dot + 2);
	return true;
}

static void answer_version(struct admin_call *c, uint64_t version)
{
	struct fault f = {0};
	json_t *found = store_version(c->store, version, &f);

	if (found) {
		c->response->status = 200;
		c->response->json = found;
	} else if (f.code || !store_has_version(c->store, version, &f)) {
		admin_fault(c, &f, NULL);
	} else { /* made just now */
		admin_not_found(c);
	}
}

void admin_version(struct admin_call *c)
{
	struct slice from_text, to_text, text = c->params[0];
	uint64_t from, to;

	if (split_range(text, &from_text, &to_text)) {
		if (parse_version(from_text, &from) && parse_version(to_text, &to))
			answer_differences(c, from, to);
		else
			admin_fail(c, 400, "'%.*s' is not a range of versions; expected two numbers, such as 41..42",
			        SLICE_ARG(text));
	} else if (parse_version(text, &from)) {
		answer_version(c, from);
	} else {
		answer_bad_version(c, text);
	}
}

/* ---- going back ------------------------------------------------------------------------------------------------ */

bool admin_look_back(struct admin_call *c)
{
	struct fault f = {0};
	struct slice text;
	uint64_t version;

	if (!c->store || !admin_query(c->request, S("version"), &text))
		return true;
	if (!parse_version(text, &version)) {
		answer_bad_version(c, text);
		return false;
	}
	if (store_look_back(c->store, version, &f))
		return true;
	admin_fault(c, &f, NULL);
	return false;
}

void admin_look_ahead(struct admin_call *c)
{
	if (c->store)
		store_look_ahead(c->store);
}

/* Who gave no reason gets the obvious one. */
static void sign_rollback(struct admin_call *c, uint64_t version)
{
	struct slice message = c->request->message;

	if ((admin_query(c->request, S("message"), &message) && message.len > 0) || message.len > 0)
		return;
	store_sign_message(c->store, arena_printf(c->arena, "rollback to version %" PRIu64, version));
}

void admin_rollback(struct admin_call *c)
{
	struct fault f = {0};
	uint64_t version, made;

	if (!admin_version_param(c, &version))
		return;
	sign_rollback(c, version);
	if (!store_restore(c->store, version, &made, &f)) {
		admin_fault(c, &f, NULL);
		return;
	}
	/* nothing differs: the answer is the present version */
	struct text epoch = {0};
	struct err e;
	uint64_t current = made;
	if (made == 0 && !store_position(c->store, &epoch, &current, &e))
		current = version;
	text_fini(&epoch);
	answer_version(c, current);
	if (made > 0 && c->response->status == 200)
		c->response->status = 201;
	c->response->is_write = true;
	c->response->version = made;
}

void admin_version_publish(struct admin_call *c)
{
	uint64_t version;

	if (!admin_version_param(c, &version))
		return;
	if (publish_confirm(version))
		admin_fail(c, 200, "version %" PRIu64 " goes to the data planes", version);
	else
		admin_fail(c, 404, "version %" PRIu64 " is not held back", version);
}
