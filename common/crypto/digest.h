/* digest: MD5, SHA-1 and SHA-256 of one piece of memory, raw or as lower-case hexadecimal, and UUIDs made from names.
 *
 * MD5 and SHA-1 are here because protocols and stored formats ask for them, never for protection. */
#ifndef COMMON_CRYPTO_DIGEST_H
#define COMMON_CRYPTO_DIGEST_H

#include "common/core/uuid.h"

enum { MD5_SIZE = 16, SHA1_SIZE = 20, SHA256_SIZE = 32 };
enum { MD5_HEX = 2 * MD5_SIZE, SHA1_HEX = 2 * SHA1_SIZE, SHA256_HEX = 2 * SHA256_SIZE };

void digest_md5(struct slice in, unsigned char out[MD5_SIZE]);
void digest_sha1(struct slice in, unsigned char out[SHA1_SIZE]);
void digest_sha256(struct slice in, unsigned char out[SHA256_SIZE]);

/* NUL-terminated. */
void digest_md5_hex(struct slice in, char out[MD5_HEX + 1]);
void digest_sha1_hex(struct slice in, char out[SHA1_HEX + 1]);
void digest_sha256_hex(struct slice in, char out[SHA256_HEX + 1]);

/* HMAC-SHA-256 (RFC 2104). */
void digest_hmac_sha256(struct slice key, struct slice in, unsigned char out[SHA256_SIZE]);

/* n bytes as 2n lower-case digits and a NUL. */
void digest_hex(const void *bytes, size_t n, char *out);

/* The name-based UUID of RFC 9562 5.5 (SHA-1): the same namespace and name always give the same id. */
struct uuid uuid_v5(const struct uuid *name_space, struct slice name);

#endif
