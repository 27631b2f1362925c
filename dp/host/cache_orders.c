/* cache_orders: see cache_orders.h. Redis is asked and not waited for; all of its answers are deleted page by page,
 * so that a large one is never held up. */
#include "dp/host/cache_orders.h"

#include <stdlib.h>

#include "common/core/log.h"
#include "common/core/text.h"
#include "common/plugin/cached_answer.h"

enum { BODY_SHOWN_MAX = 16 * 1024, HEADERS_SHOWN_MAX = 8 * 1024 };

/* ---- the node's memory ----------------------------------------------------------------------------------------- */

static json_t *headers_json(const struct cached_answer *a)
{
	json_t *out = json_object();
	struct slice name, value, rest = a->headers;

	while (a->headers.len <= HEADERS_SHOWN_MAX && cached_answer_next(&rest, &name, &value)) {
		json_t *text = json_stringn(value.ptr, value.len); /* NULL: not UTF-8 */
		if (text)
			json_object_setn_new(out, name.ptr, name.len, text);
	}
	return out;
}

/* As Kong shows it; a body that is long, or no text, is left out. */
static json_t *answer_json(const struct cached_answer *a)
{
	json_t *body = a->body.len <= BODY_SHOWN_MAX ? json_stringn(a->body.ptr ? a->body.ptr : "", a->body.len)
	                                             : NULL;
	return json_pack("{s:i, s:o, s:o, s:I, s:I, s:I, s:i}", "status", a->status, "headers", headers_json(a),
	        "body", body ? body : json_null(), "body_len", (json_int_t)a->body.len, "timestamp",
	        (json_int_t)a->stored_s, "ttl", (json_int_t)a->ttl_s, "version", 1);
}

static json_t *get(const struct cache_keeper *k, struct slice under)
{
	struct cache_value *value = cache_get(k->cache, under, clock_mono_ms());
	struct cached_answer a;
	json_t *out = value && cached_answer_read(cache_bytes(value), &a) ? answer_json(&a) : NULL;
	if (value)
		cache_release(value);
	return out;
}

/* ---- Redis ----------------------------------------------------------------------------------------------------- */

static const char delete_page[] = "local page = redis.call('SCAN', ARGV[1], 'MATCH', 'gh:pc:*', 'COUNT', 1000) "
                                  "for _, key in ipairs(page[2]) do redis.call('UNLINK', key) end "
                                  "return page[1]";

/* One command under way; a purge is one behind the other. */
struct asking {
	struct redis_ask ask;
	struct redis_set *set;
	struct arena arena; /* the configuration may be gone when the answer comes */
	struct redis_conf conf;
	struct slice key; /* unset: a purge */
	char cursor[24];  /* where the next page of a purge begins */
	unsigned master;  /* of a cluster, that a purge has come to */
};

static void asking_free(struct asking *q)
{
	arena_fini(&q->arena);
	free(q);
}

static struct asking *asking_new(struct redis_set *set, const struct redis_conf *conf, struct slice key)
{
	struct asking *q = calloc(1, sizeof *q);
	if (!q)
		abort();
	arena_init_small(&q->arena, 512);
	q->set = set;
	q->conf = redis_conf_copy(&q->arena, conf);
	q->master = 1;
	strcpy(q->cursor, "0");
	if (slice_is_set(key))
		q->key = ARENA_JOIN(&q->arena, S("gh:pc:{"), key, S("}"));
	return q;
}

/* False: that was the last page of the last server. */
static bool turn_page(struct asking *q)
{
	const struct redis_ask *a = &q->ask;
	if (slice_is_set(q->key) || a->text.len == 0 || a->text.len >= sizeof q->cursor)
		return false;
	memcpy(q->cursor, a->text.ptr, a->text.len);
	q->cursor[a->text.len] = '\0';
	if (strcmp(q->cursor, "0") != 0)
		return true;
	return q->master++ < a->masters;
}

static void send_asking(struct asking *q);

static void end(struct asking *q, const char *error)
{
	if (error)
		log_warn("redis does not delete cached answers", LOG_SLICE("host", q->conf.host),
		        LOG_STR("error", error));
	asking_free(q);
}

static void on_answer(void *arg, bool ok)
{
	struct asking *q = arg;
	if (!ok || q->ask.error)
		end(q, ok ? q->ask.error : "no answer");
	else if (turn_page(q))
		send_asking(q);
	else
		end(q, NULL);
}

static void send_asking(struct asking *q)
{
	struct redis_ask *a = &q->ask;
	*a = (struct redis_ask){.redis = &q->conf};
	if (slice_is_set(q->key)) {
		a->args[a->count++] = S("DEL");
		a->args[a->count++] = q->key;
	} else {
		a->master = q->master;
		a->args[a->count++] = S("EVAL");
		a->args[a->count++] = slice_of(delete_page, sizeof delete_page - 1);
		a->args[a->count++] = S("0");
		a->args[a->count++] = slice_cstr(q->cursor);
	}
	if (!redis_send(q->set, a, on_answer, q))
		end(q, "no connection");
}

struct spread {
	const struct cache_keeper *keeper;
	struct slice key; /* unset: all */
	size_t asked;
};

static bool ask_one(const struct redis_conf *conf, struct spread *s)
{
	s->asked++;
	send_asking(asking_new(s->keeper->redis, conf, s->key));
	return true;
}

/* The Redis of a configuration that keeps answers there. */
static bool ask_its_redis(void *value, void *arg)
{
	const struct plugin_instance *p = value;
	const struct schema *s = p->plugin->config;
	const struct field *strategy = schema_field(s, S("strategy")), *redis = schema_field(s, S("redis"));

	if (strcmp(p->plugin->name, "proxy-cache") != 0 ||
	        !slice_eq(*(const struct slice *)field_member(strategy, p->conf), S("redis")))
		return true;
	return ask_one(field_member(redis, p->conf), arg);
}

static size_t ask_redis(const struct cache_keeper *k, struct slice key)
{
	struct spread s = {k, key, 0};
	if (k->redis && k->snapshot)
		pmap_each(&k->snapshot->instances, ask_its_redis, &s);
	return s.asked;
}

/* ---- orders ---------------------------------------------------------------------------------------------------- */

json_t *cache_order(const struct cache_keeper *k, const json_t *order)
{
	const char *what = json_string_value(json_object_get(order, "do"));
	const char *key = json_string_value(json_object_get(order, "key"));
	struct text under = {0};
	json_t *out = NULL;

	text_printf(&under, CACHED_ANSWER_PREFIX "%s", key ? key : "");
	if (what && key && strcmp(what, "get") == 0)
		out = get(k, text_slice(&under));
	else if (what && key && strcmp(what, "delete") == 0)
		out = json_integer(
		        (json_int_t)(cache_delete(k->cache, text_slice(&under)) + ask_redis(k, slice_cstr(key))));
	else if (what && strcmp(what, "purge") == 0)
		out = json_integer((json_int_t)(cache_purge(k->cache, S(CACHED_ANSWER_PREFIX)) +
		                                ask_redis(k, slice_of(NULL, 0))));
	text_fini(&under);
	return out;
}
