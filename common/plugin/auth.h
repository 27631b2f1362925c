/* auth: what authentication plugins have in common (plugins.md 0.6, 1). Private to plugins. */
#ifndef COMMON_PLUGIN_AUTH_H
#define COMMON_PLUGIN_AUTH_H

#include "common/plugin/plugin.h"

/* With an `anonymous` of its own a plugin leaves alone whom an earlier one has accepted. */
static inline bool auth_is_settled(const struct call *c, struct slice anonymous)
{
	return slice_is_set(anonymous) && c->x->has_credential;
}

/* For WWW-Authenticate: the scheme, and the realm when it is set. */
struct slice auth_challenge(struct call *c, struct slice scheme, struct slice realm);
/* The caller could not prove who it is. With `anonymous` that consumer takes the place (GO, no challenge); without,
 * it is a 401 in E-form with the challenge. */
enum verdict auth_refuse(struct call *c, struct slice anonymous, struct slice challenge, struct slice message);
/* The credential is good: its consumer becomes the request's. identifier as in call_authenticated(). GO; a fault when
 * the consumer is missing. */
enum verdict auth_accept(
        struct call *c, const struct ref *consumer, const struct uuid *credential, struct slice identifier);

/* ---- schemes of Authorization and Proxy-Authorization (RFC 9110 11.6) ---- */

/* What follows the scheme, "Basic" in any of the two cases of its first letter, and blanks, in a header's first
 * field; unset when the header is missing or of another scheme. */
struct slice auth_after_scheme(struct call *c, enum header_id header, struct slice scheme);

#endif
