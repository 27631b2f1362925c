/* log_record: the record that all logging plugins send, as compact JSON (plugins.md 0.10, proxy.md 11.3). Written as
 * text straight from the exchange, once per request; only members that a plugin changes from outside (a dotted name,
 * one of ours replaced or taken out) make it go through a JSON tree. */
#include <jansson.h>

#include "common/core/text.h"
#include "common/plugin/args.h"
#include "common/plugin/plugin.h"

enum { FIELDS_MAX = 100 }; /* of a head: lua_max_req_headers, lua_max_resp_headers */
enum { FIRST_SIZE = 4096 };

#define WORKSPACE_ID "0dc6f45b-8f8d-40d2-a504-473544ee190b"

/* ---- pieces of JSON ------------------------------------------------------------------------------------------- */

#define MEMBER(out, name)  text_put((out), S(",\"" name "\":"))
#define LITERAL(out, text) text_put((out), S(text))

/* What is known to need no escaping: ids, addresses, words of our own. */
static void put_plain(struct text *out, struct slice s)
{
	text_putc(out, '"');
	text_put(out, s);
	text_putc(out, '"');
}

/* ---- heads: a name that stands several times is a list where it first stood ----------------------------------- */

static bool same_name(const struct header *a, const struct header *b)
{
	return a->id == b->id && (a->id != HEADER_OTHER || slice_ieq(a->name, b->name));
}

/* How often each known name stands there. Most stand once, and need no looking around. */
struct tally {
	uint8_t of[HEADER_COUNT];
};

static void count_names(const struct head *h, uint32_t n, struct tally *out)
{
	memset(out, 0, sizeof *out);
	for (uint32_t i = 0; i < n; i++)
		out->of[h->headers[i].id]++;
}

static bool is_alone(const struct tally *t, const struct header *f)
{
	return t->of[f->id] == 1;
}

/* Is there a field of this name in [from, to)? */
static bool is_among(const struct head *h, const struct header *f, uint32_t from, uint32_t to)
{
	for (uint32_t k = from; k < to; k++)
		if (same_name(f, &h->headers[k]))
			return true;
	return false;
}

static void put_values(struct text *out, const struct head *h, uint32_t n, uint32_t first)
{
	char before = '[';
	for (uint32_t k = first; k < n; k++) {
		if (!same_name(&h->headers[first], &h->headers[k]))
			continue;
		text_putc(out, before);
		text_put_json(out, h->headers[k].value);
		before = ',';
	}
	text_putc(out, ']');
}

static bool is_secret(const struct header *h)
{
	return h->id == HEADER_AUTHORIZATION || h->id == HEADER_PROXY_AUTHORIZATION;
}

static void put_value(struct text *out, const struct head *h, uint32_t n, uint32_t i, bool alone, bool redact)
{
	if (redact && is_secret(&h->headers[i]))
		LITERAL(out, "\"REDACTED\"");
	else if (!alone && is_among(h, &h->headers[i], i + 1, n))
		put_values(out, h, n, i);
	else
		text_put_json(out, h->headers[i].value);
}

static void put_headers(struct text *out, const struct head *h, bool redact)
{
	uint32_t n = !h ? 0 : h->count < FIELDS_MAX ? h->count : FIELDS_MAX;
	struct tally tally;
	char before = '{';

	count_names(h, n, &tally);
	for (uint32_t i = 0; i < n; i++) {
		const struct header *f = &h->headers[i];
		bool alone = is_alone(&tally, f);
		if (!alone && is_among(h, f, 0, i))
			continue;
		text_putc(out, before);
		before = ',';
		text_put_json_lower(out, f->name);
		text_putc(out, ':');
		put_value(out, h, n, i, alone, redact);
	}
	if (before == '{')
		text_putc(out, '{');
	text_putc(out, '}');
}

/* ---- the query ------------------------------------------------------------------------------------------------- */

static void put_arg(struct text *out, struct slice value)
{
	if (slice_is_set(value))
		text_put_json(out, value);
	else
		text_puts(out, "true");
}

static size_t count_args(const struct arg_list *args, size_t from, struct slice name)
{
	size_t n = 0;
	for (size_t i = from; i < args->len; i++)
		n += slice_eq(args->items[i].name, name);
	return n;
}

/* No JSON reader takes U+0000 in a name. */
static struct slice without_nul(struct arena *a, struct slice name)
{
	if (!name.len || !memchr(name.ptr, 0, name.len))
		return name;
	char *copy = arena_cstr(a, name);
	for (size_t i = 0; i < name.len; i++)
		if (!copy[i])
			copy[i] = ' ';
	return slice_of(copy, name.len);
}

/* Kong's: a list for repeats, true for a bare name. */
static void put_querystring(struct text *out, struct call *c, struct slice query)
{
	struct arg_list args;
	bool any = false;

	if (!query.len) {
		LITERAL(out, "{}");
		return;
	}
	args = args_list(c->x->arena, query);
	text_putc(out, '{');
	for (size_t i = 0; i < args.len; i++) {
		struct slice name = args.items[i].name;
		size_t n = count_args(&args, i, name);
		if (count_args(&args, 0, name) > n)
			continue;
		if (any)
			text_putc(out, ',');
		any = true;
		text_put_json(out, without_nul(c->x->arena, name));
		text_puts(out, n > 1 ? ":[" : ":");
		for (size_t k = i, written = 0; k < args.len; k++) {
			if (!slice_eq(args.items[k].name, name))
				continue;
			if (written++)
				text_putc(out, ',');
			put_arg(out, args.items[k].value);
		}
		if (n > 1)
			text_putc(out, ']');
	}
	text_putc(out, '}');
}

/* ---- members of the record ------------------------------------------------------------------------------------ */

static struct slice host_of(const struct exchange *x)
{
	struct slice host = head_get(x->request, HEADER_HOST), name;
	int port;
	return authority_split(host, &name, &port) ? name : host;
}

/* Path and query of a target as received; all of one that is neither. */
static struct slice uri_of(struct slice target, const struct uri *split)
{
	if (!split)
		return target;
	size_t path_at = split->path.len ? (size_t)(split->path.ptr - target.ptr) : target.len;
	return path_at < target.len ? slice_from(target, path_at) : S("/");
}

static struct slice url_of(struct call *c, const struct uri *split)
{
	struct exchange *x = c->x;
	struct slice host = host_of(x), target = x->request->target;
	char *low = arena_alloc(x->arena, host.len);
	for (size_t i = 0; i < host.len; i++)
		low[i] = (char)ascii_lower((unsigned char)host.ptr[i]);
	if (split && split->path.len)
		target = slice_from(target, (size_t)(split->path.ptr - target.ptr));
	return ARENA_JOIN(x->arena, x->scheme, S("://"), slice_of(low, host.len), S(":"),
	        arena_decimal(x->arena, x->port), target);
}

struct slice call_request_url(struct call *c)
{
	struct uri uri;
	return url_of(c, uri_split(c->x->request->target, &uri) ? &uri : NULL);
}

static void put_tls(struct text *out, const struct tls_facts *tls)
{
	LITERAL(out, "\"tls\":{\"version\":");
	text_put_json(out, tls->version);
	MEMBER(out, "cipher");
	text_put_json(out, tls->cipher);
	MEMBER(out, "client_verify");
	text_put_json(out, tls->client_verify);
	text_putc(out, '}');
}

static void put_request(struct text *out, struct call *c)
{
	const struct exchange *x = c->x;
	struct uri uri, *split = uri_split(x->request->target, &uri) ? &uri : NULL;
	LITERAL(out, "{\"request\":{\"id\":");
	put_plain(out, x->request_id);
	MEMBER(out, "method");
	text_put_json(out, call_method(c));
	MEMBER(out, "uri");
	text_put_json(out, uri_of(x->request->target, split));
	MEMBER(out, "url");
	text_put_json(out, url_of(c, split));
	MEMBER(out, "querystring");
	put_querystring(out, c, split ? split->query : S(""));
	MEMBER(out, "headers");
	put_headers(out, x->request, true);
	MEMBER(out, "size");
	text_put_int(out, (int64_t)x->request_size);
	if (slice_is_set(x->tls.version)) {
		text_putc(out, ',');
		put_tls(out, &x->tls);
	}
	text_putc(out, '}');
}

/* "502, 200": of all tries. */
static void put_upstream_status(struct text *out, const struct exchange *x)
{
	bool any = false;
	LITERAL(out, ",\"upstream_status\":\"");
	for (size_t i = 0; i < x->tries_count; i++) {
		int status = x->tries[i].status ? x->tries[i].status : x->tries[i].code;
		if (!status)
			continue;
		if (any)
			LITERAL(out, ", ");
		text_put_int(out, status);
		any = true;
	}
	text_putc(out, '"');
}

static void put_response(struct text *out, const struct exchange *x)
{
	LITERAL(out, ",\"response\":{\"status\":");
	text_put_int(out, x->status);
	MEMBER(out, "headers");
	put_headers(out, x->response, false);
	MEMBER(out, "size");
	text_put_int(out, (int64_t)x->response_size);
	text_putc(out, '}');
}

static int64_t ms_between(uint64_t from_ns, uint64_t to_ns)
{
	return to_ns > from_ns ? (int64_t)((to_ns - from_ns) / 1000000) : 0;
}

struct latencies call_latencies(struct call *c)
{
	const struct exchange *x = c->x;
	return (struct latencies){
	        .kong = ms_between(x->started_ns, x->chosen_ns ? x->chosen_ns : x->ended_ns),
	        .proxy = x->first_byte_ns ? ms_between(x->chosen_ns, x->first_byte_ns) : -1,
	        .request = ms_between(x->started_ns, x->ended_ns),
	        .receive = x->first_byte_ns ? ms_between(x->first_byte_ns, x->ended_ns) : 0,
	};
}

static void put_latencies(struct text *out, struct call *c)
{
	struct latencies ms = call_latencies(c);
	LITERAL(out, ",\"latencies\":{\"kong\":");
	text_put_int(out, ms.kong);
	MEMBER(out, "proxy");
	text_put_int(out, ms.proxy);
	MEMBER(out, "request");
	text_put_int(out, ms.request);
	MEMBER(out, "receive");
	text_put_int(out, ms.receive);
	text_putc(out, '}');
}

static void put_try(struct text *out, const struct upstream_try *t)
{
	LITERAL(out, "{\"balancer_start\":");
	text_put_int(out, t->started_ns / 1000000);
	MEMBER(out, "balancer_start_ns");
	text_put_int(out, t->started_ns);
	MEMBER(out, "balancer_latency");
	text_put_int(out, (int64_t)(t->chosen_ns / 1000000));
	MEMBER(out, "balancer_latency_ns");
	text_put_int(out, (int64_t)t->chosen_ns);
	MEMBER(out, "ip");
	put_plain(out, t->ip);
	MEMBER(out, "port");
	text_put_int(out, t->port);
	if (t->reused)
		LITERAL(out, ",\"keepalive\":true");
	if (t->failed) {
		LITERAL(out, ",\"state\":\"failed\",\"code\":");
		text_put_int(out, t->code);
	}
	text_putc(out, '}');
}

static void put_tries(struct text *out, const struct exchange *x)
{
	for (size_t i = 0; i < x->tries_count; i++) {
		text_puts(out, i ? "," : ",\"tries\":[");
		put_try(out, &x->tries[i]);
	}
	if (x->tries_count)
		text_putc(out, ']');
}

/* {"id":...} becomes {"ws_id":...,"id":...}. */
static void put_entity(
        struct text *out, struct call *c, const char *name, const struct schema *kind, const struct uuid *id, bool ws)
{
	struct slice json = c->host->entity_json(c, kind, id);
	if (json.len < 2)
		return;
	LITERAL(out, ",\"");
	text_puts(out, name);
	text_put(out, ws ? S("\":{\"ws_id\":\"" WORKSPACE_ID "\"") : S("\":{"));
	if (ws && json.len > 2)
		text_putc(out, ',');
	text_put(out, slice_from(json, 1));
}

static void put_entities(struct text *out, struct call *c)
{
	const struct exchange *x = c->x;
	static const struct uuid nil;
	if (x->has_credential && !uuid_eq(&x->credential_id, &nil)) {
		LITERAL(out, ",\"authenticated_entity\":{\"id\":");
		put_plain(out, call_uuid_text(c, &x->credential_id));
		text_putc(out, '}');
	}
	if (x->route)
		put_entity(out, c, "route", &route_schema, &x->route->id, true);
	if (x->service)
		put_entity(out, c, "service", &service_schema, &x->service->id, true);
	if (x->consumer)
		put_entity(out, c, "consumer", &consumer_schema, &x->consumer->id, false);
}

/* "Stream connections" of 0.10. */
static void put_session(struct text *out, struct call *c)
{
	const struct exchange *x = c->x;
	struct latencies ms = call_latencies(c);
	LITERAL(out, "{\"session\":{");
	if (slice_is_set(x->tls.version)) {
		put_tls(out, &x->tls);
		text_putc(out, ',');
	}
	text_printf(out,
	        "\"received\":%llu,\"sent\":%llu,\"status\":%d,\"server_port\":%d},\"upstream\":{\"received\":%llu,"
	        "\"sent\":%llu},\"latencies\":{\"kong\":%lld,\"session\":%lld}",
	        (unsigned long long)x->session->received, (unsigned long long)x->session->sent, x->status, x->port,
	        (unsigned long long)x->session->upstream_received, (unsigned long long)x->session->upstream_sent,
	        (long long)ms.kong, (long long)ms.request);
}

/* What only requests have. */
static void put_exchange(struct text *out, struct call *c)
{
	const struct exchange *x = c->x;
	put_request(out, c);
	if (slice_is_set(x->upstream_uri)) {
		MEMBER(out, "upstream_uri");
		text_put_json(out, x->upstream_uri);
	}
	put_upstream_status(out, x);
	put_response(out, x);
	put_latencies(out, c);
	text_put(out, x->from_upstream ? S(",\"source\":\"upstream\"") : S(",\"source\":\"kong\""));
}

static void put_record(struct text *out, struct call *c)
{
	const struct exchange *x = c->x;
	if (x->session)
		put_session(out, c);
	else
		put_exchange(out, c);
	put_tries(out, x);
	put_entities(out, c);
	MEMBER(out, "client_ip");
	put_plain(out, x->client_ip);
	MEMBER(out, "started_at");
	text_put_int(out, x->started_ms);
	text_puts(out, ",\"workspace\":\"" WORKSPACE_ID "\",\"workspace_name\":\"default\"");
}

/* ---- members that plugins add --------------------------------------------------------------------------------- */

static void drop_json(void *json)
{
	json_decref(json);
}

void call_log_set(struct call *c, struct slice key, json_t *value)
{
	struct log_extra *extra = arena_new(c->x->arena, struct log_extra), **last = &c->x->log_extras;
	*extra = (struct log_extra){.key = key, .value = value};
	if (value)
		arena_defer(c->x->arena, drop_json, value);
	while (*last)
		last = &(*last)->next;
	*last = extra;
	c->x->log_record = slice_of(NULL, 0);
}

/* Could it be there already, or is it more than a member at the end? */
static bool needs_tree(const struct log_extra *e)
{
	static const struct slice ours[] = {SLICE("request"), SLICE("upstream_uri"), SLICE("upstream_status"),
	        SLICE("response"), SLICE("latencies"), SLICE("tries"), SLICE("authenticated_entity"), SLICE("route"),
	        SLICE("service"), SLICE("consumer"), SLICE("client_ip"), SLICE("started_at"), SLICE("source"),
	        SLICE("workspace"), SLICE("workspace_name"), SLICE("session"), SLICE("upstream")};
	if (!e->value || slice_find(e->key, '.') >= 0)
		return true;
	for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
		if (slice_eq(ours[i], e->key))
			return true;
	for (const struct log_extra *later = e->next; later; later = later->next)
		if (slice_eq(later->key, e->key))
			return true;
	return false;
}

/* "a.b" is member b of object a, made when it is not there. */
static void set_member(json_t *record, struct slice key, json_t *value)
{
	json_t *at = record;
	for (;;) {
		struct slice name = slice_cut(&key, '.');
		if (!slice_is_set(key)) {
			if (value)
				json_object_setn_nocheck(at, name.ptr, name.len, value);
			else
				json_object_deln(at, name.ptr, name.len);
			return;
		}
		json_t *inner = json_object_getn(at, name.ptr, name.len);
		if (!json_is_object(inner)) {
			if (!value)
				return;
			inner = json_object();
			json_object_setn_new_nocheck(at, name.ptr, name.len, inner);
		}
		at = inner;
	}
}

static struct slice through_tree(struct call *c, const struct text *text)
{
	json_t *record = json_loadb(text->ptr, text->len, JSON_ALLOW_NUL, NULL);
	for (const struct log_extra *e = c->x->log_extras; e; e = e->next)
		set_member(record, e->key, e->value);
	struct slice out = args_json(c->x->arena, record);
	json_decref(record);
	return out;
}

static struct slice finish(struct call *c, struct text *out)
{
	bool tree = false;
	for (const struct log_extra *e = c->x->log_extras; e; e = e->next)
		tree |= needs_tree(e);
	for (const struct log_extra *e = c->x->log_extras; e && !tree; e = e->next) {
		text_putc(out, ',');
		text_put_json(out, e->key);
		text_putc(out, ':');
		text_put(out, args_json(c->x->arena, e->value));
	}
	text_putc(out, '}');
	return tree ? through_tree(c, out) : text_slice(out);
}

/* In a text of the worker, which the next record will use: nothing is allocated, and sinks copy what they keep. */
struct slice call_log_record(struct call *c)
{
	if (slice_is_set(c->x->log_record))
		return c->x->log_record;
	struct text *out = c->host->record_text(c);
	text_clear(out);
	text_reserve(out, FIRST_SIZE);
	put_record(out, c);
	c->x->log_record = finish(c, out);
	return c->x->log_record;
}
