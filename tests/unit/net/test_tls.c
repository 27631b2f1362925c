/* TLS: contexts, and connections that speak it, client and server on one loop. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/core/text.h"
#include "common/crypto/x509.h"
#include "common/net/conn.h"
#include "common/net/tls.h"
#include "tests/support/certs.h"
#include "tests/support/tmp.h"

/* One end: what it heard and was told. */
struct end {
	struct conn *conn;
	struct text got;
	int connected, error, closed, drained, readables;
	bool echo, eof;
	enum io_result last;
};

static struct loop *l;
static SSL_CTX *server_ctx, *client_ctx;
static struct end server, client;
static struct err e;

/* ---- the two ends --------------------------------------------------------------------------------------------- */

static void drop(struct end *x)
{
	if (x->conn)
		conn_close(x->conn);
	x->conn = NULL;
}

static void take_input(struct end *x)
{
	struct slice s = iobuf_slice(x->conn->in);
	if (x->echo)
		conn_write_slice(x->conn, s);
	else
		text_put(&x->got, s);
	iobuf_consume(x->conn->in, s.len);
}

static void on_readable(struct conn *c)
{
	struct end *x = c->owner;
	x->readables++;
	while ((x->last = conn_read(c)) == IO_OK)
		take_input(x);
	x->eof = x->last == IO_EOF;
	if (x->last == IO_EOF || x->last == IO_ERROR)
		drop(x);
	else
		conn_release_input(c);
}

static void on_drained(struct conn *c)
{
	((struct end *)c->owner)->drained++;
}

static void on_closed(struct conn *c)
{
	struct end *x = c->owner;
	x->closed++;
	drop(x);
}

static void on_connected(struct conn *c, int error)
{
	struct end *x = c->owner;
	x->connected++;
	x->error = error;
	if (error)
		drop(x);
}

static const struct conn_ops ops = {
        .on_readable = on_readable, .on_drained = on_drained, .on_connected = on_connected, .on_closed = on_closed};

static void stop(void *arg)
{
	uint32_t *left = arg;
	if (--*left == 0)
		loop_stop(l);
}

/* So many turns, a millisecond apart: both ends are of this process, so that turns and not time is what they need. */
static void run_for(uint32_t turns)
{
	struct loop_timer *t = loop_timer_new(l, 1, true, stop, &turns);
	loop_run(l);
	loop_timer_free(t);
}

/* However slow the machine is; five seconds at most. */
#define run_until(condition)                                      \
	for (int turns = 0; turns < 250 && !(condition); turns++) \
	run_for(20)

static void connect_ends(const char *host)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof a;
	int listening = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(listening, (struct sockaddr *)&a, len), 0);
	ck_assert_int_eq(listen(listening, 1), 0);
	getsockname(listening, (struct sockaddr *)&a, &len);
	SSL *tls = client_ctx ? tls_connect(client_ctx, host) : NULL;
	client.conn = conn_connect(l, (struct sockaddr *)&a, len, tls, &ops, &client);
	ck_assert_ptr_nonnull(client.conn);
	int fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK);
	server.conn = conn_accepted(l, fd, tls_accept(server_ctx), &ops, &server);
	close(listening);
}

/* ---- contexts ------------------------------------------------------------------------------------------------- */

static void make_certs(void)
{
	static const char *const names[] = {"gateway.test", "127.0.0.1"};
	struct x509_request r = {.common_name = "gateway",
	        .dns = names,
	        .dns_count = 2,
	        .not_before_s = time(NULL) - 100,
	        .not_after_s = time(NULL) + 10000};
	certs_make_ca("ca");
	ck_assert(x509_make_node(
	        &r, tmp_path("ca.crt"), tmp_path("ca.key"), tmp_path("gw.crt"), tmp_path("gw.key"), &e));
}

static SSL_CTX *new_server(const char *alpn)
{
	struct tls_server_conf conf = {.cert = tmp_path("gw.crt"), .key = tmp_path("gw.key"), .alpn = alpn};
	return tls_server_new(&conf, &e);
}

static SSL_CTX *new_client(const char *alpn)
{
	struct tls_client_conf conf = {.ca = tmp_path("ca.crt"), .alpn = alpn};
	return tls_client_new(&conf, &e);
}

static void set_up(void)
{
	tmp_make();
	make_certs();
	l = loop_new(&e);
	server = client = (struct end){0};
	server_ctx = new_server(NULL);
	client_ctx = new_client(NULL);
	ck_assert_ptr_nonnull(server_ctx);
	ck_assert_ptr_nonnull(client_ctx);
}

static void tear_down(void)
{
	drop(&server);
	drop(&client);
	loop_free(l);
	text_fini(&server.got);
	text_fini(&client.got);
	SSL_CTX_free(server_ctx);
	SSL_CTX_free(client_ctx);
	tmp_remove();
}

/* ---- tests ---------------------------------------------------------------------------------------------------- */

START_TEST(an_echo_through_tls)
{
	server.echo = true;
	connect_ends("gateway.test");
	run_until(client.connected);
	ck_assert_int_eq(client.connected, 1);
	ck_assert_int_eq(client.error, 0);
	ck_assert(conn_write_slice(client.conn, S("hello")));
	run_until(client.got.len == 5);
	ck_assert_str_eq(text_cstr(&client.got), "hello");
	ck_assert_uint_eq(l->buffers.lent, 0);
}
END_TEST

START_TEST(several_parts_arrive_in_order)
{
	const struct iovec parts[] = {{"one ", 4}, {"", 0}, {"two ", 4}, {"three", 5}};
	connect_ends("gateway.test");
	run_for(60);
	ck_assert(conn_write(client.conn, parts, 4));
	run_for(30);
	ck_assert_str_eq(text_cstr(&server.got), "one two three");
}
END_TEST

START_TEST(what_is_written_during_the_handshake_follows_it)
{
	connect_ends("gateway.test");
	ck_assert(conn_write_slice(client.conn, S("early")));
	run_for(60);
	ck_assert_str_eq(text_cstr(&server.got), "early");
}
END_TEST

/* Many records, partial writes, a queue of odd sizes that must be retried as OpenSSL wants it. */
START_TEST(megabytes_pass_unharmed_in_both_directions)
{
	enum { TOTAL = 6 * 1000 * 1000 };
	char *bytes = malloc(TOTAL);
	for (int i = 0; i < TOTAL; i++)
		bytes[i] = (char)(i * 31 + i / 977);
	server.echo = true;
	connect_ends("gateway.test");
	run_for(60);
	for (size_t at = 0, step = 1; at < TOTAL; step = step * 3 % 70001 + 1) {
		size_t n = at + step > TOTAL ? TOTAL - at : step;
		struct iovec parts[] = {{bytes + at, n / 3}, {bytes + at + n / 3, n - n / 3}};
		ck_assert(conn_write(client.conn, parts, 2));
		at += n;
	}
	for (int i = 0; i < 200 && client.got.len < TOTAL; i++)
		run_for(20);
	ck_assert_uint_eq(client.got.len, TOTAL);
	ck_assert_int_eq(memcmp(client.got.ptr, bytes, TOTAL), 0);
	ck_assert_int_ge(client.drained, 1);
	ck_assert_uint_eq(l->buffers.lent, 0);
	free(bytes);
}
END_TEST

START_TEST(closing_tells_the_other_end_properly)
{
	connect_ends("gateway.test");
	run_for(60);
	ck_assert(conn_write_slice(client.conn, S("bye")));
	drop(&client);
	run_for(30);
	ck_assert_str_eq(text_cstr(&server.got), "bye");
	ck_assert(server.eof);
}
END_TEST

START_TEST(half_closing_lets_the_answer_come)
{
	connect_ends("gateway.test");
	run_for(60);
	conn_shutdown(server.conn);
	ck_assert(conn_write_slice(client.conn, S("still")));
	run_for(30);
	ck_assert(client.eof);
	ck_assert_str_eq(text_cstr(&server.got), "still");
}
END_TEST

/* A connection that ends without close_notify may have been cut by somebody in between. */
START_TEST(a_connection_cut_without_notice_is_an_error)
{
	connect_ends("gateway.test");
	run_for(60);
	shutdown(client.conn->fd, SHUT_WR);
	run_for(30);
	ck_assert_int_eq(server.last, IO_ERROR);
}
END_TEST

START_TEST(a_client_that_does_not_speak_tls_is_closed)
{
	SSL_CTX *kept = client_ctx;
	client_ctx = NULL;
	connect_ends("gateway.test");
	client_ctx = kept;
	ck_assert(conn_write_slice(client.conn, S("GET / HTTP/1.1\r\nHost: a\r\n\r\n")));
	run_for(60);
	ck_assert_int_eq(server.closed, 1);
	ck_assert_ptr_null(server.conn);
	ck_assert_int_eq(server.readables, 0);
}
END_TEST

START_TEST(a_certificate_for_another_name_is_refused)
{
	connect_ends("other.test");
	run_for(60);
	ck_assert_int_eq(client.connected, 1);
	ck_assert_int_eq(client.error, EPROTO);
	ck_assert_int_eq(client.readables, 0);
	ck_assert_ptr_null(server.conn);
}
END_TEST

START_TEST(an_address_is_checked_as_an_address)
{
	connect_ends("127.0.0.1");
	run_for(60);
	ck_assert_int_eq(client.error, 0);
	ck_assert_ptr_nonnull(client.conn);
	ck_assert_ptr_null(SSL_get_servername(server.conn->tls, TLSEXT_NAMETYPE_host_name));
}
END_TEST

START_TEST(an_unknown_ca_is_refused_unless_insecure)
{
	struct tls_client_conf conf = {.ca = tmp_path("stranger.crt")};
	certs_make_ca("stranger");
	SSL_CTX_free(client_ctx);
	client_ctx = tls_client_new(&conf, &e);
	connect_ends("gateway.test");
	run_for(60);
	ck_assert_int_eq(client.error, EPROTO);

	drop(&server);
	conf.insecure = true;
	SSL_CTX_free(client_ctx);
	client_ctx = tls_client_new(&conf, &e);
	connect_ends("whatever.test");
	run_for(60);
	ck_assert_int_eq(client.error, 0);
}
END_TEST

START_TEST(alpn_follows_the_servers_order)
{
	SSL_CTX_free(server_ctx);
	SSL_CTX_free(client_ctx);
	server_ctx = new_server("h2, http/1.1");
	client_ctx = new_client("http/1.1,h2");
	connect_ends("gateway.test");
	run_for(60);
	ck_assert(slice_eq(tls_alpn(server.conn->tls), S("h2")));
	ck_assert(slice_eq(tls_alpn(client.conn->tls), S("h2")));
	ck_assert_str_eq(SSL_get_servername(server.conn->tls, TLSEXT_NAMETYPE_host_name), "gateway.test");
}
END_TEST

START_TEST(without_a_common_protocol_there_is_none)
{
	SSL_CTX_free(server_ctx);
	SSL_CTX_free(client_ctx);
	server_ctx = new_server("h2");
	client_ctx = new_client("spdy/3");
	connect_ends("gateway.test");
	run_for(60);
	ck_assert_int_eq(client.error, 0);
	ck_assert(!slice_is_set(tls_alpn(server.conn->tls)));
}
END_TEST

START_TEST(old_versions_are_refused)
{
	SSL_CTX_set_min_proto_version(client_ctx, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(client_ctx, TLS1_1_VERSION);
	connect_ends("gateway.test");
	run_for(60);
	ck_assert_int_eq(client.error, EPROTO);
	ck_assert_ptr_null(server.conn);
}
END_TEST

START_TEST(tls_1_2_is_spoken)
{
	SSL_CTX_set_max_proto_version(client_ctx, TLS1_2_VERSION);
	server.echo = true;
	connect_ends("gateway.test");
	run_for(60);
	ck_assert(conn_write_slice(client.conn, S("old")));
	run_for(30);
	ck_assert_str_eq(text_cstr(&client.got), "old");
}
END_TEST

/* ---- certificates of clients ---------------------------------------------------------------------------------- */

/* The server asks for certificates of "ca"; the client shows the one of this name, or none. */
static void ask_for_certificate(const char *name, const char *ca)
{
	struct tls_server_conf conf = {
	        .cert = tmp_path("gw.crt"), .key = tmp_path("gw.key"), .client_ca = tmp_path("ca.crt")};
	struct tls_client_conf shown = {.ca = tmp_path("ca.crt")};
	char cert[256], key[256];

	SSL_CTX_free(server_ctx);
	SSL_CTX_free(client_ctx);
	server_ctx = tls_server_new(&conf, &e);
	ck_assert_msg(server_ctx != NULL, "%s", e.message);
	if (name) {
		certs_make(name, ca, name, -100, 1000, true);
		snprintf(cert, sizeof cert, "%s/%s.crt", tmp_path(""), name);
		snprintf(key, sizeof key, "%s/%s.key", tmp_path(""), name);
		shown.cert = cert;
		shown.key = key;
	}
	client_ctx = tls_client_new(&shown, &e);
	ck_assert_msg(client_ctx != NULL, "%s", e.message);
	server.echo = true;
	connect_ends("gateway.test");
	run_until(client.connected && (!server.conn || !server.conn->handshaking));
}

START_TEST(a_client_that_shows_a_certificate_is_known)
{
	ask_for_certificate("ops", "ca");
	ck_assert_int_eq(client.error, 0);
	X509 *peer = tls_peer(server.conn->tls);
	ck_assert_ptr_nonnull(peer);
	X509_free(peer);
}
END_TEST

START_TEST(a_client_that_shows_none_goes_on_unknown)
{
	ask_for_certificate(NULL, NULL);
	ck_assert_int_eq(client.error, 0);
	ck_assert_ptr_null(tls_peer(server.conn->tls));
	ck_assert(conn_write_slice(client.conn, S("hello")));
	run_until(client.got.len == 5);
	ck_assert_str_eq(text_cstr(&client.got), "hello");
}
END_TEST

START_TEST(a_certificate_of_another_authority_does_not_get_in)
{
	certs_make_ca("others");
	ask_for_certificate("ops", "others");
	run_until(!server.conn);
	ck_assert_ptr_null(server.conn);
}
END_TEST

START_TEST(without_being_asked_no_client_is_known)
{
	connect_ends("gateway.test");
	run_until(client.connected && !server.conn->handshaking);
	ck_assert_ptr_null(tls_peer(server.conn->tls));
}
END_TEST

START_TEST(files_that_do_not_serve_are_told)
{
	struct tls_server_conf conf = {.cert = "/nonexistent.pem", .key = tmp_path("gw.key")};
	ck_assert_ptr_null(tls_server_new(&conf, &e));
	ck_assert_ptr_nonnull(strstr(e.message, "'/nonexistent.pem'"));
	conf = (struct tls_server_conf){.cert = tmp_path("gw.crt"), .key = tmp_path("ca.key")};
	ck_assert_ptr_null(tls_server_new(&conf, &e));
	conf.key = tmp_path("gw.key");
	conf.alpn = "h2,,http/1.1";
	ck_assert_ptr_null(tls_server_new(&conf, &e));
	conf.alpn = NULL;
	conf.ciphers = "NO-SUCH-CIPHER";
	ck_assert_ptr_null(tls_server_new(&conf, &e));
	conf.ciphers = NULL;
	conf.client_ca = "/nonexistent.pem";
	ck_assert_ptr_null(tls_server_new(&conf, &e));
	ck_assert_ptr_nonnull(strstr(e.message, "'/nonexistent.pem'"));
	struct tls_client_conf other = {.ca = "/nonexistent.pem"};
	ck_assert_ptr_null(tls_client_new(&other, &e));
}
END_TEST

static Suite *suite(void)
{
	const TTest *const tests[] = {an_echo_through_tls, several_parts_arrive_in_order,
	        what_is_written_during_the_handshake_follows_it, megabytes_pass_unharmed_in_both_directions,
	        closing_tells_the_other_end_properly, half_closing_lets_the_answer_come,
	        a_connection_cut_without_notice_is_an_error, a_client_that_does_not_speak_tls_is_closed,
	        a_certificate_for_another_name_is_refused, an_address_is_checked_as_an_address,
	        an_unknown_ca_is_refused_unless_insecure, alpn_follows_the_servers_order,
	        without_a_common_protocol_there_is_none, old_versions_are_refused, tls_1_2_is_spoken,
	        a_client_that_shows_a_certificate_is_known, a_client_that_shows_none_goes_on_unknown,
	        a_certificate_of_another_authority_does_not_get_in, without_being_asked_no_client_is_known,
	        files_that_do_not_serve_are_told};
	Suite *s = suite_create("tls");
	TCase *c = tcase_create("tls");
	tcase_add_checked_fixture(c, set_up, tear_down);
	for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++)
		tcase_add_test(c, tests[i]);
	tcase_set_timeout(c, 60);
	suite_add_tcase(s, c);
	return s;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
