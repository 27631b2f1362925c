/* party: see party.h. Sessions of TLS 1.3 come after the handshake, with the first read: OpenSSL hands each new one
 * to on_session(), which finds its party on the SSL. */
#include "dp/tls/party.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdlib.h>

#include "common/http/uri.h"
#include "common/net/tls.h"

enum { NAME_MAX_LEN = 255 };
enum { NO_CERTIFICATE = 0 };
#define NODE_CERTIFICATE UINT64_MAX

/* A set of authorities, shared by parties. */
struct store {
	unsigned parties;
	X509_STORE *store;
};

struct party {
	unsigned refs; /* of the list, and of each SSL */
	struct party *newer, *older;
	struct slice key;         /* owned */
	struct slice authorities; /* the part of the key that names them */
	uint64_t serial;
	char name[NAME_MAX_LEN + 1];
	bool is_address, verifies;
	int depth;
	struct store *store; /* NULL: not verified, or by the node's authorities */
	struct outward *outward;
	struct pair pair; /* of references; cert NULL: none */
	SSL_SESSION *session;
};

/* ---- references ------------------------------------------------------------------------------------------------ */

static void unref(struct party *p)
{
	if (--p->refs > 0)
		return;
	SSL_SESSION_free(p->session);
	pair_fini(&p->pair);
	if (p->store && --p->store->parties == 0) {
		X509_STORE_free(p->store->store);
		free(p->store);
	}
	free((char *)p->key.ptr);
	free(p);
}

static void free_reference(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int index, long argl, void *argp)
{
	if (ptr)
		unref(ptr);
}

static int party_index;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_index(void)
{
	party_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, free_reference);
}

/* ---- the list -------------------------------------------------------------------------------------------------- */

static void unlink_party(struct parties *all, struct party *p)
{
	*(p->newer ? &p->newer->older : &all->newest) = p->older;
	*(p->older ? &p->older->newer : &all->oldest) = p->newer;
	p->newer = p->older = NULL;
}

static void link_newest(struct parties *all, struct party *p)
{
	p->older = all->newest;
	*(all->newest ? &all->newest->newer : &all->oldest) = p;
	all->newest = p;
}

static void let_go(struct parties *all, struct party *p)
{
	unlink_party(all, p);
	map_remove(&all->map, p->key);
	unref(p);
}

void parties_init(struct parties *all, struct outward *outward)
{
	pthread_once(&once, make_index);
	*all = (struct parties){.outward = outward};
}

void parties_fini(struct parties *all)
{
	while (all->newest)
		let_go(all, all->newest);
	map_fini(&all->map);
}

/* ---- what makes a party ---------------------------------------------------------------------------------------- */

/* What is wanted, found in the snapshot. */
struct terms {
	struct slice name;
	bool verifies;
	int depth;
	const struct ca_part **authorities; /* in the service's order; NULL: the node's */
	size_t authorities_count;
	const struct pair *pair; /* NULL: none */
	uint64_t pair_serial;
};

static bool set_certificate(const struct parties *all, const struct party_wanted *w, struct terms *t, struct err *e)
{
	const struct ref *ref = w->service->client_certificate.set ? &w->service->client_certificate
	                        : w->upstream && w->upstream->client_certificate.set
	                                ? &w->upstream->client_certificate
	                                : NULL;
	if (!ref) {
		t->pair = outward_pair(all->outward);
		t->pair_serial = t->pair ? NODE_CERTIFICATE : NO_CERTIFICATE;
		return true;
	}
	const struct certificate_part *c = snapshot_certificate(w->snapshot, &ref->id);
	if (!c || c->is_broken)
		return err_set(e, "the client certificate cannot be used");
	t->pair = &c->pair;
	t->pair_serial = c->serial;
	return true;
}

static void set_authorities(const struct party_wanted *w, struct terms *t)
{
	const struct slice_list *ids = &w->service->ca_certificates;
	struct uuid id;

	if (!t->verifies || ids->len == 0)
		return;
	t->authorities = arena_array(w->arena, const struct ca_part *, ids->len);
	for (size_t i = 0; i < ids->len; i++) {
		const struct ca_part *ca = uuid_parse(ids->items[i], &id) ? snapshot_authority(w->snapshot, &id)
		                                                          : NULL;
		if (ca)
			t->authorities[t->authorities_count++] = ca;
	}
}

static bool set_terms(const struct parties *all, const struct party_wanted *w, struct terms *t, struct err *e)
{
	const struct service *s = w->service;
	int port;

	*t = (struct terms){.verifies = s->tls_verify.set ? s->tls_verify.value : outward_verifies(all->outward),
	        .depth = s->tls_verify_depth.set ? (int)s->tls_verify_depth.value
	                                         : outward_verify_depth(all->outward)};
	if (!authority_split(w->host, &t->name, &port))
		t->name = w->host;
	if (t->name.len >= 2 && t->name.ptr[0] == '[')
		t->name = slice_of(t->name.ptr + 1, t->name.len - 2);
	if (t->name.len == 0 || t->name.len > NAME_MAX_LEN || memchr(t->name.ptr, 0, t->name.len))
		return err_set(e, "'%.*s' is no server name", SLICE_ARG(t->name));
	set_authorities(w, t);
	return set_certificate(all, w, t, e);
}

static char *put(char *at, const void *bytes, size_t n)
{
	memcpy(at, bytes, n);
	return at + n;
}

/* The authorities first. */
static struct slice make_key(const struct party_wanted *w, const struct terms *t, size_t *authorities_len)
{
	size_t max = t->authorities_count * sizeof(uint64_t) + w->address_len + t->name.len + 64;
	char *key = arena_alloc(w->arena, max), *at = key;
	uint64_t count = t->authorities ? t->authorities_count : UINT64_MAX;

	at = put(at, &count, sizeof count);
	for (size_t i = 0; i < t->authorities_count; i++)
		at = put(at, &t->authorities[i]->serial, sizeof t->authorities[i]->serial);
	*authorities_len = (size_t)(at - key);
	at = put(at, &t->verifies, sizeof t->verifies);
	at = put(at, &t->depth, sizeof t->depth);
	at = put(at, &t->pair_serial, sizeof t->pair_serial);
	at = put(at, &w->address_len, sizeof w->address_len);
	at = put(at, w->address, w->address_len);
	at = put(at, t->name.ptr, t->name.len);
	return slice_of(key, (size_t)(at - key));
}

/* ---- making and finding ---------------------------------------------------------------------------------------- */

static struct store *make_store(const struct terms *t)
{
	struct store *s = calloc(1, sizeof *s);
	if (!s || !(s->store = X509_STORE_new()))
		abort();
	for (size_t i = 0; i < t->authorities_count; i++)
		X509_STORE_add_cert(s->store, t->authorities[i]->cert); /* one that is there already is no mistake */
	ERR_clear_error();
	return s;
}

/* Parties of the same authorities share them. */
static void set_store(const struct parties *all, struct party *p, const struct terms *t)
{
	if (!t->authorities)
		return;
	const struct party *other = all->newest;
	while (other && !(other->store && slice_eq(other->authorities, p->authorities)))
		other = other->older;
	p->store = other ? other->store : make_store(t);
	p->store->parties++;
}

static struct party *make_party(struct parties *all, const struct terms *t, struct slice key, size_t authorities_len)
{
	struct in6_addr ignored;
	struct party *p = calloc(1, sizeof *p);
	if (!p)
		abort();
	p->refs = 1;
	p->key = slice_of(slice_strdup(key), key.len);
	p->authorities = slice_of(p->key.ptr, authorities_len);
	p->serial = ++all->serial;
	p->outward = all->outward;
	p->verifies = t->verifies;
	p->depth = t->depth;
	memcpy(p->name, t->name.ptr, t->name.len);
	p->is_address = inet_pton(AF_INET, p->name, &ignored) == 1 || inet_pton(AF_INET6, p->name, &ignored) == 1;
	if (t->pair)
		pair_share(&p->pair, t->pair);
	set_store(all, p, t);
	return p;
}

struct party *party_find(struct parties *all, const struct party_wanted *w, struct err *e)
{
	struct terms terms;
	size_t authorities_len;

	if (!set_terms(all, w, &terms, e))
		return NULL;
	struct slice key = make_key(w, &terms, &authorities_len);
	struct party *p = map_get(&all->map, key);
	if (p && p == all->newest)
		return p;
	if (p)
		unlink_party(all, p);
	else {
		if (all->map.count >= PARTIES_MAX)
			let_go(all, all->oldest);
		p = make_party(all, &terms, key, authorities_len);
		map_set(&all->map, p->key, p);
	}
	link_newest(all, p);
	return p;
}

uint64_t party_serial(const struct party *p)
{
	return p->serial;
}

/* ---- connections ----------------------------------------------------------------------------------------------- */

static int on_session(SSL *tls, SSL_SESSION *session)
{
	struct party *p = SSL_get_ex_data(tls, party_index);

	if (!p)
		return 0;
	SSL_SESSION_free(p->session);
	p->session = session;
	return 1; /* the reference is ours */
}

static void set_verification(SSL *tls, const struct party *p)
{
	SSL_set_verify(tls, SSL_VERIFY_PEER, NULL);
	SSL_set_verify_depth(tls, p->depth);
	SSL_set1_verify_cert_store(tls, p->store ? p->store->store : outward_authorities(p->outward));
	if (p->is_address)
		X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls), p->name);
	else
		SSL_set1_host(tls, p->name);
}

SSL *party_connect(struct party *p)
{
	static const struct pair none;
	SSL *tls = SSL_new(outward_for_upstreams(p->outward, on_session));

	if (!tls)
		abort();
	p->refs++;
	SSL_set_ex_data(tls, party_index, p);
	SSL_set_connect_state(tls);
	if (!p->is_address)
		SSL_set_tlsext_host_name(tls, p->name);
	if (p->verifies)
		set_verification(tls, p);
	if (p->pair.cert)
		tls_use_pairs(tls, &p->pair, &none);
	if (p->session)
		SSL_set_session(tls, p->session);
	return tls;
}

const char *party_problem(const SSL *tls)
{
	long why = tls ? SSL_get_verify_result(tls) : X509_V_OK;

	return why == X509_V_OK ? NULL : X509_verify_cert_error_string(why);
}
