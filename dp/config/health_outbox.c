/* health_outbox: see health_outbox.h. */
#include "dp/config/health_outbox.h"

void health_outbox_fill(struct health_outbox *o, Gatehouse__Sync__Poll *p)
{
	size_t used = gatehouse__sync__poll__get_packed_size(p);
	size_t room = used < HEALTH_POLL_MAX ? HEALTH_POLL_MAX - used : 0;
	struct health_batch batch = {.upto = o->heard};

	arena_init(&o->arena);
	o->said = o->heard;
	o->more = false;
	if (!o->fn || room < HEALTH_ROOM / 2) { /* full of other things: the next Poll */
		o->more = o->fn != NULL;
		return;
	}
	o->fn(o->arg, o->heard, room < HEALTH_ROOM ? room : HEALTH_ROOM, &o->arena, &batch);
	p->health = batch.items;
	p->n_health = batch.count;
	p->health_anew = o->heard == 0;
	o->said = batch.upto;
	o->more = batch.more;
}

void health_outbox_release(struct health_outbox *o)
{
	arena_fini(&o->arena);
}

bool health_outbox_take(struct health_outbox *o, const Gatehouse__Sync__Envelope *answer)
{
	bool is_new = answer->process && answer->process != o->process;

	if (is_new)
		o->process = answer->process;
	o->heard = is_new ? 0 : o->said;
	return is_new ? o->fn != NULL : o->more;
}
