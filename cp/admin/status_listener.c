/* status_listener: see status_listener.h. */
#include "cp/admin/status_listener.h"

#include <stdlib.h>

#include "common/serve/node_metrics.h"
#include "common/serve/status_server.h"
#include "cp/admin/admin_server.h"
#include "cp/admin/metrics.h"
#include "cp/publish/publish.h"
#include "cp/store/memory.h"

enum { SILENCE_MS = 5000 }; /* the feed asks the database every second */

struct status_listener {
	const struct settings *settings;
	const struct publish *publish;
	const struct admin_server *admin;
	struct access_log log;
	struct status_server *server;
	bool is_draining;
};

static bool is_store_reachable(const struct status_listener *sl, const struct publish_status *status)
{
	return is_without_database(sl->settings) || status->read_ms_ago < SILENCE_MS;
}

static void show_ready(void *arg, struct stream *s, const struct uri *uri)
{
	struct status_listener *sl = arg;
	struct publish_status status;

	(void)uri;
	publish_status(sl->publish, &status);
	if (sl->is_draining)
		status_answer_message(s, 503, "draining");
	else if (!is_store_reachable(sl, &status))
		status_answer_message(s, 503, "failed to connect to database");
	else if (!status.epoch[0])
		status_answer_message(s, 503, "no configuration available (configuration hash is not initialized)");
	else
		status_answer_message(s, 200, "ready");
}

static void end_ready(void *arg, struct stream *s, struct slice body)
{
	if (!status_says_draining(s, body))
		return;
	status_listener_drain(arg);
	status_answer_text(s, 204, S(""), S(""));
}

static void show_metrics(void *arg, struct stream *s, const struct uri *uri)
{
	struct status_listener *sl = arg;
	struct publish_status status;
	struct server_stats stats = admin_server_stats(sl->admin);
	struct text out = {0};

	(void)uri;
	publish_status(sl->publish, &status);
	struct node_facts facts = {.node_id = admin_server_node_id(sl->admin),
	        .server = &stats,
	        .is_store_reachable = is_store_reachable(sl, &status)};
	metrics_of_control_plane(&out, &facts);
	status_answer_text(s, 200, S(NODE_METRICS_TYPE), text_slice(&out));
	text_fini(&out);
}

static const struct status_endpoint endpoints[] = {
        {SLICE("GET"), SLICE("/status/live"), false, status_show_live, NULL},
        {SLICE("GET"), SLICE("/status/ready"), false, show_ready, NULL},
        {SLICE("POST"), SLICE("/status/ready"), false, NULL, end_ready},
        {SLICE("GET"), SLICE("/metrics"), false, show_metrics, NULL},
};

struct status_listener *status_listener_start(struct loop *l, const struct settings *s, const struct publish *p,
        const struct admin_server *admin, struct err *e)
{
	struct status_listener *sl = calloc(1, sizeof *sl);

	if (!sl)
		abort();
	*sl = (struct status_listener){.settings = s, .publish = p, .admin = admin};
	if (access_log_open(&sl->log, s, "status_access_log", s->status_access_log, e))
		sl->server = status_server_start(
		        l, s->status_listen, &sl->log, endpoints, sizeof endpoints / sizeof *endpoints, sl, e);
	if (sl->server)
		return sl;
	status_listener_free(sl);
	return NULL;
}

void status_listener_drain(struct status_listener *sl)
{
	if (sl)
		sl->is_draining = true;
}

void status_listener_reopen_logs(struct status_listener *sl)
{
	if (sl)
		access_log_reopen(&sl->log);
}

void status_listener_free(struct status_listener *sl)
{
	if (!sl)
		return;
	status_server_stop(sl->server);
	access_log_close(&sl->log);
	free(sl);
}
