/* What does not depend on the protocol version: TLS below it, counters, streams handed out and taken back. */
#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/core/text.h"
#include "common/net/tls.h"
#include "tests/support/certs.h"
#include "tests/support/serve_rig.h"
#include "tests/support/tmp.h"

#define HELLO "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"

static struct rig *r;
static SSL_CTX *server_ctx, *client_ctx;
static struct conn *client;
static struct text heard;
static bool ended;

static void set_up(void)
{
	struct err e;
	tmp_make();
	certs_make_ca("ca");
	certs_make("gw", "ca", "gateway", -100, 10000, false);
	r = rig_new();
	struct tls_server_conf server = {.cert = tmp_path("gw.crt"), .key = tmp_path("gw.key"), .alpn = "http/1.1"};
	struct tls_client_conf of_client = {.ca = tmp_path("ca.crt"), .insecure = true};
	server_ctx = tls_server_new(&server, &e);
	client_ctx = tls_client_new(&of_client, &e);
	ck_assert_ptr_nonnull(server_ctx);
	ended = false;
}

static void tear_down(void)
{
	if (client)
		conn_close(client);
	client = NULL;
	rig_free(r);
	text_fini(&heard);
	SSL_CTX_free(server_ctx);
	SSL_CTX_free(client_ctx);
	tmp_remove();
}

/* ---- a client on the same loop -------------------------------------------------------------------------------- */

static void on_readable(struct conn *c)
{
	enum io_result got;
	while ((got = conn_read(c)) == IO_OK) {
		text_put(&heard, iobuf_slice(c->in));
		iobuf_consume(c->in, iobuf_slice(c->in).len);
	}
	conn_release_input(c);
	ended |= got == IO_EOF || got == IO_ERROR;
}

static void nothing(struct conn *c)
{
}

static void on_connected(struct conn *c, int error)
{
	ended |= error != 0;
}

static const struct conn_ops client_ops = {.on_readable = on_readable,
        .on_drained = nothing,
        .on_connected = on_connected,
        .on_closed = nothing,
        .on_timeout = nothing};

/* A TLS connection to the server; plain: the client does not know of TLS. */
static void dial(bool plain)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof a;
	int listening = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(listening, (struct sockaddr *)&a, len), 0);
	ck_assert_int_eq(listen(listening, 1), 0);
	getsockname(listening, (struct sockaddr *)&a, &len);
	client = conn_connect(
	        r->loop, (struct sockaddr *)&a, len, plain ? NULL : tls_connect(client_ctx, NULL), &client_ops, NULL);
	server_accept(
	        &r->server, &r->listener, accept4(listening, NULL, NULL, SOCK_NONBLOCK), tls_accept(server_ctx));
	close(listening);
}

/* Waits until the client has heard these words, and its end if it is to come; both come in their own time. */
static void hear(const char *words, bool end)
{
	for (int i = 0; i < 1000 && (!strstr(text_cstr(&heard), words) || ended != end); i++)
		rig_wait(r, 5);
}

static const char *last_hello(void)
{
	const char *first = strstr(text_cstr(&heard), "hello");
	return first ? strstr(first + 1, "hello") : NULL;
}

/* ---- tests ---------------------------------------------------------------------------------------------------- */

START_TEST(requests_are_served_over_tls)
{
	dial(false);
	conn_write_slice(client, S(HELLO HELLO));
	for (int i = 0; i < 1000 && !last_hello(); i++)
		rig_wait(r, 5);
	ck_assert_str_eq(rig_events(r), "request:/hello done request:/hello done");
	ck_assert_int_eq(strncmp(text_cstr(&heard), "HTTP/1.1 200 OK\r\n", 17), 0);
	ck_assert(!ended);
	text_clear(&heard);
	conn_write_slice(client, S("GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
	hear("Connection: close", true);
	ck_assert_ptr_nonnull(strstr(text_cstr(&heard), "Connection: close"));
	ck_assert(ended);
	ck_assert_uint_eq(r->server.stats.active, 1);
}
END_TEST

START_TEST(a_large_response_passes_tls_with_back_pressure)
{
	dial(false);
	conn_write_slice(client, S("GET /big HTTP/1.1\r\nHost: a\r\n\r\n"));
	for (int i = 0; i < 50 && heard.len < 1024 * 1024; i++)
		rig_wait(r, 20);
	ck_assert_uint_gt(heard.len, 1024 * 1024);
	ck_assert_uint_le(r->queued_most, STREAM_HIGH_WATER + 16 * 1024 + 16);
	ck_assert_str_eq(rig_events(r), "request:/big done");
}
END_TEST

START_TEST(a_client_that_leaves_is_noticed_under_tls)
{
	dial(false);
	conn_write_slice(client, S("GET /later HTTP/1.1\r\nHost: a\r\n\r\n"));
	for (int i = 0; i < 1000 && !strstr(text_cstr(&r->events), "/later"); i++)
		rig_wait(r, 5);
	conn_close(client);
	client = NULL;
	for (int i = 0; i < 1000 && !strstr(text_cstr(&r->events), "gone"); i++)
		rig_wait(r, 5);
	ck_assert_str_eq(rig_events(r), "request:/later abort:gone");
}
END_TEST

/* proxy.md 3.4 */
START_TEST(plain_http_on_a_tls_port_is_told_so)
{
	dial(true);
	conn_write_slice(client, S(HELLO));
	hear("HTTPS port", true);
	ck_assert_int_eq(strncmp(text_cstr(&heard), "HTTP/1.1 400 Bad Request\r\n", 26), 0);
	ck_assert_ptr_nonnull(strstr(text_cstr(&heard), "The plain HTTP request was sent to HTTPS port"));
	ck_assert(ended);
	ck_assert_str_eq(rig_events(r), "");
	ck_assert_uint_eq(r->server.stats.active, 1);
}
END_TEST

START_TEST(a_handshake_that_never_comes_ends_with_the_header_timeout)
{
	r->server.header_timeout_ms = 80;
	dial(true);
	rig_wait(r, 5);
	ck_assert(!ended);
	hear("", true);
	ck_assert(ended);
	ck_assert_str_eq(text_cstr(&heard), "");
}
END_TEST

START_TEST(counters_say_what_connections_do)
{
	const struct server_stats *s = &r->server.stats;
	ck_assert_uint_eq(s->accepted, 1);
	ck_assert_uint_eq(s->handled, 1);
	ck_assert_uint_eq(s->waiting, 1);
	rig_say(r, "GET /la");
	ck_assert_uint_eq(s->reading, 1);
	rig_say(r, "ter HTTP/1.1\r\nHost: a\r\n\r\n");
	ck_assert_uint_eq(s->writing, 1);
	ck_assert_uint_eq(s->active, 1);
	ck_assert_uint_eq(s->requests, 1);
	rig_answer(r, "x");
	rig_turn(r);
	ck_assert_uint_eq(s->waiting, 1);
	ck_assert_uint_eq(s->reading + s->writing, 0);
	shutdown(r->client, SHUT_WR);
	rig_turn(r);
	ck_assert_uint_eq(s->active, 0);
	ck_assert_uint_eq(s->waiting, 0);
}
END_TEST

/* The handler's state is zeroed for each request, although the memory is the same. */
START_TEST(each_request_finds_zeroed_state)
{
	rig_say(r, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
	rig_say(r, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\ndef");
	const char *all = rig_heard(r);
	ck_assert_ptr_nonnull(strstr(all, "\r\n\r\ndef"));
	ck_assert_ptr_null(strstr(all, "abcdef"));
	ck_assert_uint_eq(r->server.spares, 1);
}
END_TEST

START_TEST(a_sweep_takes_streams_that_were_not_needed_since_the_last)
{
	rig_say(r, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
	ck_assert_uint_eq(server_sweep(&r->server), 0);
	rig_say(r, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
	ck_assert_uint_eq(server_sweep(&r->server), 0);
	ck_assert_uint_eq(r->server.spares, 1);
	ck_assert_uint_gt(server_sweep(&r->server), sizeof(struct stream));
	ck_assert_uint_eq(r->server.spares, 0);
	rig_say(r, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
	ck_assert_uint_eq(r->server.spares, 1);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("server");
	TCase *c = tcase_create("server");
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, requests_are_served_over_tls);
	tcase_add_test(c, a_large_response_passes_tls_with_back_pressure);
	tcase_add_test(c, a_client_that_leaves_is_noticed_under_tls);
	tcase_add_test(c, plain_http_on_a_tls_port_is_told_so);
	tcase_add_test(c, a_handshake_that_never_comes_ends_with_the_header_timeout);
	tcase_add_test(c, counters_say_what_connections_do);
	tcase_add_test(c, each_request_finds_zeroed_state);
	tcase_add_test(c, a_sweep_takes_streams_that_were_not_needed_since_the_last);
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
