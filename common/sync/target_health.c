/* target_health: see target_health.h. */
#include "common/sync/target_health.h"

#include <stdlib.h>

#include "common/core/uuid.h"

typedef const Gatehouse__Sync__UpstreamHealth upstream_health;
typedef const Gatehouse__Sync__TargetHealth target_health;

const Gatehouse__Sync__TargetHealth *target_health_find(upstream_health *u, struct slice id)
{
	struct uuid wanted;

	if (!uuid_parse(id, &wanted))
		return NULL;
	for (size_t i = 0; i < u->n_targets; i++)
		if (slice_eq(slice_of((char *)u->targets[i]->id.data, u->targets[i]->id.len), uuid_slice(&wanted)))
			return u->targets[i];
	return NULL;
}

static json_int_t weight_of(const json_t *target)
{
	return json_integer_value(json_object_get(target, "weight"));
}

static bool is_off(upstream_health *u, const json_t *target)
{
	return !u->checked || weight_of(target) == 0;
}

const char *target_health_word(upstream_health *u, target_health *t, const json_t *target)
{
	if (is_off(u, target))
		return "HEALTHCHECKS_OFF";
	if (!t || t->n_addresses == 0)
		return "DNS_ERROR";
	if (t->left_out > 0)
		return "HEALTHY";
	for (size_t i = 0; i < t->n_addresses; i++)
		if (t->addresses[i]->healthy)
			return "HEALTHY";
	return "UNHEALTHY";
}

struct weights {
	json_int_t total, available;
};

static void add_weights(struct weights *w, target_health *t)
{
	for (size_t i = 0; t && i < t->n_addresses; i++) {
		const Gatehouse__Sync__AddressHealth *a = t->addresses[i];
		w->total += a->weight;
		w->available += a->healthy ? a->weight : 0;
	}
}

static json_t *weights_json(const struct weights *w)
{
	return json_pack("{s:I, s:I, s:I}", "total", w->total, "available", w->available, "unavailable",
	        w->total - w->available);
}

typedef json_t *(*address_fn)(const Gatehouse__Sync__AddressHealth *a, bool off);

static json_t *address_with_word(const Gatehouse__Sync__AddressHealth *a, bool off)
{
	return json_pack("{s:s, s:I, s:I, s:s}", "ip", a->ip, "port", (json_int_t)a->port, "weight",
	        (json_int_t)a->weight, "health",
	        off          ? "HEALTHCHECKS_OFF"
	        : a->healthy ? "HEALTHY"
	                     : "UNHEALTHY");
}

static json_t *address_with_flag(const Gatehouse__Sync__AddressHealth *a, bool off)
{
	return json_pack("{s:s, s:I, s:I, s:b}", "ip", a->ip, "port", (json_int_t)a->port, "weight",
	        (json_int_t)a->weight, "healthy", off || a->healthy);
}

static json_t *host_json(upstream_health *u, target_health *t, const json_t *target, address_fn address)
{
	const char *text = json_string_value(json_object_get(target, "target"));
	const char *colon = text ? strrchr(text, ':') : NULL;
	json_t *addresses = json_array();
	struct weights w = {0};

	add_weights(&w, t);
	for (size_t i = 0; t && i < t->n_addresses; i++)
		json_array_append_new(addresses, address(t->addresses[i], is_off(u, target)));
	return json_pack("{s:s%, s:i, s:s?, s:I, s:o, s:o}", "host", text ? text : "",
	        colon ? (size_t)(colon - text) : strlen(text ? text : ""), "port", colon ? atoi(colon + 1) : 0, "dns",
	        t ? t->dns : NULL, "nodeWeight", weight_of(target), "weight", weights_json(&w), "addresses",
	        addresses);
}

json_t *target_health_data(upstream_health *u, target_health *t, const json_t *target)
{
	return host_json(u, t, target, address_with_word);
}

json_t *target_health_balancer(upstream_health *u, const json_t *targets)
{
	json_t *hosts = json_array(), *target;
	struct weights w = {0};
	struct uuid id = {0};
	char text[UUID_TEXT + 1];
	size_t i;

	json_array_foreach((json_t *)targets, i, target)
	{
		target_health *t = target_health_find(
		        u, slice_cstr(json_string_value(json_object_get(target, "id"))));
		add_weights(&w, t);
		json_array_append_new(hosts, host_json(u, t, target, address_with_flag));
	}
	memcpy(id.bytes, u->id.data, u->id.len < sizeof id.bytes ? u->id.len : sizeof id.bytes);
	uuid_format(&id, text);
	const char *word = u->healthy ? "HEALTHY" : "UNHEALTHY";
	return json_pack("{s:s, s:s, s:s, s:{s:b, s:o, s:o}}", "id", text, "health",
	        u->checked ? word : "HEALTHCHECKS_OFF", "balancer_health", word, "details", "healthy",
	        (int)u->healthy, "weight", weights_json(&w), "hosts", hosts);
}
