/* redis_conf: see redis_conf.h. Contract: plugins.md 0.8. */
#include "common/plugin/redis_conf.h"

#include "common/plugin/shared_counts.h"

#include "common/schema/violations.h"

static const struct field fields[] = {
        FIELD(struct redis_conf, host, .format = FORMAT_HOST, .doc = "Name or address of the Redis server."),
        FIELD(struct redis_conf, port, .dflt = "6379", BETWEEN(0, 65535), .doc = "Port of the Redis server."),
        FIELD(struct redis_conf, timeout, .dflt = "2000", BETWEEN(0, 2147483646),
                .doc = "How long connecting, sending and reading may take each, in milliseconds."),
        FIELD(struct redis_conf, username, .flags = REFERENCEABLE,
                .doc = "User to log in as (Redis 6 and later). Needs a password; unset: none is named."),
        FIELD(struct redis_conf, password, .flags = REFERENCEABLE | ENCRYPTED | EMPTY_OK,
                .doc = "Password to log in with. Unset or empty: no login."),
        FIELD(struct redis_conf, database, .dflt = "0", .doc = "Number of the database to use."),
        FIELD(struct redis_conf, ssl, .flags = OPTIONAL, .dflt = "false", .doc = "Speak TLS to the server."),
        FIELD(struct redis_conf, ssl_verify, .flags = OPTIONAL, .dflt = "false",
                .doc = "Check the server's certificate against the node's trusted authorities."),
        FIELD(struct redis_conf, server_name, .flags = OPTIONAL, .format = FORMAT_SNI,
                .doc = "Name to ask for and to expect in the server's certificate."),
        {0},
};

const struct schema redis_conf_schema = {
        .name = "redis",
        .size = sizeof(struct redis_conf),
        .fields = fields,
        .doc = "How to reach a Redis server.",
};

#define ALIAS(n, t)                                                                                                 \
	{                                                                                                           \
		.name = "redis_" n, .type = (t), .replaced_by = "redis." n, .doc = "Deprecated, use `redis." n "`." \
	}

const struct shorthand redis_conf_aliases[] = {
        ALIAS("host", TYPE_STRING),
        ALIAS("port", TYPE_INTEGER),
        ALIAS("password", TYPE_STRING),
        ALIAS("username", TYPE_STRING),
        ALIAS("ssl", TYPE_BOOLEAN),
        ALIAS("ssl_verify", TYPE_BOOLEAN),
        ALIAS("server_name", TYPE_STRING),
        ALIAS("timeout", TYPE_INTEGER),
        ALIAS("database", TYPE_INTEGER),
        {0},
};

void redis_conf_check_policy(const json_t *conf, struct violations *v)
{
	const char *policy = json_string_value(json_object_get(conf, "policy"));
	if (policy && strcmp(policy, "cluster") == 0 && !are_shared_counts_offered())
		violations_replace(v, "config.policy",
		        "expected one of: local, redis (without a database nobody adds up for a cluster: redis counts over all "
		        "data planes)");
}
