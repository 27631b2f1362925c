/* explain: what would become of a request, by the configuration that this data plane serves now; nothing is sent
 * anywhere. Answers GET /explain of the status listener, for `gatectl explain`. */
#ifndef DP_STATUS_EXPLAIN_H
#define DP_STATUS_EXPLAIN_H

#include <jansson.h>

#include "dp/status/status.h"

/* query: url=http://host:port/path?args (escaped), method=GET, header=Name:value (as often as wanted), sni=name. The
 * report's snapshot and router are asked. NULL with e set: what is wrong with the arguments. */
json_t *explain(const struct status_report *r, struct slice query, struct arena *a, struct err *e);

/* Leaves out candidates until the answer is at most max bytes long; left_out counts them. False: it is longer without
 * any. */
bool explain_shorten(json_t *answer, size_t max);

#endif
