/* join_token: see join_token.h. */
#include "common/sync/join_token.h"

#include "common/core/base64.h"

static const char prefix[] = "ghj_";
enum { PREFIX = 4 };
_Static_assert(sizeof(struct join_token) == 16 + JOIN_SECRET + SHA256_SIZE, "the struct is what the text holds");

void join_token_new(const unsigned char ca[SHA256_SIZE], struct join_token *out)
{
	out->id = uuid_v4();
	random_bytes(out->secret, sizeof out->secret);
	memcpy(out->ca, ca, SHA256_SIZE);
}

void join_token_text(const struct join_token *t, char out[JOIN_TOKEN_TEXT + 1])
{
	struct arena a;
	arena_init(&a);
	struct slice text = base64_encode(&a, slice_of((const char *)t, sizeof *t), BASE64_URL, false);
	memcpy(out, prefix, PREFIX);
	memcpy(out + PREFIX, text.ptr, text.len);
	out[PREFIX + text.len] = '\0';
	arena_fini(&a);
}

bool join_token_parse(struct slice text, struct join_token *out)
{
	struct arena a;
	struct slice bytes;
	if (text.len != JOIN_TOKEN_TEXT || !slice_starts(text, slice_cstr(prefix)))
		return false;
	arena_init(&a);
	bool ok = base64_decode(&a, slice_from(text, PREFIX), BASE64_URL, &bytes) && bytes.len == sizeof *out;
	if (ok)
		memcpy(out, bytes.ptr, sizeof *out);
	arena_fini(&a);
	return ok;
}

void join_token_digest(struct slice secret, char out[SHA256_HEX + 1])
{
	digest_sha256_hex(secret, out);
}
