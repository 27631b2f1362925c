/* certs: see certs.h. */
#include "tests/support/certs.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/core/clock.h"
#include "tests/support/tmp.h"

static const char *file(char out[256], const char *name, const char *ending)
{
	char both[128];
	snprintf(both, sizeof both, "%s.%s", name, ending);
	snprintf(out, 256, "%s", tmp_path(both));
	return out;
}

static void must(bool ok, const struct err *e)
{
	if (ok)
		return;
	fprintf(stderr, "certs: %s\n", e->message);
	abort();
}

void certs_make_ca(const char *name)
{
	char cert[256], key[256];
	struct err e;
	struct x509_request r = {
	        .common_name = name, .not_before_s = clock_wall_s() - 86400, .not_after_s = clock_wall_s() + 86400};
	must(x509_make_ca(&r, file(cert, name, "crt"), file(key, name, "key"), &e), &e);
}

void certs_make(const char *name, const char *ca, const char *common_name, int from_s, int to_s, bool client_only)
{
	char ca_cert[256], ca_key[256], cert[256], key[256];
	struct err e;
	struct x509_request r = {.common_name = common_name,
	        .not_before_s = clock_wall_s() + from_s,
	        .not_after_s = clock_wall_s() + to_s,
	        .client_only = client_only};
	must(x509_make_node(&r, file(ca_cert, ca, "crt"), file(ca_key, ca, "key"), file(cert, name, "crt"),
	             file(key, name, "key"), &e),
	        &e);
}

const struct link_certs *certs_of(const char *name, const char *ca)
{
	static struct {
		struct link_certs certs;
		char ca[256], cert[256], key[256];
	} kept[4];
	static unsigned next;
	typeof(kept[0]) *k = &kept[next++ % 4];
	k->certs = (struct link_certs){file(k->ca, ca, "crt"), file(k->cert, name, "crt"), file(k->key, name, "key")};
	return &k->certs;
}
