/* token: see token.h. Called by the Admin API (who asks?) and by gatectl (which makes them). */
#include "common/crypto/token.h"

#include <openssl/crypto.h>
#include <stdio.h>

static const struct slice prefix = SLICE("gh_");

/* ---- digests --------------------------------------------------------------------------------------------------- */

static void make_digest(struct slice token, struct slice salt_hex, char out[TOKEN_DIGEST + 1])
{
	unsigned char hmac[SHA256_SIZE];

	digest_hmac_sha256(salt_hex, token, hmac);
	memcpy(out, salt_hex.ptr, 2 * TOKEN_SALT);
	out[2 * TOKEN_SALT] = '$';
	digest_hex(hmac, sizeof hmac, out + 2 * TOKEN_SALT + 1);
}

static bool is_hex(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!((s.ptr[i] >= '0' && s.ptr[i] <= '9') || (s.ptr[i] >= 'a' && s.ptr[i] <= 'f')))
			return false;
	return true;
}

bool is_token_digest(struct slice digest)
{
	return digest.len == TOKEN_DIGEST && digest.ptr[2 * TOKEN_SALT] == '$' &&
	       is_hex(slice_of(digest.ptr, 2 * TOKEN_SALT)) && is_hex(slice_from(digest, 2 * TOKEN_SALT + 1));
}

bool token_is(struct slice token, struct slice digest)
{
	static const char nobody[2 * TOKEN_SALT] = "00000000000000000000000000000000";
	bool known = is_token_digest(digest);
	char made[TOKEN_DIGEST + 1];

	make_digest(token, slice_of(known ? digest.ptr : nobody, 2 * TOKEN_SALT), made);
	return CRYPTO_memcmp(made, known ? digest.ptr : nobody, known ? TOKEN_DIGEST : sizeof nobody) == 0 && known;
}

/* ---- tokens ---------------------------------------------------------------------------------------------------- */

void token_new(const struct uuid *id, char token[TOKEN_TEXT + 1], char digest[TOKEN_DIGEST + 1])
{
	unsigned char salt[TOKEN_SALT];
	char hex[2 * sizeof id->bytes + 1], salt_hex[2 * TOKEN_SALT + 1], secret[TOKEN_SECRET + 1];

	random_alphanumeric(secret, TOKEN_SECRET);
	random_bytes(salt, sizeof salt);
	digest_hex(id->bytes, sizeof id->bytes, hex);
	digest_hex(salt, sizeof salt, salt_hex);
	snprintf(token, TOKEN_TEXT + 1, "%s%s_%s", prefix.ptr, hex, secret);
	make_digest(slice_of(token, TOKEN_TEXT), slice_of(salt_hex, 2 * TOKEN_SALT), digest);
	OPENSSL_cleanse(secret, sizeof secret);
}

static int nibble(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

bool token_id(struct slice token, struct uuid *out)
{
	struct slice hex = slice_of(slice_from(token, prefix.len).ptr, 2 * sizeof out->bytes);

	if (token.len != TOKEN_TEXT || !slice_starts(token, prefix) || !is_hex(hex) || hex.ptr[hex.len] != '_')
		return false;
	for (size_t i = 0; i < sizeof out->bytes; i++)
		out->bytes[i] = (unsigned char)(nibble(hex.ptr[2 * i]) << 4 | nibble(hex.ptr[2 * i + 1]));
	return true;
}
