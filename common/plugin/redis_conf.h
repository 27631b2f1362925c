/* redis_conf: the `redis` record shared by plugins that count or cache in Redis (plugins.md 0.8). */
#ifndef COMMON_PLUGIN_REDIS_CONF_H
#define COMMON_PLUGIN_REDIS_CONF_H

#include "common/schema/schema.h"

struct redis_conf {
	struct slice host, username, password, server_name;
	int64_t port, timeout, database; /* timeout in ms */
	bool ssl, ssl_verify;
};

extern const struct schema redis_conf_schema;
/* The deprecated flat names (redis_host, ...), for a plugin's .shorthands. Ends with a zero entry. */
extern const struct shorthand redis_conf_aliases[];

/* Of a config with `policy`: cluster is refused where nobody offers it (shared_counts.h): what would count per node
 * must not be called so. */
struct violations;
void redis_conf_check_policy(const json_t *conf, struct violations *v);

#endif
