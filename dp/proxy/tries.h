/* tries: what came of each address that a request or a session went to, for plugins that log it (plugins.md 0.10). */
#ifndef DP_PROXY_TRIES_H
#define DP_PROXY_TRIES_H

#include <sys/socket.h>

#include "common/plugin/exchange.h"

/* Another one begins now. */
struct upstream_try *tries_begin(struct exchange *x, const struct sockaddr *to);
/* NULL: there was none. */
struct upstream_try *tries_current(struct exchange *x);
void tries_failed(struct exchange *x, bool timeout, bool reused);

#endif
