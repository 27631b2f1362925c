/* tcp-log: a line of JSON per request, to a TCP server, over one connection that is kept (plugins.md 6). What is not
 * taken is lost, and counted. */
#include "common/plugin/log_conf.h"

struct tcp_log {
	struct slice host;
	int64_t port;
	double timeout, keepalive; /* ms */
	bool tls;
	struct slice tls_sni;
	struct slice_map custom_fields_by_lua;
};

static const struct field fields[] = {
        FIELD(struct tcp_log, host, .flags = REQUIRED, .doc = "The server, by name or address."),
        FIELD(struct tcp_log, port, .flags = REQUIRED, BETWEEN(0, 65535), .doc = "Its port."),
        FIELD(struct tcp_log, timeout, .dflt = "10000", .doc = "Milliseconds for connecting and sending each."),
        FIELD(struct tcp_log, keepalive, .dflt = "60000", .doc = "Milliseconds that an idle connection is kept."),
        FIELD(struct tcp_log, tls, .flags = REQUIRED, .dflt = "false", .doc = "Whether TLS is spoken."),
        FIELD(struct tcp_log, tls_sni, .doc = "The name that TLS asks for; unset: the host."),
        CUSTOM_FIELDS_BY_LUA(struct tcp_log),
        {0},
};

static const struct schema config = {
        .name = "tcp-log",
        .size = sizeof(struct tcp_log),
        .fields = fields,
        .checks = log_conf_checks,
};

static bool compile(const void *conf, struct arena *a, const void **compiled, struct err *e)
{
	const struct tcp_log *t = conf;
	struct sink *sink = arena_new(a, struct sink);

	*sink = (struct sink){.kind = SINK_TCP,
	        .encode = sink_encode_lines,
	        .plugin = "tcp-log",
	        .name = arena_printf(a, "%.*s:%lld:%d:%.*s", SLICE_ARG(t->host), (long long)t->port, t->tls,
	                SLICE_ARG(t->tls_sni)),
	        .host = t->host,
	        .port = (int)t->port,
	        .timeout_ms = (uint32_t)t->timeout,
	        .keepalive_ms = (uint32_t)t->keepalive,
	        .tls = t->tls,
	        .tls_name = t->tls_sni,
	        .queue = {.batch_size = LOG_LINES_AT_ONCE, .retry_ms = -1}};
	return log_conf_compile(a, sink, &t->custom_fields_by_lua, compiled, e);
}

const struct plugin tcp_log_plugin = {
        .name = "tcp-log",
        .priority = 7,
        .scopes = SCOPE_ALL,
        .protocols = PROTOCOLS_ANY,
        .config = &config,
        .compile = compile,
        .log = log_conf_send,
        .doc = "Sends a line of JSON per request to a TCP server.",
        .example = "{'host':'logs.example.com','port':5170,'tls':true}",
};
