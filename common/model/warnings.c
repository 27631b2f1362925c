/* warnings: see warnings.h. */
#include <inttypes.h>
#include <stdio.h>

#include "common/core/map.h"
#include "common/crypto/pem.h"
#include "common/crypto/x509.h"
#include "common/entity/certificate.h"
#include "common/entity/service.h"
#include "common/entity/upstream.h"
#include "common/model/warnings_private.h"

enum { DAY_S = 24 * 60 * 60 };

/* ---- certificates ---------------------------------------------------------------------------------------------- */

static void expiry(const struct record *r, struct slice text, int64_t now_s, warning_fn fn, void *arg)
{
	struct x509_info info;
	char words[64];
	struct err e;
	/* a reference to a vault is no PEM: nothing is known of it here */
	X509 *cert = slice_is_set(text) ? pem_certificate(text, &e) : NULL;

	if (cert && x509_describe(cert, &info, &e)) {
		int64_t left_s = info.not_after_s - now_s;
		snprintf(words, sizeof words, "it expires in %" PRId64 " days", left_s / DAY_S);
		if (left_s <= 0)
			fn(r, "it has expired", arg);
		else if (left_s < (int64_t)WARNINGS_DAYS * DAY_S)
			fn(r, words, arg);
	}
	X509_free(cert);
}

/* ---- upstreams ------------------------------------------------------------------------------------------------- */

/* Counters of failures are reset by successes alone, and by default none are counted (proxy.md 6.2). */
static void health(const struct record *r, const struct upstream *u, warning_fn fn, void *arg)
{
	const struct passive_checks *passive = &u->healthchecks.passive;
	const struct passive_unhealthy *limits = &passive->unhealthy;

	if (limits->tcp_failures + limits->timeouts + limits->http_failures == 0 || passive->healthy.successes > 0)
		return;
	if (u->healthchecks.active.healthy.interval > 0)
		fn(r,
		        "passive failures add up for ever, since healthchecks.passive.healthy.successes is 0: now and then "
		        "one is enough to make a target unhealthy in the end",
		        arg);
	else
		fn(r,
		        "a target that passive checks have made unhealthy stays so until it is marked by hand: there are "
		        "no active checks and healthchecks.passive.healthy.successes is 0",
		        arg);
}

bool warnings_has_kind(const struct schema *kind)
{
	return kind == &certificate_schema || kind == &ca_certificate_schema || kind == &upstream_schema;
}

void warnings_of_record(const struct record *r, int64_t now_s, warning_fn fn, void *arg)
{
	const struct certificate *cert = r->entity;
	const struct ca_certificate *ca = r->entity;

	if (r->kind == &certificate_schema) {
		expiry(r, cert->cert, now_s, fn, arg);
		expiry(r, cert->cert_alt, now_s, fn, arg);
	} else if (r->kind == &ca_certificate_schema) {
		expiry(r, ca->cert, now_s, fn, arg);
	} else if (r->kind == &upstream_schema) {
		health(r, r->entity, fn, arg);
	}
}

/* ---- documents ------------------------------------------------------------------------------------------------- */

static void unused_upstreams(const struct document *d, warning_fn fn, void *arg)
{
	struct map hosts = {0};

	for (size_t i = 0; i < document_count(d); i++) {
		struct record *r = document_at(d, i)->record;
		if (r->kind == &service_schema)
			map_set(&hosts, ((const struct service *)r->entity)->host, r);
	}
	for (size_t i = 0; i < document_count(d); i++) {
		const struct record *r = document_at(d, i)->record;
		if (r->kind == &upstream_schema && !map_get(&hosts, ((const struct upstream *)r->entity)->name))
			fn(r, "no service has its name as host, so nothing is sent there", arg);
	}
	map_fini(&hosts);
}

void warnings_of_document(const struct document *d, int64_t now_s, warning_fn fn, void *arg)
{
	for (size_t i = 0; i < document_count(d); i++)
		warnings_of_record(document_at(d, i)->record, now_s, fn, arg);
	unused_upstreams(d, fn, arg);
	warnings_of_routes(d, fn, arg);
}
