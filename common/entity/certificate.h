/* certificate: what the gateway shows of itself in TLS handshakes, the names it shows it under, and the authorities
 * it trusts (entities.md 4.8 to 4.10). */
#ifndef COMMON_ENTITY_CERTIFICATE_H
#define COMMON_ENTITY_CERTIFICATE_H

#include "common/schema/schema.h"

struct certificate {
	struct uuid id;
	int64_t created_at, updated_at;
	struct slice cert, key;         /* PEM; cert may be followed by its chain */
	struct slice cert_alt, key_alt; /* a second pair of another type, or unset */
	struct slice_list tags;
};

struct sni {
	struct uuid id;
	struct slice name; /* with at most one *, at either end */
	int64_t created_at, updated_at;
	struct slice_list tags;
	struct ref certificate;
};

struct ca_certificate {
	struct uuid id;
	int64_t created_at, updated_at;
	struct slice cert;
	struct slice cert_digest; /* SHA-256 of the DER form, lower-case hexadecimal */
	struct slice_list tags;
};

extern const struct schema certificate_schema, sni_schema, ca_certificate_schema;

#endif
