/* explain: what would become of a request, by the configuration that this data plane serves now; nothing is sent
 * anywhere. Answers GET /explain of the status listener, for `gatectl explain`. */
#ifndef DP_STATUS_EXPLAIN_H
#define DP_STATUS_EXPLAIN_H

#include <jansson.h>

#include "dp/status/status.h"

/* query: url=http://host:port/path?args (escaped), method=GET, header=Name:value (as often as wanted), sni=name. The
 * report's snapshot and router are asked. NULL with e set: what is wrong with the arguments. */
json_t *explain(const struct status_report *r, struct slice query, struct arena *a, struct err *e);

#endif
