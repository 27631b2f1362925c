/* subscriber: see subscriber.h.
 *
 * All that comes in is an envelope, from either socket of any line, and is judged the same way: in step, news, or a
 * part. What differs: an answer to our Poll may replace everything (a snapshot), a published one may only lead on.
 * While an answer is being fetched in parts, published deltas are not applied: the fetched one would no longer fit.
 *
 * Control planes may disagree for a while, when one of them cannot see the database: a snapshot that would take this
 * node back is not believed while another control plane names our version as the current one. */
#include "dp/config/subscriber.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/core/clock.h"
#include "common/core/log.h"
#include "common/core/release.h"
#include "common/net/loop.h"
#include "common/sync/disk_cache.h"
#include "dp/config/line.h"

enum {
	RETRY_MIN_MS = 2000, /* after a version was refused, until it is asked for again; doubles */
	RETRY_MAX_MS = 60 * 1000,
	FAREWELL_MS = 200,
	HEALTH_MS = 100,  /* what changes together is told together */
	PATIENCE_MS = 500 /* with the source, before another one is asked */
};

struct subscriber {
	struct loop *loop;
	struct replica *replica;
	struct disk_cache *cache;
	char hostname[256];
	struct line lines[SUBSCRIBER_LINES_MAX];
	unsigned count;
	uint64_t started_ms;

	struct line *source;            /* who is asked for what is missing */
	struct delta_assembly assembly; /* of its answer that comes in parts */
	uint32_t retry_ms;
	uint64_t retry_at_ms; /* the refused version may be asked for again */

	struct order_memory orders;
	struct counter_outbox counters;
	struct loop_timer *next_health; /* NULL: nothing has changed */
	about_fn about;                 /* NULL: nothing */
	void *about_arg;
};

#define for_each_line(l, s) for (struct line *l = (s)->lines; l < (s)->lines + (s)->count; l++)

static struct subscriber *mutable_of(const struct subscriber *s)
{
	return (struct subscriber *)s; /* only to step over the lines */
}

/* ---- polling ---- */

static bool is_fetching(const struct subscriber *s)
{
	return s->assembly.next > 0;
}

/* The source's answer may still come; it is too early to ask another one. */
static bool is_asking(const struct subscriber *s)
{
	const struct line *l = s->source;
	return line_is_well(l) && l->is_awaiting && clock_mono_ms() - l->sent_ms < PATIENCE_MS;
}

/* A fetch goes on as long as its source answers. */
static bool is_bound_to_source(const struct subscriber *s)
{
	return is_asking(s) || (is_fetching(s) && line_is_well(s->source));
}

static void turn_to(struct subscriber *s, struct line *l)
{
	if (s->source == l)
		return;
	s->source = l;
	delta_assembly_reset(&s->assembly);
}

/* All nodes count with the first control plane that answers them. */
static const struct line *counting(const struct subscriber *s)
{
	for_each_line(l, mutable_of(s)) if (line_is_well(l)) return l;
	return s->lines;
}

static void fill(struct line *l, Gatehouse__Sync__Poll *p, void *arg)
{
	struct subscriber *s = arg;
	p->node_id = l->uplink.node_id;
	p->hostname = s->hostname;
	p->release = (char *)GATEHOUSE_RELEASE;
	p->epoch = (char *)replica_epoch(s->replica).ptr;
	p->version = l->told_version = replica_version(s->replica);
	p->error = (char *)replica_error(s->replica);
	p->held_back = (char *)replica_held_back(s->replica);
	p->up_ms = clock_mono_ms() - s->started_ms + 1;
	p->report_only = l != s->source && line_is_well(s->source);
	/* left out: we want to try it again */
	if (clock_mono_ms() < s->retry_at_ms)
		p->error_version = replica_error_version(s->replica);
	if (is_fetching(s) && l == s->source) {
		p->want_version = s->assembly.version;
		p->want_base = s->assembly.base;
		p->want_part = s->assembly.next;
	}
	if (s->about)
		s->about(s->about_arg, p);
	if (l == counting(s))
		counter_outbox_fill(&s->counters, p);
}

/* Whoever has not heard of the version that is here now. */
static void tell_all(void *arg)
{
	struct subscriber *s = arg;
	for_each_line(l, s) if (l->told_version != replica_version(s->replica)) line_poll(l);
}

static void on_silence(struct line *l, void *arg)
{
	struct subscriber *s = arg;
	if (l == s->source)
		delta_assembly_reset(&s->assembly);
}

/* ---- what comes in ---- */

static void note_refusal(struct subscriber *s)
{
	s->retry_ms = s->retry_ms == 0                 ? RETRY_MIN_MS
	              : s->retry_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS
	                                               : s->retry_ms * 2;
	s->retry_at_ms = clock_mono_ms() + line_jittered(s->retry_ms);
}

/* What is not whole is kept under an epoch that no control plane has: a later release, which knows more, is to ask
 * for everything. */
static void keep(const struct subscriber *s)
{
	bool is_whole = replica_held_back(s->replica)[0] == '\0';
	if (s->cache)
		disk_cache_keep(s->cache, replica_catalog(s->replica),
		        is_whole ? replica_epoch(s->replica) : S("incomplete"));
}

/* True when a Poll should follow at once. */
static bool apply(struct subscriber *s, const Gatehouse__Sync__Delta *d, bool is_answer)
{
	switch (replica_apply(s->replica, d, is_answer)) {
	case REPLICA_APPLIED:
		s->retry_ms = 0;
		s->retry_at_ms = 0;
		keep(s);
		return true;
	case REPLICA_REFUSED: note_refusal(s); return true;
	case REPLICA_GAP: return !is_answer;
	case REPLICA_STALE: return false;
	}
	return false;
}

static bool unpack_and_apply(struct subscriber *s, struct delta_assembly *a, bool is_answer)
{
	struct err e;
	Gatehouse__Sync__Delta *d = delta_assembly_unpack(a, &e);
	delta_assembly_reset(a);
	if (!d) {
		log_error("a delta cannot be read", LOG_STR("error", e.message));
		return false;
	}
	bool poll = apply(s, d, is_answer);
	gatehouse__sync__delta__free_unpacked(d, NULL);
	return poll;
}

/* A part of an answer; the first one of something else begins anew. */
static bool take_part(struct subscriber *s, const Gatehouse__Sync__Envelope *e)
{
	if (delta_assembly_add(&s->assembly, e) == ASSEMBLY_DONE)
		return unpack_and_apply(s, &s->assembly, true);
	return true; /* the next part, or from the start */
}

static bool is_our_epoch(const struct subscriber *s, const Gatehouse__Sync__Envelope *e)
{
	return slice_eq(slice_cstr(e->epoch), replica_epoch(s->replica));
}

static bool is_news(const struct subscriber *s, const Gatehouse__Sync__Envelope *e)
{
	return !is_our_epoch(s, e) || e->version > replica_version(s->replica);
}

/* A control plane other than l says that what is here is the newest there is. */
static bool is_vouched_for(const struct subscriber *s, const struct line *l)
{
	for_each_line(other, mutable_of(s)) if (other != l && line_is_well(other) && other->is_same_epoch &&
	                                        other->version >= replica_version(s->replica)) return true;
	return false;
}

/* It would take this node back, or to another history, and others see no reason for it. */
static bool is_doubtful(const struct subscriber *s, const struct line *l, const Gatehouse__Sync__Envelope *e)
{
	bool leads_on = is_our_epoch(s, e) && e->version >= replica_version(s->replica);
	return !leads_on && replica_has_config(s->replica) && is_vouched_for(s, l);
}

static bool take_answer(struct line *l, const Gatehouse__Sync__Envelope *e, void *arg)
{
	struct subscriber *s = arg;
	bool soon = false, poll = l == counting(s) && counter_outbox_take(&s->counters, e, &soon);
	if (soon)
		subscriber_health_changed(s);
	l->is_same_epoch = !e->error[0] && is_our_epoch(s, e);
	l->version = e->version;
	if (e->error[0] || e->parts == 0) {
		if (l == s->source)
			delta_assembly_reset(&s->assembly);
		if (e->error[0] || !is_news(s, e) || l == s->source || is_bound_to_source(s) || is_doubtful(s, l, e))
			return poll;
		turn_to(s, l); /* it knows more than the present source */
		return true;
	}
	if ((l != s->source && is_fetching(s) && line_is_well(s->source)) || is_doubtful(s, l, e))
		return poll;
	turn_to(s, l);
	return take_part(s, e) || poll;
}

static bool is_refused(const struct subscriber *s, uint64_t version)
{
	return version == replica_error_version(s->replica) && clock_mono_ms() < s->retry_at_ms;
}

/* What is announced, or does not lead on, is asked for; where the answer is under way already, nobody else is asked.
 */
static bool ask(struct subscriber *s, struct line *l)
{
	if (l != s->source && is_bound_to_source(s))
		return false;
	turn_to(s, l);
	return true;
}

static bool take_published(struct line *l, const Gatehouse__Sync__Envelope *e, void *arg)
{
	struct subscriber *s = arg;
	if (is_fetching(s) || !is_news(s, e) || is_refused(s, e->version) || is_doubtful(s, l, e))
		return false;
	if (e->parts != 1)
		return ask(s, l);
	struct delta_assembly whole = {0};
	uint64_t before = replica_version(s->replica);
	bool poll = true;
	if (delta_assembly_add(&whole, e) == ASSEMBLY_DONE)
		poll = unpack_and_apply(s, &whole, false);
	delta_assembly_reset(&whole);
	return poll && replica_version(s->replica) == before ? ask(s, l) : poll;
}

/* ---- beginning and end ---- */

static const struct line_ops line_ops = {.fill = fill,
        .take_answer = take_answer,
        .take_published = take_published,
        .on_drained = tell_all,
        .on_silence = on_silence};

static bool use_kept(struct catalog *c, struct slice epoch, void *arg, struct err *e)
{
	return replica_set(arg, c, epoch, e);
}

static void load_cache(struct subscriber *s, const struct settings *settings)
{
	struct err e;
	s->cache = disk_cache_open(s->loop, settings->prefix, &e);
	if (!s->cache)
		log_error("the configuration will not be kept on disk", LOG_STR("error", e.message));
	else if (!replica_has_config(s->replica))
		disk_cache_load(s->cache, use_kept, s->replica);
}

static bool open_lines(struct subscriber *s, const struct settings *settings, struct err *e)
{
	struct slice rest = settings->cluster_control_plane;
	while (rest.len > 0) {
		struct slice address = slice_trim(slice_cut(&rest, ','));
		if (s->count == SUBSCRIBER_LINES_MAX)
			return err_set(
			        e, "cluster_control_plane names more than %d control planes", SUBSCRIBER_LINES_MAX);
		struct line *l = &s->lines[s->count++];
		l->ops = &line_ops;
		l->arg = s;
		l->orders.memory = &s->orders;
		if (!line_open(l, s->loop, settings, address, (unsigned)(l - s->lines), e))
			return false;
	}
	return s->count > 0 || err_set(e, "cluster_control_plane is empty, expected host:port or ipc");
}

struct subscriber *subscriber_start(
        struct loop *main_loop, const struct settings *settings, struct replica *r, struct err *e)
{
	struct subscriber *s = calloc(1, sizeof *s);
	if (!s)
		abort();
	s->loop = main_loop;
	s->replica = r;
	s->source = s->lines;
	s->started_ms = clock_mono_ms();
	if (gethostname(s->hostname, sizeof s->hostname - 1) < 0)
		s->hostname[0] = '\0';
	if (!open_lines(s, settings, e)) {
		subscriber_stop(s);
		return NULL;
	}
	load_cache(s, settings);
	for_each_line(l, s) line_poll(l);
	return s;
}

/* So that no write at a control plane waits for us. */
static void say_goodbye(struct subscriber *s)
{
	for_each_line(l, s) line_say_goodbye(l, FAREWELL_MS / 2);
	for_each_line(l, s) line_await_goodbye(l, FAREWELL_MS / 2);
}

void subscriber_stop(struct subscriber *s)
{
	if (!s)
		return;
	say_goodbye(s);
	for_each_line(l, s) line_close(l);
	disk_cache_close(s->cache);
	delta_assembly_reset(&s->assembly);
	counter_outbox_fini(&s->counters);
	loop_timer_free(s->next_health);
	free(s);
}

void subscriber_carry_out(struct subscriber *s, const struct order_handler *handlers, void *arg)
{
	for_each_line(l, s)
	{
		l->orders.handlers = handlers;
		l->orders.arg = arg;
	}
}

void subscriber_report_health(struct subscriber *s, health_fn fn, void *arg)
{
	for_each_line(l, s)
	{
		l->health.fn = fn;
		l->health.arg = arg;
	}
}

void subscriber_share_counters(struct subscriber *s, const struct counter_source *source)
{
	s->counters.source = source;
}

static void tell_health(void *arg)
{
	struct subscriber *s = arg;
	loop_timer_free(s->next_health);
	s->next_health = NULL;
	for_each_line(l, s) line_poll(l);
}

void subscriber_health_changed(struct subscriber *s)
{
	if (!s->next_health)
		s->next_health = loop_timer_new(s->loop, HEALTH_MS, false, tell_health, s);
}

void subscriber_tell_about(struct subscriber *s, about_fn fn, void *arg)
{
	s->about = fn;
	s->about_arg = arg;
}

void subscriber_use_certs(struct subscriber *s, const struct settings *settings)
{
	for_each_line(l, s) uplink_use_certs(&l->uplink, settings);
}

/* ---- status ---- */

void subscriber_status(const struct subscriber *s, struct subscriber_status *out)
{
	const char *error = replica_error(s->replica);
	*out = (struct subscriber_status){
	        .epoch = replica_epoch(s->replica),
	        .version = replica_version(s->replica),
	        .has_config = replica_has_config(s->replica),
	        .error = error,
	        .lines = s->count,
	        .is_in_step = true,
	};
	bool is_current = false;
	for_each_line(l, mutable_of(s))
	{
		uint64_t down_since_ms = line_down_since(l);
		if (l->last_contact_ms > out->last_contact_ms)
			out->last_contact_ms = l->last_contact_ms;
		if (down_since_ms > out->down_since_ms)
			out->down_since_ms = down_since_ms;
		if (!out->error[0])
			out->error = l->complaint;
		out->lines_up += down_since_ms == 0;
		is_current |= line_is_well(l) && l->is_same_epoch && l->version == out->version;
		out->is_in_step &= !(line_is_well(l) && l->is_same_epoch && l->version > out->version);
	}
	out->is_in_step &= is_current;
	if (out->lines_up > 0)
		out->down_since_ms = 0;
	memcpy(out->node_id, s->lines[0].uplink.node_id, sizeof out->node_id);
}
