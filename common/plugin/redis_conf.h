/* redis_conf: the `redis` record shared by plugins that count or cache in Redis (plugins.md 0.8), with what Gatehouse
 * adds to it: Sentinel, Redis Cluster and single timeouts (plugins-beyond.md, "extended Redis record"). */
#ifndef COMMON_PLUGIN_REDIS_CONF_H
#define COMMON_PLUGIN_REDIS_CONF_H

#include "common/schema/schema.h"

struct redis_address {
	struct slice host;
	int64_t port;
};

struct redis_conf {
	struct slice host, username, password, server_name;
	int64_t port, timeout, database;                            /* timeout in ms */
	struct opt_int connect_timeout, send_timeout, read_timeout; /* unset: timeout */
	struct opt_int keepalive_pool_size,
	        keepalive_backlog; /* accepted: a worker has one connection to each server */
	struct slice sentinel_master, sentinel_role, sentinel_username, sentinel_password;
	struct record_list sentinel_nodes, cluster_nodes; /* of struct redis_address; not both */
	struct opt_int cluster_max_redirections;          /* unset: 5 */
	struct opt_bool connection_is_proxied;
	bool ssl, ssl_verify;
};

extern const struct schema redis_conf_schema;
/* The deprecated flat names (redis_host, ...), for a plugin's .shorthands. Ends with a zero entry. */
extern const struct shorthand redis_conf_aliases[];

/* Of a config with `policy`: cluster is refused where nobody offers it (shared_counts.h): what would count per node
 * must not be called so. */
struct violations;
void redis_conf_check_policy(const json_t *conf, struct violations *v);

/* For those who keep a connection longer than the configuration lives. */
struct redis_conf redis_conf_copy(struct arena *a, const struct redis_conf *conf);
bool redis_conf_eq(const struct redis_conf *a, const struct redis_conf *b);

/* What stands around the part of a key that all counters of one command share: "{" and "}" where keys are spread over
 * servers, which then takes them all to one; nothing elsewhere. */
struct redis_tag {
	struct slice begin, end;
};
struct redis_tag redis_conf_tag(const struct redis_conf *conf);

#endif
