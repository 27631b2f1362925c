/* link: the mutual-TLS tunnel between real nanomsg sockets, and everything that must not get through it ("garbage,
 * half-open and slow connections on the cluster port, and a valid node certificate that then sends nonsense:
 * unaffected").
 * Threads: the server side runs in one, and the link has its own. */
#include <arpa/inet.h>
#include <check.h>
#include <nanomsg/nn.h>
#include <nanomsg/pubsub.h>
#include <nanomsg/reqrep.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/core/clock.h"
#include "common/core/log.h"
#include "common/sync/link_private.h"
#include "common/sync/side_loop.h"
#include "common/sync/sp.h"
#include "proto/sync.pb-c.h"
#include "tests/support/certs.h"
#include "tests/support/tmp.h"

enum { PORT = 21310 };
#define GREET_SUB "\0SP\0\0\x21\0\0"
#define GREET_REQ "\0SP\0\0\x30\0\0"

static const char cp_id[] = "cccccccc-0000-4000-8000-000000000001";
static const char dp_id[] = "dddddddd-0000-4000-8000-000000000001";
static const char bad_id[] = "bbbbbbbb-0000-4000-8000-000000000001";

/* ---- the control plane's side: PUB, and a REP that answers each Poll with its peer ---- */

static struct {
	int pub, rep;
	pthread_t thread;
	atomic_bool stopping;
	atomic_int polls;
	struct side_loop *loop;
	struct link_server *link;
} cp;

static void *serve(void *arg)
{
	while (!atomic_load(&cp.stopping)) {
		void *bytes;
		int n = nn_recv(cp.rep, &bytes, NN_MSG, 0);
		if (n < 0)
			continue;
		Gatehouse__Sync__Poll *p = gatehouse__sync__poll__unpack(NULL, (size_t)n, bytes);
		const char *answer = p ? p->peer : "no poll";
		nn_send(cp.rep, answer, strlen(answer), 0);
		atomic_fetch_add(&cp.polls, 1);
		if (p)
			gatehouse__sync__poll__free_unpacked(p, NULL);
		nn_freemsg(bytes);
	}
	return NULL;
}

static struct err problem;
static const char *server_cert = "cp";

static void open_server(void *arg)
{
	struct arena a;
	struct listen_spec *specs;
	size_t n;
	char text[64];
	arena_init(&a);
	snprintf(text, sizeof text, "127.0.0.1:%d", PORT);
	if (listen_parse(&a, slice_cstr(text), &specs, &n, &problem))
		cp.link = link_server_open(side_loop_loop(cp.loop), &specs[0], certs_of(server_cert, "ca"),
		        tmp_path("pub.ipc"), tmp_path("rep.ipc"), 200, NULL, &problem);
	arena_fini(&a);
}

static void close_server(void *arg)
{
	link_server_close(cp.link);
	cp.link = NULL;
}

static void start_server(void)
{
	side_loop_call(cp.loop, open_server, NULL);
	ck_assert_msg(cp.link != NULL, "%s", problem.message);
}

static void start_control_plane(void)
{
	int timeout = 100;
	cp.pub = sp_bind(NN_PUB, tmp_path("pub.ipc"), &problem);
	cp.rep = sp_bind(NN_REP, tmp_path("rep.ipc"), &problem);
	ck_assert_msg(cp.pub >= 0 && cp.rep >= 0, "%s", problem.message);
	nn_setsockopt(cp.rep, NN_SOL_SOCKET, NN_RCVTIMEO, &timeout, sizeof timeout);
	pthread_create(&cp.thread, NULL, serve, NULL);
	cp.loop = side_loop_start("cp", &problem);
	start_server();
}

static void stop_control_plane(void)
{
	side_loop_call(cp.loop, close_server, NULL);
	side_loop_stop(cp.loop);
	atomic_store(&cp.stopping, true);
	pthread_join(cp.thread, NULL);
	nn_close(cp.pub);
	nn_close(cp.rep);
}

/* ---- a data plane's side ---- */

struct dp {
	struct side_loop *loop;
	struct link_client *link;
	const struct link_certs *certs;
	int sub, req;
	char pub_path[256], rep_path[256];
};

static void open_client(void *arg)
{
	struct dp *d = arg;
	d->link = link_client_open(
	        side_loop_loop(d->loop), "127.0.0.1", PORT, d->certs, d->pub_path, d->rep_path, &problem);
}

static void close_client(void *arg)
{
	struct dp *d = arg;
	link_client_close(d->link);
}

static void start_dp(struct dp *d, const char *name, const char *ca)
{
	static int n;
	char file[32];
	int timeout = 20000; /* a limit, not a measure: the machine may be busy */
	snprintf(file, sizeof file, "dp%d-pub.ipc", ++n);
	snprintf(d->pub_path, sizeof d->pub_path, "%s", tmp_path(file));
	snprintf(file, sizeof file, "dp%d-rep.ipc", n);
	snprintf(d->rep_path, sizeof d->rep_path, "%s", tmp_path(file));
	d->certs = certs_of(name, ca);
	d->loop = side_loop_start("dp", &problem);
	side_loop_call(d->loop, open_client, d);
	ck_assert_msg(d->link != NULL, "%s", problem.message);
	d->sub = sp_connect(NN_SUB, d->pub_path, &problem);
	d->req = sp_connect(NN_REQ, d->rep_path, &problem);
	nn_setsockopt(d->sub, NN_SOL_SOCKET, NN_RCVTIMEO, &timeout, sizeof timeout);
	nn_setsockopt(d->req, NN_SOL_SOCKET, NN_RCVTIMEO, &timeout, sizeof timeout);
}

static void stop_dp(struct dp *d)
{
	nn_close(d->sub);
	nn_close(d->req);
	side_loop_call(d->loop, close_client, d);
	side_loop_stop(d->loop);
}

static size_t pack_poll(uint8_t out[512], const char *peer)
{
	Gatehouse__Sync__Poll p = GATEHOUSE__SYNC__POLL__INIT;
	p.node_id = (char *)dp_id;
	p.peer = (char *)peer;
	return gatehouse__sync__poll__pack(&p, out);
}

/* The peer that the control plane saw, or NULL when there was no answer. */
static const char *ask(struct dp *d, const char *forged)
{
	static char answer[128];
	uint8_t poll[512];
	nn_send(d->req, poll, pack_poll(poll, forged), 0);
	int n = nn_recv(d->req, answer, sizeof answer - 1, 0);
	if (n < 0)
		return NULL;
	answer[n] = '\0';
	return answer;
}

static void works(struct dp *d)
{
	const char *peer = ask(d, "");
	ck_assert_ptr_nonnull(peer);
	ck_assert_str_eq(peer, dp_id);
}

/* Publishes until the subscriber hears (its connection may not be there yet). */
static void hears(struct dp *d, size_t size)
{
	char *big = malloc(size), *got;
	int timeout = 100, n = -1;
	memset(big, 'x', size);
	nn_setsockopt(d->sub, NN_SOL_SOCKET, NN_RCVTIMEO, &timeout, sizeof timeout);
	for (int i = 0; i < 50 && n < 0; i++) {
		nn_send(cp.pub, big, size, 0);
		n = nn_recv(d->sub, &got, NN_MSG, 0);
	}
	ck_assert_int_eq(n, (int)size);
	ck_assert_mem_eq(got, big, size);
	nn_freemsg(got);
	free(big);
}

/* ---- a raw TLS peer that can say anything ---- */

struct raw {
	int fd;
	SSL_CTX *ctx;
	SSL *tls; /* NULL: handshake failed */
};

static int dial(void)
{
	struct sockaddr_in to = {
	        .sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	return fd;
}

static void raw_open(struct raw *r, const char *cert, const char *alpn)
{
	const struct link_certs *c = certs_of(cert ? cert : "dp", "ca");
	r->fd = dial();
	r->ctx = SSL_CTX_new(TLS_client_method());
	if (cert) {
		ck_assert_int_eq(SSL_CTX_use_certificate_file(r->ctx, c->cert, SSL_FILETYPE_PEM), 1);
		ck_assert_int_eq(SSL_CTX_use_PrivateKey_file(r->ctx, c->key, SSL_FILETYPE_PEM), 1);
	}
	r->tls = SSL_new(r->ctx);
	SSL_set_fd(r->tls, r->fd);
	if (alpn)
		SSL_set_alpn_protos(r->tls, (const unsigned char *)alpn, (unsigned)strlen(alpn));
	if (SSL_connect(r->tls) != 1) {
		SSL_free(r->tls);
		r->tls = NULL;
	}
}

static void raw_write(struct raw *r, struct slice s)
{
	if (r->tls)
		SSL_write(r->tls, s.ptr, (int)s.len);
}

/* Whether the other side ends the connection within ms; what it sends before is dropped. */
static bool raw_ends(struct raw *r, int ms)
{
	char buf[16384];
	uint64_t until = clock_mono_ms() + (uint64_t)ms;
	while (r->tls) {
		struct pollfd p = {.fd = r->fd, .events = POLLIN};
		int64_t left = (int64_t)(until - clock_mono_ms());
		if (!SSL_pending(r->tls) && poll(&p, 1, left > 0 ? (int)left : 0) <= 0)
			return false;
		if (SSL_read(r->tls, buf, sizeof buf) <= 0)
			return true;
	}
	return true;
}

static void raw_close(struct raw *r)
{
	ERR_clear_error();
	SSL_free(r->tls);
	SSL_CTX_free(r->ctx);
	close(r->fd);
}

#define PUB "\x0f" LINK_ALPN_PUB
#define REP "\x0f" LINK_ALPN_REP

/* ---- tests ---- */

static struct dp dp;

static void setup(void)
{
	signal(SIGPIPE, SIG_IGN);
	log_set_level(LOG_CRIT);
	tmp_make();
	certs_make_ca("ca");
	certs_make("cp", "ca", cp_id, -60, 3600, false);
	certs_make("dp", "ca", dp_id, -60, 3600, true);
	certs_make("bad", "ca", bad_id, -60, 3600, true);
	start_control_plane();
}

static void teardown(void)
{
	stop_control_plane();
	tmp_remove();
}

START_TEST(polls_and_published_messages_pass_with_the_nodes_id)
{
	start_dp(&dp, "dp", "ca");
	works(&dp);
	hears(&dp, 100);
	hears(&dp, 512 * 1024);
	ck_assert_uint_eq(link_client_down_since(dp.link), 0);
	for (int i = 0; i < 300; i++)
		works(&dp);
	stop_dp(&dp);
}
END_TEST

START_TEST(a_forged_peer_is_overruled_by_the_certificate)
{
	start_dp(&dp, "dp", "ca");
	ck_assert_str_eq(ask(&dp, bad_id), dp_id);
	stop_dp(&dp);
}
END_TEST

START_TEST(it_comes_back_after_the_control_plane_was_away)
{
	start_dp(&dp, "dp", "ca");
	works(&dp);
	side_loop_call(cp.loop, close_server, NULL);
	usleep(300 * 1000);
	ck_assert_uint_ne(link_client_down_since(dp.link), 0);
	start_server();
	works(&dp);
	hears(&dp, 100);
	ck_assert_uint_eq(link_client_down_since(dp.link), 0);
	stop_dp(&dp);
}
END_TEST

static void is_refused(const char *cert, const char *ca)
{
	int timeout = 700;
	start_dp(&dp, cert, ca);
	nn_setsockopt(dp.req, NN_SOL_SOCKET, NN_RCVTIMEO, &timeout, sizeof timeout);
	ck_assert_ptr_null(ask(&dp, ""));
	ck_assert_uint_ne(link_client_down_since(dp.link), 0);
	ck_assert_int_eq(atomic_load(&cp.polls), 0);
	stop_dp(&dp);
}

START_TEST(a_certificate_of_another_ca_is_refused)
{
	certs_make_ca("other");
	certs_make("stranger", "other", dp_id, -60, 3600, false);
	is_refused("stranger", "ca");    /* the server does not believe it */
	is_refused("stranger", "other"); /* nor it the server */
}
END_TEST

START_TEST(expired_and_future_certificates_are_refused)
{
	certs_make("late", "ca", dp_id, -3600, -60, false);
	certs_make("early", "ca", dp_id, 600, 3600, false);
	is_refused("late", "ca");
	is_refused("early", "ca");
}
END_TEST

/* Appends to ca.crt a CRL that revokes the certificate `name`. */
static void revoke_cert(const char *name)
{
	char path[64];
	snprintf(path, sizeof path, "%s.crt", name);
	BIO *f = BIO_new_file(tmp_path("ca.crt"), "r");
	X509 *ca = PEM_read_bio_X509(f, NULL, NULL, NULL);
	BIO_free(f);
	f = BIO_new_file(tmp_path("ca.key"), "r");
	EVP_PKEY *key = PEM_read_bio_PrivateKey(f, NULL, NULL, NULL);
	BIO_free(f);
	f = BIO_new_file(tmp_path(path), "r");
	X509 *cert = PEM_read_bio_X509(f, NULL, NULL, NULL);
	BIO_free(f);
	X509_CRL *crl = X509_CRL_new();
	X509_REVOKED *one = X509_REVOKED_new();
	ASN1_TIME *from = X509_gmtime_adj(NULL, -60), *to = X509_gmtime_adj(NULL, 3600);
	X509_CRL_set_version(crl, 1);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca));
	X509_CRL_set1_lastUpdate(crl, from);
	X509_CRL_set1_nextUpdate(crl, to);
	X509_REVOKED_set_serialNumber(one, X509_get_serialNumber(cert));
	X509_REVOKED_set_revocationDate(one, from);
	X509_CRL_add0_revoked(crl, one);
	ck_assert_int_gt(X509_CRL_sign(crl, key, EVP_sha256()), 0);
	f = BIO_new_file(tmp_path("ca.crt"), "a");
	ck_assert_int_eq(PEM_write_bio_X509_CRL(f, crl), 1);
	BIO_free(f);
	ASN1_TIME_free(from);
	ASN1_TIME_free(to);
	X509_CRL_free(crl);
	X509_free(cert);
	X509_free(ca);
	EVP_PKEY_free(key);
}

START_TEST(a_revoked_certificate_is_refused_and_others_are_not)
{
	side_loop_call(cp.loop, close_server, NULL);
	revoke_cert("bad");
	start_server();
	is_refused("bad", "ca");
	start_dp(&dp, "dp", "ca");
	works(&dp);
	stop_dp(&dp);
}
END_TEST

START_TEST(a_common_name_that_is_no_node_id_is_refused)
{
	certs_make("named", "ca", "some-host", -60, 3600, false);
	is_refused("named", "ca");
}
END_TEST

START_TEST(a_client_only_certificate_cannot_pose_as_a_control_plane)
{
	side_loop_call(cp.loop, close_server, NULL);
	server_cert = "bad";
	start_server();
	is_refused("dp", "ca");
}
END_TEST

START_TEST(a_peer_without_certificate_is_refused)
{
	struct raw r;
	raw_open(&r, NULL, REP);
	raw_write(&r, S(GREET_REQ));
	ck_assert(raw_ends(&r, 20000));
	raw_close(&r);
}
END_TEST

START_TEST(unknown_double_and_missing_protocols_are_refused)
{
	const char *wrong[] = {"\x08http/1.1", PUB REP, "\x0fgatehouse-pub/2", NULL};
	for (size_t i = 0; i < 4; i++) {
		struct raw r;
		raw_open(&r, "dp", wrong[i]);
		raw_write(&r, S(GREET_REQ));
		ck_assert(raw_ends(&r, 20000));
		raw_close(&r);
	}
}
END_TEST

START_TEST(tls_below_1_3_is_refused)
{
	const struct link_certs *c = certs_of("dp", "ca");
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_use_certificate_file(ctx, c->cert, SSL_FILETYPE_PEM);
	SSL_CTX_use_PrivateKey_file(ctx, c->key, SSL_FILETYPE_PEM);
	SSL *tls = SSL_new(ctx);
	int fd = dial();
	SSL_set_fd(tls, fd);
	ck_assert_int_ne(SSL_connect(tls), 1);
	SSL_free(tls);
	SSL_CTX_free(ctx);
	close(fd);
}
END_TEST

START_TEST(garbage_on_the_port_ends_its_own_connection_only)
{
	char junk[4096], buf[64];
	start_dp(&dp, "dp", "ca");
	works(&dp);
	for (int i = 0; i < 20; i++) {
		int fd = dial();
		random_bytes(junk, sizeof junk);
		send(fd, junk, sizeof junk, MSG_NOSIGNAL);
		while (recv(fd, buf, sizeof buf, 0) > 0)
			;
		close(fd);
	}
	works(&dp);
	hears(&dp, 100);
	stop_dp(&dp);
}
END_TEST

START_TEST(nonsense_under_a_valid_certificate_ends_its_own_connection_only)
{
	static const struct {
		const char *alpn;
		struct slice bytes;
	} bad[] = {
	        {PUB, SLICE("GET / HTTP/1.1\r\n\r\n")},
	        {PUB, SLICE(GREET_REQ)},
	        {PUB, SLICE(GREET_SUB "\1\0\0\0\0\0\0\0\1x")}, /* would abort the process */
	        {PUB, SLICE(GREET_SUB "\0")},
	        {REP, SLICE(GREET_SUB)},
	        {REP, SLICE(GREET_REQ "\1\0\0\0\0\1\0\0\0")},
	        {REP, SLICE(GREET_REQ "\1\0\0\0\0\0\0\0\6\x80\1\1\1\xff\xff")},
	        {REP, SLICE(GREET_REQ "\1\0\0\0\0\0\0\0\6\x80\1\1\1\x32\x26")},
	};
	start_dp(&dp, "dp", "ca");
	works(&dp);
	int polls = atomic_load(&cp.polls);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct raw r;
		raw_open(&r, "bad", bad[i].alpn);
		ck_assert_ptr_nonnull(r.tls);
		raw_write(&r, bad[i].bytes);
		ck_assert_msg(raw_ends(&r, 20000), "case %zu is still connected", i);
		raw_close(&r);
	}
	ck_assert_int_eq(atomic_load(&cp.polls), polls);
	works(&dp);
	hears(&dp, 100);
	stop_dp(&dp);
}
END_TEST

START_TEST(a_flood_of_silent_connections_does_not_keep_nodes_out)
{
	int fds[150];
	for (size_t i = 0; i < 150; i++)
		fds[i] = dial();
	start_dp(&dp, "dp", "ca");
	works(&dp);
	hears(&dp, 100);
	for (size_t i = 0; i < 150; i++)
		close(fds[i]);
	stop_dp(&dp);
}
END_TEST

START_TEST(one_node_cannot_use_up_the_connections_of_all)
{
	struct raw r[30];
	int ended = 0;
	start_dp(&dp, "dp", "ca");
	works(&dp);
	for (int i = 0; i < 30; i++) {
		raw_open(&r[i], "bad", REP);
		raw_write(&r[i], S(GREET_REQ));
	}
	for (int i = 0; i < 22; i++)
		ended += raw_ends(&r[i], 20000);
	for (int i = 22; i < 30; i++)
		ended += raw_ends(&r[i], 0);
	ck_assert_int_eq(ended, 22); /* 8 are a node's share; the newest stay */
	works(&dp);
	for (int i = 0; i < 30; i++)
		raw_close(&r[i]);
	stop_dp(&dp);
}
END_TEST

START_TEST(a_node_that_does_not_read_holds_up_nobody)
{
	struct raw r;
	char *big = calloc(1, 512 * 1024);
	start_dp(&dp, "dp", "ca");
	hears(&dp, 100);
	raw_open(&r, "bad", PUB);
	raw_write(&r, S(GREET_SUB));
	usleep(200 * 1000);
	for (int i = 0; i < 100; i++) {
		uint64_t from = clock_mono_ms();
		nn_send(cp.pub, big, 512 * 1024, 0);
		ck_assert_uint_lt(clock_mono_ms() - from, 500);
	}
	free(big);
	works(&dp);
	int timeout = 200;
	void *got;
	nn_setsockopt(dp.sub, NN_SOL_SOCKET, NN_RCVTIMEO, &timeout, sizeof timeout);
	while (nn_recv(dp.sub, &got, NN_MSG, 0) >= 0)
		nn_freemsg(got);
	hears(&dp, 100);
	raw_close(&r);
	stop_dp(&dp);
}
END_TEST

/* True when the peer ended the connection, and not before its deadline, counted from `from`. */
static bool ends_at_deadline(struct raw *r, uint64_t from)
{
	return raw_ends(r, LINK_HANDSHAKE_MS + 20000) && clock_mono_ms() - from >= LINK_HANDSHAKE_MS - 100;
}

/* Half-open in every state ends after the deadline; a healthy connection may be silent for longer. */
START_TEST(whoever_does_not_finish_in_time_is_cut_and_whoever_is_merely_idle_is_not)
{
	struct raw silent, slow, stalled;
	char c;
	start_dp(&dp, "dp", "ca");
	works(&dp);
	uint64_t from = clock_mono_ms();
	int fd = dial();
	raw_open(&silent, "bad", REP);
	raw_open(&slow, "bad", REP);
	raw_open(&stalled, "bad", REP);
	raw_write(&stalled, S(GREET_REQ "\1\0\0\0\0\0\0\0\x20\x80"));
	for (int i = 0; i < 7; i++) {
		raw_write(&slow, slice_of(&GREET_REQ[i], 1));
		usleep(1000 * 1000);
	}
	ck_assert(ends_at_deadline(&stalled, from));
	ck_assert(ends_at_deadline(&silent, from));
	ck_assert(ends_at_deadline(&slow, from));
	ck_assert_int_le(recv(fd, &c, 1, 0), 0);
	works(&dp);
	ck_assert_uint_eq(link_client_down_since(dp.link), 0);
	raw_close(&silent);
	raw_close(&slow);
	raw_close(&stalled);
	close(fd);
	stop_dp(&dp);
}
END_TEST

START_TEST(bad_files_are_named)
{
	struct link_certs c = *certs_of("cp", "ca");
	struct err e;
	c.key = tmp_path("dp.key");
	ck_assert_ptr_null(link_server_tls(&c, &e));
	c.key = tmp_path("none.key");
	ck_assert_ptr_null(link_server_tls(&c, &e));
	ck_assert_ptr_nonnull(strstr(e.message, "none.key"));
	c.ca = tmp_path("none.crt");
	ck_assert_ptr_null(link_client_tls(&c, &e));
	ck_assert_ptr_nonnull(strstr(e.message, "none.crt"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("link");
	TCase *t = tcase_create("link");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, polls_and_published_messages_pass_with_the_nodes_id);
	tcase_add_test(t, a_forged_peer_is_overruled_by_the_certificate);
	tcase_add_test(t, it_comes_back_after_the_control_plane_was_away);
	tcase_add_test(t, a_certificate_of_another_ca_is_refused);
	tcase_add_test(t, expired_and_future_certificates_are_refused);
	tcase_add_test(t, a_revoked_certificate_is_refused_and_others_are_not);
	tcase_add_test(t, a_common_name_that_is_no_node_id_is_refused);
	tcase_add_test(t, a_client_only_certificate_cannot_pose_as_a_control_plane);
	tcase_add_test(t, a_peer_without_certificate_is_refused);
	tcase_add_test(t, unknown_double_and_missing_protocols_are_refused);
	tcase_add_test(t, tls_below_1_3_is_refused);
	tcase_add_test(t, garbage_on_the_port_ends_its_own_connection_only);
	tcase_add_test(t, nonsense_under_a_valid_certificate_ends_its_own_connection_only);
	tcase_add_test(t, a_flood_of_silent_connections_does_not_keep_nodes_out);
	tcase_add_test(t, one_node_cannot_use_up_the_connections_of_all);
	tcase_add_test(t, a_node_that_does_not_read_holds_up_nobody);
	tcase_add_test(t, whoever_does_not_finish_in_time_is_cut_and_whoever_is_merely_idle_is_not);
	tcase_add_test(t, bad_files_are_named);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
