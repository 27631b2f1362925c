/* orders: see orders.h. A ring of orders, each with the results that have come. An order has an id of its own, by
 * which a data plane that hears of it from two control planes knows it. */
#include "cp/publish/orders.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "common/core/clock.h"
#include "common/core/slice.h"
#include "common/core/text.h"
#include "common/core/thread.h"
#include "cp/publish/calls.h"
#include "cp/publish/nodes.h"

enum { LOOK_AGAIN_MS = 100, FILL_MAX = 256 * 1024 };

struct result {
	struct uuid node;
	json_t *value;
	struct result *next;
};

struct order {
	uint64_t number; /* 0: free */
	uint64_t id;
	char *kind, *payload;
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
} table = {.lock = PTHREAD_MUTEX_INITIALIZER, .reported = PTHREAD_COND_INITIALIZER};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void begin(void)
{
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
	free(o->kind);
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

/* payload is taken. */
static uint64_t add(uint64_t id, const char *kind, char *payload)
{
	uint64_t number = ++table.newest;
	struct order *o = &table.ring[number % ORDERS_KEPT];
	drop(o);
	*o = (struct order){.number = number,
	        .id = id,
	        .kind = slice_strdup(slice_cstr(kind)),
	        .payload = payload,
	        .len = strlen(payload),
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
	thread_wait(&table.reported, &table.lock, ms);
}

/* Those of them that have not reported, to *silent as an array. */
static json_t *list_silent(const struct order *o, const struct uuid *nodes, size_t n)
{
	json_t *list = json_array();
	char id[UUID_TEXT + 1];
	for (size_t i = 0; o && i < n; i++) {
		if (has_reported(o, &nodes[i]))
			continue;
		uuid_format(&nodes[i], id);
		json_array_append_new(list, json_string(id));
	}
	return list;
}

/* Returns who is silent; a new reference. */
static json_t *wait_for_all(uint64_t number, int timeout_ms)
{
	uint64_t until_ms = clock_mono_ms() + (uint64_t)timeout_ms;
	struct uuid *nodes = malloc(NODES_MAX * sizeof *nodes);
	json_t *silent = NULL;
	if (!nodes)
		abort();
	while (!silent) {
		size_t n = nodes_connected_ids(nodes, NODES_MAX); /* has a lock of its own */
		enter();
		bool is_over = count_silent(find(number), nodes, n) == 0 || clock_mono_ms() >= until_ms;
		if (is_over)
			silent = list_silent(find(number), nodes, n);
		else
			wait_a_little(until_ms);
		leave();
	}
	free(nodes);
	return silent;
}

/* {node: value} */
static json_t *collect(uint64_t number)
{
	json_t *all = json_object();
	char id[UUID_TEXT + 1];
	enter();
	struct order *o = find(number);
	for (struct result *r = o ? o->results : NULL; r; r = r->next) {
		uuid_format(&r->node, id);
		json_object_set(all, id, r->value);
	}
	if (o) {
		o->is_awaited = false;
		drop_results(o);
	}
	leave();
	return all;
}

static uint64_t give_here(uint64_t id, const char *kind, char *payload)
{
	enter();
	uint64_t number = add(id, kind, payload);
	if (table.announce)
		table.announce(table.announce_arg);
	leave();
	return number;
}

/* {"results","silent"} of the data planes that poll this control plane. */
static json_t *await_here(uint64_t number, int timeout_ms)
{
	json_t *silent = wait_for_all(number, timeout_ms);
	return json_pack("{s:o, s:o}", "results", collect(number), "silent", silent);
}

json_t *orders_call(const json_t *order, void *arg)
{
	const char *kind = json_string_value(json_object_get(order, "kind"));
	const char *payload = json_string_value(json_object_get(order, "payload"));
	json_int_t timeout_ms = json_integer_value(json_object_get(order, "timeout_ms"));
	uint64_t id = (uint64_t)json_integer_value(json_object_get(order, "id"));

	if (!kind || !payload || strlen(payload) > ORDERS_PAYLOAD_MAX || id == 0 || timeout_ms < 0)
		return json_null();
	return await_here(give_here(id, kind, slice_strdup(slice_cstr(payload))),
	        timeout_ms > CALLS_TIMEOUT_MAX_MS ? CALLS_TIMEOUT_MAX_MS : (int)timeout_ms);
}

/* A data plane that heard of the order twice has something to say to one of the two only. */
static void merge(json_t *all, const json_t *more)
{
	const char *node;
	json_t *value, *silent;
	size_t i;

	json_object_foreach(json_object_get(more, "results"), node, value)
	{
		json_t *known = json_object_get(json_object_get(all, "results"), node);
		if (!known || json_is_null(known))
			json_object_set(json_object_get(all, "results"), node, value);
	}
	json_array_foreach(json_object_get(more, "silent"), i, silent)
	        json_array_append(json_object_get(all, "silent"), silent);
}

static unsigned count_unheard(const json_t *all)
{
	json_t *seen = json_object(), *node;
	size_t i;

	json_array_foreach(json_object_get(all, "silent"), i, node)
	{
		const char *id = json_string_value(node);
		if (id && !json_object_get(json_object_get(all, "results"), id))
			json_object_set_new(seen, id, json_true());
	}
	unsigned count = (unsigned)json_object_size(seen);
	json_decref(seen);
	return count;
}

static json_t *values_of(const json_t *all)
{
	json_t *values = json_array(), *value;
	const char *node;

	json_object_foreach(json_object_get(all, "results"), node, value) json_array_append(values, value);
	return values;
}

json_t *orders_give(const char *kind, const json_t *payload, int timeout_ms, unsigned *silent)
{
	char *text = json_dumps(payload, JSON_COMPACT | JSON_ENCODE_ANY);
	json_t *answer;
	size_t i;

	if (!text || strlen(text) > ORDERS_PAYLOAD_MAX) {
		free(text);
		return NULL;
	}
	uint64_t id = (uint64_t)calls_new_id();
	json_t *order = json_pack("{s:I, s:s, s:s, s:i}", "id", (json_int_t)id, "kind", kind, "payload", text,
	        "timeout_ms", timeout_ms);
	struct call *call = calls_begin(ORDERS_CALL, order, timeout_ms);
	json_t *all = await_here(give_here(id, kind, text), timeout_ms);
	json_t *answers = calls_end(call);
	json_array_foreach(answers, i, answer) merge(all, answer);
	json_decref(answers);
	json_decref(order);
	if (silent)
		*silent = count_unheard(all);
	json_t *values = values_of(all);
	json_decref(all);
	return values;
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

/* The order itself may be dropped by another thread before the copy is packed. */
static Gatehouse__Sync__Order *copy(const struct order *o)
{
	size_t kind_size = strlen(o->kind) + 1;
	Gatehouse__Sync__Order *out = malloc(sizeof *out + kind_size + o->len);
	if (!out)
		abort();
	gatehouse__sync__order__init(out);
	out->number = o->number;
	out->id = o->id;
	out->kind = (char *)(out + 1);
	memcpy(out->kind, o->kind, kind_size);
	out->payload.data = (uint8_t *)out->kind + kind_size;
	out->payload.len = o->len;
	memcpy(out->payload.data, o->payload, o->len);
	return out;
}

/* Orders that are older than the process that asks are not for it: what they would change is not there any more
 * (proxy.md 6.5: a mark does not survive a restart). up_ms 0: an older release, which does not say. */
static uint64_t oldest_meant(const Gatehouse__Sync__Poll *p)
{
	uint64_t now = clock_mono_ms(), age_ms = ORDERS_KEPT_MS;
	if (p->up_ms > 0 && p->up_ms < age_ms)
		age_ms = p->up_ms;
	return now > age_ms ? now - age_ms : 0;
}

/* What does not fit comes with the next answer. */
static void fill_orders(Gatehouse__Sync__Envelope *e, uint64_t done, uint64_t oldest_ms)
{
	uint64_t first = table.newest > ORDERS_KEPT ? table.newest - ORDERS_KEPT + 1 : 1;
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
		if (!o || o->given_ms < oldest_ms)
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
			fill_orders(e, p->orders_origin == table.origin ? p->orders_done : 0, oldest_meant(p));
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
