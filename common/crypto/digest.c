/* digest: see digest.h. */
#include "common/crypto/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <stdlib.h>

static void digest(const EVP_MD *md, struct slice in, unsigned char *out)
{
	/* Fails only when memory or the library's built-in algorithms are missing: there is nothing to go on with. */
	if (!EVP_Digest(in.ptr ? in.ptr : "", in.len, out, NULL, md, NULL))
		abort();
}

void digest_md5(struct slice in, unsigned char out[MD5_SIZE])
{
	digest(EVP_md5(), in, out);
}

void digest_sha1(struct slice in, unsigned char out[SHA1_SIZE])
{
	digest(EVP_sha1(), in, out);
}

/* Looked up once: OpenSSL would do it, under locks, for every digest. */
static EVP_MD *sha256;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fetch_sha256(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

void digest_sha256(struct slice in, unsigned char out[SHA256_SIZE])
{
	pthread_once(&once, fetch_sha256);
	digest(sha256 ? sha256 : EVP_sha256(), in, out);
}

void digest_hex(const void *bytes, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *b = bytes;
	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[b[i] >> 4];
		out[2 * i + 1] = digits[b[i] & 15];
	}
	out[2 * n] = '\0';
}

void digest_md5_hex(struct slice in, char out[MD5_HEX + 1])
{
	unsigned char raw[MD5_SIZE];
	digest_md5(in, raw);
	digest_hex(raw, sizeof raw, out);
}

void digest_sha1_hex(struct slice in, char out[SHA1_HEX + 1])
{
	unsigned char raw[SHA1_SIZE];
	digest_sha1(in, raw);
	digest_hex(raw, sizeof raw, out);
}

void digest_sha256_hex(struct slice in, char out[SHA256_HEX + 1])
{
	unsigned char raw[SHA256_SIZE];
	digest_sha256(in, raw);
	digest_hex(raw, sizeof raw, out);
}

void digest_hmac_sha256(struct slice key, struct slice in, unsigned char out[SHA256_SIZE])
{
	if (!HMAC(EVP_sha256(), key.ptr ? key.ptr : "", (int)key.len, (const unsigned char *)(in.ptr ? in.ptr : ""),
	            in.len, out, NULL))
		abort();
}

struct uuid uuid_v5(const struct uuid *name_space, struct slice name)
{
	unsigned char raw[SHA1_SIZE];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	struct uuid u;

	if (!ctx || !EVP_DigestInit_ex(ctx, EVP_sha1(), NULL) ||
	        !EVP_DigestUpdate(ctx, name_space->bytes, sizeof name_space->bytes) ||
	        !EVP_DigestUpdate(ctx, name.ptr ? name.ptr : "", name.len) || !EVP_DigestFinal_ex(ctx, raw, NULL))
		abort();
	EVP_MD_CTX_free(ctx);
	memcpy(u.bytes, raw, sizeof u.bytes);
	u.bytes[6] = (unsigned char)((u.bytes[6] & 0x0f) | 0x50);
	u.bytes[8] = (unsigned char)((u.bytes[8] & 0x3f) | 0x80);
	return u;
}
