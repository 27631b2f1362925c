/* log_level: see log_level.h. */
#include "cp/admin/log_level.h"

#include "common/serve/level_guard.h"
#include "cp/admin/errors.h"
#include "cp/store/memory.h"

void admin_log_level_get(struct admin_call *c)
{
	struct err answer;
	level_guard_show(&answer);
	admin_fail(c, 200, "%s", answer.message);
}

void admin_log_level_put(struct admin_call *c)
{
	struct slice timeout = {0};
	struct err answer;

	if (is_without_database(c->env->settings)) {
		admin_fail(c, 405, "cannot change log level when not using a database");
		return;
	}
	if (admin_query(c->request, S("timeout"), &timeout) && !slice_is_set(timeout))
		timeout = S("");
	int status = level_guard_change(c->env->log_level, c->params[0], timeout, &answer);
	admin_fail(c, status, "%s", answer.message);
}
