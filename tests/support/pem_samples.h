/* pem_samples: certificates and keys in PEM for tests, made once per process. */
#ifndef TESTS_SUPPORT_PEM_SAMPLES_H
#define TESTS_SUPPORT_PEM_SAMPLES_H

enum pem_sample_name {
	PEM_RSA, /* CN rsa.test */
	PEM_RSA_OTHER,
	PEM_EC, /* CN ec.test */
	PEM_CA, /* with the CA basic constraint */
	PEM_CA_OTHER,
	PEM_CA_EXPIRED,
	PEM_SAMPLES
};

struct pem_sample {
	const char *cert, *key, *public_key;
	/* the same with \n for line ends: to be put into JSON */
	const char *cert_json, *key_json, *public_key_json;
};

const struct pem_sample *pem_sample(enum pem_sample_name name);

#endif
