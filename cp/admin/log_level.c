/* log_level: see log_level.h. Data planes are told by an order (cp/publish/orders.h), which carries the time after
 * which each goes back by itself. */
#include "cp/admin/log_level.h"

#include "common/serve/level_guard.h"
#include "cp/admin/errors.h"
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

/* Adds what each data plane said: {"id":..,"message":"log level: info"}; and how many have not. */
static void add_data_planes(struct admin_call *c, json_t *payload)
{
	unsigned silent = 0;
	json_t *results = orders_give("log-level", payload, ANSWER_MS, &silent), *list = json_array(), *one;
	size_t i;

	json_array_foreach(results, i, one)
	{
		json_t *node = json_object_get(one, "node"),
		       *message = json_object_get(json_object_get(one, "body"), "message");
		if (node && message)
			json_array_append_new(list, json_pack("{s:O,s:O}", "id", node, "message", message));
	}
	json_object_set_new(c->response->json, "data_planes", list);
	json_object_set_new(c->response->json, "silent", json_integer(silent));
	json_decref(results);
}

void admin_log_level_cluster_get(struct admin_call *c)
{
	json_t *payload = json_object();

	admin_log_level_get(c);
	add_data_planes(c, payload);
	json_decref(payload);
}

void admin_log_level_cluster_put(struct admin_call *c)
{
	struct slice timeout = {0};
	struct err answer;

	int status = change_here(c, &timeout, &answer);
	if (!status)
		return;
	admin_fail(c, status, "%s", answer.message);
	if (status != 200)
		return;
	json_t *payload = json_pack("{s:s%}", "level", c->params[0].ptr, c->params[0].len);
	if (slice_is_set(timeout))
		json_object_set_new(payload, "timeout", json_stringn(timeout.ptr, timeout.len));
	add_data_planes(c, payload);
	json_decref(payload);
}
