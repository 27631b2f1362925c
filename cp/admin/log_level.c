/* log_level: see log_level.h. The level is changed by the admin thread at once; the timer that changes it back lives
 * on the loop. Each change has a number, so that a timer that was about to fire cannot undo a newer change. */
#include "cp/admin/log_level.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/core/log.h"
#include "cp/admin/errors.h"
#include "cp/admin/number.h"

enum { DEFAULT_TIMEOUT_S = 60, MAX_TIMEOUT_S = 1000000 };

struct log_level_guard {
	struct loop *loop;
	pthread_mutex_t lock;
	unsigned change; /* number of the latest one */
	bool is_changed; /* usual is what to go back to */
	enum log_level usual;

	/* the loop's */
	struct loop_timer *timer;
	unsigned timer_change;
};

struct log_level_guard *log_level_guard_new(struct loop *l)
{
	struct log_level_guard *g = calloc(1, sizeof *g);

	if (!g)
		abort();
	g->loop = l;
	pthread_mutex_init(&g->lock, NULL);
	return g;
}

void log_level_guard_free(struct log_level_guard *g)
{
	if (!g)
		return;
	loop_timer_free(g->timer);
	pthread_mutex_destroy(&g->lock);
	free(g);
}

static void go_back(void *arg)
{
	struct log_level_guard *g = arg;

	loop_timer_free(g->timer);
	g->timer = NULL;
	pthread_mutex_lock(&g->lock);
	if (g->change == g->timer_change && g->is_changed) {
		g->is_changed = false;
		log_set_level(g->usual);
		log_notice("log level is back", LOG_STR("level", log_level_name(g->usual)));
	}
	pthread_mutex_unlock(&g->lock);
}

struct arming {
	struct log_level_guard *guard;
	unsigned change;
	uint32_t ms; /* 0: never */
};

static void arm(void *arg)
{
	struct arming *a = arg;
	struct log_level_guard *g = a->guard;

	loop_timer_free(g->timer);
	g->timer = a->ms > 0 ? loop_timer_new(g->loop, a->ms, false, go_back, g) : NULL;
	g->timer_change = a->change;
	free(a);
}

static void change_level(struct log_level_guard *g, enum log_level level, uint32_t ms)
{
	struct arming *a = calloc(1, sizeof *a);

	if (!a)
		abort();
	pthread_mutex_lock(&g->lock);
	if (!g->is_changed)
		g->usual = log_get_level();
	g->is_changed = ms > 0; /* for good: what it is now is the usual level */
	*a = (struct arming){.guard = g, .change = ++g->change, .ms = ms};
	log_set_level(level);
	pthread_mutex_unlock(&g->lock);
	loop_post(g->loop, arm, a);
}

void admin_log_level_get(struct admin_call *c)
{
	admin_fail(c, 200, "log level: %s", log_level_name(log_get_level()));
}

static bool read_timeout(struct admin_call *c, uint32_t *ms)
{
	double seconds = DEFAULT_TIMEOUT_S;
	struct slice text;

	if (admin_query(c->request, S("timeout"), &text) && !admin_number(text, &seconds)) {
		admin_fail(c, 400, "timeout must be a number, not '%.*s'", SLICE_ARG(text));
		return false;
	}
	if (seconds < 0) {
		admin_fail(c, 400, "timeout must be greater than or equal to 0");
		return false;
	}
	*ms = (uint32_t)((seconds < MAX_TIMEOUT_S ? seconds : MAX_TIMEOUT_S) * 1000);
	return true;
}

void admin_log_level_put(struct admin_call *c)
{
	enum log_level level;
	uint32_t ms;

	if (!log_level_parse(c->params[0], &level)) {
		admin_fail(c, 400, "unknown log level: %.*s", SLICE_ARG(c->params[0]));
		return;
	}
	if (!read_timeout(c, &ms))
		return;
	if (level == log_get_level()) {
		admin_fail(c, 200, "log level is already %s", log_level_name(level));
		return;
	}
	change_level(c->env->log_level, level, ms);
	admin_fail(c, 200, "log level changed");
}
