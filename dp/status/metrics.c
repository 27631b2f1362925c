/* metrics: see metrics.h. */
#include "dp/status/metrics.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/core/map.h"
#include "common/core/release.h"
#include "dp/host/meter.h"

static void put_head(struct text *out, const char *name, enum metric_kind kind, const char *help)
{
	static const char *const kinds[] = {"counter", "gauge", "histogram"};
	text_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kinds[kind]);
}

/* ---- the node ---------------------------------------------------------------------------------------------------
 */

#define HTTP ",subsystem=\"http\""

static void put_node(const struct status_report *r, uint64_t series, struct text *out)
{
	const struct {
		const char *name;
		enum metric_kind kind;
		const char *help, *labels;
		uint64_t value;
	} rows[] = {
#define NODE_METRIC(name, kind, help, labels, value) {name, kind, help, labels, (uint64_t)(value)},
#include "dp/status/metrics.def"
#undef NODE_METRIC
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (rows[i].help[0])
			put_head(out, rows[i].name, rows[i].kind, rows[i].help);
		text_printf(out, "%s{node_id=\"%.*s\"%s} %llu\n", rows[i].name, SLICE_ARG(r->node_id), rows[i].labels,
		        (unsigned long long)rows[i].value);
	}
}

/* ---- what plugins count: the workers' series, added up ----------------------------------------------------------
 */

struct sum {
	struct meter_series of; /* its cells are a worker's */
	uint64_t sum;
	uint64_t *cells;
};

struct sums {
	struct sum *all;
	size_t count, cap;
	struct map found; /* name and labels -> index + 1 */
};

static struct sum *sum_for(struct sums *s, const struct meter_series *one)
{
	struct text key = {0};
	text_printf(&key, "%p", (const void *)one->metric);
	text_put(&key, one->labels);
	size_t at = (size_t)map_get(&s->found, text_slice(&key));
	if (!at) {
		if (s->count == s->cap) {
			s->cap = s->cap ? s->cap * 2 : 64;
			s->all = realloc(s->all, s->cap * sizeof *s->all);
		}
		uint64_t *cells = calloc(one->cell_count, sizeof *cells);
		if (!s->all || !cells)
			abort();
		s->all[s->count] = (struct sum){.of = *one, .cells = cells};
		at = ++s->count;
		map_set(&s->found, text_slice(&key), (void *)at);
	}
	text_fini(&key);
	return &s->all[at - 1];
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

static int by_name(const void *pa, const void *pb)
{
	const struct sum *a = pa, *b = pb;
	int c = strcmp(a->of.metric->name, b->of.metric->name);
	return c ? c : slice_cmp(a->of.labels, b->of.labels);
}

static void put_value(struct text *out, const struct sum *s, const char *suffix, const char *bound, uint64_t value)
{
	const char *comma = s->of.labels.len && bound ? "," : "";
	text_printf(out, "%s%s", s->of.metric->name, suffix);
	if (s->of.labels.len || bound)
		text_printf(out, "{%.*s%s%s%s%s}", SLICE_ARG(s->of.labels), comma, bound ? "le=\"" : "",
		        bound ? bound : "", bound ? "\"" : "");
	text_printf(out, " %llu\n", (unsigned long long)value);
}

static void put_histogram(struct text *out, const struct sum *s)
{
	uint64_t total = 0;
	for (uint32_t i = 0; i < s->of.cell_count; i++) {
		char bound[16] = "+Inf";
		if (i < s->of.metric->bounds_count)
			snprintf(bound, sizeof bound, "%u", s->of.metric->bounds[i]);
		total += s->cells[i];
		put_value(out, s, "_bucket", bound, total);
	}
	put_value(out, s, "_count", NULL, total);
	put_value(out, s, "_sum", NULL, s->sum);
}

static void put_sums(const struct sums *s, struct text *out)
{
	const struct metric *last = NULL;
	for (size_t i = 0; i < s->count; i++) {
		const struct metric *m = s->all[i].of.metric;
		if (!last || strcmp(m->name, last->name) != 0)
			put_head(out, m->name, m->kind, m->help);
		last = m;
		if (m->kind == METRIC_HISTOGRAM)
			put_histogram(out, &s->all[i]);
		else
			put_value(out, &s->all[i], "", NULL, s->all[i].cells[0]);
	}
}

void metrics_render(const struct status_report *r, struct text *out)
{
	struct sums s = {0};
	struct meter_series one;

	for (size_t w = 0; w < r->meter_count; w++)
		for (uint32_t at = 0; meter_next(r->meters[w], &at, &one);)
			add_series(&s, &one);
	if (s.count)
		qsort(s.all, s.count, sizeof *s.all, by_name);
	put_node(r, s.count, out);
	put_sums(&s, out);
	for (size_t i = 0; i < s.count; i++)
		free(s.all[i].cells);
	free(s.all);
	map_fini(&s.found);
}
