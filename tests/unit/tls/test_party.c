/* party: what makes two connections to upstreams interchangeable, and what does not (proxy.md 2.4, 7.2, DEV-5). */
#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/core/log.h"
#include "common/entity/certificate.h"
#include "dp/tls/party.h"
#include "tests/support/pem_samples.h"
#include "tests/support/records.h"
#include "tests/support/routes.h"
#include "tests/support/tls_pair.h"

enum { PAIR = 1, OTHER_PAIR, BROKEN, CA, OTHER_CA };

static struct settings settings;
static struct outward *outward;
static struct parties parties;
static struct snapshot *s;
static struct arena arena;
static struct service service;
static struct upstream upstream;
static struct sockaddr_in address;
static const char *host;
static struct err e;

static void put(struct catalog *c, const struct schema *kind, unsigned id, const void *entity, size_t size)
{
	struct record *r = record_blank();

	r->kind = kind;
	r->id = numbered_uuid(id);
	void *copy = arena_zalloc(&r->arena, size);
	memcpy(copy, entity, size);
	memcpy(copy, &r->id, sizeof r->id);
	r->entity = copy;
	catalog_put(c, r);
	record_unref(r);
}

static void put_pair(struct catalog *c, unsigned id, enum pem_sample_name name)
{
	struct certificate cert = {.cert = slice_cstr(pem_sample(name)->cert),
	        .key = slice_cstr(id == BROKEN ? "none" : pem_sample(name)->key)};

	put(c, &certificate_schema, id, &cert, sizeof cert);
}

static void put_ca(struct catalog *c, unsigned id, enum pem_sample_name name)
{
	struct ca_certificate ca = {.cert = slice_cstr(pem_sample(name)->cert)};

	put(c, &ca_certificate_schema, id, &ca, sizeof ca);
}

static void apply(struct catalog *c)
{
	struct router_options options = {0};
	struct snapshot *before = s;

	s = snapshot_build(before, S("e"), c, &options, &e);
	ck_assert_ptr_nonnull(s);
	snapshot_free(before);
}

static void setup(void)
{
	log_set_level(LOG_CRIT);
	arena_init(&arena);
	settings = (struct settings){.proxy_ssl_verify_depth = 1};
	outward = outward_new(&settings, &e);
	ck_assert_ptr_nonnull(outward);
	parties_init(&parties, outward);
	struct catalog *c = catalog_new();
	put_pair(c, PAIR, PEM_RSA);
	put_pair(c, OTHER_PAIR, PEM_EC);
	put_pair(c, BROKEN, PEM_EC);
	put_ca(c, CA, PEM_CA);
	put_ca(c, OTHER_CA, PEM_CA_OTHER);
	apply(c);
	service = (struct service){0};
	upstream = (struct upstream){0};
	address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(443)};
	host = "up.test";
}

static void teardown(void)
{
	parties_fini(&parties);
	outward_free(outward);
	snapshot_free(s);
	s = NULL;
	arena_fini(&arena);
}

static struct party *find(void)
{
	struct party_wanted w = {.snapshot = s,
	        .service = &service,
	        .upstream = &upstream,
	        .host = slice_cstr(host),
	        .address = (struct sockaddr *)&address,
	        .address_len = sizeof address,
	        .arena = &arena};

	return party_find(&parties, &w, &e);
}

static uint64_t serial(void)
{
	struct party *p = find();

	ck_assert_ptr_nonnull(p);
	return party_serial(p);
}

static struct ref ref_to(unsigned id)
{
	return (struct ref){.set = true, .id = numbered_uuid(id)};
}

static struct slice_list ids(unsigned one, unsigned two)
{
	struct slice *items = arena_array(&arena, struct slice, 2);
	unsigned numbers[2] = {one, two};
	size_t n = two ? 2 : 1;

	for (size_t i = 0; i < n; i++) {
		char text[UUID_TEXT + 1];
		struct uuid id = numbered_uuid(numbers[i]);
		uuid_format(&id, text);
		items[i] = arena_dup(&arena, slice_cstr(text));
	}
	return (struct slice_list){items, n};
}

START_TEST(whatever_differs_makes_another_party)
{
	uint64_t seen[16];
	int n = 0;

	seen[n++] = serial();
	ck_assert_uint_eq(serial(), seen[0]);
	host = "up.test:8443"; /* a port in Host is none of TLS's business */
	ck_assert_uint_eq(serial(), seen[0]);
	host = "b.test";
	seen[n++] = serial();
	address.sin_port = htons(444);
	seen[n++] = serial();
	service.tls_verify = (struct opt_bool){true, true};
	seen[n++] = serial();
	service.tls_verify_depth = (struct opt_int){true, 3};
	seen[n++] = serial();
	service.ca_certificates = ids(CA, 0);
	seen[n++] = serial();
	service.ca_certificates = ids(CA, OTHER_CA);
	seen[n++] = serial();
	upstream.client_certificate = ref_to(PAIR);
	seen[n++] = serial();
	service.client_certificate = ref_to(OTHER_PAIR);
	seen[n++] = serial();
	for (int i = 0; i < n; i++)
		for (int k = 0; k < i; k++)
			ck_assert_uint_ne(seen[i], seen[k]);
	ck_assert_uint_eq(serial(), seen[n - 1]);
}
END_TEST

START_TEST(a_record_that_changes_makes_another_party)
{
	service.client_certificate = ref_to(PAIR);
	service.tls_verify = (struct opt_bool){true, true};
	service.ca_certificates = ids(CA, 0);
	uint64_t first = serial();

	struct catalog *c = catalog_copy(s->catalog);
	put_pair(c, PAIR, PEM_RSA_OTHER);
	apply(c);
	uint64_t second = serial();
	c = catalog_copy(s->catalog);
	put_ca(c, CA, PEM_CA_OTHER);
	apply(c);
	uint64_t third = serial();
	ck_assert(first != second && second != third && first != third);
	c = catalog_copy(s->catalog);
	put_pair(c, OTHER_PAIR, PEM_RSA); /* somebody else's */
	apply(c);
	ck_assert_uint_eq(serial(), third);
}
END_TEST

START_TEST(what_cannot_be_kept_is_no_party)
{
	service.client_certificate = ref_to(BROKEN);
	ck_assert_ptr_null(find());
	service.client_certificate = ref_to(99);
	ck_assert_ptr_null(find());
	service.client_certificate = (struct ref){0};
	host = ""; /* a certificate could not be held against anything */
	ck_assert_ptr_null(find());
	char longest[300];
	memset(longest, 'a', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	host = longest;
	ck_assert_ptr_null(find());
	ck_assert_ptr_nonnull(strstr(e.message, "is no server name"));
}
END_TEST

START_TEST(names_are_sent_and_addresses_are_not)
{
	static const char *const addresses[] = {"127.0.0.1", "[::1]", "[::1]:443"};
	SSL *tls = party_connect(find());

	ck_assert_str_eq(SSL_get_servername(tls, TLSEXT_NAMETYPE_host_name), "up.test");
	SSL_free(tls);
	for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
		host = addresses[i];
		tls = party_connect(find());
		ck_assert_ptr_null(SSL_get_servername(tls, TLSEXT_NAMETYPE_host_name));
		SSL_free(tls);
	}
}
END_TEST

/* With preserve_host clients choose names. A connection outlives its party's place in the list. */
START_TEST(there_are_no_more_than_so_many)
{
	char name[32];
	uint64_t first = serial();
	SSL *tls = party_connect(find());

	host = name;
	for (int i = 0; i < PARTIES_MAX + 10; i++) {
		snprintf(name, sizeof name, "n%d.test", i);
		serial();
		ck_assert_uint_le(parties.map.count, PARTIES_MAX);
	}
	uint64_t kept = serial();
	host = "n500.test";
	uint64_t used = serial();
	ck_assert_uint_eq(serial(), used);
	host = name;
	ck_assert_uint_eq(serial(), kept);
	host = "up.test";
	ck_assert_uint_ne(serial(), first);
	SSL_free(tls);
}
END_TEST

START_TEST(the_next_connection_resumes_the_session)
{
	struct pair pair;
	struct tls_pair p;
	SSL_CTX *server = SSL_CTX_new(TLS_server_method());

	ck_assert(pair_read(&pair, slice_cstr(pem_sample(PEM_EC)->cert), slice_cstr(pem_sample(PEM_EC)->key), &e));
	SSL_CTX_use_cert_and_key(server, pair.cert, pair.key, NULL, 1);
	pair_fini(&pair);
	for (int turn = 0; turn < 3; turn++) {
		tls_pair_init(&p, party_connect(find()), SSL_new(server));
		ck_assert(tls_pair_shake(&p));
		ck_assert_int_eq(SSL_session_reused(p.client), turn > 0);
		SSL_shutdown(p.client); /* as conn_close() does; else the session counts as broken */
		tls_pair_fini(&p);
	}
	host = "other.test";
	tls_pair_init(&p, party_connect(find()), SSL_new(server));
	ck_assert(tls_pair_shake(&p));
	ck_assert_int_eq(SSL_session_reused(p.client), 0);
	tls_pair_fini(&p);
	SSL_CTX_free(server);
}
END_TEST

START_TEST(an_unknown_authority_is_named_as_the_problem)
{
	struct pair pair;
	struct tls_pair p;
	SSL_CTX *server = SSL_CTX_new(TLS_server_method());

	ck_assert(pair_read(&pair, slice_cstr(pem_sample(PEM_EC)->cert), slice_cstr(pem_sample(PEM_EC)->key), &e));
	SSL_CTX_use_cert_and_key(server, pair.cert, pair.key, NULL, 1);
	pair_fini(&pair);
	service.tls_verify = (struct opt_bool){true, true};
	service.ca_certificates = ids(CA, 0);
	SSL *client = party_connect(find());
	ck_assert_ptr_null(party_problem(client));
	tls_pair_init(&p, client, SSL_new(server));
	ck_assert(!tls_pair_shake(&p));
	ck_assert_ptr_nonnull(party_problem(client));
	tls_pair_fini(&p);
	SSL_CTX_free(server);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("party");
	TCase *c = tcase_create("party");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, whatever_differs_makes_another_party);
	tcase_add_test(c, a_record_that_changes_makes_another_party);
	tcase_add_test(c, what_cannot_be_kept_is_no_party);
	tcase_add_test(c, names_are_sent_and_addresses_are_not);
	tcase_add_test(c, there_are_no_more_than_so_many);
	tcase_add_test(c, the_next_connection_resumes_the_session);
	tcase_add_test(c, an_unknown_authority_is_named_as_the_problem);
	suite_add_tcase(suite, c);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
