/* dependencies: what a gateway needs beside its own processes, for the overview (users.md 2.1): the Redis servers
 * that plugins name, and certificates that will expire. Blocks, for about a second when a server is silent. */
#ifndef CP_ADMIN_DEPENDENCIES_H
#define CP_ADMIN_DEPENDENCIES_H

#include "cp/admin/call.h"

/* [{"address":"127.0.0.1:6379","reachable":true,"error":null}], as this control plane sees them; what is wrong is
 * added to problems, in words. New reference. */
json_t *admin_redis_servers(struct admin_call *c, json_t *problems);
/* [{"what":"cluster_cert","name":"...","days":89}]: of each sort the one that expires first. New reference. */
json_t *admin_certificate_days(struct admin_call *c, json_t *problems);

#endif
