/* auth: see auth.h. */
#include "common/plugin/auth.h"

struct slice auth_challenge(struct call *c, struct slice scheme, struct slice realm)
{
	if (!slice_is_set(realm))
		return scheme;
	return arena_printf(c->x->arena, "%.*s realm=\"%.*s\"", SLICE_ARG(scheme), SLICE_ARG(realm));
}

enum verdict auth_refuse(struct call *c, struct slice anonymous, struct slice challenge, struct slice message)
{
	if (slice_is_set(anonymous))
		return call_anonymous(c, anonymous);
	call_respond_header(c, S("WWW-Authenticate"), challenge);
	return call_reject(c, 401, message);
}

enum verdict auth_accept(
        struct call *c, const struct ref *consumer, const struct uuid *credential, struct slice identifier)
{
	const struct consumer *found = call_find(c, &consumer_schema, "id", uuid_slice(&consumer->id));

	if (!found)
		return call_fault(c, "the consumer of a credential is missing");
	call_authenticated(c, found, credential, identifier);
	return GO;
}

struct slice auth_after_scheme(struct call *c, enum header_id header, struct slice scheme)
{
	struct slice value = head_get(c->x->request, header);

	if (value.len < scheme.len ||
	        ascii_lower((unsigned char)value.ptr[0]) != ascii_lower((unsigned char)scheme.ptr[0]) ||
	        !slice_eq(slice_of(value.ptr + 1, scheme.len - 1), slice_from(scheme, 1)))
		return slice_of(NULL, 0);
	return slice_trim(slice_from(value, scheme.len));
}
