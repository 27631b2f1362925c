/* handshake: the plugins' word in a TLS handshake: should the client be asked for a certificate, should it end. */
#ifndef DP_TLS_HANDSHAKE_H
#define DP_TLS_HANDSHAKE_H

#include <openssl/ssl.h>

#include "dp/config/snapshot.h"

/* OpenSSL's callback for a ClientHello has been called: runs the certificate phase of all plugins that the name
 * concerns. False: the handshake ends. Costs nothing while no plugin has such a phase. */
bool handshake_begin(SSL *tls, const struct snapshot *s, bool exact_snis);

#endif
