/* key: see key.h. A key is given in one of two ways, as a JSON Web Key (in a string) or as PEM; either is read here,
 * so that what is stored can be used. */
#include "common/entity/key.h"

#include <openssl/evp.h>

#include "common/crypto/jwk.h"
#include "common/crypto/pem.h"
#include "common/schema/load.h"

/* ---- key sets ------------------------------------------------------------------------------------------------- */

static const struct field set_fields[] = {
        ID_FIELD(struct key_set),
        FIELD(struct key_set, name, .flags = UNIQUE | OPTIONAL | ENDPOINT_KEY, .doc = "A unique name for the set."),
        TAGS_FIELD(struct key_set),
        CREATED_AT_FIELD(struct key_set),
        UPDATED_AT_FIELD(struct key_set),
        {0},
};

const struct schema key_set_schema = {
        .name = "key_sets",
        .path = "key-sets",
        .size = sizeof(struct key_set),
        .fields = set_fields,
        .doc = "A named set of keys.",
};

/* ---- keys ----------------------------------------------------------------------------------------------------- */

static const struct field pem_fields[] = {
        FIELD(struct key_pem, private_key, .flags = REFERENCEABLE | ENCRYPTED | OPTIONAL,
                .doc = "The private key in PEM, without a passphrase."),
        FIELD(struct key_pem, public_key, .flags = REFERENCEABLE | OPTIONAL, .doc = "The public key in PEM."),
        {0},
};

static const struct entity_check pem_checks[] = {
        AT_LEAST_ONE_OF("private_key", "public_key"),
        {0},
};

static const struct schema pem_schema = {
        .name = "pem",
        .size = sizeof(struct key_pem),
        .fields = pem_fields,
        .checks = pem_checks,
};

static const struct field fields[] = {
        ID_FIELD(struct key),
        FIELD(struct key, set, .ref = "key_sets", .on_delete = ON_DELETE_CASCADE, .flags = SCOPE | OPTIONAL,
                .doc = "The set that the key belongs to."),
        FIELD(struct key, name, .flags = UNIQUE | OPTIONAL | ENDPOINT_KEY, .doc = "A unique name for the key."),
        FIELD(struct key, kid, .flags = REQUIRED | SCOPE, .described_as = "{'unique':false}",
                .doc = "The id that tokens name the key by; unique within its set."),
        FIELD(struct key, jwk, .flags = REFERENCEABLE | ENCRYPTED,
                .doc = "The key as a JSON Web Key, in a string; its kid is that of the field kid."),
        FIELD(struct key, pem, .dflt = "null", .flags = OPTIONAL, .record = &pem_schema,
                .doc = "The key in PEM, instead of jwk."),
        TAGS_FIELD(struct key),
        CREATED_AT_FIELD(struct key),
        UPDATED_AT_FIELD(struct key),
        {0},
};

/* ---- what a JWK is made of: RFC 7517 section 4, RFC 7518 section 6 --------------------------------------------- */

#define WORD(n)                                  \
	{                                        \
		.name = (n), .type = TYPE_STRING \
	}
#define WORDS(n)                                           \
	{                                                  \
		.name = (n), .type = TYPE_ARRAY, STRINGS() \
	}

static const struct field jwk_fields[] = {WORD("issuer"), WORD("kty"), WORD("use"), WORDS("key_ops"), WORD("alg"),
        {.name = "kid", .type = TYPE_STRING, .flags = REQUIRED}, WORD("x5u"), WORDS("x5c"), WORD("x5t"),
        WORD("x5t#S256"), WORD("k"), WORD("x"), WORD("y"), WORD("crv"), WORD("n"), WORD("e"), WORD("d"), WORD("p"),
        WORD("q"), WORD("dp"), WORD("dq"), WORD("qi"), WORD("oth"), WORD("r"), WORD("t"), {0}};

static const struct schema jwk_schema = {.name = "jwk", .fields = jwk_fields};

static void check_members(const json_t *jwk, struct violations *v)
{
	struct load_options options = {.op = LOAD_CREATE};
	struct violations members = {0};
	json_t *ignored = NULL;
	struct text message = {0};

	if (!schema_load(&jwk_schema, jwk, &options, &ignored, &members)) {
		violations_message(members.fields, "schema violation", "schema violations", &message);
		violations_add_entity(v, "%s", text_cstr(&message));
	}
	text_fini(&message);
	violations_fini(&members);
	json_decref(ignored);
}

static void check_jwk(const json_t *key, const char *text, struct violations *v)
{
	json_t *jwk = json_loads(text, 0, NULL);
	struct err ignored;

	if (!json_is_object(jwk)) {
		violations_add_entity(v, "could not json decode jwk string");
	} else if (!json_equal(json_object_get(jwk, "kid"), json_object_get(key, "kid"))) {
		violations_add_entity(v, "kid in jwk.kid must be equal to keys.kid");
	} else {
		EVP_PKEY *loaded = jwk_key(jwk, &ignored);
		if (loaded)
			check_members(jwk, v);
		else
			violations_add_entity(v, "could not load JWK, likely not a valid key");
		EVP_PKEY_free(loaded);
	}
	json_decref(jwk);
}

/* ---- PEM ------------------------------------------------------------------------------------------------------ */

static bool is_reference(struct slice text)
{
	return slice_starts(text, S("{vault://")) && slice_ends(text, S("}"));
}

/* A key in PEM that can be looked at: there, and no reference. */
static bool is_given(const json_t *pem, const char *name, struct slice *text)
{
	const json_t *value = json_object_get(pem, name);

	*text = slice_of(json_string_value(value), json_string_length(value));
	return json_is_string(value) && !is_reference(*text);
}

static void check_pem(const json_t *pem, struct violations *v)
{
	struct slice text;
	struct err ignored;
	bool has_public = is_given(pem, "public_key", &text);
	EVP_PKEY *public = has_public ? pem_public_key(text, &ignored) : NULL;
	bool has_private = is_given(pem, "private_key", &text);
	EVP_PKEY *private = has_private ? pem_private_key(text, &ignored) : NULL;

	if (has_public && !public)
		violations_add_entity(v, "could not load public key");
	else if (has_private && !private)
		violations_add_entity(v, "could not load private key");
	else if (public && private && EVP_PKEY_eq(public, private) != 1)
		violations_add_entity(v, "public key does not match private key");
	EVP_PKEY_free(public);
	EVP_PKEY_free(private);
}

static void check_key(const json_t *key, bool is_update, struct violations *v)
{
	const char *jwk = json_string_value(json_object_get(key, "jwk"));

	if (jwk)
		check_jwk(key, jwk, v);
	if (json_is_object(json_object_get(key, "pem")))
		check_pem(json_object_get(key, "pem"), v);
}

static const struct entity_check checks[] = {
        MUTUALLY_EXCLUSIVE("jwk", "pem"),
        AT_LEAST_ONE_OF("jwk", "pem"),
        CUSTOM(check_key, .fields = FIELDS("jwk", "pem", "kid")),
        {0},
};

const struct schema key_schema = {
        .name = "keys",
        .path = "keys",
        .size = sizeof(struct key),
        .fields = fields,
        .checks = checks,
        .doc = "A key that tokens are signed or encrypted with.",
};
