/* meter: see meter.h. Series are found by a map that only the worker uses; readers go through blocks of pointers that
 * only grow. */
#include "dp/host/meter.h"

#include <stdlib.h>

#include "common/core/map.h"

enum { BLOCK = 256, BLOCKS = 4096, KEY_MAX = 4096 };

struct series {
	const struct metric *metric;
	char *labels;
	uint32_t labels_len, cell_count;
	uint64_t sum;
	uint64_t cells[];
};

struct block {
	struct series *at[BLOCK];
};

struct meter {
	struct map found; /* metric's address and labels -> series; the worker's alone */
	uint32_t max, ordinary;
	uint32_t count; /* published last */
	struct block *blocks[BLOCKS];
};

struct meter *meter_new(uint32_t max)
{
	struct meter *m = calloc(1, sizeof *m);
	if (!m)
		abort();
	m->max = max < BLOCK * (BLOCKS - 1) ? max : BLOCK * (BLOCKS - 1); /* a block is left for overflows */
	return m;
}

static struct series *series_at(const struct meter *m, uint32_t i)
{
	return m->blocks[i / BLOCK]->at[i % BLOCK];
}

void meter_free(struct meter *m)
{
	if (!m)
		return;
	for (uint32_t i = 0; i < m->count; i++) {
		free(series_at(m, i)->labels);
		free(series_at(m, i));
	}
	for (uint32_t i = 0; i < BLOCKS && m->blocks[i]; i++)
		free(m->blocks[i]);
	map_fini(&m->found);
	free(m);
}

/* ---- the worker -------------------------------------------------------------------------------------------------
 */

static struct slice key_of(char *out, const struct metric *of, struct slice labels)
{
	memcpy(out, &of, sizeof of);
	if (labels.len)
		memcpy(out + sizeof of, labels.ptr, labels.len);
	return slice_of(out, sizeof of + labels.len);
}

static void publish(struct meter *m, struct series *s)
{
	struct block **b = &m->blocks[m->count / BLOCK];
	if (!*b && !(*b = calloc(1, sizeof **b)))
		abort();
	(*b)->at[m->count % BLOCK] = s;
	__atomic_store_n(&m->count, m->count + 1, __ATOMIC_RELEASE);
}

static struct series *new_series(const struct metric *of, struct slice labels)
{
	uint32_t cells = of->kind == METRIC_HISTOGRAM ? of->bounds_count + 1 : 1;
	struct series *s = calloc(1, sizeof *s + cells * sizeof *s->cells);
	if (!s)
		abort();
	*s = (struct series){.metric = of,
	        .labels = slice_strdup(labels),
	        .labels_len = (uint32_t)labels.len,
	        .cell_count = cells};
	return s;
}

static struct series *add(struct meter *m, struct slice key, const struct metric *of, struct slice labels)
{
	struct series *s = new_series(of, labels);
	map_set(&m->found, key, s);
	publish(m, s);
	return s;
}

static struct series *find(struct meter *m, const struct metric *of, struct slice labels)
{
	char bytes[KEY_MAX];
	struct slice key, over = S("overflow=\"true\"");
	struct series *s = NULL;

	bool fits = labels.len <= sizeof bytes - sizeof of;
	if (fits) {
		key = key_of(bytes, of, labels);
		s = map_get(&m->found, key);
		if (s)
			return s;
	}
	if (fits && m->ordinary < m->max) {
		m->ordinary++;
		return add(m, key, of, labels);
	}
	key = key_of(bytes, of, over);
	s = map_get(&m->found, key);
	return s || m->count == BLOCK * BLOCKS ? s : add(m, key, of, over);
}

static void bump(uint64_t *cell, uint64_t by)
{
	__atomic_store_n(cell, *cell + by, __ATOMIC_RELAXED);
}

void meter_count(struct meter *m, const struct metric *of, struct slice labels, uint64_t value)
{
	struct series *s = find(m, of, labels);
	uint32_t i = 0;

	if (!s)
		return;
	switch (of->kind) {
	case METRIC_COUNTER: bump(&s->cells[0], value); break;
	case METRIC_GAUGE: __atomic_store_n(&s->cells[0], value, __ATOMIC_RELAXED); break;
	case METRIC_HISTOGRAM:
		while (i < of->bounds_count && value > of->bounds[i])
			i++;
		bump(&s->cells[i], 1);
		bump(&s->sum, value);
		break;
	}
}

/* ---- readers ----------------------------------------------------------------------------------------------------
 */

bool meter_next(const struct meter *m, uint32_t *at, struct meter_series *out)
{
	if (*at >= __atomic_load_n(&m->count, __ATOMIC_ACQUIRE))
		return false;
	const struct series *s = series_at(m, (*at)++);
	*out = (struct meter_series){.metric = s->metric,
	        .labels = slice_of(s->labels, s->labels_len),
	        .cells = s->cells,
	        .cell_count = s->cell_count,
	        .sum = &s->sum};
	return true;
}
