/* redis: see redis.h: which server a call goes to, how long it may take, and whether it is sent once more. */
#include "dp/host/redis.h"

#include <stdlib.h>

#include "common/core/log.h"
#include "dp/host/redis_cluster.h"
#include "dp/host/redis_script.h"
#include "dp/host/redis_sentinel.h"

enum { REDIRECTIONS_MAX = 5, TRY_AGAIN_MS = 20, SWEEP_MS = 20000, UNUSED_MS = 60000, TOLD_MS = 60000 };

/* What a configuration names. */
struct server {
	struct redis_set *set;
	struct server *next;
	struct arena arena; /* of conf */
	struct redis_conf conf;
	struct redis_login login;
	struct redis_sentinel *sentinel; /* NULL: conf names none */
	struct redis_node *node;         /* NULL: a cluster */
	struct redis_cluster *cluster;
	struct redis_call *held; /* until the cluster's map is there, or for a moment; the oldest first */
	unsigned calls;
	uint64_t used_ms, told_ms; /* last call; last complaint in the log */
};

struct redis_set {
	struct dialer from;
	char digest[SHA1_HEX + 1]; /* of the script */
	struct server *servers;    /* the one that was used last comes first */
	struct loop_timer *sweep;
	bool is_closing;
};

struct redis_call {
	struct timeout deadline, pause;
	struct count *count; /* or */
	struct redis_ask *ask;
	redis_fn fn; /* NULL: nobody wants to know (any more) */
	void *arg;
	struct server *server;
	struct redis_node *node; /* that it was sent to; NULL: held */
	struct redis_call *next; /* of those held */
	unsigned redirections;
	bool is_post;      /* cannot be sent again: ask is gone */
	bool whole_script; /* the server has lost it */
	bool is_asking;    /* the next node is only about to get the slot */
};

/* ---- servers --------------------------------------------------------------------------------------------------- */

static void on_map(void *arg, bool known);

static uint32_t ms_of(struct opt_int one, int64_t all)
{
	return (uint32_t)(one.set ? one.value : all);
}

/* Such a server may know neither databases nor the loading of scripts. */
static bool is_proxied(const struct redis_conf *conf)
{
	return conf->connection_is_proxied.set && conf->connection_is_proxied.value;
}

static void read_login(struct server *sv)
{
	const struct redis_conf *conf = &sv->conf;
	bool is_single = conf->cluster_nodes.len == 0 && !is_proxied(conf);
	uint32_t send_ms = ms_of(conf->send_timeout, conf->timeout),
	         read_ms = ms_of(conf->read_timeout, conf->timeout);

	sv->login = (struct redis_login){
	        .from = sv->set->from,
	        .username = conf->username,
	        .password = conf->password,
	        .server_name = conf->server_name,
	        .database = is_single ? conf->database : 0,
	        .tls = conf->ssl,
	        .tls_verify = conf->ssl_verify,
	        .connect_ms = ms_of(conf->connect_timeout, conf->timeout),
	        .answer_ms = send_ms > read_ms ? send_ms : read_ms,
	        .script = is_proxied(conf) ? slice_of(NULL, 0) : redis_script,
	};
}

static const char *role_of(const struct redis_conf *conf)
{
	return slice_eq(conf->sentinel_role, S("master"))  ? "master"
	       : slice_eq(conf->sentinel_role, S("slave")) ? "slave"
	                                                   : NULL;
}

static struct server *server_new(struct redis_set *s, const struct redis_conf *conf)
{
	struct server *sv = calloc(1, sizeof *sv);
	if (!sv)
		abort();
	sv->set = s;
	arena_init_small(&sv->arena, 512);
	sv->conf = redis_conf_copy(&sv->arena, conf);
	read_login(sv);
	if (conf->cluster_nodes.len > 0) {
		sv->cluster = redis_cluster_new(&sv->login, &sv->conf, on_map, sv);
		return sv;
	}
	if (conf->sentinel_nodes.len > 0) {
		sv->sentinel = redis_sentinel_new(&sv->login, &sv->conf);
		sv->login.sentinel = sv->sentinel;
		sv->login.role = role_of(conf);
	}
	sv->node = redis_node_new(&sv->login, sv->conf.host, (int)conf->port);
	return sv;
}

static void drop_held(struct server *sv);

static void server_free(struct server *sv)
{
	drop_held(sv);
	if (sv->node)
		redis_node_free(sv->node);
	redis_cluster_free(sv->cluster);
	redis_sentinel_free(sv->sentinel);
	arena_fini(&sv->arena);
	free(sv);
}

static struct server *server_of(struct redis_set *s, const struct redis_conf *conf)
{
	struct server **at = &s->servers;
	while (*at && !redis_conf_eq(&(*at)->conf, conf))
		at = &(*at)->next;
	struct server *sv = *at;
	if (sv)
		*at = sv->next;
	else
		sv = server_new(s, conf);
	sv->next = s->servers;
	s->servers = sv;
	sv->used_ms = timeouts_now();
	return sv;
}

static void sweep(void *arg)
{
	struct redis_set *s = arg;
	for (struct server **at = &s->servers; *at;) {
		struct server *sv = *at;
		if (sv->calls > 0 || timeouts_now() - sv->used_ms < UNUSED_MS) {
			at = &sv->next;
			continue;
		}
		*at = sv->next;
		server_free(sv);
	}
}

struct redis_set *redis_set_new(const struct dialer *from)
{
	struct redis_set *s = calloc(1, sizeof *s);
	if (!s)
		abort();
	s->from = *from;
	digest_sha1_hex(redis_script, s->digest);
	s->sweep = loop_timer_new(from->loop, SWEEP_MS, true, sweep, s);
	return s;
}

void redis_set_free(struct redis_set *s)
{
	s->is_closing = true;
	loop_timer_free(s->sweep);
	while (s->servers) {
		struct server *sv = s->servers;
		s->servers = sv->next;
		server_free(sv);
	}
	free(s);
}

/* ---- calls ----------------------------------------------------------------------------------------------------- */

static void call_free(struct redis_call *call)
{
	timeout_clear(&call->deadline);
	timeout_clear(&call->pause);
	call->server->calls--;
	free(call);
}

/* The callback runs unless it was cancelled. */
static void settle(struct redis_call *call, bool ok)
{
	redis_fn fn = call->server->set->is_closing ? NULL : call->fn;
	call->fn = NULL;
	timeout_clear(&call->deadline);
	if (fn)
		fn(call->arg, ok);
}

static void give_up(struct redis_call *call)
{
	settle(call, false);
	call_free(call);
}

static void on_reply(void *arg, const redisReply *r);

static bool send_to(struct redis_call *call, struct redis_node *n)
{
	static const struct slice asking = SLICE("ASKING");
	struct redis_set *s = call->server->set;

	call->node = n;
	if (call->is_asking && !redis_node_send(n, &asking, 1, NULL, NULL))
		return false;
	call->is_asking = false;
	if (!call->count)
		return redis_node_send(n, call->ask->args, call->ask->count, on_reply, call);
	struct redis_script_args a;
	redis_script_args(&a, call->count, call->whole_script ? slice_of(NULL, 0) : slice_of(s->digest, SHA1_HEX));
	return redis_node_send(n, a.items, a.count, on_reply, call);
}

/* ---- in a cluster ---------------------------------------------------------------------------------------------- */

static struct slice key_of(const struct redis_call *call)
{
	if (call->count)
		return call->count->counters[0].key;
	const struct redis_ask *ask = call->ask;
	bool is_script = slice_ieq(ask->args[0], S("EVAL")) || slice_ieq(ask->args[0], S("EVALSHA"));
	unsigned at = is_script ? 3 : 1;
	return ask->count > at ? ask->args[at] : S("");
}

static struct redis_node *node_for(struct redis_call *call)
{
	struct redis_cluster *c = call->server->cluster;
	unsigned master = call->count ? 0 : call->ask->master;
	if (master)
		return master <= redis_cluster_masters(c) ? redis_cluster_master(c, master - 1) : NULL;
	return redis_cluster_node(c, redis_cluster_slot(key_of(call)));
}

static void hold(struct redis_call *call)
{
	struct redis_call **end = &call->server->held;
	while (*end)
		end = &(*end)->next;
	call->node = NULL;
	call->next = NULL;
	*end = call;
}

static void unhold(struct redis_call *call)
{
	for (struct redis_call **at = &call->server->held; *at; at = &(*at)->next)
		if (*at == call) {
			*at = call->next;
			return;
		}
}

static bool send_in_cluster(struct redis_call *call)
{
	struct redis_cluster *c = call->server->cluster;
	enum redis_map map = redis_cluster_map(c);

	if (map == REDIS_MAP_COMING && !call->is_post)
		hold(call);
	if (map != REDIS_MAP_KNOWN)
		return map == REDIS_MAP_COMING && !call->is_post;
	struct redis_node *n = node_for(call);
	if (!n || redis_node_is_away(n))
		redis_cluster_doubt(c);
	return n && send_to(call, n);
}

/* False: nobody can be asked at the moment. */
static bool dispatch(struct redis_call *call)
{
	return call->server->cluster ? send_in_cluster(call) : send_to(call, call->server->node);
}

static void on_map(void *arg, bool known)
{
	struct server *sv = arg;
	struct redis_call *list = sv->held;

	sv->held = NULL;
	while (list) {
		struct redis_call *call = list;
		list = call->next;
		timeout_clear(&call->pause);
		if (!known || !dispatch(call))
			give_up(call);
	}
}

static void drop_held(struct server *sv)
{
	while (sv->held) {
		struct redis_call *call = sv->held;
		sv->held = call->next;
		give_up(call);
	}
}

/* ---- answers --------------------------------------------------------------------------------------------------- */

static bool says(const redisReply *r, const char *code)
{
	return strncmp(r->str, code, strlen(code)) == 0;
}

static void on_pause_over(void *arg)
{
	struct redis_call *call = arg;
	unhold(call);
	if (!dispatch(call))
		give_up(call);
}

static bool pause_then_send(struct redis_call *call)
{
	hold(call);
	timeout_set(&call->server->set->from.loop->timeouts, &call->pause, TRY_AGAIN_MS, on_pause_over, call);
	return true;
}

static bool follow(struct redis_call *call, const redisReply *r)
{
	struct redis_cluster *c = call->server->cluster;
	if (says(r, "TRYAGAIN"))
		return pause_then_send(call);
	if (says(r, "CLUSTERDOWN"))
		redis_cluster_doubt(c);
	struct redis_node *to = redis_cluster_redirected(c, call->node, r->str, &call->is_asking);
	return to && send_to(call, to);
}

static bool may_redirect(struct redis_call *call)
{
	const struct redis_conf *conf = &call->server->conf;
	unsigned max = conf->cluster_max_redirections.set ? (unsigned)conf->cluster_max_redirections.value
	                                                  : REDIRECTIONS_MAX;
	return call->redirections++ < max;
}

/* True: the server has not done it, and it is under way once more. */
static bool send_again(struct redis_call *call, const redisReply *r)
{
	struct server *sv = call->server;

	if (!r || r->type != REDIS_REPLY_ERROR || !call->fn || call->is_post)
		return false;
	if (call->count && !call->whole_script && says(r, "NOSCRIPT")) {
		call->whole_script = true;
		return send_to(call, call->node);
	}
	if (sv->sentinel && says(r, "READONLY") && may_redirect(call)) {
		redis_node_renew(sv->node);
		return dispatch(call);
	}
	return sv->cluster && may_redirect(call) && follow(call, r);
}

static bool read_ask(const struct redis_call *call, const redisReply *r)
{
	struct redis_ask *ask = call->ask;
	ask->error = r->type == REDIS_REPLY_ERROR ? r->str : NULL;
	ask->number = r->type == REDIS_REPLY_INTEGER ? r->integer : 0;
	if (r->type == REDIS_REPLY_STRING || r->type == REDIS_REPLY_STATUS)
		ask->text = slice_of(r->str, r->len);
	ask->masters = call->server->cluster ? redis_cluster_masters(call->server->cluster) : 1;
	return true;
}

/* A server that is away is mentioned by its node; this one answers, but not to the purpose. */
static void tell(struct server *sv, const redisReply *r)
{
	uint64_t now = timeouts_now();
	if (sv->told_ms && now - sv->told_ms < TOLD_MS)
		return;
	sv->told_ms = now;
	log_warn("redis does not count", LOG_SLICE("host", sv->conf.host), LOG_INT("port", sv->conf.port),
	        LOG_STR("error", r->type == REDIS_REPLY_ERROR ? r->str : "an answer to something else"));
}

static bool read_reply(struct redis_call *call, const redisReply *r)
{
	bool ok = call->count ? redis_script_read(r, call->count) : read_ask(call, r);
	if (ok)
		redis_node_is_well(call->node);
	else
		tell(call->server, r);
	return ok;
}

static void on_reply(void *arg, const redisReply *r)
{
	struct redis_call *call = arg;
	if (!call->server->set->is_closing && send_again(call, r))
		return;
	settle(call, call->fn && r && read_reply(call, r));
	call_free(call);
}

static void on_deadline(void *arg)
{
	struct redis_call *call = arg;
	struct redis_node *n = call->node;
	struct redis_cluster *c = call->server->cluster;

	settle(call, false);
	if (!n) {
		unhold(call);
		call_free(call);
		return;
	}
	if (c)
		redis_cluster_doubt(c);
	redis_node_is_silent(n); /* there is no answer, then: frees the call */
}

/* ---- for others ------------------------------------------------------------------------------------------------ */

static struct redis_call *start(struct redis_set *s, const struct redis_conf *conf, struct redis_call what)
{
	struct server *sv = server_of(s, conf);
	struct redis_call *call = malloc(sizeof *call);

	if (!call)
		abort();
	*call = what;
	call->server = sv;
	sv->calls++;
	if (!dispatch(call)) {
		call_free(call);
		return NULL;
	}
	uint32_t ms = sv->login.answer_ms + (sv->node && redis_node_is_up(sv->node) ? 0 : sv->login.connect_ms);
	timeout_set(&s->from.loop->timeouts, &call->deadline, ms, on_deadline, call);
	return call;
}

struct redis_call *redis_count(struct redis_set *s, struct count *count, redis_fn fn, void *arg)
{
	if (count->n == 0 || count->n > REDIS_COUNTERS_MAX)
		return NULL;
	return start(s, count->redis, (struct redis_call){.count = count, .fn = fn, .arg = arg});
}

struct redis_call *redis_send(struct redis_set *s, struct redis_ask *ask, redis_fn fn, void *arg)
{
	if (ask->count == 0 || ask->count > REDIS_ARGS_MAX)
		return NULL;
	return start(s, ask->redis, (struct redis_call){.ask = ask, .fn = fn, .arg = arg});
}

/* ask is only read, and not after this. */
bool redis_post(struct redis_set *s, const struct redis_ask *ask)
{
	if (ask->count == 0 || ask->count > REDIS_ARGS_MAX)
		return false;
	struct redis_call *call = start(
	        s, ask->redis, (struct redis_call){.ask = (struct redis_ask *)ask, .is_post = true});
	if (call)
		call->ask = NULL;
	return call;
}

/* A call that was sent is freed by its answer, and its deadline goes on: a silent server is noticed. */
void redis_cancel(struct redis_call *call)
{
	call->fn = NULL;
	if (call->node)
		return;
	unhold(call);
	call_free(call);
}
