/* gatehouse-dp: a data plane. Starts workers, then follows a control plane, or a file (--document); this thread owns
 * configuration, signals and status.
 *
 * Order of life: settings, subscriber (which loads the last good version from disk first), workers (listening; every
 * answer is 404 until there is a configuration), status, pid file; then the loop until SIGTERM, SIGINT or SIGQUIT:
 * drain, end. SIGHUP under `gatectl start`: a successor takes over, see common/net/handover.h. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/core/dumps.h"
#include "common/core/file.h"
#include "common/core/file_limit.h"
#include "common/core/log.h"
#include "common/core/release.h"
#include "common/crypto/x509.h"
#include "common/entity/route.h"
#include "common/net/handover.h"
#include "common/net/tls_memory.h"
#include "common/plugin/objects.h"
#include "common/plugin/template.h"
#include "common/settings/log_setup.h"
#include "common/settings/node_id.h"
#include "common/sync/renewal.h"
#include "dp/config/document_feed.h"
#include "dp/config/replica.h"
#include "dp/config/secrets.h"
#include "dp/config/subscriber.h"
#include "dp/host/cache.h"
#include "dp/host/cache_orders.h"
#include "dp/host/counters.h"
#include "dp/host/load.h"
#include "dp/memory.h"
#include "dp/status/status.h"
#include "dp/status/target_health.h"
#include "dp/upstream/balance_thread.h"
#include "dp/worker.h"

enum { WORKERS_MAX = 256, DRAIN_POLL_MS = 50, TAKE_OVER_MS = 30000, SECRETS_REFRESH_MS = 5000, NAMES_WAIT_MS = 5000 };

struct plane {
	struct arena arena;
	struct dns *dns; /* of what this thread asks Redis for */
	struct settings settings;
	struct proxy_options options;
	struct node node;
	struct loop *loop;
	struct memory memory;
	struct worker *workers[WORKERS_MAX];
	struct meter *meters[WORKERS_MAX];
	uint64_t cluster_cert_expiry_s, cache_bytes_max;
	unsigned worker_count;
	struct secrets *secrets;
	struct loop_timer *secrets_timer, *tickets_timer;
	struct replica *replica;
	const char *document; /* --document FILE: there is no control plane */
	struct document_feed *feed;
	struct counter_source counting;
	unsigned told_shard;           /* of shared counters */
	struct subscriber *subscriber; /* the one or the other */
	struct node_load load;         /* of all workers, as the last Poll told it */
	Gatehouse__Sync__NodeLoad told_load;
	char *labels[NODE_LABELS_MAX];
	size_t label_count;
	struct renewal *renewal; /* of the certificate that the subscriber shows; NULL: none */
	struct text why;         /* what is wrong with the document, in several lines */
	struct status *status;
	struct access_log access_log, stream_log, status_log;
	struct event *signals[5];
	struct loop_timer *drain;
	uint64_t drain_until_ms; /* 0: not draining */
	const char *conf;        /* --conf; NULL */
	char **argv;
	struct successor *successor; /* after a reload: the process that takes our place */
};

/* ---- configuration --------------------------------------------------------------------------------------------- */

enum { INVERSIONS_SHOWN = 20 };

static void log_inversion(const struct route *first, const struct route *second, void *arg)
{
	char one[UUID_TEXT + 1], two[UUID_TEXT + 1];

	uuid_format(&first->id, one);
	uuid_format(&second->id, two);
	log_notice("two routes would stand in the other order under the other route_match_calculation",
	        LOG_STR("first", one), LOG_STR("second", two));
}

static bool apply(struct catalog *candidate, struct slice epoch, void *arg, struct err *e)
{
	struct plane *p = arg;
	const struct snapshot *was = lease_board_current(p->node.board);
	struct snapshot *s = snapshot_build(was, epoch, candidate, &p->options.router, e);
	if (!s)
		return false;
	balance_thread_apply(p->node.balance, was, s, p->worker_count ? 0 : NAMES_WAIT_MS);
	if (!lease_board_current(p->node.board))
		router_each_inversion(s->router, INVERSIONS_SHOWN, log_inversion, NULL);
	lease_board_publish(p->node.board, s);
	memory_settle(&p->memory);
	log_info("configuration applied", LOG_INT("version", s->version),
	        LOG_INT("records", catalog_total(s->catalog)));
	return true;
}

static void settle_secrets(struct catalog *candidate, void *arg)
{
	struct plane *p = arg;
	secrets_settle(p->secrets, candidate);
}

/* A secret was changed where it is kept: the configuration is the same, its records are decoded anew. */
static void refresh_secrets(void *arg)
{
	struct plane *p = arg;
	const struct catalog *current = replica_catalog(p->replica);
	struct err e;

	if (!secrets_have_changed(p->secrets) || !current)
		return;
	struct catalog *c = catalog_copy(current);
	secrets_decode_again(p->secrets, c);
	char *epoch = slice_strdup(replica_epoch(p->replica)); /* it is replaced on the way */
	if (!replica_set(p->replica, c, slice_cstr(epoch), &e)) {
		log_error("the configuration cannot be used with the new secrets", LOG_STR("error", e.message));
		catalog_free(c);
	}
	free(epoch);
}

/* ---- status ---------------------------------------------------------------------------------------------------- */

static void add_stats(struct server_stats *sum, const struct server_stats *one)
{
	sum->accepted += one->accepted;
	sum->handled += one->handled;
	sum->requests += one->requests;
	sum->active += one->active;
	sum->reading += one->reading;
	sum->writing += one->writing;
	sum->waiting += one->waiting;
}

static void each_target(void *arg, status_target_fn fn, void *fn_arg)
{
	struct plane *p = arg;
	target_health_each(p->node.balance, lease_board_current(p->node.board), fn, fn_arg);
}

static Gatehouse__Sync__UpstreamHealth *describe_upstream(void *arg, struct slice upstream, struct arena *a)
{
	struct plane *p = arg;
	return balance_thread_describe(p->node.balance, upstream, a);
}

static void fill_report(void *arg, struct status_report *r)
{
	static struct subscriber_status s; /* its strings outlive the call; this is the only thread that asks */
	struct plane *p = arg;

	if (p->feed)
		document_feed_status(p->feed, &s);
	else if (p->subscriber)
		subscriber_status(p->subscriber, &s);
	else /* a successor follows the control plane; what is here stays as it is */
		s.error = "", s.last_contact_ms = 0;
	r->has_config = s.has_config;
	r->draining = p->drain_until_ms != 0;
	r->epoch = s.epoch;
	r->version = s.version;
	r->error = s.error ? s.error : "";
	r->connected = s.down_since_ms == 0 && s.last_contact_ms != 0;
	r->node_id = slice_cstr(s.node_id);
	for (unsigned i = 0; i < p->worker_count; i++) {
		struct server_stats one = worker_stats(p->workers[i]);
		add_stats(&r->proxy, &one);
		r->entries_unsent += worker_unsent(p->workers[i]);
		r->entries_lost += worker_lost(p->workers[i]);
		r->deliveries += worker_deliveries(p->workers[i]);
		p->meters[i] = worker_meter(p->workers[i]);
	}
	r->access_lines_lost = access_log_lost(&p->access_log) + access_log_lost(&p->stream_log);
	r->snapshot = p->node.board ? lease_board_current(p->node.board) : NULL;
	r->router = &p->options.router;
	r->meters = p->meters;
	r->meter_count = p->worker_count;
	r->cache_bytes = cache_size(p->node.cache);
	r->cache_bytes_max = p->cache_bytes_max;
	r->cluster_cert_expiry_s = p->cluster_cert_expiry_s;
	r->each_target = p->node.balance ? each_target : NULL;
	r->describe = p->node.balance ? describe_upstream : NULL;
	r->target_changes = p->node.balance ? balancers_changes(balance_thread_balancers(p->node.balance)) : 0;
	r->targets_arg = p;
}

/* 0: there is none, or it cannot be read, which whoever uses it will say. */
static uint64_t cert_expiry_s(struct slice path)
{
	char text[PATH_MAX];
	struct x509_info info;
	struct err e;
	if (!path.len || path.len >= sizeof text)
		return 0;
	snprintf(text, sizeof text, "%.*s", SLICE_ARG(path));
	return x509_read(text, &info, &e) ? (uint64_t)info.not_after_s : 0;
}

/* ---- signals --------------------------------------------------------------------------------------------------- */

static unsigned active(const struct plane *p)
{
	unsigned n = 0;
	for (unsigned i = 0; i < p->worker_count; i++)
		n += worker_active(p->workers[i]);
	return n;
}

static uint64_t unsent(const struct plane *p)
{
	uint64_t n = 0;
	for (unsigned i = 0; i < p->worker_count; i++)
		n += worker_unsent(p->workers[i]);
	return n;
}

static void check_drained(void *arg)
{
	struct plane *p = arg;
	bool is_done = active(p) == 0 && unsent(p) == 0 && is_status_idle(p->status);
	if (is_done || clock_mono_ms() >= p->drain_until_ms)
		loop_stop(p->loop);
}

/* No new connections; those that are there end after what they do. */
static void drain(void *arg)
{
	struct plane *p = arg;
	for (unsigned i = 0; i < p->worker_count; i++)
		worker_drain(p->workers[i]);
	loop_timer_free(p->drain);
	p->drain = loop_timer_new(p->loop, DRAIN_POLL_MS, true, check_drained, p);
}

/* In order (pitfalls.md A6-6): balancers learn it from /status/ready, for drain_delay; then connections are drained;
 * asked twice, or after shutdown_grace, the end. */
static void on_stop(evutil_socket_t number, short what, void *arg)
{
	struct plane *p = arg;
	(void)what;
	if (p->drain_until_ms) {
		loop_stop(p->loop);
		return;
	}
	log_notice("stopping", LOG_INT("signal", number), LOG_INT("connections", active(p)));
	if (p->successor) {
		successor_has_taken_over(p->successor);
		status_drain(p->status); /* it answers for the node from now on */
	}
	uint64_t delay_ms = p->successor ? 0 : (uint64_t)p->settings.drain_delay * 1000;
	/* who is asked politely takes the time that requests take (proxy.md 10.4) */
	p->drain_until_ms = number == SIGQUIT
	                            ? UINT64_MAX
	                            : clock_mono_ms() + delay_ms + (uint64_t)p->settings.shutdown_grace * 1000;
	if (delay_ms)
		p->drain = loop_timer_new(p->loop, (uint32_t)delay_ms, false, drain, p);
	else
		drain(p);
}

/* Log files have been moved away. */
static void on_reopen(evutil_socket_t number, short what, void *arg)
{
	struct plane *p = arg;
	(void)number, (void)what;
	log_reopen();
	access_log_reopen(&p->access_log);
	access_log_reopen(&p->stream_log);
	access_log_reopen(&p->status_log);
}

/* {"upstream":id,"target":id,"address":"ip:port" or null,"healthy":true}: admin-api.md 7.1 */
static json_t *mark_target(const json_t *order, void *arg)
{
	struct plane *p = arg;
	struct target_mark m = {.address = slice_cstr(json_string_value(json_object_get(order, "address"))),
	        .healthy = json_is_true(json_object_get(order, "healthy"))};

	if (!uuid_parse(slice_cstr(json_string_value(json_object_get(order, "upstream"))), &m.upstream) ||
	        !uuid_parse(slice_cstr(json_string_value(json_object_get(order, "target"))), &m.target))
		return json_false();
	return json_boolean(balance_thread_mark(p->node.balance, &m));
}

static json_t *order_cache(const json_t *order, void *arg)
{
	const struct plane *p = arg;
	const struct node *n = &p->node;
	return cache_order(&(struct cache_keeper){n->cache, lease_board_current(n->board), n->redis}, order);
}

static json_t *order_explain(const json_t *order, void *arg)
{
	const struct plane *p = arg;
	return p->status ? status_order_explain(p->status, order) : NULL;
}

static json_t *order_level(const json_t *order, void *arg)
{
	const struct plane *p = arg;
	return p->status ? status_order_level(p->status, order) : NULL;
}

/* What the control plane may have done here beside the configuration; arg is our struct plane. */
static const struct order_handler order_handlers[] = {
        {"target-mark", mark_target},
        {"proxy-cache", order_cache},
        {"explain", order_explain},
        {"log-level", order_level},
        {0},
};

static void report_health(void *arg, uint64_t after, size_t room, struct arena *a, struct health_batch *out)
{
	struct plane *p = arg;
	balance_thread_report(p->node.balance, after, room, a, out);
}

static void on_health_changed(void *arg)
{
	struct plane *p = arg;
	if (p->subscriber)
		subscriber_health_changed(p->subscriber);
}

static bool counter_news(void *arg, counter_news_fn fn, void *fn_arg)
{
	struct plane *p = arg;
	return counters_news(p->node.shared_counters, &p->told_shard, clock_mono_coarse_ms(), fn, fn_arg);
}

static void tell_counters_again(void *arg, struct slice key)
{
	counters_tell_again(((struct plane *)arg)->node.shared_counters, key);
}

static void learn_counter(void *arg, struct slice key, int64_t others)
{
	counters_learn(((struct plane *)arg)->node.shared_counters, key, others);
}

static void tell_about(void *arg, Gatehouse__Sync__Poll *poll)
{
	struct plane *p = arg;

	p->load = (struct node_load){0};
	for (unsigned i = 0; i < p->worker_count; i++)
		load_add(&p->load, worker_load(p->workers[i]));
	node_load_tell(&p->load, &p->told_load);
	poll->load = &p->told_load;
	poll->labels = p->labels;
	poll->n_labels = p->label_count;
}

/* Checked when the settings were read. */
static void read_labels(struct plane *p)
{
	struct slice rest = p->settings.cluster_dp_labels;

	p->label_count = 0;
	while (slice_is_set(rest) && p->label_count < NODE_LABELS_MAX)
		p->labels[p->label_count++] = arena_cstr(&p->arena, slice_trim(slice_cut(&rest, ',')));
}

static bool start_subscriber(struct plane *p, struct err *e)
{
	p->counting = (struct counter_source){counter_news, tell_counters_again, learn_counter, p};
	p->subscriber = subscriber_start(p->loop, &p->settings, p->replica, e);
	if (!p->subscriber)
		return false;
	subscriber_carry_out(p->subscriber, order_handlers, p);
	subscriber_report_health(p->subscriber, report_health, p);
	subscriber_share_counters(p->subscriber, &p->counting);
	read_labels(p);
	subscriber_tell_about(p->subscriber, tell_about, p);
	return true;
}

static void use_renewed(void *arg)
{
	struct plane *p = arg;

	p->cluster_cert_expiry_s = cert_expiry_s(p->settings.cluster_cert);
	if (p->subscriber)
		subscriber_use_certs(p->subscriber, &p->settings);
}

static void on_renewed(void *arg)
{
	struct plane *p = arg;
	loop_post(p->loop, use_renewed, p);
}

static bool start_renewal(struct plane *p, struct err *e)
{
	const struct settings *s = &p->settings;

	if (!p->subscriber || slice_eq(s->cluster_control_plane, S("ipc")) || s->cluster_cert_renew_days == 0)
		return true;
	p->renewal = renewal_start(s, on_renewed, p, e);
	return p->renewal != NULL;
}

static void follow_again(void *arg)
{
	struct plane *p = arg;
	struct err e;

	log_error("the reload failed, everything goes on as before");
	successor_free(p->successor);
	p->successor = NULL;
	if (!start_subscriber(p, &e) || !start_renewal(p, &e))
		log_error("cannot follow the control plane any more", LOG_STR("error", e.message));
}

/* Settings that would not do are found out while there is still somebody to serve. */
static bool are_settings_well(const struct plane *p)
{
	struct arena a;
	struct settings s;
	struct err e;

	arena_init(&a);
	bool ok = settings_load(&a, p->conf, &s, &e);
	if (!ok)
		log_error("nothing is reloaded: the settings are not well", LOG_STR("error", e.message));
	arena_fini(&a);
	return ok;
}

/* A successor with the settings of now takes our sockets, and our place with the control plane. */
static void reload(struct plane *p)
{
	struct err e;

	if (p->successor || p->drain_until_ms || !are_settings_well(p))
		return;
	log_notice("reloading");
	renewal_stop(p->renewal); /* the successor has its own */
	p->renewal = NULL;
	subscriber_stop(p->subscriber); /* two of one name would confuse the control plane */
	p->subscriber = NULL;
	p->successor = successor_start(p->loop, p->argv, TAKE_OVER_MS, follow_again, p, &e);
	if (p->successor)
		return;
	log_error(e.message);
	follow_again(p);
}

static void on_hangup(evutil_socket_t number, short what, void *arg)
{
	struct plane *p = arg;

	on_reopen(number, what, arg);
	if (p->feed) /* what is a file is read again */
		document_feed_reload(p->feed);
	else if (handover_is_supervised())
		reload(p);
}

static void catch_signals(struct plane *p)
{
	static const int stops[] = {SIGTERM, SIGINT, SIGQUIT};
	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < 3; i++)
		p->signals[i] = evsignal_new(p->loop->base, stops[i], on_stop, p);
	p->signals[3] = evsignal_new(p->loop->base, SIGHUP, on_hangup, p);
	p->signals[4] = evsignal_new(p->loop->base, SIGUSR1, on_reopen, p);
	for (int i = 0; i < 5; i++)
		event_add(p->signals[i], NULL);
}

/* ---- starting -------------------------------------------------------------------------------------------------- */

static void pid_path(const struct plane *p, char *out, size_t size)
{
	snprintf(out, size, "%.*s/pids/gatehouse-dp.pid", SLICE_ARG(p->settings.prefix));
}

static bool write_pid(const struct plane *p, struct err *e)
{
	char path[PATH_MAX], dir[PATH_MAX], text[24];
	snprintf(dir, sizeof dir, "%.*s/pids", SLICE_ARG(p->settings.prefix));
	pid_path(p, path, sizeof path);
	snprintf(text, sizeof text, "%d\n", (int)getpid());
	return file_make_dirs(dir, 0755, e) && file_replace(path, slice_cstr(text), 0644, e);
}

static unsigned workers_wanted(const struct settings *s)
{
	long n = s->nginx_worker_processes ? (long)s->nginx_worker_processes : sysconf(_SC_NPROCESSORS_ONLN);
	return n < 1 ? 1 : n > WORKERS_MAX ? WORKERS_MAX : (unsigned)n;
}

static void rotate_tickets(void *arg)
{
	struct plane *p = arg;
	front_rotate(p->node.front);
}

static bool make_front(struct plane *p, struct err *e)
{
	if (!p->node.addresses.any_ssl)
		return true;
	p->node.front = front_new(&p->settings, e);
	if (!p->node.front)
		return err_prefix(e, "listening with ssl");
	if (front_rotate_ms(p->node.front))
		p->tickets_timer = loop_timer_new(p->loop, front_rotate_ms(p->node.front), true, rotate_tickets, p);
	return true;
}

/* What plugins share beside counters: the cache, names and Redis. */
static bool make_shared(struct plane *p, struct err *e)
{
	if (!settings_size(p->settings.mem_cache_size, &p->cache_bytes_max))
		return err_set(e, "mem_cache_size is '%.*s', expected a size such as 512k or 128m",
		        SLICE_ARG(p->settings.mem_cache_size));
	char *node_id = arena_alloc(&p->arena, UUID_TEXT + 1);
	if (!node_id_load(&p->settings, node_id, e))
		return false;
	p->node.node_id = slice_of(node_id, UUID_TEXT);
	p->node.cache = cache_new((size_t)p->cache_bytes_max);
	struct dns_options dns = dns_options_of(&p->settings);
	p->dns = dns_new(p->loop, &dns, e);
	if (!p->dns)
		return false;
	p->node.redis = redis_set_new(&(struct dialer){p->loop, p->dns, p->node.outward});
	return true;
}

static bool start_workers(struct plane *p, struct err *e)
{
	if (!addresses_read(&p->node.addresses, &p->arena, &p->settings, e) || !make_front(p, e))
		return false;
	p->node.settings = &p->settings;
	p->node.access_log = &p->access_log;
	p->node.stream_log = &p->stream_log;
	p->cluster_cert_expiry_s = cert_expiry_s(p->settings.cluster_cert);
	p->node.options = &p->options;
	p->node.counters = counters_new();
	if (!make_shared(p, e))
		return false;
	for (unsigned n = workers_wanted(&p->settings); p->worker_count < n; p->worker_count++) {
		p->workers[p->worker_count] = worker_start(&p->node, p->worker_count, e);
		if (!p->workers[p->worker_count])
			return false;
	}
	return true;
}

static bool start_configuration(struct plane *p, struct err *e)
{
	p->node.shared_counters = counters_new(); /* the subscriber tells of them */
	p->secrets = secrets_new(&p->settings);
	p->secrets_timer = loop_timer_new(p->loop, SECRETS_REFRESH_MS, true, refresh_secrets, p);
	p->replica = replica_new(apply, p);
	replica_prepare(p->replica, settle_secrets, p);
	if (p->document)
		p->feed = document_feed_start(p->document, &p->settings, p->replica, &p->why);
	else
		start_subscriber(p, e);
	return p->feed || p->subscriber;
}

/* Who serves no streams has no log of them: by default it is the file of the requests. */
static struct slice stream_log_of(const struct settings *s)
{
	bool none = s->stream_listen.len == 0 || slice_eq(s->stream_listen, S("off"));

	return none ? S("off") : s->proxy_stream_access_log;
}

static bool start(struct plane *p, struct err *e)
{
	const struct settings *s = &p->settings;

	if (!log_setup(s, s->proxy_error_log, e) ||
	        !access_log_open(&p->access_log, s, "proxy_access_log", s->proxy_access_log, e) ||
	        !access_log_open(&p->stream_log, s, "proxy_stream_access_log", stream_log_of(s), e) ||
	        !access_log_open(&p->status_log, s, "status_access_log", s->status_access_log, e))
		return false;
	file_limit_raise();
	if (!s->core_dumps)
		dumps_forbid();
	route_use_flavor(s->router_flavor);
	record_forget_texts(true);
	template_allow_lua(!slice_eq(s->untrusted_lua, S("off")));
	p->loop = p->memory.loop = loop_new(e);
	if (!p->loop || !proxy_options_init(&p->options, s, &p->arena, e))
		return false;
	catch_signals(p);
	p->node.board = lease_board_new(p->loop);
	p->node.outward = outward_new(s, e);
	if (!p->node.outward)
		return false;
	p->node.balance = balance_thread_start(s, p->node.outward, p->loop, on_health_changed, p, e);
	if (!p->node.balance)
		return false;
	if (!start_configuration(p, e) || !start_workers(p, e))
		return false;
	p->status = status_start(p->loop, s->status_listen, &p->status_log, fill_report, p, e);
	if (!p->status || !start_renewal(p, e) || !write_pid(p, e))
		return false;
	handover_complete(p->loop);
	return true;
}

static void end(struct plane *p)
{
	char path[PATH_MAX];
	if (p->status)
		status_stop(p->status);
	renewal_stop(p->renewal);
	subscriber_stop(p->subscriber);
	document_feed_stop(p->feed);
	for (unsigned i = 0; i < p->worker_count; i++)
		worker_stop(p->workers[i]);
	balance_thread_stop(p->node.balance);
	loop_timer_free(p->secrets_timer);
	loop_timer_free(p->tickets_timer);
	front_free(p->node.front);
	if (p->replica)
		replica_free(p->replica);
	secrets_free(p->secrets);
	if (p->node.board)
		lease_board_free(p->node.board);
	balance_thread_free(p->node.balance);
	if (p->node.counters)
		counters_free(p->node.counters);
	if (p->node.shared_counters)
		counters_free(p->node.shared_counters);
	if (p->node.redis)
		redis_set_free(p->node.redis);
	if (p->dns)
		dns_free(p->dns);
	cache_free(p->node.cache);
	outward_free(p->node.outward);
	access_log_close(&p->access_log);
	access_log_close(&p->stream_log);
	access_log_close(&p->status_log);
	for (int i = 0; i < 5; i++)
		if (p->signals[i])
			event_free(p->signals[i]);
	loop_timer_free(p->drain);
	memory_fini(&p->memory);
	successor_free(p->successor);
	if (p->loop)
		loop_free(p->loop);
	if (!p->successor) { /* else it is the successor's */
		pid_path(p, path, sizeof path);
		unlink(path);
	}
	arena_fini(&p->arena);
}

static void print_help(FILE *out)
{
	fputs("gatehouse-dp: a data plane of Gatehouse: proxies requests as its control plane, or a file, says\n\n"
	      "usage: gatehouse-dp [--conf FILE] [--document FILE] [--version] [--help]\n\n"
	      "  --conf FILE, -c FILE   settings (key = value); without it the usual places are looked at\n"
	      "  --document FILE        take the configuration from this YAML or JSON file, without a control plane\n"
	      "  --version              print the release and exit\n"
	      "  --help                 print this and exit\n\n"
	      "Signals: TERM, INT and QUIT finish what is under way and stop; HUP reads the document again and reopens\n"
	      "the log files. Settings come from FILE, GATEHOUSE_* and KONG_*; see deploy/README.md.\n",
	        out);
}

/* -1: go on; else the exit code. */
static int read_options(int argc, char **argv, const char **conf, const char **document)
{
	static const struct option options[] = {{"conf", required_argument, NULL, 'c'},
	        {"document", required_argument, NULL, 'd'}, {"version", no_argument, NULL, 'v'},
	        {"help", no_argument, NULL, 'h'}, {0}};
	int option;

	while ((option = getopt_long(argc, argv, "c:d:vh", options, NULL)) >= 0) {
		switch (option) {
		case 'c': *conf = optarg; break;
		case 'd': *document = optarg; break;
		case 'v': puts("gatehouse-dp " GATEHOUSE_RELEASE); return 0;
		case 'h': print_help(stdout); return 0;
		default: fputs("gatehouse-dp: --help shows what it understands\n", stderr); return 64;
		}
	}
	if (optind == argc)
		return -1;
	fprintf(stderr, "gatehouse-dp: unexpected argument \"%s\"; --help shows what it understands\n", argv[optind]);
	return 64;
}

int main(int argc, char **argv)
{
	static struct plane plane;
	const char *conf = NULL;
	struct err e = {""};
	int code = read_options(argc, argv, &conf, &plane.document);

	if (code >= 0)
		return code;
	memory_init();
	tls_memory_init();
	log_init("gatehouse-dp");
	arena_init(&plane.arena);
	plane.argv = argv;
	plane.conf = conf;
	if (!settings_load(&plane.arena, conf, &plane.settings, &e) || !objects_load(plane.settings.plugin_dir, &e) ||
	        !start(&plane, &e)) {
		fprintf(stderr, "gatehouse-dp: %s\n", plane.why.len > 0 ? text_cstr(&plane.why) : e.message);
		return 1;
	}
	log_notice("started", LOG_STR("release", GATEHOUSE_RELEASE),
	        LOG_SLICE("proxy_listen", plane.settings.proxy_listen), LOG_INT("workers", plane.worker_count));
	loop_run(plane.loop);
	end(&plane);
	log_notice("stopped");
	return 0;
}
