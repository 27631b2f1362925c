/* spans: what took how long on a request's way, noted by dp/proxy for the plugins that trace (plugins.md 7.4). Only
 * where tracing_instrumentations names it; else a request pays for looking at one pointer. Tries of the balancer are
 * exchange's `tries`. */
#ifndef COMMON_PLUGIN_SPANS_H
#define COMMON_PLUGIN_SPANS_H

#include "common/core/clock.h"
#include "common/plugin/exchange.h"

/* What tracing_instrumentations can name. */
enum tracing_what {
	TRACING_REQUEST = 1 << 0,
	TRACING_ROUTER = 1 << 1,
	TRACING_BALANCER = 1 << 2,
	TRACING_DNS = 1 << 3,
	TRACING_REWRITE = 1 << 4,
	TRACING_ACCESS = 1 << 5,
	TRACING_RESPONSE_HEAD = 1 << 6,
};

/* From settings, for all requests. */
struct tracing {
	unsigned what; /* 0: nothing is noted, traces are only handed on */
	double rate;   /* tracing_sampling_rate */
};

struct span {
	enum tracing_what what;
	struct slice name;           /* of the plugin, or the host that was looked up */
	uint64_t began_ns, ended_ns; /* monotonic; ended 0: it has not */
};
enum { SPANS_MAX = 64 }; /* of a request; further ones are not noted */
struct spans {
	struct span items[SPANS_MAX];
	uint32_t count;
};

static inline void spans_begin(struct exchange *x, enum tracing_what what, struct slice name)
{
	if (!x->spans || !(x->tracing->what & what) || x->spans->count == SPANS_MAX)
		return;
	x->spans->items[x->spans->count++] = (struct span){what, name, clock_mono_ns(), 0};
}

/* The last one of this kind that has not ended, if any. */
static inline void spans_end(struct exchange *x, enum tracing_what what)
{
	for (uint32_t i = x->spans ? x->spans->count : 0; i > 0; i--) {
		struct span *s = &x->spans->items[i - 1];
		if (s->what == what && !s->ended_ns) {
			s->ended_ns = clock_mono_ns();
			return;
		}
	}
}

#endif
