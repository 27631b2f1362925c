/* rate: X-Accel-Limit-Rate, by which an upstream bounds how fast its answer reaches the client (proxy.md 4.1).
 * Between two pieces the upstream is not read while more has been sent than was due; a piece is at most a buffer. */
#include "dp/proxy/request.h"

enum { HOLD_MOST_MS = 60000 };

void rate_begin(struct request *r, struct slice bytes_per_second)
{
	int64_t n;
	if (!slice_to_int(bytes_per_second, &n) || n <= 0)
		return;
	r->rate.per_second = (uint64_t)n;
	r->rate.begun_ms = clock_mono_ms();
}

static void go_on(void *arg)
{
	struct request *r = arg;
	rate_end(r);
	r->carrier->pause(r, false);
}

void rate_hold(struct request *r)
{
	const struct stream *s = r->stream;
	uint64_t seconds_ms = clock_mono_ms() - r->rate.begun_ms + 1000; /* as nginx: the first second is for free */
	uint64_t sent = s->sent - s->head_sent, due = r->rate.per_second * seconds_ms / 1000;

	if (sent <= due || r->rate.timer)
		return;
	uint64_t ms = (sent - due) * 1000 / r->rate.per_second + 1;
	r->rate.timer = loop_timer_new(
	        r->proxy->loop, (uint32_t)(ms < HOLD_MOST_MS ? ms : HOLD_MOST_MS), false, go_on, r);
	r->carrier->pause(r, true);
}

void rate_end(struct request *r)
{
	loop_timer_free(r->rate.timer);
	r->rate.timer = NULL;
}
