/* admin_server: the Admin API on the listeners of admin_listen.
 *
 * The loop's thread reads requests and writes answers and never blocks; in between a request is a job for one of the
 * admin threads. All functions are the loop thread's. Contract: admin-api.md. */
#ifndef CP_ADMIN_ADMIN_SERVER_H
#define CP_ADMIN_ADMIN_SERVER_H

#include "common/net/loop.h"
#include "common/serve/stream.h"
#include "common/settings/settings.h"

struct admin_server;

/* Opens the store handles and the listeners. s must live until admin_server_free(). */
struct admin_server *admin_server_start(struct loop *l, const struct settings *s, struct err *e);
/* Access log files have been moved away. */
void admin_server_reopen_logs(struct admin_server *a);
/* Takes no new connections; what is under way is still answered. */
void admin_server_drain(struct admin_server *a);
/* True when no connection is left: after a drain, the moment to stop the loop. */
bool is_admin_server_idle(const struct admin_server *a);
/* What its connections have done so far, and the node's id, which lives as long as it does. */
struct server_stats admin_server_stats(const struct admin_server *a);
struct slice admin_server_node_id(const struct admin_server *a);
/* After the loop has stopped: closes what is left. NULL is fine. */
void admin_server_free(struct admin_server *a);

#endif
