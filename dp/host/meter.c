/* meter: see meter.h. Series are found by a map that only the worker uses; readers go through blocks of pointers. */
#include "dp/host/meter.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/core/map.h"
#include "common/entity/consumer.h"
#include "common/entity/route.h"
#include "common/entity/service.h"

enum { BLOCK = 256, BLOCKS = 4096, KEY_MAX = 4096 };

struct series {
	const struct metric *metric;
	char *labels, *key;
	uint32_t labels_len, key_len, cell_count;
	bool is_about; /* about entities: may be swept */
	struct meter_subject about;
	uint64_t sum;
	uint64_t cells[];
};

struct block {
	struct series *at[BLOCK];
};

struct meter {
	struct map found; /* key -> series; the worker's alone */
	uint32_t max, ordinary;
	uint64_t overflowed;
	uint32_t count; /* published last */
	struct block *blocks[BLOCKS];
	pthread_mutex_t reading; /* held by who reads, and by the worker, who does not wait for it, to drop series */
};

struct meter *meter_new(uint32_t max)
{
	struct meter *m = calloc(1, sizeof *m);
	if (!m)
		abort();
	m->max = max < BLOCK * (BLOCKS - 1) ? max : BLOCK * (BLOCKS - 1); /* a block is left for overflows */
	pthread_mutex_init(&m->reading, NULL);
	return m;
}

static struct series **slot(const struct meter *m, uint32_t i)
{
	return &m->blocks[i / BLOCK]->at[i % BLOCK];
}

static void free_series(struct series *s)
{
	free(s->labels);
	free(s->key);
	free(s);
}

void meter_free(struct meter *m)
{
	if (!m)
		return;
	for (uint32_t i = 0; i < m->count; i++)
		free_series(*slot(m, i));
	for (uint32_t i = 0; i < BLOCKS && m->blocks[i]; i++)
		free(m->blocks[i]);
	map_fini(&m->found);
	pthread_mutex_destroy(&m->reading);
	free(m);
}

/* ---- the worker: finding a series ------------------------------------------------------------------------------ */

static void publish(struct meter *m, struct series *s)
{
	struct block **b = &m->blocks[m->count / BLOCK];
	if (!*b && !(*b = calloc(1, sizeof **b)))
		abort();
	(*b)->at[m->count % BLOCK] = s;
	__atomic_store_n(&m->count, m->count + 1, __ATOMIC_RELEASE);
}

static struct series *new_series(const struct metric *of, struct slice key, struct slice labels)
{
	uint32_t cells = of->kind == METRIC_HISTOGRAM ? of->bounds_count + 1 : 1;
	struct series *s = calloc(1, sizeof *s + cells * sizeof *s->cells);
	if (!s)
		abort();
	*s = (struct series){.metric = of,
	        .labels = slice_strdup(labels),
	        .labels_len = (uint32_t)labels.len,
	        .key = slice_strdup(key),
	        .key_len = (uint32_t)key.len,
	        .cell_count = cells};
	return s;
}

static struct series *add(struct meter *m, struct series *s)
{
	map_set(&m->found, slice_of(s->key, s->key_len), s);
	publish(m, s);
	return s;
}

/* NULL: labels too long to be looked up. */
static struct slice key_of(char room[KEY_MAX], const struct metric *of, struct slice labels)
{
	if (labels.len > KEY_MAX - sizeof of)
		return slice_of(NULL, 0);
	memcpy(room, &of, sizeof of);
	if (labels.len)
		memcpy(room + sizeof of, labels.ptr, labels.len);
	return slice_of(room, sizeof of + labels.len);
}

static bool has_room(const struct meter *m)
{
	return m->ordinary < m->max;
}

static struct series *overflow(struct meter *m, const struct metric *of)
{
	char room[KEY_MAX];
	struct slice labels = S("overflow=\"true\""), key = key_of(room, of, labels);
	struct series *s = map_get(&m->found, key);

	__atomic_store_n(&m->overflowed, m->overflowed + 1, __ATOMIC_RELAXED);
	return s || m->count == BLOCK * BLOCKS ? s : add(m, new_series(of, key, labels));
}

static struct series *find(struct meter *m, const struct metric *of, struct slice labels)
{
	char room[KEY_MAX];
	struct slice key = key_of(room, of, labels);
	struct series *s = slice_is_set(key) ? map_get(&m->found, key) : NULL;

	if (s)
		return s;
	if (!slice_is_set(key) || !has_room(m))
		return overflow(m, of);
	m->ordinary++;
	return add(m, new_series(of, key, labels));
}

/* ---- the worker: series about entities ------------------------------------------------------------------------- */

/* A key, with no bytes between its members. What one metric counts is either all about entities or not at all. */
struct about_key {
	const struct metric *metric;
	struct uuid route, service, consumer;
	uint64_t detail;
};

static struct about_key about_key(const struct metric *of, const struct metric_subject *about)
{
	struct about_key k = {.metric = of, .detail = about->detail};
	if (about->route)
		k.route = about->route->id;
	if (about->service)
		k.service = about->service->id;
	if (about->consumer)
		k.consumer = about->consumer->id;
	return k;
}

static struct series *add_about(struct meter *m, const struct about_key *k, const struct metric_subject *about,
        metric_labels_fn write, struct call *c)
{
	struct text labels = {0};

	if (!has_room(m))
		return overflow(m, k->metric);
	m->ordinary++;
	write(c, about, &labels);
	struct series *s = new_series(k->metric, slice_of((const char *)k, sizeof *k), text_slice(&labels));
	text_fini(&labels);
	s->is_about = true;
	s->about = (struct meter_subject){
	        k->route, k->service, k->consumer, metric_names(about->route, about->service, about->consumer)};
	return add(m, s);
}

/* ---- the worker: counting -------------------------------------------------------------------------------------- */

static void bump(uint64_t *cell, uint64_t by)
{
	__atomic_store_n(cell, *cell + by, __ATOMIC_RELAXED);
}

static void note(struct series *s, uint64_t value)
{
	uint32_t i = 0;

	if (!s)
		return;
	switch (s->metric->kind) {
	case METRIC_COUNTER: bump(&s->cells[0], value); break;
	case METRIC_GAUGE: __atomic_store_n(&s->cells[0], value, __ATOMIC_RELAXED); break;
	case METRIC_HISTOGRAM:
		while (i < s->metric->bounds_count && value > s->metric->bounds[i])
			i++;
		bump(&s->cells[i], 1);
		bump(&s->sum, value);
		break;
	}
}

void meter_count(struct meter *m, const struct metric *of, struct slice labels, uint64_t value)
{
	note(find(m, of, labels), value);
}

void meter_count_about(struct meter *m, const struct metric *of, const struct metric_subject *about,
        metric_labels_fn write, struct call *c, uint64_t value)
{
	struct about_key k = about_key(of, about);
	struct series *s = map_get(&m->found, slice_of((const char *)&k, sizeof k));
	note(s ? s : add_about(m, &k, about, write, c), value);
}

/* ---- the worker: dropping -------------------------------------------------------------------------------------- */

/* The last one takes its place. */
static void drop(struct meter *m, uint32_t i)
{
	struct series *s = *slot(m, i);
	map_remove(&m->found, slice_of(s->key, s->key_len));
	*slot(m, i) = *slot(m, m->count - 1);
	__atomic_store_n(&m->count, m->count - 1, __ATOMIC_RELEASE);
	m->ordinary--;
	free_series(s);
}

bool meter_sweep(struct meter *m, uint32_t *at, uint32_t steps, meter_subject_fn is_current, void *arg)
{
	if (pthread_mutex_trylock(&m->reading) != 0)
		return false;
	for (; steps > 0 && *at < m->count; steps--) {
		const struct series *s = *slot(m, *at);
		if (s->is_about && !is_current(&s->about, arg))
			drop(m, *at);
		else
			++*at;
	}
	bool is_done = *at >= m->count;
	pthread_mutex_unlock(&m->reading);
	return is_done;
}

/* ---- readers --------------------------------------------------------------------------------------------------- */

void meter_begin(struct meter *m)
{
	pthread_mutex_lock(&m->reading);
}

void meter_end(struct meter *m)
{
	pthread_mutex_unlock(&m->reading);
}

bool meter_next(const struct meter *m, uint32_t *at, struct meter_series *out)
{
	if (*at >= __atomic_load_n(&m->count, __ATOMIC_ACQUIRE))
		return false;
	const struct series *s = *slot(m, (*at)++);
	*out = (struct meter_series){.metric = s->metric,
	        .labels = slice_of(s->labels, s->labels_len),
	        .cells = s->cells,
	        .cell_count = s->cell_count,
	        .sum = &s->sum};
	return true;
}

uint64_t meter_overflowed(const struct meter *m)
{
	return __atomic_load_n(&m->overflowed, __ATOMIC_RELAXED);
}
