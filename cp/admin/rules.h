/* rules: what single kinds do differently from the generic endpoints. */
#ifndef CP_ADMIN_RULES_H
#define CP_ADMIN_RULES_H

#include "common/schema/violations.h"
#include "common/schema/load.h"
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
	/* What it refers to is not found below it: no /P/:key/f. */
	bool hides_references;
	/* GET of something missing is answered with the typed 404. */
	bool missing_is_typed;

	/* OPTIONS of an item is answered only when it is there. */
	bool options_need_row;

	/* Finds a row by what is neither an id nor an endpoint key; as admin_find(). */
	json_t *(*find)(struct admin_call *c, struct slice key);
	/* Puts what such a key says into the body of a PUT. */
	void (*put_key)(struct admin_call *c, struct slice key);
	/* Adds to what clients see of a row what lies elsewhere. False: the answer is ready (the database failed). */
	bool (*decorate)(struct admin_call *c, json_t *rendered);
	/* Writes what else the body of a write asks for, after the record and in the same transaction. False: the
	 * answer is ready. */
	bool (*written)(struct admin_call *c, enum load_op op, const json_t *record);
	/* May the row go? False: the answer is ready. */
	bool (*removable)(struct admin_call *c, const struct uuid *id);
};

/* Never NULL. */
const struct admin_rules *admin_rules_of(const struct schema *kind);

extern const struct admin_rules admin_acl_rules, admin_admin_rules, admin_ca_certificate_rules,
        admin_certificate_rules, admin_consumer_rules, admin_consumer_group_rules, admin_plugin_rules,
        admin_sni_rules, admin_target_rules;

#endif
