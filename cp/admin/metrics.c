/* metrics: GET /metrics of the Admin API (admin-api.md 8.4, proxy.md 11.5). Where both planes run on one machine
 * (role traditional) it is the text of the node's data plane, fetched from its status listener: requests pass there.
 * A control plane tells of itself and of when it heard from which data plane. */
#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/core/release.h"
#include "common/http/h1_parse.h"
#include "common/net/listener.h"
#include "cp/admin/errors.h"
#include "cp/admin/info.h"
#include "cp/admin/metrics.h"
#include "cp/publish/publish.h"
#include "cp/store/memory.h"

enum { SILENCE_S = 5, READ_SIZE = 65536, TEXT_MAX = 256 << 20 };

static void answer(struct admin_call *c, struct slice text)
{
	c->response->status = 200;
	c->response->type = S(NODE_METRICS_TYPE);
	c->response->text = arena_dup(c->arena, text);
}

/* ---- the node's data plane ------------------------------------------------------------------------------------- */

static int dial(const struct listen_spec *to)
{
	struct timeval silence = {.tv_sec = SILENCE_S};
	int fd = socket(to->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof silence);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &silence, sizeof silence);
	if (connect(fd, (const struct sockaddr *)&to->address, to->address_len) == 0)
		return fd;
	int why = errno;
	close(fd);
	errno = why;
	return -1;
}

/* All until the peer closes, as it is asked to. */
static bool ask(int fd, struct text *in)
{
	static const char request[] = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
	if (send(fd, request, sizeof request - 1, MSG_NOSIGNAL) != sizeof request - 1)
		return false;
	for (;;) {
		ssize_t n = recv(fd, text_reserve(in, READ_SIZE), READ_SIZE, 0);
		if (n <= 0 || in->len > TEXT_MAX)
			return n == 0;
		in->len += (size_t)n;
		in->ptr[in->len] = '\0';
	}
}

static bool body_of(struct arena *a, const struct text *in, struct slice *body)
{
	struct head h;
	struct h1_error why;
	size_t used;
	head_init(&h, a);
	if (h1_parse_response(in->ptr, in->len, &h1_default_limits, S("GET"), &h, &used, &why) != H1_DONE)
		return false;
	*body = slice_of(in->ptr + used, in->len - used);
	return h.status == 200 && h.content_length == (int64_t)body->len;
}

static void relay(struct admin_call *c, const struct listen_spec *from)
{
	struct text in = {0};
	struct slice body;
	int fd = dial(from);

	if (fd >= 0 && ask(fd, &in) && in.len && body_of(c->arena, &in, &body))
		answer(c, body);
	else
		admin_fail(c, 503, "the data plane of this machine does not answer at %.*s (status_listen)",
		        SLICE_ARG(from->text));
	text_fini(&in);
	if (fd >= 0)
		close(fd);
}

static void tell_of_data_plane(struct admin_call *c)
{
	struct listen_spec *specs;
	size_t n = 0;
	struct err e;
	if (listen_parse(c->arena, c->env->settings->status_listen, &specs, &n, &e))
		for (size_t i = 0; i < n; i++)
			if (!specs[i].ssl) {
				relay(c, &specs[i]);
				return;
			}
	admin_fail(c, 503, "status_listen has no address without ssl, and the data plane tells its metrics there");
}

/* ---- a control plane ------------------------------------------------------------------------------------------- */

static const char *member(const json_t *node, const char *name)
{
	const char *text = json_string_value(json_object_get(node, name));
	return text ? text : "";
}

static uint64_t last_seen(const json_t *node)
{
	return (uint64_t)json_integer_value(json_object_get(node, "last_seen"));
}

/* As a number, of which a double holds every digit. */
static uint64_t config_hash(const json_t *node)
{
	char digits[14] = "";
	strncpy(digits, member(node, "config_hash"), sizeof digits - 1);
	return strtoull(digits, NULL, 16);
}

/* What speaks another protocol is not let in. */
static uint64_t is_compatible(const json_t *node)
{
	(void)node;
	return 1;
}

static void put_nodes(struct text *out, const json_t *nodes, const char *name, const char *help,
        uint64_t (*value)(const json_t *node), bool with_version)
{
	const json_t *node;
	size_t i;
	if (json_array_size(nodes) > 0)
		metrics_family(out, name, METRIC_GAUGE, help);
	json_array_foreach(nodes, i, node)
	{
		struct text labels = {0};
		metric_label(&labels, "node_id", slice_cstr(member(node, "id")));
		metric_label(&labels, "hostname", slice_cstr(member(node, "hostname")));
		metric_label(&labels, "ip", slice_cstr(member(node, "ip")));
		if (with_version)
			metric_label(&labels, "kong_version", slice_cstr(member(node, "version")));
		metrics_line(out, name, "", text_slice(&labels), value(node));
		text_fini(&labels);
	}
}

void metrics_of_control_plane(struct text *out, const struct node_facts *facts)
{
	json_t *nodes = json_array();

	node_metrics(out, facts);
	publish_nodes(nodes);
	put_nodes(out, nodes, "kong_data_plane_last_seen",
	        "When a data plane was last heard of, in seconds since 1970", last_seen, false);
	put_nodes(out, nodes, "kong_data_plane_config_hash", "Hash of the configuration that a data plane has",
	        config_hash, false);
	put_nodes(out, nodes, "kong_data_plane_version_compatible",
	        "Whether a data plane's release goes with the control plane's", is_compatible, true);
	json_decref(nodes);
}

static void tell_of_control_plane(struct admin_call *c)
{
	struct text out = {0};
	struct node_facts facts = {.node_id = slice_cstr(c->env->node_id),
	        .server = &c->stats,
	        .is_store_reachable = is_without_database(c->env->settings) || store_ping(c->store)};

	metrics_of_control_plane(&out, &facts);
	answer(c, text_slice(&out));
	text_fini(&out);
}

void admin_metrics(struct admin_call *c)
{
	if (slice_eq(c->env->settings->role, S("control_plane")))
		tell_of_control_plane(c);
	else
		tell_of_data_plane(c);
}
