/* http-log: the record of each request, posted to a collector, one by one or in batches (plugins.md 6, 0.9). */
#include "common/plugin/log_conf.h"
#include "common/plugin/queue_conf.h"

struct http_log {
	struct slice http_endpoint, method, content_type;
	double timeout, keepalive; /* ms */
	struct opt_int retry_count, queue_size;
	struct opt_num flush_timeout;
	struct slice_map headers, custom_fields_by_lua;
	struct queue_conf queue;
};

static bool check_header(const struct field *f, json_t **value, struct err *e)
{
	static const struct {
		struct slice name;
		const char *text;
	} own[] = {{SLICE("host"), "cannot contain 'Host' header"},
	        {SLICE("content-length"), "cannot contain 'Content-Length' header"},
	        {SLICE("content-type"), "cannot contain 'Content-Type' header"}};
	struct slice name = slice_cstr(json_string_value(*value));
	for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
		if (slice_ieq(name, own[i].name))
			return err_set(e, "%s", own[i].text);
	return true;
}

/* u0027 is the apostrophe. */
#define NO_HEADER(name, pattern) "{'err':'cannot contain \\u0027" name "\\u0027 header','pattern':'" pattern "'}"
#define OWN_HEADERS                                                                                       \
	"{'match_none':[" NO_HEADER("Host", "^[Hh][Oo][Ss][Tt]$") "," NO_HEADER("Content-Length",         \
	        "^[Cc][Oo][Nn][Tt][Ee][Nn][Tt]%-[Ll][Ee][nn][Gg][Tt][Hh]$") "," NO_HEADER("Content-Type", \
	        "^[Cc][Oo][Nn][Tt][Ee][Nn][Tt]%-[Tt][Yy][Pp][Ee]$") "]}"

static const struct field fields[] = {
        FIELD(struct http_log, http_endpoint, .flags = REQUIRED | REFERENCEABLE | ENCRYPTED, .format = FORMAT_URL,
                .doc = "Where records are sent. User and password in it become an `Authorization` header."),
        FIELD(struct http_log, method, .dflt = "'POST'", .one_of = ONE_OF("POST", "PUT", "PATCH"),
                .doc = "Method of the requests."),
        FIELD(struct http_log, content_type, .dflt = "'application/json'",
                .one_of = ONE_OF("application/json", "application/json; charset=utf-8"),
                .doc = "Their Content-Type."),
        FIELD(struct http_log, timeout, .dflt = "10000",
                .doc = "Milliseconds for connecting, sending and waiting each."),
        FIELD(struct http_log, keepalive, .dflt = "60000", .doc = "Milliseconds that an idle connection is kept."),
        FIELD(struct http_log, retry_count,
                DEPRECATED("http-log: config.retry_count no longer works, please use config.queue.max_retry_time "
                           "instead",
                        "10"),
                .doc = "Deprecated and without effect; see `queue.max_retry_time`."),
        FIELD(struct http_log, queue_size,
                DEPRECATED("http-log: config.queue_size is deprecated, please use config.queue.max_batch_size "
                           "instead",
                        "1"),
                .doc = "Deprecated; see `queue.max_batch_size`."),
        FIELD(struct http_log, flush_timeout,
                DEPRECATED("http-log: config.flush_timeout is deprecated, please use "
                           "config.queue.max_coalescing_delay instead",
                        "2"),
                .doc = "Deprecated; see `queue.max_coalescing_delay`."),
        FIELD(struct http_log, headers,
                KEYS(.format = FORMAT_HEADER_NAME, .check = check_header, .described_as = OWN_HEADERS),
                VALUES(.type = TYPE_STRING, .flags = REFERENCEABLE), .doc = "Further headers of the requests."),
        FIELD(struct http_log, queue, .flags = REQUIRED, .record = &queue_conf_schema,
                .doc = "How records wait until they are sent."),
        CUSTOM_FIELDS_BY_LUA(struct http_log),
        {0},
};

static bool has_userinfo(const char *url)
{
	const char *authority = strstr(url, "://");
	authority = authority ? authority + 3 : url;
	return memchr(authority, '@', strcspn(authority, "/?#")) != NULL;
}

static void check_authorization(const json_t *merged, bool is_update, struct violations *v)
{
	json_t *conf = json_object_get(merged, "config"), *headers = json_object_get(conf, "headers"), *value;
	const char *url = json_string_value(json_object_get(conf, "http_endpoint")), *name;

	json_object_foreach(
	        headers, name, value) if (url && has_userinfo(url) && strcasecmp(name, "authorization") == 0)
	        violations_add(v, "config",
	                "specifying both an 'Authorization' header and user info in 'http_endpoint' is "
	                "not allowed");
}

static const struct entity_check checks[] = {CUSTOM(check_authorization), CUSTOM(log_conf_check), {0}};

static const struct schema config = {
        .name = "http-log",
        .size = sizeof(struct http_log),
        .fields = fields,
        .checks = checks,
};

/* A batch is an array, also when it has become one of one entry. */
static void add_headers(struct sink *sink, const struct http_log *h, struct arena *a)
{
	head_init(&sink->headers, a);
	head_add(&sink->headers, S("Content-Type"), h->content_type);
	for (size_t i = 0; i < h->headers.len; i++)
		head_add(&sink->headers, h->headers.items[i].key, h->headers.items[i].value);
}

/* Configurations that log to the same place share a queue. */
static struct slice queue_name(const struct http_log *h, struct arena *a)
{
	return arena_printf(a, "%.*s:%.*s:%.*s:%.0f:%.0f:%lld", SLICE_ARG(h->http_endpoint), SLICE_ARG(h->method),
	        SLICE_ARG(h->content_type), h->timeout, h->keepalive, (long long)h->retry_count.value);
}

static bool compile(const void *conf, struct arena *a, const void **compiled, struct err *e)
{
	const struct http_log *h = conf;
	struct sink *sink = arena_new(a, struct sink);

	*sink = (struct sink){.kind = SINK_HTTP,
	        .plugin = "http-log",
	        .name = queue_name(h, a),
	        .url = h->http_endpoint,
	        .method = h->method,
	        .timeout_ms = (uint32_t)h->timeout,
	        .keepalive_ms = (uint32_t)h->keepalive,
	        .queue = queue_conf_read(&h->queue, &(struct queue_legacy){h->queue_size, 1, h->flush_timeout, 2})};
	if (sink->queue.batch_size > 1)
		sink->encode = sink_encode_array;
	add_headers(sink, h, a);
	return log_conf_compile(a, sink, &h->custom_fields_by_lua, compiled, e);
}

const struct plugin http_log_plugin = {
        .name = "http-log",
        .priority = 12,
        .scopes = SCOPE_ALL,
        .protocols = PROTOCOLS_ANY,
        .config = &config,
        .compile = compile,
        .log = log_conf_send,
        .doc = "Sends the record of each request to an HTTP server.",
        .example =
                "{'http_endpoint':'https://logs.example.com/in','queue':{'max_batch_size':100,'max_coalescing_delay':1}}",
};
