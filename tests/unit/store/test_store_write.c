/* store_write: insert, update, delete, cascades, faults and expiry (admin-api.md 3.2, entities.md 3 and 6). */
#include "tests/unit/store/fixture.h"

START_TEST(an_inserted_record_is_read_back_equal_and_makes_version_1)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	json_t *want = record("{'id':@1,'name':'a','host':'h','port':80,'created_at':1686720000.123,'tags':['x','y'],"
	                      "'client_certificate':null}");
	uint64_t version = 0;
	struct fault f = {0};

	ck_assert(store_insert(st, &services, want, &version, &f));
	ck_assert_uint_eq(version, 1);
	json_t *got = get(st, &services, 1);
	ck_assert(json_equal(got, want));
	char *order = json_dumps(got, JSON_COMPACT);
	ck_assert_ptr_nonnull(strstr(order, "{\"id\":"));
	ck_assert_ptr_nonnull(strstr(order, "\"port\":80,"));
	free(order);
	json_decref(got);
	json_decref(want);
	store_close(st);
}
END_TEST

START_TEST(the_text_of_a_record_keeps_order_and_numbers)
{
	struct settings s;
	struct store *st = fresh_store(&s);

	insert(st, &services, "{'id':@1,'name':'a','host':'h','port':9007199254740991,'created_at':0.1,'tags':null}");
	expect_value(&s, "SELECT replace(doc::text, '\"', '') FROM services",
	        "{id:00000000-0000-4000-8000-000000000001,name:a,host:h,port:9007199254740991,created_at:0.10000000000000001,"
	        "tags:null}");
	store_close(st);
}
END_TEST

START_TEST(columns_follow_the_record)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	struct fault f = {0};
	uint64_t version;

	insert(st, &services, "{'id':@1,'name':'a','tags':['x','y z']}");
	expect_value(&s, "SELECT name || array_to_string(tags, ',') FROM services", "ax,y z");
	json_t *r = record("{'id':@1,'name':'b','tags':['z']}");
	ck_assert(store_update(st, &services, r, &version, &f));
	expect_value(&s, "SELECT name || array_to_string(tags, ',') FROM services", "bz");
	json_decref(r);
	store_close(st);
}
END_TEST

/* A rollback must not bring back an admin, nor a delta carry one. */
START_TEST(a_private_kind_is_stored_but_makes_no_version)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	struct fault f = {0};
	uint64_t version = 9;

	ck_assert_uint_eq(insert(st, &guards, "{'id':@1,'name':'a','tags':['x']}"), 0);
	json_t *r = record("{'id':@1,'name':'b','tags':null}");
	ck_assert(store_update(st, &guards, r, &version, &f));
	ck_assert_uint_eq(version, 0);
	json_decref(r);
	expect_value(&s, "SELECT name FROM guards", "b");
	f = refused_insert(st, &guards, "{'id':@2,'name':'b'}");
	expect_fault(&f, 5, 409, NULL, "{'name':'b'}");
	ck_assert_uint_eq(remove_row(st, &guards, 1), 0);
	ck_assert(!is_there(st, &guards, 1));
	expect_value(&s, "SELECT count(*) FROM changelog", "0");
	ck_assert_uint_eq(insert(st, &services, "{'id':@1,'name':'a'}"), 1);
	store_close(st);
}
END_TEST

START_TEST(an_update_replaces_the_whole_record)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	struct fault f = {0};
	uint64_t version = 0;

	insert(st, &services, "{'id':@1,'name':'a','host':'h'}");
	json_t *r = record("{'id':@1,'name':null,'host':'i'}");
	ck_assert(store_update(st, &services, r, &version, &f));
	ck_assert_uint_eq(version, 2);
	json_t *got = get(st, &services, 1);
	ck_assert_str_eq(json_string_value(json_object_get(got, "host")), "i");
	ck_assert(json_is_null(json_object_get(got, "name")));
	json_decref(got);
	json_decref(r);
	store_close(st);
}
END_TEST

START_TEST(the_same_record_again_makes_no_version)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	struct fault f = {0};
	uint64_t version = 99;
	json_t *r = record("{'id':@1,'name':'a'}");

	insert(st, &services, "{'id':@1,'name':'a'}");
	ck_assert(store_update(st, &services, r, &version, &f));
	ck_assert_uint_eq(version, 0);
	expect_value(&s, "SELECT version FROM config_version", "1");
	expect_value(&s, "SELECT count(*) FROM changelog", "1");
	json_decref(r);
	store_close(st);
}
END_TEST

START_TEST(updating_a_missing_row_is_code_6)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	struct fault f = {0};
	uint64_t version;
	json_t *r = record("{'id':@1,'name':'a'}");

	ck_assert(!store_update(st, &services, r, &version, &f));
	expect_fault(&f, 6, 404,
	        "could not find the entity with primary key '{id=\"00000000-0000-4000-8000-000000000001\"}'",
	        "{'id':@1}");
	json_decref(r);
	store_close(st);
}
END_TEST

START_TEST(a_record_without_a_valid_id_is_code_1)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	struct fault f = refused_insert(st, &services, "{'id':'x','name':'a'}");

	expect_fault(&f, 1, 400, "invalid primary key: '{id=\"expected a valid UUID\"}'",
	        "{'id':'expected a valid UUID'}");
	store_close(st);
}
END_TEST

START_TEST(a_taken_id_is_code_3_with_status_400)
{
	struct settings s;
	struct store *st = fresh_store(&s);

	insert(st, &services, "{'id':@1,'name':'a'}");
	struct fault f = refused_insert(st, &services, "{'id':@1,'name':'b'}");
	expect_fault(&f, 3, 400, "primary key violation on key '{id=\"00000000-0000-4000-8000-000000000001\"}'",
	        "{'id':@1}");
	store_close(st);
}
END_TEST

START_TEST(a_taken_unique_value_is_code_5_with_status_409)
{
	struct settings s;
	struct store *st = fresh_store(&s);

	insert(st, &consumers, "{'id':@1,'username':'bob','custom_id':'c'}");
	struct fault f = refused_insert(st, &consumers, "{'id':@2,'username':'bob','custom_id':null}");
	expect_fault(&f, 5, 409, "UNIQUE violation detected on '{username=\"bob\"}'", "{'username':'bob'}");
	f = refused_insert(st, &consumers, "{'id':@2,'username':'al','custom_id':'c'}");
	expect_fault(&f, 5, 409, "UNIQUE violation detected on '{custom_id=\"c\"}'", "{'custom_id':'c'}");
	store_close(st);
}
END_TEST

START_TEST(an_update_meets_the_same_unique_rule)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	struct fault f = {0};
	uint64_t version;
	json_t *r = record("{'id':@2,'username':'bob'}");

	insert(st, &consumers, "{'id':@1,'username':'bob'}");
	insert(st, &consumers, "{'id':@2,'username':'al'}");
	ck_assert(!store_update(st, &consumers, r, &version, &f));
	expect_fault(&f, 5, 409, "UNIQUE violation detected on '{username=\"bob\"}'", NULL);
	json_decref(r);
	store_close(st);
}
END_TEST

START_TEST(nulls_of_unique_fields_never_collide)
{
	struct settings s;
	struct store *st = fresh_store(&s);

	insert(st, &consumers, "{'id':@1,'username':'a','custom_id':null}");
	insert(st, &consumers, "{'id':@2,'username':'b','custom_id':null}");
	insert(st, &consumers, "{'id':@3,'username':'c'}");
	store_close(st);
}
END_TEST

START_TEST(composite_keys_count_nulls_as_equal)
{
	struct settings s;
	struct store *st = fresh_store(&s);

	insert(st, &services, "{'id':@1,'name':'a'}");
	insert(st, &plugins, "{'id':@2,'name':'key-auth','route':null,'service':{'id':@1},'consumer':null}");
	insert(st, &plugins, "{'id':@3,'name':'key-auth','route':null,'service':null,'consumer':null}");
	struct fault f = refused_insert(
	        st, &plugins, "{'id':@4,'name':'key-auth','route':null,'service':{'id':@1},'consumer':null}");
	expect_fault(&f, 5, 409,
	        "UNIQUE violation detected on '{consumer=null,name=\"key-auth\",route=null,"
	        "service={id=\"00000000-0000-4000-8000-000000000001\"}}'",
	        "{'name':'key-auth','route':null,'service':{'id':@1},'consumer':null}");
	f = refused_insert(st, &plugins, "{'id':@4,'name':'key-auth','route':null,'service':null,'consumer':null}");
	expect_fault(&f, 5, 409,
	        "UNIQUE violation detected on '{consumer=null,name=\"key-auth\",route=null,service=null}'", NULL);
	store_close(st);
}
END_TEST

START_TEST(a_target_is_unique_within_its_upstream)
{
	struct settings s;
	struct store *st = fresh_store(&s);

	insert(st, &upstreams, "{'id':@1,'name':'u'}");
	insert(st, &upstreams, "{'id':@2,'name':'v'}");
	insert(st, &targets, "{'id':@3,'upstream':{'id':@1},'target':'h:80'}");
	insert(st, &targets, "{'id':@4,'upstream':{'id':@2},'target':'h:80'}");
	struct fault f = refused_insert(st, &targets, "{'id':@5,'upstream':{'id':@1},'target':'h:80'}");
	expect_fault(&f, 5, 409, NULL, "{'upstream':{'id':@1},'target':'h:80'}");
	store_close(st);
}
END_TEST

START_TEST(a_reference_to_a_missing_row_is_code_4)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	struct fault f = refused_insert(st, &routes, "{'id':@1,'name':'r','service':{'id':@9}}");

	expect_fault(&f, 4, 400,
	        "the foreign key '{id=\"00000000-0000-4000-8000-000000000009\"}' does not reference an existing 'services' entity.",
	        "{'service':{'id':@9}}");
	store_close(st);
}
END_TEST

START_TEST(a_reference_to_a_kind_that_does_not_exist_is_code_4)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	struct fault f = refused_insert(st, &services, "{'id':@1,'name':'r','client_certificate':{'id':@9}}");

	expect_fault(&f, 4, 400, NULL, "{'client_certificate':{'id':@9}}");
	store_close(st);
}
END_TEST

START_TEST(a_restricted_delete_is_code_4_and_changes_nothing)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	struct uuid id = uuid_of(1);
	struct fault f = {0};
	uint64_t version;

	insert(st, &services, "{'id':@1,'name':'a'}");
	insert(st, &routes, "{'id':@2,'name':'r','service':{'id':@1}}");
	insert(st, &plugins, "{'id':@3,'name':'p','service':{'id':@1}}");
	ck_assert(!store_delete(st, &services, &id, &version, &f));
	expect_fault(&f, 4, 400, "an existing 'routes' entity references this 'services' entity",
	        "{'@referenced_by':'routes'}");
	ck_assert(is_there(st, &services, 1));
	ck_assert(is_there(st, &plugins, 3));
	expect_value(&s, "SELECT version FROM config_version", "3");
	store_close(st);
}
END_TEST

START_TEST(deleting_what_is_not_there_succeeds_without_a_version)
{
	struct settings s;
	struct store *st = fresh_store(&s);

	ck_assert_uint_eq(remove_row(st, &services, 1), 0);
	expect_value(&s, "SELECT version FROM config_version", "0");
	store_close(st);
}
END_TEST

START_TEST(cascades_are_recursive_and_every_removal_is_logged_in_one_version)
{
	struct settings s;
	struct store *st = fresh_store(&s);

	insert(st, &consumers, "{'id':@1,'username':'a'}");
	insert(st, &keys, "{'id':@2,'key':'k','consumer':{'id':@1}}");
	insert(st, &tokens, "{'id':@3,'credential':{'id':@2}}");
	insert(st, &tokens, "{'id':@4,'credential':{'id':@2}}");
	insert(st, &plugins, "{'id':@5,'name':'p','consumer':{'id':@1}}");
	insert(st, &plugins, "{'id':@6,'name':'p'}");
	ck_assert_uint_eq(remove_row(st, &consumers, 1), 7);
	expect_value(&s,
	        "SELECT string_agg(kind || right(id::text, 1), ' ' ORDER BY seq) FROM changelog WHERE version = 7 AND op = 'delete'"
	        " AND doc IS NULL",
	        "plugins5 oauth2_tokens3 oauth2_tokens4 keyauth_credentials2 consumers1");
	ck_assert(is_there(st, &plugins, 6));
	ck_assert(!is_there(st, &tokens, 3));
	store_close(st);
}
END_TEST

START_TEST(expired_rows_are_invisible_and_purged_as_deletes)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	struct fault f = {0};
	uint64_t version = 0;

	insert(st, &consumers, "{'id':@1,'username':'a'}");
	insert(st, &keys, "{'id':@2,'key':'old','consumer':{'id':@1},'expires_at':1000}");
	insert(st, &keys, "{'id':@3,'key':'new','consumer':{'id':@1},'expires_at':99999999999}");
	insert(st, &keys, "{'id':@4,'key':'ever','consumer':{'id':@1},'expires_at':null}");
	insert(st, &tokens, "{'id':@5,'credential':{'id':@2}}");
	ck_assert(!is_there(st, &keys, 2));
	ck_assert(is_there(st, &keys, 3));
	ck_assert(is_there(st, &keys, 4));
	ck_assert(store_purge_expired(st, 100, &version, &f));
	ck_assert_uint_eq(version, 6);
	expect_value(&s, "SELECT count(*) FROM changelog WHERE version = 6 AND op = 'delete'", "2");
	ck_assert(!is_there(st, &tokens, 5));
	ck_assert(store_purge_expired(st, 100, &version, &f));
	ck_assert_uint_eq(version, 0);
	store_close(st);
}
END_TEST

START_TEST(the_key_of_an_expired_row_is_free)
{
	struct settings s;
	struct store *st = fresh_store(&s);

	insert(st, &consumers, "{'id':@1,'username':'a'}");
	insert(st, &keys, "{'id':@2,'key':'k','consumer':{'id':@1},'expires_at':1000}");
	insert(st, &keys, "{'id':@3,'key':'k','consumer':{'id':@1},'expires_at':null}");
	ck_assert(is_there(st, &keys, 3));
	expect_value(&s, "SELECT string_agg(op, ' ' ORDER BY seq) FROM changelog WHERE version = 3", "delete create");
	store_close(st);
}
END_TEST

static void fill(TCase *tc)
{
	tcase_add_test(tc, an_inserted_record_is_read_back_equal_and_makes_version_1);
	tcase_add_test(tc, the_text_of_a_record_keeps_order_and_numbers);
	tcase_add_test(tc, columns_follow_the_record);
	tcase_add_test(tc, an_update_replaces_the_whole_record);
	tcase_add_test(tc, the_same_record_again_makes_no_version);
	tcase_add_test(tc, updating_a_missing_row_is_code_6);
	tcase_add_test(tc, a_record_without_a_valid_id_is_code_1);
	tcase_add_test(tc, a_taken_id_is_code_3_with_status_400);
	tcase_add_test(tc, a_taken_unique_value_is_code_5_with_status_409);
	tcase_add_test(tc, an_update_meets_the_same_unique_rule);
	tcase_add_test(tc, nulls_of_unique_fields_never_collide);
	tcase_add_test(tc, composite_keys_count_nulls_as_equal);
	tcase_add_test(tc, a_target_is_unique_within_its_upstream);
	tcase_add_test(tc, a_reference_to_a_missing_row_is_code_4);
	tcase_add_test(tc, a_reference_to_a_kind_that_does_not_exist_is_code_4);
	tcase_add_test(tc, a_restricted_delete_is_code_4_and_changes_nothing);
	tcase_add_test(tc, deleting_what_is_not_there_succeeds_without_a_version);
	tcase_add_test(tc, a_private_kind_is_stored_but_makes_no_version);
	tcase_add_test(tc, cascades_are_recursive_and_every_removal_is_logged_in_one_version);
	tcase_add_test(tc, expired_rows_are_invisible_and_purged_as_deletes);
	tcase_add_test(tc, the_key_of_an_expired_row_is_free);
}

int main(void)
{
	return run_suite("store_write", fill);
}
