/* acl: plugins.md 2.1; the numbers are those of its appendix B. */
#include "tests/unit/plugins/auth_fixture.h"

#define CANNOT "You cannot consume this service"

static void belongs(const char *consumer, const char *group)
{
	char row[200];
	snprintf(row, sizeof row, "{'consumer':{'id':'%s'},'group':'%s'}", consumer, group);
	rig_entity(&rig, "acls", row);
}

static void setup(void)
{
	setup_consumers();
	rig_entity(&rig, "keyauth_credentials", "{'consumer':{'id':'" TERN "'},'key':'K-tern-1'}");
	belongs(GUEST, "visitors");
}

static void use(const char *config)
{
	use_plugin("acl", config);
}

static void as_tern(void)
{
	rig_get(&rig, "GET /a", "apikey: K-tern-1\nX-Consumer-Groups: admin\nX-Authenticated-Groups: admin");
}

static void as_nobody(void)
{
	rig_get(&rig, "GET /a", "X-Consumer-Groups: gold");
}

START_TEST(ex65_one_group_of_the_list_is_enough_and_all_are_told)
{
	belongs(TERN, "gold");
	belongs(TERN, "beta");
	use_plugin("key-auth", "");
	use("'allow':['silver','gold','bronze']");
	as_tern();
	is_tern();
	ck_assert_str_eq(rig_up(&rig, "X-Consumer-Groups"), "beta, gold");
	ck_assert_ptr_null(rig_up(&rig, "X-Authenticated-Groups"));
}
END_TEST

START_TEST(ex65_without_groups_nobody_is_on_the_list)
{
	use_plugin("key-auth", "");
	use("'allow':['gold']");
	as_tern();
	is_answered(403, CANNOT);
	ck_assert_ptr_null(rig_down(&rig, "WWW-Authenticate"));
}
END_TEST

START_TEST(groups_are_compared_exactly)
{
	belongs(TERN, "Gold");
	belongs(TERN, "gold ");
	belongs(TERN, "gol");
	belongs(TERN, "golden");
	belongs(TERN, "*");
	use_plugin("key-auth", "");
	use("'allow':['gold','g*']");
	as_tern();
	is_answered(403, CANNOT);
}
END_TEST

START_TEST(ex66_who_is_in_no_group_is_not_denied)
{
	use_plugin("key-auth", "");
	use("'deny':['bad']");
	as_tern();
	is_tern();
	ck_assert_str_eq(rig_up(&rig, "X-Consumer-Groups"), "");
}
END_TEST

START_TEST(ex66_one_denied_group_is_enough)
{
	belongs(TERN, "ok");
	belongs(TERN, "bad");
	use_plugin("key-auth", "");
	use("'deny':['bad']");
	as_tern();
	is_answered(403, CANNOT);
}
END_TEST

START_TEST(ex66_groups_can_be_kept_from_the_upstream)
{
	belongs(TERN, "ok");
	use_plugin("key-auth", "");
	use("'deny':['bad'],'hide_groups_header':true");
	as_tern();
	is_tern();
	ck_assert_ptr_null(rig_up(&rig, "X-Consumer-Groups"));
	ck_assert_ptr_null(rig_up(&rig, "X-Authenticated-Groups"));
}
END_TEST

START_TEST(ex67_without_authentication_it_is_unauthorized)
{
	use("'allow':['gold']");
	as_nobody();
	is_refused("Unauthorized");
}
END_TEST

START_TEST(a_deny_list_alone_lets_nobody_unknown_in)
{
	use("'deny':['bad']");
	as_nobody();
	is_refused("Unauthorized");
}
END_TEST

START_TEST(ex67_an_anonymous_consumer_in_no_group_is_unauthorized)
{
	use_plugin("key-auth", "'anonymous':'tern'");
	use("'allow':['gold']");
	as_nobody();
	is_refused("Unauthorized");
}
END_TEST

START_TEST(an_anonymous_consumer_has_groups_too)
{
	use_plugin("key-auth", "'anonymous':'guest'");
	use("'allow':['visitors']");
	as_nobody();
	goes_as("guest");
	ck_assert_str_eq(rig_up(&rig, "X-Consumer-Groups"), "visitors");
}
END_TEST

START_TEST(an_anonymous_consumer_of_the_wrong_groups_is_kept_out)
{
	use_plugin("key-auth", "'anonymous':'guest'");
	use("'allow':['gold']");
	as_nobody();
	is_answered(403, CANNOT);
}
END_TEST

/* ---- groups that authentication has found ---------------------------------------------------------------------- */

static const struct slice found[] = {SLICE("gold"), SLICE("beta")};
static const struct slice_list two = {found, 2}, none = {found, 0};

static void with_groups(const struct slice_list *groups, bool has_credential)
{
	rig_request(&rig, "GET /a", "X-Consumer-Groups: admin");
	rig.x.authenticated_groups = groups;
	rig.x.has_credential = has_credential;
	rig_run(&rig);
}

START_TEST(without_a_consumer_authenticated_groups_count)
{
	use("'allow':['gold']");
	with_groups(&two, true);
	ck_assert_int_eq(rig_status(&rig), 200);
	ck_assert_str_eq(rig_up(&rig, "X-Authenticated-Groups"), "gold, beta");
	ck_assert_ptr_null(rig_up(&rig, "X-Consumer-Groups"));
	with_groups(&none, true);
	is_answered(403, CANNOT);
	with_groups(&none, false);
	is_refused("Unauthorized");
	with_groups(NULL, true);
	is_answered(403, CANNOT);
	with_groups(NULL, false);
	is_refused("Unauthorized");
}
END_TEST

START_TEST(with_a_credential_the_consumers_groups_count)
{
	use_plugin("key-auth", "");
	use("'allow':['gold']");
	rig_request(&rig, "GET /a", "apikey: K-tern-1");
	rig.x.authenticated_groups = &two;
	rig_run(&rig);
	is_answered(403, CANNOT);
}
END_TEST

START_TEST(unless_authenticated_groups_always_count)
{
	belongs(TERN, "silver");
	use_plugin("key-auth", "");
	use("'allow':['gold','silver'],'always_use_authenticated_groups':true");
	rig_request(&rig, "GET /a", "apikey: K-tern-1");
	rig.x.authenticated_groups = &two;
	rig_run(&rig);
	is_tern();
	ck_assert_str_eq(rig_up(&rig, "X-Authenticated-Groups"), "gold, beta");
	as_tern(); /* there are none: the consumer's */
	is_tern();
	ck_assert_str_eq(rig_up(&rig, "X-Consumer-Groups"), "silver");
}
END_TEST

START_TEST(for_an_anonymous_consumer_authenticated_groups_come_first)
{
	use_plugin("key-auth", "'anonymous':'guest'");
	use("'allow':['gold']");
	rig_request(&rig, "GET /a", "");
	rig.x.authenticated_groups = &two;
	rig_run(&rig);
	goes_as("guest");
	ck_assert_str_eq(rig_up(&rig, "X-Authenticated-Groups"), "gold, beta");
}
END_TEST

START_TEST(ex68_exactly_one_list_must_be_given)
{
	static const char *const wrong[] = {"", "'allow':[],'deny':[]", "'allow':null,'deny':[]"};
	config_refused("acl", "'allow':['a'],'deny':['b']",
	        "schema violation (exactly one of these fields must be non-empty: 'config.allow', 'config.deny')");
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		config_refused("acl", wrong[i],
		        "2 schema violations (exactly one of these fields must be non-empty: 'config.allow', 'config.deny'; "
		        "at least one of these fields must be non-empty: 'config.allow', 'config.deny')");
}
END_TEST

START_TEST(the_schema_says_what_kong_says)
{
	config_reads("acl", "'allow':['a']",
	        "\"config\":{\"allow\":[\"a\"],\"deny\":null,\"hide_groups_header\":false,"
	        "\"always_use_authenticated_groups\":false}");
	ck_assert_ptr_nonnull(
	        rig_refusal(&rig, "plugins", "{'name':'acl','config':{'allow':['a']},'consumer':{'id':'" TERN "'}}"));
	ck_assert_pstr_eq(rig_refusal(&rig, "acls", "{'consumer':{'id':'" TERN "'}}"),
	        "schema violation (group: required field missing)");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("acl");
	TCase *t = tcase_create("acl");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, ex65_one_group_of_the_list_is_enough_and_all_are_told);
	tcase_add_test(t, ex65_without_groups_nobody_is_on_the_list);
	tcase_add_test(t, groups_are_compared_exactly);
	tcase_add_test(t, ex66_who_is_in_no_group_is_not_denied);
	tcase_add_test(t, ex66_one_denied_group_is_enough);
	tcase_add_test(t, ex66_groups_can_be_kept_from_the_upstream);
	tcase_add_test(t, ex67_without_authentication_it_is_unauthorized);
	tcase_add_test(t, a_deny_list_alone_lets_nobody_unknown_in);
	tcase_add_test(t, ex67_an_anonymous_consumer_in_no_group_is_unauthorized);
	tcase_add_test(t, an_anonymous_consumer_has_groups_too);
	tcase_add_test(t, an_anonymous_consumer_of_the_wrong_groups_is_kept_out);
	tcase_add_test(t, without_a_consumer_authenticated_groups_count);
	tcase_add_test(t, with_a_credential_the_consumers_groups_count);
	tcase_add_test(t, unless_authenticated_groups_always_count);
	tcase_add_test(t, for_an_anonymous_consumer_authenticated_groups_come_first);
	tcase_add_test(t, ex68_exactly_one_list_must_be_given);
	tcase_add_test(t, the_schema_says_what_kong_says);
	suite_add_tcase(s, t);
	return run_tests(s);
}
