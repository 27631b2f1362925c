/* outward: what the process has for going out over TLS: to upstreams, and where plugins send requests.
 *
 * One per process, shared by its workers. What costs memory (the system's authorities are 2.5 MiB) is made when it is
 * needed for the first time, by whichever worker that is, under a lock; then it is only read. */
#ifndef DP_TLS_OUTWARD_H
#define DP_TLS_OUTWARD_H

#include <openssl/ssl.h>

#include "common/crypto/pair.h"
#include "common/settings/settings.h"

struct outward;

/* NULL with e: a file that settings name is not there, or no certificate. */
struct outward *outward_new(const struct settings *s, struct err *e);
void outward_free(struct outward *o); /* NULL is fine */

/* For requests of plugins: peers are verified with lua_ssl_trusted_certificate, or not at all. NULL: the authorities
 * cannot be loaded, which is logged. Any thread, as all below. */
SSL_CTX *outward_for_plugins(struct outward *o, bool verified);
/* For upstreams: without authorities, verification and certificate, which belong to each party (party.h). on_session:
 * OpenSSL's callback for new sessions, the same in every call. */
SSL_CTX *outward_for_upstreams(struct outward *o, int (*on_session)(SSL *, SSL_SESSION *));
/* The authorities of upstreams that name none (nginx_proxy_proxy_ssl_trusted_certificate): none while it is unset. */
X509_STORE *outward_authorities(struct outward *o);
/* client_ssl_cert, shown to upstreams that ask when neither service nor upstream has one; NULL: none. */
const struct pair *outward_pair(const struct outward *o);
/* What holds for services that do not say. */
bool outward_verifies(const struct outward *o);
int outward_verify_depth(const struct outward *o);

#endif
