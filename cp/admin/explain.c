/* explain: what would become of a request (users.md 2.6), by the configuration that a data plane serves now. The
 * control plane routes nothing: it asks one of its data planes by an order (cp/publish/orders.h), which answers as
 * its status listener does (dp/status/explain.h). */
#include "common/http/uri.h"
#include "cp/admin/errors.h"
#include "cp/admin/info.h"
#include "cp/publish/nodes.h"
#include "cp/publish/orders.h"

enum { ANSWER_MS = 2000 };

/* The query without its argument dp. */
static json_t *question(const struct admin_call *c, const char *node)
{
	struct slice target = c->request->target, rest, name, value;
	struct text query = {0};

	slice_cut(&target, '?');
	rest = slice_is_set(target) ? target : S("");
	while (query_next(&rest, &name, &value)) {
		if (slice_eq(name, S("dp")))
			continue;
		text_printf(&query, "%s%.*s", query.len ? "&" : "", SLICE_ARG(name));
		if (slice_is_set(value))
			text_printf(&query, "=%.*s", SLICE_ARG(value));
	}
	json_t *out = json_pack("{s:s,s:s}", "node", node, "query", text_cstr(&query));
	text_fini(&query);
	return out;
}

static bool is_meant(const json_t *node, struct slice wanted)
{
	if (!slice_is_set(wanted))
		return true;
	return slice_eq(slice_cstr(json_string_value(json_object_get(node, "id"))), wanted) ||
	       slice_eq(slice_cstr(json_string_value(json_object_get(node, "hostname"))), wanted);
}

/* The first that is connected, to whichever control plane, and is meant: its id, on the arena; NULL: there is none.
 */
static const char *choose(struct admin_call *c, struct slice wanted)
{
	json_t *all = json_array(), *node;
	const char *chosen = NULL;
	size_t i;

	nodes_list(all);
	json_array_foreach(all, i, node)
	{
		const char *id = json_string_value(json_object_get(node, "id"));
		if (!chosen && json_is_true(json_object_get(node, "connected")) && is_meant(node, wanted))
			chosen = arena_printf(c->arena, "%s", id).ptr;
	}
	json_decref(all);
	return chosen;
}

static void answer_with(struct admin_call *c, const json_t *result, const char *node)
{
	json_t *body = json_object_get(result, "body");

	c->response->status = (int)json_integer_value(json_object_get(result, "status"));
	c->response->json = json_incref(body);
	if (c->response->status == 200)
		json_object_set_new(body, "data_plane", json_string(node));
}

void admin_explain(struct admin_call *c)
{
	struct slice wanted = {0};
	bool is_named = admin_query(c->request, S("dp"), &wanted);
	const char *node = choose(c, wanted);

	if (!node && is_named)
		admin_fail(
		        c, 404, "no data plane that is connected has the id or host name '%.*s'", SLICE_ARG(wanted));
	if (!node && !is_named)
		admin_fail(c, 503, "no data plane is connected, so nobody can be asked");
	if (!node)
		return;
	json_t *payload = question(c, node), *one; /* NULL: bytes that are no UTF-8 */
	json_t *results = payload ? orders_give("explain", payload, ANSWER_MS, NULL) : NULL;
	size_t i;

	json_array_foreach(results, i, one) if (json_is_object(one)) answer_with(c, one, node);
	if (!results)
		admin_fail(
		        c, 400, "the query must be percent-encoded, and at most %d bytes long", ORDERS_PAYLOAD_MAX);
	else if (!c->response->status)
		admin_fail(c, 503, "data plane %s has not answered within %d s; try again, or another with dp=NAME",
		        node, ANSWER_MS / 1000);
	json_decref(payload);
	json_decref(results);
}
