/* options: what settings say about requests and answers, read once and checked (proxy.md 4.3, 10.3). */
#include "common/core/file.h"
#include "common/core/number.h"
#include "common/net/iobuf.h"
#include "common/settings/settings.h"
#include "dp/proxy/proxy.h"

enum { TEMPLATE_MAX = 64 * 1024, HEAD_MIN = 1024 };

/* `headers` is a list of names and groups; `off` as its first item turns all of them off (proxy.md 4.3). */
static void show(struct proxy_options *o, struct slice item)
{
	bool latencies = slice_ieq(item, S("latency_tokens")), servers = slice_ieq(item, S("server_tokens"));
	o->show_server |= servers || slice_ieq(item, S("Server"));
	o->show_via |= servers || slice_ieq(item, S("Via"));
	o->show_proxy_latency |= latencies || slice_ieq(item, S("X-Kong-Proxy-Latency"));
	o->show_upstream_latency |= latencies || slice_ieq(item, S("X-Kong-Upstream-Latency"));
	o->show_response_latency |= latencies || slice_ieq(item, S("X-Kong-Response-Latency"));
	o->show_upstream_status |= slice_ieq(item, S("X-Kong-Upstream-Status"));
	o->show_request_id |= slice_ieq(item, S("X-Kong-Request-Id"));
}

static void read_headers(struct proxy_options *o, struct slice list)
{
	bool first = true;
	for (struct slice rest = list; slice_is_set(rest); first = false) {
		struct slice item = slice_trim(slice_cut(&rest, ','));
		if (first && slice_ieq(item, S("off")))
			return;
		show(o, item);
	}
}

static void read_router(struct router_options *o, const struct settings *s)
{
	o->flavor = slice_eq(s->router_flavor, S("traditional"))   ? ROUTER_TRADITIONAL
	            : slice_eq(s->router_flavor, S("expressions")) ? ROUTER_EXPRESSIONS
	                                                           : ROUTER_TRADITIONAL_COMPATIBLE;
	o->max_headers = (unsigned)s->lua_max_req_headers;
	o->max_args = (unsigned)s->lua_max_uri_args;
	o->calculation = slice_eq(s->route_match_calculation, S("strict")) ? ROUTER_STRICT : ROUTER_ORIGINAL;
}

/* ---- sizes ----------------------------------------------------------------------------------------------------- */

static bool read_size(struct slice text, const char *name, uint64_t *out, struct err *e)
{
	return settings_size(text, out) ||
	       err_set(e, "%s is '%.*s', expected a size such as 0, 8k or 10m", name, SLICE_ARG(text));
}

/* A head lies in one buffer. */
static bool check_head(uint64_t size, const char *name, struct err *e)
{
	if (size >= HEAD_MIN && size <= IOBUF_SIZE)
		return true;
	return err_set(e, "%s means a head of %llu bytes, expected %d to %d", name, (unsigned long long)size,
	        HEAD_MIN, IOBUF_SIZE);
}

/* "4 8k": a line of at most 8k, four of them in all. */
static bool read_request_limits(struct proxy_options *o, const struct settings *s, struct err *e)
{
	static const char name[] = "large_client_header_buffers";
	struct slice size = slice_trim(s->large_client_header_buffers), number = slice_cut(&size, ' ');
	uint64_t line = 0;
	int64_t n = 0;

	if (!slice_is_set(size) || !slice_to_int(number, &n) || n < 1 || n > 64 ||
	        !settings_size(slice_trim(size), &line))
		return err_set(e, "%s is '%.*s', expected a number and a size such as 4 8k", name,
		        SLICE_ARG(s->large_client_header_buffers));
	o->request_limits = h1_default_limits;
	o->request_limits.line = (size_t)line;
	o->request_limits.block = (size_t)line * (size_t)n;
	o->request_limits.compat = slice_eq(s->http_strictness, S("compat"));
	return check_head(o->request_limits.block, name, e);
}

static bool read_response_limits(struct proxy_options *o, const struct settings *s, struct err *e)
{
	uint64_t size = 0;
	o->response_limits = h1_default_limits;
	o->response_limits.tolerate_equal = slice_eq(s->upstream_duplicate_framing, S("tolerate_equal"));
	if (!read_size(s->proxy_buffer_size, "proxy_buffer_size", &size, e) ||
	        !check_head(size, "proxy_buffer_size", e))
		return false;
	o->response_limits.line = o->response_limits.block = (size_t)size;
	return true;
}

/* ---- what is tried again --------------------------------------------------------------------------------------- */

static const struct retry_word {
	struct slice word;
	unsigned condition;
} retry_words[] = {
        {SLICE("off"), 0},
        {SLICE("error"), RETRY_ERROR},
        {SLICE("timeout"), RETRY_TIMEOUT},
        {SLICE("invalid_header"), RETRY_INVALID},
        {SLICE("non_idempotent"), RETRY_NON_IDEMPOTENT},
        {SLICE("http_500"), RETRY_500},
        {SLICE("http_502"), RETRY_502},
        {SLICE("http_503"), RETRY_503},
        {SLICE("http_504"), RETRY_504},
        {SLICE("http_403"), RETRY_403},
        {SLICE("http_404"), RETRY_404},
        {SLICE("http_429"), RETRY_429},
};

static bool read_retry(struct retry_rules *r, const struct settings *s, struct err *e)
{
	for (struct slice rest = s->proxy_next_upstream; slice_is_set(rest);) {
		struct slice word = slice_trim(slice_cut(&rest, ' '));
		size_t i = 0, n = sizeof retry_words / sizeof *retry_words;
		while (i < n && !slice_eq(retry_words[i].word, word))
			i++;
		if (word.len && i == n)
			return err_set(e,
			        "proxy_next_upstream: '%.*s' is no condition, expected such as error timeout",
			        SLICE_ARG(word));
		if (word.len)
			r->conditions |= retry_words[i].condition;
	}
	r->tries = (uint32_t)s->proxy_next_upstream_tries;
	r->timeout_ms = (uint32_t)s->proxy_next_upstream_timeout * 1000;
	return true;
}

/* ---- traces ---------------------------------------------------------------------------------------------------- */

/* The settings table has checked the words. */
static unsigned read_instrumentations(struct slice text)
{
	static const struct {
		struct slice word;
		unsigned what;
	} words[] = {
	        {SLICE("all"), ~0u},
	        {SLICE("request"), TRACING_REQUEST},
	        {SLICE("router"), TRACING_ROUTER},
	        {SLICE("balancer"), TRACING_BALANCER},
	        {SLICE("dns_query"), TRACING_DNS},
	        {SLICE("plugin_rewrite"), TRACING_REWRITE},
	        {SLICE("plugin_access"), TRACING_ACCESS},
	        {SLICE("plugin_header_filter"), TRACING_RESPONSE_HEAD},
	};
	unsigned what = 0;
	while (slice_is_set(text)) {
		struct slice word = slice_trim(slice_cut(&text, ','));
		for (size_t i = 0; i < sizeof words / sizeof *words; i++)
			if (slice_eq(words[i].word, word))
				what |= words[i].what;
	}
	return what;
}

static void read_tracing(struct tracing *t, const struct settings *s)
{
	t->what = read_instrumentations(s->tracing_instrumentations);
	number_parse(s->tracing_sampling_rate, &t->rate);
}

/* ---- error bodies ---------------------------------------------------------------------------------------------- */

static bool read_template(
        struct proxy_options *o, struct arena *a, enum error_kind kind, struct slice path, struct err *e)
{
	if (path.len == 0)
		return true;
	return file_read(a, arena_cstr(a, path), TEMPLATE_MAX, &o->error_templates[kind], e) &&
	       error_template_check(o->error_templates[kind], path, e);
}

static bool read_templates(struct proxy_options *o, const struct settings *s, struct arena *a, struct err *e)
{
	return read_template(o, a, ERROR_JSON, s->error_template_json, e) &&
	       read_template(o, a, ERROR_HTML, s->error_template_html, e) &&
	       read_template(o, a, ERROR_XML, s->error_template_xml, e) &&
	       read_template(o, a, ERROR_PLAIN, s->error_template_plain, e);
}

/* ---- all of it ------------------------------------------------------------------------------------------------- */

static struct slice charset_suffix(struct arena *a, struct slice charset)
{
	if (charset.len == 0 || slice_eq(charset, S("off")))
		return (struct slice){0};
	return arena_printf(a, "; charset=%.*s", SLICE_ARG(charset));
}

bool proxy_options_init(struct proxy_options *o, const struct settings *s, struct arena *a, struct err *e)
{
	*o = (struct proxy_options){
	        .server_token = arena_dup(a, s->server_token),
	        .via = arena_printf(a, "1.1 %.*s", SLICE_ARG(s->server_token)),
	        .send_request_id = !slice_ieq(s->headers_upstream, S("off")),
	        .error_default_type = arena_dup(a, s->error_default_type),
	        .upgrade_protocols = arena_dup(a, s->upgrade_protocols),
	        .upgrade_connection = slice_eq(s->websocket_connection_header, S("upgrade"))
	                                      ? S("Upgrade")
	                                      : S("keep-alive, Upgrade"),
	        .websocket_idle_ms = (uint32_t)s->websocket_idle_timeout * 1000,
	        .charset = charset_suffix(a, s->charset),
	        .retry_stale_post = s->retry_stale_post,
	        .answer_half_closed = slice_eq(s->client_half_close, S("answer")),
	        .drop_underscores = !s->underscores_in_headers,
	        .debug_headers = s->allow_debug_header,
	        .pool = {(uint32_t)s->upstream_keepalive_pool_size, (uint32_t)s->upstream_keepalive_max_requests,
	                (uint32_t)s->upstream_keepalive_idle_timeout * 1000},
	        .ping_ms = (uint32_t)s->upstream_http2_ping_interval * 1000,
	};
	read_headers(o, s->headers);
	read_router(&o->router, s);
	read_tracing(&o->tracing, s);
	return trust_init(&o->trust, a, s->trusted_ips, s->real_ip_header, s->real_ip_recursive, e) &&
	       read_size(s->client_max_body_size, "nginx_http_client_max_body_size", &o->max_body, e) &&
	       read_size(s->client_body_buffer_size, "nginx_http_client_body_buffer_size", &o->body_buffer, e) &&
	       read_request_limits(o, s, e) && read_response_limits(o, s, e) && read_retry(&o->retry, s, e) &&
	       read_templates(o, s, a, e);
}
