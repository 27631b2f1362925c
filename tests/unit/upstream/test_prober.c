/* prober and probe: what is asked how often, and what each answer means (proxy.md 6.4), against a server in the
 * test's own loop. */
#include <check.h>
#include <errno.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/core/log.h"
#include "dp/upstream/balancer_private.h"
#include "dp/upstream/probe.h"
#include "tests/support/balancing.h"
#include "tests/support/loading.h"
#include "tests/support/turns.h"

static struct balancing b;

/* ---- a server: every connection gets `answer` once it has sent something --------------------------------------- */

enum { PEERS_MAX = 200 };

static struct {
	int fd, port, accepted, open, most_open;
	bool keeps_open;
	const char *answer; /* NULL: silence; "": closes */
	struct text received;
	struct event *event, *peers[PEERS_MAX];
} server;

static void peer_close(int i)
{
	int fd = event_get_fd(server.peers[i]);
	event_free(server.peers[i]);
	server.peers[i] = NULL;
	close(fd);
	server.open--;
}

static void on_peer(evutil_socket_t fd, short what, void *arg)
{
	char bytes[4096];
	ssize_t n = recv(fd, bytes, sizeof bytes, 0);
	if (n <= 0) {
		peer_close((int)(intptr_t)arg);
		return;
	}
	text_put(&server.received, slice_of(bytes, (size_t)n));
	if (!server.answer)
		return;
	if (server.answer[0])
		turns_send(fd, server.answer);
	if (!server.keeps_open)
		peer_close((int)(intptr_t)arg);
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct loop *l = arg;
	int peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), i = server.accepted++;
	ck_assert_int_lt(i, PEERS_MAX);
	server.peers[i] = event_new(l->base, peer, EV_READ | EV_PERSIST, on_peer, (void *)(intptr_t)i);
	event_add(server.peers[i], NULL);
	server.open++;
	server.most_open = server.open > server.most_open ? server.open : server.most_open;
}

static void setup(void)
{
	log_set_level(LOG_ERROR);
	balancing_begin(&b, NULL);
	server.fd = turns_listen(&server.port);
	server.event = event_new(b.loop->base, server.fd, EV_READ | EV_PERSIST, on_accept, b.loop);
	event_add(server.event, NULL);
	server.accepted = server.open = server.most_open = 0;
	server.keeps_open = false;
	server.answer = "HTTP/1.1 200 OK\r\n\r\n";
}

static void teardown(void)
{
	for (int i = 0; i < PEERS_MAX; i++)
		if (server.peers[i])
			peer_close(i);
	event_free(server.event);
	close(server.fd);
	text_fini(&server.received);
	server.received = (struct text){0};
	balancing_end(&b);
}

/* checks: members of healthchecks.active. */
static void probe_with(const char *checks, const char *targets)
{
	char upstream[1024], list[256];
	snprintf(upstream, sizeof upstream, "'healthchecks':{'active':{%s}},", checks);
	snprintf(list, sizeof list, targets ? targets : "127.0.0.1:%d=1", server.port);
	balancing_set(&b, upstream, list);
}

static bool is_state(void *arg)
{
	struct peer *p = balancing_peer(&b, server.port);
	return p && health_state(&p->health) == (enum health_state)(intptr_t)arg;
}

static void becomes(enum health_state state)
{
	ck_assert_msg(turns_until(b.loop, 4000, is_state, (void *)(intptr_t)state), "state is %d, expected %d",
	        (int)health_state(&balancing_peer(&b, server.port)->health), (int)state);
}

static bool has_accepted(void *arg)
{
	return server.accepted >= (int)(intptr_t)arg;
}

static void await_probes(int n)
{
	ck_assert(turns_until(b.loop, 4000, has_accepted, (void *)(intptr_t)(server.accepted + n)));
}

#define BOTH \
	"'healthy':{'interval':0.02,'successes':2},'unhealthy':{'interval':0.02,'http_failures':2,'tcp_failures':2,'timeouts':2}"

/* ---- what an answer means -------------------------------------------------------------------------------------- */

START_TEST(example_105_statuses_of_the_lists_count_others_do_not)
{
	server.answer = "HTTP/1.1 503 No\r\n\r\n";
	probe_with(BOTH, NULL);
	becomes(UNHEALTHY);
	server.answer = "HTTP/1.1 426 Upgrade Required\r\n\r\n";
	await_probes(4);
	ck_assert_int_eq(health_state(&balancing_peer(&b, server.port)->health), UNHEALTHY);
	server.answer = "HTTP/1.1 200 OK\r\n\r\n";
	becomes(HEALTHY);
}
END_TEST

START_TEST(what_is_no_status_line_counts_as_an_http_failure)
{
	server.answer = "SSH-2.0-OpenSSH\r\n";
	probe_with("'unhealthy':{'http_failures':1},'healthy':{'interval':0.02}", NULL);
	becomes(UNHEALTHY);
}
END_TEST

START_TEST(who_closes_counts_as_a_failed_connection)
{
	server.answer = "";
	probe_with("'unhealthy':{'tcp_failures':1},'healthy':{'interval':0.02}", NULL);
	becomes(UNHEALTHY);
}
END_TEST

START_TEST(who_is_silent_counts_as_a_timeout)
{
	server.answer = NULL;
	probe_with("'timeout':0.03,'unhealthy':{'timeouts':1},'healthy':{'interval':0.02}", NULL);
	becomes(UNHEALTHY);
}
END_TEST

START_TEST(who_refuses_counts_as_a_failed_connection)
{
	int port, fd = turns_listen(&port);
	close(fd);
	server.port = port;
	probe_with("'unhealthy':{'tcp_failures':1},'healthy':{'interval':0.02}", NULL);
	becomes(UNHEALTHY);
}
END_TEST

START_TEST(tcp_is_content_with_a_connection)
{
	server.answer = NULL;
	probe_with("'type':'tcp'," BOTH, NULL);
	peer_mark(balancing_peer(&b, server.port), false);
	becomes(HEALTHY);
	ck_assert_uint_eq(server.received.len, 0);
}
END_TEST

START_TEST(the_request_is_what_the_contract_says)
{
	probe_with("'http_path':'/hc/x','headers':{'x-p':['1','2']},'healthy':{'interval':0.02}", NULL);
	await_probes(1);
	turns_for(b.loop, 20);
	static const char expected[] = "GET /hc/x HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
	                               "x-p: 1\r\nx-p: 2\r\n\r\n";
	ck_assert(slice_starts(text_slice(&server.received), slice_cstr(expected)));
}
END_TEST

START_TEST(a_host_header_of_the_upstream_or_of_the_checks_is_used)
{
	char targets[64];
	snprintf(targets, sizeof targets, "127.0.0.1:%d=1", server.port);
	balancing_set(
	        &b, "'host_header':'h.test:99','healthchecks':{'active':{'healthy':{'interval':0.02}}},", targets);
	await_probes(1);
	turns_for(b.loop, 10);
	ck_assert_ptr_nonnull(strstr(text_cstr(&server.received), "\r\nHost: h.test\r\n"));
	text_clear(&server.received);
	probe_with("'headers':{'Host':['other.test']},'healthy':{'interval':0.02}", NULL);
	await_probes(2);
	turns_for(b.loop, 10);
	ck_assert_ptr_nonnull(strstr(text_cstr(&server.received), "\r\nHost: other.test\r\n"));
}
END_TEST

START_TEST(status_lines)
{
	ck_assert_int_eq(probe_read_status(S("HTTP/1.1 200 OK\r\nA: b")), 200);
	ck_assert_int_eq(probe_read_status(S("HTTP/1.0 404\r\n")), 404);
	ck_assert_int_eq(probe_read_status(S("HTTP/1.1 200 OK")), -1);
	ck_assert_int_eq(probe_read_status(S("")), -1);
	ck_assert_int_eq(probe_read_status(S("HTTP/1.1 2000 OK\r\n")), 0);
	ck_assert_int_eq(probe_read_status(S("HTTP/1.1 20 OK\r\n")), 0);
	ck_assert_int_eq(probe_read_status(S("HTTP/2 200\r\n")), 0);
	ck_assert_int_eq(probe_read_status(S("\n")), 0);
	char endless[2048];
	memset(endless, 'x', sizeof endless);
	ck_assert_int_eq(probe_read_status(slice_of(endless, sizeof endless)), 0);
}
END_TEST

/* ---- who is asked, how often ----------------------------------------------------------------------------------- */

START_TEST(an_interval_of_zero_disables_its_half)
{
	probe_with("'healthy':{'interval':0},'unhealthy':{'interval':0.02}", NULL);
	turns_for(b.loop, 60);
	ck_assert_int_eq(server.accepted, 0);
	peer_mark(balancing_peer(&b, server.port), false);
	await_probes(1);
}
END_TEST

START_TEST(many_updates_leave_one_probe_per_interval)
{
	for (int i = 0; i < 30; i++) { /* pitfalls.md A3-4 */
		char targets[64];
		snprintf(targets, sizeof targets, "127.0.0.1:%%d=%d", i + 1);
		probe_with("'healthy':{'interval':0.1}", targets);
		turns_for(b.loop, 2);
	}
	int before = server.accepted;
	turns_for(b.loop, 450);
	ck_assert_int_ge(server.accepted - before, 3);
	ck_assert_int_le(server.accepted - before, 5);
}
END_TEST

START_TEST(no_more_at_a_time_than_concurrency)
{
	static const char upstream[] =
	        "'healthchecks':{'active':{'concurrency':3,'timeout':0.03,'healthy':{'interval':0.05}}},";
	struct text targets = {0};
	server.answer = NULL;
	for (int i = 1; i <= 20; i++)
		text_printf(&targets, "127.0.0.%d:%d=1 ", i, server.port);
	close(server.fd); /* on all of 127.0.0.0/8 */
	event_free(server.event);
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons((uint16_t)server.port)};
	server.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	setsockopt(server.fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
	ck_assert_int_eq(bind(server.fd, (struct sockaddr *)&any, sizeof any), 0);
	ck_assert_int_eq(listen(server.fd, 64), 0);
	server.event = event_new(b.loop->base, server.fd, EV_READ | EV_PERSIST, on_accept, b.loop);
	event_add(server.event, NULL);
	balancing_set(&b, upstream, text_cstr(&targets));
	text_fini(&targets);
	await_probes(20);                      /* a whole round, though it takes longer than its interval */
	ck_assert_int_le(server.most_open, 6); /* 3, and those whose end the server has not seen yet */
}
END_TEST

START_TEST(targets_without_weight_are_not_probed)
{
	probe_with("'healthy':{'interval':0.02}", "127.0.0.1:%d=0");
	turns_for(b.loop, 60);
	ck_assert_int_eq(server.accepted, 0);
}
END_TEST

START_TEST(an_upstream_that_goes_takes_its_probes_along)
{
	server.answer = NULL;
	probe_with("'healthy':{'interval':0.02}", NULL);
	await_probes(1);
	balancing_set(&b, NULL, NULL);
	int before = server.accepted;
	turns_for(b.loop, 60);
	ck_assert_int_eq(server.accepted, before);
	ck_assert_int_eq(server.open, 0);
}
END_TEST

START_TEST(what_is_mostly_unhealthy_belongs_to_the_other_half)
{
	server.answer = "HTTP/1.1 200 OK\r\n\r\n";
	probe_with("'healthy':{'interval':60,'successes':3},'unhealthy':{'interval':0.02}", NULL);
	peer_mark(balancing_peer(&b, server.port), false);
	becomes(HEALTHY);
	ck_assert_int_eq(server.accepted, 3);
}
END_TEST

/* ---- gRPC (DEV-13) --------------------------------------------------------------------------------------------- */

static struct {
	struct conn *conn;
	nghttp2_session *session;
	struct text path, type, body;
	char reply[16];
	size_t reply_len;
	const char *status, *grpc_status;
	bool trailers_sent;
} rpc;

static ssize_t rpc_body(nghttp2_session *s, int32_t stream, uint8_t *to, size_t room, uint32_t *flags,
        nghttp2_data_source *source, void *arg)
{
	memcpy(to, rpc.reply, rpc.reply_len);
	*flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
	nghttp2_nv nv = {(uint8_t *)"grpc-status", (uint8_t *)rpc.grpc_status, 11, strlen(rpc.grpc_status), 0};
	nghttp2_submit_trailer(s, stream, &nv, 1);
	return (ssize_t)rpc.reply_len;
}

static int rpc_header(nghttp2_session *s, const nghttp2_frame *f, const uint8_t *name, size_t name_len,
        const uint8_t *value, size_t value_len, uint8_t flags, void *arg)
{
	struct slice n = slice_of((const char *)name, name_len), v = slice_of((const char *)value, value_len);
	if (slice_eq(n, S(":path")))
		text_put(&rpc.path, v);
	if (slice_eq(n, S("content-type")))
		text_put(&rpc.type, v);
	return 0;
}

static int rpc_data(nghttp2_session *s, uint8_t flags, int32_t stream, const uint8_t *data, size_t len, void *arg)
{
	text_put(&rpc.body, slice_of((const char *)data, len));
	return 0;
}

static int rpc_frame(nghttp2_session *s, const nghttp2_frame *f, void *arg)
{
	if (!(f->hd.flags & NGHTTP2_FLAG_END_STREAM) || f->hd.stream_id == 0)
		return 0;
	nghttp2_nv nv[] = {{(uint8_t *)":status", (uint8_t *)rpc.status, 7, strlen(rpc.status), 0},
	        {(uint8_t *)"content-type", (uint8_t *)"application/grpc", 12, 16, 0}};
	nghttp2_data_provider body = {.read_callback = rpc_body};
	return nghttp2_submit_response(s, f->hd.stream_id, nv, 2, &body);
}

static void rpc_flush(void)
{
	const uint8_t *bytes;
	ssize_t n;
	while ((n = nghttp2_session_mem_send(rpc.session, &bytes)) > 0)
		conn_write_slice(rpc.conn, slice_of((const char *)bytes, (size_t)n));
}

static void rpc_readable(struct conn *c)
{
	enum io_result r = conn_read(c);
	if (c->in && iobuf_slice(c->in).len) {
		struct slice in = iobuf_slice(c->in);
		nghttp2_session_mem_recv(rpc.session, (const uint8_t *)in.ptr, in.len);
		iobuf_consume(c->in, in.len);
		rpc_flush();
	}
	if (r == IO_EOF || r == IO_ERROR) {
		nghttp2_session_del(rpc.session);
		conn_close(c);
		rpc.conn = NULL;
	}
}

static const struct conn_ops rpc_ops = {.on_readable = rpc_readable, .on_closed = rpc_readable};

static void rpc_accept(evutil_socket_t fd, short what, void *arg)
{
	nghttp2_session_callbacks *c;
	int peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	nghttp2_session_callbacks_new(&c);
	nghttp2_session_callbacks_set_on_header_callback(c, rpc_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, rpc_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(c, rpc_frame);
	nghttp2_session_server_new(&rpc.session, c, NULL);
	nghttp2_session_callbacks_del(c);
	nghttp2_submit_settings(rpc.session, 0, NULL, 0);
	rpc.conn = conn_accepted(arg, peer, NULL, &rpc_ops, NULL);
}

static struct {
	int calls, status;
	enum probe_outcome outcome;
} probed;

static void on_probed(void *arg, enum probe_outcome outcome, int status, const char *detail)
{
	probed.calls++;
	probed.outcome = outcome;
	probed.status = status;
}

static bool is_probed(void *arg)
{
	return probed.calls > 0;
}

static void call_rpc(const char *status, const char *grpc_status, const char *reply, size_t len)
{
	struct active_checks checks = {.type = S("grpc"), .timeout = 2, .http_path = S("/")};
	struct probe_request r = {.loop = b.loop, .checks = &checks, .host = S("svc.test")};
	event_free(server.event);
	server.event = event_new(b.loop->base, server.fd, EV_READ | EV_PERSIST, rpc_accept, b.loop);
	event_add(server.event, NULL);
	r.to.address.v4 = (struct sockaddr_in){.sin_family = AF_INET,
	        .sin_port = htons((uint16_t)server.port),
	        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	r.to.len = sizeof r.to.address.v4;
	rpc.status = status;
	rpc.grpc_status = grpc_status;
	memcpy(rpc.reply, reply, len);
	rpc.reply_len = len;
	probed.calls = 0;
	ck_assert_ptr_nonnull(probe_start(&r, on_probed, NULL));
	ck_assert(turns_until(b.loop, 3000, is_probed, NULL));
	turns_for(b.loop, 20);
	ck_assert_int_eq(probed.calls, 1);
}

static void rpc_end(void)
{
	text_fini(&rpc.path);
	text_fini(&rpc.type);
	text_fini(&rpc.body);
	memset(&rpc, 0, sizeof rpc);
}

START_TEST(serving_is_200)
{
	call_rpc("200", "0", "\0\0\0\0\2\x08\x01", 7);
	ck_assert_int_eq(probed.outcome, PROBE_STATUS);
	ck_assert_int_eq(probed.status, 200);
	ck_assert_str_eq(text_cstr(&rpc.path), "/grpc.health.v1.Health/Check");
	ck_assert_str_eq(text_cstr(&rpc.type), "application/grpc");
	ck_assert(slice_eq(text_slice(&rpc.body), slice_of("\0\0\0\0\0", 5)));
	rpc_end();
}
END_TEST

START_TEST(anything_else_is_503)
{
	call_rpc("200", "0", "\0\0\0\0\2\x08\x02", 7); /* NOT_SERVING */
	ck_assert_int_eq(probed.status, 503);
	call_rpc("200", "0", "\0\0\0\0\0", 5); /* UNKNOWN */
	ck_assert_int_eq(probed.status, 503);
	call_rpc("200", "12", "\0\0\0\0\2\x08\x01", 7); /* not implemented */
	ck_assert_int_eq(probed.status, 503);
	call_rpc("404", "0", "\0\0\0\0\2\x08\x01", 7);
	ck_assert_int_eq(probed.status, 503);
	rpc_end();
}
END_TEST

START_TEST(who_does_not_speak_http2_fails)
{
	struct active_checks checks = {.type = S("grpc"), .timeout = 2};
	struct probe_request r = {.loop = b.loop, .checks = &checks, .host = S("svc.test")};
	r.to.address.v4 = (struct sockaddr_in){.sin_family = AF_INET,
	        .sin_port = htons((uint16_t)server.port),
	        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	r.to.len = sizeof r.to.address.v4;
	server.answer = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
	server.keeps_open = true;
	probed.calls = 0;
	probe_start(&r, on_probed, NULL);
	ck_assert(turns_until(b.loop, 3000, is_probed, NULL));
	ck_assert_int_eq(probed.outcome, PROBE_NOT_HTTP);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("prober");
	TCase *t = tcase_create("all");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 20);
	tcase_add_test(t, example_105_statuses_of_the_lists_count_others_do_not);
	tcase_add_test(t, what_is_no_status_line_counts_as_an_http_failure);
	tcase_add_test(t, who_closes_counts_as_a_failed_connection);
	tcase_add_test(t, who_is_silent_counts_as_a_timeout);
	tcase_add_test(t, who_refuses_counts_as_a_failed_connection);
	tcase_add_test(t, tcp_is_content_with_a_connection);
	tcase_add_test(t, the_request_is_what_the_contract_says);
	tcase_add_test(t, a_host_header_of_the_upstream_or_of_the_checks_is_used);
	tcase_add_test(t, status_lines);
	tcase_add_test(t, an_interval_of_zero_disables_its_half);
	tcase_add_test(t, many_updates_leave_one_probe_per_interval);
	tcase_add_test(t, no_more_at_a_time_than_concurrency);
	tcase_add_test(t, targets_without_weight_are_not_probed);
	tcase_add_test(t, an_upstream_that_goes_takes_its_probes_along);
	tcase_add_test(t, what_is_mostly_unhealthy_belongs_to_the_other_half);
	tcase_add_test(t, serving_is_200);
	tcase_add_test(t, anything_else_is_503);
	tcase_add_test(t, who_does_not_speak_http2_fails);
	suite_add_tcase(s, t);
	return run_suite(s);
}
