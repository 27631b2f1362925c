/* tickets: the keys that seal TLS sessions into tickets (RFC 5077, RFC 8446 4.6.1), so that a client that comes back
 * shakes hands without a signature, whichever worker it meets.
 *
 * Keys are random, in memory only, and change with every tickets_rotate(). A ticket is good for two rotations more;
 * with the key before the current one it is taken and replaced. Forward secrecy of resumed sessions ends where the
 * keys are known, so they are never written anywhere. */
#ifndef COMMON_NET_TICKETS_H
#define COMMON_NET_TICKETS_H

#include <openssl/ssl.h>

struct tickets;

struct tickets *tickets_new(void);
/* After all contexts that use them are gone. */
void tickets_free(struct tickets *t); /* NULL is fine */
/* One thread at a time; others may shake hands meanwhile. Not more often than once a second. */
void tickets_rotate(struct tickets *t);
/* Sessions of this context are sealed by these keys; t must outlive it. */
void tickets_use(struct tickets *t, SSL_CTX *ctx);

#endif
