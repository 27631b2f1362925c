/* pem: see pem.h. */
#include "common/crypto/pem.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "common/crypto/x509.h"

static BIO *reader(struct slice text, struct err *e)
{
	BIO *in = text.len <= INT_MAX ? BIO_new_mem_buf(text.len ? text.ptr : "", (int)text.len) : NULL;
	if (!in)
		err_set(e, "too long");
	return in;
}

static bool fail(struct err *e)
{
	char why[160];
	return err_set(e, "%s", x509_error(why, sizeof why));
}

/* Is the end of the text what the last read ran into? Anything else is a block that is broken. */
static bool is_at_end(void)
{
	unsigned long code = ERR_peek_last_error();
	return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

static X509 *read_certificate(BIO *in)
{
	return PEM_read_bio_X509(in, NULL, NULL, (void *)"");
}

STACK_OF(X509) * pem_chain(struct slice text, struct err *e)
{
	BIO *in = reader(text, e);
	if (!in)
		return NULL;
	STACK_OF(X509) *all = sk_X509_new_null();
	X509 *one;
	while ((one = read_certificate(in)) && sk_X509_push(all, one) > 0)
		;
	bool ok = (sk_X509_num(all) > 0 && is_at_end()) || fail(e);
	if (!ok) {
		sk_X509_pop_free(all, X509_free);
		all = NULL;
	}
	BIO_free(in);
	ERR_clear_error();
	return all;
}

X509 *pem_certificate(struct slice text, struct err *e)
{
	STACK_OF(X509) *all = pem_chain(text, e);
	X509 *first = sk_X509_shift(all);
	sk_X509_pop_free(all, X509_free);
	return first;
}

size_t pem_certificate_count(struct slice text)
{
	struct err ignored;
	BIO *in = reader(text, &ignored);
	size_t n = 0;

	for (X509 *cert; in && (cert = read_certificate(in)); n++)
		X509_free(cert);
	BIO_free(in);
	ERR_clear_error();
	return n;
}

typedef EVP_PKEY *(*read_fn)(BIO *in, EVP_PKEY **out, pem_password_cb *ask, void *passphrase);

static EVP_PKEY *read_key(struct slice text, read_fn read, struct err *e)
{
	BIO *in = reader(text, e);
	if (!in)
		return NULL;
	EVP_PKEY *key = read(in, NULL, NULL, (void *)"");
	if (!key)
		fail(e);
	BIO_free(in);
	ERR_clear_error();
	return key;
}

EVP_PKEY *pem_private_key(struct slice text, struct err *e)
{
	return read_key(text, PEM_read_bio_PrivateKey, e);
}

EVP_PKEY *pem_public_key(struct slice text, struct err *e)
{
	return read_key(text, PEM_read_bio_PUBKEY, e);
}
