/* store_read: single records by id and by key, pages, tags (admin-api.md 5, entities.md 7). */
#include "tests/unit/store/fixture.h"

static json_t *get_by(struct store *st, const struct schema *kind, const char *field, struct slice value,
        const struct store_scope *scope, struct fault *f)
{
	struct store_key key = {.field = schema_field(kind, slice_cstr(field)), .value = value};
	return store_get(st, kind, &key, scope, f);
}

static bool has_id(json_t *r, unsigned n)
{
	bool same = r && strcmp(json_string_value(json_object_get(r, "id")), id_of(n)) == 0;
	json_decref(r);
	return same;
}

START_TEST(a_record_is_found_by_its_unique_field)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	struct fault f = {0};

	insert(st, &services, "{'id':@1,'name':'a'}");
	ck_assert(has_id(get_by(st, &services, "name", S("a"), NULL, &f), 1));
	ck_assert_ptr_null(get_by(st, &services, "name", S("b"), NULL, &f));
	ck_assert_int_eq(f.code, 0);
	store_close(st);
}
END_TEST

START_TEST(what_postgresql_cannot_hold_is_not_found)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	struct fault f = {0};

	insert(st, &consumers, "{'id':@1,'username':'a'}");
	ck_assert_ptr_null(get_by(st, &consumers, "username", S("a\0b"), NULL, &f));
	ck_assert_ptr_null(get_by(st, &consumers, "username", S("a\xff"), NULL, &f));
	ck_assert_int_eq(f.code, 0);
	store_close(st);
}
END_TEST

START_TEST(a_key_that_breaks_the_rules_of_its_field_is_code_10)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	struct fault f = {0};

	ck_assert_ptr_null(get_by(st, &services, "name", S("a b"), NULL, &f));
	ck_assert_ptr_null(f.fields);
	expect_fault(&f, 10, 400,
	        "invalid value 'a b': the only accepted ascii characters are alphanumerics or ., -, _, and ~", NULL);
	store_close(st);
}
END_TEST

START_TEST(a_record_of_an_older_release_gets_the_defaults_of_newer_fields)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	struct fault f = {0};
	bool more;

	insert(st, &services, "{'id':@1,'name':'a'}");
	json_t *r = get(st, &services, 1);
	ck_assert_int_eq(json_integer_value(json_object_get(r, "port")), 80);
	json_decref(r);
	r = store_list(st, &services, NULL, &(struct page){.size = 1}, &more, &f);
	ck_assert_int_eq(json_integer_value(json_object_get(json_array_get(r, 0), "port")), 80);
	json_decref(r);
	store_close(st);
}
END_TEST

START_TEST(a_record_that_breaks_newer_rules_is_shown_as_it_is)
{
	struct settings s;
	struct store *st = fresh_store(&s);

	insert(st, &services, "{'id':@1,'name':'not a name','port':'eighty','gone':1}");
	json_t *r = get(st, &services, 1), *want = record("{'id':@1,'name':'not a name','port':'eighty','gone':1}");
	ck_assert(json_equal(r, want));
	json_decref(want);
	json_decref(r);
	store_close(st);
}
END_TEST

START_TEST(a_scope_hides_rows_of_other_parents)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	struct fault f = {0};
	struct uuid u1 = uuid_of(1), u2 = uuid_of(2), id = uuid_of(3);
	const struct field *up = schema_field(&targets, S("upstream"));

	insert(st, &upstreams, "{'id':@1,'name':'u'}");
	insert(st, &upstreams, "{'id':@2,'name':'v'}");
	insert(st, &targets, "{'id':@3,'upstream':{'id':@1},'target':'h:80'}");
	insert(st, &targets, "{'id':@4,'upstream':{'id':@2},'target':'h:80'}");
	ck_assert(has_id(get_by(st, &targets, "target", S("h:80"), &(struct store_scope){up, &u2}, &f), 4));
	ck_assert(has_id(
	        store_get(st, &targets, &(struct store_key){.id = &id}, &(struct store_scope){up, &u1}, &f), 3));
	ck_assert_ptr_null(
	        store_get(st, &targets, &(struct store_key){.id = &id}, &(struct store_scope){up, &u2}, &f));
	ck_assert_int_eq(f.code, 0);
	store_close(st);
}
END_TEST

/* ---- pages ----------------------------------------------------------------------------------------------------- */

static json_t *list(
        struct store *st, const struct schema *kind, const struct store_scope *scope, struct page page, bool *more)
{
	struct fault f = {0};
	json_t *out = store_list(st, kind, scope, &page, more, &f);

	if (!out)
		ck_abort_msg("%s", f.message);
	return out;
}

START_TEST(pages_walk_all_rows_once_ascending_by_id)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	char form[64], after[UUID_TEXT + 1] = "";
	unsigned seen = 0, pages = 0;
	bool more = true;

	for (unsigned i = 0; i < 25; i++) {
		snprintf(form, sizeof form, "{'id':@%u,'name':'s%u'}", (i * 7) % 25 + 1, i);
		insert(st, &services, form);
	}
	while (more) {
		struct page page = {.size = 10, .after = *after ? slice_cstr(after) : (struct slice){0}};
		json_t *rows = list(st, &services, NULL, page, &more);
		pages++;
		for (size_t i = 0; i < json_array_size(rows); i++) {
			const char *id = json_string_value(json_object_get(json_array_get(rows, i), "id"));
			ck_assert_str_eq(id, id_of(++seen));
			snprintf(after, sizeof after, "%s", id);
		}
		json_decref(rows);
	}
	ck_assert_uint_eq(seen, 25);
	ck_assert_uint_eq(pages, 3);
	store_close(st);
}
END_TEST

START_TEST(exactly_size_rows_remaining_means_no_further_page)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	bool more = true;

	insert(st, &services, "{'id':@1,'name':'a'}");
	insert(st, &services, "{'id':@2,'name':'b'}");
	json_t *rows = list(st, &services, NULL, (struct page){.size = 2}, &more);
	ck_assert_uint_eq(json_array_size(rows), 2);
	ck_assert(!more);
	json_decref(rows);
	store_close(st);
}
END_TEST

START_TEST(a_nested_list_holds_the_parents_rows_only)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	struct uuid id = uuid_of(1);
	bool more;

	insert(st, &services, "{'id':@1,'name':'a'}");
	insert(st, &routes, "{'id':@2,'name':'r','service':{'id':@1}}");
	insert(st, &routes, "{'id':@3,'name':'q','service':null}");
	struct store_scope scope = {schema_field(&routes, S("service")), &id};
	json_t *rows = list(st, &routes, &scope, (struct page){.size = 100}, &more);
	ck_assert_uint_eq(json_array_size(rows), 1);
	json_decref(rows);
	store_close(st);
}
END_TEST

static size_t tagged(struct store *st, bool any, size_t n, const struct slice *tags)
{
	bool more;
	json_t *rows = list(st, &services, NULL,
	        (struct page){.size = 100, .tags = tags, .tags_count = n, .tags_any = any}, &more);
	size_t count = json_array_size(rows);

	json_decref(rows);
	return count;
}

START_TEST(tags_select_by_and_and_by_or)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	const struct slice ab[] = {S("a"), S("b")};
	const struct slice odd[] = {S("q\"\\{}, x")};
	const struct slice broken[] = {S("\xff")};

	insert(st, &services, "{'id':@1,'name':'1','tags':['a']}");
	insert(st, &services, "{'id':@2,'name':'2','tags':['b','a']}");
	insert(st, &services, "{'id':@3,'name':'3','tags':[]}");
	insert(st, &services, "{'id':@4,'name':'4','tags':null}");
	insert(st, &services, "{'id':@5,'name':'5','tags':['q\\\"\\\\{}, x']}");
	ck_assert_uint_eq(tagged(st, false, 1, ab), 2);
	ck_assert_uint_eq(tagged(st, false, 2, ab), 1);
	ck_assert_uint_eq(tagged(st, true, 2, ab), 2);
	ck_assert_uint_eq(tagged(st, false, 1, odd), 1);
	ck_assert_uint_eq(tagged(st, false, 1, broken), 0);
	store_close(st);
}
END_TEST

START_TEST(an_expired_row_is_in_no_list)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	bool more;

	insert(st, &consumers, "{'id':@1,'username':'a'}");
	insert(st, &keys, "{'id':@2,'key':'old','consumer':{'id':@1},'expires_at':1000}");
	insert(st, &keys, "{'id':@3,'key':'new','consumer':{'id':@1},'expires_at':null}");
	json_t *rows = list(st, &keys, NULL, (struct page){.size = 1}, &more);
	ck_assert_uint_eq(json_array_size(rows), 1);
	ck_assert(!more);
	json_decref(rows);
	store_close(st);
}
END_TEST

START_TEST(an_offset_that_is_no_id_is_code_1)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	struct fault f = {0};
	bool more;

	ck_assert_ptr_null(store_list(st, &services, NULL, &(struct page){.size = 1, .after = S("x")}, &more, &f));
	expect_fault(&f, 1, 400, NULL, NULL);
	store_close(st);
}
END_TEST

static void fill(TCase *tc)
{
	tcase_add_test(tc, a_record_is_found_by_its_unique_field);
	tcase_add_test(tc, what_postgresql_cannot_hold_is_not_found);
	tcase_add_test(tc, a_key_that_breaks_the_rules_of_its_field_is_code_10);
	tcase_add_test(tc, a_record_of_an_older_release_gets_the_defaults_of_newer_fields);
	tcase_add_test(tc, a_record_that_breaks_newer_rules_is_shown_as_it_is);
	tcase_add_test(tc, a_scope_hides_rows_of_other_parents);
	tcase_add_test(tc, pages_walk_all_rows_once_ascending_by_id);
	tcase_add_test(tc, exactly_size_rows_remaining_means_no_further_page);
	tcase_add_test(tc, a_nested_list_holds_the_parents_rows_only);
	tcase_add_test(tc, tags_select_by_and_and_by_or);
	tcase_add_test(tc, an_expired_row_is_in_no_list);
	tcase_add_test(tc, an_offset_that_is_no_id_is_code_1);
}

int main(void)
{
	return run_suite("store_read", fill);
}
