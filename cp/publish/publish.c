/* publish: see publish.h. */
#include "cp/publish/publish.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/core/file.h"
#include "common/core/log.h"
#include "common/sync/disk_cache.h"
#include "common/sync/link.h"
#include "common/sync/renewal.h"
#include "common/sync/side_loop.h"
#include "cp/publish/calls.h"
#include "cp/publish/enrolment.h"
#include "cp/publish/guard.h"
#include "cp/publish/history.h"
#include "cp/publish/nodes.h"
#include "cp/publish/orders.h"
#include "cp/publish/publish_private.h"
#include "cp/publish/publisher.h"
#include "cp/publish/revoked.h"
#include "cp/publish/sync_server.h"
#include "cp/publish/target_health.h"
#include "cp/store/memory.h"

enum {
	CONNECTIONS_MAX = 3 *
	                  NODES_MAX, /* two for each data plane, and those that a node has given up without a word */
	/* Versions that follow each other closely are told together when there are many to tell: one of 5,000 data
	 * planes then hears of something at most twenty times a second. */
	NODES_PER_MS = 100,
	/* A data plane that has not reported a version soon after it was published may have lost the message. */
	REMIND_MIN_MS = 25,
	REMIND_MAX_MS = 800,
	CONFIRM_MS = 2000
};

struct publish {
	char pub_path[PATH_MAX], rep_path[PATH_MAX];
	struct feed *_Atomic feed;

	struct side_loop *thread; /* the publishing thread; what follows is its own */
	struct history *history;
	struct guard *guard;
	struct disk_cache *kept; /* NULL: nothing is kept */
	struct publisher *publisher;
	struct sync_server *server;
	struct loop_timer *reminder;
	uint32_t remind_ms;
	struct loop_timer *teller; /* set: more may follow soon */
	uint64_t told_version, told_ms;

	struct enrolment *enrolment;
	struct renewal *renewal; /* NULL: the certificate is renewed by enrolment, or by nobody */
	struct side_loop *cluster_thread;
	const struct settings *settings; /* of the links */
	struct link_server *links[8];
	size_t links_count;

	pthread_mutex_t lock; /* for the two below */
	char epoch[64];
	uint64_t version;
};

/* ---- on the publishing thread ---- */

static void set_reminder(struct publish *p, uint32_t ms);

static void remind(void *arg)
{
	struct publish *p = arg;
	set_reminder(p, 0);
	if (!nodes_is_anyone_behind(history_version(p->history)))
		return;
	publisher_announce(p->publisher, history_epoch(p->history), history_version(p->history));
	if (p->remind_ms < REMIND_MAX_MS)
		set_reminder(p, p->remind_ms * 2);
}

/* 0: none. */
static void set_reminder(struct publish *p, uint32_t ms)
{
	loop_timer_free(p->reminder);
	p->reminder = ms ? loop_timer_new(side_loop_loop(p->thread), ms, false, remind, p) : NULL;
	if (ms)
		p->remind_ms = ms;
}

static void note_position(struct publish *p)
{
	pthread_mutex_lock(&p->lock);
	snprintf(p->epoch, sizeof p->epoch, "%s", history_epoch(p->history));
	p->version = history_version(p->history);
	pthread_mutex_unlock(&p->lock);
}

/* A version has just been told. */
static void moved_on(struct publish *p)
{
	note_position(p);
	set_reminder(p, REMIND_MIN_MS);
}

static void tell_now(void *arg)
{
	struct publish *p = arg;
	loop_timer_free(p->teller);
	p->teller = NULL;
	/* what leads on from what was told last: one version, or several in one */
	const struct packed_delta *d = history_answer(
	        p->history, slice_cstr(history_epoch(p->history)), p->told_version);
	if (d && d->base == p->told_version)
		publisher_send(p->publisher, d);
	else
		publisher_announce(p->publisher, history_epoch(p->history), history_version(p->history));
	p->told_version = history_version(p->history);
	p->told_ms = clock_mono_ms();
	moved_on(p);
}

/* The first version of a row is told at once. */
static void tell(struct publish *p)
{
	uint64_t due_ms = p->told_ms + nodes_connected() / NODES_PER_MS, now = clock_mono_ms();
	if (p->teller)
		return;
	if (now >= due_ms)
		tell_now(p);
	else
		p->teller = loop_timer_new(side_loop_loop(p->thread), (uint32_t)(due_ms - now), false, tell_now, p);
}

struct offer {
	struct publish *publish;
	struct feed_batch *batch;
	bool is_held;
};

static void send_offer(void *arg)
{
	struct offer *o = arg;
	struct publish *p = o->publish;
	o->is_held = guard_holds(p->guard, history_catalog(p->history), o->batch);
	if (!o->is_held && history_pack(p->history, o->batch))
		tell(p);
}

static void settle(struct publish *p, struct feed_batch *b)
{
	bool is_new_beginning = b->snapshot;
	history_settle(p->history, b);
	if (p->kept)
		disk_cache_keep(p->kept, history_catalog(p->history), slice_cstr(history_epoch(p->history)));
	if (!is_new_beginning)
		return;
	publisher_announce(p->publisher, history_epoch(p->history), history_version(p->history));
	p->told_version = history_version(p->history);
	moved_on(p);
}

/* All that the guard has held is meant. */
static void release_held(void *arg)
{
	struct publish *p = arg;
	for (struct feed_batch *b; (b = guard_next(p->guard));) {
		if (history_pack(p->history, b))
			tell(p);
		settle(p, b);
	}
}

static void settle_offer(void *arg)
{
	struct offer *o = arg;
	struct publish *p = o->publish;
	if (!o->is_held)
		settle(p, o->batch);
	else if (guard_keep(p->guard, history_catalog(p->history), o->batch))
		release_held(p);
	free(o);
}

/* Records are made on the caller's thread, while the publishing thread answers Polls with the delta. */
void publish_offer(struct publish *p, struct feed_batch *b)
{
	struct offer *o = malloc(sizeof *o);
	if (!o)
		abort();
	*o = (struct offer){.publish = p, .batch = b};
	loop_post(side_loop_loop(p->thread), send_offer, o);
	feed_batch_parse(b);
	loop_post(side_loop_loop(p->thread), settle_offer, o);
}

static void on_batch(struct feed_batch *b, void *arg)
{
	publish_offer(arg, b);
}

static void announce_order(void *arg)
{
	struct publish *p = arg;
	publisher_announce(p->publisher, history_epoch(p->history), history_version(p->history));
}

static void on_order(void *arg)
{
	struct publish *p = arg;
	loop_post(side_loop_loop(p->thread), announce_order, p);
}

static uint64_t last_read_ms(void *arg)
{
	struct publish *p = arg;
	struct feed *f = atomic_load(&p->feed);
	return f ? feed_last_read_ms(f) : clock_mono_ms();
}

/* ---- opening ---- */

struct opening {
	struct publish *publish;
	const struct settings *settings;
	struct err *e;
	bool ok;
};

static void on_confirm(void *arg)
{
	struct publish *p = arg;
	loop_post(side_loop_loop(p->thread), release_held, p);
}

static void open_sockets(void *arg)
{
	struct opening *o = arg;
	struct publish *p = o->publish;
	p->history = history_new();
	p->guard = guard_new(
	        is_without_database(o->settings) ? 0 : (unsigned)o->settings->publish_guard, on_confirm, p);
	p->publisher = publisher_open(p->pub_path, o->e);
	if (p->publisher)
		p->server = sync_server_open(
		        side_loop_loop(p->thread), p->rep_path, p->history, last_read_ms, p, o->e);
	o->ok = p->server != NULL;
	if (o->ok)
		orders_announce_with(on_order, p);
}

static void close_sockets(void *arg)
{
	struct publish *p = arg;
	orders_announce_with(NULL, NULL);
	set_reminder(p, 0);
	loop_timer_free(p->teller);
	sync_server_close(p->server);
	publisher_close(p->publisher);
	guard_free(p->guard);
	disk_cache_close(p->kept);
	history_free(p->history);
}

static bool make_folder(struct publish *p, const struct settings *s, struct err *e)
{
	char folder[PATH_MAX - 16];
	if ((size_t)snprintf(folder, sizeof folder, "%.*s/sync", SLICE_ARG(s->prefix)) >= sizeof folder)
		return err_set(e, "prefix is too long: '%.200s...'", folder);
	if (!file_make_dirs(folder, 0700, e))
		return false;
	if (chmod(folder, 0700) < 0)
		return err_set(e, "cannot make '%s' private: %s", folder, strerror(errno));
	snprintf(p->pub_path, sizeof p->pub_path, "%s/pub.ipc", folder);
	snprintf(p->rep_path, sizeof p->rep_path, "%s/rep.ipc", folder);
	return true;
}

struct publish *publish_open(const struct settings *s, struct err *e)
{
	struct publish *p = calloc(1, sizeof *p);
	if (!p)
		abort();
	pthread_mutex_init(&p->lock, NULL);
	struct opening o = {.publish = p, .settings = s, .e = e};
	if (make_folder(p, s, e) && (p->thread = side_loop_start("publish", e)) != NULL)
		side_loop_call(p->thread, open_sockets, &o);
	if (o.ok)
		return p;
	publish_stop(p);
	return NULL;
}

static struct link_certs certs_of(const struct settings *s, struct arena *a)
{
	return (struct link_certs){arena_cstr(a, s->cluster_ca_cert), arena_cstr(a, s->cluster_cert),
	        arena_cstr(a, s->cluster_cert_key)};
}

static void open_links(void *arg)
{
	struct opening *o = arg;
	struct publish *p = o->publish;
	const struct settings *s = o->settings;
	struct arena a;
	struct listen_spec *specs;
	size_t n = 0;

	arena_init(&a);
	struct link_certs certs = certs_of(s, &a);
	struct link_gate gate = enrolment_gate(p->enrolment);
	o->ok = listen_parse(&a, s->cluster_listen, &specs, &n, o->e);
	if (n > sizeof p->links / sizeof p->links[0])
		o->ok = err_set(o->e, "cluster_listen names %zu addresses, expected at most 8", n);
	for (size_t i = 0; o->ok && i < n; i++) {
		struct link_server *l = link_server_open(side_loop_loop(p->cluster_thread), &specs[i], &certs,
		        p->pub_path, p->rep_path, CONNECTIONS_MAX, &gate, o->e);
		o->ok = l != NULL;
		if (l)
			p->links[p->links_count++] = l;
	}
	arena_fini(&a);
}

static void use_certs(void *arg)
{
	struct publish *p = arg;
	struct arena a;
	struct err e;

	arena_init(&a);
	struct link_certs certs = certs_of(p->settings, &a);
	for (size_t i = 0; i < p->links_count; i++)
		if (!link_server_use(p->links[i], &certs, &e))
			log_error("the renewed certificate cannot be used", LOG_STR("error", e.message));
	arena_fini(&a);
}

static void on_renewed(void *arg)
{
	struct publish *p = arg;
	loop_post(side_loop_loop(p->cluster_thread), use_certs, p);
}

/* Who has the authority's key needs nobody for it. */
static bool start_renewal(struct publish *p, struct err *e)
{
	const struct settings *s = p->settings;

	if (s->cluster_ca_key.len > 0 || slice_eq(s->cluster_control_plane, S("ipc")) ||
	        s->cluster_cert_renew_days == 0)
		return true;
	p->renewal = renewal_start(s, on_renewed, p, e);
	return p->renewal != NULL;
}

static void cut_revoked(void *arg)
{
	struct publish *p = arg;
	for (size_t i = 0; i < p->links_count; i++)
		link_server_cut_revoked(p->links[i]);
}

static void on_revoked(void *arg)
{
	struct publish *p = arg;
	loop_post(side_loop_loop(p->cluster_thread), cut_revoked, p);
}

static void close_links(void *arg)
{
	struct publish *p = arg;
	for (size_t i = 0; i < p->links_count; i++)
		link_server_close(p->links[i]);
	p->links_count = 0;
}

bool publish_open_cluster(struct publish *p, const struct settings *s, struct err *e)
{
	struct opening o = {.publish = p, .settings = s, .e = e};
	if (s->cluster_listen.len == 0 || slice_eq(s->cluster_listen, S("off")))
		return true;
	if (s->cluster_cert.len == 0 || s->cluster_cert_key.len == 0 || s->cluster_ca_cert.len == 0)
		return err_set(e,
		        "cluster_listen is '%.*s': expected cluster_cert, cluster_cert_key and cluster_ca_cert as well",
		        SLICE_ARG(s->cluster_listen));
	p->settings = s;
	p->cluster_thread = side_loop_start("cluster", e);
	if (!p->cluster_thread || !(p->enrolment = enrolment_start(s, on_renewed, p, e)))
		return false;
	side_loop_call(p->cluster_thread, open_links, &o);
	revoked_tell(on_revoked, p);
	return o.ok && start_renewal(p, e);
}

/* ---- what is kept for a start without the database ---- */

static bool kept_folder(const struct settings *s, char *out, size_t size)
{
	return (size_t)snprintf(out, size, "%.*s/published", SLICE_ARG(s->prefix)) < size;
}

bool publish_has_kept(const struct settings *s)
{
	char folder[PATH_MAX - 32], path[PATH_MAX];
	if (!kept_folder(s, folder, sizeof folder))
		return false;
	snprintf(path, sizeof path, "%s/config.cache", folder);
	return access(path, R_OK) == 0;
}

static bool use_kept(struct catalog *c, struct slice epoch, void *arg, struct err *e)
{
	struct publish *p = arg;
	history_begin(p->history, c, epoch);
	p->told_version = history_version(p->history);
	note_position(p);
	return true;
}

/* A control plane that cannot keep it works all the same. */
static void open_kept(void *arg)
{
	struct opening *o = arg;
	struct publish *p = o->publish;
	char folder[PATH_MAX - 32];
	struct err e = {"prefix is too long"};
	if (kept_folder(o->settings, folder, sizeof folder) && file_make_dirs(folder, 0700, &e))
		p->kept = disk_cache_open(side_loop_loop(p->thread), slice_cstr(folder), &e);
	if (p->kept)
		disk_cache_load(p->kept, use_kept, p);
	else
		log_error("what is published will not be kept on disk", LOG_STR("error", e.message));
}

struct publish *publish_start(struct loop *l, const struct settings *s, struct err *e)
{
	struct publish *p = publish_open(s, e);
	if (!p)
		return NULL;
	if (!is_without_database(s))
		side_loop_call(p->thread, open_kept, &(struct opening){.publish = p, .settings = s});
	if (publish_open_cluster(p, s, e)) {
		struct feed *f = feed_start(s, on_batch, p, e);
		atomic_store(&p->feed, f);
		if (f)
			return p;
	}
	publish_stop(p);
	return NULL;
}

/* From the network inwards: first nobody can come in, then nothing new is read, then what is left ends. */
void publish_stop(struct publish *p)
{
	if (!p)
		return;
	revoked_tell(NULL, NULL);
	renewal_stop(p->renewal);
	enrolment_stop(p->enrolment); /* its last answers are on their way to the links */
	if (p->cluster_thread)
		side_loop_call(p->cluster_thread, close_links, p);
	side_loop_stop(p->cluster_thread);
	enrolment_free(p->enrolment);
	struct feed *f = atomic_load(&p->feed);
	feed_stop(f);
	if (p->thread)
		side_loop_call(p->thread, close_sockets, p);
	side_loop_stop(p->thread);
	feed_free(f);
	revoked_clear();
	nodes_clear();
	orders_clear();
	target_health_clear();
	pthread_mutex_destroy(&p->lock);
	free(p);
}

/* ---- for other threads ---- */

void publish_nudge(void)
{
	feed_nudge();
}

json_t *publish_confirm_call(const json_t *version, void *arg)
{
	return json_boolean(guard_confirm((uint64_t)json_integer_value(version)));
}

bool publish_confirm(uint64_t version)
{
	json_t *question = json_integer((json_int_t)version), *answers = NULL, *one;
	struct call *asked = calls_begin(PUBLISH_CONFIRM_CALL, question, CONFIRM_MS);
	bool is_held = guard_confirm(version);
	size_t i;

	answers = calls_end(asked);
	json_array_foreach(answers, i, one) is_held |= json_is_true(one);
	json_decref(answers);
	json_decref(question);
	return is_held;
}

void publish_nodes(json_t *array)
{
	nodes_list(array);
}

void publish_status(const struct publish *p, struct publish_status *out)
{
	struct publish *mutable = (struct publish *)p; /* the lock changes, nothing else */
	struct feed *f = atomic_load(&mutable->feed);
	uint64_t read_ms = f ? feed_last_read_ms(f) : 0;

	pthread_mutex_lock(&mutable->lock);
	memcpy(out->epoch, p->epoch, sizeof out->epoch);
	out->version = p->version;
	pthread_mutex_unlock(&mutable->lock);
	out->read_ms_ago = read_ms ? clock_mono_ms() - read_ms : UINT64_MAX;
	out->nodes_connected = nodes_connected();
}
