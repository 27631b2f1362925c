/* proxy-cache: keeps answers of upstreams and gives them again, from the node's memory or from Redis
 * (plugins.md 3.6). An answer is copied while it passes to the client, who does not wait for that. What is too large,
 * cut off or of the wrong kind just passes. A cache that does not answer is no error: the upstream is asked. */
#include "common/core/log.h"
#include "common/crypto/digest.h"
#include "common/http/cache_control.h"
#include "common/http/media_type.h"
#include "common/plugin/cached_answer.h"
#include "common/plugin/plugin.h"
#include "common/plugin/redis_conf.h"
#include "common/schema/violations.h"

struct memory_conf {
	struct slice dictionary_name;
};
struct shown {
	struct opt_bool age, status, key;
};
struct proxy_cache {
	struct int_list response_code;
	struct slice_list request_method, content_type;
	struct opt_int cache_ttl, storage_ttl;
	struct slice strategy;
	bool cache_control;
	struct opt_bool ignore_uri_case;
	struct memory_conf memory;
	struct slice_list vary_query_params, vary_headers;
	struct shown response_headers;
	struct redis_conf redis;
	struct opt_int max_body_size;
};

/* ---- configuration --------------------------------------------------------------------------------------------- */

static const struct field memory_fields[] = {
        FIELD(struct memory_conf, dictionary_name, .flags = REQUIRED, .dflt = "'kong_db_cache'",
                .doc = "One of the names of Kong's shared memories. All mean the node's one cache, whose size is "
                       "`mem_cache_size`."),
        {0},
};
static const struct schema memory_schema = {
        .name = "memory", .size = sizeof(struct memory_conf), .fields = memory_fields};

static const struct field shown_fields[] = {
        FIELD(struct shown, age, .dflt = "true", .doc = "`Age`: how many seconds ago the answer was stored."),
        FIELD_AS(struct shown, status, "X-Cache-Status", .dflt = "true",
                .doc = "`X-Cache-Status`: Hit, Miss, Refresh or Bypass."),
        FIELD_AS(struct shown, key, "X-Cache-Key", .dflt = "true",
                .doc = "`X-Cache-Key`: under which key the answer is stored."),
        {0},
};
static const struct schema shown_schema = {
        .name = "response_headers", .size = sizeof(struct shown), .fields = shown_fields};

static const struct field fields[] = {
        FIELD(struct proxy_cache, response_code, .flags = REQUIRED, .dflt = "[200,301,404]", LEN_MIN(1),
                INTEGERS(BETWEEN(100, 900)), .doc = "Statuses of answers that are stored."),
        FIELD(struct proxy_cache, request_method, .flags = REQUIRED, .dflt = "['GET','HEAD']",
                STRINGS(.one_of = ONE_OF("HEAD", "GET", "POST", "PATCH", "PUT")),
                .doc = "Methods whose answers are stored. Answers to HEAD never are."),
        FIELD(struct proxy_cache, content_type, .flags = REQUIRED, .dflt = "['text/plain','application/json']",
                STRINGS(),
                .doc = "Media types of answers that are stored, with exactly these parameters; `*` stands "
                       "for any type or subtype."),
        FIELD(struct proxy_cache, cache_ttl, .dflt = "300", GT(0),
                .doc = "For how many seconds an answer is used without asking again."),
        FIELD(struct proxy_cache, strategy, .flags = REQUIRED, .one_of = ONE_OF("memory", "redis"),
                .described_as = "{'one_of':['memory']}",
                .doc = "Where answers are kept: in each node's memory (memory), or in Redis for all nodes together "
                       "(redis, Gatehouse's own)."),
        FIELD(struct proxy_cache, cache_control, .flags = REQUIRED, .dflt = "false",
                .doc = "Do as Cache-Control of request and answer say (RFC 9111)."),
        FIELD(struct proxy_cache, ignore_uri_case, .flags = OPTIONAL, .dflt = "false",
                .doc = "Paths that differ in case only have one answer."),
        FIELD(struct proxy_cache, storage_ttl,
                .doc = "For how many seconds an answer is kept, when not as long as it may be used."),
        FIELD(struct proxy_cache, memory, .flags = REQUIRED, .record = &memory_schema,
                .doc = "Where answers are kept, with `strategy` memory."),
        FIELD(struct proxy_cache, vary_query_params, STRINGS(),
                .doc = "The query arguments that make a difference; unset: all."),
        FIELD(struct proxy_cache, vary_headers, STRINGS(),
                .doc = "The request's headers that make a difference; unset: none."),
        FIELD(struct proxy_cache, response_headers, .flags = REQUIRED, .record = &shown_schema,
                .doc = "What clients are told. A request with a header `Kong-Debug` is told everything."),
        FIELD(struct proxy_cache, redis, .flags = ADDITION, .dflt = "null", .record = &redis_conf_schema,
                .doc = "Gatehouse's own: the Redis server, with `strategy` redis."),
        FIELD(struct proxy_cache, max_body_size, .flags = ADDITION, GT(0),
                .doc = "Gatehouse's own: longer bodies are not stored, in bytes; unset: 1 MiB. In memory an answer "
                       "takes at most a 128th of `mem_cache_size` in any case."),
        {0},
};

/* The shared memories that Kong has without being told. */
static bool is_dictionary(const char *name)
{
	static const char *const names[] = {"kong", "kong_locks", "kong_healthchecks", "kong_cluster_events",
	        "kong_rate_limiting_counters", "kong_core_db_cache", "kong_core_db_cache_miss", "kong_db_cache",
	        "kong_db_cache_miss", "kong_secrets", "prometheus_metrics"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text ? text : "";
}

static void check_store(const json_t *merged, bool is_update, struct violations *v)
{
	const json_t *conf = json_object_get(merged, "config");
	const char *dictionary = text_of(json_object_get(conf, "memory"), "dictionary_name");
	bool is_redis = strcmp(text_of(conf, "strategy"), "redis") == 0;

	if (!is_redis && !is_dictionary(dictionary))
		violations_add_entity(v, "missing shared dict '%s'", dictionary);
	if (is_redis && !*text_of(json_object_get(conf, "redis"), "host"))
		violations_add(v, "config.redis.host", "required field missing");
}

static const struct entity_check checks[] = {CUSTOM(check_store, .fields = FIELDS("")), {0}};

static const struct schema config = {
        .name = "proxy-cache",
        .size = sizeof(struct proxy_cache),
        .fields = fields,
        .checks = checks,
};

/* ---- compiling ------------------------------------------------------------------------------------------------- */

enum { BODY_MAX = 1 << 20, FUTURE_S = 5 };

struct compiled {
	struct media_type *types;
	size_t count;
	bool redis;
	size_t body_max;
};

static bool compile(const void *config_record, struct arena *a, const void **compiled, struct err *e)
{
	const struct proxy_cache *conf = config_record;
	struct compiled *all = arena_new(a, struct compiled);

	all->redis = slice_eq(conf->strategy, S("redis"));
	all->body_max = conf->max_body_size.set ? (size_t)conf->max_body_size.value : BODY_MAX;
	all->types = arena_array(a, struct media_type, conf->content_type.len);
	for (size_t i = 0; i < conf->content_type.len; i++) /* what is none never fits */
		all->count += media_type_parse(conf->content_type.items[i], &all->types[all->count]);
	*compiled = all;
	return true;
}

/* ---- the key --------------------------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

static void put_separated(struct text *out, size_t start, struct slice name)
{
	if (out->len > start)
		text_putc(out, ':');
	text_put(out, name);
}

/* "name=a,b", the values sorted; a name without a value is just the name; one that there is not is nothing. */
static void put_values(struct text *out, size_t start, struct slice name, struct slice *values, size_t n, size_t bare)
{
	if (n == 0 && bare == 0)
		return;
	put_separated(out, start, name);
	qsort(values, n, sizeof *values, compare);
	for (size_t i = 0; i < n; i++) {
		text_putc(out, i ? ',' : '=');
		text_put(out, values[i]);
	}
}

static void put_query_values(
        struct call *c, struct text *out, size_t start, const struct arg_list *args, struct slice name)
{
	struct slice *values = arena_array(c->x->arena, struct slice, args->len);
	size_t n = 0, bare = 0;

	for (size_t i = 0; i < args->len; i++) {
		if (!slice_eq(args->items[i].name, name))
			continue;
		if (slice_is_set(args->items[i].value))
			values[n++] = args->items[i].value;
		else
			bare++;
	}
	for (size_t i = 0; i < bare && n > 0; i++) /* among values it is the value true */
		values[n++] = S("true");
	put_values(out, start, name, values, n, bare);
}

static void put_query(struct call *c, struct text *out, const struct proxy_cache *conf)
{
	if (!slice_is_set(c->x->query))
		return;
	struct arg_list args = call_query_args(c);
	size_t start = out->len;

	for (size_t i = 0; i < conf->vary_query_params.len; i++)
		put_query_values(c, out, start, &args, conf->vary_query_params.items[i]);
	if (conf->vary_query_params.len || args.len == 0)
		return;
	struct slice *names = arena_array(c->x->arena, struct slice, args.len);
	for (size_t i = 0; i < args.len; i++)
		names[i] = args.items[i].name;
	qsort(names, args.len, sizeof *names, compare);
	for (size_t i = 0; i < args.len; i++)
		if (i == 0 || !slice_eq(names[i], names[i - 1]))
			put_query_values(c, out, start, &args, names[i]);
}

static void put_headers(struct call *c, struct text *out, const struct proxy_cache *conf)
{
	size_t start = out->len;
	for (size_t i = 0; i < conf->vary_headers.len; i++) {
		struct slice name = conf->vary_headers.items[i];
		struct slice *values = arena_array(c->x->arena, struct slice, c->x->request->count);
		size_t n = 0;
		for (const struct header *h = NULL; (h = head_next(c->x->request, h, header_id_of(name), name));)
			values[n++] = h->value;
		put_values(out, start, name, values, n, 0);
	}
}

/* The request line without what begins with '?': so without a query it ends with the version, with one it does not
 * [quirk]. */
static void put_request_line(struct call *c, struct text *out, bool ignore_case)
{
	struct slice rest = c->x->request->target, target = slice_cut(&rest, '?');
	enum http_version version = c->x->request->version;
	size_t start = out->len;

	text_put(out, c->x->request->method);
	text_putc(out, ' ');
	text_put(out, target);
	if (!slice_is_set(rest))
		text_put(out, version == HTTP_1_0 ? S(" HTTP/1.0")
		              : version == HTTP_2 ? S(" HTTP/2.0")
		                                  : S(" HTTP/1.1"));
	for (size_t i = start; ignore_case && i < out->len; i++)
		out->ptr[i] = (char)ascii_lower((unsigned char)out->ptr[i]);
}

static struct slice make_key(struct call *c, const struct proxy_cache *conf)
{
	const struct exchange *x = c->x;
	char *key = arena_alloc(x->arena, SHA256_HEX + 1);
	struct text text = {0};

	if (x->consumer && x->route) {
		text_put(&text, call_uuid_text(c, &x->consumer->id));
		text_putc(&text, ':');
	}
	text_put(&text, x->route ? call_uuid_text(c, &x->route->id) : S("default"));
	text_putc(&text, '|');
	text_put(&text, x->request->method);
	text_putc(&text, '|');
	put_request_line(c, &text, conf->ignore_uri_case.set && conf->ignore_uri_case.value);
	text_putc(&text, '|');
	put_query(c, &text, conf);
	text_putc(&text, '|');
	put_headers(c, &text, conf);
	digest_sha256_hex(text_slice(&text), key);
	text_fini(&text);
	return slice_of(key, SHA256_HEX);
}

/* ---- state ----------------------------------------------------------------------------------------------------- */

struct state {
	struct slice key; /* unset: nothing is stored */
	struct cache_control asked;
	struct text *copy; /* of the answer, while it passes; NULL: none is made */
	size_t body_max;   /* what may still come of it */
	int64_t keep_s;
	int reply_status; /* of the answer that is copied: another may take its place */
	struct redis_ask ask;
};

static bool is_shown(struct call *c, struct opt_bool wanted)
{
	return !wanted.set || wanted.value || slice_is_set(call_header(c, S("Kong-Debug"), NULL));
}

static void tell_status(struct call *c, struct slice status)
{
	const struct proxy_cache *conf = c->conf;
	if (is_shown(c, conf->response_headers.status))
		call_respond_header(c, S("X-Cache-Status"), status);
}

static int64_t now_s(const struct call *c)
{
	return c->x->started_ms / 1000;
}

static struct slice stored_under(struct call *c, struct slice key)
{
	const struct compiled *all = c->compiled;
	return all->redis ? ARENA_JOIN(c->x->arena, S("gh:pc:{"), key, S("}"))
	                  : ARENA_JOIN(c->x->arena, S(CACHED_ANSWER_PREFIX), key);
}

/* ---- looking --------------------------------------------------------------------------------------------------- */

/* The upstream is asked, and what it says is stored. */
static enum verdict miss(struct call *c, struct slice status)
{
	const struct proxy_cache *conf = c->conf;
	const struct state *s = c->state;

	if (conf->cache_control && s->asked.only_if_cached && slice_eq(status, S("Miss")))
		return call_exit(c, 504, slice_of(NULL, 0), slice_of(NULL, 0));
	tell_status(c, status);
	return GO;
}

/* Of a time that is not yet: the clock was moved back since, or another node's is ahead. How old it is, is not known.
 */
static bool is_from_the_future(int64_t age_s)
{
	return age_s < -FUTURE_S;
}

static bool is_stale(const struct proxy_cache *conf, const struct cache_control *asked, const struct cached_answer *a,
        int64_t age_s)
{
	if (is_from_the_future(age_s))
		return true;
	if (!conf->cache_control)
		return conf->cache_ttl.set && age_s > conf->cache_ttl.value;
	return (asked->max_age >= 0 && age_s > asked->max_age) ||
	       (asked->max_stale >= 0 && age_s - a->ttl_s > asked->max_stale) ||
	       (asked->min_fresh >= 0 && a->ttl_s - age_s < asked->min_fresh);
}

static bool is_among_first(const struct head *h, uint32_t n, struct slice name)
{
	for (uint32_t i = 0; i < n; i++)
		if (h->headers[i].name.len == name.len && slice_ieq(h->headers[i].name, name))
			return true;
	return false;
}

/* What every answer of ours has one of. */
static bool is_single(struct slice name)
{
	return slice_ieq(name, S("Server")) || slice_ieq(name, S("Via"));
}

/* What other plugins have set for this answer stays: a limit's count of now, not of then. */
static void replay_headers(struct call *c, const struct cached_answer *a)
{
	struct slice name, value, rest = a->headers;
	uint32_t set_by_others = c->x->added.count;

	while (cached_answer_next(&rest, &name, &value)) {
		if (is_among_first(&c->x->added, set_by_others, name))
			continue;
		if (is_single(name))
			call_respond_header(c, name, value);
		else
			call_add_respond_header(c, name, value);
	}
}

static enum verdict hit(struct call *c, const struct cached_answer *a, int64_t age_s)
{
	const struct proxy_cache *conf = c->conf;
	struct state *s = c->state;

	s->key = slice_of(NULL, 0); /* it is stored already */
	replay_headers(c, a);
	if (is_shown(c, conf->response_headers.age))
		call_respond_header(c, S("Age"), arena_decimal(c->x->arena, age_s > 0 ? age_s : 0));
	tell_status(c, S("Hit"));
	call_exit(c, a->status, a->body, slice_of(NULL, 0));
	c->x->reply.as_proxied = true;
	return STOP;
}

static enum verdict judge(struct call *c, bool found, struct slice bytes)
{
	const struct proxy_cache *conf = c->conf;
	const struct state *s = c->state;
	struct cached_answer a;

	if (!found || !cached_answer_read(bytes, &a))
		return miss(c, S("Miss"));
	int64_t age_s = now_s(c) - a.stored_s;
	return is_stale(conf, &s->asked, &a, age_s) ? miss(c, S("Refresh")) : hit(c, &a, age_s);
}

static enum verdict on_redis(struct call *c)
{
	struct state *s = c->state;
	if (!s->ask.failed && !s->ask.error)
		return judge(c, slice_is_set(s->ask.text), s->ask.text);
	log_debug("redis does not answer: the upstream is asked", LOG_STR("plugin", c->plugin->name),
	        LOG_SLICE("request", c->x->request_id));
	s->key = slice_of(NULL, 0);
	tell_status(c, S("Bypass"));
	return GO;
}

static enum verdict look(struct call *c)
{
	const struct proxy_cache *conf = c->conf;
	const struct compiled *all = c->compiled;
	struct state *s = c->state;
	struct slice under = stored_under(c, s->key), bytes;

	if (!all->redis) {
		bool found = call_cache_get(c, under, &bytes);
		return judge(c, found, bytes);
	}
	s->ask = (struct redis_ask){.redis = &conf->redis, .args = {S("GET"), under}, .count = 2};
	return call_redis(c, &s->ask, on_redis);
}

static bool is_among(const struct slice_list *list, struct slice word)
{
	for (size_t i = 0; i < list->len; i++)
		if (slice_eq(list->items[i], word))
			return true;
	return false;
}

static enum verdict on_access(struct call *c)
{
	const struct proxy_cache *conf = c->conf;
	struct state *s = c->state;

	s->asked = cache_control_of(c->x->request);
	if (!is_among(&conf->request_method, c->x->request->method) ||
	        (conf->cache_control && (s->asked.no_store || s->asked.no_cache))) {
		tell_status(c, S("Bypass"));
		return GO;
	}
	s->key = make_key(c, conf);
	if (is_shown(c, conf->response_headers.key))
		call_respond_header(c, S("X-Cache-Key"), s->key);
	return look(c);
}

/* ---- storing --------------------------------------------------------------------------------------------------- */

static bool is_status_stored(const struct proxy_cache *conf, int status)
{
	for (size_t i = 0; i < conf->response_code.len; i++)
		if (conf->response_code.items[i] == status)
			return true;
	return false;
}

static bool is_type_stored(struct call *c, const struct compiled *all)
{
	size_t n;
	struct media_type is;
	struct slice text = call_response_header(c, S("Content-Type"), &n);

	if (n != 1 || !media_type_parse(text, &is))
		return false;
	for (size_t i = 0; i < all->count; i++)
		if (media_type_is(&is, &all->types[i]) && media_type_same_parameters(&is, &all->types[i], false))
			return true;
	return false;
}

/* For how long this answer may be used; 0: it may not be stored. */
static int64_t lifetime_s(struct call *c)
{
	const struct proxy_cache *conf = c->conf;
	const struct compiled *all = c->compiled;
	const struct head *response = c->x->response;

	if (!is_status_stored(conf, response->status) || !is_type_stored(c, all) ||
	        response->content_length > (int64_t)all->body_max)
		return 0;
	if (!conf->cache_control)
		return conf->cache_ttl.set ? conf->cache_ttl.value : 300;
	struct cache_control said = cache_control_of(response);
	int64_t s = cache_control_lifetime_s(&said, response, now_s(c));
	return said.is_private || said.no_store || said.no_cache || s < 0 ? 0 : s;
}

/* Fields of one connection, of this request or of other plugins, who will set them again. */
static bool is_kept(const struct header *h, void *arg)
{
	static const struct slice dropped[] = {SLICE("Connection"), SLICE("Keep-Alive"), SLICE("Proxy-Authenticate"),
	        SLICE("Proxy-Authorization"), SLICE("TE"), SLICE("Trailers"), SLICE("Trailer"),
	        SLICE("Transfer-Encoding"), SLICE("Upgrade"), SLICE("Content-Length"), SLICE("X-Cache-Status"),
	        SLICE("X-Cache-Key"), SLICE("Age")};
	const struct head *set_by_plugins = arg;

	for (size_t i = 0; i < sizeof dropped / sizeof dropped[0]; i++)
		if (slice_ieq(h->name, dropped[i]))
			return false;
	for (struct slice rest = h->name, word = S("ratelimit-remaining"); rest.len >= word.len;
	        rest = slice_from(rest, 1))
		if (slice_ieq(slice_of(rest.ptr, word.len), word))
			return false;
	return !head_find_name(set_by_plugins, h->name);
}

static void free_copy(void *copy)
{
	text_fini(copy);
}

static void begin_copy(struct call *c, int64_t ttl_s)
{
	const struct proxy_cache *conf = c->conf;
	const struct compiled *all = c->compiled;
	struct state *s = c->state;
	struct text *copy = arena_new(c->x->arena, struct text);

	arena_defer(c->x->arena, free_copy, copy);
	if (!cached_answer_begin(
	            copy, c->x->response->status, now_s(c), ttl_s, c->x->response, is_kept, &c->x->added))
		return;
	s->copy = copy;
	s->body_max = all->body_max;
	s->keep_s = conf->storage_ttl.set && conf->storage_ttl.value > 0 ? conf->storage_ttl.value : ttl_s;
	s->reply_status = c->x->reply.status;
}

static void store(struct call *c, struct state *s)
{
	const struct proxy_cache *conf = c->conf;
	const struct compiled *all = c->compiled;
	struct slice under = stored_under(c, s->key);
	int64_t keep_s = s->keep_s < INT32_MAX / 1000 ? s->keep_s : INT32_MAX / 1000;

	if (!all->redis) {
		call_cache_put(c, under, text_slice(s->copy), (uint32_t)keep_s * 1000);
		return;
	}
	struct redis_ask ask = {.redis = &conf->redis,
	        .args = {S("SET"), under, text_slice(s->copy), S("EX"), arena_decimal(c->x->arena, keep_s)},
	        .count = 5};
	call_redis_post(c, &ask);
}

static enum verdict on_response_head(struct call *c)
{
	struct state *s = c->state;
	bool is_head = slice_eq(c->x->request->method, S("HEAD"));

	call_use_response_body(c, USE_NOTHING);
	if (!slice_is_set(s->key))
		return GO;
	int64_t ttl_s = lifetime_s(c);
	if (ttl_s <= 0) {
		s->key = slice_of(NULL, 0);
		tell_status(c, S("Bypass"));
		return GO;
	}
	if (is_head)
		return GO;
	begin_copy(c, ttl_s);
	if (s->copy && c->x->response->content_length == 0) /* no body comes */
		store(c, s);
	else if (s->copy)
		call_use_response_body(c, USE_READ);
	return GO;
}

static enum verdict on_response_body(struct call *c)
{
	struct state *s = c->state;

	if (!s->copy || c->piece.len > s->body_max || c->x->reply.status != s->reply_status) {
		s->copy = NULL;
		return GO;
	}
	text_put(s->copy, c->piece);
	s->body_max -= c->piece.len;
	if (c->piece_last)
		store(c, s);
	return GO;
}

const struct plugin proxy_cache_plugin = {
        .name = "proxy-cache",
        .priority = 100,
        .scopes = SCOPE_ALL,
        .protocols = PROTOCOLS_ANY,
        .config = &config,
        .compile = compile,
        .state_size = sizeof(struct state),
        .access = on_access,
        .response_head = on_response_head,
        .response_body = on_response_body,
        .doc = "Keeps answers and gives them again.",
        .example = "{'strategy':'memory','cache_ttl':60}",
};
