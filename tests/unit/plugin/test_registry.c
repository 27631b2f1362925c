/* registry: what every plugin must say about itself. */
#include <check.h>

#include <stdio.h>

#include "common/plugin/registry.h"
#include "tests/support/plugin_rig.h"

START_TEST(plugins_are_found_by_name)
{
	for (size_t i = 0; i < registry_count(); i++)
		ck_assert_ptr_eq(registry_find(slice_cstr(registry_at(i)->name)), registry_at(i));
	ck_assert_ptr_null(registry_find(S("no-such")));
	ck_assert_ptr_null(registry_find(S("")));
	ck_assert_ptr_null(registry_at(registry_count()));
}
END_TEST

START_TEST(every_plugin_fills_in_the_form)
{
	for (size_t i = 0; i < registry_count(); i++) {
		const struct plugin *p = registry_at(i);
		ck_assert_ptr_nonnull(p->config);
		ck_assert_str_eq(p->config->name, p->name);
		ck_assert_msg(p->doc && *p->doc, "%s has no doc", p->name);
		ck_assert_msg(
		        p->rewrite || p->access || p->response_head || p->log || p->request_body || p->response_body,
		        "%s has no phase", p->name);
		for_each_field(f, p->config) ck_assert_msg(f->doc && *f->doc, "%s: %s has no doc", p->name, f->name);
	}
}
END_TEST

/* The reference shows them, and people copy them. */
START_TEST(every_example_is_accepted)
{
	static struct rig rig;
	const struct plugin *p = registry_at((size_t)_i);
	char row[1024];
	ck_assert_msg(p->example != NULL, "%s has no example", p->name);
	snprintf(row, sizeof row, "{'name':'%s','config':%s}", p->name, p->example);
	rig_init(&rig);
	const char *why = rig_refusal(&rig, "plugins", row);
	ck_assert_msg(why == NULL, "%s", why);
	rig_fini(&rig);
}
END_TEST

START_TEST(priorities_are_those_of_plugins_md_0_2)
{
	ck_assert_int_eq(registry_find(S("key-auth"))->priority, 1250);
	ck_assert_int_eq(registry_find(S("rate-limiting"))->priority, 910);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("registry");
	TCase *t = tcase_create("registry");

	tcase_add_test(t, plugins_are_found_by_name);
	tcase_add_test(t, every_plugin_fills_in_the_form);
	tcase_add_loop_test(t, every_example_is_accepted, 0, (int)registry_count());
	tcase_add_test(t, priorities_are_those_of_plugins_md_0_2);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
