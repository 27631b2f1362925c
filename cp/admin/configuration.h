/* configuration: the effective settings as GET / shows them (admin-api.md 8.1). */
#ifndef CP_ADMIN_CONFIGURATION_H
#define CP_ADMIN_CONFIGURATION_H

#include "cp/admin/call.h"

/* Secrets as "******", listeners and lists taken apart; a new reference. */
json_t *admin_configuration(struct arena *a, const struct settings *s, uint64_t version);

#endif
