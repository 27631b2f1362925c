/* status_listener: what a control plane tells probes, balancers and monitors on status_listen, without a login:
 * whether it is alive (/status/live), whether it takes writes (/status/ready), and its figures (/metrics). On the
 * loop's thread, without asking the database: that it answered the feed a moment ago is what counts. Contract:
 * admin-api.md 8.3 and 8.4. */
#ifndef CP_ADMIN_STATUS_LISTENER_H
#define CP_ADMIN_STATUS_LISTENER_H

#include "common/net/loop.h"
#include "common/serve/access_log.h"
#include "common/settings/settings.h"

struct publish;
struct admin_server;
struct status_listener;

/* All that is passed must outlive it. */
struct status_listener *status_listener_start(struct loop *l, const struct settings *s, const struct publish *p,
        const struct admin_server *admin, struct err *e);
/* /status/ready is 503 from now on. NULL is fine, here and below. */
void status_listener_drain(struct status_listener *sl);
void status_listener_reopen_logs(struct status_listener *sl);
void status_listener_free(struct status_listener *sl);

#endif
