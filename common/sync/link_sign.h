/* link_sign: what a node asks for on the cluster port when it wants a certificate (ALPN "gatehouse-sign/1",
 * proto/sync.proto). The link reads the request and sends the answer; what is granted is decided by whoever is behind
 * link_gate.sign. */
#ifndef COMMON_SYNC_LINK_SIGN_H
#define COMMON_SYNC_LINK_SIGN_H

#include <openssl/x509.h>

#include "common/sync/link.h"
#include "proto/sync.pb-c.h"

enum { LINK_SIGN_MAX = 32 * 1024 }; /* of a request, and of an answer */

/* Valid until link_answer(). */
const Gatehouse__Sync__SignRequest *link_asked_request(const struct link_asked *a);
const char *link_asked_peer(const struct link_asked *a); /* node id of the certificate it showed; "": none */
/* The certificate it showed, which the CA vouches for; NULL: none. */
const X509 *link_asked_certificate(const struct link_asked *a);
const char *link_asked_who(const struct link_asked *a); /* for logs */
/* Any thread, once. The answer is packed at once, and sent when the node is still there. */
void link_answer(struct link_asked *a, const Gatehouse__Sync__SignAnswer *answer);

#endif
