/* oauth2: applications that act for users, and the tokens and codes that they are given (entities.md 5). Here and not
 * in a plugin's file, because the records are kept and served whether or not something checks tokens. */
#ifndef COMMON_ENTITY_OAUTH2_H
#define COMMON_ENTITY_OAUTH2_H

#include "common/schema/schema.h"

struct oauth2_credential {
	struct uuid id;
	int64_t created_at;
	struct ref consumer;
	struct slice name, client_id;
	struct slice client_secret; /* with hash_secret: what common/crypto/password.h made of it */
	bool hash_secret;
	struct slice_list redirect_uris, tags;
	struct slice client_type;
};

struct oauth2_token {
	struct uuid id;
	int64_t created_at;
	struct ref service, credential;
	struct slice token_type;
	int64_t expires_in; /* s; 0: never */
	struct slice access_token, refresh_token, authenticated_userid, scope;
};

struct oauth2_code {
	struct uuid id;
	int64_t created_at;
	struct ref service, credential;
	struct slice code, authenticated_userid, scope;
	struct slice challenge, challenge_method; /* RFC 7636 */
	struct ref plugin;
};

extern const struct schema oauth2_credential_schema, oauth2_token_schema, oauth2_code_schema;

#endif
