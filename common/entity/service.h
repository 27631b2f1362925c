/* service: an upstream API (entities.md 4.1). */
#ifndef COMMON_ENTITY_SERVICE_H
#define COMMON_ENTITY_SERVICE_H

#include "common/schema/schema.h"

struct service {
	struct uuid id;
	int64_t created_at, updated_at;
	struct slice name, protocol, host, path;
	int64_t retries, port;
	int64_t connect_timeout, write_timeout, read_timeout; /* ms */
	struct slice_list tags, ca_certificates;
	struct ref client_certificate;
	struct opt_bool tls_verify;
	struct opt_int tls_verify_depth;
	bool enabled;
};

extern const struct schema service_schema;

#endif
