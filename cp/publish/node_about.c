/* node_about: see node_about.h. */
#include "cp/publish/node_about.h"

#include <string.h>

#include "common/core/slice.h"
#include "common/core/utf8.h"

/* Rates are taken over so long at least: two Polls lie between. */
enum { WINDOW_MS = 1800, LABELS_MAX = 10, LABEL_MAX = 127 };

static json_t *labels_of(const Gatehouse__Sync__Poll *p)
{
	json_t *labels = json_object();

	for (size_t i = 0; i < p->n_labels && i < LABELS_MAX; i++) {
		struct slice value = slice_cstr(p->labels[i]);
		struct slice key = slice_cut(&value, ':');
		if (key.len + value.len <= LABEL_MAX && slice_is_set(value) &&
		        utf8_invalid_at(slice_cstr(p->labels[i])) < 0)
			json_object_setn_new(labels, key.ptr, key.len, json_stringn(value.ptr, value.len));
	}
	return labels;
}

static double per_s(uint64_t now, uint64_t was, uint64_t ms)
{
	return (double)(now - was) * 1000 / (double)ms;
}

static json_t *rates(const struct node_load *is, const struct node_load *was, uint64_t ms)
{
	uint64_t latency[NODE_LOAD_BUCKETS], answers = is->upstream_answers - was->upstream_answers;

	for (unsigned i = 0; i < NODE_LOAD_BUCKETS; i++)
		latency[i] = is->latency[i] - was->latency[i];
	return json_pack("{s:f, s:f, s:f, s:f, s:f, s:f}", "requests_per_s", per_s(is->requests, was->requests, ms),
	        "errors_4xx_per_s", per_s(is->errors_4xx, was->errors_4xx, ms), "errors_5xx_per_s",
	        per_s(is->errors_5xx, was->errors_5xx, ms), "p50_ms", node_load_quantile_ms(latency, 0.5), "p99_ms",
	        node_load_quantile_ms(latency, 0.99), "upstream_ms",
	        answers ? (double)(is->upstream_us - was->upstream_us) / 1000 / (double)answers : 0.0);
}

static void set(json_t **to, json_t *value)
{
	json_decref(*to);
	*to = value;
}

static void take_load(struct node_about *a, const Gatehouse__Sync__NodeLoad *told, uint64_t now_ms)
{
	struct node_load is;

	node_load_take(told, &is);
	if (a->base_ms && now_ms - a->base_ms < WINDOW_MS)
		return;
	/* who says less than before has begun anew */
	bool goes_on = a->base_ms && is.requests >= a->base.requests;
	set(&a->load, goes_on ? rates(&is, &a->base, now_ms - a->base_ms) : NULL);
	a->base = is;
	a->base_ms = now_ms;
}

void node_about_take(struct node_about *a, const Gatehouse__Sync__Poll *p, uint64_t now_ms)
{
	set(&a->labels, labels_of(p));
	a->cert_expires_s = p->peer_expires_s;
	if (p->load)
		take_load(a, p->load, now_ms);
}

json_t *node_about_json(const struct node_about *a)
{
	return json_pack("{s:o, s:o, s:O?}", "labels", a->labels ? json_incref(a->labels) : json_object(),
	        "certificate_expires_at",
	        a->cert_expires_s ? json_integer((json_int_t)a->cert_expires_s) : json_null(), "load", a->load);
}

void node_about_learn(struct node_about *a, const json_t *json)
{
	const json_t *labels = json_object_get(json, "labels"), *load = json_object_get(json, "load");

	set(&a->labels, json_is_object(labels) ? json_deep_copy(labels) : NULL);
	set(&a->load, json_is_object(load) ? json_deep_copy(load) : NULL);
	a->cert_expires_s = json_integer_value(json_object_get(json, "certificate_expires_at"));
	a->base_ms = 0;
}

void node_about_fini(struct node_about *a)
{
	json_decref(a->labels);
	json_decref(a->load);
}
