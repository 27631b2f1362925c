/* link_log: what went wrong on the cluster port, without letting a peer fill the log. */
#include "common/core/clock.h"
#include "common/core/log.h"
#include "common/sync/link_private.h"

enum { LINK_LOG_BURST = 20 };

static bool may_log(struct link_log *l)
{
	uint64_t now = clock_mono_ms();
	if (l->refill_ms == 0) {
		l->tokens = LINK_LOG_BURST;
		l->refill_ms = now;
	}
	uint64_t seconds = (now - l->refill_ms) / 1000;
	l->refill_ms += seconds * 1000;
	l->tokens = seconds >= LINK_LOG_BURST - l->tokens ? LINK_LOG_BURST : l->tokens + (unsigned)seconds;
	if (l->tokens == 0) {
		l->left_out++;
		return false;
	}
	l->tokens--;
	return true;
}

void link_log(struct link_log *l, const char *message, const char *who, const char *why)
{
	if (!may_log(l))
		return;
	if (l->left_out > 0)
		log_warn(message, LOG_STR("peer", who), LOG_STR("reason", why), LOG_INT("left_out", l->left_out));
	else
		log_warn(message, LOG_STR("peer", who), LOG_STR("reason", why));
	l->left_out = 0;
}
