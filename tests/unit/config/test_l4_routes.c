/* Which stream route a session belongs to: the index by name leads to the same as looking at all of them in their
 * order (proxy.md 7.3, R-1.5, R-1.7). L4_SEED chooses other routes. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/core/log.h"
#include "common/entity/route.h"
#include "dp/config/snapshot.h"
#include "tests/support/records.h"
#include "tests/support/routes.h"

enum { ROUTES = 40, TURNS = 60, PROBES = 60 };

static uint64_t state;

static unsigned below(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state >> 11) % n;
}

static const char *const names[] = {"a.test", "b.test", "A.test.", "x.a.test", "*.test", "a.*", "c.test"};
static const char *const asked[] = {"a.test", "A.TEST", "b.test", "x.a.test", "c.test", "d.org", ""};
#define ANY_OF(words) ((words)[below(sizeof(words) / sizeof *(words))])

static struct record *random_route(unsigned id, bool with_patterns)
{
	static const char *const protocols[] = {"tls", "tls_passthrough", "tcp"};
	struct record *r = record_blank();
	char text[200] = "";
	int n = snprintf(text, sizeof text, "protocols=%s", ANY_OF(protocols));

	if (!strstr(text, "tcp") && below(100) < 80)
		for (unsigned i = 0, count = 1 + below(2); i < count; i++)
			n += snprintf(text + n, sizeof text - (size_t)n, "%s%s",
			        i ? "," : " snis=", names[below(with_patterns ? 7 : 4)]);
	r->kind = &route_schema;
	r->id = numbered_uuid(id);
	struct route *route = arena_zalloc(&r->arena, sizeof *route);
	*route = *route_of(&r->arena, text, id);
	route->created_at = below(3);
	r->entity = route;
	return r;
}

/* The first in order that matches, as says it. */
static const struct route *by_hand(const struct snapshot *s, struct l4_session session, unsigned protocols)
{
	for (uint32_t i = 0; s->l4 && i < s->l4->count; i++)
		for (unsigned p = L4_TCP; p <= L4_TLS_PASSTHROUGH; p++) {
			session.protocol = p;
			if (protocols & 1u << p && l4_matches(s->l4->routes[i]->route, &session, s->l4->exact_snis))
				return s->l4->routes[i]->route;
		}
	return NULL;
}

static void compare(const struct snapshot *s)
{
	static const unsigned listeners[] = {1 << L4_TCP, 1 << L4_TCP | 1 << L4_TLS | 1 << L4_TLS_PASSTHROUGH};

	for (int i = 0; i < PROBES; i++) {
		struct l4_session session = {.sni = slice_cstr(ANY_OF(asked))};
		unsigned protocols = listeners[below(2)];
		enum l4_protocol as = L4_UDP;
		const struct l4_route *found = snapshot_l4(s, &session, protocols, &as);
		const struct route *expected = by_hand(s, session, protocols);
		ck_assert_ptr_eq(found ? found->route : NULL, expected);
		if (!found)
			continue;
		session.protocol = as;
		ck_assert(l4_matches(found->route, &session, s->l4->exact_snis));
	}
}

START_TEST(the_index_leads_to_the_same_as_the_order)
{
	struct err e;
	struct router_options options = {.flavor = _i ? ROUTER_TRADITIONAL : ROUTER_TRADITIONAL_COMPATIBLE};
	const char *seed = getenv("L4_SEED");

	log_set_level(LOG_CRIT);
	state = seed ? strtoull(seed, NULL, 10) : 88172645463325252u;
	for (int turn = 0; turn < TURNS; turn++) {
		struct catalog *c = catalog_new();
		for (unsigned id = 1, n = below(ROUTES); id <= n; id++) {
			struct record *r = random_route(id, !_i);
			catalog_put(c, r);
			record_unref(r);
		}
		struct snapshot *s = snapshot_build(NULL, S("e"), c, &options, &e);
		ck_assert_ptr_nonnull(s);
		compare(s);
		snapshot_free(s);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("l4_routes");
	TCase *c = tcase_create("l4_routes");

	tcase_add_loop_test(c, the_index_leads_to_the_same_as_the_order, 0, 2);
	suite_add_tcase(suite, c);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
