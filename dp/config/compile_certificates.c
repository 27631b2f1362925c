/* compile_certificates: from certificates and SNIs to what handshakes take (proxy.md 7.1). Called by compile.c on the
 * main thread, for what has changed: keys are parsed here, never by a worker.
 *
 * An SNI does not hold its certificate, it names it: a handshake looks up the one and then the other, so that a
 * certificate that changes concerns no SNI. */
#include "common/core/log.h"
#include "common/crypto/pem.h"
#include "common/entity/certificate.h"
#include "dp/config/compile.h"

/* Never the same again in this process, also for the same id: what was made with the one is not taken for what is
 * made with the next. */
static uint64_t next_serial(void)
{
	static uint64_t last;

	return ++last;
}

/* ---- certificates --------------------------------------------------------------------------------------------- */

static void free_pair(void *pair)
{
	pair_fini(pair);
}

/* What is stored was checked when it was written; what a vault holds was not. */
static void read_pairs(struct certificate_part *part, const struct certificate *c)
{
	struct err why;
	char id[UUID_TEXT + 1];

	if (pair_read(&part->pair, c->cert, c->key, &why) &&
	        (c->cert_alt.len == 0 || pair_read(&part->alternative, c->cert_alt, c->key_alt, &why)))
		return;
	part->is_broken = true;
	uuid_format(&c->id, id);
	log_error("certificate cannot be used, handshakes that want it fail", LOG_STR("certificate", id),
	        LOG_STR("problem", why.message));
}

static bool change_certificate(struct record *was, struct record *is, void *arg)
{
	struct compiling *c = arg;

	if (!is) {
		pmap_remove(&c->s->certificates, uuid_slice(&was->id));
		return true;
	}
	struct certificate_part *part = part_new(sizeof *part, uuid_slice(&is->id));
	arena_defer(&part->part.arena, free_pair, &part->pair);
	arena_defer(&part->part.arena, free_pair, &part->alternative);
	part->serial = next_serial();
	read_pairs(part, is->entity);
	part_give(&c->s->certificates, part);
	return true;
}

/* ---- authorities ---------------------------------------------------------------------------------------------- */

static void free_certificate(void *cert)
{
	X509_free(cert);
}

static bool change_authority(struct record *was, struct record *is, void *arg)
{
	struct compiling *c = arg;
	struct err why;

	if (was)
		pmap_remove(&c->s->authorities, uuid_slice(&was->id));
	X509 *cert = is ? pem_certificate(((const struct ca_certificate *)is->entity)->cert, &why) : NULL;
	if (is && !cert)
		log_error("CA certificate cannot be used", LOG_STR("problem", why.message));
	if (!cert)
		return true;
	struct ca_part *part = part_new(sizeof *part, uuid_slice(&is->id));
	part->cert = cert;
	part->serial = next_serial();
	arena_defer(&part->part.arena, free_certificate, cert);
	part_give(&c->s->authorities, part);
	return true;
}

/* ---- names ---------------------------------------------------------------------------------------------------- */

/* Without a dot at its end, in lower case. */
static struct slice plain_name(struct arena *a, struct slice name)
{
	if (name.len > 1 && slice_ends(name, S(".")))
		name.len--;
	char *lower = arena_cstr(a, name);
	for (size_t i = 0; i < name.len; i++)
		lower[i] = (char)ascii_lower((unsigned char)lower[i]);
	return slice_of(lower, name.len);
}

static void put_sni(struct compiling *c, const struct sni *sni)
{
	struct arena a;

	arena_init(&a);
	struct sni_part *part = part_new(sizeof *part, plain_name(&a, sni->name));
	part->id = sni->id;
	part->certificate = sni->certificate.id;
	part_give(&c->s->snis, part);
	arena_fini(&a);
}

/* Another one may have taken the name already. */
static void drop_sni(struct compiling *c, const struct sni *sni)
{
	struct arena a;

	arena_init(&a);
	struct slice name = plain_name(&a, sni->name);
	const struct sni_part *part = pmap_get(&c->s->snis, name);
	if (part && uuid_eq(&part->id, &sni->id))
		pmap_remove(&c->s->snis, name);
	arena_fini(&a);
}

static bool change_sni(struct record *was, struct record *is, void *arg)
{
	if (was)
		drop_sni(arg, was->entity);
	if (is)
		put_sni(arg, is->entity);
	return true;
}

void compile_certificates(struct compiling *c)
{
	catalog_diff(c->was, c->is, &certificate_schema, change_certificate, c);
	catalog_diff(c->was, c->is, &ca_certificate_schema, change_authority, c);
	catalog_diff(c->was, c->is, &sni_schema, change_sni, c);
}
