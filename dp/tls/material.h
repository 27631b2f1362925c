/* material: certificates and keys that settings name: a path, PEM text, or base64 of PEM text (proxy.md 10.3). */
#ifndef DP_TLS_MATERIAL_H
#define DP_TLS_MATERIAL_H

#include <openssl/ssl.h>

#include "common/crypto/pair.h"
#include "common/settings/settings.h"

/* The PEM text that one item of a setting stands for, on the arena. */
bool material_read(struct arena *a, struct slice item, struct slice *out, struct err *e);

/* What the node shows when no certificate entity fits: ssl_cert and ssl_cert_key, or, when they are unset, a pair
 * with an RSA and one with an ECDSA key for "localhost" that is made once and kept in <prefix>/ssl. Adds them to ctx.
 */
bool material_add_node_pairs(SSL_CTX *ctx, const struct settings *s, struct err *e);

#endif
