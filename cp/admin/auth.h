/* auth: who asks, and whether they may.
 *
 * With admin_auth on, every request but OPTIONS (a browser's preflight carries no credentials) must bring an admin's
 * token, or come over TLS with a client certificate that an admin has as mtls_subject. Admins are rows of
 * admin_schema, or lines of the setting admin_tokens, which need no database. The token leads to its holder by the id
 * in it; the secret is compared in constant time. Nothing is remembered between requests, so a change of an admin
 * counts from the next request on, on every control plane. */
#ifndef CP_ADMIN_AUTH_H
#define CP_ADMIN_AUTH_H

#include "cp/admin/call.h"

struct admin_auth;

/* Reads admin_auth and admin_tokens. NULL with e. */
struct admin_auth *admin_auth_new(const struct settings *s, struct err *e);
void admin_auth_free(struct admin_auth *auth); /* NULL is fine */

/* Before anything of a body is read: may its sender get in, as far as can be told at once? False: the request is to
 * be marked `body_unread`, and admin_authenticate() will refuse it. */
bool admin_auth_admits(struct admin_auth *auth, const struct admin_request *r);

/* Finds out who asks and fills c->author and its neighbours. False: the answer (401, 429, or the store's fault) is
 * ready. With admin_auth off everybody is an admin without a name. */
bool admin_authenticate(struct admin_call *c);
/* May the caller do what needs this role? False: the answer (403) is ready. */
bool admin_authorise(struct admin_call *c, enum admin_role needed);

#endif
