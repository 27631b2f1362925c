/* redis_conf: see redis_conf.h. Contract: plugins.md 0.8, plugins-beyond.md "extended Redis record". */
#include "common/plugin/redis_conf.h"

#include "common/plugin/shared_counts.h"
#include "common/schema/violations.h"

#define ADDRESS_FIELDS(name)                                                                                        \
	FIELD_AS(struct redis_address, host, name, .flags = REQUIRED, .dflt = "'127.0.0.1'", .format = FORMAT_HOST, \
	        .doc = "Name or address."),                                                                         \
	        FIELD(struct redis_address, port, .dflt = "6379", BETWEEN(0, 65535), .doc = "Port."),               \
	{                                                                                                           \
		0                                                                                                   \
	}

static const struct field sentinel_fields[] = {ADDRESS_FIELDS("host")};
static const struct field cluster_fields[] = {ADDRESS_FIELDS("ip")};
static const struct schema sentinel_node_schema = {
        .name = "sentinel_nodes", .size = sizeof(struct redis_address), .fields = sentinel_fields};
static const struct schema cluster_node_schema = {
        .name = "cluster_nodes", .size = sizeof(struct redis_address), .fields = cluster_fields};

#define TIME BETWEEN(0, 2147483646)

static const struct field fields[] = {
        FIELD(struct redis_conf, host, .format = FORMAT_HOST, .doc = "Name or address of the Redis server."),
        FIELD(struct redis_conf, port, .dflt = "6379", BETWEEN(0, 65535), .doc = "Port of the Redis server."),
        FIELD(struct redis_conf, timeout, .dflt = "2000", TIME,
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
        FIELD(struct redis_conf, connect_timeout, .flags = ADDITION, TIME,
                .doc = "How long connecting may take, in milliseconds, when not as long as `timeout` says."),
        FIELD(struct redis_conf, send_timeout, .flags = ADDITION, TIME,
                .doc = "How long sending may take, in milliseconds, when not as long as `timeout` says."),
        FIELD(struct redis_conf, read_timeout, .flags = ADDITION, TIME,
                .doc = "How long an answer may take, in milliseconds, when not as long as `timeout` says."),
        FIELD(struct redis_conf, keepalive_pool_size, .flags = ADDITION, BETWEEN(1, 2147483646),
                .doc = "Accepted. Each worker has one connection to a server, and all its requests share it."),
        FIELD(struct redis_conf, keepalive_backlog, .flags = ADDITION, BETWEEN(0, 2147483646),
                .doc = "Accepted, see `keepalive_pool_size`."),
        FIELD(struct redis_conf, sentinel_nodes, .flags = ADDITION, LEN_MIN(1), RECORDS(sentinel_node_schema),
                .doc = "Redis Sentinels, which say where the server is; `host` and `port` are not used then."),
        FIELD(struct redis_conf, sentinel_master, .flags = ADDITION,
                .doc = "The name under which Sentinels watch the server."),
        FIELD(struct redis_conf, sentinel_role, .flags = ADDITION, .one_of = ONE_OF("master", "slave", "any"),
                .doc = "Who is to be asked: the master, one of its replicas (which cannot count), or a replica when there "
                       "is no master (any)."),
        FIELD(struct redis_conf, sentinel_username, .flags = ADDITION | REFERENCEABLE,
                .doc = "User to log in as at the Sentinels."),
        FIELD(struct redis_conf, sentinel_password, .flags = ADDITION | REFERENCEABLE | ENCRYPTED | EMPTY_OK,
                .doc = "Password to log in with at the Sentinels."),
        FIELD(struct redis_conf, cluster_nodes, .flags = ADDITION, LEN_MIN(1), RECORDS(cluster_node_schema),
                .doc = "Some nodes of a Redis Cluster, which know the others; masters alone are asked, also for reading; `host` and `port` are not used then."),
        FIELD(struct redis_conf, cluster_max_redirections, .flags = ADDITION, BETWEEN(0, 100),
                .doc = "How often a command is sent on from node to node at most; unset: 5."),
        FIELD(struct redis_conf, connection_is_proxied, .flags = ADDITION,
                .doc = "`host` is a proxy that spreads keys over servers: no database is chosen, and keys that are used "
                       "together have a hash tag."),
        {0},
};

static const struct entity_check checks[] = {
        {.kind = CHECK_MUTUALLY_REQUIRED,
                .fields = FIELDS("sentinel_master", "sentinel_role", "sentinel_nodes"),
                .described_as = ""},
        {.kind = CHECK_MUTUALLY_EXCLUSIVE, .fields = FIELDS("sentinel_nodes", "cluster_nodes"), .described_as = ""},
        {0},
};

/* Whoever names others to ask for the server need not name the server. */
static void defaults(json_t *record)
{
	const json_t *host = json_object_get(record, "host");
	if ((!host || json_is_null(host)) && (json_array_size(json_object_get(record, "sentinel_nodes")) > 0 ||
	                                             json_array_size(json_object_get(record, "cluster_nodes")) > 0))
		json_object_set_new(record, "host", json_string("127.0.0.1"));
}

const struct schema redis_conf_schema = {
        .name = "redis",
        .size = sizeof(struct redis_conf),
        .fields = fields,
        .checks = checks,
        .defaults = defaults,
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

struct redis_tag redis_conf_tag(const struct redis_conf *conf)
{
	bool are_spread = conf->cluster_nodes.len > 0 ||
	                  (conf->connection_is_proxied.set && conf->connection_is_proxied.value);
	return are_spread ? (struct redis_tag){S("{"), S("}")} : (struct redis_tag){S(""), S("")};
}

/* ---- copies ---------------------------------------------------------------------------------------------------- */

static const size_t texts[] = {offsetof(struct redis_conf, host), offsetof(struct redis_conf, username),
        offsetof(struct redis_conf, password), offsetof(struct redis_conf, server_name),
        offsetof(struct redis_conf, sentinel_master), offsetof(struct redis_conf, sentinel_role),
        offsetof(struct redis_conf, sentinel_username), offsetof(struct redis_conf, sentinel_password)};
enum { TEXTS = sizeof texts / sizeof texts[0] };

static struct slice *text_at(const struct redis_conf *conf, size_t i)
{
	return (struct slice *)((uintptr_t)conf + texts[i]);
}

static struct record_list copy_addresses(struct arena *a, const struct record_list *list)
{
	struct redis_address *items = arena_array(a, struct redis_address, list->len);
	for (size_t i = 0; i < list->len; i++) {
		const struct redis_address *from = LIST_AT(*list, struct redis_address, i);
		items[i] = (struct redis_address){arena_dup(a, from->host), from->port};
	}
	return (struct record_list){items, list->len, sizeof *items};
}

struct redis_conf redis_conf_copy(struct arena *a, const struct redis_conf *conf)
{
	struct redis_conf copy = *conf;
	for (size_t i = 0; i < TEXTS; i++)
		*text_at(&copy, i) = arena_dup(a, *text_at(conf, i));
	copy.sentinel_nodes = copy_addresses(a, &conf->sentinel_nodes);
	copy.cluster_nodes = copy_addresses(a, &conf->cluster_nodes);
	return copy;
}

static bool are_same_addresses(const struct record_list *a, const struct record_list *b)
{
	bool same = a->len == b->len;
	for (size_t i = 0; same && i < a->len; i++) {
		const struct redis_address *one = LIST_AT(*a, struct redis_address, i);
		const struct redis_address *other = LIST_AT(*b, struct redis_address, i);
		same = slice_eq(one->host, other->host) && one->port == other->port;
	}
	return same;
}

static bool is_same_number(struct opt_int a, struct opt_int b)
{
	return a.set == b.set && (!a.set || a.value == b.value);
}

bool redis_conf_eq(const struct redis_conf *a, const struct redis_conf *b)
{
	for (size_t i = 0; i < TEXTS; i++)
		if (!slice_eq(*text_at(a, i), *text_at(b, i)))
			return false;
	return a->port == b->port && a->timeout == b->timeout && a->database == b->database && a->ssl == b->ssl &&
	       a->ssl_verify == b->ssl_verify && is_same_number(a->connect_timeout, b->connect_timeout) &&
	       is_same_number(a->send_timeout, b->send_timeout) && is_same_number(a->read_timeout, b->read_timeout) &&
	       is_same_number(a->cluster_max_redirections, b->cluster_max_redirections) &&
	       a->connection_is_proxied.set == b->connection_is_proxied.set &&
	       a->connection_is_proxied.value == b->connection_is_proxied.value &&
	       are_same_addresses(&a->sentinel_nodes, &b->sentinel_nodes) &&
	       are_same_addresses(&a->cluster_nodes, &b->cluster_nodes);
}
