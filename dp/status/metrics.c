/* metrics: see metrics.h. */
#include "dp/status/metrics.h"

#include <stdlib.h>

#include "common/core/map.h"
#include "common/plugin/entity.h"
#include "common/serve/node_metrics.h"
#include "dp/config/snapshot.h"
#include "dp/host/meter.h"

/* ---- the node -------------------------------------------------------------------------------------------------- */

static void put_node(const struct status_report *r, uint64_t series, uint64_t overflowed, struct text *out)
{
	struct text labels = {0};
	metric_label(&labels, "node_id", r->node_id);
	const struct slice node_id = text_slice(&labels);
	const struct {
		const char *name;
		enum metric_kind kind;
		const char *help;
		struct slice of;
		uint64_t value;
	} rows[] = {
#define NODE_METRIC(name, kind, help, of, value) {name, kind, help, of, (uint64_t)(value)},
#include "dp/status/metrics.def"
#undef NODE_METRIC
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		metrics_family(out, rows[i].name, rows[i].kind, rows[i].help);
		metrics_line(out, rows[i].name, "", rows[i].of, rows[i].value);
	}
	text_fini(&labels);
}

static void put_node_facts(const struct status_report *r, struct text *out)
{
	struct node_facts facts = {.node_id = r->node_id,
	        .server = &r->proxy,
	        .is_store_reachable = r->connected,
	        .jobs_running = r->deliveries,
	        .jobs_waiting = r->entries_unsent};
	struct node_zone zones[] = {{"gatehouse_cache", r->cache_bytes, r->cache_bytes_max}};
	node_metrics(out, &facts);
	node_metrics_zones(out, r->node_id, zones, 1);
}

/* ---- targets --------------------------------------------------------------------------------------------------- */

static bool wants_health(struct record *r, void *arg)
{
	const struct plugin_entity *p = r->entity;
	bool *wanted = arg;
	json_t *json = p->enabled && slice_eq(p->name, S("prometheus")) ? record_json(r) : NULL;
	*wanted = json_is_true(json_object_get(json_object_get(json, "config"), "upstream_health_metrics"));
	json_decref(json);
	return !*wanted;
}

static void put_target(const struct status_target *t, void *arg)
{
	static const char *const states[] = {"healthchecks_off", "healthy", "unhealthy", "dns_error"};
	for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
		struct text labels = {0};
		metric_label(&labels, "upstream", t->upstream);
		metric_label(&labels, "target", t->target);
		metric_label(&labels, "address", t->address);
		metric_label(&labels, "state", slice_cstr(states[i]));
		metric_label(&labels, "subsystem", S("http"));
		metrics_line(arg, "kong_upstream_target_health", "", text_slice(&labels),
		        strcmp(states[i], t->state) == 0);
		text_fini(&labels);
	}
}

/* Only when a configuration of prometheus asks for it. */
static void put_targets(const struct status_report *r, struct text *out)
{
	bool wanted = false;
	if (!r->each_target || !r->snapshot)
		return;
	catalog_each(r->snapshot->catalog, &plugin_schema, wants_health, &wanted);
	if (!wanted)
		return;
	metrics_family(out, "kong_upstream_target_health", METRIC_GAUGE,
	        "Health of each address of each target: 1 for the state that it is in");
	r->each_target(r->targets_arg, put_target, out);
}

/* ---- what plugins count: the workers' series, added up --------------------------------------------------------- */

struct sum {
	const struct metric *metric;
	char *labels;
	size_t labels_len;
	uint64_t sum;
	uint64_t *cells;
	uint32_t cell_count;
};

struct sums {
	struct sum *all;
	size_t count, cap;
	struct map found; /* name and labels -> index + 1 */
	struct text key;
};

/* The labels are copied: their series may go when the reader has left. */
static struct sum *add_sum(struct sums *s, const struct meter_series *one)
{
	if (s->count == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 64;
		s->all = realloc(s->all, s->cap * sizeof *s->all);
	}
	uint64_t *cells = calloc(one->cell_count, sizeof *cells);
	if (!s->all || !cells)
		abort();
	struct sum *added = &s->all[s->count++];
	*added = (struct sum){.metric = one->metric,
	        .labels = slice_strdup(one->labels),
	        .labels_len = one->labels.len,
	        .cells = cells,
	        .cell_count = one->cell_count};
	return added;
}

static struct sum *sum_for(struct sums *s, const struct meter_series *one)
{
	text_clear(&s->key);
	text_put(&s->key, slice_of((const char *)&one->metric, sizeof one->metric));
	text_put(&s->key, one->labels);
	size_t at = (size_t)map_get(&s->found, text_slice(&s->key));
	if (at)
		return &s->all[at - 1];
	struct sum *added = add_sum(s, one);
	map_set(&s->found, text_slice(&s->key), (void *)s->count);
	return added;
}

static void add_series(struct sums *s, const struct meter_series *one)
{
	struct sum *to = sum_for(s, one);
	for (uint32_t i = 0; i < one->cell_count; i++) {
		uint64_t value = meter_read(&one->cells[i]);
		to->cells[i] = one->metric->kind == METRIC_GAUGE ? value : to->cells[i] + value;
	}
	to->sum += meter_read(one->sum);
}

static void add_meter(struct sums *s, struct meter *m)
{
	struct meter_series one;
	meter_begin(m);
	for (uint32_t at = 0; meter_next(m, &at, &one);)
		add_series(s, &one);
	meter_end(m);
}

static struct slice labels_of(const struct sum *s)
{
	return slice_of(s->labels, s->labels_len);
}

static int by_name(const void *pa, const void *pb)
{
	const struct sum *a = pa, *b = pb;
	int c = strcmp(a->metric->name, b->metric->name);
	return c ? c : slice_cmp(labels_of(a), labels_of(b));
}

/* A scrape is mostly such lines: what they have in common is made once. */
static void put_buckets(struct text *out, const struct sum *s)
{
	struct text head = {0};
	uint64_t total = 0;

	text_puts(&head, s->metric->name);
	text_puts(&head, "_bucket{");
	text_put(&head, labels_of(s));
	text_puts(&head, s->labels_len ? ",le=\"" : "le=\"");
	for (uint32_t i = 0; i < s->cell_count; i++) {
		text_put(out, text_slice(&head));
		if (i < s->metric->bounds_count)
			text_put_int(out, s->metric->bounds[i]);
		else
			text_put(out, S("+Inf"));
		text_put(out, S("\"} "));
		total += s->cells[i];
		text_put_int(out, (int64_t)total);
		text_putc(out, '\n');
	}
	text_fini(&head);
	metrics_line(out, s->metric->name, "_count", labels_of(s), total);
	metrics_line(out, s->metric->name, "_sum", labels_of(s), s->sum);
}

static void put_sums(const struct sums *s, struct text *out)
{
	const struct metric *last = NULL;
	for (size_t i = 0; i < s->count; i++) {
		const struct metric *m = s->all[i].metric;
		if (!last || strcmp(m->name, last->name) != 0)
			metrics_family(out, m->name, m->kind, m->help);
		last = m;
		if (m->kind == METRIC_HISTOGRAM)
			put_buckets(out, &s->all[i]);
		else
			metrics_line(out, m->name, "", labels_of(&s->all[i]), s->all[i].cells[0]);
	}
}

static void free_sums(struct sums *s)
{
	for (size_t i = 0; i < s->count; i++) {
		free(s->all[i].cells);
		free(s->all[i].labels);
	}
	free(s->all);
	map_fini(&s->found);
	text_fini(&s->key);
}

void metrics_render(const struct status_report *r, struct text *out)
{
	struct sums s = {0};
	uint64_t overflowed = 0;

	for (size_t w = 0; w < r->meter_count; w++) {
		add_meter(&s, r->meters[w]);
		overflowed += meter_overflowed(r->meters[w]);
	}
	if (s.count)
		qsort(s.all, s.count, sizeof *s.all, by_name);
	put_node_facts(r, out);
	put_node(r, s.count, overflowed, out);
	put_targets(r, out);
	put_sums(&s, out);
	free_sums(&s);
}
