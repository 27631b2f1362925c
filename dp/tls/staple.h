/* staple: what a certificate's authority says of it at the moment (OCSP, RFC 6960), shown along with it to clients
 * that ask (RFC 6066 8), so that they need not ask themselves.
 *
 * One per certificate that names a responder and comes with its issuer, hung on the X509 when a client asks for the
 * first time; shared by all workers, gone with the X509. A handshake takes what is there and never waits: if it is
 * missing or getting old, one worker is told to fetch it. An answer is kept only when it is signed as it must be, is
 * of this certificate, and says "good"; it is shown until it expires. */
#ifndef DP_TLS_STAPLE_H
#define DP_TLS_STAPLE_H

#include <openssl/x509.h>

#include "common/core/err.h"
#include "common/core/slice.h"

struct staple;

/* OpenSSL's memory with a DER answer, the caller's; NULL: there is none. chain: of the certificate. *wanted: an
 * answer is to be fetched by the caller, who holds a reference and calls staple_fetched(); NULL: nobody need do
 * anything. */
unsigned char *staple_take(X509 *cert, STACK_OF(X509) * chain, size_t *n, struct staple **wanted);

struct slice staple_url(const struct staple *s);
/* To be sent with POST as application/ocsp-request. */
struct slice staple_question(const struct staple *s);
/* What came of it; unset: nothing. Gives the reference back. False with e: it is not kept, and there is a pause
 * before the next is wanted. */
bool staple_fetched(struct staple *s, struct slice answer, struct err *e);

#endif
