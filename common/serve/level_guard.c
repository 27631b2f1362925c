/* level_guard: see level_guard.h. The level is changed by the caller's thread at once; the timer that changes it back
 * lives on the loop. Each change has a number, so that a timer that was about to fire cannot undo a newer change. */
#include "common/serve/level_guard.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/core/log.h"
#include "common/core/number.h"

enum { DEFAULT_TIMEOUT_S = 60, MAX_TIMEOUT_S = 1000000 };

struct level_guard {
	struct loop *loop;
	pthread_mutex_t lock;
	unsigned change; /* number of the latest one */
	bool is_changed; /* usual is what to go back to */
	enum log_level usual;

	/* the loop's */
	struct loop_timer *timer;
	unsigned timer_change;
};

struct level_guard *level_guard_new(struct loop *l)
{
	struct level_guard *g = calloc(1, sizeof *g);

	if (!g)
		abort();
	g->loop = l;
	pthread_mutex_init(&g->lock, NULL);
	return g;
}

void level_guard_free(struct level_guard *g)
{
	if (!g)
		return;
	loop_timer_free(g->timer);
	pthread_mutex_destroy(&g->lock);
	free(g);
}

static void go_back(void *arg)
{
	struct level_guard *g = arg;

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
	struct level_guard *guard;
	unsigned change;
	uint32_t ms; /* 0: never */
};

static void arm(void *arg)
{
	struct arming *a = arg;
	struct level_guard *g = a->guard;

	loop_timer_free(g->timer);
	g->timer = a->ms > 0 ? loop_timer_new(g->loop, a->ms, false, go_back, g) : NULL;
	g->timer_change = a->change;
	free(a);
}

static void change(struct level_guard *g, enum log_level level, uint32_t ms)
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

static bool read_timeout(struct slice text, uint32_t *ms, struct err *answer)
{
	double seconds = DEFAULT_TIMEOUT_S;

	if (slice_is_set(text) && !number_parse(text, &seconds))
		return err_set(answer, "timeout must be a number, not '%.*s'", SLICE_ARG(text));
	if (seconds < 0)
		return err_set(answer, "timeout must be greater than or equal to 0");
	*ms = (uint32_t)((seconds < MAX_TIMEOUT_S ? seconds : MAX_TIMEOUT_S) * 1000);
	return true;
}

void level_guard_show(struct err *answer)
{
	err_set(answer, "log level: %s", log_level_name(log_get_level()));
}

int level_guard_change(struct level_guard *g, struct slice name, struct slice timeout, struct err *answer)
{
	enum log_level level;
	uint32_t ms = 0;

	if (!log_level_parse(name, &level)) {
		err_set(answer, "unknown log level: %.*s", SLICE_ARG(name));
		return 400;
	}
	if (!read_timeout(timeout, &ms, answer))
		return 400;
	if (level == log_get_level()) {
		err_set(answer, "log level is already %s", log_level_name(level));
		return 200;
	}
	change(g, level, ms);
	err_set(answer, "log level changed");
	return 200;
}
