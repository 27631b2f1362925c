/* fetch: one HTTP request to anybody, through our own client codec: connection kept or made, request written, the
 * whole answer read within its limits. For plugins (call_fetch) and for sinks; both are struct fetch of effects.h. */
#ifndef DP_HOST_FETCH_H
#define DP_HOST_FETCH_H

#include "dp/host/host.h"

struct fetching;

/* f->error tells whether it was answered. */
typedef void (*fetch_fn)(void *arg);
/* The arena holds what is read; f and what it points to must live until fn ran or fetch_cancel(). fn runs once,
 * perhaps from inside: NULL is returned then. */
struct fetching *fetch_start(struct host_worker *w, struct arena *a, struct fetch *f, fetch_fn fn, void *arg);
void fetch_cancel(struct fetching *g); /* fn will not run; NULL is fine */

#endif
