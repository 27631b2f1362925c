/* udp-log: a datagram of JSON per request (plugins.md 6). A record that no datagram can hold is lost, and counted. */
#include "common/plugin/log_conf.h"

struct udp_log {
	struct slice host;
	int64_t port;
	double timeout; /* ms */
	struct slice_map custom_fields_by_lua;
};

static const struct field fields[] = {
        FIELD(struct udp_log, host, .flags = REQUIRED, .doc = "The server, by name or address."),
        FIELD(struct udp_log, port, .flags = REQUIRED, BETWEEN(0, 65535), .doc = "Its port."),
        FIELD(struct udp_log, timeout, .dflt = "10000",
                .doc = "Milliseconds. Accepted; a datagram that cannot be sent at once is lost."),
        CUSTOM_FIELDS_BY_LUA(struct udp_log),
        {0},
};

static const struct schema config = {
        .name = "udp-log",
        .size = sizeof(struct udp_log),
        .fields = fields,
        .checks = log_conf_checks,
};

static bool compile(const void *conf, struct arena *a, const void **compiled, struct err *e)
{
	const struct udp_log *u = conf;
	struct sink *sink = arena_new(a, struct sink);

	*sink = (struct sink){.kind = SINK_UDP,
	        .plugin = "udp-log",
	        .name = arena_printf(a, "%.*s:%lld", SLICE_ARG(u->host), (long long)u->port),
	        .host = u->host,
	        .port = (int)u->port,
	        .queue = {.retry_ms = -1}};
	return log_conf_compile(a, sink, &u->custom_fields_by_lua, compiled, e);
}

const struct plugin udp_log_plugin = {
        .name = "udp-log",
        .priority = 8,
        .scopes = SCOPE_ALL,
        .protocols = PROTOCOLS_ANY,
        .config = &config,
        .compile = compile,
        .log = log_conf_send,
        .doc = "Sends a datagram of JSON per request to a UDP server.",
        .example = "{'host':'logs.example.com','port':5170}",
};
