/* admin: see admin.h. The token itself is nowhere: the Admin API and gatectl make it, show it once and keep its
 * digest. */
#include "common/entity/admin.h"

#define ROLES "read", "write", "admin"

static const struct field fields[] = {
        ID_FIELD(struct admin),
        CREATED_AT_FIELD(struct admin),
        UPDATED_AT_FIELD(struct admin),
        FIELD(struct admin, name, .format = FORMAT_UTF8_NAME, .flags = REQUIRED | UNIQUE | ENDPOINT_KEY,
                .doc = "The name that the audit log and the history of versions show."),
        FIELD(struct admin, role, .dflt = "'read'", .flags = REQUIRED, .one_of = ONE_OF(ROLES),
                .doc = "read looks, write changes the configuration too, admin also manages admins and reads the audit "
                       "log."),
        FIELD(struct admin, mtls_subject, .flags = UNIQUE, LEN_MAX(1024),
                .doc = "The client certificate that logs this admin in: its subject as in RFC 2253 "
                       "(\"CN=ops,O=Example\"), or one alternative name with its type (\"email:ops@example.com\", "
                       "\"DNS:ops.example.com\", \"URI:spiffe://example.com/ops\")."),
        FIELD(struct admin, token_digest, .flags = SECRET | HIDDEN, .doc = "What is kept of the token."),
        FIELD(struct admin, enabled, .dflt = "true", .flags = REQUIRED, .doc = "Whether this admin may log in."),
        TAGS_FIELD(struct admin),
        {0},
};

const struct schema admin_schema = {
        .name = "admins",
        .path = "admins",
        .size = sizeof(struct admin),
        .fields = fields,
        .is_private = true,
        .doc = "Somebody who may use the Admin API.",
};

static const char *const names[] = {"none", ROLES};

enum admin_role admin_role_of(struct slice name)
{
	for (enum admin_role role = ADMIN_ROLE_READ; role <= ADMIN_ROLE_ADMIN; role++)
		if (slice_eq(name, slice_cstr(names[role])))
			return role;
	return ADMIN_ROLE_NONE;
}

const char *admin_role_name(enum admin_role role)
{
	return names[role];
}
