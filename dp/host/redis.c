/* redis: see redis.h. On hiredis' asynchronous API over this worker's libevent base. */
#include "dp/host/redis.h"

#include <hiredis/async.h>
#include <hiredis/adapters/libevent.h>
#include <stdlib.h>

#include "common/core/log.h"
#include "common/core/map.h"
#include "common/core/text.h"
#include "common/crypto/digest.h"
#include "dp/client/dns.h"
#include "dp/host/dial.h"

/* KEYS: the counters. ARGV: what to do (0: count when all are below their limits, 1: count, 2: only look), then
 * limit, window and weight of each. Returns the values before this request. */
static const char script[] = "local used, allowed = {}, true\n"
                             "for i, key in ipairs(KEYS) do\n"
                             "  used[i] = tonumber(redis.call('GET', key) or 0)\n"
                             "  if used[i] + ARGV[3 * i + 1] > tonumber(ARGV[3 * i - 1]) then allowed = false end\n"
                             "end\n"
                             "if ARGV[1] == '1' or (allowed and ARGV[1] == '0') then\n"
                             "  for i, key in ipairs(KEYS) do\n"
                             "    redis.call('INCRBY', key, ARGV[3 * i + 1])\n"
                             "    if used[i] == 0 then redis.call('EXPIRE', key, ARGV[3 * i]) end\n"
                             "  end\n"
                             "end\n"
                             "return used\n";

enum { BACKOFF_FIRST_MS = 100, BACKOFF_LAST_MS = 5000, COUNTERS_PER_CALL = 8 };
enum { ARGS_MAX = 4 + 4 * COUNTERS_PER_CALL };

struct server {
	struct redis_set *set;
	redisAsyncContext *link; /* NULL: not connected */
	char *host, *username, *password;
	int port, database;
	bool tls;
	uint32_t timeout_ms;
	uint32_t backoff_ms;
	uint64_t retry_ms; /* not before */
	struct dns_query *query;
	struct redis_call *held, **held_last; /* until the name is resolved */
};

struct redis_set {
	struct loop *loop;
	struct dns *dns;
	char digest[SHA1_HEX + 1]; /* of the script */
	struct map servers;        /* identity -> struct server */
	bool closing;
};

struct redis_call {
	struct timeout deadline;
	struct count *count; /* or */
	struct redis_ask *ask;
	redis_fn fn; /* NULL: cancelled, timed out or answered */
	void *arg;
	struct server *server;
	struct redis_call *next; /* held */
	bool whole_script;       /* the server has lost it */
};

struct redis_set *redis_set_new(struct loop *l, struct dns *dns)
{
	struct redis_set *s = calloc(1, sizeof *s);
	if (!s)
		abort();
	s->loop = l;
	s->dns = dns;
	digest_sha1_hex(slice_cstr(script), s->digest);
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
		if (sv->query)
			dns_cancel(sv->query);
		while (sv->held) {
			struct redis_call *call = sv->held;
			sv->held = call->next;
			timeout_clear(&call->deadline);
			free(call);
		}
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
		sv->held_last = &sv->held;
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

static void put_off(struct server *sv, const char *why);

/* hiredis frees the context itself after these two. */
static void on_connect(const redisAsyncContext *link, int status)
{
	struct server *sv = link->data;
	if (!sv || status == REDIS_OK)
		return;
	sv->link = NULL;
	put_off(sv, link->errstr);
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

static void on_loaded(redisAsyncContext *link, void *reply, void *arg)
{
	redisReply *r = reply;
	if (link->data && r && r->type == REDIS_REPLY_ERROR)
		log_warn("redis did not take the script", LOG_STR("error", r->str));
}

static void log_in(struct server *sv)
{
	if (sv->password && sv->username)
		redisAsyncCommand(sv->link, on_login, (void *)"AUTH", "AUTH %s %s", sv->username, sv->password);
	else if (sv->password)
		redisAsyncCommand(sv->link, on_login, (void *)"AUTH", "AUTH %s", sv->password);
	if (sv->database)
		redisAsyncCommand(sv->link, on_login, (void *)"SELECT", "SELECT %d", sv->database);
	redisAsyncCommand(sv->link, on_loaded, NULL, "SCRIPT LOAD %s", script);
}

static void put_off(struct server *sv, const char *why)
{
	log_warn("cannot connect to redis", LOG_STR("host", sv->host), LOG_INT("port", sv->port),
	        LOG_STR("error", why));
	sv->retry_ms = clock_mono_ms() + sv->backoff_ms;
	sv->backoff_ms = sv->backoff_ms * 2 > BACKOFF_LAST_MS ? BACKOFF_LAST_MS : sv->backoff_ms * 2;
}

/* address: text of an IP address, so that hiredis has no name to look up. */
static bool open_link(struct server *sv, const char *address)
{
	redisAsyncContext *link = redisAsyncConnect(address, sv->port);
	if (!link || link->err) {
		put_off(sv, link ? link->errstr : "out of memory");
		if (link)
			redisAsyncFree(link);
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

/* ---- calls ----------------------------------------------------------------------------------------------------- */

/* Ends a call once: the callback runs unless it was cancelled. */
static void settle(struct redis_call *call, bool ok)
{
	redis_fn fn = call->fn;
	call->fn = NULL;
	timeout_clear(&call->deadline);
	if (fn)
		fn(call->arg, ok);
}

static bool read_used(const redisReply *r, const struct count *count)
{
	if (r->type != REDIS_REPLY_ARRAY || r->elements != count->n)
		return false;
	for (size_t i = 0; i < count->n; i++)
		count->counters[i].used = r->element[i]->integer;
	return true;
}

static bool read_ask(const redisReply *r, struct redis_ask *ask)
{
	ask->error = r->type == REDIS_REPLY_ERROR ? r->str : NULL;
	ask->number = r->type == REDIS_REPLY_INTEGER ? r->integer : 0;
	if (r->type == REDIS_REPLY_STRING || r->type == REDIS_REPLY_STATUS)
		ask->text = slice_of(r->str, (size_t)r->len);
	return true;
}

static bool send_call(struct redis_call *call);

static bool has_lost_script(const struct redis_call *call, const redisReply *r)
{
	return call->count && !call->whole_script && r && r->type == REDIS_REPLY_ERROR &&
	       strncmp(r->str, "NOSCRIPT", 8) == 0;
}

static void on_reply(redisAsyncContext *link, void *reply, void *arg)
{
	struct redis_call *call = arg;
	redisReply *r = reply;
	bool ok = false;

	if (call->server->set->closing)
		call->fn = NULL;
	if (call->fn && has_lost_script(call, r) && call->server->link) {
		call->whole_script = true;
		if (send_call(call))
			return;
	}
	if (call->fn && r) {
		ok = call->count ? read_used(r, call->count) : read_ask(r, call->ask);
		if (!ok && r->type == REDIS_REPLY_ERROR)
			log_warn("redis refused to count", LOG_STR("error", r->str));
	}
	if (ok)
		call->server->backoff_ms = BACKOFF_FIRST_MS;
	settle(call, ok);
	free(call);
}

/* EVAL numbers its arguments: script, count of keys, keys, what to do, then limit, window and weight of each. */
struct arguments {
	const char *argv[ARGS_MAX];
	size_t lens[ARGS_MAX];
	char numbers[1 + 3 * COUNTERS_PER_CALL][24];
	int argc, used;
};

static void add(struct arguments *a, const char *text, size_t len)
{
	a->argv[a->argc] = text;
	a->lens[a->argc++] = len;
}

static void add_number(struct arguments *a, int64_t n)
{
	char *to = a->numbers[a->used++];
	add(a, to, (size_t)snprintf(to, sizeof a->numbers[0], "%lld", (long long)n));
}

static void add_script(struct arguments *a, const struct redis_call *call)
{
	const struct count *count = call->count;
	if (call->whole_script) {
		add(a, "EVAL", 4);
		add(a, script, sizeof script - 1);
	} else {
		add(a, "EVALSHA", 7);
		add(a, call->server->set->digest, SHA1_HEX);
	}
	add_number(a, (int64_t)count->n);
	for (size_t i = 0; i < count->n; i++)
		add(a, count->counters[i].key.ptr, count->counters[i].key.len);
	add(a, count->peek ? "2" : count->count_denied ? "1" : "0", 1);
	for (size_t i = 0; i < count->n; i++) {
		add_number(a, count->counters[i].limit);
		add_number(a, count->counters[i].window_s);
		add_number(a, count->counters[i].add ? count->counters[i].add : 1);
	}
}

static bool send_call(struct redis_call *call)
{
	struct arguments a = {.argc = 0};
	if (call->count)
		add_script(&a, call);
	else
		for (unsigned i = 0; i < call->ask->count; i++)
			add(&a, call->ask->args[i].ptr ? call->ask->args[i].ptr : "", call->ask->args[i].len);
	return redisAsyncCommandArgv(call->server->link, on_reply, call, a.argc, a.argv, a.lens) == REDIS_OK;
}

static void unhold(struct server *sv, struct redis_call *call)
{
	for (struct redis_call **at = &sv->held; *at; at = &(*at)->next)
		if (*at == call) {
			*at = call->next;
			free(call);
			break;
		}
	sv->held_last = &sv->held;
	while (*sv->held_last)
		sv->held_last = &(*sv->held_last)->next;
}

static void on_deadline(void *arg)
{
	struct redis_call *call = arg;
	struct server *sv = call->server;
	settle(call, false);
	if (sv->link)
		drop_link(sv, "no answer in time"); /* the replies, all NULL, free the calls */
	else
		unhold(sv, call);
}

/* ---- names ----------------------------------------------------------------------------------------------------- */

static void release_held(struct server *sv)
{
	struct redis_call *list = sv->held;
	sv->held = NULL;
	sv->held_last = &sv->held;
	while (list) {
		struct redis_call *call = list;
		list = call->next;
		if (sv->link && send_call(call))
			continue;
		settle(call, false);
		free(call);
	}
}

static void on_resolved(void *arg, enum dns_status status, const struct dns_answer *answer, const char *text)
{
	struct server *sv = arg;
	char address[64];
	sv->query = NULL;
	if (status == DNS_FOUND) {
		conn_address_text(
		        (const struct sockaddr *)&answer->addresses[0].address, address, sizeof address, NULL);
		open_link(sv, address);
	} else {
		put_off(sv, text ? text : "name not found");
	}
	release_held(sv);
}

/* Begins to connect. True: there is a link, or a name is being looked up (sv->query). */
static bool reach(struct server *sv)
{
	struct sockaddr_storage ignored;
	socklen_t len;

	if (sv->tls) /* what was meant for TLS never goes in the clear */
		return false;
	if (sv->link || sv->query)
		return true;
	if (clock_mono_ms() < sv->retry_ms)
		return false;
	if (dial_address(slice_cstr(sv->host), sv->port, &ignored, &len))
		return open_link(sv, sv->host);
	if (!sv->set->dns)
		return false;
	sv->query = dns_lookup(sv->set->dns, slice_cstr(sv->host), sv->port, on_resolved, sv);
	return sv->link || sv->query;
}

static struct redis_call *start(struct redis_set *s, const struct redis_conf *conf, struct redis_call what)
{
	struct server *sv = server_of(s, conf);
	if (!reach(sv))
		return NULL;
	struct redis_call *call = calloc(1, sizeof *call);
	if (!call)
		abort();
	*call = what;
	call->server = sv;
	if (sv->query) {
		*sv->held_last = call;
		sv->held_last = &call->next;
	} else if (!send_call(call)) {
		free(call);
		return NULL;
	}
	timeout_set(&s->loop->timeouts, &call->deadline, sv->timeout_ms, on_deadline, call);
	return call;
}

struct redis_call *redis_count(struct redis_set *s, struct count *count, redis_fn fn, void *arg)
{
	if (count->n > COUNTERS_PER_CALL)
		return NULL;
	return start(s, count->redis, (struct redis_call){.count = count, .fn = fn, .arg = arg});
}

struct redis_call *redis_send(struct redis_set *s, struct redis_ask *ask, redis_fn fn, void *arg)
{
	if (ask->count == 0 || ask->count > REDIS_ARGS_MAX)
		return NULL;
	return start(s, ask->redis, (struct redis_call){.ask = ask, .fn = fn, .arg = arg});
}

bool redis_post(struct redis_set *s, const struct redis_ask *ask)
{
	struct server *sv = server_of(s, ask->redis);
	if (ask->count == 0 || ask->count > REDIS_ARGS_MAX || !reach(sv) || sv->query)
		return false;
	struct redis_call *call = calloc(1, sizeof *call);
	if (!call)
		abort();
	call->server = sv;
	call->ask = (struct redis_ask *)ask; /* only read, and not after it was sent */
	bool sent = send_call(call);
	call->ask = NULL;
	if (!sent)
		free(call);
	return sent;
}

/* A held call has not been sent: it goes at once. One that was sent is freed by its reply. */
void redis_cancel(struct redis_call *call)
{
	struct server *sv = call->server;
	call->fn = NULL;
	timeout_clear(&call->deadline);
	if (sv->query)
		unhold(sv, call);
}
