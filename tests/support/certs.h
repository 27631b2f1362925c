/* certs: a cluster CA and node certificates for tests, in the test's folder (tmp.h). */
#ifndef TESTS_SUPPORT_CERTS_H
#define TESTS_SUPPORT_CERTS_H

#include "common/crypto/x509.h"
#include "common/sync/link.h"

/* Makes <name>.crt and <name>.key: a CA. */
void certs_make_ca(const char *name);
/* A certificate for a node, signed by CA `ca`; valid from `from_s` to `to_s` seconds from now. */
void certs_make(const char *name, const char *ca, const char *common_name, int from_s, int to_s, bool client_only);
/* The three files; valid until the fourth call from now. */
const struct link_certs *certs_of(const char *name, const char *ca);

#endif
