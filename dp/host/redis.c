/* redis: see redis.h. On hiredis' asynchronous API over this worker's libevent base. */
#include "dp/host/redis.h"

#include <hiredis/async.h>
#include <hiredis/adapters/libevent.h>
#include <stdlib.h>

#include "common/core/log.h"
#include "common/core/map.h"
#include "common/core/text.h"

/* KEYS: the counters. ARGV: count_denied, then limit and window of each. Returns the values before this request. */
static const char script[] =
        "local used, allowed = {}, true\n"
        "for i, key in ipairs(KEYS) do\n"
        "  used[i] = tonumber(redis.call('GET', key) or 0)\n"
        "  if used[i] >= tonumber(ARGV[2 * i]) then allowed = false end\n"
        "end\n"
        "if allowed or ARGV[1] == '1' then\n"
        "  for i, key in ipairs(KEYS) do\n"
        "    if redis.call('INCR', key) == 1 then redis.call('EXPIRE', key, ARGV[2 * i + 1]) end\n"
        "  end\n"
        "end\n"
        "return used\n";

enum { BACKOFF_FIRST_MS = 100, BACKOFF_LAST_MS = 5000, COUNTERS_PER_CALL = 8 };

struct server {
	struct redis_set *set;
	redisAsyncContext *link; /* NULL: not connected */
	char *host, *username, *password;
	int port, database;
	bool tls;
	uint32_t timeout_ms;
	uint32_t backoff_ms;
	uint64_t retry_ms; /* not before */
};

struct redis_set {
	struct loop *loop;
	struct map servers; /* identity -> struct server */
	bool closing;
};

struct redis_call {
	struct timeout deadline;
	struct counter *list;
	size_t n;
	redis_fn fn; /* NULL: cancelled, timed out or answered */
	void *arg;
	struct server *server;
};

struct redis_set *redis_set_new(struct loop *l)
{
	struct redis_set *s = calloc(1, sizeof *s);
	if (!s)
		abort();
	s->loop = l;
	return s;
}

static void server_free(struct server *sv)
{
	free(sv->host);
	free(sv->username);
	free(sv->password);
	free(sv);
}

void redis_set_free(struct redis_set *s)
{
	struct slice key;
	void *value;
	s->closing = true;
	for (size_t at = 0; map_next(&s->servers, &at, &key, &value);) {
		struct server *sv = value;
		if (sv->link) {
			redisAsyncContext *link = sv->link;
			sv->link = NULL;
			link->data = NULL;
			redisAsyncFree(link); /* replies to what is pending come as NULL */
		}
		server_free(sv);
	}
	map_fini(&s->servers);
	free(s);
}

static struct server *server_of(struct redis_set *s, const struct redis_conf *conf)
{
	struct text identity = {0};
	text_printf(&identity, "%d %.*s:%lld/%lld %lld %.*s ", conf->ssl, SLICE_ARG(conf->host),
	        (long long)conf->port, (long long)conf->database, (long long)conf->timeout,
	        SLICE_ARG(conf->username));
	text_put(&identity, conf->password);
	struct server *sv = map_get(&s->servers, text_slice(&identity));
	if (!sv) {
		sv = calloc(1, sizeof *sv);
		if (!sv)
			abort();
		*sv = (struct server){
		        .set = s,
		        .host = slice_strdup(conf->host),
		        .username = conf->username.len ? slice_strdup(conf->username) : NULL,
		        .password = conf->password.len ? slice_strdup(conf->password) : NULL,
		        .port = (int)conf->port,
		        .database = (int)conf->database,
		        .tls = conf->ssl,
		        .timeout_ms = (uint32_t)conf->timeout,
		        .backoff_ms = BACKOFF_FIRST_MS,
		};
		map_set(&s->servers, text_slice(&identity), sv);
		if (sv->tls)
			log_error("redis with ssl is not spoken to in this release: nothing is counted there",
			        LOG_STR("host", sv->host), LOG_INT("port", sv->port));
	}
	text_fini(&identity);
	return sv;
}

/* Gives a connection up; what is waiting on it fails. */
static void drop_link(struct server *sv, const char *why)
{
	redisAsyncContext *link = sv->link;
	if (!link)
		return;
	log_warn("redis connection lost", LOG_STR("host", sv->host), LOG_INT("port", sv->port), LOG_STR("error", why),
	        LOG_INT("retry_ms", sv->backoff_ms));
	sv->link = NULL;
	sv->retry_ms = clock_mono_ms() + sv->backoff_ms;
	sv->backoff_ms = sv->backoff_ms * 2 > BACKOFF_LAST_MS ? BACKOFF_LAST_MS : sv->backoff_ms * 2;
	link->data = NULL;
	redisAsyncFree(link);
}

/* hiredis frees the context itself after these two. */
static void on_connect(const redisAsyncContext *link, int status)
{
	struct server *sv = link->data;
	if (!sv || status == REDIS_OK)
		return;
	log_warn("cannot connect to redis", LOG_STR("host", sv->host), LOG_INT("port", sv->port),
	        LOG_STR("error", link->errstr));
	sv->link = NULL;
	sv->retry_ms = clock_mono_ms() + sv->backoff_ms;
	sv->backoff_ms = sv->backoff_ms * 2 > BACKOFF_LAST_MS ? BACKOFF_LAST_MS : sv->backoff_ms * 2;
}

static void on_disconnect(const redisAsyncContext *link, int status)
{
	struct server *sv = link->data;
	if (!sv)
		return;
	sv->link = NULL;
	if (status != REDIS_OK)
		log_warn("redis connection lost", LOG_STR("host", sv->host), LOG_INT("port", sv->port),
		        LOG_STR("error", link->errstr));
}

static void on_login(redisAsyncContext *link, void *reply, void *arg)
{
	struct server *sv = link->data;
	redisReply *r = reply;
	if (!sv || !r || r->type != REDIS_REPLY_ERROR)
		return;
	log_error("redis refused", LOG_STR("command", arg), LOG_STR("host", sv->host), LOG_INT("port", sv->port),
	        LOG_STR("error", r->str));
	drop_link(sv, "login refused"); /* or we would count in another database */
}

static void log_in(struct server *sv)
{
	if (sv->password && sv->username)
		redisAsyncCommand(sv->link, on_login, (void *)"AUTH", "AUTH %s %s", sv->username, sv->password);
	else if (sv->password)
		redisAsyncCommand(sv->link, on_login, (void *)"AUTH", "AUTH %s", sv->password);
	if (sv->database)
		redisAsyncCommand(sv->link, on_login, (void *)"SELECT", "SELECT %d", sv->database);
}

static bool open_link(struct server *sv)
{
	if (sv->tls) /* what was meant for TLS never goes in the clear */
		return false;
	if (sv->link)
		return true;
	if (clock_mono_ms() < sv->retry_ms)
		return false;
	redisAsyncContext *link = redisAsyncConnect(sv->host, sv->port);
	if (!link || link->err) {
		log_warn("cannot connect to redis", LOG_STR("host", sv->host), LOG_INT("port", sv->port),
		        LOG_STR("error", link ? link->errstr : "out of memory"));
		if (link)
			redisAsyncFree(link);
		sv->retry_ms = clock_mono_ms() + sv->backoff_ms;
		return false;
	}
	link->data = sv;
	sv->link = link;
	redisLibeventAttach(link, sv->set->loop->base);
	redisAsyncSetConnectCallback(link, on_connect);
	redisAsyncSetDisconnectCallback(link, on_disconnect);
	log_in(sv);
	return true;
}

/* Ends a call once: the callback runs unless it was cancelled. */
static void settle(struct redis_call *call, bool ok)
{
	redis_fn fn = call->fn;
	call->fn = NULL;
	timeout_clear(&call->deadline);
	if (fn)
		fn(call->arg, ok);
}

static bool read_used(const redisReply *r, struct counter *list, size_t n)
{
	if (!r || r->type != REDIS_REPLY_ARRAY || r->elements != n)
		return false;
	for (size_t i = 0; i < n; i++)
		list[i].used = r->element[i]->integer;
	return true;
}

static void on_reply(redisAsyncContext *link, void *reply, void *arg)
{
	struct redis_call *call = arg;
	redisReply *r = reply;
	bool ok = false;

	if (call->server->set->closing)
		call->fn = NULL;
	if (call->fn) {
		ok = read_used(r, call->list, call->n);
		if (!ok && r && r->type == REDIS_REPLY_ERROR)
			log_warn("redis refused to count", LOG_STR("error", r->str));
	}
	if (ok)
		call->server->backoff_ms = BACKOFF_FIRST_MS;
	settle(call, ok);
	free(call);
}

static void on_deadline(void *arg)
{
	struct redis_call *call = arg;
	struct server *sv = call->server;
	settle(call, false);
	drop_link(sv, "no answer in time"); /* the replies, all NULL, free the calls */
}

/* EVAL numbers its arguments: script, count of keys, keys, count_denied, then limit and window of each. */
static bool send_script(struct redis_call *call, bool count_denied)
{
	const char *argv[4 + 3 * COUNTERS_PER_CALL];
	size_t lens[4 + 3 * COUNTERS_PER_CALL];
	char numbers[1 + 2 * COUNTERS_PER_CALL][24];
	int argc = 0, number = 0;

#define ARG(text, size) (argv[argc] = (text), lens[argc++] = (size))
#define NUMBER(value)                                                                               \
	do {                                                                                        \
		int len = snprintf(numbers[number], sizeof numbers[0], "%lld", (long long)(value)); \
		ARG(numbers[number], (size_t)len);                                                  \
		number++;                                                                           \
	} while (0)
	ARG("EVAL", 4);
	ARG(script, sizeof script - 1);
	NUMBER(call->n);
	for (size_t i = 0; i < call->n; i++)
		ARG(call->list[i].key.ptr, call->list[i].key.len);
	ARG(count_denied ? "1" : "0", 1);
	for (size_t i = 0; i < call->n; i++) {
		NUMBER(call->list[i].limit);
		NUMBER(call->list[i].window_s);
	}
#undef NUMBER
#undef ARG
	return redisAsyncCommandArgv(call->server->link, on_reply, call, argc, argv, lens) == REDIS_OK;
}

struct redis_call *redis_count(struct redis_set *s, const struct redis_conf *conf, struct counter *list, size_t n,
        bool count_denied, redis_fn fn, void *arg)
{
	struct server *sv = server_of(s, conf);
	if (n > COUNTERS_PER_CALL || !open_link(sv))
		return NULL;
	struct redis_call *call = calloc(1, sizeof *call);
	if (!call)
		abort();
	*call = (struct redis_call){.list = list, .n = n, .fn = fn, .arg = arg, .server = sv};
	if (!send_script(call, count_denied)) {
		free(call);
		return NULL;
	}
	timeout_set(&s->loop->timeouts, &call->deadline, sv->timeout_ms, on_deadline, call);
	return call;
}

void redis_cancel(struct redis_call *call)
{
	call->fn = NULL;
	timeout_clear(&call->deadline);
}
