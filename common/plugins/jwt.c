/* jwt: callers show a signed token (RFC 7519), one claim of which names the credential whose key verifies it
 * (plugins.md 1.4).
 *
 * The credential says which algorithm its key is for; a token that names another is refused before anything is
 * computed. A key is parsed when its first token comes, and kept with the credential's record. */
#include <stdatomic.h>

#include "common/core/base64.h"
#include "common/crypto/jws.h"
#include "common/plugin/auth.h"
#include "common/schema/violations.h"

struct jwt {
	struct slice_list uri_param_names, cookie_names;
	struct slice key_claim_name;
	bool secret_is_base64;
	struct slice_list claims_to_verify;
	struct slice anonymous;
	bool run_on_preflight;
	double maximum_expiration; /* in seconds */
	struct slice_list header_names;
	struct slice realm;
};

static const struct field fields[] = {
        FIELD(struct jwt, uri_param_names, .dflt = "['jwt']", .flags = AS_SET, STRINGS(),
                .doc = "Query arguments in which a token is looked for."),
        FIELD(struct jwt, cookie_names, .dflt = "[]", .flags = AS_SET, STRINGS(),
                .doc = "Cookies in which a token is looked for."),
        FIELD(struct jwt, key_claim_name, .dflt = "'iss'",
                .doc = "The claim that holds the `key` of the credential: of the payload, or of the token's header."),
        FIELD(struct jwt, secret_is_base64, .flags = REQUIRED, .dflt = "false",
                .doc = "Secrets of credentials are written in base64; tokens are signed with what they stand for."),
        FIELD(struct jwt, claims_to_verify, .flags = AS_SET, STRINGS(.one_of = ONE_OF("exp", "nbf")),
                .doc = "Claims of time that a token must have and that are checked."),
        FIELD(struct jwt, anonymous,
                .doc = "Id or username of the consumer that callers without a valid token become. Unset: they are refused."),
        FIELD(struct jwt, run_on_preflight, .flags = REQUIRED, .dflt = "true",
                .doc = "Ask for a token on `OPTIONS` requests as well; false lets them all pass."),
        FIELD(struct jwt, maximum_expiration, .dflt = "0", BETWEEN(0, 31536000),
                .doc = "How far in the future, in seconds, a token's `exp` may be. 0: any time."),
        FIELD(struct jwt, header_names, .dflt = "['authorization']", .flags = AS_SET, STRINGS(),
                .doc = "Headers in which a token is looked for, behind the word Bearer."),
        FIELD(struct jwt, realm, .flags = OPTIONAL,
                .doc = "Realm to name in the `WWW-Authenticate` header of a refusal."),
        {0},
};

static const struct entity_check checks[] = {
        WHEN("maximum_expiration", MATCH(GT(0)), "claims_to_verify", MATCH(.contains = "exp")),
        {0},
};

static const struct schema config = {
        .name = "jwt",
        .size = sizeof(struct jwt),
        .fields = fields,
        .checks = checks,
};

/* ---- credentials ----------------------------------------------------------------------------------------------- */

struct credential {
	struct uuid id;
	int64_t created_at;
	struct ref consumer;
	struct slice key, secret, rsa_public_key, algorithm;
	struct slice_list tags;
	/* Made at first use by whichever worker is first; [1]: of a secret in base64. NULL: not made yet. */
	_Atomic(struct jws_key *) keys[2];
};

#define PUBLIC_KEY_ALGORITHMS "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA"
#define PUBLIC_KEY_PATTERNS                                                                      \
	"{'match_any':{'patterns':['^RS256$','^RS384$','^RS512$','^PS256$','^PS384$','^PS512$'," \
	"'^EdDSA$']}}"

static const struct field credential_fields[] = {
        ID_FIELD(struct credential),
        CREATED_AT_FIELD(struct credential),
        FIELD(struct credential, consumer, .flags = REQUIRED, .ref = "consumers", .on_delete = ON_DELETE_CASCADE,
                .doc = "Whose tokens they are."),
        FIELD(struct credential, key, .flags = UNIQUE | AUTO | OPTIONAL | ENDPOINT_KEY,
                .doc = "What tokens name this credential by; 32 random characters when you do not give one."),
        FIELD(struct credential, secret, .flags = AUTO | SECRET,
                .doc = "The secret for HS256, HS384 and HS512; 32 random characters when you do not give one."),
        FIELD(struct credential, rsa_public_key, .doc = "The public key for all other algorithms, in PEM."),
        FIELD(struct credential, algorithm, .dflt = "'HS256'",
                .one_of = ONE_OF("HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "ES384", "ES512",
                        "PS256", "PS384", "PS512", "EdDSA"),
                .doc = "The one algorithm that tokens of this credential are signed with."),
        TAGS_FIELD(struct credential),
        {0},
};

/* Keys for ES* are not looked at here: Kong stores any. One that cannot be read verifies nothing. */
static void check_public_key(const json_t *merged, bool is_update, struct violations *v)
{
	static const char *const algorithms[] = {PUBLIC_KEY_ALGORITHMS, NULL};
	const char *algorithm = json_string_value(json_object_get(merged, "algorithm"));
	const char *pem = json_string_value(json_object_get(merged, "rsa_public_key"));

	for (const char *const *a = algorithms; *a && algorithm && pem; a++)
		if (strcmp(*a, algorithm) == 0 && !jws_pem_is_key(slice_cstr(pem)))
			violations_add(v, "rsa_public_key", "invalid key");
}

static const struct entity_check credential_checks[] = {
        WHEN("algorithm", MATCH(.one_of = ONE_OF(PUBLIC_KEY_ALGORITHMS), .described_as = PUBLIC_KEY_PATTERNS),
                "rsa_public_key", MATCH(.flags = REQUIRED)),
        CUSTOM(check_public_key),
        {0},
};

static void free_keys(void *entity)
{
	struct credential *credential = entity;
	jws_key_free(credential->keys[0]);
	jws_key_free(credential->keys[1]);
}

static const struct schema credential_schema = {
        .name = "jwt_secrets",
        .path = "jwts",
        .nested_path = "jwt",
        .size = sizeof(struct credential),
        .fields = credential_fields,
        .checks = credential_checks,
        .fini = free_keys,
        .doc = "Keys of consumers that tokens are verified with.",
};

static const struct schema *const entities[] = {&credential_schema, NULL};

/* ---- keys ------------------------------------------------------------------------------------------------------ */

static enum jws_alg algorithm_of(const struct credential *credential)
{
	return slice_is_set(credential->algorithm) ? jws_alg_of(credential->algorithm) : JWS_HS256;
}

/* In either of the two alphabets. Unset when it is neither. */
static struct slice decode_secret(struct arena *a, struct slice secret)
{
	struct slice bytes;
	if (base64_decode(a, secret, BASE64_URL, &bytes) || base64_decode(a, secret, BASE64_STANDARD, &bytes))
		return bytes;
	return slice_of(NULL, 0);
}

/* What the credential has for its algorithm; unset: nothing. */
static struct slice material_of(struct call *c, const struct credential *credential)
{
	const struct jwt *conf = c->conf;
	if (!jws_is_secret(algorithm_of(credential)))
		return credential->rsa_public_key;
	return conf->secret_is_base64 ? decode_secret(c->x->arena, credential->secret) : credential->secret;
}

/* NULL: it has nothing that could verify a token. The record is shared with the other workers and const but for this.
 */
static const struct jws_key *key_of(struct call *c, const struct credential *credential)
{
	const struct jwt *conf = c->conf;
	enum jws_alg alg = algorithm_of(credential);
	bool is_base64 = jws_is_secret(alg) && conf->secret_is_base64;
	_Atomic(struct jws_key *) *slot = &((struct credential *)credential)->keys[is_base64];
	struct jws_key *key = atomic_load(slot), *other = NULL;
	struct err e;

	if (key)
		return key;
	struct slice material = material_of(c, credential);
	key = jws_is_secret(alg) ? jws_key_secret(alg, material) : jws_key_pem(alg, material, &e);
	if (!key || atomic_compare_exchange_strong(slot, &other, key))
		return key;
	jws_key_free(key); /* another worker was faster */
	return other;
}

/* ---- refusing (J-form) ----------------------------------------------------------------------------------------- */

/* challenge unset: none. Takes the reference. */
static enum verdict refuse(struct call *c, struct slice challenge, json_t *body)
{
	const struct jwt *conf = c->conf;

	if (slice_is_set(conf->anonymous)) {
		json_decref(body);
		return call_anonymous(c, conf->anonymous);
	}
	if (slice_is_set(challenge))
		call_respond_header(c, S("WWW-Authenticate"), challenge);
	return call_exit_json(c, 401, body);
}

static json_t *message(struct slice text)
{
	return json_pack("{s:s%}", "message", text.ptr, text.len);
}

static struct slice challenge_without_token(struct call *c)
{
	return auth_challenge(c, S("Bearer"), ((const struct jwt *)c->conf)->realm);
}

static enum verdict refuse_claims(struct call *c, json_t *reasons)
{
	return refuse(c, ARENA_JOIN(c->x->arena, challenge_without_token(c), S(" error=\"invalid_token\"")), reasons);
}

static enum verdict refuse_token(struct call *c, struct slice text)
{
	return refuse_claims(c, message(text));
}

/* "No mandatory 'iss' in claims" */
static enum verdict refuse_key(struct call *c, const char *before, const char *behind)
{
	const struct jwt *conf = c->conf;
	return refuse_token(
	        c, arena_printf(c->x->arena, "%s '%.*s'%s", before, SLICE_ARG(conf->key_claim_name), behind));
}

/* ---- looking for tokens ---------------------------------------------------------------------------------------- */

struct found {
	struct slice token; /* unset: none yet */
	bool several;       /* different ones */
};

static void take(struct found *f, struct slice token)
{
	if (token.len == 0)
		return;
	f->several |= slice_is_set(f->token) && !slice_eq(f->token, token);
	if (!slice_is_set(f->token))
		f->token = token;
}

static void look_in_query(struct call *c, const struct slice_list *names, struct found *f)
{
	struct arg_list args = call_query_args(c);

	for (size_t i = 0; i < args.len; i++)
		for (size_t n = 0; n < names->len; n++)
			if (slice_eq(args.items[i].name, names->items[n]))
				take(f, args.items[i].value);
}

static void look_in_header(struct call *c, struct slice name, struct found *f)
{
	struct slice value = slice_trim(call_header(c, name, NULL));

	if (value.len < 7 || ascii_lower((unsigned char)value.ptr[0]) != 'b' ||
	        memcmp(value.ptr + 1, "earer", 5) != 0)
		return;
	struct slice behind = slice_from(value, 6), token = slice_trim(behind);
	if (token.ptr > behind.ptr)
		take(f, token);
}

static struct found look_for_tokens(struct call *c, const struct jwt *conf)
{
	struct found f = {{NULL, 0}, false};

	if (slice_is_set(c->x->query) && conf->uri_param_names.len)
		look_in_query(c, &conf->uri_param_names, &f);
	for (size_t i = 0; i < conf->cookie_names.len; i++)
		take(&f, call_cookie(c, conf->cookie_names.items[i]));
	for (size_t i = 0; i < conf->header_names.len; i++)
		look_in_header(c, conf->header_names.items[i], &f);
	return f;
}

/* ---- claims ---------------------------------------------------------------------------------------------------- */

/* NULL: nothing is wrong. */
static const char *check_time(struct slice claim, const json_t *value, int64_t now_s)
{
	if (!json_is_number(value))
		return "must be a number";
	if (slice_eq(claim, S("nbf")))
		return json_number_value(value) > (double)now_s ? "token not valid yet" : NULL;
	return json_number_value(value) <= (double)now_s ? "token expired" : NULL;
}

static const char *check_distance(const struct jwt *conf, const json_t *exp, int64_t now_s)
{
	if (exp && !json_is_number(exp))
		return "must be a number";
	if (!exp || json_number_value(exp) - (double)now_s > conf->maximum_expiration)
		return "exceeds maximum allowed expiration";
	return NULL;
}

/* An object of claims and reasons; NULL: nothing is wrong. */
static json_t *check_claims(struct call *c, const json_t *claims)
{
	const struct jwt *conf = c->conf;
	int64_t now_s = c->x->started_ms / 1000;
	json_t *reasons = NULL;

	for (size_t i = 0; i < conf->claims_to_verify.len; i++) {
		struct slice claim = conf->claims_to_verify.items[i];
		const char *reason = check_time(claim, json_object_getn(claims, claim.ptr, claim.len), now_s);
		if (!reason)
			continue;
		reasons = reasons ? reasons : json_object();
		json_object_setn_new(reasons, claim.ptr, claim.len, json_string(reason));
	}
	if (reasons || conf->maximum_expiration <= 0)
		return reasons;
	const char *reason = check_distance(conf, json_object_get(claims, "exp"), now_s);
	return reason ? json_pack("{s:s}", "exp", reason) : NULL;
}

/* ---- one token ------------------------------------------------------------------------------------------------- */

struct token {
	struct jws jws;
	enum jws_alg alg;
	json_t *header; /* NULL: not parsed, or no JSON */
	json_t *claims;
};

/* A name that stands there twice is no JSON for us: two readers could take different values (RFC 7519 section 4). */
static json_t *parse(struct slice text)
{
	return json_loadb(
	        text.ptr, text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL | JSON_DECODE_ANY, NULL);
}

static struct slice text_of(const json_t *string)
{
	return slice_of(json_string_value(string), json_string_length(string));
}

/* Tokens of one issuer have the same header, to the byte: the last good one is known again. */
enum { HEADER_KEPT_MAX = 128 };
struct known_header {
	char text[HEADER_KEPT_MAX];
	size_t len;
	enum jws_alg alg;
};

/* False: it is no JSON. */
static bool read_header(struct token *t)
{
	static __thread struct known_header known;
	struct slice text = t->jws.header;

	if (known.len && slice_eq(text, slice_of(known.text, known.len))) {
		t->alg = known.alg;
		return true;
	}
	t->header = parse(text);
	t->alg = jws_alg_of(text_of(json_object_get(t->header, "alg")));
	if (t->alg != JWS_NONE && text.len <= HEADER_KEPT_MAX) {
		memcpy(known.text, text.ptr, text.len);
		known.len = text.len;
		known.alg = t->alg;
	}
	return t->header != NULL;
}

/* The value of a claim, of the payload or else of the header; NULL: it is in neither. */
static const json_t *find_claim(struct token *t, struct slice name)
{
	const json_t *value = json_object_getn(t->claims, name.ptr, name.len);
	if (value && !json_is_null(value))
		return value;
	if (!t->header)
		t->header = parse(t->jws.header);
	value = json_object_getn(t->header, name.ptr, name.len);
	return json_is_null(value) ? NULL : value;
}

static enum verdict accept(struct call *c, const struct credential *credential)
{
	const struct consumer *consumer = call_find(c, &consumer_schema, "id", uuid_slice(&credential->consumer.id));
	const struct jwt *conf = c->conf;

	if (!consumer)
		return refuse(c, slice_of(NULL, 0),
		        message(arena_printf(c->x->arena, "Could not find consumer for '%.*s=%.*s'",
		                SLICE_ARG(conf->key_claim_name), SLICE_ARG(credential->key))));
	call_authenticated(c, consumer, &credential->id, credential->key);
	return GO;
}

/* The credential that the token names, if it may be verified with its key. */
static enum verdict verify(struct call *c, const struct token *t, const struct credential *credential)
{
	if (!credential)
		return refuse_key(c, "No credentials found for given", "");
	if (algorithm_of(credential) != t->alg)
		return refuse_token(c, S("Invalid algorithm"));
	if (!slice_is_set(material_of(c, credential)))
		return refuse_token(c, S("Invalid key/secret"));
	const struct jws_key *key = key_of(c, credential);
	if (!key || !jws_verify(key, &t->jws))
		return refuse_token(c, S("Invalid signature"));
	json_t *reasons = check_claims(c, t->claims);
	return reasons ? refuse_claims(c, reasons) : accept(c, credential);
}

static enum verdict judge(struct call *c, struct token *t, bool is_json)
{
	const struct jwt *conf = c->conf;

	if (!is_json || !t->claims)
		return refuse_token(c, S("Bad token; invalid JSON"));
	if (t->alg == JWS_NONE)
		return refuse_token(c, S("Bad token; invalid alg"));
	if (!json_is_object(t->claims))
		return refuse_token(c, S("Bad token; invalid claims"));
	if (!slice_is_set(t->jws.signature))
		return refuse_token(c, S("Bad token; invalid signature"));

	const json_t *key = find_claim(t, conf->key_claim_name);
	if (!key)
		return refuse_key(c, "No mandatory", " in claims");
	if (json_is_string(key) && json_string_length(key) == 0)
		return refuse_key(c, "Invalid", " in claims");
	return verify(c, t, json_is_string(key) ? call_find(c, &credential_schema, "key", text_of(key)) : NULL);
}

static enum verdict check_token(struct call *c, struct slice text)
{
	struct token t = {0};
	bool is_json = jws_split(c->x->arena, text, &t.jws) && read_header(&t);

	if (is_json)
		t.claims = parse(t.jws.payload);
	enum verdict v = judge(c, &t, is_json);
	json_decref(t.header);
	json_decref(t.claims);
	if (v == GO && c->x->has_credential)
		call_share(c, S("authenticated_jwt_token"), text);
	return v;
}

static enum verdict on_access(struct call *c)
{
	const struct jwt *conf = c->conf;

	if (!conf->run_on_preflight && slice_eq(c->x->request->method, S("OPTIONS")))
		return GO;
	if (auth_is_settled(c, conf->anonymous))
		return GO;
	struct found f = look_for_tokens(c, conf);
	if (f.several)
		return refuse_token(c, S("Multiple tokens provided"));
	if (!slice_is_set(f.token))
		return refuse(c, challenge_without_token(c), message(S("Unauthorized")));
	return check_token(c, f.token);
}

const struct plugin jwt_plugin = {
        .name = "jwt",
        .priority = 1450,
        .scopes = SCOPE_ROUTE | SCOPE_SERVICE,
        .protocols = PROTOCOLS_HTTP,
        .config = &config,
        .entities = entities,
        .access = on_access,
        .doc = "Callers show a signed JSON Web Token.",
        .example = "{'claims_to_verify':['exp']}",
};
