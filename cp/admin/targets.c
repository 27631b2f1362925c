/* targets: lists newest first. The store pages by id, so a list reads all targets of its upstream; there are
 * hundreds, not millions, and the offset is the number of rows already seen. */
#include "cp/admin/targets.h"

#include <stdlib.h>

#include "common/entity/target.h"
#include "common/entity/upstream.h"
#include "common/http/uri.h"
#include "common/sync/target_health.h"
#include "cp/admin/crud.h"
#include "cp/admin/errors.h"
#include "cp/admin/list.h"
#include "cp/admin/rules.h"
#include "cp/publish/orders.h"
#include "cp/publish/target_health.h"

struct rows {
	json_t **items;
	size_t len, cap;
};

static bool keep_row(const json_t *row, void *arg)
{
	struct rows *rows = arg;

	if (rows->len == rows->cap) {
		rows->cap = rows->cap ? rows->cap * 2 : 64;
		rows->items = realloc(rows->items, rows->cap * sizeof *rows->items);
		if (!rows->items)
			abort();
	}
	rows->items[rows->len++] = json_incref((json_t *)row);
	return true;
}

static void rows_fini(struct rows *rows)
{
	for (size_t i = 0; i < rows->len; i++)
		json_decref(rows->items[i]);
	free(rows->items);
}

static int newest_first(const void *a, const void *b)
{
	const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
	double tx = json_number_value(json_object_get(x, "created_at"));
	double ty = json_number_value(json_object_get(y, "created_at"));

	if (tx != ty)
		return tx < ty ? 1 : -1;
	return strcmp(json_string_value(json_object_get(y, "id")), json_string_value(json_object_get(x, "id")));
}

static bool read_offset(struct admin_call *c, size_t *out)
{
	struct slice text;
	int64_t n = 0;

	if (admin_query(c->request, S("offset"), &text) && (!slice_to_int(text, &n) || n < 0)) {
		admin_bad_page(c, 7, "'%.*s' is not a valid offset: expected a count", SLICE_ARG(text));
		return false;
	}
	*out = (size_t)n;
	return true;
}

typedef json_t *(*render_fn)(struct admin_call *c, const json_t *target, void *arg);

static json_t *render_plain(struct admin_call *c, const json_t *target, void *arg)
{
	return admin_render(c, &target_schema, target);
}

/* One page of the upstream's targets, newest first. */
static void answer_page(struct admin_call *c, const struct store_scope *scope, render_fn render, void *arg)
{
	struct rows rows = {0};
	int64_t size;
	size_t from;

	if (!admin_list_size(c, true, &size) || !read_offset(c, &from))
		return;
	if (admin_each_row(c, &target_schema, scope, (struct page){0}, keep_row, &rows)) {
		json_t *data = json_array();
		size_t end = from < rows.len && rows.len - from > (size_t)size ? from + (size_t)size : rows.len;
		if (rows.len > 0)
			qsort(rows.items, rows.len, sizeof *rows.items, newest_first);
		for (size_t i = from; i < end; i++)
			json_array_append_new(data, render(c, rows.items[i], arg));
		struct slice next = end < rows.len ? arena_printf(c->arena, "%zu", end) : (struct slice){0};
		admin_list_answer(c, data, next, S(""));
	}
	rows_fini(&rows);
}

static bool list(struct admin_call *c, const struct store_scope *scope)
{
	answer_page(c, scope, render_plain, NULL);
	return true;
}

const struct admin_rules admin_target_rules = {
        .kind = "targets", .only_nested = true, .put_is_patch = true, .list = list};

/* ---- /upstreams/:u/... ----------------------------------------------------------------------------------------- */

static void aim_at_targets(struct admin_call *c)
{
	c->target = (struct admin_target){.shape = SHAPE_NESTED_COLLECTION,
	        .kind = &target_schema,
	        .outer = &upstream_schema,
	        .outer_key = c->params[0],
	        .reference = schema_reference_to(&target_schema, "upstreams")};
}

void admin_targets_all(struct admin_call *c)
{
	struct page page = {0};
	struct store_scope scope;
	struct fault f = {0};
	struct uuid id;
	bool more;

	aim_at_targets(c);
	if (!admin_find_scope(c, &scope, &id) || !admin_list_size(c, false, &page.size) ||
	        !admin_list_offset(c, &page.after))
		return;
	json_t *rows = store_list(c->store, &target_schema, &scope, &page, &more, &f);
	if (!rows) {
		admin_fault(c, &f, NULL);
		return;
	}
	json_t *data = json_array(), *row;
	size_t i;
	json_array_foreach(rows, i, row) json_array_append_new(data, admin_render(c, &target_schema, row));
	const char *last = json_string_value(json_object_get(json_array_get(rows, i ? i - 1 : 0), "id"));
	admin_list_answer(c, data, more ? admin_offset_encode(c->arena, slice_cstr(last)) : (struct slice){0}, S(""));
	json_decref(rows);
}

/* ---- health: what data planes say (7.2) ------------------------------------------------------------------------ */

/* One upstream as each data plane sees it. */
struct seen {
	struct target_health_row *rows;
	size_t count; /* 0: nobody says anything */
	bool checked; /* by its own definition */
};

static double number_at(const json_t *object, const char *a, const char *b, const char *d)
{
	return json_number_value(json_object_get(json_object_get(json_object_get(object, a), b), d));
}

/* healthchecks_are_used() of a row. */
static bool has_checks(const json_t *upstream)
{
	const json_t *checks = json_object_get(upstream, "healthchecks");
	static const char *const failures[] = {"tcp_failures", "timeouts", "http_failures"};

	if (number_at(checks, "active", "healthy", "interval") > 0 ||
	        number_at(checks, "active", "unhealthy", "interval") > 0)
		return true;
	for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++)
		if (number_at(checks, "passive", "unhealthy", failures[i]) > 0)
			return true;
	return false;
}

static struct seen see(const json_t *upstream)
{
	struct uuid id = admin_row_id(upstream);
	struct seen s = {.checked = has_checks(upstream)};

	s.rows = target_health_of(&id, &s.count);
	return s;
}

/* Stands in for a data plane when there is none to ask: without checks the answer is known. */
static const Gatehouse__Sync__UpstreamHealth *unchecked(void)
{
	static const Gatehouse__Sync__UpstreamHealth u = GATEHOUSE__SYNC__UPSTREAM_HEALTH__INIT;

	return &u;
}

static json_t *unknown_data(const json_t *target)
{
	json_t *data = target_health_data(unchecked(), NULL, target);
	json_t *weight = json_object_get(target, "weight");

	json_object_del(data, "dns");
	json_object_set_new(
	        data, "weight", json_pack("{s:O, s:O, s:i}", "total", weight, "available", weight, "unavailable", 0));
	return data;
}

struct opinion {
	const char *word;
	const struct target_health_row *row;
	const Gatehouse__Sync__TargetHealth *target;
};

static int rank_of(const char *word)
{
	static const char *const words[] = {"HEALTHCHECKS_OFF", "HEALTHY", "DNS_ERROR", "UNHEALTHY"};

	for (int i = 0; i < 4; i++)
		if (strcmp(word, words[i]) == 0)
			return i;
	return 0;
}

/* What the data plane thinks that sees the target worst: that is what somebody has to look at. */
static struct opinion worst_of(const struct seen *s, const json_t *target)
{
	struct slice id = slice_cstr(json_string_value(json_object_get(target, "id")));
	struct opinion worst = {0};

	for (size_t i = 0; i < s->count; i++) {
		struct opinion one = {.row = &s->rows[i], .target = target_health_find(s->rows[i].health, id)};
		one.word = target_health_word(one.row->health, one.target, target);
		if (!worst.row || rank_of(one.word) > rank_of(worst.word))
			worst = one;
	}
	return worst;
}

/* For several data planes: what each of them thinks. */
static json_t *opinions(const struct seen *s, const json_t *target)
{
	struct slice id = slice_cstr(json_string_value(json_object_get(target, "id")));
	json_t *all = json_array();
	char node[UUID_TEXT + 1];

	for (size_t i = 0; i < s->count; i++) {
		const Gatehouse__Sync__UpstreamHealth *u = s->rows[i].health;
		const Gatehouse__Sync__TargetHealth *t = target_health_find(u, id);
		uuid_format(&s->rows[i].node, node);
		json_array_append_new(
		        all, json_pack("{s:s, s:s, s:s, s:o}", "id", node, "hostname", s->rows[i].hostname, "health",
		                     target_health_word(u, t, target), "data", target_health_data(u, t, target)));
	}
	return all;
}

/* With checks on, only data planes know: without any, health and data are left out (admin-api.md 7.2). */
static json_t *render_health(struct admin_call *c, const json_t *target, void *arg)
{
	const struct seen *s = arg;
	json_t *out = admin_render(c, &target_schema, target);
	struct opinion worst = worst_of(s, target);

	if (worst.row) {
		json_object_set_new(out, "health", json_string(worst.word));
		json_object_set_new(out, "data", target_health_data(worst.row->health, worst.target, target));
	} else if (!s->checked) {
		json_object_set_new(out, "health", json_string("HEALTHCHECKS_OFF"));
		json_object_set_new(out, "data", unknown_data(target));
	}
	if (s->count > 1)
		json_object_set_new(out, "data_planes", opinions(s, target));
	return out;
}

static bool add_row(const json_t *row, void *arg)
{
	return json_array_append(arg, (json_t *)row) == 0;
}

static json_t *unknown_balancer(const json_t *upstream, const json_t *targets)
{
	json_t *hosts = json_array(), *target;
	json_int_t total = 0;
	size_t i;

	json_array_foreach((json_t *)targets, i, target)
	{
		total += json_integer_value(json_object_get(target, "weight"));
		json_array_append_new(hosts, unknown_data(target));
	}
	return json_pack("{s:O, s:s, s:s, s:{s:b, s:{s:I, s:I, s:i}, s:o}}", "id", json_object_get(upstream, "id"),
	        "health", "HEALTHCHECKS_OFF", "balancer_health", "HEALTHY", "details", "healthy", 1, "weight",
	        "total", total, "available", total, "unavailable", 0, "hosts", hosts);
}

static json_t *balancer_opinions(const struct seen *s, const json_t *targets)
{
	json_t *all = json_array();
	char node[UUID_TEXT + 1];

	for (size_t i = 0; i < s->count; i++) {
		json_t *one = target_health_balancer(s->rows[i].health, targets);
		uuid_format(&s->rows[i].node, node);
		json_object_set_new(one, "id", json_string(node));
		json_object_set_new(one, "hostname", json_string(s->rows[i].hostname));
		json_array_append_new(all, one);
	}
	return all;
}

static json_t *balancer_data(const struct seen *s, const json_t *upstream, const json_t *targets)
{
	const Gatehouse__Sync__UpstreamHealth *worst = NULL;

	for (size_t i = 0; i < s->count; i++)
		if (!worst || (worst->healthy && !s->rows[i].health->healthy))
			worst = s->rows[i].health;
	if (!worst)
		return s->checked ? json_pack("{s:O}", "id", json_object_get(upstream, "id"))
		                  : unknown_balancer(upstream, targets);
	json_t *data = target_health_balancer(worst, targets);
	if (s->count > 1)
		json_object_set_new(data, "data_planes", balancer_opinions(s, targets));
	return data;
}

static void answer_balancer_health(
        struct admin_call *c, const struct store_scope *scope, const struct seen *s, const json_t *upstream)
{
	json_t *targets = json_array();

	if (admin_each_row(c, &target_schema, scope, (struct page){0}, add_row, targets)) {
		c->response->status = 200;
		c->response->json = json_pack("{s:o, s:n}", "data", balancer_data(s, upstream, targets), "next");
	}
	json_decref(targets);
}

void admin_upstream_health(struct admin_call *c)
{
	struct slice flag;

	aim_at_targets(c);
	json_t *upstream = admin_find_or_404(c, &upstream_schema, c->target.outer_key, NULL);
	if (!upstream)
		return;
	struct uuid id = admin_row_id(upstream);
	struct store_scope scope = {.field = c->target.reference, .id = &id};
	struct seen seen = see(upstream);
	if (admin_query(c->request, S("balancer_health"), &flag) && slice_eq(flag, S("1")))
		answer_balancer_health(c, &scope, &seen, upstream);
	else
		answer_page(c, &scope, render_health, &seen);
	target_health_free(seen.rows, seen.count);
	if (c->response->status == 200)
		json_object_set_new(c->response->json, "node_id", json_string(c->env->node_id));
	json_decref(upstream);
}

/* ---- marks ----------------------------------------------------------------------------------------------------- */

enum { MARK_WAIT_MS = 1000, DEFAULT_PORT = 8000 };

/* "ip:port" as data planes know it. */
static json_t *address_json(struct admin_call *c)
{
	struct slice address = c->params[2], host;
	int port;

	if (!slice_is_set(address))
		return json_null();
	if (!authority_split(address, &host, &port))
		host = address, port = -1;
	return json_sprintf("%.*s:%d", SLICE_ARG(host), port < 0 ? DEFAULT_PORT : port);
}

/* Every data plane is told, also by a control plane (pitfalls.md A1-11), and those that are connected have done it
 * when the answer goes out. */
static void mark(struct admin_call *c, const json_t *upstream, const json_t *target)
{
	bool healthy = !slice_ends(c->request->path, S("/unhealthy"));
	json_t *order = json_pack("{s:O, s:O, s:o, s:b}", "upstream", json_object_get(upstream, "id"), "target",
	        json_object_get(target, "id"), "address", address_json(c), "healthy", (int)healthy);

	json_decref(orders_give("target-mark", order, MARK_WAIT_MS, NULL));
	json_decref(order);
	c->response->status = 204;
}

void admin_target_mark(struct admin_call *c)
{
	struct store_scope scope;
	struct uuid id;

	aim_at_targets(c);
	json_t *upstream = admin_find_or_404(c, &upstream_schema, c->target.outer_key, NULL);
	json_t *target = upstream && admin_find_scope(c, &scope, &id)
	                         ? admin_find_or_404(c, &target_schema, c->params[1], &scope)
	                         : NULL;
	if (target && has_checks(upstream))
		mark(c, upstream, target);
	else if (target)
		admin_fail(c, 400, "no healthchecker found for %s",
		        json_string_value(json_object_get(upstream, "name")));
	json_decref(target);
	json_decref(upstream);
}
