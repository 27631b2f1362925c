/* redis_cluster: see redis_cluster.h. */
#include "dp/host/redis_cluster.h"

#include <stdlib.h>

#include "common/core/map.h"

/* DOUBT_MS: the map is not asked for more often; PAUSE_MS: after nobody could be asked. */
enum { NODES_MAX = 1024, DOUBT_MS = 500, PAUSE_MS = 500, HOST_MAX = 255 };

struct redis_cluster {
	const struct redis_login *login;
	const struct redis_conf *conf;
	redis_map_fn fn;
	void *arg;
	struct map nodes;            /* "host:port" -> struct redis_node: all that were heard of */
	uint16_t slots[REDIS_SLOTS]; /* number of the master, from 1; 0: nobody */
	struct redis_node *masters[NODES_MAX];
	unsigned masters_count;
	bool is_known, is_asking;
	unsigned tried, turn;    /* who is asked for the map */
	uint64_t asked, rest_ms; /* not asked for before */
	struct redis_node *asked_node;
	struct timeout patience;
	struct loop_timer *doubt;
};

struct question {
	struct redis_cluster *cluster;
	uint64_t number;
};

/* ---- slots ----------------------------------------------------------------------------------------------------- */

/* CRC-16/XMODEM, as Redis Cluster's specification says; half a byte at a time. */
static uint16_t crc16(struct slice s)
{
	static const uint16_t of[16] = {0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50a5, 0x60c6, 0x70e7, 0x8108,
	        0x9129, 0xa14a, 0xb16b, 0xc18c, 0xd1ad, 0xe1ce, 0xf1ef};
	uint16_t crc = 0;
	for (size_t i = 0; i < s.len; i++) {
		unsigned char byte = (unsigned char)s.ptr[i];
		crc = (uint16_t)(crc << 4 ^ of[crc >> 12 ^ byte >> 4]);
		crc = (uint16_t)(crc << 4 ^ of[crc >> 12 ^ (byte & 15)]);
	}
	return crc;
}

unsigned redis_cluster_slot(struct slice key)
{
	ptrdiff_t open = slice_find(key, '{');
	struct slice rest = open < 0 ? slice_of(NULL, 0) : slice_from(key, (size_t)open + 1);
	ptrdiff_t close = slice_find(rest, '}');
	return crc16(close > 0 ? slice_of(rest.ptr, (size_t)close) : key) % REDIS_SLOTS;
}

/* ---- nodes ----------------------------------------------------------------------------------------------------- */

static struct redis_node *node_at(struct redis_cluster *c, struct slice host, int port)
{
	struct text name = {0};
	text_printf(&name, "%.*s:%d", SLICE_ARG(host), port);
	struct redis_node *n = map_get(&c->nodes, text_slice(&name));
	if (!n && c->nodes.count < NODES_MAX) {
		n = redis_node_new(c->login, host, port);
		map_set(&c->nodes, text_slice(&name), n);
	}
	text_fini(&name);
	return n;
}

/* Number of a master, from 1; 0: there are too many. */
static uint16_t number_of(struct redis_cluster *c, struct redis_node *n)
{
	unsigned i = 0;
	while (i < c->masters_count && c->masters[i] != n)
		i++;
	if (i == NODES_MAX)
		return 0;
	if (i == c->masters_count)
		c->masters[c->masters_count++] = n;
	return (uint16_t)(i + 1);
}

struct redis_node *redis_cluster_node(struct redis_cluster *c, unsigned slot)
{
	uint16_t number = c->slots[slot];
	return number ? c->masters[number - 1] : NULL;
}

struct redis_node *redis_cluster_master(struct redis_cluster *c, unsigned i)
{
	return c->masters[i];
}

unsigned redis_cluster_masters(const struct redis_cluster *c)
{
	return c->masters_count;
}

/* ---- the map --------------------------------------------------------------------------------------------------- */

static bool is_port(long long n)
{
	return n > 0 && n <= UINT16_MAX;
}

/* [first slot, last slot, [host, port, ...] of the master, those of replicas ...] */
static bool is_range(const redisReply *r)
{
	if (r->type != REDIS_REPLY_ARRAY || r->elements < 3)
		return false;
	long long first = r->element[0]->integer, last = r->element[1]->integer;
	const redisReply *master = r->element[2];
	return first >= 0 && first <= last && last < REDIS_SLOTS && master->type == REDIS_REPLY_ARRAY &&
	       master->elements >= 2 && is_port(master->element[1]->integer);
}

static bool is_map(const redisReply *r)
{
	if (!r || r->type != REDIS_REPLY_ARRAY || r->elements == 0 || r->elements > REDIS_SLOTS)
		return false;
	for (size_t i = 0; i < r->elements; i++)
		if (!is_range(r->element[i]))
			return false;
	return true;
}

/* A host that is missing, empty or "?" is that of the node which says it. */
static struct redis_node *master_of(struct redis_cluster *c, const redisReply *r)
{
	const redisReply *host = r->element[0];
	bool is_said = host->type == REDIS_REPLY_STRING && host->len > 0 && host->len <= HOST_MAX &&
	               host->str[0] != '?';
	return node_at(c, is_said ? slice_of(host->str, host->len) : redis_node_host(c->asked_node),
	        (int)r->element[1]->integer);
}

static bool read_map(struct redis_cluster *c, const redisReply *r)
{
	if (!is_map(r))
		return false;
	c->masters_count = 0;
	memset(c->slots, 0, sizeof c->slots);
	for (size_t i = 0; i < r->elements; i++) {
		const redisReply *range = r->element[i];
		struct redis_node *master = master_of(c, range->element[2]);
		uint16_t number = master ? number_of(c, master) : 0;
		for (long long slot = range->element[0]->integer; slot <= range->element[1]->integer; slot++)
			c->slots[slot] = number;
	}
	return true;
}

static bool is_master(const struct redis_cluster *c, const struct redis_node *n)
{
	for (unsigned i = 0; i < c->masters_count; i++)
		if (c->masters[i] == n)
			return true;
	return false;
}

static bool is_named(const struct redis_cluster *c, const struct redis_node *n)
{
	for (size_t i = 0; i < c->conf->cluster_nodes.len; i++) {
		const struct redis_address *a = LIST_AT(c->conf->cluster_nodes, struct redis_address, i);
		if (slice_eq(a->host, redis_node_host(n)) && a->port == redis_node_port(n))
			return true;
	}
	return false;
}

/* A node that the map does not have (any more), the configuration does not name and nobody waits for. */
static struct redis_node *find_left_over(struct redis_cluster *c, struct slice *name)
{
	void *value;
	for (size_t at = 0; map_next(&c->nodes, &at, name, &value);)
		if (value != c->asked_node && !is_master(c, value) && !is_named(c, value) &&
		        !redis_node_is_busy(value))
			return value;
	return NULL;
}

static void drop_left_over(struct redis_cluster *c)
{
	struct redis_node *n;
	struct slice name;
	while ((n = find_left_over(c, &name))) {
		map_remove(&c->nodes, name);
		redis_node_free(n);
	}
}

/* ---- asking ---------------------------------------------------------------------------------------------------- */

static void ask(struct redis_cluster *c);

static void end(struct redis_cluster *c, bool known)
{
	timeout_clear(&c->patience);
	c->is_asking = false;
	c->is_known |= known;
	c->rest_ms = timeouts_now() + (known ? DOUBT_MS : PAUSE_MS);
	c->fn(c->arg, c->is_known);
}

static void take_map(struct redis_cluster *c, const redisReply *r)
{
	timeout_clear(&c->patience);
	if (!read_map(c, r)) {
		c->tried++;
		ask(c);
		return;
	}
	drop_left_over(c);
	end(c, true);
}

static void on_map(void *arg, const redisReply *r)
{
	struct question q = *(struct question *)arg;
	free(arg);
	if (q.cluster->is_asking && q.number == q.cluster->asked)
		take_map(q.cluster, r);
}

static void on_patience_lost(void *arg)
{
	struct redis_cluster *c = arg;
	redis_node_is_silent(c->asked_node); /* there is no answer, then */
}

/* The masters of the map that we have, then the nodes that the configuration names. */
static struct redis_node *nth(struct redis_cluster *c, unsigned i)
{
	if (i < c->masters_count)
		return c->masters[(i + c->turn) % c->masters_count];
	const struct redis_address *a = LIST_AT(c->conf->cluster_nodes, struct redis_address, i - c->masters_count);
	return node_at(c, a->host, (int)a->port);
}

static bool put_question(struct redis_cluster *c, struct redis_node *n)
{
	static const struct slice args[] = {SLICE("CLUSTER"), SLICE("SLOTS")};
	struct question *q = malloc(sizeof *q);

	if (!q)
		abort();
	*q = (struct question){c, ++c->asked};
	c->asked_node = n;
	if (redis_node_send(n, args, 2, on_map, q))
		return true;
	free(q);
	return false;
}

/* From c->tried on, until one takes the question. */
static void ask(struct redis_cluster *c)
{
	unsigned all = c->masters_count + (unsigned)c->conf->cluster_nodes.len;
	for (; c->tried < all; c->tried++) {
		struct redis_node *n = nth(c, c->tried);
		if (n && put_question(c, n)) {
			timeout_set(&c->login->from.loop->timeouts, &c->patience,
			        c->login->connect_ms + c->login->answer_ms, on_patience_lost, c);
			return;
		}
	}
	end(c, false);
}

static void begin(struct redis_cluster *c)
{
	if (c->is_asking)
		return;
	c->is_asking = true;
	c->tried = 0;
	c->turn++;
	ask(c);
}

enum redis_map redis_cluster_map(struct redis_cluster *c)
{
	if (c->is_known)
		return REDIS_MAP_KNOWN;
	if (!c->is_asking && timeouts_now() < c->rest_ms)
		return REDIS_MAP_AWAY;
	begin(c);
	return c->is_asking ? REDIS_MAP_COMING : REDIS_MAP_AWAY;
}

/* ---- changes --------------------------------------------------------------------------------------------------- */

static void on_doubt(void *arg)
{
	struct redis_cluster *c = arg;
	loop_timer_free(c->doubt);
	c->doubt = NULL;
	begin(c);
}

void redis_cluster_doubt(struct redis_cluster *c)
{
	if (c->is_asking || c->doubt)
		return;
	uint64_t now = timeouts_now();
	uint32_t ms = c->rest_ms > now ? (uint32_t)(c->rest_ms - now) : 1;
	c->doubt = loop_timer_new(c->login->from.loop, ms, false, on_doubt, c);
}

struct redis_node *redis_cluster_redirected(
        struct redis_cluster *c, const struct redis_node *from, const char *error, bool *is_ask)
{
	struct slice rest = slice_cstr(error), word = slice_cut(&rest, ' '), slot_text = slice_cut(&rest, ' ');
	int64_t slot, port;
	size_t colon = rest.len;

	*is_ask = slice_eq(word, S("ASK"));
	if (!*is_ask && !slice_eq(word, S("MOVED")))
		return NULL;
	while (colon > 0 && rest.ptr[colon - 1] != ':') /* the last: "::1:6379" */
		colon--;
	if (colon == 0 || colon > HOST_MAX || !slice_to_int(slot_text, &slot) || slot < 0 || slot >= REDIS_SLOTS ||
	        !slice_to_int(slice_from(rest, colon), &port) || !is_port(port))
		return NULL;
	struct redis_node *to = node_at(
	        c, colon > 1 ? slice_of(rest.ptr, colon - 1) : redis_node_host(from), (int)port);
	if (to && !*is_ask) {
		c->slots[slot] = number_of(c, to);
		redis_cluster_doubt(c);
	}
	return to;
}

/* ---- making and ending ----------------------------------------------------------------------------------------- */

struct redis_cluster *redis_cluster_new(
        const struct redis_login *login, const struct redis_conf *conf, redis_map_fn fn, void *arg)
{
	struct redis_cluster *c = calloc(1, sizeof *c);
	if (!c)
		abort();
	c->login = login;
	c->conf = conf;
	c->fn = fn;
	c->arg = arg;
	return c;
}

void redis_cluster_free(struct redis_cluster *c)
{
	struct slice name;
	void *value;

	if (!c)
		return;
	c->is_asking = false;
	timeout_clear(&c->patience);
	loop_timer_free(c->doubt);
	for (size_t at = 0; map_next(&c->nodes, &at, &name, &value);)
		redis_node_free(value);
	map_fini(&c->nodes);
	free(c);
}
