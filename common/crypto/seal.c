/* seal: see seal.h. */
#include "common/crypto/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/core/uuid.h"

enum { MAGIC = 8, NONCE = 12, TAG = 16 };
static const char magic[MAGIC + 1] = "GHSEAL1\n";

/* EVP takes int lengths; larger content goes through in steps. */
enum { STEP = 1 << 30 };

static bool make_key_file(const char *path, struct seal_key *out, struct err *e)
{
	/* Written aside and linked into place: of two processes that start at once both end with the same, whole key.
	 */
	char tmp[PATH_MAX];
	if ((size_t)snprintf(tmp, sizeof tmp, "%s.%ld.new", path, (long)getpid()) >= sizeof tmp)
		return err_set(e, "file name too long: '%.200s...'", path);
	int fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_set(e, "cannot create key file '%s': %s", tmp, strerror(errno));
	random_bytes(out->bytes, sizeof out->bytes);
	bool ok = write(fd, out->bytes, sizeof out->bytes) == (ssize_t)sizeof out->bytes && fsync(fd) == 0;
	if (close(fd) < 0)
		ok = false;
	if (ok && link(tmp, path) < 0)
		ok = false;
	int why = errno;
	unlink(tmp);
	return ok || err_set(e, "cannot write key file '%s': %s", path, strerror(why));
}

static bool read_key(int fd, const char *path, struct seal_key *out, struct err *e)
{
	struct stat st;
	char extra;
	if (fstat(fd, &st) < 0)
		return err_set(e, "cannot read key file '%s': %s", path, strerror(errno));
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return err_set(e, "key file '%s' has mode %03o, expected 600: others must not read it", path,
		        st.st_mode & 0777);
	if (st.st_size != SEAL_KEY || read(fd, out->bytes, SEAL_KEY) != SEAL_KEY || read(fd, &extra, 1) != 0)
		return err_set(e, "key file '%s' has %lld bytes, expected %d", path, (long long)st.st_size, SEAL_KEY);
	return true;
}

bool seal_key_file(const char *path, struct seal_key *out, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		struct err made;
		if (make_key_file(path, out, &made))
			return true;
		fd = open(path, O_RDONLY | O_CLOEXEC); /* another process was faster? */
		if (fd < 0)
			return err_set(e, "%s", made.message);
	}
	if (fd < 0)
		return err_set(e, "cannot open key file '%s': %s", path, strerror(errno));
	bool ok = read_key(fd, path, out, e);
	close(fd);
	return ok;
}

void seal_key_derive(struct slice secret, struct slice label, struct seal_key *out)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	OSSL_PARAM params[] = {
	        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
	        OSSL_PARAM_construct_octet_string(
	                OSSL_KDF_PARAM_KEY, (void *)(secret.ptr ? secret.ptr : ""), secret.len),
	        OSSL_PARAM_construct_octet_string(
	                OSSL_KDF_PARAM_INFO, (void *)(label.ptr ? label.ptr : ""), label.len),
	        OSSL_PARAM_construct_end(),
	};
	if (!ctx || EVP_KDF_derive(ctx, out->bytes, sizeof out->bytes, params) <= 0)
		abort();
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
}

static bool begin(EVP_CIPHER_CTX *c, bool sealing, const struct seal_key *key, const char *nonce, struct slice label)
{
	int n;
	return EVP_CipherInit_ex(c, EVP_aes_256_gcm(), NULL, key->bytes, (const unsigned char *)nonce, sealing) &&
	       EVP_CipherUpdate(c, NULL, &n, (const unsigned char *)magic, MAGIC) &&
	       (label.len == 0 || EVP_CipherUpdate(c, NULL, &n, (const unsigned char *)label.ptr, (int)label.len));
}

static bool run(EVP_CIPHER_CTX *c, struct slice in, char *out)
{
	while (in.len) {
		int step = in.len < STEP ? (int)in.len : STEP, n;
		if (!EVP_CipherUpdate(c, (unsigned char *)out, &n, (const unsigned char *)in.ptr, step))
			return false;
		out += n;
		in = slice_from(in, (size_t)step);
	}
	return true;
}

void seal(const struct seal_key *key, struct slice label, struct slice plain, struct text *out)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	char *to = text_reserve(out, plain.len + SEAL_OVERHEAD), *body = to + MAGIC + NONCE;
	int n;

	memcpy(to, magic, MAGIC);
	random_bytes(to + MAGIC, NONCE);
	if (!c || !begin(c, true, key, to + MAGIC, label) || !run(c, plain, body) ||
	        !EVP_CipherFinal_ex(c, (unsigned char *)body + plain.len, &n) ||
	        !EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG, body + plain.len))
		abort(); /* memory or the library's own algorithms are missing */
	EVP_CIPHER_CTX_free(c);
	out->len += plain.len + SEAL_OVERHEAD;
	out->ptr[out->len] = '\0';
}

static bool open_body(const struct seal_key *key, struct slice label, struct slice envelope, char *to)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	struct slice body = slice_of(envelope.ptr + MAGIC + NONCE, envelope.len - SEAL_OVERHEAD);
	int n;
	if (!c)
		abort();
	bool ok = begin(c, false, key, envelope.ptr + MAGIC, label) && run(c, body, to) &&
	          EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG, (void *)(body.ptr + body.len)) &&
	          EVP_CipherFinal_ex(c, (unsigned char *)to + body.len, &n) > 0;
	EVP_CIPHER_CTX_free(c);
	return ok;
}

bool seal_open(const struct seal_key *key, struct slice label, struct slice envelope, struct text *out, struct err *e)
{
	if (envelope.len < SEAL_OVERHEAD || memcmp(envelope.ptr, magic, MAGIC) != 0)
		return err_set(e, "not a sealed file, or a cut one (%zu bytes)", envelope.len);
	size_t len = envelope.len - SEAL_OVERHEAD;
	char *to = text_reserve(out, len);
	bool ok = open_body(key, label, envelope, to);
	if (ok)
		out->len += len;
	else
		OPENSSL_cleanse(to, len); /* unauthenticated plain text is nobody's */
	out->ptr[out->len] = '\0';
	return ok || err_set(e, "sealed file is damaged, or was sealed with another key");
}
