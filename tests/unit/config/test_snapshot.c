/* snapshot: routes, services, upstreams and plugin rows compiled into plans, destinations and chains.
 *
 * The plugins are the test's own (they take the place of the registry), so that order, scopes and failures can be
 * chosen. */
#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/core/clock.h"
#include "common/entity/consumer_group.h"
#include "common/entity/target.h"
#include "common/core/log.h"
#include "common/plugin/entity.h"
#include "common/plugin/registry.h"
#include "dp/config/snapshot.h"
#include "tests/support/records.h"
#include "tests/support/routes.h"

/* ---- records made by hand: their entities are on the test's arena -------------------------------------------- */

static struct arena arena;
static struct catalog *catalog; /* NULL: the snapshot's */
static struct record *newest;

static struct record *put(const struct schema *kind, const struct uuid *id, const void *entity)
{
	struct record *r = record_blank();

	r->kind = kind;
	r->id = *id;
	r->entity = entity;
	catalog_put(catalog, r);
	record_unref(r); /* the catalog has it */
	return newest = r;
}

/* ---- plugins ------------------------------------------------------------------------------------------------ */

static enum verdict go(struct call *c)
{
	return GO;
}

static bool compile_it(const void *conf, struct arena *a, const void **compiled, struct err *e)
{
	if (!strcmp(conf, "broken"))
		return err_set(e, "no good");
	*compiled = arena_printf(a, "compiled %s", (const char *)conf).ptr;
	return true;
}

static unsigned wants_body(const void *conf)
{
	return !strcmp(conf, "body") ? WHOLE_REQUEST_BODY : 0;
}

static const struct plugin all_plugins[] = {
        {.name = "alpha", .priority = 10, .scopes = SCOPE_ALL, .access = go, .preread = go, .state_size = 3},
        {.name = "auth", .priority = 1000, .scopes = SCOPE_ROUTE | SCOPE_SERVICE, .access = go, .state_size = 24},
        {.name = "beta", .priority = 10, .scopes = SCOPE_ALL, .access = go, .preread = go, .wants = wants_body},
        {.name = "log", .priority = 1, .scopes = SCOPE_ALL, .log = go, .compile = compile_it},
        {.name = "trace", .priority = 5000, .scopes = SCOPE_ALL, .rewrite = go, .response_head = go, .state_size = 8},
};
enum { PLUGINS = sizeof all_plugins / sizeof *all_plugins };

size_t registry_count(void)
{
	return PLUGINS;
}

const struct plugin *registry_at(size_t i)
{
	return i < PLUGINS ? &all_plugins[i] : NULL;
}

const struct plugin *registry_find(struct slice name)
{
	for (size_t i = 0; i < PLUGINS; i++)
		if (slice_eq(name, slice_cstr(all_plugins[i].name)))
			return &all_plugins[i];
	return NULL;
}

/* ---- records ------------------------------------------------------------------------------------------------ */

/* Ids: routes 1.., services 1000.., consumers 2000.., plugin rows 3000.., upstreams 4000.., targets 5000... 0: not
 * set. */
static struct ref ref_to(unsigned n)
{
	return (struct ref){.set = n != 0, .id = n ? numbered_uuid(n) : (struct uuid){{0}}};
}

static struct route *add_route(unsigned n, unsigned service, const char *text)
{
	struct route *r = route_of(&arena, text, n);

	r->service = ref_to(service);
	put(&route_schema, &r->id, r);
	return r;
}

static struct service *add_service(unsigned n, const char *protocol, const char *host, int port)
{
	struct service *s = arena_new(&arena, struct service);

	*s = (struct service){.id = numbered_uuid(n),
	        .protocol = slice_cstr(protocol),
	        .host = slice_cstr(host),
	        .port = port,
	        .enabled = true};
	put(&service_schema, &s->id, s);
	return s;
}

static struct upstream *add_upstream(unsigned n, const char *name, const char *host_header)
{
	struct upstream *u = arena_new(&arena, struct upstream);

	*u = (struct upstream){
	        .id = numbered_uuid(n), .name = slice_cstr(name), .host_header = slice_cstr(host_header)};
	put(&upstream_schema, &u->id, u);
	return u;
}

static void add_target(unsigned n, unsigned upstream, const char *target, int weight)
{
	struct target *t = arena_new(&arena, struct target);

	*t = (struct target){
	        .id = numbered_uuid(n), .upstream = ref_to(upstream), .target = slice_cstr(target), .weight = weight};
	put(&target_schema, &t->id, t);
}

static struct plugin_entity *add_plugin(
        unsigned n, const char *name, unsigned route, unsigned service, unsigned consumer)
{
	struct plugin_entity *p = arena_new(&arena, struct plugin_entity);
	static const struct slice http[] = {SLICE("http")};

	*p = (struct plugin_entity){.id = numbered_uuid(n),
	        .name = slice_cstr(name),
	        .route = ref_to(route),
	        .service = ref_to(service),
	        .consumer = ref_to(consumer),
	        .protocols = {http, 1},
	        .enabled = true};
	put(&plugin_schema, &p->id, p)->config = "conf";
	return p;
}

static void set_config(const char *config)
{
	newest->config = config;
}

/* ---- building and looking ----------------------------------------------------------------------------------- */

static struct snapshot *snapshot;
static struct err err;
static const struct router_options options = {.flavor = ROUTER_TRADITIONAL_COMPATIBLE};

static void setup(void)
{
	arena_init(&arena);
	catalog = catalog_new();
	catalog_set_version(catalog, 42);
}

/* Under MODE=asan a catalog that nobody or two have freed fails here. */
static void teardown(void)
{
	snapshot_free(snapshot);
	catalog_free(catalog);
	arena_fini(&arena);
}

static void build(void)
{
	snapshot = snapshot_build(NULL, S("epoch-1"), catalog, &options, &err);
	ck_assert_msg(snapshot != NULL, "%s", err.message);
	catalog = NULL;
}

static const struct route_plan *plan_for(const char *path)
{
	struct router_request q = {.method = S("GET"),
	        .host = S("h.test"),
	        .path = slice_cstr(path),
	        .scheme = S("http"),
	        .arena = &arena};
	struct router_match m;

	if (!router_match(snapshot->router, &q, &m))
		return NULL;
	struct route_plan *plan = arena_new(&arena, struct route_plan);
	snapshot_plan(snapshot, m.route, plan);
	return plan;
}

static const char *text_of(struct slice s)
{
	return arena_cstr(&arena, s);
}

/* "trace auth beta": the chain's plugins in order. */
static const char *names_of_links(const struct chain_link *links, uint32_t count)
{
	struct text t = {0};

	for (uint32_t i = 0; i < count; i++)
		text_printf(&t, "%s%s", i ? " " : "", links[i].plugin->name);
	const char *names = text_of(text_slice(&t));
	text_fini(&t);
	return names;
}

static const char *names_of(const struct chain *c)
{
	return names_of_links(c->links, c->count);
}

/* Number of the row that runs for `name` on the plan's route; 0: none. */
static unsigned row_for(const struct route_plan *plan, const char *name, unsigned consumer)
{
	struct uuid id = numbered_uuid(consumer);

	for (uint32_t i = 0; i < plan->chain->count; i++) {
		const struct chain_link *link = &plan->chain->links[i];
		if (strcmp(link->plugin->name, name) != 0)
			continue;
		const struct plugin_instance *instance = snapshot_instance(
		        snapshot, link, plan->route, plan->service, consumer ? &id : NULL);
		char text[UUID_TEXT + 1] = "0";
		if (instance)
			uuid_format(&instance->id, text);
		return (unsigned)atoi(text);
	}
	return 0;
}

/* ---- routes and destinations -------------------------------------------------------------------------------- */

START_TEST(a_plan_has_route_service_and_destination)
{
	struct service *s = add_service(1000, "http", "Up.Test", 9000);
	struct route *r = add_route(1, 1000, "paths=/a");
	add_route(2, 0, "paths=/none protocols=https");
	add_route(3, 1000, "paths=/b");
	build();
	ck_assert_uint_eq(snapshot->version, 42);
	ck_assert_str_eq(text_of(snapshot->epoch), "epoch-1");
	const struct route_plan *plan = plan_for("/a"), *none = plan_for("/none"), *other = plan_for("/b");
	ck_assert_ptr_eq(plan->route, r);
	ck_assert_ptr_eq(plan->service, s);
	ck_assert_str_eq(text_of(plan->destination->host), "up.test");
	ck_assert_int_eq(plan->destination->port, 9000);
	ck_assert(!plan->destination->tls && !plan->destination->is_address && !plan->https_only);
	ck_assert_str_eq(text_of(plan->destination->host_header), "up.test:9000");
	ck_assert_ptr_eq(plan->destination, other->destination);
	ck_assert_ptr_null(none->service);
	ck_assert_ptr_null(none->destination);
	ck_assert(none->https_only);
	ck_assert_ptr_null(plan_for("/c"));
}
END_TEST

START_TEST(routes_of_disabled_services_and_of_l4_are_left_out)
{
	add_service(1000, "http", "up.test", 80)->enabled = false;
	add_route(1, 1000, "paths=/a");
	add_route(2, 0, "protocols=tcp snis=x paths=/t");
	add_route(3, 0, "protocols=grpc paths=/g");
	build();
	ck_assert_ptr_null(plan_for("/a"));
	ck_assert_ptr_null(plan_for("/t"));
	ck_assert_ptr_nonnull(plan_for("/g"));
}
END_TEST

START_TEST(examples_69_70_host_header_and_addresses)
{
	static const struct {
		const char *protocol, *host;
		int port;
		const char *header;
		int family;
	} cases[] = {{"https", "up.test", 443, "up.test", 0}, {"https", "up.test", 9443, "up.test:9443", 0},
	        {"http", "10.0.0.5", 80, "10.0.0.5", AF_INET}, {"http", "up.test", 443, "up.test:443", 0},
	        {"grpcs", "up.test", 443, "up.test", 0}, {"http", "::1", 9000, "[::1]:9000", AF_INET6},
	        {"http", "[::1]", 80, "[::1]", AF_INET6}, {"http", "1.2.3", 80, "1.2.3", 0}};

	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		add_service(1000 + i, cases[i].protocol, cases[i].host, cases[i].port);
		add_route(i + 1, 1000 + i, text_of(arena_printf(&arena, "paths=/%u/", i)));
	}
	build();
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct destination *d = plan_for(text_of(arena_printf(&arena, "/%u/", i)))->destination;
		ck_assert_str_eq(text_of(d->host_header), cases[i].header);
		ck_assert_int_eq(d->is_address, cases[i].family != 0);
		if (d->is_address)
			ck_assert_int_eq(d->address.ss_family, cases[i].family);
		if (cases[i].family == AF_INET)
			ck_assert_int_eq(
			        ((const struct sockaddr_in *)&d->address)->sin_port, htons((uint16_t)cases[i].port));
	}
}
END_TEST

START_TEST(example_70_an_upstream_brings_its_targets)
{
	struct upstream *pool = add_upstream(4000, "pool", NULL);
	add_upstream(4001, "vip", "vip.test");
	add_target(5000, 4000, "t.test:80", 0);
	add_target(5001, 4000, "10.0.0.5:9000", 100);
	add_target(5002, 4001, "[0000:0000:0000:0000:0000:0000:0000:0001]:9000", 7);
	add_service(1000, "http", "pool", 1);
	add_service(1001, "https", "vip", 1);
	add_service(1002, "http", "pool", 2);
	add_route(1, 1000, "paths=/a");
	add_route(2, 1001, "paths=/b");
	add_route(3, 1002, "paths=/c");
	build();
	const struct upstream_def *a = plan_for("/a")->upstream, *b = plan_for("/b")->upstream;
	ck_assert_ptr_eq(a->upstream, pool);
	ck_assert_uint_eq(a->targets_count, 2);
	ck_assert_str_eq(text_of(a->targets[0].host), "10.0.0.5");
	ck_assert_int_eq(a->targets[0].port, 9000);
	ck_assert(a->targets[0].is_address);
	ck_assert_str_eq(text_of(a->targets[0].host_header[0]), "10.0.0.5:9000");
	ck_assert_str_eq(text_of(a->targets[1].host_header[0]), "t.test");
	ck_assert_int_eq(a->targets[1].weight, 0);
	ck_assert_ptr_eq(a->targets, plan_for("/c")->upstream->targets);
	ck_assert_str_eq(text_of(b->targets[0].host_header[1]), "vip.test:9000");
	ck_assert_int_eq(b->targets[0].address.ss_family, AF_INET6);
}
END_TEST

START_TEST(a_route_of_a_missing_service_fails_the_build)
{
	add_route(1, 1000, "paths=/a");
	ck_assert_ptr_null(snapshot_build(NULL, S("e"), catalog, &options, &err));
	ck_assert_ptr_nonnull(strstr(err.message, "00001000-0000"));
	ck_assert_uint_eq(catalog_total(catalog), 1); /* still the caller's */
}
END_TEST

START_TEST(a_route_that_the_router_refuses_is_only_left_out)
{
	add_route(1, 0, "paths=~/(");
	add_route(2, 0, "paths=/b");
	build();
	ck_assert_ptr_nonnull(plan_for("/b"));
}
END_TEST

/* ---- chains ------------------------------------------------------------------------------------------------- */

START_TEST(routes_without_plugins_share_one_empty_chain)
{
	add_route(1, 0, "paths=/a");
	add_route(2, 0, "paths=/b");
	build();
	ck_assert_ptr_eq(plan_for("/a")->chain, plan_for("/b")->chain);
	ck_assert_uint_eq(plan_for("/a")->chain->count, 0);
	ck_assert_uint_eq(plan_for("/a")->chain->state_size, 0);
}
END_TEST

START_TEST(priority_then_name_both_descending)
{
	add_plugin(3000, "log", 0, 0, 0);
	add_plugin(3001, "alpha", 1, 0, 0);
	add_plugin(3002, "beta", 1, 0, 0);
	add_plugin(3003, "auth", 0, 1000, 0);
	add_plugin(3004, "trace", 0, 0, 0);
	add_service(1000, "http", "up.test", 80);
	add_route(1, 1000, "paths=/a");
	add_route(2, 1000, "paths=/b");
	add_route(3, 0, "paths=/c");
	build();
	const struct chain *a = plan_for("/a")->chain, *b = plan_for("/b")->chain, *c = plan_for("/c")->chain;
	ck_assert_str_eq(names_of(a), "trace auth beta alpha log");
	ck_assert_str_eq(names_of(b), "trace auth log");
	ck_assert_str_eq(names_of(c), "trace log");
	ck_assert_ptr_eq(c, snapshot->global);
	ck_assert(a->has_rewrite && a->has_access && a->has_response_head && a->has_log);
	ck_assert(!a->has_request_body && !a->has_response_body && !c->has_access);
}
END_TEST

static const struct slice trace_name[] = {SLICE("trace")}, log_name[] = {SLICE("log")},
                          alpha_name[] = {SLICE("alpha")}, none_name[] = {SLICE("nobody")};

START_TEST(ordering_wins_over_priority)
{
	add_plugin(3000, "log", 0, 0, 0)->ordering.before.access = (struct slice_list){trace_name, 1};
	add_plugin(3001, "alpha", 1, 0, 0);
	add_plugin(3002, "beta", 1, 0, 0)->ordering.after.access = (struct slice_list){alpha_name, 1};
	add_plugin(3003, "trace", 0, 0, 0);
	add_route(1, 0, "paths=/a");
	build();
	ck_assert_str_eq(names_of(plan_for("/a")->chain), "log trace alpha beta");
	ck_assert_str_eq(names_of(snapshot->global), "log trace");
}
END_TEST

START_TEST(ordering_wins_for_sessions_of_streams_too)
{
	static const struct slice tcp[] = {SLICE("tcp")}, beta_name[] = {SLICE("beta")};
	struct plugin_entity *rows[] = {add_plugin(3000, "log", 0, 0, 0), add_plugin(3001, "alpha", 0, 0, 0),
	        add_plugin(3002, "beta", 0, 0, 0)};

	for (int i = 0; i < 3; i++)
		rows[i]->protocols = (struct slice_list){tcp, 1};
	rows[0]->ordering.before.access = (struct slice_list){alpha_name, 1};
	rows[_i ? 1 : 2]->ordering.before.access = (struct slice_list){_i ? beta_name : alpha_name, 1};
	build();
	ck_assert_uint_eq(snapshot->global->count, 0);
	ck_assert_str_eq(names_of_links(snapshot->global->stream_links, snapshot->global->stream_count),
	        _i ? "log alpha beta" : "beta log alpha");
}
END_TEST

START_TEST(wishes_follow_from_each_other_or_have_no_effect)
{
	add_plugin(3000, "trace", 0, 0, 0)->ordering.after.access = (struct slice_list){alpha_name, 1};
	add_plugin(3001, "alpha", 0, 0, 0)->ordering.after.access = (struct slice_list){log_name, 1};
	add_plugin(3002, "log", 0, 0, 0);
	add_plugin(3003, "beta", 0, 0, 0)->ordering.before.access = (struct slice_list){none_name, 1};
	build();
	ck_assert_str_eq(names_of(snapshot->global), "beta log alpha trace");
}
END_TEST

START_TEST(wishes_that_contradict_each_other_end)
{
	log_set_level(LOG_EMERG);
	add_plugin(3000, "trace", 0, 0, 0)->ordering.after.access = (struct slice_list){log_name, 1};
	add_plugin(3001, "log", 0, 0, 0)->ordering.after.access = (struct slice_list){trace_name, 1};
	build();
	ck_assert_uint_eq(snapshot->global->count, 2);
}
END_TEST

START_TEST(a_plugin_has_its_state_at_one_place_in_all_chains)
{
	add_plugin(3000, "trace", 0, 0, 0);
	add_plugin(3001, "alpha", 1, 0, 0);
	add_plugin(3002, "auth", 2, 0, 0);
	add_route(1, 0, "paths=/a");
	add_route(2, 0, "paths=/b");
	build();
	const struct chain *a = plan_for("/a")->chain, *b = plan_for("/b")->chain;
	ck_assert_uint_eq(a->links[0].state_offset, snapshot->global->links[0].state_offset);
	ck_assert_uint_eq(b->links[0].state_offset, snapshot->global->links[0].state_offset);
	for (uint32_t i = 0; i < 2; i++) {
		ck_assert_uint_eq(a->links[i].state_offset % 16, 0);
		ck_assert_uint_le(a->links[i].state_offset + a->links[i].plugin->state_size, a->state_size);
	}
	uint32_t trace = a->links[0].state_offset, alpha = a->links[1].state_offset;
	ck_assert(trace + 8 <= alpha || alpha + 3 <= trace);
	ck_assert_uint_le(a->state_size, snapshot->state_size);
	ck_assert_uint_le(b->state_size, snapshot->state_size);
}
END_TEST

START_TEST(disabled_rows_and_rows_for_streams_do_not_exist)
{
	static const struct slice tcp[] = {SLICE("tcp"), SLICE("tls")};

	add_plugin(3000, "alpha", 1, 0, 0)->enabled = false;
	add_plugin(3001, "alpha", 0, 0, 0);
	add_plugin(3002, "beta", 0, 0, 0)->protocols = (struct slice_list){tcp, 2};
	add_route(1, 0, "paths=/a");
	build();
	ck_assert_uint_eq(row_for(plan_for("/a"), "alpha", 0), 3001);
	ck_assert_str_eq(names_of(plan_for("/a")->chain), "alpha");
}
END_TEST

/* rows 3001 to 3008 stand at the levels 1 to 8. */
static void add_level(unsigned level)
{
	static const unsigned scopes[][3] = {{1, 1000, 2000}, {1, 0, 2000}, {0, 1000, 2000}, {1, 1000, 0},
	        {0, 0, 2000}, {1, 0, 0}, {0, 1000, 0}, {0, 0, 0}};

	add_plugin(3000 + level, "alpha", scopes[level - 1][0], scopes[level - 1][1], scopes[level - 1][2]);
}

START_TEST(r_8_3_precedence_for_every_set_of_rows)
{
	catalog_free(catalog);
	for (unsigned set = 1; set < 256; set++) {
		unsigned with_consumer = 0, without = 0;
		catalog = catalog_new();
		add_service(1000, "http", "up.test", 80);
		add_service(1001, "http", "up.test", 80);
		add_route(1, 1000, "paths=/a");
		add_route(2, 1001, "paths=/other");
		for (unsigned level = 8; level >= 1; level--) {
			if (!(set >> (level - 1) & 1))
				continue;
			add_level(level);
			with_consumer = 3000 + level;
			if (level == 4 || level >= 6)
				without = 3000 + level;
		}
		build();
		const struct route_plan *plan = plan_for("/a");
		ck_assert_uint_eq(row_for(plan, "alpha", 2000), with_consumer);
		ck_assert_uint_eq(row_for(plan, "alpha", 2001), without);
		ck_assert_uint_eq(row_for(plan, "alpha", 0), without);
		const struct route_plan *other = plan_for("/other");
		ck_assert_uint_eq(row_for(other, "alpha", 2000), set & 16 ? 3005 : set & 128 ? 3008 : 0);
		ck_assert_uint_eq(row_for(other, "alpha", 2001), set & 128 ? 3008 : 0);
		snapshot_free(snapshot);
		snapshot = NULL;
	}
}
END_TEST

static void add_group(unsigned n, const char *name)
{
	struct consumer_group *g = arena_new(&arena, struct consumer_group);

	*g = (struct consumer_group){.id = numbered_uuid(n), .name = slice_cstr(name)};
	put(&consumer_group_schema, &g->id, g);
}

static void add_membership(unsigned n, unsigned group, unsigned consumer)
{
	struct group_membership *m = arena_new(&arena, struct group_membership);

	*m = (struct group_membership){
	        .id = numbered_uuid(n), .consumer_group = ref_to(group), .consumer = ref_to(consumer)};
	put(&group_membership_schema, &m->id, m);
}

/* plugins-beyond.md, consumer groups: the order of the eleven levels. */
static const struct {
	unsigned route, service, consumer, group;
} group_levels[] = {{1, 1000, 2000, 0}, {1, 0, 2000, 0}, {0, 1000, 2000, 0}, {1, 1000, 0, 6000}, {1, 0, 0, 6000},
        {0, 1000, 0, 6000}, {1, 1000, 0, 0}, {0, 0, 2000, 0}, {0, 0, 0, 6000}, {1, 0, 0, 0}, {0, 1000, 0, 0},
        {0, 0, 0, 0}};
enum { GROUP_LEVELS = sizeof group_levels / sizeof *group_levels };

static void add_group_level(unsigned level)
{
	struct plugin_entity *p = add_plugin(3000 + level, "alpha", group_levels[level].route,
	        group_levels[level].service, group_levels[level].consumer);
	p->consumer_group = ref_to(group_levels[level].group);
}

START_TEST(consumer_groups_precedence_for_every_two_rows)
{
	catalog_free(catalog);
	for (unsigned best = 0; best < GROUP_LEVELS; best++) {
		for (unsigned other = best; other < GROUP_LEVELS; other++) {
			catalog = catalog_new();
			add_service(1000, "http", "up.test", 80);
			add_route(1, 1000, "paths=/a");
			add_group(6000, "gold");
			add_membership(7000, 6000, 2000);
			add_group_level(best);
			if (other != best)
				add_group_level(other);
			build();
			ck_assert_uint_eq(row_for(plan_for("/a"), "alpha", 2000), 3000 + best);
			snapshot_free(snapshot);
			snapshot = NULL;
		}
	}
}
END_TEST

START_TEST(of_several_groups_the_first_by_name_counts)
{
	add_route(1, 0, "paths=/a");
	add_group(6000, "silver");
	add_group(6001, "gold");
	add_group(6002, "bronze");
	add_membership(7000, 6000, 2000);
	add_membership(7001, 6001, 2000);
	add_membership(7002, 6000, 2001);
	add_membership(7003, 6002, 2000); /* sorts first, but has no row */
	add_plugin(3000, "alpha", 0, 0, 0)->consumer_group = ref_to(6000);
	add_plugin(3001, "alpha", 0, 0, 0)->consumer_group = ref_to(6001);
	build();
	ck_assert_uint_eq(row_for(plan_for("/a"), "alpha", 2000), 3001);
	ck_assert_uint_eq(row_for(plan_for("/a"), "alpha", 2001), 3000);
	ck_assert_uint_eq(row_for(plan_for("/a"), "alpha", 2002), 0);
	ck_assert_uint_eq(row_for(plan_for("/a"), "alpha", 0), 0);
}
END_TEST

START_TEST(only_plugins_with_rows_for_consumers_are_looked_up)
{
	add_plugin(3000, "alpha", 0, 0, 0);
	add_plugin(3001, "beta", 0, 0, 2000);
	add_plugin(3002, "auth", 0, 0, 2000); /* cannot have a consumer: counts as global */
	add_plugin(3003, "log", 1, 0, 2000);
	add_route(1, 0, "paths=/a");
	add_route(2, 0, "paths=/b");
	build();
	const struct chain *c = plan_for("/b")->chain;
	ck_assert_str_eq(names_of(c), "auth beta alpha");
	ck_assert(!c->links[0].has_consumer_rows && c->links[0].instance);
	ck_assert(c->links[1].has_consumer_rows && !c->links[1].instance);
	ck_assert(!c->links[2].has_consumer_rows);
	ck_assert_str_eq(names_of(plan_for("/a")->chain), "auth beta alpha log");
}
END_TEST

START_TEST(configurations_are_compiled_once_and_say_what_they_want)
{
	add_plugin(3000, "log", 0, 0, 0);
	add_plugin(3001, "beta", 1, 0, 0);
	set_config("body");
	add_route(1, 0, "paths=/a");
	build();
	const struct chain *c = plan_for("/a")->chain;
	ck_assert_uint_eq(c->links[0].instance->wants, WHOLE_REQUEST_BODY);
	ck_assert_str_eq(c->links[1].instance->compiled, "compiled conf");
	ck_assert_str_eq(c->links[1].instance->conf, "conf");
}
END_TEST

START_TEST(a_configuration_that_does_not_compile_fails_the_build)
{
	add_plugin(3000, "log", 0, 0, 0);
	set_config("broken");
	ck_assert_ptr_null(snapshot_build(NULL, S("e"), catalog, &options, &err));
	ck_assert_str_eq(err.message, "plugin log (00003000-0000-4000-8000-000000000000): no good");
	ck_assert_uint_eq(catalog_total(catalog), 1);
}
END_TEST

START_TEST(an_unknown_plugin_fails_the_build)
{
	add_plugin(3000, "nobody", 0, 0, 0);
	ck_assert_ptr_null(snapshot_build(NULL, S("e"), catalog, &options, &err));
	ck_assert_str_eq(err.message, "plugin 'nobody' is not known to this node");
}
END_TEST

START_TEST(ten_thousand_routes_and_services)
{
	for (unsigned i = 0; i < 10000; i++)
		add_service(100000 + i, "http", "up.test", 9000);
	for (unsigned i = 0; i < 10000; i++)
		add_route(i + 1, 100000 + i, text_of(arena_printf(&arena, "paths=/r%u/", i)));
	add_plugin(3000, "log", 0, 0, 0);
	uint64_t start = clock_mono_ns();
	build();
	ck_assert_uint_lt(clock_mono_ns() - start, 5000000000u); /* milliseconds, really; but machines may be busy */
	ck_assert_str_eq(names_of(plan_for("/r7777/x")->chain), "log");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("snapshot");
	TCase *c = tcase_create("plans"), *p = tcase_create("chains");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, ordering_wins_over_priority);
	tcase_add_loop_test(c, ordering_wins_for_sessions_of_streams_too, 0, 2);
	tcase_add_test(c, wishes_follow_from_each_other_or_have_no_effect);
	tcase_add_test(c, wishes_that_contradict_each_other_end);
	tcase_add_test(c, a_plan_has_route_service_and_destination);
	tcase_add_test(c, routes_of_disabled_services_and_of_l4_are_left_out);
	tcase_add_test(c, examples_69_70_host_header_and_addresses);
	tcase_add_test(c, example_70_an_upstream_brings_its_targets);
	tcase_add_test(c, a_route_of_a_missing_service_fails_the_build);
	tcase_add_test(c, a_route_that_the_router_refuses_is_only_left_out);
	tcase_add_test(c, ten_thousand_routes_and_services);
	suite_add_tcase(suite, c);
	tcase_add_checked_fixture(p, setup, teardown);
	tcase_add_test(p, routes_without_plugins_share_one_empty_chain);
	tcase_add_test(p, priority_then_name_both_descending);
	tcase_add_test(p, a_plugin_has_its_state_at_one_place_in_all_chains);
	tcase_add_test(p, disabled_rows_and_rows_for_streams_do_not_exist);
	tcase_add_test(p, r_8_3_precedence_for_every_set_of_rows);
	tcase_add_test(p, consumer_groups_precedence_for_every_two_rows);
	tcase_add_test(p, of_several_groups_the_first_by_name_counts);
	tcase_add_test(p, only_plugins_with_rows_for_consumers_are_looked_up);
	tcase_add_test(p, configurations_are_compiled_once_and_say_what_they_want);
	tcase_add_test(p, a_configuration_that_does_not_compile_fails_the_build);
	tcase_add_test(p, an_unknown_plugin_fails_the_build);
	suite_add_tcase(suite, p);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
