/* vaults: fields and checks (entities.md 4.11; plugins-beyond.md 14). */
#include <check.h>

#include "common/entity/vault.h"
#include "tests/support/loading.h"

static const struct {
	const char *input, *message; /* NULL: accepted */
} examples[] = {
        {"{'name':'env','prefix':'my-env'}", NULL},
        {"{'name':'env','prefix':'a1','config':{'prefix':'SEC_'}}", NULL},
        {"{'name':'file','prefix':'files','config':{'path':'/etc/secrets'}}", NULL},
        {"{'prefix':'my-env'}", "name: required field missing"},
        {"{'name':5,'prefix':'my-env'}", "name: expected a string"},
        {"{'name':'hcv','prefix':'hh'}", "name: vault 'hcv' is not installed"},
        {"{'name':'env'}", "prefix: required field missing"},
        {"{'name':'env','prefix':'env'}", "prefix: must not be one of: env"},
        {"{'name':'env','prefix':'file'}", "prefix: must not be one of: file"},
        {"{'name':'env','prefix':'A_b'}", "prefix: invalid value: A_b"},
        {"{'name':'env','prefix':'a'}", "prefix: invalid value: a"},
        {"{'name':'env','prefix':'1a'}", "prefix: invalid value: 1a"},
        {"{'name':'env','prefix':'a-'}", "prefix: invalid value: a-"},
        {"{'name':'env','prefix':'ab','config':{'prefix':'1X'}}", "config.prefix: invalid value: 1X"},
        {"{'name':'env','prefix':'ab','config':{'prefix':'A.B'}}", "config.prefix: invalid value: A.B"},
        {"{'name':'env','prefix':'ab','config':{'zork':'1X'}}", "config.zork: unknown field"},
        {"{'name':'file','prefix':'ab','config':{'path':'secrets'}}", "config.path: should start with: /"},
        {"{'name':'file','prefix':'ab'}", "config.path: required field missing"},
};

START_TEST(vaults_are_accepted_or_refused_as_kong_does)
{
	if (examples[_i].message)
		refused_saying(&vault_schema, examples[_i].input, examples[_i].message);
	else
		json_decref(created(&vault_schema, examples[_i].input));
}
END_TEST

START_TEST(the_config_is_shown_in_full)
{
	json_t *v = created(&vault_schema, "{'name':'env','prefix':'my-env'}");
	has(v, "config", "{'prefix':null}");
	has(v, "description", "null");
	json_decref(v);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("vault");
	TCase *c = tcase_create("vault");

	tcase_add_loop_test(c, vaults_are_accepted_or_refused_as_kong_does, 0, sizeof examples / sizeof *examples);
	tcase_add_test(c, the_config_is_shown_in_full);
	suite_add_tcase(s, c);
	return run_suite(s);
}
