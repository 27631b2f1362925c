/* log_level: see log_level.h. Data planes are told by an order (cp/publish/orders.h), which carries the time after
 * which each goes back by itself. */
#include "cp/admin/log_level.h"

#include "common/serve/level_guard.h"
#include "cp/admin/errors.h"
#include "cp/publish/calls.h"
#include "cp/publish/orders.h"
#include "cp/store/memory.h"

enum { ANSWER_MS = 2000 };

void admin_log_level_get(struct admin_call *c)
{
	struct err answer;
	level_guard_show(&answer);
	admin_fail(c, 200, "%s", answer.message);
}

/* Changes the level of this process; 0: it must not be changed, and the answer is made. */
static int change_here(struct admin_call *c, struct slice *timeout, struct err *answer)
{
	if (is_without_database(c->env->settings)) {
		admin_fail(c, 405, "cannot change log level when not using a database");
		return 0;
	}
	if (admin_query(c->request, S("timeout"), timeout) && !slice_is_set(*timeout))
		*timeout = S("");
	return level_guard_change(c->env->log_level, c->params[0], *timeout, answer);
}

void admin_log_level_put(struct admin_call *c)
{
	struct slice timeout = {0};
	struct err answer;

	int status = change_here(c, &timeout, &answer);
	if (status)
		admin_fail(c, status, "%s", answer.message);
}

/* ---- the cluster ----------------------------------------------------------------------------------------------- */

static const char call[] = "log-level";

/* {"id":..,"message":"log level: info"} of this control plane, for another one. */
static json_t *answer_call(const json_t *payload, void *arg)
{
	const struct admin_env *env = arg;
	const char *level = json_string_value(json_object_get(payload, "level"));
	const char *timeout = json_string_value(json_object_get(payload, "timeout"));
	struct err answer;

	if (level)
		level_guard_change(env->log_level, slice_cstr(level),
		        timeout ? slice_cstr(timeout) : slice_of(NULL, 0), &answer);
	else
		level_guard_show(&answer);
	return json_pack("{s:s,s:s}", "id", env->node_id, "message", answer.message);
}

void admin_log_level_serve(const struct admin_env *env)
{
	calls_serve(call, env ? answer_call : NULL, (void *)env);
}

/* What each data plane said: [{"id":..,"message":"log level: info"}]; and how many have not. */
static json_t *ask_data_planes(const json_t *payload, unsigned *silent)
{
	json_t *results = orders_give("log-level", payload, ANSWER_MS, silent), *list = json_array(), *one;
	size_t i;

	json_array_foreach(results, i, one)
	{
		json_t *node = json_object_get(one, "node"),
		       *message = json_object_get(json_object_get(one, "body"), "message");
		if (node && message)
			json_array_append_new(list, json_pack("{s:O,s:O}", "id", node, "message", message));
	}
	json_decref(results);
	return list;
}

/* Adds what everybody else in the cluster said. */
static void add_others(struct admin_call *c, const json_t *payload)
{
	unsigned silent = 0;
	struct call *asked = calls_begin(call, payload, ANSWER_MS);
	json_t *data_planes = ask_data_planes(payload, &silent);

	json_object_set_new(c->response->json, "data_planes", data_planes);
	json_object_set_new(c->response->json, "silent", json_integer(silent));
	json_object_set_new(c->response->json, "control_planes", calls_end(asked));
}

void admin_log_level_cluster_get(struct admin_call *c)
{
	json_t *payload = json_object();

	admin_log_level_get(c);
	add_others(c, payload);
	json_decref(payload);
}

/* What the others are to do, once it has been done here; NULL: it has not, and the answer is made. */
static json_t *change_and_pass_on(struct admin_call *c)
{
	struct slice timeout = {0};
	struct err answer;

	int status = change_here(c, &timeout, &answer);
	if (!status)
		return NULL;
	admin_fail(c, status, "%s", answer.message);
	if (status != 200)
		return NULL;
	json_t *payload = json_pack("{s:s%}", "level", c->params[0].ptr, c->params[0].len);
	if (slice_is_set(timeout))
		json_object_set_new(payload, "timeout", json_stringn(timeout.ptr, timeout.len));
	return payload;
}

void admin_log_level_cluster_put(struct admin_call *c)
{
	json_t *payload = change_and_pass_on(c);

	if (payload)
		add_others(c, payload);
	json_decref(payload);
}

void admin_log_level_control_planes_put(struct admin_call *c)
{
	json_t *payload = change_and_pass_on(c);

	if (payload)
		json_object_set_new(c->response->json, "control_planes", calls_ask(call, payload, ANSWER_MS));
	json_decref(payload);
}
