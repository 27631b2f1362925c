/* rules: see rules.h. One line per kind that has any; each is defined in the file named after the kind. */
#include "cp/admin/rules.h"

const struct admin_rules *admin_rules_of(const struct schema *kind)
{
	static const struct admin_rules none = {0};
	static const struct admin_rules *const all[] = {&admin_acl_rules, &admin_admin_rules,
	        &admin_ca_certificate_rules, &admin_certificate_rules, &admin_consumer_rules,
	        &admin_consumer_group_rules, &admin_plugin_rules, &admin_sni_rules, &admin_target_rules};

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		if (strcmp(all[i]->kind, kind->name) == 0)
			return all[i];
	return &none;
}
