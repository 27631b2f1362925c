/* admin: who may use the Admin API, and what for. The control plane's own: no version, never sent to data planes. */
#ifndef COMMON_ENTITY_ADMIN_H
#define COMMON_ENTITY_ADMIN_H

#include "common/schema/schema.h"

struct admin {
	struct uuid id;
	int64_t created_at, updated_at;
	struct slice name, role;
	struct slice mtls_subject;
	struct slice token_digest; /* crypto/token.h; unset: logs in by certificate only */
	bool enabled;
	struct slice_list tags;
};

extern const struct schema admin_schema;

/* Each may do what those before it may. */
enum admin_role {
	ADMIN_ROLE_NONE,
	ADMIN_ROLE_READ,  /* look at everything but admins and the audit log */
	ADMIN_ROLE_WRITE, /* change the configuration */
	ADMIN_ROLE_ADMIN, /* admins and the audit log */
};
enum admin_role admin_role_of(struct slice name); /* ADMIN_ROLE_NONE: no such role */
const char *admin_role_name(enum admin_role role);

#endif
