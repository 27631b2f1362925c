/* upstreams: what data planes without a control plane at hand show of their upstreams (proxy.md 6.7, 11.4): the GET
 * forms of the Admin API, of the configuration that is served and the addresses as this node knows them. */
#ifndef DP_STATUS_UPSTREAMS_H
#define DP_STATUS_UPSTREAMS_H

#include <jansson.h>

#include "dp/status/status.h"

/* path: "/upstreams", "/upstreams/:u", "/upstreams/:u/targets", "/upstreams/:u/health"; with size and offset, and for
 * health balancer_health=1. The body, a new reference; NULL: there is no such thing. */
json_t *upstreams_show(const struct status_report *r, struct slice path, struct slice query, struct arena *a);

#endif
