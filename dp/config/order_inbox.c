/* order_inbox: see order_inbox.h. */
#include "dp/config/order_inbox.h"

#include <stdlib.h>

#include "common/core/log.h"

enum { RESULTS_BYTES_MAX = 48 * 1024 }; /* of one Poll */

struct order_result {
	Gatehouse__Sync__OrderResult message;
	struct order_result *next;
	char *text;
	bool is_sent;
};

static void drop_first(struct order_inbox *o)
{
	struct order_result *r = o->results;
	o->results = r->next;
	if (!o->results)
		o->end = NULL;
	free(r->text);
	free(r);
}

void order_inbox_fini(struct order_inbox *o)
{
	while (o->results)
		drop_first(o);
}

bool order_inbox_are_news(const struct order_inbox *o, const Gatehouse__Sync__Envelope *a)
{
	return a->newest_order > 0 && (a->orders_origin != o->origin || a->newest_order > o->done);
}

/* Takes the reference. */
static void keep_result(struct order_inbox *o, uint64_t number, json_t *value)
{
	struct order_result *r = calloc(1, sizeof *r);
	if (!r)
		abort();
	r->text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	json_decref(value);
	if (!r->text || strlen(r->text) > ORDER_RESULT_MAX) {
		free(r->text);
		r->text = slice_strdup(S("null"));
	}
	gatehouse__sync__order_result__init(&r->message);
	r->message.number = number;
	r->message.payload.data = (uint8_t *)r->text;
	r->message.payload.len = strlen(r->text);
	*(o->end ? o->end : &o->results) = r;
	o->end = &r->next;
}

static json_t *carry_out(const struct order_inbox *o, const Gatehouse__Sync__Order *order)
{
	const struct order_handler *h = o->handlers;
	while (h && h->kind && strcmp(h->kind, order->kind) != 0)
		h++;
	if (!h || !h->kind) {
		log_warn("an order of an unknown kind is left out", LOG_STR("kind", order->kind));
		return NULL;
	}
	json_t *payload = json_loadb((const char *)order->payload.data, order->payload.len, JSON_DECODE_ANY, NULL);
	json_t *result = payload ? h->fn(payload, o->arg) : NULL;
	json_decref(payload);
	log_info("order carried out", LOG_STR("kind", order->kind), LOG_INT("number", order->number));
	return result;
}

/* False: it has been carried out before, having come by way of another control plane. */
static bool remember(struct order_memory *m, uint64_t id)
{
	enum { KEPT = sizeof m->ids / sizeof m->ids[0] };

	if (id == 0)
		return true;
	for (size_t i = 0; i < KEPT; i++)
		if (m->ids[i] == id)
			return false;
	m->ids[m->next++ % KEPT] = id;
	return true;
}

/* Another process numbers anew: what there is to say of the one before interests nobody. */
static void follow(struct order_inbox *o, uint64_t origin)
{
	if (origin == 0 || origin == o->origin)
		return;
	order_inbox_fini(o);
	o->origin = origin;
	o->done = 0;
}

bool order_inbox_take(struct order_inbox *o, const Gatehouse__Sync__Envelope *answer)
{
	while (o->results && o->results->is_sent)
		drop_first(o);
	follow(o, answer->orders_origin);
	for (size_t i = 0; i < answer->n_orders; i++) {
		const Gatehouse__Sync__Order *order = answer->orders[i];
		if (order->number <= o->done)
			continue;
		o->done = order->number;
		if (remember(o->memory, order->id))
			keep_result(o, order->number, carry_out(o, order));
		else
			keep_result(o, order->number, NULL);
	}
	/* what is left is not for us: it is older than this process, or no longer kept */
	if (answer->n_orders == 0 && answer->newest_order > o->done)
		o->done = answer->newest_order;
	return o->results != NULL;
}

void order_inbox_fill(struct order_inbox *o, Gatehouse__Sync__Poll *p)
{
	size_t n = 0, bytes = 0;

	p->orders_origin = o->origin;
	p->orders_done = o->done;
	for (struct order_result *r = o->results; r; r = r->next)
		n++;
	if (n == 0)
		return;
	p->order_results = calloc(n, sizeof *p->order_results);
	if (!p->order_results)
		abort();
	for (struct order_result *r = o->results; r; r = r->next) {
		bytes += r->message.payload.len;
		if (bytes > RESULTS_BYTES_MAX) /* the next Poll has room again */
			break;
		r->is_sent = true;
		p->order_results[p->n_order_results++] = &r->message;
	}
}

void order_inbox_release(Gatehouse__Sync__Poll *p)
{
	free(p->order_results);
	p->order_results = NULL;
	p->n_order_results = 0;
}
