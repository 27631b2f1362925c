/* job: see job.h. */
#include "cp/admin/job.h"

#include <stdlib.h>

#include "common/core/clock.h"
#include "common/core/log.h"
#include "cp/admin/routes.h"
#include "cp/publish/applied.h"
#include "cp/publish/publish.h"

/* 15 digits are what a double keeps of any decimal number: 1686720000.123 is shown as it was written. */
enum { DUMP_FLAGS = JSON_COMPACT | JSON_REAL_PRECISION(15) };

struct job *job_new(const struct admin_env *env, const struct stream *s)
{
	struct job *j = calloc(1, sizeof *j);

	if (!j)
		abort();
	arena_init(&j->arena);
	j->env = env;
	j->stats = s->server->stats;
	j->started_ns = s->started_ns;
	admin_request_copy(&j->arena, &s->request, &s->conn->peer.any, &j->request);
	if (s->conn->tls)
		admin_request_copy_names(&j->arena, s->conn->tls, &j->request);
	return j;
}

void job_free(struct job *j)
{
	json_decref(j->response.json);
	free(j->dump);
	text_fini(&j->body_in);
	arena_fini(&j->arena);
	free(j);
}

/* A write that changed nothing is answered with the version in force. wait_ms: for all data planes; the loop's thread
 * does that. 0: only for those in step, and not long. */
static void wait_until_applied(struct job *j, struct store *st, int64_t wait_ms)
{
	struct admin_response *r = &j->response;
	struct text epoch = {0};
	struct err e;

	if (r->version == 0) {
		store_position(st, &epoch, &r->version, &e);
		text_fini(&epoch);
	} else {
		log_info("configuration changed", LOG_INT("version", r->version), LOG_INT("status", r->status),
		        LOG_SLICE("target", admin_target_shape(&j->arena, j->request.target)));
	}
	if (wait_ms == 0) {
		applied_wait(r->version, (int)j->env->settings->admin_wait, &r->applied, &r->connected);
		return;
	}
	publish_nudge();
	j->wait_until_ms = clock_mono_ms() + (uint64_t)wait_ms;
}

void job_make_body(struct job *j)
{
	j->body_out = j->response.text;
	if (!j->response.json)
		return;
	free(j->dump);
	j->dump = json_dumps(j->response.json, DUMP_FLAGS);
	if (!j->dump)
		abort();
	j->body_out = slice_cstr(j->dump);
}

void job_run(struct job *j, struct store *st)
{
	struct admin_call c = {.arena = &j->arena,
	        .env = j->env,
	        .request = &j->request,
	        .response = &j->response,
	        .store = st,
	        .stats = j->stats};

	j->request.body = text_slice(&j->body_in);
	admin_dispatch(&c);
	json_decref(c.input);
	text_fini(&j->body_in);
	if (j->response.is_write)
		wait_until_applied(j, st, c.wait_ms);
	job_make_body(j);
}
