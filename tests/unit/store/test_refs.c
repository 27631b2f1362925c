/* refs: references by unique key (entities.md 1.6, admin-api.md 3.2 code 13). */
#include "tests/unit/store/fixture.h"

/* Input after resolution, which must succeed. */
static json_t *resolved(struct store *st, const struct schema *kind, const char *form)
{
	struct fault f = {0};
	json_t *input = record(form);

	if (!store_resolve_refs(st, kind, input, &f))
		ck_abort_msg("%s", f.message);
	return input;
}

static void expect_resolved(struct store *st, const struct schema *kind, const char *form, const char *want_form)
{
	json_t *got = resolved(st, kind, form), *want = record(want_form);

	ck_assert(json_equal(got, want));
	json_decref(got);
	json_decref(want);
}

START_TEST(a_name_becomes_an_id)
{
	struct settings s;
	struct store *st = fresh_store(&s);

	insert(st, &services, "{'id':@1,'name':'a'}");
	insert(st, &consumers, "{'id':@2,'username':'bob','custom_id':'c'}");
	expect_resolved(st, &routes, "{'service':{'name':'a'}}", "{'service':{'id':@1}}");
	expect_resolved(st, &plugins, "{'service':{'name':'a','id':null},'consumer':{'custom_id':'c'}}",
	        "{'service':{'id':@1},'consumer':{'id':@2}}");
	store_close(st);
}
END_TEST

START_TEST(what_cannot_be_looked_up_is_left_for_the_schema)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	static const char *const forms[] = {"{'service':{'id':@1,'name':'x'}}", "{'service':null}", "{'service':'x'}",
	        "{'service':{}}", "{'service':{'host':'x'}}", "{'service':{'id':'no uuid','name':'x'}}",
	        "{'service':{'name':7}}", "{}"};

	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
		expect_resolved(st, &routes, forms[i], forms[i]);
	expect_resolved(st, &services, "{'client_certificate':{'name':'x'}}", "{'client_certificate':{'name':'x'}}");
	store_close(st);
}
END_TEST

START_TEST(an_unknown_name_is_code_13)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	struct fault f = {0};
	json_t *input = record("{'service':{'name':'x'}}");

	ck_assert(!store_resolve_refs(st, &routes, input, &f));
	ck_assert_str_eq(json_string_value(json_object_get(json_object_get(f.fields, "service"), "name")),
	        "the foreign key cannot be resolved with '{name=\"x\"}' for an existing 'services' entity");
	expect_fault(&f, 13, 400,
	        "foreign key unresolved (service.name: the foreign key cannot be resolved with '{name=\"x\"}' for an existing "
	        "'services' entity)",
	        NULL);
	json_decref(input);
	store_close(st);
}
END_TEST

START_TEST(every_unresolved_reference_is_named)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	struct fault f = {0};
	json_t *input = record("{'name':'p','service':{'name':'x'},'consumer':{'username':'y'}}");

	ck_assert(!store_resolve_refs(st, &plugins, input, &f));
	ck_assert_int_eq(f.code, 13);
	ck_assert_uint_eq(json_object_size(f.fields), 2);
	ck_assert_ptr_nonnull(strstr(f.message, "2 foreign keys unresolved"));
	fault_fini(&f);
	json_decref(input);
	store_close(st);
}
END_TEST

START_TEST(names_written_in_the_same_unit_are_found)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	struct fault f = {0};
	uint64_t version;

	ck_assert(store_begin(st, &f));
	insert(st, &services, "{'id':@1,'name':'a'}");
	expect_resolved(st, &routes, "{'service':{'name':'a'}}", "{'service':{'id':@1}}");
	ck_assert(store_commit(st, &version, &f));
	store_close(st);
}
END_TEST

static void fill(TCase *tc)
{
	tcase_add_test(tc, a_name_becomes_an_id);
	tcase_add_test(tc, what_cannot_be_looked_up_is_left_for_the_schema);
	tcase_add_test(tc, an_unknown_name_is_code_13);
	tcase_add_test(tc, every_unresolved_reference_is_named);
	tcase_add_test(tc, names_written_in_the_same_unit_are_found);
}

int main(void)
{
	return run_suite("refs", fill);
}
