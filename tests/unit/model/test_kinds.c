/* kinds. */
#include <check.h>

#include "common/entity/service.h"
#include "common/model/kinds.h"
#include "common/plugin/entity.h"

START_TEST(a_kind_stands_after_every_kind_it_refers_to)
{
	for (size_t i = 0; i < kinds_count(); i++)
		for_each_field(f, kinds_at(i))
		{
			if (!f->ref)
				continue;
			const struct schema *to = kinds_by_name(slice_cstr(f->ref));
			ck_assert_ptr_nonnull(to);
			ck_assert_uint_le(kinds_index(to), i);
		}
}
END_TEST

START_TEST(core_kinds_come_first_and_plugins_bring_their_own)
{
	ck_assert_uint_lt(kinds_index(kinds_by_name(S("certificates"))), kinds_index(&service_schema));
	ck_assert_uint_lt(kinds_index(&plugin_schema), kinds_index(kinds_by_name(S("keyauth_credentials"))));
}
END_TEST

START_TEST(names_and_paths_lead_to_kinds)
{
	ck_assert_ptr_eq(kinds_by_name(S("services")), &service_schema);
	ck_assert_ptr_eq(kinds_by_path(S("key-auths")), kinds_by_name(S("keyauth_credentials")));
	ck_assert_ptr_null(kinds_by_name(S("key-auths")));
	ck_assert_ptr_null(kinds_by_path(S("keyauth_credentials")));
	ck_assert_ptr_null(kinds_by_path(S("")));
	ck_assert_ptr_null(kinds_at(kinds_count()));
	for (size_t i = 0; i < kinds_count(); i++)
		ck_assert_uint_eq(kinds_index(kinds_at(i)), i);
}
END_TEST

START_TEST(every_kind_begins_with_its_id_and_no_two_share_a_name_or_path)
{
	for (size_t i = 0; i < kinds_count(); i++) {
		const struct schema *s = kinds_at(i);
		ck_assert_str_eq(s->fields[0].name, "id"); /* the catalog relies on it */
		ck_assert_int_eq(s->fields[0].member, MEMBER_UUID);
		ck_assert_ptr_eq(kinds_by_name(slice_cstr(s->name)), s);
		if (s->path)
			ck_assert_ptr_eq(kinds_by_path(slice_cstr(s->path)), s);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("kinds");
	TCase *t = tcase_create("kinds");

	tcase_add_test(t, a_kind_stands_after_every_kind_it_refers_to);
	tcase_add_test(t, core_kinds_come_first_and_plugins_bring_their_own);
	tcase_add_test(t, names_and_paths_lead_to_kinds);
	tcase_add_test(t, every_kind_begins_with_its_id_and_no_two_share_a_name_or_path);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
