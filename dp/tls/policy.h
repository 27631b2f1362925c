/* policy: which versions and ciphers clients may speak with us: ssl_cipher_suite and what goes with it
 * (proxy.md 7.1).
 */
#ifndef DP_TLS_POLICY_H
#define DP_TLS_POLICY_H

#include <openssl/ssl.h>

#include "common/settings/settings.h"

/* Main thread, at the start. */
bool policy_apply(SSL_CTX *ctx, const struct settings *s, struct err *e);

#endif
