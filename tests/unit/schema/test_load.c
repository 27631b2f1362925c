/* load: the order of steps and what each kind of write keeps, fills in and refuses (entities.md 1.4, 1.5, 1.7, 3). */
#include <check.h>
#include <stdlib.h>
#include <time.h>

#include "tests/support/loading.h"

/* A kind with one of everything. */
struct box {
	struct slice width, unit;
};
struct thing {
	struct uuid id;
	int64_t created_at, updated_at;
	struct slice name, key, colour, serial, password;
	int64_t count;
	double ratio;
	bool on;
	struct slice_list tags;
	struct box box, maybe;
	struct record_list boxes;
	struct ref owner;
};

static const struct field box_fields[] = {
        FIELD(struct box, width, .doc = "w"),
        FIELD(struct box, unit, .dflt = "'mm'"),
        {0},
};
static const struct schema box_schema = {.name = "box", .size = sizeof(struct box), .fields = box_fields};

static const struct field fields[] = {
        ID_FIELD(struct thing),
        CREATED_AT_FIELD(struct thing),
        UPDATED_AT_FIELD(struct thing),
        FIELD(struct thing, name, .flags = REQUIRED | UNIQUE),
        FIELD(struct thing, key, .flags = AUTO | UNIQUE),
        FIELD(struct thing, colour, .dflt = "'red'"),
        FIELD(struct thing, serial, .flags = IMMUTABLE),
        FIELD(struct thing, password, .flags = WRITE_ONLY),
        FIELD(struct thing, count, .dflt = "3", .flags = REQUIRED),
        FIELD(struct thing, ratio),
        FIELD(struct thing, on, .dflt = "true"),
        TAGS_FIELD(struct thing),
        FIELD(struct thing, box, .record = &box_schema),
        FIELD(struct thing, maybe, .record = &box_schema, .dflt = "null"),
        FIELD(struct thing, boxes, RECORDS(box_schema)),
        FIELD(struct thing, owner, .ref = "owners"),
        {0},
};

static bool expand_size(json_t *object, const json_t *value, struct err *e)
{
	if (json_integer_value(value) == 13)
		return err_set(e, "not thirteen");
	json_object_set_new(object, "count", json_integer(json_integer_value(value) * 2));
	return true;
}

static const struct shorthand shorthands[] = {
        {.name = "size", .type = TYPE_INTEGER, .expand = expand_size},
        {"box_width", TYPE_STRING, .replaced_by = "box.width"},
        {0},
};

static bool shout(json_t *record, const json_t *input, const json_t *existing, struct err *e)
{
	if (existing && !json_object_get(input, "name"))
		return true;
	if (strcmp(json_string_value(json_object_get(record, "name")), "quiet") == 0)
		return err_set(e, "will not shout");
	if (json_is_null(json_object_get(record, "colour")))
		json_object_set_new(record, "colour", json_string("LOUD"));
	return true;
}

static const struct schema thing = {.name = "things",
        .path = "things",
        .size = sizeof(struct thing),
        .fields = fields,
        .shorthands = shorthands,
        .transform = shout,
        .has_ttl = true};

static const char *const id = "11111111-2222-4333-8444-555555555555";

START_TEST(every_field_is_there_in_the_tables_order_with_records_in_full)
{
	static const char *const order[] = {"id", "created_at", "updated_at", "name", "key", "colour", "serial",
	        "count", "ratio", "on", "tags", "box", "maybe", "boxes", "owner", "expires_at"};
	json_t *t = created(&thing, "{'boxes':[{}],'name':'n'}"), *value;
	const char *key;
	size_t i = 0;

	json_object_foreach(t, key, value) ck_assert_str_eq(key, order[i++]);
	ck_assert_uint_eq(i, sizeof order / sizeof order[0]);
	has(t, "colour", "'red'");
	has(t, "count", "3");
	has(t, "on", "true");
	has(t, "tags", "null");
	has(t, "box", "{'width':null,'unit':'mm'}");
	has(t, "maybe", "null");
	has(t, "boxes", "[{'width':null,'unit':'mm'}]");
	has(t, "owner", "null");
	json_decref(t);
}
END_TEST

START_TEST(only_objects_are_records)
{
	refused(&thing, LOAD_CREATE, NULL, "[]", "{'@entity':['expected a record']}");
	refused(&thing, LOAD_STORED, NULL, "5", "{'@entity':['expected a record']}");
}
END_TEST

START_TEST(ids_times_and_keys_are_made_up)
{
	json_t *t = created(&thing, "{'name':'n'}"),
	       *u = created(&thing, "{'name':'n','id':null,'created_at':null,'key':null}");

	ck_assert(is_uuid(slice_cstr(json_string_value(json_object_get(t, "id")))));
	has(t, "created_at", "1700000000");
	has(t, "updated_at", "1700000000");
	ck_assert_uint_eq(json_string_length(json_object_get(t, "key")), 32);
	ck_assert(is_uuid(slice_cstr(json_string_value(json_object_get(u, "id")))));
	ck_assert(!json_equal(json_object_get(t, "id"), json_object_get(u, "id")));
	has(u, "created_at", "1700000000");
	has(u, "key", "null"); /* entities.md 3: sent null stays null */
	json_decref(t);
	json_decref(u);
}
END_TEST

START_TEST(a_sent_id_and_time_of_creation_are_kept_but_not_the_time_of_update)
{
	json_t *t = created(
	        &thing, "{'name':'n','id':'11111111-2222-4333-8444-5555555555AB','created_at':5,'updated_at':'x'}");
	has(t, "id", "'11111111-2222-4333-8444-5555555555ab'");
	has(t, "created_at", "5");
	has(t, "updated_at", "1700000000");
	json_decref(t);
	refused_saying(&thing, "{'name':'n','id':'abc'}", "id: expected a valid UUID");
	refused_saying(&thing, "{'name':'n','created_at':0}", "created_at: expected a valid timestamp");
}
END_TEST

static json_t *stored_thing(void)
{
	json_t *t = created(&thing, "{'name':'n','colour':'blue','serial':'s1','tags':['a','b'],'ratio':1.5,"
	                            "'id':'11111111-2222-4333-8444-555555555555','created_at':7,"
	                            "'box':{'width':'9','unit':'m'}}");
	return t;
}

START_TEST(a_patch_merges_records_and_replaces_the_rest)
{
	json_t *old = stored_thing();
	json_t *t = loaded(&thing, LOAD_UPDATE, old, "{'box':{'width':'10'},'tags':['c'],'count':4}");
	has(t, "box", "{'width':'10','unit':'m'}");
	has(t, "tags", "['c']");
	has(t, "count", "4");
	has(t, "colour", "'blue'");
	has(t, "ratio", "1.5");
	has(t, "created_at", "7");
	has(t, "updated_at", "1700000000");
	has(old, "tags", "['a','b']");
	json_decref(t);
	json_decref(old);
}
END_TEST

START_TEST(a_patch_keeps_the_id_and_can_clear_but_gives_no_defaults_back)
{
	json_t *old = stored_thing();
	json_t *t = loaded(&thing, LOAD_UPDATE, old,
	        "{'id':'99999999-2222-4333-8444-555555555555','created_at':null,'ratio':null,'tags':null}");
	ck_assert_str_eq(json_string_value(json_object_get(t, "id")), id);
	has(t, "created_at", "7");
	has(t, "ratio", "null");
	has(t, "tags", "null");
	json_decref(t);
	refused(&thing, LOAD_UPDATE, old, "{'name':null,'count':null}",
	        "{'name':'required field missing','count':'required field missing'}");
	json_decref(old);
}
END_TEST

START_TEST(a_patch_cannot_change_what_is_immutable)
{
	json_t *old = stored_thing();
	refused(&thing, LOAD_UPDATE, old, "{'serial':'s2'}", "{'serial':'immutable field cannot be updated'}");
	json_decref(loaded(&thing, LOAD_UPDATE, old, "{'serial':'s1','count':9}"));
	json_decref(old);
}
END_TEST

START_TEST(a_replacement_keeps_only_the_id)
{
	json_t *old = stored_thing(), *t = loaded(&thing, LOAD_REPLACE, old, "{'name':'m'}");
	ck_assert_str_eq(json_string_value(json_object_get(t, "id")), id);
	has(t, "created_at", "1700000000");
	has(t, "colour", "'red'");
	has(t, "serial", "null");
	has(t, "tags", "null");
	has(t, "box", "{'width':null,'unit':'mm'}");
	json_decref(t);
	t = loaded(&thing, LOAD_REPLACE, old, "{'name':'m','created_at':12}");
	has(t, "created_at", "12");
	json_decref(t);
	t = loaded(&thing, LOAD_REPLACE, NULL, "{'name':'m'}");
	ck_assert(is_uuid(slice_cstr(json_string_value(json_object_get(t, "id")))));
	json_decref(t);
	json_decref(old);
}
END_TEST

START_TEST(a_stored_record_gets_newer_fields_and_loses_unknown_ones)
{
	json_t *t = loaded(&thing, LOAD_STORED, NULL,
	        "{'name':'quiet','id':'11111111-2222-4333-8444-555555555555','created_at':7,'updated_at':8,'key':'k',"
	        "'colour':null,'future':1,'box':{'unit':'m','depth':2}}");
	has(t, "updated_at", "8");
	has(t, "count", "3");
	has(t, "colour", "null"); /* no transformation either */
	has(t, "future", NULL);
	has(t, "box", "{'width':null,'unit':'m'}");
	has(t, "expires_at", "null");
	json_decref(t);
}
END_TEST

START_TEST(the_last_step_changes_or_refuses_what_was_found_good)
{
	json_t *t = created(&thing, "{'name':'n','colour':null}");
	has(t, "colour", "'LOUD'");
	json_decref(t);
	refused_saying(&thing, "{'name':'quiet'}", "will not shout");
	json_t *old = loaded(&thing, LOAD_STORED, NULL, "{'name':'n','colour':null,'created_at':1,'updated_at':1}");
	t = loaded(&thing, LOAD_UPDATE, old, "{'count':4}"); /* this one looks at what was sent */
	has(t, "colour", "null");
	json_decref(t);
	t = loaded(&thing, LOAD_UPDATE, old, "{'name':'m'}");
	has(t, "colour", "'LOUD'");
	json_decref(t);
	json_decref(old);
}
END_TEST

START_TEST(what_is_write_only_is_checked_and_not_stored)
{
	json_t *t = created(&thing, "{'name':'n','password':'x'}");
	has(t, "password", NULL);
	json_decref(t);
	refused_saying(&thing, "{'name':'n','password':1}", "password: expected a string");
}
END_TEST

/* ---- shorthands ------------------------------------------------------------------------------------------------ */

START_TEST(a_shorthand_overrides_and_disappears)
{
	json_t *t = created(&thing, "{'name':'n','size':4,'count':1}");
	has(t, "count", "8");
	has(t, "size", NULL);
	json_decref(t);
	t = created(&thing, "{'name':'n','size':null}");
	has(t, "count", "3");
	json_decref(t);
}
END_TEST

START_TEST(errors_of_shorthands_stop_everything_else)
{
	refused(&thing, LOAD_CREATE, NULL, "{'size':'x','colour':1}", "{'size':'expected an integer'}");
	refused(&thing, LOAD_CREATE, NULL, "{'size':13,'colour':1}", "{'size':'not thirteen'}");
}
END_TEST

START_TEST(a_deprecated_name_fills_the_new_one)
{
	json_t *t = created(&thing, "{'name':'n','box_width':'7'}");
	has(t, "box", "{'width':'7','unit':'mm'}");
	has(t, "box_width", NULL);
	json_decref(t);
	json_decref(created(&thing, "{'name':'n','box_width':'7','box':{'width':'7'}}"));
	json_decref(created(&thing, "{'name':'n','box_width':null,'box':{'width':'7'}}"));
	refused(&thing, LOAD_CREATE, NULL, "{'name':'n','box_width':'7','box':{'width':'8'}}",
	        "{'box_width':'both deprecated and new field are used but their values mismatch: box_width = 7 vs "
	        "box.width = 8'}");
	refused(&thing, LOAD_CREATE, NULL, "{'name':'n','box_width':'7','box':5}", "{'box':'expected a record'}");
}
END_TEST

START_TEST(a_patch_with_a_deprecated_name_replaces_the_stored_value)
{
	json_t *old = stored_thing(), *t = loaded(&thing, LOAD_UPDATE, old, "{'box_width':'1'}");
	has(t, "box", "{'width':'1','unit':'m'}");
	json_decref(t);
	json_decref(old);
}
END_TEST

/* ---- ttl ------------------------------------------------------------------------------------------------------- */

START_TEST(a_ttl_becomes_the_time_of_expiry)
{
	json_t *t = created(&thing, "{'name':'n','ttl':60}");
	has(t, "expires_at", "1700000060");
	has(t, "ttl", NULL);
	json_t *kept = loaded(&thing, LOAD_UPDATE, t, "{'count':1}"),
	       *cleared = loaded(&thing, LOAD_UPDATE, t, "{'ttl':0}");
	json_t *null = loaded(&thing, LOAD_UPDATE, t, "{'ttl':null}"),
	       *replaced = loaded(&thing, LOAD_REPLACE, t, "{'name':'n'}");
	json_t *stored = loaded(&thing, LOAD_STORED, NULL, "{'name':'n','expires_at':1700000060}");
	has(kept, "expires_at", "1700000060");
	has(cleared, "expires_at", "null");
	has(null, "expires_at", "null");
	has(replaced, "expires_at", "null");
	has(stored, "expires_at", "1700000060");
	json_decref(t);
	json_decref(kept);
	json_decref(cleared);
	json_decref(null);
	json_decref(replaced);
	json_decref(stored);
}
END_TEST

START_TEST(a_bad_ttl_is_the_only_error)
{
	const char *const error = "{'ttl':'must be an integer between 0 and 100000000'}";
	refused(&thing, LOAD_CREATE, NULL, "{'ttl':-1}", error);
	refused(&thing, LOAD_CREATE, NULL, "{'ttl':1.5,'colour':1}", error);
	refused(&thing, LOAD_CREATE, NULL, "{'ttl':100000001}", error);
	refused(&thing, LOAD_CREATE, NULL, "{'ttl':'x'}", error);
	json_decref(created(&thing, "{'name':'n','ttl':2.0}"));
}
END_TEST

START_TEST(clients_cannot_set_the_time_of_expiry)
{
	json_t *t = created(&thing, "{'name':'n'}");
	refused_saying(&thing, "{'name':'n','expires_at':5}", "expires_at: unknown field");
	refused(&thing, LOAD_UPDATE, t, "{'expires_at':5}", "{'expires_at':'unknown field'}");
	json_decref(t);
}
END_TEST

/* ---- rendering ------------------------------------------------------------------------------------------------- */

START_TEST(clients_see_the_remaining_seconds_and_the_deprecated_names)
{
	json_t *t = created(&thing, "{'name':'n','box_width':'7','ratio':2.0}"), *r = schema_render(&thing, t, true);
	has(r, "ttl", "null");
	has(r, "expires_at", NULL);
	has(r, "box_width", "'7'");
	has(r, "ratio", "2");
	json_decref(r);

	json_object_set_new(t, "expires_at", json_integer((json_int_t)time(NULL) + 100));
	r = schema_render(&thing, t, true);
	json_int_t left = json_integer_value(json_object_get(r, "ttl"));
	ck_assert(left >= 98 && left <= 100);
	json_decref(r);
	json_object_set_new(t, "expires_at", json_integer(5));
	r = schema_render(&thing, t, true);
	has(r, "ttl", "0");
	json_decref(r);
	json_decref(t);
}
END_TEST

struct vaulted {
	struct slice secret, hidden;
	struct slice_list secrets;
};
static const struct field vaulted_fields[] = {
        FIELD(struct vaulted, secret, .flags = SECRET),
        FIELD(struct vaulted, hidden, .flags = HIDDEN),
        FIELD(struct vaulted, secrets, .flags = SECRET, STRINGS()),
        {0},
};
static const struct schema vaulted = {.name = "vaulted", .size = sizeof(struct vaulted), .fields = vaulted_fields};

START_TEST(secrets_are_masked_unless_asked_for_and_hidden_fields_never_shown)
{
	json_t *t = created(&vaulted, "{'secret':'s','hidden':'h','secrets':['a','b']}");
	json_t *open = schema_render(&vaulted, t, true), *masked = schema_render(&vaulted, t, false);
	has(open, "secret", "'s'");
	has(open, "hidden", NULL);
	has(masked, "secret", "'***'");
	has(masked, "secrets", "['***','***']");
	has(t, "secrets", "['a','b']");
	json_decref(open);
	json_decref(masked);
	json_decref(t);
	t = created(&vaulted, "{}");
	masked = schema_render(&vaulted, t, false);
	has(masked, "secret", "null"); /* that there is none is no secret */
	json_decref(masked);
	json_decref(t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("load");
	TCase *t = tcase_create("load");
	tcase_add_test(t, every_field_is_there_in_the_tables_order_with_records_in_full);
	tcase_add_test(t, only_objects_are_records);
	tcase_add_test(t, ids_times_and_keys_are_made_up);
	tcase_add_test(t, a_sent_id_and_time_of_creation_are_kept_but_not_the_time_of_update);
	tcase_add_test(t, a_patch_merges_records_and_replaces_the_rest);
	tcase_add_test(t, a_patch_keeps_the_id_and_can_clear_but_gives_no_defaults_back);
	tcase_add_test(t, a_patch_cannot_change_what_is_immutable);
	tcase_add_test(t, a_replacement_keeps_only_the_id);
	tcase_add_test(t, a_stored_record_gets_newer_fields_and_loses_unknown_ones);
	tcase_add_test(t, the_last_step_changes_or_refuses_what_was_found_good);
	tcase_add_test(t, what_is_write_only_is_checked_and_not_stored);
	tcase_add_test(t, a_shorthand_overrides_and_disappears);
	tcase_add_test(t, errors_of_shorthands_stop_everything_else);
	tcase_add_test(t, a_deprecated_name_fills_the_new_one);
	tcase_add_test(t, a_patch_with_a_deprecated_name_replaces_the_stored_value);
	tcase_add_test(t, a_ttl_becomes_the_time_of_expiry);
	tcase_add_test(t, a_bad_ttl_is_the_only_error);
	tcase_add_test(t, clients_cannot_set_the_time_of_expiry);
	tcase_add_test(t, clients_see_the_remaining_seconds_and_the_deprecated_names);
	tcase_add_test(t, secrets_are_masked_unless_asked_for_and_hidden_fields_never_shown);
	suite_add_tcase(s, t);
	return run_suite(s);
}
