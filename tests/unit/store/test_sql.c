/* sql: the statements as text; whether PostgreSQL likes them is shown by the other tests of this folder. */
#include "cp/store/sql.h"
#include "tests/unit/store/fixture.h"

static void expect_text(struct text *t, const char *want)
{
	ck_assert_str_eq(text_cstr(t), want);
	text_fini(t);
	*t = (struct text){0};
}

START_TEST(only_what_is_searched_or_constrained_is_a_column)
{
	ck_assert(is_column(schema_field(&services, S("id"))));
	ck_assert(is_column(schema_field(&services, S("name"))));
	ck_assert(is_column(schema_field(&services, S("tags"))));
	ck_assert(is_column(schema_field(&services, S("client_certificate"))));
	ck_assert(is_column(schema_field(&targets, S("target"))));
	ck_assert(!is_column(schema_field(&services, S("host"))));
	ck_assert(!is_column(&(struct field){.name = "snis", .type = TYPE_STRING, .flags = UNIQUE | WRITE_ONLY}));
}
END_TEST

START_TEST(a_table_is_doc_and_columns_made_from_it)
{
	struct text t = {0};

	sql_create_table(&t, &targets);
	expect_text(&t, "CREATE TABLE \"targets\" (doc json NOT NULL, "
	                "\"id\" uuid GENERATED ALWAYS AS ((doc ->> 'id')::uuid) STORED, "
	                "\"upstream\" uuid GENERATED ALWAYS AS ((doc -> 'upstream' ->> 'id')::uuid) STORED, "
	                "\"target\" text GENERATED ALWAYS AS ((doc ->> 'target')::text) STORED, "
	                "CONSTRAINT \"targets_pkey\" PRIMARY KEY (id))");
}
END_TEST

START_TEST(indexes_and_references_have_names_that_errors_lead_back_from)
{
	struct text t = {0};

	sql_create_index(&t, &services, schema_field(&services, S("name")));
	expect_text(&t, "CREATE UNIQUE INDEX \"services_name_key\" ON \"services\" (\"name\")");
	sql_create_index(&t, &services, schema_field(&services, S("tags")));
	expect_text(&t, "CREATE INDEX \"services_tags_idx\" ON \"services\" USING gin (\"tags\")");
	sql_create_index(&t, &services, schema_field(&services, S("id")));
	expect_text(&t, "");
	sql_create_scope_index(&t, &targets);
	expect_text(&t,
	        "CREATE UNIQUE INDEX \"targets_scope_key\" ON \"targets\" (\"upstream\", \"target\") NULLS NOT DISTINCT");
	sql_add_fkey(&t, &routes, schema_field(&routes, S("service")), &services);
	expect_text(&t,
	        "ALTER TABLE \"routes\" ADD CONSTRAINT \"routes_service_fkey\" FOREIGN KEY (\"service\") REFERENCES "
	        "\"services\" (id) DEFERRABLE");
}
END_TEST

START_TEST(names_are_cut_where_postgresql_cuts_them)
{
	static const struct field long_fields[] = {
	        TEXT("a_field_with_quite_a_long_name_of_its_own", .flags = UNIQUE), {0}};
	static const struct schema kind = {.name = "a_kind_with_a_rather_long_name", .fields = long_fields};
	char name[SQL_NAME];

	sql_index_name(&kind, long_fields, name);
	ck_assert_str_eq(name, "a_kind_with_a_rather_long_name_a_field_with_quite_a_long_name_o");
}
END_TEST

START_TEST(identifiers_are_quoted)
{
	struct text t = {0};

	sql_ident(&t, "gr\"oup");
	expect_text(&t, "\"gr\"\"oup\"");
}
END_TEST

START_TEST(a_page_has_its_restrictions_in_the_order_of_its_parameters)
{
	struct text t = {0};

	sql_select_page(&t, &keys,
	        &(struct sql_page){
	                .at = SQL_PRESENT, .scope = schema_field(&keys, S("consumer")), .after = true, .limit = 101});
	expect_text(&t,
	        "SELECT doc FROM \"keyauth_credentials\" WHERE true AND \"consumer\" = $1::uuid AND id > $2::uuid AND "
	        "(expires_at IS NULL OR expires_at > extract(epoch from now())) ORDER BY id LIMIT 101");
	sql_select_page(
	        &t, &services, &(struct sql_page){.at = SQL_PRESENT, .tags = true, .tags_any = true, .limit = 2});
	expect_text(&t, "SELECT doc FROM \"services\" WHERE true AND tags && $1::text[] ORDER BY id LIMIT 2");
}
END_TEST

static void fill(TCase *tc)
{
	tcase_add_test(tc, only_what_is_searched_or_constrained_is_a_column);
	tcase_add_test(tc, a_table_is_doc_and_columns_made_from_it);
	tcase_add_test(tc, indexes_and_references_have_names_that_errors_lead_back_from);
	tcase_add_test(tc, names_are_cut_where_postgresql_cuts_them);
	tcase_add_test(tc, identifiers_are_quoted);
	tcase_add_test(tc, a_page_has_its_restrictions_in_the_order_of_its_parameters);
}

int main(void)
{
	return run_suite("sql", fill);
}
