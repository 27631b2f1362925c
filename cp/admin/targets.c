/* targets: lists newest first. The store pages by id, so a list reads all targets of its upstream; there are
 * hundreds, not millions, and the offset is the number of rows already seen. */
#include "cp/admin/targets.h"

#include <stdlib.h>

#include "common/entity/target.h"
#include "common/entity/upstream.h"
#include "cp/admin/crud.h"
#include "cp/admin/errors.h"
#include "cp/admin/list.h"
#include "cp/admin/rules.h"

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

typedef json_t *(*render_fn)(struct admin_call *c, const json_t *target, const json_t *upstream);

static json_t *render_plain(struct admin_call *c, const json_t *target, const json_t *upstream)
{
	return admin_render(c, &target_schema, target);
}

/* One page of the upstream's targets, newest first. */
static void answer_page(
        struct admin_call *c, const struct store_scope *scope, const json_t *upstream, render_fn render)
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
			json_array_append_new(data, render(c, rows.items[i], upstream));
		struct slice next = end < rows.len ? arena_printf(c->arena, "%zu", end) : (struct slice){0};
		admin_list_answer(c, data, next, S(""));
	}
	rows_fini(&rows);
}

static bool list(struct admin_call *c, const struct store_scope *scope)
{
	answer_page(c, scope, NULL, render_plain);
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

/* ---- health ---------------------------------------------------------------------------------------------------- */

static double number_at(const json_t *object, const char *a, const char *b, const char *d)
{
	return json_number_value(json_object_get(json_object_get(json_object_get(object, a), b), d));
}

static bool has_checks(const json_t *upstream)
{
	const json_t *checks = json_object_get(upstream, "healthchecks");
	static const char *const failures[] = {"tcp_failures", "timeouts", "http_failures"};

	if (number_at(checks, "active", "healthy", "interval") > 0 ||
	        number_at(checks, "active", "unhealthy", "interval") > 0 ||
	        number_at(checks, "passive", "healthy", "successes") > 0)
		return true;
	for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++)
		if (number_at(checks, "passive", "unhealthy", failures[i]) > 0)
			return true;
	return false;
}

static json_t *weight_of(json_int_t weight)
{
	return json_pack("{s:I, s:I, s:i}", "total", weight, "available", weight, "unavailable", 0);
}

/* What a balancer without checks thinks of a target. Its addresses are known to data planes only. */
static json_t *host_of(const json_t *target)
{
	const char *text = json_string_value(json_object_get(target, "target"));
	const char *colon = text ? strrchr(text, ':') : NULL;
	json_int_t weight = json_integer_value(json_object_get(target, "weight"));

	return json_pack("{s:s%, s:i, s:I, s:o, s:[]}", "host", text ? text : "",
	        colon ? (size_t)(colon - text) : strlen(text ? text : ""), "port", colon ? atoi(colon + 1) : 0,
	        "nodeWeight", weight, "weight", weight_of(weight), "addresses");
}

/* With checks on, only data planes know: then health and data are left out (admin-api.md 7.2). */
static json_t *render_health(struct admin_call *c, const json_t *target, const json_t *upstream)
{
	json_t *out = admin_render(c, &target_schema, target);

	if (!has_checks(upstream)) {
		json_object_set_new(out, "health", json_string("HEALTHCHECKS_OFF"));
		json_object_set_new(out, "data", host_of(target));
	}
	return out;
}

static bool add_host(const json_t *target, void *arg)
{
	return json_array_append_new(arg, host_of(target)) == 0;
}

static void answer_balancer_health(struct admin_call *c, const struct store_scope *scope, const json_t *upstream)
{
	json_t *hosts = json_array(), *host;
	json_int_t total = 0;
	size_t i;

	if (!admin_each_row(c, &target_schema, scope, (struct page){0}, add_host, hosts)) {
		json_decref(hosts);
		return;
	}
	json_array_foreach(hosts, i, host) total += json_integer_value(json_object_get(host, "nodeWeight"));
	json_t *data = json_pack("{s:O}", "id", json_object_get(upstream, "id"));
	if (!has_checks(upstream))
		json_object_update_new(data,
		        json_pack("{s:s, s:s, s:{s:b, s:o, s:O}}", "health", "HEALTHCHECKS_OFF", "balancer_health",
		                "HEALTHY", "details", "healthy", 1, "weight", weight_of(total), "hosts", hosts));
	json_decref(hosts);
	c->response->status = 200;
	c->response->json = json_pack("{s:o, s:n}", "data", data, "next");
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
	if (admin_query(c->request, S("balancer_health"), &flag) && slice_eq(flag, S("1")))
		answer_balancer_health(c, &scope, upstream);
	else
		answer_page(c, &scope, upstream, render_health);
	if (c->response->status == 200)
		json_object_set_new(c->response->json, "node_id", json_string(c->env->node_id));
	json_decref(upstream);
}

/* ---- marks ----------------------------------------------------------------------------------------------------- */

/* Only a health checker can be told that a target is well or not, and data planes of this release run none. */
void admin_target_mark(struct admin_call *c)
{
	struct store_scope scope;
	struct uuid id;

	aim_at_targets(c);
	if (slice_eq(c->env->settings->role, S("control_plane"))) { /* not there, as clients know it */
		admin_not_found(c);
		return;
	}
	json_t *upstream = admin_find_or_404(c, &upstream_schema, c->target.outer_key, NULL);
	json_t *target = upstream && admin_find_scope(c, &scope, &id)
	                         ? admin_find_or_404(c, &target_schema, c->params[1], &scope)
	                         : NULL;
	if (target)
		admin_fail(c, 400, "no healthchecker found for %s",
		        json_string_value(json_object_get(upstream, "name")));
	json_decref(target);
	json_decref(upstream);
}
