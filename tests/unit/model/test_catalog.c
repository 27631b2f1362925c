/* catalog: after random changes every copy answers as a catalog built from its records alone. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/model/catalog.h"
#include "common/model/kinds.h"
#include "common/plugin/entity.h"
#include "tests/support/records.h"

enum { CONSUMERS = 12, CREDENTIALS = 40, PLUGINS = 25, SLOTS = CONSUMERS + CREDENTIALS + PLUGINS, COPIES = 5 };

/* A catalog and the records that it should hold: slot number -> record, or NULL. */
struct pair {
	struct catalog *catalog;
	struct record *model[SLOTS];
};

static const char *kind_of_slot(unsigned slot)
{
	return slot < CONSUMERS ? "consumers" : slot < CONSUMERS + CREDENTIALS ? "keyauth_credentials" : "plugins";
}

static unsigned below(unsigned n)
{
	return (unsigned)random() % n;
}

/* Unique values carry the slot or a number that at most one slot has at a time (see is_taken). */
static struct record *random_record(unsigned slot, unsigned unique)
{
	if (slot < CONSUMERS)
		return record_of(
		        "consumers", "{'id':'%s','username':'u%u','custom_id':'c%u'}", test_id(slot), unique, slot);
	if (slot < CONSUMERS + CREDENTIALS)
		return record_of("keyauth_credentials", "{'id':'%s','consumer':{'id':'%s'},'key':'u%u'}",
		        test_id(slot), test_id(below(CONSUMERS)), unique);
	if (below(2))
		return record_of(
		        "plugins", "{'id':'%s','name':'key-auth','instance_name':'u%u'}", test_id(slot), unique);
	return record_of("plugins",
	        "{'id':'%s','name':'rate-limiting','config':{'minute':1},'consumer':{'id':'%s'},'service':{'id':'%s'}}",
	        test_id(slot), test_id(below(CONSUMERS)), test_id(below(3)));
}

static const struct field *unique_field(const struct schema *kind)
{
	for_each_field(f, kind)
	{
		if (f->flags & UNIQUE)
			return f;
	}
	return NULL;
}

static bool is_taken(const struct pair *p, unsigned slot, unsigned unique)
{
	char value[16];
	snprintf(value, sizeof value, "u%u", unique);
	for (unsigned i = 0; i < SLOTS; i++) {
		const struct record *r = p->model[i];
		if (r && i != slot && strcmp(kind_of_slot(i), kind_of_slot(slot)) == 0 &&
		        slice_eq(record_lookup_key(r, unique_field(r->kind)), slice_cstr(value)))
			return true;
	}
	return false;
}

/* ---- comparing ------------------------------------------------------------------------------------------------- */

static bool count_record(struct record *r, void *arg)
{
	++*(size_t *)arg;
	return true;
}

struct membership {
	const struct catalog *other;
	const struct field *f;
	const struct uuid *id;
	size_t n;
};

static bool is_record(struct record *r, void *wanted)
{
	return r != wanted;
}

static bool is_in_other(struct record *r, void *arg)
{
	struct membership *m = arg;
	m->n++;
	ck_assert(!catalog_each_ref(m->other, r->kind, m->f, m->id, is_record, r)); /* found: stopped early */
	return true;
}

static void compare_references(
        const struct catalog *a, const struct catalog *b, const struct schema *kind, const struct field *f)
{
	for (unsigned i = 0; i < CONSUMERS; i++) {
		const struct uuid id = test_uuid(i);
		struct membership m = {b, f, &id, 0};
		size_t n = 0;
		catalog_each_ref(a, kind, f, &id, is_in_other, &m);
		catalog_each_ref(b, kind, f, &id, count_record, &n);
		ck_assert_uint_eq(m.n, n);
	}
}

static void compare_unique(
        const struct catalog *a, const struct catalog *b, const struct schema *kind, const struct field *f)
{
	for (unsigned i = 0; i < 2 * SLOTS; i++) {
		char value[16];
		snprintf(value, sizeof value, "%c%u", i % 2 ? 'u' : 'c', i / 2);
		ck_assert_ptr_eq(
		        catalog_find(a, kind, f, slice_cstr(value)), catalog_find(b, kind, f, slice_cstr(value)));
	}
}

static void compare(const struct catalog *a, const struct catalog *b)
{
	ck_assert_uint_eq(catalog_total(a), catalog_total(b));
	for (size_t k = 0; k < kinds_count(); k++) {
		const struct schema *kind = kinds_at(k);
		size_t n = 0;
		ck_assert_uint_eq(catalog_count(a, kind), catalog_count(b, kind));
		catalog_each(a, kind, count_record, &n);
		ck_assert_uint_eq(n, catalog_count(a, kind));
		for (unsigned i = 0; i < SLOTS; i++) {
			const struct uuid id = test_uuid(i);
			ck_assert_ptr_eq(catalog_get(a, kind, &id), catalog_get(b, kind, &id));
		}
		for_each_field(f, kind)
		{
			if (f->ref)
				compare_references(a, b, kind, f);
			else if (f->flags & UNIQUE)
				compare_unique(a, b, kind, f);
		}
	}
}

static void compare_with_scratch(const struct pair *p)
{
	struct catalog *scratch = catalog_new();
	for (unsigned i = SLOTS; i-- > 0;)
		if (p->model[i])
			catalog_put(scratch, p->model[i]);
	compare(p->catalog, scratch);
	catalog_free(scratch);
}

/* ---- the property ---------------------------------------------------------------------------------------------- */

static void set_model(struct pair *p, unsigned slot, struct record *r)
{
	if (p->model[slot])
		record_unref(p->model[slot]);
	p->model[slot] = r;
}

static void change(struct pair *p)
{
	unsigned slot = below(SLOTS), unique = below(SLOTS);
	const struct uuid id = test_uuid(slot);
	if (below(3) == 0) {
		bool was = catalog_remove(p->catalog, kinds_by_name(slice_cstr(kind_of_slot(slot))), &id);
		ck_assert_int_eq(was, p->model[slot] != NULL);
		set_model(p, slot, NULL);
	} else if (!is_taken(p, slot, unique)) {
		struct record *r = random_record(slot, unique);
		catalog_put(p->catalog, r);
		set_model(p, slot, r);
	}
}

static void drop(struct pair *p)
{
	catalog_free(p->catalog);
	for (unsigned i = 0; i < SLOTS; i++)
		set_model(p, i, NULL);
	p->catalog = NULL;
}

static void copy(struct pair *to, const struct pair *from)
{
	if (to == from)
		return;
	drop(to);
	to->catalog = catalog_copy(from->catalog);
	for (unsigned i = 0; i < SLOTS; i++)
		to->model[i] = from->model[i] ? record_ref(from->model[i]) : NULL;
}

START_TEST(after_random_changes_every_copy_equals_a_catalog_built_from_scratch)
{
	static struct pair pairs[COPIES];
	srandom(11);
	for (int i = 0; i < COPIES; i++)
		pairs[i].catalog = catalog_new();
	for (int step = 0; step < 4000; step++) {
		if (below(20) == 0)
			copy(&pairs[below(COPIES)], &pairs[below(COPIES)]);
		else
			change(&pairs[below(COPIES)]);
		if (step % 100 == 0)
			for (int i = 0; i < COPIES; i++)
				compare_with_scratch(&pairs[i]);
	}
	for (int i = 0; i < COPIES; i++)
		drop(&pairs[i]);
}
END_TEST

/* ---- cases ----------------------------------------------------------------------------------------------------- */

static void put(struct catalog *c, struct record *r)
{
	catalog_put(c, r);
	record_unref(r);
}

START_TEST(a_dropped_candidate_leaves_the_catalog_as_it_was)
{
	struct catalog *c = catalog_new();
	const struct schema *consumers = kinds_by_name(S("consumers"));
	const struct uuid id = test_uuid(1);
	catalog_set_version(c, 4);
	put(c, record_of("consumers", "{'id':'%s','username':'old'}", test_id(1)));
	struct catalog *candidate = catalog_copy(c);
	put(candidate, record_of("consumers", "{'id':'%s','username':'new'}", test_id(1)));
	catalog_set_version(candidate, 5);
	ck_assert_ptr_null(catalog_find(candidate, consumers, schema_field(consumers, S("username")), S("old")));
	catalog_free(candidate);
	ck_assert_ptr_eq(catalog_find(c, consumers, schema_field(consumers, S("username")), S("old")),
	        catalog_get(c, consumers, &id));
	ck_assert_uint_eq(catalog_version(c), 4);
	catalog_free(c);
}
END_TEST

START_TEST(two_records_may_swap_a_unique_value_in_any_order)
{
	struct catalog *c = catalog_new();
	const struct schema *consumers = kinds_by_name(S("consumers"));
	const struct field *username = schema_field(consumers, S("username"));
	put(c, record_of("consumers", "{'id':'%s','username':'a'}", test_id(1)));
	put(c, record_of("consumers", "{'id':'%s','username':'b'}", test_id(2)));
	put(c, record_of("consumers", "{'id':'%s','username':'b'}", test_id(1)));
	put(c, record_of("consumers", "{'id':'%s','username':'a'}", test_id(2)));
	const struct uuid one = test_uuid(1), two = test_uuid(2);
	ck_assert(uuid_eq(&catalog_find(c, consumers, username, S("b"))->id, &one));
	ck_assert(uuid_eq(&catalog_find(c, consumers, username, S("a"))->id, &two));
	catalog_free(c);
}
END_TEST

START_TEST(the_id_is_a_field_to_find_by)
{
	struct catalog *c = catalog_new();
	const struct schema *consumers = kinds_by_name(S("consumers"));
	const struct uuid id = test_uuid(1);
	put(c, record_of("consumers", "{'id':'%s','username':'a'}", test_id(1)));
	ck_assert_ptr_nonnull(catalog_find(c, consumers, schema_field(consumers, S("id")), uuid_slice(&id)));
	ck_assert_ptr_null(catalog_find(c, consumers, schema_field(consumers, S("tags")), S("a"))); /* not unique */
	catalog_free(c);
}
END_TEST

START_TEST(a_row_without_a_reference_is_in_no_group)
{
	struct catalog *c = catalog_new();
	size_t n = 0;
	put(c, record_of("plugins", "{'name':'key-auth'}"));
	const struct uuid nil = {{0}};
	catalog_each_ref(c, &plugin_schema, schema_field(&plugin_schema, S("route")), &nil, count_record, &n);
	ck_assert_uint_eq(n, 0);
	catalog_free(c);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("catalog");
	TCase *t = tcase_create("catalog");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, after_random_changes_every_copy_equals_a_catalog_built_from_scratch);
	tcase_add_test(t, a_dropped_candidate_leaves_the_catalog_as_it_was);
	tcase_add_test(t, two_records_may_swap_a_unique_value_in_any_order);
	tcase_add_test(t, the_id_is_a_field_to_find_by);
	tcase_add_test(t, a_row_without_a_reference_is_in_no_group);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
