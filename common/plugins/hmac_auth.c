/* hmac-auth: callers sign parts of their request with a shared secret, which says which consumer they are
 * (plugins.md 1.3).
 *
 * What is signed is what the client sent: the target as received, not the normalised path. */
#include <math.h>

#include "common/core/base64.h"
#include "common/core/text.h"
#include "common/crypto/digest.h"
#include "common/crypto/hmac.h"
#include "common/http/date.h"
#include "common/plugin/auth.h"

struct hmac_auth {
	bool hide_credentials;
	double clock_skew;
	struct slice anonymous;
	bool validate_request_body;
	struct slice_list enforce_headers, algorithms;
	struct slice realm;
};

static const struct field fields[] = {
        FIELD(struct hmac_auth, hide_credentials, .flags = REQUIRED, .dflt = "false",
                .doc = "Take the credentials out of the request before it goes to the upstream service."),
        FIELD(struct hmac_auth, clock_skew, .dflt = "300", GT(0),
                .doc = "How far, in seconds, the `Date` or `X-Date` of a request may be from our clock: against replays."),
        FIELD(struct hmac_auth, anonymous,
                .doc = "Id or username of the consumer that callers without a valid signature become. Unset: they are refused."),
        FIELD(struct hmac_auth, validate_request_body, .flags = REQUIRED, .dflt = "false",
                .doc = "Check the `Digest` header against the body. Bodies are then read whole before they are passed on."),
        FIELD(struct hmac_auth, enforce_headers, .dflt = "[]", STRINGS(),
                .doc = "Names that a signature must cover, as they are written in its `headers`."),
        FIELD(struct hmac_auth, algorithms, .dflt = "['hmac-sha1','hmac-sha256','hmac-sha384','hmac-sha512']",
                STRINGS(.one_of = ONE_OF("hmac-sha1", "hmac-sha256", "hmac-sha384", "hmac-sha512")),
                .doc = "The algorithms that callers may use."),
        FIELD(struct hmac_auth, realm, .flags = OPTIONAL,
                .doc = "Realm to name in the `WWW-Authenticate` header of a refusal."),
        {0},
};

static const struct schema config = {
        .name = "hmac-auth",
        .size = sizeof(struct hmac_auth),
        .fields = fields,
};

struct credential {
	struct uuid id;
	int64_t created_at;
	struct ref consumer;
	struct slice username, secret;
	struct slice_list tags;
};

static const struct field credential_fields[] = {
        ID_FIELD(struct credential),
        CREATED_AT_FIELD(struct credential),
        FIELD(struct credential, consumer, .flags = REQUIRED, .ref = "consumers", .on_delete = ON_DELETE_CASCADE,
                .doc = "Whose credentials they are."),
        FIELD(struct credential, username, .flags = REQUIRED | UNIQUE | ENDPOINT_KEY, .doc = "The username."),
        FIELD(struct credential, secret, .flags = AUTO | SECRET,
                .doc = "The secret to sign with; 32 random characters when you do not give one."),
        TAGS_FIELD(struct credential),
        {0},
};

static const struct schema credential_schema = {
        .name = "hmacauth_credentials",
        .path = "hmac-auths",
        .nested_path = "hmac-auth",
        .size = sizeof(struct credential),
        .fields = credential_fields,
        .doc = "Usernames and signing secrets of consumers.",
};

static const struct schema *const entities[] = {&credential_schema, NULL};

/* ---- what the caller says -------------------------------------------------------------------------------------- */

struct signature {
	struct slice username, algorithm, headers, code; /* code: in base64 */
};

/* name="VALUE", with VALUE up to the last or the next `"`+`,`; false: something else is there, or it is empty. */
static bool read_parameter(struct slice *rest, struct slice name, bool is_last, struct slice *value)
{
	*rest = slice_trim(*rest);
	if (!slice_starts(*rest, name))
		return false;
	*rest = slice_from(*rest, name.len);
	if (!slice_starts(*rest, S("=\"")))
		return false;
	*rest = slice_from(*rest, 2);

	const char *end = is_last ? memrchr(rest->ptr, '"', rest->len) : memmem(rest->ptr, rest->len, "\",", 2);
	if (!end || end == rest->ptr)
		return false;
	*value = slice_of(rest->ptr, (size_t)(end - rest->ptr));
	*rest = slice_from(*rest, value->len + (is_last ? 1 : 2));
	return true;
}

/* In this order and no other. */
static bool read_header(struct call *c, enum header_id header, struct signature *s)
{
	struct slice rest = auth_after_scheme(c, header, S("hmac"));
	return slice_is_set(rest) && read_parameter(&rest, S("username"), false, &s->username) &&
	       read_parameter(&rest, S("algorithm"), false, &s->algorithm) &&
	       read_parameter(&rest, S("headers"), false, &s->headers) &&
	       read_parameter(&rest, S("signature"), true, &s->code);
}

static bool read_signature(struct call *c, const struct hmac_auth *conf, struct signature *s)
{
	static const enum header_id headers[] = {HEADER_PROXY_AUTHORIZATION, HEADER_AUTHORIZATION};
	for (size_t i = 0; i < 2; i++) {
		if (!read_header(c, headers[i], s))
			continue;
		if (conf->hide_credentials)
			call_remove_header(c, header_name(headers[i]));
		return true;
	}
	return false;
}

static bool is_date_near(struct call *c, const struct hmac_auth *conf, struct slice header)
{
	int64_t sent_s;
	return http_date_parse(call_header(c, header, NULL), &sent_s) &&
	       fabs((double)(c->x->started_ms / 1000 - sent_s)) <= conf->clock_skew;
}

/* ---- what must be so ------------------------------------------------------------------------------------------- */

static bool holds(struct slice names, struct slice name)
{
	while (slice_is_set(names))
		if (slice_eq(slice_cut(&names, ' '), name))
			return true;
	return false;
}

static bool covers_enforced(const struct hmac_auth *conf, struct slice names)
{
	for (size_t i = 0; i < conf->enforce_headers.len; i++)
		if (!holds(names, conf->enforce_headers.items[i]))
			return false;
	return true;
}

/* False: not an algorithm that this configuration allows. */
static bool find_digest(const struct hmac_auth *conf, struct slice algorithm, enum hmac_digest *digest)
{
	static const struct slice names[] = {
	        SLICE("hmac-sha1"), SLICE("hmac-sha256"), SLICE("hmac-sha384"), SLICE("hmac-sha512")};
	for (size_t i = 0; i < conf->algorithms.len; i++)
		for (int d = HMAC_SHA1; d <= HMAC_SHA512; d++)
			if (slice_eq(algorithm, conf->algorithms.items[i]) && slice_eq(algorithm, names[d])) {
				*digest = d;
				return true;
			}
	return false;
}

/* ---- what was signed ------------------------------------------------------------------------------------------- */

/* As the client sent it, without the authority of an absolute form. */
static struct slice path_with_query(struct call *c)
{
	struct slice target = c->x->request->target;
	struct uri u;

	if (!uri_split(target, &u))
		return target;
	return slice_of(u.path.ptr, (size_t)(target.ptr + target.len - u.path.ptr));
}

static struct slice lower(struct arena *a, struct slice s)
{
	struct slice copy = arena_dup(a, s);
	for (size_t i = 0; i < copy.len; i++)
		((char *)copy.ptr)[i] = (char)ascii_lower((unsigned char)copy.ptr[i]);
	return copy;
}

static struct slice line_for(struct call *c, struct slice name)
{
	struct arena *a = c->x->arena;
	const struct head *request = c->x->request;
	struct slice value = call_header(c, name, NULL);

	if (slice_is_set(value))
		return ARENA_JOIN(a, name, S(": "), value);
	if (slice_eq(name, S("@request-target")))
		return ARENA_JOIN(a, name, S(": "), lower(a, request->method), S(" "), path_with_query(c));
	if (slice_eq(name, S("request-line")))
		return arena_printf(a, "%.*s %.*s HTTP/%d.%d", SLICE_ARG(request->method),
		        SLICE_ARG(path_with_query(c)), request->version / 10, request->version % 10);
	return ARENA_JOIN(a, name, S(":"));
}

static struct slice signing_string(struct call *c, struct slice names)
{
	struct text t = {0};

	for (struct slice rest = names; slice_is_set(rest);) {
		text_put(&t, line_for(c, slice_cut(&rest, ' ')));
		if (slice_is_set(rest))
			text_putc(&t, '\n');
	}
	struct slice all = arena_dup(c->x->arena, text_slice(&t));
	text_fini(&t);
	return all;
}

static bool is_signed_by(struct call *c, const struct signature *s, enum hmac_digest digest, struct slice secret)
{
	struct slice code;

	if (secret.len == 0 || !base64_decode(c->x->arena, s->code, BASE64_STANDARD, &code))
		return false;
	struct hmac_key *key = hmac_key_new(digest, secret);
	bool ok = hmac_verify(key, signing_string(c, s->headers), code);
	hmac_key_free(key);
	return ok;
}

static bool is_body_right(struct call *c)
{
	struct slice body = call_body(c), digest = call_header(c, S("Digest"), NULL);
	unsigned char sum[SHA256_SIZE];

	if (!slice_is_set(digest))
		return body.len == 0;
	digest_sha256(body, sum);
	struct slice text = base64_encode(c->x->arena, slice_of((char *)sum, sizeof sum), BASE64_STANDARD, true);
	return slice_eq(digest, ARENA_JOIN(c->x->arena, S("SHA-256="), text));
}

/* ---- the phase ------------------------------------------------------------------------------------------------- */

static enum verdict refuse(struct call *c, struct slice message)
{
	const struct hmac_auth *conf = c->conf;
	return auth_refuse(c, conf->anonymous, auth_challenge(c, S("hmac"), conf->realm), message);
}

static enum verdict on_access(struct call *c)
{
	const struct hmac_auth *conf = c->conf;
	const struct head *request = c->x->request;
	struct signature s;
	enum hmac_digest digest;

	if (auth_is_settled(c, conf->anonymous))
		return GO;
	if (!head_find(request, HEADER_AUTHORIZATION) && !head_find(request, HEADER_PROXY_AUTHORIZATION))
		return refuse(c, S("Unauthorized"));
	if (!is_date_near(c, conf, S("X-Date")) && !is_date_near(c, conf, S("Date")))
		return refuse(c, S("HMAC signature cannot be verified, a valid date or x-date header is required for "
		                   "HMAC Authentication"));
	if (!read_signature(c, conf, &s) || !covers_enforced(conf, s.headers) ||
	        !find_digest(conf, s.algorithm, &digest))
		return refuse(c, S("HMAC signature cannot be verified"));

	const struct credential *found = call_find(c, &credential_schema, "username", s.username);
	if (!found)
		return refuse(c, S("HMAC signature cannot be verified"));
	if (!is_signed_by(c, &s, digest, found->secret) || (conf->validate_request_body && !is_body_right(c)))
		return refuse(c, S("HMAC signature does not match"));
	return auth_accept(c, &found->consumer, &found->id, found->username);
}

static unsigned wants(const void *conf)
{
	return ((const struct hmac_auth *)conf)->validate_request_body ? WHOLE_REQUEST_BODY : 0;
}

const struct plugin hmac_auth_plugin = {
        .name = "hmac-auth",
        .priority = 1030,
        .scopes = SCOPE_ROUTE | SCOPE_SERVICE,
        .protocols = PROTOCOLS_HTTP,
        .config = &config,
        .entities = entities,
        .wants = wants,
        .access = on_access,
        .doc = "Callers sign parts of their request with a shared secret.",
        .example = "{'enforce_headers':['date','@request-target'],'clock_skew':300}",
};
