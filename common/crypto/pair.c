/* pair: see pair.h. */
#include "common/crypto/pair.h"

#include <openssl/err.h>

#include "common/crypto/pem.h"

bool pair_read(struct pair *out, struct slice cert, struct slice key, struct err *e)
{
	*out = (struct pair){0};
	out->chain = pem_chain(cert, e);
	if (!out->chain)
		return err_prefix(e, "certificate");
	out->cert = sk_X509_shift(out->chain);
	if (sk_X509_num(out->chain) == 0) {
		sk_X509_free(out->chain);
		out->chain = NULL;
	}
	out->key = pem_private_key(key, e);
	bool ok = out->key || err_prefix(e, "key");
	if (ok && X509_check_private_key(out->cert, out->key) != 1) {
		ERR_clear_error();
		ok = err_set(e, "certificate does not match key");
	}
	if (!ok)
		pair_fini(out);
	return ok;
}

void pair_share(struct pair *out, const struct pair *from)
{
	*out = *from;
	X509_up_ref(from->cert);
	EVP_PKEY_up_ref(from->key);
	out->chain = from->chain ? X509_chain_up_ref(from->chain) : NULL;
}

void pair_fini(struct pair *p)
{
	X509_free(p->cert);
	EVP_PKEY_free(p->key);
	sk_X509_pop_free(p->chain, X509_free);
	*p = (struct pair){0};
}
