/* oauth2: see oauth2.h. */
#include "common/entity/oauth2.h"

#include "common/crypto/password.h"
#include "common/schema/url.h"

/* ---- applications ---------------------------------------------------------------------------------------------- */

/* RFC 6749 3.1.2: absolute, without a fragment. */
static bool check_redirect_uri(const struct field *f, json_t **value, struct err *e)
{
	struct slice text = slice_of(json_string_value(*value), json_string_length(*value));
	struct url u = url_split(text);

	if (!slice_is_set(u.scheme) || !slice_is_set(u.host))
		return err_set(e, "cannot parse '%.*s'", SLICE_ARG(text));
	return slice_find(text, '#') < 0 || err_set(e, "fragment not allowed in '%.*s'", SLICE_ARG(text));
}

static const struct field credential_fields[] = {
        ID_FIELD(struct oauth2_credential),
        CREATED_AT_FIELD(struct oauth2_credential),
        FIELD(struct oauth2_credential, consumer, .flags = REQUIRED, .ref = "consumers",
                .on_delete = ON_DELETE_CASCADE, .doc = "Whose application it is."),
        FIELD(struct oauth2_credential, name, .flags = REQUIRED, .doc = "The application's name, shown to users."),
        FIELD(struct oauth2_credential, client_id, .flags = AUTO | UNIQUE | OPTIONAL | ENDPOINT_KEY,
                .doc = "The application's id; made up when you do not give one."),
        FIELD(struct oauth2_credential, client_secret, .flags = AUTO | ENCRYPTED | OPTIONAL,
                .doc = "The application's secret; made up when you do not give one."),
        FIELD(struct oauth2_credential, hash_secret, .flags = REQUIRED, .dflt = "false",
                .doc = "Keep only a hash of the secret; it cannot be read any more then."),
        FIELD(struct oauth2_credential, redirect_uris, .flags = OPTIONAL, STRINGS(.check = check_redirect_uri),
                .doc = "Where users may be sent back to."),
        TAGS_FIELD(struct oauth2_credential),
        FIELD(struct oauth2_credential, client_type, .flags = REQUIRED, .dflt = "'confidential'",
                .one_of = ONE_OF("confidential", "public"),
                .doc = "Whether the application can keep a secret (RFC 6749 2.1)."),
        {0},
};

/* Keeps the existing hash of the same secret: another salt would be a change, though nothing has changed. */
static bool keep_hash(json_t *record, struct slice secret, const json_t *existing)
{
	json_t *value = json_object_get(existing, "client_secret");

	if (!json_is_true(json_object_get(existing, "hash_secret")) ||
	        !password_matches(secret, slice_of(json_string_value(value), json_string_length(value))))
		return false;
	json_object_set(record, "client_secret", value);
	return true;
}

/* A hash that is read and written back stays what it is. */
static bool hash_secret(json_t *record, const json_t *input, const json_t *existing, struct err *e)
{
	const json_t *value = json_object_get(record, "client_secret");
	struct slice secret = slice_of(json_string_value(value), json_string_length(value));
	struct arena a;

	if (!json_is_true(json_object_get(record, "hash_secret")) || !json_is_string(value) ||
	        password_is_hash(secret) || keep_hash(record, secret, existing))
		return true;
	arena_init(&a);
	struct slice hash = password_hash(&a, secret);
	json_object_set_new(record, "client_secret", json_stringn(hash.ptr, hash.len));
	arena_fini(&a);
	return true;
}

const struct schema oauth2_credential_schema = {
        .name = "oauth2_credentials",
        .path = "oauth2",
        .size = sizeof(struct oauth2_credential),
        .fields = credential_fields,
        .transform = hash_secret,
        .doc = "An application of a consumer that asks for tokens.",
};

/* ---- tokens ---------------------------------------------------------------------------------------------------- */

static const struct field token_fields[] = {
        ID_FIELD(struct oauth2_token),
        CREATED_AT_FIELD(struct oauth2_token),
        FIELD(struct oauth2_token, service, .dflt = "null", .ref = "services", .on_delete = ON_DELETE_CASCADE,
                .doc = "The service that it is good for; unset: all."),
        FIELD(struct oauth2_token, credential, .flags = REQUIRED, .ref = "oauth2_credentials",
                .on_delete = ON_DELETE_CASCADE, .doc = "The application that it was given to."),
        FIELD(struct oauth2_token, token_type, .flags = REQUIRED, .dflt = "'bearer'", .one_of = ONE_OF("bearer"),
                .doc = "How it is shown (RFC 6750)."),
        FIELD(struct oauth2_token, expires_in, .flags = REQUIRED,
                .doc = "Seconds that the access token is good for."),
        FIELD(struct oauth2_token, access_token, .flags = AUTO | UNIQUE | SECRET | OPTIONAL | ENDPOINT_KEY,
                .doc = "The token; made up when you do not give one."),
        FIELD(struct oauth2_token, refresh_token, .flags = UNIQUE | SECRET | OPTIONAL,
                .doc = "What brings a new token."),
        FIELD(struct oauth2_token, authenticated_userid, .flags = OPTIONAL,
                .doc = "The user that the application acts for."),
        FIELD(struct oauth2_token, scope, .doc = "What it allows, in words separated by spaces."),
        {0},
};

const struct schema oauth2_token_schema = {
        .name = "oauth2_tokens",
        .path = "oauth2_tokens",
        .size = sizeof(struct oauth2_token),
        .fields = token_fields,
        .has_ttl = true,
        .doc = "A token that an application shows.",
};

/* ---- codes ----------------------------------------------------------------------------------------------------- */

static const struct field code_fields[] = {
        ID_FIELD(struct oauth2_code),
        CREATED_AT_FIELD(struct oauth2_code),
        FIELD(struct oauth2_code, service, .dflt = "null", .ref = "services", .on_delete = ON_DELETE_CASCADE,
                .doc = "The service that the token will be good for."),
        FIELD(struct oauth2_code, credential, .flags = REQUIRED, .ref = "oauth2_credentials",
                .on_delete = ON_DELETE_CASCADE, .doc = "The application that it was given to."),
        FIELD(struct oauth2_code, code, .flags = AUTO | UNIQUE | SECRET | OPTIONAL, .doc = "The code."),
        FIELD(struct oauth2_code, authenticated_userid, .flags = OPTIONAL, .doc = "The user who agreed."),
        FIELD(struct oauth2_code, scope, .doc = "What was agreed to."),
        FIELD(struct oauth2_code, challenge, .flags = OPTIONAL,
                .doc = "The challenge that the verifier must answer (RFC 7636)."),
        FIELD(struct oauth2_code, challenge_method, .flags = OPTIONAL, .one_of = ONE_OF("S256"), .doc = "How."),
        FIELD(struct oauth2_code, plugin, .dflt = "null", .ref = "plugins", .on_delete = ON_DELETE_CASCADE,
                .doc = "The plugin that gave it."),
        {0},
};

const struct schema oauth2_code_schema = {
        .name = "oauth2_authorization_codes",
        .size = sizeof(struct oauth2_code),
        .fields = code_fields,
        .has_ttl = true,
        .doc = "What a user's consent is exchanged for a token with.",
};
