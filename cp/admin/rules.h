/* rules: what single kinds do differently from the generic endpoints. */
#ifndef CP_ADMIN_RULES_H
#define CP_ADMIN_RULES_H

#include "common/schema/violations.h"
#include "cp/admin/call.h"

struct admin_rules {
	const char *kind;
	/* Reached below what it refers to, and in no other way. */
	bool only_nested;
	/* PUT never creates: it changes what is there, as PATCH does. */
	bool put_is_patch;
	/* Answers a list in its own way; false: the generic list. */
	bool (*list)(struct admin_call *c, const struct store_scope *scope);
	/* What is to be checked of a complete record beyond its schema; inside the write's transaction, or (for
	 * /schemas/.../validate) with store NULL. False: the answer is ready (the database failed). */
	bool (*check)(struct admin_call *c, struct store *st, const json_t *record, struct violations *v);
	/* PATCH of something missing is answered with the plain 404. */
	bool (*is_plain_missing)(const json_t *input);
};

/* Never NULL. */
const struct admin_rules *admin_rules_of(const struct schema *kind);

extern const struct admin_rules admin_admin_rules, admin_consumer_rules, admin_plugin_rules, admin_target_rules;

#endif
