/* key: public and private keys for tokens, and named sets of them (entities.md 4.12, 4.13). */
#ifndef COMMON_ENTITY_KEY_H
#define COMMON_ENTITY_KEY_H

#include "common/schema/schema.h"

struct key_set {
	struct uuid id;
	struct slice name;
	struct slice_list tags;
	int64_t created_at, updated_at;
};

struct key_pem { /* at least one of them; both unset: the key is a JWK */
	struct slice private_key, public_key;
};

struct key {
	struct uuid id;
	struct ref set;
	struct slice name, kid;
	struct slice jwk; /* JSON text; unset: pem has the key */
	struct key_pem pem;
	struct slice_list tags;
	int64_t created_at, updated_at;
};

extern const struct schema key_set_schema, key_schema;

#endif
