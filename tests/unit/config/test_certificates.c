/* Which certificate a handshake gets (proxy.md, example 114), and what changes of certificates and SNIs do. */
#include <check.h>
#include <stdlib.h>

#include "common/core/log.h"
#include "common/entity/certificate.h"
#include "dp/config/snapshot.h"
#include "tests/support/pem_samples.h"
#include "tests/support/records.h"
#include "tests/support/routes.h"

enum { C1 = 1, C2, C3, C4, BROKEN, SNIS = 100 };

static struct snapshot *s;
static struct catalog *next; /* of the version that is being put together */
static struct err e;

static void *fill(const struct schema *kind, unsigned id, size_t size)
{
	struct record *r = record_blank();

	r->kind = kind;
	r->id = numbered_uuid(id);
	void *entity = arena_zalloc(&r->arena, size);
	r->entity = entity;
	memcpy(entity, &r->id, sizeof r->id);
	return r;
}

static void give(struct record *r)
{
	catalog_put(next, r);
	record_unref(r);
}

static void add_certificate(unsigned id, enum pem_sample_name pair, bool with_alternative)
{
	struct record *r = fill(&certificate_schema, id, sizeof(struct certificate));
	struct certificate *c = (struct certificate *)r->entity;

	c->cert = slice_cstr(pem_sample(pair)->cert);
	c->key = slice_cstr(id == BROKEN ? "what a vault gave" : pem_sample(pair)->key);
	if (with_alternative) {
		c->cert_alt = slice_cstr(pem_sample(PEM_EC)->cert);
		c->key_alt = slice_cstr(pem_sample(PEM_EC)->key);
	}
	give(r);
}

static void add_sni(unsigned id, const char *name, unsigned certificate)
{
	struct record *r = fill(&sni_schema, SNIS + id, sizeof(struct sni));
	struct sni *sni = (struct sni *)r->entity;

	sni->name = slice_cstr(name);
	sni->certificate = (struct ref){.set = true, .id = numbered_uuid(certificate)};
	give(r);
}

/* The version that was put together serves; the next one begins as its copy. */
static void apply(void)
{
	struct router_options options = {0};
	struct snapshot *before = s;

	s = snapshot_build(before, S("e"), next, &options, &e);
	ck_assert_ptr_nonnull(s);
	snapshot_free(before);
	next = catalog_copy(s->catalog);
}

static void setup(void)
{
	log_set_level(LOG_CRIT);
	next = catalog_new();
	for (unsigned id = C1; id <= C4; id++)
		add_certificate(id, PEM_RSA, false);
}

static void teardown(void)
{
	snapshot_free(s);
	catalog_free(next);
	s = NULL;
}

/* The number of the certificate; 0: the node's own. */
static unsigned chosen(const char *name)
{
	const struct certificate_part *c = snapshot_certificate_for(s, name ? slice_cstr(name) : (struct slice){0});

	for (unsigned id = C1; c && id <= BROKEN; id++) {
		struct uuid uuid = numbered_uuid(id);
		if (slice_eq(c->part.key, uuid_slice(&uuid)))
			return id;
	}
	return 0;
}

static void add_example_114(void)
{
	add_sni(1, "*.x.test", C1);
	add_sni(2, "a.x.test", C2);
	add_sni(3, "a.y.*", C3);
	add_sni(4, "*", C4);
	apply();
}

START_TEST(example_114_exact_then_left_then_right_then_all)
{
	add_example_114();
	ck_assert_uint_eq(chosen("a.x.test"), C2);
	ck_assert_uint_eq(chosen("b.x.test"), C1);
	ck_assert_uint_eq(chosen("a.y.test"), C3);
	ck_assert_uint_eq(chosen("z.test"), C4);
	ck_assert_uint_eq(chosen("a.b.x.test"), C4);
	ck_assert_uint_eq(chosen(NULL), 0);
}
END_TEST

START_TEST(case_and_a_dot_at_the_end_do_not_matter)
{
	add_example_114();
	add_sni(5, "Upper.Test", C3);
	add_sni(6, "dot.test.", C1);
	apply();
	ck_assert_uint_eq(chosen("A.X.TEST"), C2);
	ck_assert_uint_eq(chosen("a.x.test."), C2);
	ck_assert_uint_eq(chosen("upper.test"), C3);
	ck_assert_uint_eq(chosen("dot.test"), C1);
}
END_TEST

START_TEST(a_left_wildcard_needs_two_labels_behind_it)
{
	add_sni(1, "*.test", C1);
	add_sni(2, "host.*", C2);
	apply();
	ck_assert_uint_eq(chosen("a.test"), 0);
	ck_assert_uint_eq(chosen("host.test"), C2);
	ck_assert_uint_eq(chosen("host"), 0);
}
END_TEST

START_TEST(what_is_no_name_gets_the_nodes_own)
{
	static const char *const names[] = {
	        "", ".", "192.0.2.1", "a:443", "a b", "*", "*.x.test", "a..test", "::1", "b\xc3\xbc.test", ".a.test"};

	add_example_114();
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		ck_assert_msg(chosen(names[i]) == 0, "'%s'", names[i]);
	char longest[300];
	memset(longest, 'a', sizeof longest);
	ck_assert_ptr_null(snapshot_certificate_for(s, slice_of(longest, sizeof longest)));
	longest[100] = longest[200] = '.';
	ck_assert_ptr_nonnull(snapshot_certificate_for(s, slice_of(longest, 255)));
}
END_TEST

START_TEST(changes_are_followed)
{
	struct uuid one = numbered_uuid(SNIS + 1), c2 = numbered_uuid(C2);

	add_sni(1, "a.test", C1);
	apply();
	const struct certificate_part *before = snapshot_certificate_for(s, S("a.test"));
	add_sni(2, "b.test", C1); /* something else changes */
	apply();
	ck_assert_ptr_eq(snapshot_certificate_for(s, S("a.test")), before); /* its key is not parsed again */
	add_certificate(C1, PEM_RSA_OTHER, false);
	apply();
	ck_assert_uint_eq(chosen("a.test"), C1);
	ck_assert_ptr_ne(snapshot_certificate_for(s, S("a.test")), before);

	add_sni(1, "a.test", C2);
	apply();
	ck_assert_uint_eq(chosen("a.test"), C2);
	catalog_remove(next, &certificate_schema, &c2);
	apply();
	ck_assert_uint_eq(chosen("a.test"), 0);
	add_sni(3, "a.test", C3); /* takes the name over from the one that goes */
	catalog_remove(next, &sni_schema, &one);
	apply();
	ck_assert_uint_eq(chosen("a.test"), C3);
}
END_TEST

START_TEST(both_pairs_are_read)
{
	add_certificate(C1, PEM_RSA, true);
	add_sni(1, "a.test", C1);
	apply();
	const struct certificate_part *c = snapshot_certificate_for(s, S("a.test"));
	ck_assert(c->pair.cert && c->alternative.cert && !c->is_broken);
	ck_assert_int_eq(EVP_PKEY_get_base_id(c->alternative.key), EVP_PKEY_EC);
}
END_TEST

START_TEST(a_broken_one_is_found_and_says_so)
{
	add_certificate(BROKEN, PEM_RSA, false);
	add_sni(1, "a.test", BROKEN);
	add_sni(2, "*", C1);
	apply();
	ck_assert_uint_eq(chosen("a.test"), BROKEN);
	ck_assert(snapshot_certificate_for(s, S("a.test"))->is_broken);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("certificates");
	TCase *c = tcase_create("choice");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, example_114_exact_then_left_then_right_then_all);
	tcase_add_test(c, case_and_a_dot_at_the_end_do_not_matter);
	tcase_add_test(c, a_left_wildcard_needs_two_labels_behind_it);
	tcase_add_test(c, what_is_no_name_gets_the_nodes_own);
	tcase_add_test(c, changes_are_followed);
	tcase_add_test(c, both_pairs_are_read);
	tcase_add_test(c, a_broken_one_is_found_and_says_so);
	suite_add_tcase(suite, c);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
