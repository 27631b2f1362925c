/* acl: consumers belong to groups, and groups are let through or kept out (plugins.md 2.1). */
#include "common/plugin/plugin.h"

#include <stdlib.h>

#include "common/core/text.h"

struct acl {
	struct slice_list allow, deny;
	bool hide_groups_header, always_use_authenticated_groups;
};

static const struct field fields[] = {
        FIELD(struct acl, allow, STRINGS(), .doc = "Groups that are let through; all others are kept out."),
        FIELD(struct acl, deny, STRINGS(), .doc = "Groups that are kept out; all others are let through."),
        FIELD(struct acl, hide_groups_header, .flags = REQUIRED, .dflt = "false",
                .doc = "Do not tell the upstream service the groups, in `X-Consumer-Groups` or `X-Authenticated-Groups`."),
        FIELD(struct acl, always_use_authenticated_groups, .flags = REQUIRED, .dflt = "false",
                .doc = "Go by the groups that authentication itself has found, if any, also when the consumer is known."),
        {0},
};

static const struct entity_check checks[] = {
        ONLY_ONE_OF("allow", "deny"),
        AT_LEAST_ONE_OF("allow", "deny"),
        {0},
};

static const struct schema config = {
        .name = "acl",
        .size = sizeof(struct acl),
        .fields = fields,
        .checks = checks,
};

struct membership {
	struct uuid id;
	int64_t created_at;
	struct ref consumer;
	struct slice group;
	struct slice_list tags;
};

static const struct field membership_fields[] = {
        ID_FIELD(struct membership),
        CREATED_AT_FIELD(struct membership),
        FIELD(struct membership, consumer, .flags = REQUIRED | SCOPE, .ref = "consumers",
                .on_delete = ON_DELETE_CASCADE, .doc = "Who belongs to the group."),
        FIELD(struct membership, group, .flags = REQUIRED | SCOPE, .doc = "The group, any name."),
        TAGS_FIELD(struct membership),
        {0},
};

static const struct schema membership_schema = {
        .name = "acls",
        .path = "acls",
        .size = sizeof(struct membership),
        .fields = membership_fields,
        .doc = "Which consumer belongs to which group.",
};

static const struct schema *const entities[] = {&membership_schema, NULL};

/* ---- the configured groups, sorted ----------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

static bool sort_groups(const void *conf, struct arena *a, const void **compiled, struct err *e)
{
	const struct acl *acl = conf;
	const struct slice_list *from = acl->allow.len ? &acl->allow : &acl->deny;
	struct slice_list *sorted = arena_new(a, struct slice_list);
	struct slice *items = arena_array(a, struct slice, from->len);

	memcpy(items, from->items, sizeof *items * from->len);
	qsort(items, from->len, sizeof *items, compare);
	*sorted = (struct slice_list){items, from->len};
	*compiled = sorted;
	return true;
}

static bool any_is_listed(const struct slice_list *sorted, const struct slice_list *groups)
{
	for (size_t i = 0; i < groups->len; i++)
		if (bsearch(&groups->items[i], sorted->items, sorted->len, sizeof *sorted->items, compare))
			return true;
	return false;
}

/* ---- the caller's groups --------------------------------------------------------------------------------------- */

struct gathering {
	struct arena *arena;
	struct slice *items;
	size_t len, cap;
};

static bool gather(const void *entity, void *arg)
{
	struct gathering *g = arg;
	const struct membership *m = entity;

	if (g->len == g->cap) {
		g->cap = g->cap ? g->cap * 2 : 8;
		struct slice *more = arena_array(g->arena, struct slice, g->cap);
		if (g->len)
			memcpy(more, g->items, sizeof *more * g->len);
		g->items = more;
	}
	g->items[g->len++] = m->group;
	return true;
}

/* In alphabetical order, so that what the upstream sees does not change from request to request. */
static struct slice_list groups_of(struct call *c, const struct consumer *consumer)
{
	struct gathering g = {.arena = c->x->arena};

	call_each(c, &membership_schema, "consumer", &consumer->id, gather, &g);
	if (g.len)
		qsort(g.items, g.len, sizeof *g.items, compare);
	return (struct slice_list){g.items, g.len};
}

static bool uses_authenticated(const struct call *c)
{
	const struct acl *conf = c->conf;
	const struct exchange *x = c->x;
	return x->authenticated_groups &&
	       (!x->consumer || !x->has_credential || conf->always_use_authenticated_groups);
}

/* ---- the phase ------------------------------------------------------------------------------------------------- */

static struct slice joined(struct arena *a, const struct slice_list *groups)
{
	struct text t = {0};

	for (size_t i = 0; i < groups->len; i++) {
		text_puts(&t, i ? ", " : "");
		text_put(&t, groups->items[i]);
	}
	struct slice copy = arena_dup(a, text_slice(&t));
	text_fini(&t);
	return copy;
}

/* Removed first: what a client says about its own groups does not get through. */
static void tell_upstream(struct call *c, const struct slice_list *groups)
{
	const struct acl *conf = c->conf;
	bool authenticated = uses_authenticated(c);

	call_remove_header(c, S("X-Consumer-Groups"));
	call_remove_header(c, S("X-Authenticated-Groups"));
	if (!conf->hide_groups_header)
		call_set_header(c, authenticated ? S("X-Authenticated-Groups") : S("X-Consumer-Groups"),
		        joined(c->x->arena, groups));
}

/* Somebody who has proved who it is may not; of anybody else that is not known yet. */
static enum verdict keep_out(struct call *c)
{
	return c->x->has_credential ? call_reject(c, 403, S("You cannot consume this service"))
	                            : call_reject(c, 401, S("Unauthorized"));
}

static enum verdict on_access(struct call *c)
{
	const struct acl *conf = c->conf;
	struct slice_list groups = {NULL, 0};

	if (uses_authenticated(c))
		groups = *c->x->authenticated_groups;
	else if (c->x->consumer)
		groups = groups_of(c, c->x->consumer);
	else
		return keep_out(c);

	if (conf->allow.len && groups.len == 0)
		return keep_out(c);
	if (any_is_listed(c->compiled, &groups) != (conf->allow.len > 0))
		return call_reject(c, 403, S("You cannot consume this service"));
	tell_upstream(c, &groups);
	return GO;
}

const struct plugin acl_plugin = {
        .name = "acl",
        .priority = 950,
        .scopes = SCOPE_ROUTE | SCOPE_SERVICE,
        .protocols = PROTOCOLS_HTTP,
        .config = &config,
        .entities = entities,
        .compile = sort_groups,
        .access = on_access,
        .doc = "Lets consumers through, or keeps them out, by the groups that they belong to.",
        .example = "{'allow':['partners']}",
};
