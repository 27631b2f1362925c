/* key-auth: callers show a key, in a header, the query or the body; it says which consumer they are (plugins.md 1.1).
 */
#include "common/plugin/auth.h"

struct key_auth {
	struct slice_list key_names;
	bool hide_credentials;
	struct slice anonymous;
	bool key_in_header, key_in_query, key_in_body, run_on_preflight;
	struct slice realm;
};

static const struct field fields[] = {
        FIELD(struct key_auth, key_names, .flags = REQUIRED, .dflt = "['apikey']",
                STRINGS(.format = FORMAT_HEADER_NAME),
                .doc = "Names under which a key is looked for: of headers, query arguments and body fields."),
        FIELD(struct key_auth, hide_credentials, .flags = REQUIRED, .dflt = "false",
                .doc = "Take the key out of the request before it goes to the upstream service."),
        FIELD(struct key_auth, anonymous,
                .doc = "Id or username of the consumer that callers without a valid key become. Unset: they are refused."),
        FIELD(struct key_auth, key_in_header, .flags = REQUIRED, .dflt = "true", .doc = "Look in headers."),
        FIELD(struct key_auth, key_in_query, .flags = REQUIRED, .dflt = "true", .doc = "Look in the query."),
        FIELD(struct key_auth, key_in_body, .flags = REQUIRED, .dflt = "false",
                .doc = "Look in the body too: JSON objects and forms. Bodies are then read whole before they are passed on."),
        FIELD(struct key_auth, run_on_preflight, .flags = REQUIRED, .dflt = "true",
                .doc = "Ask for a key on `OPTIONS` requests as well; false lets them all pass."),
        FIELD(struct key_auth, realm, .flags = OPTIONAL,
                .doc = "Realm to name in the `WWW-Authenticate` header of a refusal."),
        {0},
};

static const struct schema config = {
        .name = "key-auth",
        .size = sizeof(struct key_auth),
        .fields = fields,
};

struct credential {
	struct uuid id;
	int64_t created_at;
	struct ref consumer;
	struct slice key;
	struct slice_list tags;
};

static const struct field credential_fields[] = {
        ID_FIELD(struct credential),
        CREATED_AT_FIELD(struct credential),
        FIELD(struct credential, consumer, .flags = REQUIRED, .ref = "consumers", .on_delete = ON_DELETE_CASCADE,
                .doc = "Whose key it is."),
        FIELD(struct credential, key, .flags = UNIQUE | AUTO | OPTIONAL | SECRET | ENDPOINT_KEY,
                .doc = "The key; 32 random characters when you do not give one."),
        TAGS_FIELD(struct credential),
        {0},
};

static const struct schema credential_schema = {
        .name = "keyauth_credentials",
        .path = "key-auths",
        .nested_path = "key-auth",
        .size = sizeof(struct credential),
        .fields = credential_fields,
        .has_ttl = true,
        .doc = "Keys of consumers.",
};

static const struct schema *const entities[] = {&credential_schema, NULL};

/* The first place that has something under this name decides. */
static struct slice look_for(struct call *c, const struct key_auth *conf, struct slice name, size_t *count)
{
	struct slice value = {NULL, 0};

	*count = 0;
	if (conf->key_in_header)
		value = call_header(c, name, count);
	if (*count == 0 && conf->key_in_query)
		value = call_query(c, name, count);
	if (*count == 0 && conf->key_in_body)
		value = call_body_arg(c, name, count);
	return value;
}

static void hide(struct call *c, const struct key_auth *conf, struct slice name)
{
	call_remove_header(c, name);
	call_remove_query(c, name);
	if (conf->key_in_body)
		call_remove_body_arg(c, name);
}

static enum verdict refuse(struct call *c, const struct key_auth *conf, struct slice message)
{
	return auth_refuse(c, conf->anonymous, auth_challenge(c, S("Key"), conf->realm), message);
}

static enum verdict check_key(struct call *c, const struct key_auth *conf, struct slice key)
{
	const struct credential *found = call_find(c, &credential_schema, "key", key);

	if (!found)
		return refuse(c, conf, S("Unauthorized"));
	return auth_accept(c, &found->consumer, &found->id, CREDENTIAL_ID);
}

static enum verdict on_access(struct call *c)
{
	const struct key_auth *conf = c->conf;

	if (!conf->run_on_preflight && slice_eq(c->x->request->method, S("OPTIONS")))
		return GO;
	if (auth_is_settled(c, conf->anonymous))
		return GO;
	for (size_t i = 0; i < conf->key_names.len; i++) {
		struct slice name = conf->key_names.items[i];
		size_t count;
		struct slice key = look_for(c, conf, name, &count);
		if (count > 1)
			return refuse(c, conf, S("Duplicate API key found"));
		if (!slice_is_set(key))
			continue;
		if (conf->hide_credentials)
			hide(c, conf, name);
		if (key.len > 0)
			return check_key(c, conf, key);
		break;
	}
	return refuse(c, conf, S("No API key found in request"));
}

static unsigned wants(const void *conf)
{
	return ((const struct key_auth *)conf)->key_in_body ? WHOLE_REQUEST_BODY : 0;
}

const struct plugin key_auth_plugin = {
        .name = "key-auth",
        .priority = 1250,
        .scopes = SCOPE_ROUTE | SCOPE_SERVICE,
        .protocols = PROTOCOLS_HTTP,
        .config = &config,
        .entities = entities,
        .wants = wants,
        .access = on_access,
        .doc = "Callers show a key, which says which consumer they are.",
        .example = "{'key_names':['apikey'],'hide_credentials':true}",
};
