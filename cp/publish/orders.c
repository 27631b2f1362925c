/* orders: see orders.h. A ring of orders, each with the results that have come. */
#include "cp/publish/orders.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "common/core/clock.h"
#include "common/core/slice.h"
#include "cp/publish/nodes.h"

enum { LOOK_AGAIN_MS = 100, FILL_MAX = 256 * 1024 };

struct result {
	struct uuid node;
	json_t *value;
	struct result *next;
};

struct order {
	uint64_t number; /* 0: free */
	const char *kind;
	char *payload;
	size_t len;
	uint64_t given_ms;
	struct result *results;
	bool is_awaited; /* results are kept only while somebody wants them */
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t reported;
	uint64_t origin, newest;
	struct order ring[ORDERS_KEPT]; /* by number */
	void (*announce)(void *arg);
	void *announce_arg;
} table = {.lock = PTHREAD_MUTEX_INITIALIZER};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void begin(void)
{
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&table.reported, &attr);
	pthread_condattr_destroy(&attr);
	random_bytes((unsigned char *)&table.origin, sizeof table.origin);
	table.origin |= 1;
}

static void enter(void)
{
	pthread_once(&once, begin);
	pthread_mutex_lock(&table.lock);
}

static void leave(void)
{
	pthread_mutex_unlock(&table.lock);
}

static void drop_results(struct order *o)
{
	for (struct result *r = o->results, *next; r; r = next) {
		next = r->next;
		json_decref(r->value);
		free(r);
	}
	o->results = NULL;
}

static void drop(struct order *o)
{
	drop_results(o);
	free(o->payload);
	*o = (struct order){0};
}

/* NULL: no longer kept. */
static struct order *find(uint64_t number)
{
	struct order *o = &table.ring[number % ORDERS_KEPT];
	return number && o->number == number ? o : NULL;
}

/* ---- giving ---------------------------------------------------------------------------------------------------- */

static uint64_t add(const char *kind, char *payload, size_t len)
{
	uint64_t number = ++table.newest;
	struct order *o = &table.ring[number % ORDERS_KEPT];
	drop(o);
	*o = (struct order){.number = number,
	        .kind = kind,
	        .payload = payload,
	        .len = len,
	        .given_ms = clock_mono_ms(),
	        .is_awaited = true};
	return number;
}

static bool has_reported(const struct order *o, const struct uuid *node)
{
	for (const struct result *r = o->results; r; r = r->next)
		if (uuid_eq(&r->node, node))
			return true;
	return false;
}

static unsigned count_silent(const struct order *o, const struct uuid *nodes, size_t n)
{
	unsigned silent = 0;
	for (size_t i = 0; o && i < n; i++)
		silent += !has_reported(o, &nodes[i]);
	return silent;
}

/* Until somebody reports, or it is time to see who is still connected. */
static void wait_a_little(uint64_t until_ms)
{
	uint64_t now = clock_mono_ms(), ms = now + LOOK_AGAIN_MS < until_ms ? now + LOOK_AGAIN_MS : until_ms;
	struct timespec at = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
	pthread_cond_timedwait(&table.reported, &table.lock, &at);
}

static unsigned wait_for_all(uint64_t number, int timeout_ms)
{
	uint64_t until_ms = clock_mono_ms() + (uint64_t)timeout_ms;
	struct uuid *nodes = malloc(NODES_MAX * sizeof *nodes);
	if (!nodes)
		abort();
	for (;;) {
		size_t n = nodes_connected_ids(nodes, NODES_MAX); /* has a lock of its own */
		enter();
		unsigned silent = count_silent(find(number), nodes, n);
		bool is_over = silent == 0 || clock_mono_ms() >= until_ms;
		if (!is_over)
			wait_a_little(until_ms);
		leave();
		if (!is_over)
			continue;
		free(nodes);
		return silent;
	}
}

static json_t *collect(uint64_t number)
{
	json_t *all = json_array();
	enter();
	struct order *o = find(number);
	for (struct result *r = o ? o->results : NULL; r; r = r->next)
		json_array_append(all, r->value);
	if (o) {
		o->is_awaited = false;
		drop_results(o);
	}
	leave();
	return all;
}

json_t *orders_give(const char *kind, const json_t *payload, int timeout_ms, unsigned *silent)
{
	char *text = json_dumps(payload, JSON_COMPACT | JSON_ENCODE_ANY);
	unsigned ignored;

	if (!text || strlen(text) > ORDERS_PAYLOAD_MAX) {
		free(text);
		return NULL;
	}
	enter();
	uint64_t number = add(kind, text, strlen(text));
	void (*announce)(void *) = table.announce;
	if (announce)
		announce(table.announce_arg);
	leave();
	*(silent ? silent : &ignored) = wait_for_all(number, timeout_ms);
	return collect(number);
}

/* ---- publishing ------------------------------------------------------------------------------------------------ */

void orders_announce_with(void (*fn)(void *arg), void *arg)
{
	enter();
	table.announce = fn;
	table.announce_arg = arg;
	leave();
}

static void take_result(const struct uuid *node, const Gatehouse__Sync__OrderResult *from)
{
	struct order *o = find(from->number);
	if (!o || !o->is_awaited || has_reported(o, node))
		return;
	struct result *r = calloc(1, sizeof *r);
	if (!r)
		abort();
	r->node = *node;
	r->value = json_loadb((const char *)from->payload.data, from->payload.len, JSON_DECODE_ANY, NULL);
	if (!r->value)
		r->value = json_null();
	r->next = o->results;
	o->results = r;
}

void orders_take_results(const struct uuid *node, const Gatehouse__Sync__Poll *p)
{
	enter();
	if (p->orders_origin == table.origin && p->n_order_results > 0) {
		for (size_t i = 0; i < p->n_order_results; i++)
			take_result(node, p->order_results[i]);
		pthread_cond_broadcast(&table.reported);
	}
	leave();
}

static Gatehouse__Sync__Order *copy(const struct order *o)
{
	Gatehouse__Sync__Order *out = malloc(sizeof *out + o->len);
	if (!out)
		abort();
	gatehouse__sync__order__init(out);
	out->number = o->number;
	out->kind = (char *)o->kind;
	out->payload.data = (uint8_t *)(out + 1);
	out->payload.len = o->len;
	memcpy(out->payload.data, o->payload, o->len);
	return out;
}

/* What does not fit comes with the next answer. */
static void fill_orders(Gatehouse__Sync__Envelope *e, uint64_t done)
{
	uint64_t first = table.newest > ORDERS_KEPT ? table.newest - ORDERS_KEPT + 1 : 1, now = clock_mono_ms();
	size_t bytes = 0;

	if (done + 1 > first)
		first = done + 1;
	if (first > table.newest)
		return;
	e->orders = calloc((size_t)(table.newest - first + 1), sizeof(void *));
	if (!e->orders)
		abort();
	for (uint64_t number = first; number <= table.newest && bytes <= FILL_MAX; number++) {
		const struct order *o = find(number);
		if (!o || now - o->given_ms > ORDERS_KEPT_MS)
			continue;
		e->orders[e->n_orders++] = copy(o);
		bytes += o->len;
	}
}

void orders_fill(Gatehouse__Sync__Envelope *e, const Gatehouse__Sync__Poll *p)
{
	enter();
	if (table.newest > 0) {
		e->orders_origin = table.origin;
		e->newest_order = table.newest;
		if (p)
			fill_orders(e, p->orders_origin == table.origin ? p->orders_done : 0);
	}
	leave();
}

void orders_release(Gatehouse__Sync__Envelope *e)
{
	for (size_t i = 0; i < e->n_orders; i++)
		free(e->orders[i]);
	free(e->orders);
	e->orders = NULL;
	e->n_orders = 0;
}

void orders_clear(void)
{
	enter();
	for (size_t i = 0; i < ORDERS_KEPT; i++)
		drop(&table.ring[i]);
	pthread_cond_broadcast(&table.reported);
	leave();
}
