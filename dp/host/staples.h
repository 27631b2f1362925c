/* staples: fetches what certificates' authorities say of them (dp/tls/staple.h), for the handshakes of this worker.
 */
#ifndef DP_HOST_STAPLES_H
#define DP_HOST_STAPLES_H

#include "dp/host/host.h"
#include "dp/tls/staple.h"

struct staples;

struct staples *staples_new(struct host_worker *w);
void staples_free(struct staples *s); /* ends what is under way */
/* Takes the reference. */
void staples_fetch(struct staples *s, struct staple *staple);

#endif
