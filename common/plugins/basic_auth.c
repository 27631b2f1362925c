/* basic-auth: callers send a username and a password (RFC 7617), which say which consumer they are (plugins.md 1.2).
 *
 * What is stored, shown and compared is SHA-1(password, consumer id) in hexadecimal: the form that databases and
 * files of Kong hold. It is made at every write of the password, also when what was written is a hash already. */
#include "common/core/base64.h"
#include "common/crypto/digest.h"
#include "common/crypto/secret.h"
#include "common/plugin/auth.h"

struct basic_auth {
	struct slice anonymous;
	bool hide_credentials;
	struct slice realm;
};

static const struct field fields[] = {
        FIELD(struct basic_auth, anonymous,
                .doc = "Id or username of the consumer that callers without valid credentials become. Unset: they are refused."),
        FIELD(struct basic_auth, hide_credentials, .flags = REQUIRED, .dflt = "false",
                .doc = "Take the credentials out of the request before it goes to the upstream service."),
        FIELD(struct basic_auth, realm, .flags = REQUIRED, .dflt = "'service'",
                .doc = "Realm to name in the `WWW-Authenticate` header of a refusal."),
        {0},
};

static const struct schema config = {
        .name = "basic-auth",
        .size = sizeof(struct basic_auth),
        .fields = fields,
};

struct credential {
	struct uuid id;
	int64_t created_at;
	struct ref consumer;
	struct slice username, password;
	struct slice_list tags;
};

static const struct field credential_fields[] = {
        ID_FIELD(struct credential),
        CREATED_AT_FIELD(struct credential),
        FIELD(struct credential, consumer, .flags = REQUIRED, .ref = "consumers", .on_delete = ON_DELETE_CASCADE,
                .doc = "Whose credentials they are."),
        FIELD(struct credential, username, .flags = REQUIRED | UNIQUE | ENDPOINT_KEY, .doc = "The username."),
        FIELD(struct credential, password, .flags = REQUIRED | ENCRYPTED,
                .doc = "The password. It is hashed when it is written, and read back as the hash."),
        TAGS_FIELD(struct credential),
        {0},
};

static struct slice id_of_consumer(const json_t *credential)
{
	return slice_cstr(json_string_value(json_object_get(json_object_get(credential, "consumer"), "id")));
}

/* SHA1_HEX digits on the arena. */
static struct slice hash_of(struct arena *a, struct slice password, struct slice consumer_id)
{
	char *hex = arena_alloc(a, SHA1_HEX + 1);
	digest_sha1_hex(ARENA_JOIN(a, password, consumer_id), hex);
	return slice_of(hex, SHA1_HEX);
}

/* The hash holds the consumer's id, so it cannot move to another consumer without the password. */
static bool hash_password(json_t *record, const json_t *input, const json_t *existing, struct err *e)
{
	const json_t *password = json_object_get(input, "password");
	struct slice consumer = id_of_consumer(record);
	struct arena a;

	if (!json_is_string(password))
		return slice_eq(consumer, id_of_consumer(existing)) ||
		       err_set(e, "all or none of these fields must be set: 'password', 'consumer.id'");
	arena_init(&a);
	struct slice plain = slice_of(json_string_value(password), json_string_length(password));
	json_object_set_new(record, "password", json_string(hash_of(&a, plain, consumer).ptr));
	arena_fini(&a);
	return true;
}

static const struct schema credential_schema = {
        .name = "basicauth_credentials",
        .path = "basic-auths",
        .nested_path = "basic-auth",
        .size = sizeof(struct credential),
        .fields = credential_fields,
        .transform = hash_password,
        .doc = "Usernames and passwords of consumers.",
};

static const struct schema *const entities[] = {&credential_schema, NULL};

/* username:password of one header. False: it has none. The first colon ends the username (RFC 7617 section 2). */
static bool read_header(struct call *c, const struct basic_auth *conf, enum header_id header, struct slice *username,
        struct slice *password)
{
	struct slice text = auth_after_scheme(c, header, S("Basic")), decoded;
	bool ok = slice_is_set(text) && base64_decode(c->x->arena, text, BASE64_STANDARD, &decoded);

	if (conf->hide_credentials)
		call_remove_header(c, header_name(header));
	if (!ok)
		return false;
	*username = slice_cut(&decoded, ':');
	*password = decoded;
	return username->len > 0 && slice_is_set(decoded);
}

static bool is_password(struct call *c, const struct credential *credential, struct slice password)
{
	struct slice id = call_uuid_text(c, &credential->consumer.id);
	return secret_eq(hash_of(c->x->arena, password, id), credential->password);
}

static enum verdict on_access(struct call *c)
{
	static const enum header_id headers[] = {HEADER_PROXY_AUTHORIZATION, HEADER_AUTHORIZATION};
	const struct basic_auth *conf = c->conf;
	const struct credential *found = NULL;
	struct slice username, password;

	if (auth_is_settled(c, conf->anonymous))
		return GO;
	for (size_t i = 0; i < 2 && !found; i++)
		if (read_header(c, conf, headers[i], &username, &password))
			found = call_find(c, &credential_schema, "username", username);
	if (found && is_password(c, found, password))
		return auth_accept(c, &found->consumer, &found->id, found->username);
	return auth_refuse(c, conf->anonymous, auth_challenge(c, S("Basic"), conf->realm), S("Unauthorized"));
}

const struct plugin basic_auth_plugin = {
        .name = "basic-auth",
        .priority = 1100,
        .scopes = SCOPE_ROUTE | SCOPE_SERVICE,
        .protocols = PROTOCOLS_HTTP,
        .config = &config,
        .entities = entities,
        .access = on_access,
        .doc = "Callers send a username and a password, which say which consumer they are.",
        .example = "{'hide_credentials':true}",
};
