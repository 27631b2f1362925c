/* mtls_auth: see mtls_auth.h. */
#include "common/entity/mtls_auth.h"

static const struct field fields[] = {
        ID_FIELD(struct mtls_auth_credential),
        CREATED_AT_FIELD(struct mtls_auth_credential),
        FIELD(struct mtls_auth_credential, consumer, .flags = REQUIRED, .ref = "consumers",
                .on_delete = ON_DELETE_CASCADE, .doc = "The consumer that the certificate stands for."),
        FIELD(struct mtls_auth_credential, subject_name, .flags = REQUIRED | SCOPE,
                .doc = "A name of the certificate: one of its alternative names, or its common name."),
        FIELD(struct mtls_auth_credential, ca_certificate, .flags = SCOPE, .ref = "ca_certificates",
                .doc = "The authority that must have signed it; unset: any that is trusted."),
        TAGS_FIELD(struct mtls_auth_credential),
        {0},
};

const struct schema mtls_auth_credential_schema = {
        .name = "mtls_auth_credentials",
        .path = "mtls-auths",
        .nested_path = "mtls-auth",
        .size = sizeof(struct mtls_auth_credential),
        .fields = fields,
        .doc = "Which consumer a client certificate stands for.",
};
