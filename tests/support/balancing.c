/* balancing: see balancing.h. */
#include "tests/support/balancing.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "dp/upstream/balancer_private.h"
#include "tests/support/records.h"
#include "tests/support/turns.h"

enum { POOL_ID = 7000, TARGET_ID = 7100 };

void balancing_begin(struct balancing *b, const struct balancers_options *o)
{
	struct balancers_options options = o ? *o : (struct balancers_options){0};
	*b = (struct balancing){.loop = options.loop ? options.loop : turns_loop()};
	options.loop = b->loop;
	b->all = balancers_new(&options);
}

void balancing_end(struct balancing *b)
{
	balancers_stop(b->all);
	snapshot_free(b->snapshot);
	balancers_free(b->all);
	loop_free(b->loop);
}

static void put(struct catalog *c, struct record *r)
{
	catalog_put(c, r);
	record_unref(r);
}

static void put_target(struct balancing *b, struct catalog *c, const char *text)
{
	char target[256];
	int weight;
	ck_assert_int_eq(sscanf(text, "%255[^=]=%d", target, &weight), 2);
	put(c, record_of("targets", "{'id':'%s','upstream':{'id':'%s'},'target':'%s','weight':%d}",
	               test_id(TARGET_ID + b->targets++), test_id(POOL_ID), target, weight));
}

void balancing_set(struct balancing *b, const char *upstream, const char *targets)
{
	struct catalog *c = catalog_new();
	struct router_options router = {.flavor = ROUTER_TRADITIONAL_COMPATIBLE};
	struct err e;
	catalog_set_version(c, ++b->version);
	if (upstream)
		put(c, record_of("upstreams", "{%s'id':'%s','name':'pool'}", upstream, test_id(POOL_ID)));
	char *list = strdup(targets ? targets : ""), *rest = list;
	for (char *one; upstream && (one = strtok_r(rest, " ", &rest));)
		put_target(b, c, one);
	free(list);
	struct snapshot *s = snapshot_build(b->snapshot, S("epoch"), c, &router, &e);
	ck_assert_msg(s != NULL, "%s", e.message);
	balancers_apply(b->all, b->snapshot, s);
	if (b->snapshot)
		snapshot_free(b->snapshot);
	b->snapshot = s;
}

const struct upstream_def *balancing_pool(const struct balancing *b)
{
	return snapshot_upstream(b->snapshot, S("pool"));
}

int balancing_port(const struct balancer_pick *p)
{
	const struct endpoint *to = p->to;
	return ntohs(to->address.any.sa_family == AF_INET6 ? to->address.v6.sin6_port : to->address.v4.sin_port);
}

static int pick(struct balancing *b, uint32_t hash)
{
	struct balancer_query q = {.hash = hash};
	struct balancer_pick p;
	enum balancer_answer answer = balancer_pick(balancing_pool(b), &q, &p);
	if (answer != BALANCER_PICKED)
		return answer == BALANCER_PENDING ? -1 : 0;
	peer_release(p.peer);
	return balancing_port(&p);
}

int balancing_pick(struct balancing *b)
{
	return pick(b, 0);
}

int balancing_pick_hash(struct balancing *b, const char *value)
{
	return pick(b, balancer_hash(slice_cstr(value)));
}

struct balancer_pick balancing_take(struct balancing *b)
{
	struct balancer_query q = {0};
	struct balancer_pick p;
	ck_assert_int_eq(balancer_pick(balancing_pool(b), &q, &p), BALANCER_PICKED);
	return p;
}

struct peer *balancing_peer(struct balancing *b, int port)
{
	struct view *v = atomic_load(&balancing_pool(b)->balancer->view);
	for (uint32_t i = 0; i < v->count; i++)
		if (v->entries[i].peer->port == port)
			return v->entries[i].peer;
	return NULL;
}
