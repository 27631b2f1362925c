/* admin_tls: what the Admin API's listeners with ssl show, and whom they ask for a certificate. */
#ifndef CP_ADMIN_ADMIN_TLS_H
#define CP_ADMIN_ADMIN_TLS_H

#include "common/net/tls.h"
#include "common/settings/settings.h"

/* From admin_ssl_cert, admin_ssl_cert_key and admin_ssl_client_ca. Without the first two a self-signed pair is used,
 * <prefix>/ssl/admin-default.crt and .key, made when it is not there. NULL with e. */
SSL_CTX *admin_tls_new(const struct settings *s, bool http2, struct err *e);

#endif
