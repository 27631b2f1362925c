/* delta: what a control plane packs arrives whole, and nothing else changes anything. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/entity/service.h"
#include "common/model/kinds.h"
#include "common/sync/delta.h"
#include "tests/support/records.h"

static struct err err;
static struct delta_assembly assembly;

static Gatehouse__Sync__Envelope *envelope(const struct packed_delta *p, uint32_t part)
{
	uint8_t *bytes;
	size_t len = delta_envelope(p, part, &bytes);
	ck_assert_uint_le(len, DELTA_PART_SIZE);
	Gatehouse__Sync__Envelope *e = gatehouse__sync__envelope__unpack(NULL, len, bytes);
	ck_assert_ptr_nonnull(e);
	free(bytes);
	return e;
}

static enum assembly_result add(const struct packed_delta *p, uint32_t part)
{
	Gatehouse__Sync__Envelope *e = envelope(p, part);
	enum assembly_result result = delta_assembly_add(&assembly, e);
	gatehouse__sync__envelope__free_unpacked(e, NULL);
	return result;
}

/* Over the wire and back. */
static Gatehouse__Sync__Delta *travel(const struct packed_delta *p)
{
	uint32_t parts = delta_parts(p);
	for (uint32_t i = 0; i < parts; i++)
		ck_assert_int_eq(add(p, i), i + 1 < parts ? ASSEMBLY_MORE : ASSEMBLY_DONE);
	Gatehouse__Sync__Delta *d = delta_assembly_unpack(&assembly, &err);
	ck_assert_msg(d != NULL, "%s", err.message);
	delta_assembly_reset(&assembly);
	return d;
}

static struct change change_of(const struct record *r)
{
	return (struct change){r->kind, r->id, r->json};
}

/* Applies and frees both. NULL: refused. */
static struct catalog *apply(const struct catalog *base, struct packed_delta *p, struct text *held_back)
{
	Gatehouse__Sync__Delta *d = travel(p);
	struct catalog *c = delta_apply(base, d, held_back, &err);
	gatehouse__sync__delta__free_unpacked(d, NULL);
	packed_delta_free(p);
	return c;
}

static struct record *service(unsigned number, const char *name)
{
	return record_of("services", "{'id':'%s','name':'%s','host':'h.test'}", test_id(number), name);
}

/* Version 3 with services 1 and 2. */
static struct catalog *small_catalog(void)
{
	struct catalog *c = catalog_new();
	for (unsigned i = 1; i <= 2; i++) {
		struct record *r = service(i, i == 1 ? "one" : "two");
		catalog_put(c, r);
		record_unref(r);
	}
	catalog_set_version(c, 3);
	return c;
}

static const struct record *find(const struct catalog *c, const char *name)
{
	return catalog_find(c, &service_schema, schema_field(&service_schema, S("name")), slice_cstr(name));
}

START_TEST(changes_and_removals_are_applied_to_a_copy)
{
	struct catalog *base = small_catalog();
	struct record *three = service(3, "three"), *one = service(1, "uno");
	struct change changes[] = {change_of(three), change_of(one), {&service_schema, test_uuid(2), {NULL, 0}}};
	struct catalog *c = apply(base, delta_pack("e", 3, 4, changes, 3), NULL);
	ck_assert_msg(c != NULL, "%s", err.message);
	ck_assert_uint_eq(catalog_version(c), 4);
	ck_assert_uint_eq(catalog_total(c), 2);
	ck_assert(find(c, "three") && find(c, "uno") && !find(c, "one") && !find(c, "two"));
	ck_assert(slice_eq(find(c, "three")->json, three->json));
	ck_assert_uint_eq(find(c, "three")->version, 4);
	ck_assert_uint_eq(catalog_version(base), 3);
	ck_assert(find(base, "one") && find(base, "two") && !find(base, "three"));
	catalog_free(c);
	catalog_free(base);
	record_unref(three);
	record_unref(one);
}
END_TEST

START_TEST(a_snapshot_brings_everything_whatever_was_there)
{
	struct catalog *from = small_catalog(), *other = catalog_new();
	struct record *r = service(9, "nine");
	catalog_put(other, r);
	catalog_set_version(other, 17);
	struct catalog *c = apply(other, delta_pack_snapshot("e", from), NULL);
	ck_assert_uint_eq(catalog_version(c), 3);
	ck_assert_uint_eq(catalog_total(c), 2);
	catalog_free(c);
	c = apply(NULL, delta_pack_snapshot("e", from), NULL);
	ck_assert(find(c, "one") && find(c, "two"));
	catalog_free(c);
	catalog_free(other);
	catalog_free(from);
	record_unref(r);
}
END_TEST

START_TEST(a_snapshot_of_nothing_is_nothing)
{
	struct catalog *empty = catalog_new();
	struct packed_delta *p = delta_pack_snapshot("e", empty);
	ck_assert_uint_eq(delta_parts(p), 1);
	struct catalog *c = apply(NULL, p, NULL);
	ck_assert_uint_eq(catalog_total(c), 0);
	catalog_free(c);
	catalog_free(empty);
}
END_TEST

START_TEST(a_removal_of_what_is_not_there_is_no_error)
{
	struct catalog *base = small_catalog();
	struct change change = {&service_schema, test_uuid(77), {NULL, 0}};
	struct catalog *c = apply(base, delta_pack("e", 3, 4, &change, 1), NULL);
	ck_assert_uint_eq(catalog_total(c), 2);
	catalog_free(c);
	catalog_free(base);
}
END_TEST

START_TEST(a_delta_for_another_version_is_refused)
{
	struct catalog *base = small_catalog();
	ck_assert_ptr_null(apply(base, delta_pack("e", 2, 4, NULL, 0), NULL));
	ck_assert_str_eq(err.message, "expected a delta from version 3, not from 2");
	ck_assert_ptr_null(apply(NULL, delta_pack("e", 2, 4, NULL, 0), NULL));
	catalog_free(base);
}
END_TEST

static void is_refused(struct change bad, const char *why)
{
	struct catalog *base = small_catalog();
	struct record *good = service(3, "three");
	struct change changes[] = {change_of(good), bad};
	ck_assert_ptr_null(apply(base, delta_pack("e", 3, 4, changes, 2), NULL));
	ck_assert_msg(strstr(err.message, why) != NULL, "%s", err.message);
	ck_assert_uint_eq(catalog_total(base), 2);
	ck_assert_ptr_null(find(base, "three"));
	catalog_free(base);
	record_unref(good);
}

START_TEST(one_record_that_does_not_load_refuses_all)
{
	struct record *other = service(5, "five");
	is_refused((struct change){&service_schema, test_uuid(4), S("{")}, test_id(4));
	is_refused((struct change){&service_schema, test_uuid(4), S("{\"id\":5}")}, "services ");
	is_refused((struct change){&service_schema, test_uuid(4), other->json}, "another id");
	record_unref(other);
}
END_TEST

/* A Delta whose change is not of our making. */
static struct catalog *apply_raw(
        const struct catalog *base, const char *kind, struct slice id, struct slice json, struct text *held_back)
{
	Gatehouse__Sync__Change change = GATEHOUSE__SYNC__CHANGE__INIT, *changes[] = {&change, &change};
	Gatehouse__Sync__Delta d = GATEHOUSE__SYNC__DELTA__INIT;
	change.kind = (char *)kind;
	change.id = (ProtobufCBinaryData){id.len, (uint8_t *)id.ptr};
	change.json = (ProtobufCBinaryData){json.len, (uint8_t *)json.ptr};
	d.base_version = 3;
	d.version = 4;
	d.n_changes = 2;
	d.changes = changes;
	return delta_apply(base, &d, held_back, &err);
}

START_TEST(unknown_kinds_are_held_back_and_named_once)
{
	struct catalog *base = small_catalog();
	struct text held_back = {0};
	struct catalog *c = apply_raw(base, "dreams", S("1"), S("nonsense"), &held_back);
	ck_assert_ptr_nonnull(c);
	ck_assert_uint_eq(catalog_version(c), 4);
	ck_assert_str_eq(text_cstr(&held_back), "dreams");
	catalog_free(c);
	c = apply_raw(base, "wishes", S(""), S("x"), &held_back);
	ck_assert_str_eq(text_cstr(&held_back), "dreams, wishes");
	catalog_free(c);
	c = apply_raw(base, "wishes", S(""), S("x"), NULL);
	ck_assert_ptr_nonnull(c);
	catalog_free(c);
	text_fini(&held_back);
	catalog_free(base);
}
END_TEST

static struct catalog *apply_one(const struct catalog *base, const char *kind, json_t *json, struct text *held_back)
{
	char *text = json_dumps(json, JSON_COMPACT);
	struct uuid id;
	ck_assert(uuid_parse(slice_cstr(json_string_value(json_object_get(json, "id"))), &id));
	struct catalog *c = apply_raw(base, kind, uuid_slice(&id), slice_cstr(text), held_back);
	free(text);
	return c;
}

/* A field that a newer release has added is left out, and named; a plugin that it has added cannot be: a route would
 * be without it, perhaps open. That version is refused, and says which. */
START_TEST(a_newer_releases_fields_are_held_back_and_its_plugins_refused)
{
	struct catalog *base = small_catalog();
	struct record *r = record_of("plugins", "{'name':'key-auth'}");
	json_t *json = record_json(r);
	struct text held_back = {0};
	json_object_set_new(json, "color", json_string("red"));
	struct catalog *c = apply_one(base, "plugins", json, &held_back);
	ck_assert_msg(c != NULL, "%s", err.message);
	ck_assert_str_eq(text_cstr(&held_back), "plugins.color");
	catalog_free(c);
	json_object_set_new(json, "name", json_string("newer-auth"));
	ck_assert_ptr_null(apply_one(base, "plugins", json, &held_back));
	ck_assert_msg(strstr(err.message, "newer-auth") != NULL, "%s", err.message);
	text_fini(&held_back);
	json_decref(json);
	record_unref(r);
	catalog_free(base);
}
END_TEST

START_TEST(ids_must_have_16_bytes)
{
	struct catalog *base = small_catalog();
	ck_assert_ptr_null(apply_raw(base, "services", S("short"), S(""), NULL));
	ck_assert_ptr_null(apply_raw(base, "services", slice_of(NULL, 0), S(""), NULL));
	ck_assert_ptr_null(apply_raw(base, "services", S("12345678901234567"), S(""), NULL));
	catalog_free(base);
}
END_TEST

/* ---- parts ---------------------------------------------------------------------------------------------------- */

/* About n * 1 kB. */
static struct packed_delta *large(uint64_t version, unsigned n)
{
	struct record **records = calloc(n, sizeof *records);
	struct change *changes = calloc(n, sizeof *changes);
	char tag[900];
	memset(tag, 't', sizeof tag);
	tag[sizeof tag - 1] = '\0';
	for (unsigned i = 0; i < n; i++) {
		records[i] = record_of(
		        "services", "{'id':'%s','name':'s%u','host':'h','tags':['%s']}", test_id(i), i, tag);
		changes[i] = change_of(records[i]);
	}
	struct packed_delta *p = delta_pack("epoch-1", 0, version, changes, n);
	for (unsigned i = 0; i < n; i++)
		record_unref(records[i]);
	free(records);
	free(changes);
	return p;
}

START_TEST(a_delta_beyond_one_megabyte_travels_in_parts)
{
	struct packed_delta *p = large(5, 2500);
	struct catalog *base = catalog_new();
	ck_assert_uint_gt(p->len, 2u << 20);
	ck_assert_uint_ge(delta_parts(p), 5);
	struct catalog *c = apply(base, p, NULL);
	ck_assert_msg(c != NULL, "%s", err.message);
	ck_assert_uint_eq(catalog_total(c), 2500);
	ck_assert_ptr_nonnull(find(c, "s2499"));
	catalog_free(c);
	catalog_free(base);
}
END_TEST

START_TEST(parts_in_the_wrong_order_are_bad_and_part_0_begins_anew)
{
	struct packed_delta *p = large(5, 1500), *q = large(6, 1500);
	ck_assert_uint_ge(delta_parts(p), 3);
	ck_assert_int_eq(add(p, 1), ASSEMBLY_BAD);
	ck_assert_int_eq(add(p, 0), ASSEMBLY_MORE);
	ck_assert_int_eq(add(p, 2), ASSEMBLY_BAD);
	ck_assert_int_eq(add(p, 1), ASSEMBLY_BAD); /* all was forgotten */
	ck_assert_int_eq(add(p, 0), ASSEMBLY_MORE);
	ck_assert_int_eq(add(p, 0), ASSEMBLY_MORE);
	ck_assert_int_eq(add(p, 1), ASSEMBLY_MORE);
	ck_assert_int_eq(add(p, 1), ASSEMBLY_BAD); /* twice */
	ck_assert_int_eq(add(p, 0), ASSEMBLY_MORE);
	ck_assert_int_eq(add(q, 1), ASSEMBLY_BAD); /* of another delta */
	gatehouse__sync__delta__free_unpacked(travel(q), NULL);
	packed_delta_free(p);
	packed_delta_free(q);
}
END_TEST

/* Part 1 of p with one field changed. */
static enum assembly_result add_changed(const struct packed_delta *p, void (*change)(Gatehouse__Sync__Envelope *e))
{
	ck_assert_int_eq(add(p, 0), ASSEMBLY_MORE);
	Gatehouse__Sync__Envelope *e = envelope(p, 1);
	change(e);
	enum assembly_result result = delta_assembly_add(&assembly, e);
	gatehouse__sync__envelope__free_unpacked(e, NULL);
	return result;
}

static void change_epoch(Gatehouse__Sync__Envelope *e)
{
	e->epoch[0] = 'E';
}

static void change_base(Gatehouse__Sync__Envelope *e)
{
	e->base_version++;
}

static void change_version(Gatehouse__Sync__Envelope *e)
{
	e->version++;
}

static void change_parts(Gatehouse__Sync__Envelope *e)
{
	e->parts++;
}

START_TEST(a_part_that_belongs_elsewhere_is_bad)
{
	struct packed_delta *p = large(5, 1500);
	ck_assert_int_eq(add_changed(p, change_epoch), ASSEMBLY_BAD);
	ck_assert_int_eq(add_changed(p, change_base), ASSEMBLY_BAD);
	ck_assert_int_eq(add_changed(p, change_version), ASSEMBLY_BAD);
	ck_assert_int_eq(add_changed(p, change_parts), ASSEMBLY_BAD);
	packed_delta_free(p);
}
END_TEST

START_TEST(impossible_envelopes_are_bad)
{
	Gatehouse__Sync__Envelope e = GATEHOUSE__SYNC__ENVELOPE__INIT;
	ck_assert_int_eq(delta_assembly_add(&assembly, &e), ASSEMBLY_BAD); /* parts 0: nothing to send */
	e.parts = 2;
	e.part = 2;
	ck_assert_int_eq(delta_assembly_add(&assembly, &e), ASSEMBLY_BAD);
	e.part = 0;
	e.payload = (ProtobufCBinaryData){DELTA_PART_SIZE + 1, calloc(1, DELTA_PART_SIZE + 1)};
	ck_assert_int_eq(delta_assembly_add(&assembly, &e), ASSEMBLY_BAD);
	free(e.payload.data);
	ck_assert_ptr_null(assembly.bytes);
}
END_TEST

START_TEST(the_delta_inside_must_be_the_one_promised)
{
	struct packed_delta *p = delta_pack("e", 3, 4, NULL, 0);
	p->version = 5; /* on the envelope only */
	ck_assert_int_eq(add(p, 0), ASSEMBLY_DONE);
	ck_assert_ptr_null(delta_assembly_unpack(&assembly, &err));
	ck_assert_str_eq(err.message, "the envelope promised the delta from 3 to 5, inside is one from 3 to 4");
	delta_assembly_reset(&assembly);
	packed_delta_free(p);
}
END_TEST

/* ---- damage: whatever comes, it is refused or applied, and nothing breaks -------------------------------------- */

static void attempt(const struct catalog *base, struct slice bytes)
{
	struct text held_back = {0};
	assembly.bytes = slice_strdup(bytes);
	assembly.len = bytes.len;
	assembly.base = 3;
	assembly.version = 4;
	Gatehouse__Sync__Delta *d = delta_assembly_unpack(&assembly, &err);
	struct catalog *c = d ? delta_apply(base, d, &held_back, &err) : NULL;
	if (d)
		gatehouse__sync__delta__free_unpacked(d, NULL);
	catalog_free(c);
	text_fini(&held_back);
	delta_assembly_reset(&assembly);
}

START_TEST(truncated_and_altered_deltas_never_crash)
{
	struct catalog *base = small_catalog();
	struct record *r = service(3, "three");
	struct change changes[] = {change_of(r), {&service_schema, test_uuid(1), {NULL, 0}}};
	struct packed_delta *p = delta_pack("e", 3, 4, changes, 2);
	srandom(5);
	for (size_t cut = 0; cut <= p->len; cut++)
		attempt(base, slice_of(p->bytes, cut));
	for (int i = 0; i < 5000; i++) {
		size_t at = (size_t)random() % p->len;
		char was = p->bytes[at];
		p->bytes[at] = (char)random();
		attempt(base, slice_of(p->bytes, p->len));
		p->bytes[at] = was;
	}
	ck_assert_uint_eq(catalog_total(base), 2);
	ck_assert(find(base, "one") && find(base, "two"));
	packed_delta_free(p);
	record_unref(r);
	catalog_free(base);
}
END_TEST

START_TEST(random_bytes_never_crash)
{
	struct catalog *base = small_catalog();
	srandom(6);
	for (int i = 0; i < 5000; i++) {
		char bytes[64];
		size_t n = (size_t)random() % sizeof bytes;
		for (size_t k = 0; k < n; k++)
			bytes[k] = (char)random();
		attempt(base, slice_of(bytes, n));
		Gatehouse__Sync__Envelope *e = gatehouse__sync__envelope__unpack(NULL, n, (const uint8_t *)bytes);
		if (e) {
			delta_assembly_add(&assembly, e);
			gatehouse__sync__envelope__free_unpacked(e, NULL);
		}
		delta_assembly_reset(&assembly);
	}
	catalog_free(base);
}
END_TEST

/* A data plane's records have no texts; what it keeps on disk has. */
START_TEST(what_texts_were_forgotten_is_packed_all_the_same)
{
	struct catalog *c = small_catalog();
	struct packed_delta *whole = delta_pack_snapshot("e", c);
	record_forget_texts(true);
	struct catalog *forgetful = apply(NULL, delta_pack_snapshot("e", c), NULL);
	record_forget_texts(false);
	const struct uuid id = test_uuid(1);
	ck_assert(!slice_is_set(catalog_get(forgetful, &service_schema, &id)->json));
	struct packed_delta *again = delta_pack_snapshot("e", forgetful);
	ck_assert_uint_eq(again->len, whole->len);
	struct catalog *back = apply(NULL, again, NULL);
	ck_assert(
	        slice_eq(catalog_get(back, &service_schema, &id)->json, catalog_get(c, &service_schema, &id)->json));
	packed_delta_free(whole);
	catalog_free(back);
	catalog_free(forgetful);
	catalog_free(c);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("delta");
	TCase *t = tcase_create("delta");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, changes_and_removals_are_applied_to_a_copy);
	tcase_add_test(t, a_snapshot_brings_everything_whatever_was_there);
	tcase_add_test(t, a_snapshot_of_nothing_is_nothing);
	tcase_add_test(t, a_removal_of_what_is_not_there_is_no_error);
	tcase_add_test(t, a_delta_for_another_version_is_refused);
	tcase_add_test(t, one_record_that_does_not_load_refuses_all);
	tcase_add_test(t, unknown_kinds_are_held_back_and_named_once);
	tcase_add_test(t, ids_must_have_16_bytes);
	tcase_add_test(t, a_newer_releases_fields_are_held_back_and_its_plugins_refused);
	tcase_add_test(t, a_delta_beyond_one_megabyte_travels_in_parts);
	tcase_add_test(t, parts_in_the_wrong_order_are_bad_and_part_0_begins_anew);
	tcase_add_test(t, a_part_that_belongs_elsewhere_is_bad);
	tcase_add_test(t, impossible_envelopes_are_bad);
	tcase_add_test(t, the_delta_inside_must_be_the_one_promised);
	tcase_add_test(t, what_texts_were_forgotten_is_packed_all_the_same);
	tcase_add_test(t, truncated_and_altered_deltas_never_crash);
	tcase_add_test(t, random_bytes_never_crash);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
