/* wait: see wait.h. Nobody blocks meanwhile: the write is done, its job rests with the loop's thread, which looks at
 * the table of data planes now and then (admin_server.c). */
#include "cp/admin/wait.h"

#include <inttypes.h>

#include "cp/admin/errors.h"
#include "common/core/number.h"
#include "cp/admin/versions.h"
#include "cp/publish/nodes.h"
#include "cp/publish/publish.h"
#include "cp/store/store.h"

bool admin_duration(struct slice text, int64_t *ms)
{
	static const struct {
		const char *unit;
		double ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"", 1000}};
	double n;

	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		size_t len = strlen(units[i].unit);
		if (text.len <= len || !slice_eq(slice_from(text, text.len - len), slice_cstr(units[i].unit)))
			continue;
		if (!number_parse(slice_of(text.ptr, text.len - len), &n) || n * units[i].ms < 1 ||
		        n * units[i].ms > ADMIN_WAIT_MAX_MS)
			return false;
		*ms = (int64_t)(n * units[i].ms);
		return true;
	}
	return false;
}

bool admin_wait_read(struct admin_call *c)
{
	struct slice text;

	if (!admin_query(c->request, S("wait"), &text))
		return true;
	if (!slice_eq(text, S("all"))) {
		admin_fail(c, 400, "wait is '%.*s', expected all", SLICE_ARG(text));
		return false;
	}
	c->wait_ms = ADMIN_WAIT_DEFAULT_MS;
	if (!admin_query(c->request, S("timeout"), &text) || admin_duration(text, &c->wait_ms))
		return true;
	admin_fail(c, 400, "timeout is '%.*s', expected a time from 1ms to 10m, such as 5s", SLICE_ARG(text));
	return false;
}

bool admin_wait_is_over(struct admin_response *r)
{
	struct nodes_progress p = nodes_progress(r->version);

	r->applied = p.applied;
	r->connected = p.expected;
	return p.is_over;
}

void admin_wait_give_up(struct admin_response *r)
{
	json_t *progress = nodes_progress_json(r->version);

	json_object_set_new(progress, "entity", r->json ? r->json : json_null());
	r->status = 202;
	r->json = progress;
}

/* Any version up to the present one, kept or not, with a database or without. */
static bool is_made(struct admin_call *c, uint64_t version)
{
	struct text epoch = {0};
	uint64_t current;
	struct err e;
	bool ok = store_position(c->store, &epoch, &current, &e);

	text_fini(&epoch);
	if (!ok)
		admin_fail(c, 503, "%s", e.message);
	else if (version > current)
		admin_fail(c, 404, "there is no version %" PRIu64 "; the present one is %" PRIu64, version, current);
	return ok && version <= current;
}

void admin_progress(struct admin_call *c)
{
	uint64_t version;

	if (!admin_version_param(c, &version) || !is_made(c, version))
		return;
	publish_nudge();
	c->response->status = 200;
	c->response->json = nodes_progress_json(version);
}
