/* node_metrics: see node_metrics.h. */
#include "common/serve/node_metrics.h"

#include <stdio.h>
#include <unistd.h>

#include "common/core/release.h"
#include "common/serve/node_status.h"

void metrics_family(struct text *out, const char *name, enum metric_kind kind, const char *help)
{
	static const char *const kinds[] = {"counter", "gauge", "histogram"};
	text_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kinds[kind]);
}

void metrics_line(struct text *out, const char *name, const char *suffix, struct slice labels, uint64_t value)
{
	text_puts(out, name);
	text_puts(out, suffix);
	if (labels.len) {
		text_putc(out, '{');
		text_put(out, labels);
		text_putc(out, '}');
	}
	text_putc(out, ' ');
	text_put_int(out, (int64_t)value);
	text_putc(out, '\n');
}

/* Labels that begin with the node's id. */
static void put_of_node(struct text *out, const char *name, struct slice node_id, const char *more, uint64_t value)
{
	struct text labels = {0};
	metric_label(&labels, "node_id", node_id);
	text_puts(&labels, more);
	metrics_line(out, name, "", text_slice(&labels), value);
	text_fini(&labels);
}

static void put_connections(struct text *out, const struct node_facts *n)
{
	static const char name[] = "kong_nginx_connections_total";
	const struct server_stats *s = n->server;
	const struct {
		const char *labels;
		uint64_t value;
	} states[] = {{",subsystem=\"http\",state=\"accepted\"", s->accepted},
	        {",subsystem=\"http\",state=\"active\"", s->active},
	        {",subsystem=\"http\",state=\"handled\"", s->handled},
	        {",subsystem=\"http\",state=\"reading\"", s->reading},
	        {",subsystem=\"http\",state=\"total\"", s->requests},
	        {",subsystem=\"http\",state=\"waiting\"", s->waiting},
	        {",subsystem=\"http\",state=\"writing\"", s->writing}};

	metrics_family(out, name, METRIC_GAUGE, "Number of connections by subsystem");
	for (size_t i = 0; i < sizeof states / sizeof *states; i++)
		put_of_node(out, name, n->node_id, states[i].labels, states[i].value);
}

static void put_jobs(struct text *out, const struct node_facts *n)
{
	static const char name[] = "kong_nginx_timers";
	metrics_family(out, name, METRIC_GAUGE, "Work besides requests: deliveries under way, entries that wait");
	metrics_line(out, name, "", S("state=\"pending\""), n->jobs_waiting);
	metrics_line(out, name, "", S("state=\"running\""), n->jobs_running);
}

static void put_process(struct text *out, const struct node_facts *n, uint64_t bytes)
{
	static const char name[] = "kong_memory_workers_lua_vms_bytes";
	char labels[64];
	snprintf(labels, sizeof labels, ",pid=\"%d\",kong_subsystem=\"http\"", (int)getpid());
	metrics_family(out, name, METRIC_GAUGE, "Resident memory of the process in bytes");
	put_of_node(out, name, n->node_id, labels, bytes);
}

void node_metrics(struct text *out, const struct node_facts *n)
{
	uint64_t total, resident;
	node_memory(&total, &resident);
	metrics_family(out, "kong_node_info", METRIC_GAUGE, "Kong Node metadata information");
	put_of_node(out, "kong_node_info", n->node_id, ",version=\"" GATEHOUSE_RELEASE "\"", 1);
	put_connections(out, n);
	metrics_family(out, "kong_nginx_requests_total", METRIC_GAUGE, "Total number of requests by subsystem");
	put_of_node(out, "kong_nginx_requests_total", n->node_id, ",subsystem=\"http\"", n->server->requests);
	put_jobs(out, n);
	metrics_family(out, "kong_datastore_reachable", METRIC_GAUGE,
	        "Whether the database, or of a data plane the control plane, can be reached: 0 or 1");
	metrics_line(out, "kong_datastore_reachable", "", S(""), n->is_store_reachable);
	put_process(out, n, resident);
}

void node_metrics_zones(struct text *out, struct slice node_id, const struct node_zone *zones, size_t count)
{
	static const char used[] = "kong_memory_lua_shared_dict_bytes",
	                  all[] = "kong_memory_lua_shared_dict_total_bytes";
	char labels[128];

	metrics_family(out, used, METRIC_GAUGE, "Bytes that are in use in a zone of memory");
	for (size_t i = 0; i < count; i++) {
		snprintf(labels, sizeof labels, ",shared_dict=\"%s\",kong_subsystem=\"http\"", zones[i].name);
		put_of_node(out, used, node_id, labels, zones[i].used);
	}
	metrics_family(out, all, METRIC_GAUGE, "Bytes that a zone of memory may have");
	for (size_t i = 0; i < count; i++) {
		snprintf(labels, sizeof labels, ",shared_dict=\"%s\",kong_subsystem=\"http\"", zones[i].name);
		put_of_node(out, all, node_id, labels, zones[i].total);
	}
}
