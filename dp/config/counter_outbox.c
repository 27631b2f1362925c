/* counter_outbox: see counter_outbox.h. */
#include "dp/config/counter_outbox.h"

enum { REPORT_MORE = 24 }; /* bytes of a report beside its key, at the most */

static struct slice key_of(const Gatehouse__Sync__CounterReport *r)
{
	return slice_cstr(r->key);
}

static void make_room(struct counter_outbox *o)
{
	if (o->said_count < o->said_cap)
		return;
	size_t cap = o->said_cap ? o->said_cap * 2 : 64;
	Gatehouse__Sync__CounterReport **more = arena_array(&o->arena, Gatehouse__Sync__CounterReport *, cap);
	if (o->said_count)
		memcpy(more, o->said, sizeof *more * o->said_count);
	o->said = more;
	o->said_cap = cap;
}

static bool say(void *arg, struct slice key, int64_t own, uint32_t seconds_left)
{
	struct counter_outbox *o = arg;
	if (key.len > COUNTER_KEY_MAX)
		return true;
	if (o->used + key.len + REPORT_MORE > COUNTER_ROOM)
		return false;
	make_room(o);
	Gatehouse__Sync__CounterReport *r = arena_new(&o->arena, Gatehouse__Sync__CounterReport);
	gatehouse__sync__counter_report__init(r);
	r->key = arena_cstr(&o->arena, key);
	r->count = (uint64_t)own;
	r->seconds_left = seconds_left;
	o->said[o->said_count++] = r;
	o->used += key.len + REPORT_MORE;
	return true;
}

static void forget(struct counter_outbox *o)
{
	arena_fini(&o->arena);
	arena_init(&o->arena);
	o->said = NULL;
	o->said_count = o->said_cap = o->used = 0;
	o->is_unheard = false;
}

void counter_outbox_fill(struct counter_outbox *o, Gatehouse__Sync__Poll *p)
{
	if (!o->source || p->leaving)
		return;
	for (size_t i = 0; o->is_unheard && i < o->said_count; i++)
		o->source->tell_again(o->source->arg, key_of(o->said[i]));
	forget(o);
	o->more = o->source->news(o->source->arg, say, o);
	o->is_unheard = o->said_count > 0;
	p->counters = o->said;
	p->n_counters = o->said_count;
}

bool counter_outbox_take(struct counter_outbox *o, const Gatehouse__Sync__Envelope *answer, bool *soon)
{
	if (!o->source)
		return false;
	if (answer->process && answer->process != o->process) {
		if (o->process)
			o->source->tell_again(o->source->arg, slice_of(NULL, 0));
		o->process = answer->process;
	}
	for (size_t i = 0; i < answer->n_counters; i++)
		o->source->learn(
		        o->source->arg, slice_cstr(answer->counters[i]->key), (int64_t)answer->counters[i]->others);
	if (answer->n_counters)
		o->is_unheard = false;
	*soon |= o->said_count > 0;
	return o->more;
}

void counter_outbox_fini(struct counter_outbox *o)
{
	arena_fini(&o->arena);
}
