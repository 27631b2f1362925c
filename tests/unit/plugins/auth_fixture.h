/* What the tests of authentication and access share: the consumers of plugins.md appendix B on the rig. */
#ifndef TESTS_UNIT_PLUGINS_AUTH_FIXTURE_H
#define TESTS_UNIT_PLUGINS_AUTH_FIXTURE_H

#include <check.h>
#include <stdlib.h>

#include "tests/support/plugin_rig.h"

#define TERN  "7f3c2b1a-4d5e-4f60-8a7b-9c0d1e2f3a4b"
#define GUEST "8a4d3c2b-5e6f-4071-9b8c-0d1e2f3a4b5c"

static struct rig rig;

static void setup_consumers(void)
{
	rig_init(&rig);
	rig_entity(&rig, "consumers", "{'id':'" TERN "','username':'tern','custom_id':'c-77'}");
	rig_entity(&rig, "consumers", "{'id':'" GUEST "','username':'guest'}");
}

static inline void teardown(void)
{
	rig_fini(&rig);
}

/* config: members of its JSON, "'realm':'bay'" */
static inline void use_plugin(const char *name, const char *config)
{
	char row[4096];
	snprintf(row, sizeof row, "{'name':'%s','config':{%s}}", name, config);
	rig_plugin(&rig, row);
}

/* E-form. */
static inline void is_answered(int status, const char *message)
{
	ck_assert_int_eq(rig_status(&rig), status);
	ck_assert_str_eq(rig_message(&rig), message);
}

static inline void is_refused(const char *message)
{
	is_answered(401, message);
}

/* As which consumer it goes upstream. */
static inline void goes_as(const char *username)
{
	ck_assert_msg(rig_status(&rig) == 200, "%d %s", rig_status(&rig), rig_client_body(&rig));
	ck_assert_pstr_eq(rig_up(&rig, "X-Consumer-Username"), username);
}

static inline void is_tern(void)
{
	goes_as("tern");
}

/* The one thing that config is refused for: as the Admin API says it. */
static inline void config_refused(const char *name, const char *config, const char *text)
{
	char row[1024];
	snprintf(row, sizeof row, "{'name':'%s','config':{%s}}", name, config);
	const char *why = rig_refusal(&rig, "plugins", row);
	ck_assert_msg(why && strstr(why, text), "refused with: %s", why ? why : "nothing");
}

/* The config that the Admin API shows of a plugin without settings. */
static inline void config_reads(const char *name, const char *given, const char *config)
{
	char row[1024];
	snprintf(row, sizeof row, "{'name':'%s','config':{%s}}", name, given);
	const char *shown = rig_rendered(&rig, "plugins", row);
	ck_assert_msg(strstr(shown, config) != NULL, "%s", shown);
}

static inline int run_tests(Suite *s)
{
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}

#endif
