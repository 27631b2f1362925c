/* target_health: see target_health.h. Messages are kept as they came, packed, by node and upstream. */
#include "cp/publish/target_health.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/core/base64.h"
#include "common/core/map.h"
#include "common/core/utf8.h"
#include "cp/publish/calls.h"
#include "cp/publish/nodes.h"

enum { SUMMARY_MAX = 100 };

struct message {
	size_t len;
	uint8_t bytes[];
};

struct node {
	struct uuid id;
	char hostname[256];
	struct map upstreams; /* id -> struct message */
	size_t bytes;
};

static struct {
	pthread_mutex_t lock;
	struct map nodes; /* id -> struct node */
} table = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void forget_upstreams(struct node *n)
{
	struct slice key;
	void *value;

	for (size_t at = 0; map_next(&n->upstreams, &at, &key, &value);)
		free(value);
	map_fini(&n->upstreams);
	n->upstreams = (struct map){0};
	n->bytes = 0;
}

static void node_free(struct node *n)
{
	forget_upstreams(n);
	free(n);
}

static struct node *find_or_add(const struct uuid *id)
{
	struct node *n = map_get(&table.nodes, uuid_slice(id));

	if (n || table.nodes.count >= NODES_MAX)
		return n;
	n = calloc(1, sizeof *n);
	if (!n)
		abort();
	n->id = *id;
	map_set(&table.nodes, uuid_slice(id), n);
	return n;
}

static void drop(struct node *n, struct slice id)
{
	struct message *old = map_remove(&n->upstreams, id);

	n->bytes -= old ? old->len : 0;
	free(old);
}

/* What ends up in JSON is valid UTF-8. */
static bool is_well_formed(const Gatehouse__Sync__UpstreamHealth *u)
{
	if (u->id.len != sizeof(struct uuid) || utf8_invalid_at(slice_cstr(u->name)) >= 0)
		return false;
	for (size_t i = 0; i < u->n_targets; i++) {
		const Gatehouse__Sync__TargetHealth *t = u->targets[i];
		if (utf8_invalid_at(slice_cstr(t->dns)) >= 0)
			return false;
		for (size_t k = 0; k < t->n_addresses; k++)
			if (utf8_invalid_at(slice_cstr(t->addresses[k]->ip)) >= 0)
				return false;
	}
	return true;
}

static void keep(struct node *n, const Gatehouse__Sync__UpstreamHealth *u)
{
	struct slice id = slice_of((const char *)u->id.data, u->id.len);
	size_t len = gatehouse__sync__upstream_health__get_packed_size(u);

	if (!is_well_formed(u))
		return;
	drop(n, id);
	if (u->gone || n->bytes + len > TARGET_HEALTH_BYTES)
		return;
	struct message *m = malloc(sizeof *m + len);
	if (!m)
		abort();
	m->len = gatehouse__sync__upstream_health__pack(u, m->bytes);
	n->bytes += m->len;
	map_set(&n->upstreams, id, m);
}

static void forget(const struct uuid *id)
{
	struct node *n = map_remove(&table.nodes, uuid_slice(id));

	if (n)
		node_free(n);
}

static void take(const struct uuid *id, const Gatehouse__Sync__Poll *p)
{
	struct node *n = find_or_add(id);
	struct slice hostname = slice_cstr(p->hostname);

	if (!n)
		return;
	if (p->health_anew)
		forget_upstreams(n);
	if (utf8_invalid_at(hostname) < 0)
		snprintf(n->hostname, sizeof n->hostname, "%.*s", SLICE_ARG(hostname));
	for (size_t i = 0; i < p->n_health; i++)
		keep(n, p->health[i]);
}

void target_health_take(const struct uuid *node, const Gatehouse__Sync__Poll *p)
{
	pthread_mutex_lock(&table.lock);
	if (p->leaving)
		forget(node);
	else if (p->n_health > 0 || p->health_anew)
		take(node, p);
	pthread_mutex_unlock(&table.lock);
}

/* ---- showing --------------------------------------------------------------------------------------------------- */

static int by_node(const void *a, const void *b)
{
	return memcmp(((const struct target_health_row *)a)->node.bytes,
	        ((const struct target_health_row *)b)->node.bytes, sizeof(struct uuid));
}

static bool fill_row(const struct uuid *id, const struct uuid *upstream, struct target_health_row *out)
{
	const struct node *n = map_get(&table.nodes, uuid_slice(id));
	const struct message *m = n ? map_get(&n->upstreams, uuid_slice(upstream)) : NULL;

	if (!m)
		return false;
	out->node = n->id;
	memcpy(out->hostname, n->hostname, sizeof out->hostname);
	out->health = gatehouse__sync__upstream_health__unpack(NULL, m->len, m->bytes);
	return out->health != NULL;
}

/* Of the data planes that poll this control plane. */
static struct target_health_row *rows_here(const struct uuid *upstream, size_t *count)
{
	struct uuid *ids = calloc(NODES_MAX, sizeof *ids);
	if (!ids)
		abort();
	size_t n = nodes_connected_ids(ids, NODES_MAX); /* has a lock of its own */
	struct target_health_row *rows = calloc(n + 1, sizeof *rows);

	if (!rows)
		abort();
	*count = 0;
	pthread_mutex_lock(&table.lock);
	for (size_t i = 0; i < n; i++)
		*count += fill_row(&ids[i], upstream, &rows[*count]);
	pthread_mutex_unlock(&table.lock);
	free(ids);
	return rows;
}

static json_t *row_json(const struct target_health_row *row)
{
	size_t len = gatehouse__sync__upstream_health__get_packed_size(row->health);
	struct arena a;

	arena_init(&a);
	uint8_t *bytes = arena_alloc(&a, len + 1);
	gatehouse__sync__upstream_health__pack(row->health, bytes);
	struct slice text = base64_encode(&a, slice_of((const char *)bytes, len), BASE64_STANDARD, true);
	json_t *out = json_pack("{s:s, s:s%}", "hostname", row->hostname, "health", text.ptr, text.len);
	arena_fini(&a);
	return out;
}

json_t *target_health_call(const json_t *upstream, void *arg)
{
	json_t *out = json_object();
	struct uuid id;
	char node[UUID_TEXT + 1];
	size_t count = 0;

	if (!uuid_parse(slice_cstr(json_string_value(upstream)), &id))
		return out;
	struct target_health_row *rows = rows_here(&id, &count);
	for (size_t i = 0; i < count; i++) {
		uuid_format(&rows[i].node, node);
		json_object_set_new(out, node, row_json(&rows[i]));
	}
	target_health_free(rows, count);
	return out;
}

static bool read_row(const char *node, const json_t *from, struct target_health_row *out)
{
	const char *hostname = json_string_value(json_object_get(from, "hostname"));
	const char *health = json_string_value(json_object_get(from, "health"));
	struct slice bytes;
	struct arena a;

	if (!hostname || !health || !uuid_parse(slice_cstr(node), &out->node))
		return false;
	arena_init(&a);
	snprintf(out->hostname, sizeof out->hostname, "%s", hostname);
	if (base64_decode(&a, slice_cstr(health), BASE64_STANDARD, &bytes))
		out->health = gatehouse__sync__upstream_health__unpack(NULL, bytes.len, (const uint8_t *)bytes.ptr);
	arena_fini(&a);
	return out->health && is_well_formed(out->health);
}

static bool has_row(const struct target_health_row *rows, size_t count, const char *node)
{
	struct uuid id;

	for (size_t i = 0; i < count && uuid_parse(slice_cstr(node), &id); i++)
		if (uuid_eq(&rows[i].node, &id))
			return true;
	return false;
}

/* Adds what another control plane has said of data planes that we have not heard ourselves. */
static struct target_health_row *add_rows(struct target_health_row *rows, size_t *count, const json_t *answer)
{
	const char *node;
	json_t *one;

	rows = realloc(rows, (*count + json_object_size(answer) + 1) * sizeof *rows);
	if (!rows)
		abort();
	json_object_foreach((json_t *)answer, node, one)
	{
		struct target_health_row row = {0};
		if (has_row(rows, *count, node))
			continue;
		if (read_row(node, one, &row))
			rows[(*count)++] = row;
		else
			gatehouse__sync__upstream_health__free_unpacked(row.health, NULL);
	}
	return rows;
}

struct target_health_row *target_health_of(const struct uuid *upstream, size_t *count)
{
	char id[UUID_TEXT + 1];
	json_t *answer;
	size_t i;

	uuid_format(upstream, id);
	json_t *question = json_string(id);
	json_t *answers = calls_ask(TARGET_HEALTH_CALL, question, TARGET_HEALTH_ASK_MS);
	struct target_health_row *rows = rows_here(upstream, count);
	json_array_foreach(answers, i, answer) rows = add_rows(rows, count, answer);
	json_decref(answers);
	json_decref(question);
	qsort(rows, *count, sizeof *rows, by_node);
	return rows;
}

void target_health_free(struct target_health_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		gatehouse__sync__upstream_health__free_unpacked(rows[i].health, NULL);
	free(rows);
}

static void add_unhealthy(const Gatehouse__Sync__UpstreamHealth *u, json_t *list, json_int_t *more)
{
	for (size_t i = 0; u->checked && i < u->n_targets; i++) {
		const Gatehouse__Sync__TargetHealth *t = u->targets[i];
		for (size_t k = 0; k < t->n_addresses; k++) {
			if (t->addresses[k]->healthy || t->addresses[k]->weight == 0)
				continue;
			if (json_array_size(list) == SUMMARY_MAX)
				++*more;
			else
				json_array_append_new(list, json_pack("{s:s, s:o}", "upstream", u->name, "address",
				                                    json_sprintf("%s:%u", t->addresses[k]->ip,
				                                            (unsigned)t->addresses[k]->port)));
		}
	}
}

json_t *target_health_summary(const struct uuid *node)
{
	json_t *list = json_array();
	json_int_t more = 0;
	struct slice key;
	void *value;

	pthread_mutex_lock(&table.lock);
	const struct node *n = map_get(&table.nodes, uuid_slice(node));
	size_t upstreams = n ? n->upstreams.count : 0;
	for (size_t at = 0; n && map_next(&n->upstreams, &at, &key, &value);) {
		const struct message *m = value;
		Gatehouse__Sync__UpstreamHealth *u = gatehouse__sync__upstream_health__unpack(NULL, m->len, m->bytes);
		if (u)
			add_unhealthy(u, list, &more);
		gatehouse__sync__upstream_health__free_unpacked(u, NULL);
	}
	pthread_mutex_unlock(&table.lock);
	return json_pack("{s:I, s:o, s:I}", "upstreams", (json_int_t)upstreams, "unhealthy", list, "more", more);
}

void target_health_clear(void)
{
	struct slice key;
	void *value;

	pthread_mutex_lock(&table.lock);
	for (size_t at = 0; map_next(&table.nodes, &at, &key, &value);)
		node_free(value);
	map_fini(&table.nodes);
	table.nodes = (struct map){0};
	pthread_mutex_unlock(&table.lock);
}
