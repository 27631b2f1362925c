/* mtls_auth: which consumer a client certificate stands for (plugins-beyond.md 9). */
#ifndef COMMON_ENTITY_MTLS_AUTH_H
#define COMMON_ENTITY_MTLS_AUTH_H

#include "common/schema/schema.h"

struct mtls_auth_credential {
	struct uuid id;
	int64_t created_at;
	struct ref consumer;
	struct slice subject_name;
	struct ref ca_certificate; /* not set: any trusted authority */
	struct slice_list tags;
};

extern const struct schema mtls_auth_credential_schema;

#endif
