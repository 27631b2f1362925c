/* versions: see versions.h. What each endpoint answers:
 *
 *	GET /versions       a page of versions, newest first
 *	GET /versions/41    one of them
 */
#include "cp/admin/versions.h"

#include <inttypes.h>

#include "common/core/base64.h"
#include "cp/admin/errors.h"
#include "cp/admin/list.h"
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

/* ---- one version ----------------------------------------------------------------------------------------------- */

/* Why there is no such version, in words. */
static void answer_no_version(struct admin_call *c, uint64_t version)
{
	struct fault f = {0};
	uint64_t oldest, current;

	if (!store_history_range(c->store, &oldest, &current, &f))
		admin_fault(c, &f, NULL);
	else if (version < oldest)
		admin_fail(c, 410, "version %" PRIu64 " is no longer kept; the oldest that is kept is %" PRIu64,
		        version, oldest);
	else
		admin_fail(c, 404, "there is no version %" PRIu64 "; the present one is %" PRIu64, version, current);
}

void admin_version(struct admin_call *c)
{
	struct fault f = {0};
	uint64_t version;

	if (!parse_version(c->params[0], &version)) {
		admin_fail(c, 400, "'%.*s' is not a version; expected a number, such as 41", SLICE_ARG(c->params[0]));
		return;
	}
	json_t *found = store_version(c->store, version, &f);
	if (found) {
		c->response->status = 200;
		c->response->json = found;
	} else if (f.code) {
		admin_fault(c, &f, NULL);
	} else {
		answer_no_version(c, version);
	}
}
