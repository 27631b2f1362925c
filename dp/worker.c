/* worker: see worker.h. */
#include "dp/worker.h"

#include <malloc.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/core/log.h"
#include "dp/host/meter.h"
#include "dp/host/sinks.h"
#include "dp/host/staples.h"
#include "dp/upstream/balance_thread.h"

enum { SWEEP_MS = 1000, TRIM_MIN = 512 * 1024, TRIM_CALM = 64 * 1024 };

struct worker {
	const struct node *node;
	unsigned number;
	pthread_t thread;
	struct proxy proxy;
	struct streams streams;
	struct front_worker front;
	struct loop_timer *sweeping;
	size_t freed;                /* by sweeps, since the system got back what is free */
	struct listener **listeners; /* those of streams behind the others */
	size_t listener_count, stream_listeners;
};

static void on_accept(struct listener *l, int fd, void *arg)
{
	struct worker *w = arg;
	const struct listen_spec *spec = listener_spec(l);
	server_accept(&w->proxy.server, spec, fd, spec->ssl ? front_accept(w->node->front, spec, &w->front) : NULL);
}

static void on_accept_stream(struct listener *l, int fd, void *arg)
{
	struct worker *w = arg;
	streams_accept(&w->streams, listener_spec(l), fd);
}

static bool open_listener(struct worker *w, const struct listen_spec *spec, accept_fn fn, struct err *e)
{
	struct listener *l = listener_open(w->proxy.loop, spec, fn, w, e);
	if (l)
		w->listeners[w->listener_count++] = l;
	if (l && fn == on_accept_stream)
		w->stream_listeners++;
	return l != NULL;
}

static bool open_listeners(struct worker *w, struct err *e)
{
	const struct addresses *a = &w->node->addresses;
	w->listeners = calloc(a->http_count + a->streams_count + 1, sizeof *w->listeners);
	if (!w->listeners)
		abort();
	for (size_t i = 0; i < a->http_count; i++)
		if (!open_listener(w, &a->http[i], on_accept, e))
			return false;
	for (size_t i = 0; i < a->streams_count; i++) {
		const struct listen_spec *spec = &a->streams[i];
		if (!(spec->udp ? streams_open_port(&w->streams, spec, e)
		                : open_listener(w, spec, on_accept_stream, e)))
			return false;
	}
	return true;
}

static void close_listeners(struct worker *w)
{
	for (size_t i = 0; i < w->listener_count; i++)
		listener_close(w->listeners[i]);
	w->listener_count = w->stream_listeners = 0;
}

/* What waits in the backlog is taken when there is room; another worker may take it first. */
static void on_full(struct server *sv, bool full)
{
	struct worker *w = (struct worker *)((char *)sv - offsetof(struct worker, proxy.server));
	if (full)
		log_warn("a worker has all connections it may have", LOG_INT("worker", w->number),
		        LOG_INT("worker_connections", sv->max_conns));
	for (size_t i = 0; i < w->listener_count - w->stream_listeners; i++)
		listener_pause(w->listeners[i], full);
}

static void on_full_streams(struct streams *s, bool full)
{
	struct worker *w = (struct worker *)((char *)s - offsetof(struct worker, streams));
	if (full)
		log_warn("a worker has all streams it may have", LOG_INT("worker", w->number),
		        LOG_INT("worker_connections", s->max));
	for (size_t i = w->listener_count - w->stream_listeners; i < w->listener_count; i++)
		listener_pause(w->listeners[i], full);
}

static void set_timeouts(struct server *sv, const struct settings *s)
{
	sv->header_timeout_ms = (uint32_t)s->client_header_timeout * 1000;
	sv->body_timeout_ms = (uint32_t)s->client_body_timeout * 1000;
	sv->send_timeout_ms = (uint32_t)s->send_timeout * 1000;
	sv->keepalive_timeout_ms = (uint32_t)s->keepalive_timeout * 1000;
	sv->max_streams = (uint32_t)s->http2_max_concurrent_streams;
	sv->max_requests = (uint32_t)s->keepalive_requests;
	sv->max_conns = (uint32_t)s->worker_connections;
	sv->on_full = on_full;
}

/* Figures of what the configuration has no more. */
static void sweep_meter(struct worker *w)
{
	struct lease *lease = lease_take(w->proxy.leases);
	if (!lease)
		return;
	host_sweep_meter(&w->proxy.host, lease->snapshot);
	lease_give(lease);
}

/* What many connections at a time have needed, and few do not. The system gets it back when they have become few. */
static void sweep_memory(struct worker *w)
{
	size_t freed = server_sweep(&w->proxy.server) + iobuf_pool_sweep(&w->proxy.loop->buffers);
	w->freed += freed;
	if (freed >= TRIM_CALM || w->freed < TRIM_MIN)
		return;
	malloc_trim(0);
	w->freed = 0;
}

static void sweep(void *arg)
{
	sweep_meter(arg);
	sweep_memory(arg);
}

static void fetch_staple(void *host, struct staple *s)
{
	staples_fetch(((struct host_worker *)host)->staples, s);
}

static bool set_up(struct worker *w, struct err *e)
{
	struct proxy *p = &w->proxy;
	const struct settings *s = w->node->settings;
	struct dns_options dns = dns_options_of(s);

	p->loop = loop_new(e);
	if (!p->loop)
		return false;
	p->options = w->node->options;
	p->leases = leases_new(w->node->board, p->loop);
	balancers_join(balance_thread_balancers(w->node->balance), p->loop);
	p->dns = dns_new(p->loop, &dns, e);
	p->host = (struct host_worker){.loop = p->loop,
	        .counters = w->node->counters,
	        .shared_counters = w->node->shared_counters,
	        .cache = w->node->cache,
	        .dns = p->dns,
	        .node_id = w->node->node_id,
	        .outward = w->node->outward,
	        .meter = meter_new((uint32_t)s->metrics_max_series)};
	host_worker_init(&p->host);
	w->front = (struct front_worker){p->leases, fetch_staple, &p->host};
	p->outward = w->node->outward;
	w->sweeping = loop_timer_new(p->loop, SWEEP_MS, true, sweep, w);
	proxy_init(p);
	access_writer_init(&p->access_log, w->node->access_log);
	set_timeouts(&p->server, s);
	w->streams = (struct streams){.proxy = p,
	        .front = w->node->front,
	        .front_worker = &w->front,
	        .preread_timeout_ms = p->server.header_timeout_ms,
	        .max = (uint32_t)s->worker_connections,
	        .on_full = on_full_streams};
	access_writer_init(&w->streams.log, w->node->stream_log);
	return p->dns && open_listeners(w, e);
}

static void tear_down(struct worker *w)
{
	struct proxy *p = &w->proxy;
	close_listeners(w);
	free(w->listeners);
	if (p->loop) {
		loop_timer_free(w->sweeping);
		server_close(&p->server);
		streams_close(&w->streams);
		access_writer_fini(&w->streams.log);
		proxy_fini(p);
		access_writer_fini(&p->access_log);
		host_worker_fini(&p->host);
		if (p->dns)
			dns_free(p->dns);
		meter_free(p->host.meter);
		leases_free(p->leases);
		balancers_leave(balance_thread_balancers(w->node->balance), p->loop);
		loop_free(p->loop);
	}
	free(w);
}

static void *run(void *arg)
{
	struct worker *w = arg;
	char name[16];
	snprintf(name, sizeof name, "worker-%u", w->number);
	pthread_setname_np(pthread_self(), name);
	loop_run(w->proxy.loop);
	return NULL;
}

struct worker *worker_start(const struct node *node, unsigned number, struct err *e)
{
	struct worker *w = calloc(1, sizeof *w);
	if (!w)
		abort();
	w->node = node;
	w->number = number;
	if (!set_up(w, e)) {
		tear_down(w);
		return NULL;
	}
	int failed = pthread_create(&w->thread, NULL, run, w);
	if (failed) {
		err_set(e, "cannot start worker %u: %s", number, strerror(failed));
		tear_down(w);
		return NULL;
	}
	return w;
}

static void drain(void *arg)
{
	struct worker *w = arg;
	close_listeners(w);
	streams_close_ports(&w->streams);
	server_drain(&w->proxy.server);
	sinks_flush(w->proxy.host.sinks);
}

void worker_drain(struct worker *w)
{
	loop_post(w->proxy.loop, drain, w);
}

void worker_stop(struct worker *w)
{
	loop_stop(w->proxy.loop);
	pthread_join(w->thread, NULL);
	tear_down(w);
}

struct server_stats worker_stats(const struct worker *w)
{
	const struct server_stats *s = &w->proxy.server.stats;
	return (struct server_stats){
	        .accepted = __atomic_load_n(&s->accepted, __ATOMIC_RELAXED),
	        .handled = __atomic_load_n(&s->handled, __ATOMIC_RELAXED),
	        .requests = __atomic_load_n(&s->requests, __ATOMIC_RELAXED),
	        .active = __atomic_load_n(&s->active, __ATOMIC_RELAXED),
	        .reading = __atomic_load_n(&s->reading, __ATOMIC_RELAXED),
	        .writing = __atomic_load_n(&s->writing, __ATOMIC_RELAXED),
	        .waiting = __atomic_load_n(&s->waiting, __ATOMIC_RELAXED),
	};
}

struct meter *worker_meter(const struct worker *w)
{
	return w->proxy.host.meter;
}

const struct node_load *worker_load(const struct worker *w)
{
	return &w->proxy.load;
}

unsigned worker_active(const struct worker *w)
{
	return worker_stats(w).active + __atomic_load_n(&w->streams.active, __ATOMIC_RELAXED);
}

uint64_t worker_unsent(const struct worker *w)
{
	return sinks_pending(w->proxy.host.sinks);
}

uint64_t worker_deliveries(const struct worker *w)
{
	return sinks_under_way(w->proxy.host.sinks);
}

uint64_t worker_lost(const struct worker *w)
{
	return sinks_dropped(w->proxy.host.sinks);
}
