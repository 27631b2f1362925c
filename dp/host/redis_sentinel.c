/* redis_sentinel: see redis_sentinel.h. */
#include "dp/host/redis_sentinel.h"

#include <stdlib.h>

enum { SENTINELS_MAX = 32, HOST_MAX = 255 };

struct redis_sentinel {
	const struct redis_conf *conf;
	struct redis_login login;
	struct redis_node *nodes[SENTINELS_MAX];
	unsigned count, at, tried; /* at: who is asked; tried: so many did not know */
	bool for_replica;          /* not for the master */
	uint32_t turn;             /* over replicas */
	uint64_t asked;            /* questions; answers to earlier ones are not looked at */
	struct timeout patience;
	redis_found_fn fn; /* NULL: nobody is searching */
	void *arg;
};

struct question {
	struct redis_sentinel *sentinel;
	uint64_t number;
};

static void ask(struct redis_sentinel *s);

static bool is_role(const struct redis_sentinel *s, struct slice role)
{
	return slice_eq(s->conf->sentinel_role, role);
}

static void end(struct redis_sentinel *s, struct slice host, int port, const char *why)
{
	redis_found_fn fn = s->fn;
	redis_sentinel_cancel(s);
	fn(s->arg, host, port, why);
}

static void ask_next(struct redis_sentinel *s)
{
	if (++s->tried == s->count) {
		end(s, S(""), 0, "no Sentinel knows of the server");
		return;
	}
	s->at = (s->at + 1) % s->count;
	s->for_replica = is_role(s, S("slave"));
	ask(s);
}

/* ---- answers --------------------------------------------------------------------------------------------------- */

static struct slice text_of(const redisReply *r)
{
	return r->type == REDIS_REPLY_STRING ? slice_of(r->str, r->len) : slice_of(NULL, 0);
}

/* A replica is a list of names and values. */
static struct slice value_of(const redisReply *replica, struct slice name)
{
	for (size_t i = 0; replica->type == REDIS_REPLY_ARRAY && i + 1 < replica->elements; i += 2)
		if (slice_eq(text_of(replica->element[i]), name))
			return text_of(replica->element[i + 1]);
	return slice_of(NULL, 0);
}

static bool is_fit(const redisReply *replica)
{
	struct slice flags = value_of(replica, S("flags"));
	while (slice_is_set(flags)) {
		struct slice flag = slice_cut(&flags, ',');
		if (slice_eq(flag, S("s_down")) || slice_eq(flag, S("o_down")) || slice_eq(flag, S("disconnected")))
			return false;
	}
	return replica->type == REDIS_REPLY_ARRAY;
}

static const redisReply *choose_replica(struct redis_sentinel *s, const redisReply *list)
{
	for (size_t i = 0; list->type == REDIS_REPLY_ARRAY && i < list->elements; i++) {
		const redisReply *replica = list->element[s->turn++ % list->elements];
		if (is_fit(replica))
			return replica;
	}
	return NULL;
}

static bool read_address(struct redis_sentinel *s, const redisReply *r, struct slice *host, int *port)
{
	int64_t number = 0;
	struct slice digits = {0};

	if (s->for_replica) {
		const redisReply *replica = choose_replica(s, r);
		if (!replica)
			return false;
		*host = value_of(replica, S("ip"));
		digits = value_of(replica, S("port"));
	} else if (r->type == REDIS_REPLY_ARRAY && r->elements == 2) {
		*host = text_of(r->element[0]);
		digits = text_of(r->element[1]);
	}
	bool ok = host->len > 0 && host->len <= HOST_MAX && slice_to_int(digits, &number) && number > 0 &&
	          number <= UINT16_MAX;
	*port = (int)number;
	return ok;
}

static void take_answer(struct redis_sentinel *s, const redisReply *r)
{
	struct slice host = {0};
	int port;

	timeout_clear(&s->patience);
	if (r && read_address(s, r, &host, &port)) {
		end(s, host, port, NULL);
	} else if (r && is_role(s, S("any")) && !s->for_replica) {
		s->for_replica = true;
		ask(s);
	} else {
		ask_next(s);
	}
}

static void on_answer(void *arg, const redisReply *r)
{
	struct question q = *(struct question *)arg;
	free(arg);
	if (q.sentinel->fn && q.number == q.sentinel->asked)
		take_answer(q.sentinel, r);
}

/* ---- questions ------------------------------------------------------------------------------------------------- */

static void on_patience_lost(void *arg)
{
	struct redis_sentinel *s = arg;
	redis_node_is_silent(s->nodes[s->at]); /* there is no answer, then */
}

static void ask(struct redis_sentinel *s)
{
	const struct slice word = s->for_replica ? S("REPLICAS") : S("GET-MASTER-ADDR-BY-NAME");
	const struct slice args[] = {S("SENTINEL"), word, s->conf->sentinel_master};
	struct question *q = malloc(sizeof *q);

	if (!q)
		abort();
	*q = (struct question){s, ++s->asked};
	if (!redis_node_send(s->nodes[s->at], args, 3, on_answer, q)) {
		free(q);
		ask_next(s);
		return;
	}
	timeout_set(&s->login.from.loop->timeouts, &s->patience, s->login.connect_ms + s->login.answer_ms,
	        on_patience_lost, s);
}

void redis_sentinel_find(struct redis_sentinel *s, redis_found_fn fn, void *arg)
{
	s->fn = fn;
	s->arg = arg;
	s->tried = 0;
	s->for_replica = is_role(s, S("slave"));
	ask(s);
}

void redis_sentinel_cancel(struct redis_sentinel *s)
{
	s->fn = NULL;
	timeout_clear(&s->patience);
}

/* ---- making and ending ----------------------------------------------------------------------------------------- */

struct redis_sentinel *redis_sentinel_new(const struct redis_login *login, const struct redis_conf *conf)
{
	struct redis_sentinel *s = calloc(1, sizeof *s);
	if (!s)
		abort();
	s->conf = conf;
	s->login = *login;
	s->login.username = conf->sentinel_username;
	s->login.password = conf->sentinel_password;
	s->login.database = 0;
	s->login.script = slice_of(NULL, 0);
	s->login.role = NULL;
	for (size_t i = 0; i < conf->sentinel_nodes.len && s->count < SENTINELS_MAX; i++) {
		const struct redis_address *a = LIST_AT(conf->sentinel_nodes, struct redis_address, i);
		s->nodes[s->count++] = redis_node_new(&s->login, a->host, (int)a->port);
	}
	return s;
}

void redis_sentinel_free(struct redis_sentinel *s)
{
	if (!s)
		return;
	redis_sentinel_cancel(s);
	for (unsigned i = 0; i < s->count; i++)
		redis_node_free(s->nodes[i]);
	free(s);
}
