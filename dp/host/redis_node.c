/* redis_node: see redis_node.h. */
#include "dp/host/redis_node.h"

#include <stdlib.h>

#include "common/core/log.h"
#include "common/core/uuid.h"
#include "dp/host/redis_sentinel.h"

/* FORGET_MS: a server that nobody has asked for so long is not looked for any more; TOLD_MS: how often one that is
 * away is mentioned in the log; CHECK_MS: how often Sentinels are asked whether the master is still the same: an old
 * one goes on taking commands for seconds. */
enum { BACKOFF_FIRST_MS = 100, BACKOFF_LAST_MS = 2000, FORGET_MS = 60000, TOLD_MS = 60000, CHECK_MS = 500 };

enum state { IDLE, OPENING, UP, AWAY };

struct redis_node {
	const struct redis_login *login;
	char *host;
	int port;
	enum state state;
	struct redis_link *link;    /* while opening, up, and while it is tried whether it is back */
	struct redis_queue waiting; /* opening: until login is done */
	unsigned unanswered;        /* commands of the login */
	bool is_searching;          /* Sentinels are asked for the address */
	uint32_t backoff_ms;
	uint64_t asked_ms, told_ms; /* last send; last mention in the log */
	struct loop_timer *retry, *check;
	struct timeout patience;
};

static void begin(struct redis_node *n);
static void fail(struct redis_node *n, const char *why);

/* ---- being away ------------------------------------------------------------------------------------------------ */

static void tell(struct redis_node *n, const char *why)
{
	uint64_t now = timeouts_now();
	if (n->told_ms && now - n->told_ms < TOLD_MS)
		return;
	n->told_ms = now;
	log_warn("redis is away", LOG_STR("host", n->host), LOG_INT("port", n->port), LOG_STR("error", why));
}

/* What is left of an attempt or a connection: its link. */
static struct redis_link *let_go(struct redis_node *n)
{
	struct redis_link *link = n->link;
	n->link = NULL;
	n->unanswered = 0;
	timeout_clear(&n->patience);
	loop_timer_free(n->check);
	n->check = NULL;
	if (n->is_searching)
		redis_sentinel_cancel(n->login->sentinel);
	n->is_searching = false;
	return link;
}

static void on_retry(void *arg)
{
	struct redis_node *n = arg;
	loop_timer_free(n->retry);
	n->retry = NULL;
	if (timeouts_now() - n->asked_ms < FORGET_MS) {
		begin(n);
		return;
	}
	n->state = IDLE;
	n->backoff_ms = BACKOFF_FIRST_MS;
}

/* Between three quarters of the pause and one and a quarter: workers do not all come back at the same moment. */
static uint32_t next_pause(struct redis_node *n)
{
	uint32_t pause = n->backoff_ms * 3 / 4 + random_below(n->backoff_ms / 2);
	n->backoff_ms = n->backoff_ms * 2 > BACKOFF_LAST_MS ? BACKOFF_LAST_MS : n->backoff_ms * 2;
	return pause;
}

static void fail(struct redis_node *n, const char *why)
{
	tell(n, why);
	n->state = AWAY;
	loop_timer_free(n->retry);
	n->retry = loop_timer_new(n->login->from.loop, next_pause(n), false, on_retry, n);
	redis_link_close(let_go(n));
	redis_queue_fail(&n->waiting);
}

static void on_patience_lost(void *arg)
{
	fail(arg, "no answer in time");
}

/* ---- login ----------------------------------------------------------------------------------------------------- */

static void on_checked(void *arg, struct slice host, int port, const char *why)
{
	struct redis_node *n = arg;
	n->is_searching = false;
	if (!why && (port != n->port || !slice_eq(host, slice_cstr(n->host))))
		redis_node_renew(n);
}

static void check(void *arg)
{
	struct redis_node *n = arg;
	if (n->is_searching || timeouts_now() - n->asked_ms >= FORGET_MS)
		return;
	n->is_searching = true;
	redis_sentinel_find(n->login->sentinel, on_checked, n);
}

static bool wants_master(const struct redis_login *l)
{
	return l->sentinel && l->role && strcmp(l->role, "master") == 0;
}

static void come_up(struct redis_node *n)
{
	if (wants_master(n->login))
		n->check = loop_timer_new(n->login->from.loop, CHECK_MS, true, check, n);
	timeout_clear(&n->patience);
	if (n->told_ms)
		log_notice("redis is back", LOG_STR("host", n->host), LOG_INT("port", n->port));
	n->told_ms = 0;
	n->state = UP;
	redis_link_send_all(n->link, &n->waiting);
}

static bool is_error(const redisReply *r, const char *code)
{
	return r->type == REDIS_REPLY_ERROR && strncmp(r->str, code, strlen(code)) == 0;
}

/* Without these the connection is of no use; others (a script, or ROLE, that a user may not send) are told later. */
static bool is_fatal(const redisReply *r)
{
	return is_error(r, "NOAUTH") || is_error(r, "LOADING") || is_error(r, "MASTERDOWN");
}

static void take_step(struct redis_node *n)
{
	if (--n->unanswered == 0)
		come_up(n);
}

static void on_needed(void *arg, const redisReply *r)
{
	struct redis_node *n = arg;
	if (!r)
		return;
	if (r->type == REDIS_REPLY_ERROR)
		fail(n, r->str); /* or we would count in another database, or as somebody else */
	else
		take_step(n);
}

static void on_wished(void *arg, const redisReply *r)
{
	struct redis_node *n = arg;
	if (!r)
		return;
	if (is_fatal(r)) {
		fail(n, r->str);
		return;
	}
	if (r->type == REDIS_REPLY_ERROR)
		log_warn("redis refused a command of the login", LOG_STR("host", n->host), LOG_INT("port", n->port),
		        LOG_STR("error", r->str));
	take_step(n);
}

static void on_role(void *arg, const redisReply *r)
{
	struct redis_node *n = arg;
	bool says = r && r->type == REDIS_REPLY_ARRAY && r->elements > 0 && r->element[0]->str;
	if (says && strcmp(r->element[0]->str, n->login->role) != 0)
		fail(n, "the server has another role");
	else
		on_wished(arg, r);
}

#define SEND(n, fn, ...)                                          \
	send_step((n), (fn), (const struct slice[]){__VA_ARGS__}, \
	        sizeof((const struct slice[]){__VA_ARGS__}) / sizeof(struct slice))

static void send_step(struct redis_node *n, redis_reply_fn fn, const struct slice *args, size_t count)
{
	n->unanswered++;
	redis_link_send(n->link, args, count, fn, n);
}

static void on_open(void *arg)
{
	struct redis_node *n = arg;
	const struct redis_login *l = n->login;
	char number[24];

	if (l->password.len && l->username.len)
		SEND(n, on_needed, S("AUTH"), l->username, l->password);
	else if (l->password.len)
		SEND(n, on_needed, S("AUTH"), l->password);
	if (l->database) {
		snprintf(number, sizeof number, "%lld", (long long)l->database);
		SEND(n, on_needed, S("SELECT"), slice_cstr(number));
	}
	if (l->role)
		SEND(n, on_role, S("ROLE"));
	if (slice_is_set(l->script))
		SEND(n, on_wished, S("SCRIPT"), S("LOAD"), l->script);
	else
		SEND(n, on_wished, S("PING"));
	timeout_set(&l->from.loop->timeouts, &n->patience, l->answer_ms, on_patience_lost, n);
}

/* ---- the connection -------------------------------------------------------------------------------------------- */

/* A server may close what is quiet, and when it restarts: the next command connects again. */
static void on_over(void *arg, const char *why)
{
	struct redis_node *n = arg;
	bool was_up = n->state == UP;

	n->link = NULL;
	if (!was_up) {
		fail(n, why);
		return;
	}
	let_go(n);
	log_info("redis connection lost", LOG_STR("host", n->host), LOG_INT("port", n->port), LOG_STR("error", why));
	n->state = IDLE;
}

static const struct redis_link_ops link_ops = {.on_open = on_open, .on_over = on_over};

static void connect_to(struct redis_node *n)
{
	const struct redis_login *l = n->login;
	struct dial_to to = {
	        .host = slice_cstr(n->host),
	        .port = n->port,
	        .tls = l->tls,
	        .tls_verify = l->tls_verify,
	        .tls_name = l->server_name,
	        .timeout_ms = l->connect_ms,
	};
	n->link = redis_link_open(&l->from, &to, &link_ops, n);
}

static void on_found(void *arg, struct slice host, int port, const char *why)
{
	struct redis_node *n = arg;
	n->is_searching = false;
	if (why) {
		fail(n, why);
		return;
	}
	free(n->host);
	n->host = slice_strdup(host);
	n->port = port;
	connect_to(n);
}

static void begin(struct redis_node *n)
{
	if (!n->login->sentinel) {
		connect_to(n);
		return;
	}
	n->is_searching = true;
	redis_sentinel_find(n->login->sentinel, on_found, n);
}

/* ---- for others ------------------------------------------------------------------------------------------------ */

struct redis_node *redis_node_new(const struct redis_login *login, struct slice host, int port)
{
	struct redis_node *n = calloc(1, sizeof *n);
	if (!n)
		abort();
	*n = (struct redis_node){
	        .login = login, .host = slice_strdup(host), .port = port, .backoff_ms = BACKOFF_FIRST_MS};
	return n;
}

void redis_node_free(struct redis_node *n)
{
	loop_timer_free(n->retry);
	n->state = AWAY;
	redis_link_close(let_go(n));
	redis_queue_fail(&n->waiting);
	free(n->host);
	free(n);
}

bool redis_node_send(struct redis_node *n, const struct slice *args, size_t count, redis_reply_fn fn, void *arg)
{
	n->asked_ms = timeouts_now();
	if (n->state == IDLE) {
		n->state = OPENING;
		begin(n);
	}
	if (n->state == OPENING)
		return redis_queue_put(&n->waiting, args, count, fn, arg);
	return n->state == UP && redis_link_send(n->link, args, count, fn, arg);
}

void redis_node_is_silent(struct redis_node *n)
{
	if (n->state == UP || n->state == OPENING)
		fail(n, "no answer in time");
}

void redis_node_renew(struct redis_node *n)
{
	if (n->state != UP)
		return;
	n->state = OPENING;
	redis_link_retire(let_go(n));
	begin(n);
}

void redis_node_is_well(struct redis_node *n)
{
	n->backoff_ms = BACKOFF_FIRST_MS;
}

bool redis_node_is_up(const struct redis_node *n)
{
	return n->state == UP;
}

bool redis_node_is_away(const struct redis_node *n)
{
	return n->state == AWAY;
}

bool redis_node_is_busy(const struct redis_node *n)
{
	return n->waiting.first || (n->link && redis_link_is_waited_for(n->link));
}

struct slice redis_node_host(const struct redis_node *n)
{
	return slice_cstr(n->host);
}

int redis_node_port(const struct redis_node *n)
{
	return n->port;
}
