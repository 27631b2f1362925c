/* proxy: requests through a whole worker's proxy in the test's own loop: client and upstream are sockets of the test,
 * the configuration is made by hand (proxy.md 2 to 4; pitfalls.md B4, B5). What needs only bytes in and bytes out is
 * tested end to end with the real programs; here is what needs a grip on time and on memory. */
#include <sys/resource.h>

#include "common/plugin/plugin.h"
#include "common/plugin/redis_conf.h"

/* ---- plugins, chosen by their configuration's text ------------------------------------------------------------ */

static struct redis_conf silent_redis;

static enum verdict decide(struct call *c)
{
	return GO;
}

static enum verdict count_in_silence(struct call *c)
{
	static struct count count;
	static struct counter counter = {.key = SLICE("k"), .limit = 1, .window_s = 60};
	count = (struct count){.redis = &silent_redis, .counters = &counter, .n = 1};
	return call_count(c, &count, decide);
}

static enum verdict on_access(struct call *c)
{
	const char *conf = c->conf;
	if (strcmp(conf, "wait") == 0)
		return count_in_silence(c);
	if (strncmp(conf, "replace", 7) == 0)
		call_set_body(c, S("other END"));
	if (strcmp(conf, "state") == 0)
		call_set_header(c, S("X-State"), slice_cstr(c->state));
	return GO;
}

static enum verdict on_rewrite(struct call *c)
{
	memcpy(c->state, "kept", 5);
	return GO;
}

static int logged;

static enum verdict on_log(struct call *c)
{
	logged++;
	return GO;
}

static unsigned wants(const void *conf)
{
	return strcmp(conf, "replace whole") == 0 ? WHOLE_REQUEST_BODY : 0;
}

static const struct plugin only = {.name = "only",
        .priority = 1,
        .scopes = SCOPE_ALL,
        .rewrite = on_rewrite,
        .access = on_access,
        .log = on_log,
        .wants = wants,
        .state_size = 8};

#include "tests/unit/proxy/fixture.h"

/* ---- connections to upstreams ---------------------------------------------------------------------------------- */

START_TEST(a_connection_is_used_again)
{
	add_route("paths=/");
	begin();
	ask(GET "\r\n", "done");
	ask(GET "\r\n", "done");
	ck_assert_int_eq(upstream.requests, 2);
	ck_assert_int_eq(upstream.accepted, 1);
	ck_assert_uint_eq(pool_idle(&proxy.pool), 1);
}
END_TEST

START_TEST(a_stale_connection_costs_no_try_but_a_fresh_one_does)
{
	add_route("paths=/");
	begin();
	ask(GET "\r\n", "done");
	upstream.mode = CLOSES;
	ask(GET "\r\n", "HTTP/1.1 502");
	ck_assert_int_eq(upstream.accepted, 1 + 3); /* the stale one, then one try and two retries */
}
END_TEST

START_TEST(a_post_is_not_sent_twice)
{
	add_route("paths=/");
	begin();
	upstream.mode = CLOSES;
	ask("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nEND", "HTTP/1.1 502");
	ck_assert_int_eq(upstream.accepted, 1);
}
END_TEST

START_TEST(a_silent_upstream_is_tried_again_and_then_504)
{
	service.read_timeout = 40;
	add_route("paths=/");
	begin();
	upstream.mode = IS_SILENT;
	ask(GET "\r\n", "HTTP/1.1 504");
	ck_assert_int_eq(upstream.accepted, 3);
}
END_TEST

START_TEST(an_early_answer_reaches_the_client_and_ends_the_upstream_connection)
{
	char *big = calloc(1, 300001);
	memset(big, 'x', 300000);
	add_route("paths=/");
	begin();
	upstream.mode = ANSWERS_AT_ONCE;
	client = connect_client();
	turns_send(client, "PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 9000000\r\n\r\n");
	ck_assert_ptr_nonnull(strstr(turns_receive(loop, client, "done"), "HTTP/1.1 200"));
	ssize_t n = send(client, big, 300000, MSG_DONTWAIT | MSG_NOSIGNAL);
	ck_assert(n > 0 || errno == EPIPE || errno == ECONNRESET || errno == EAGAIN);
	turns_for(loop, 30);
	ck_assert_uint_eq(pool_idle(&proxy.pool), 0);
	ck_assert_int_eq(upstream.closed, 1);
	free(big);
}
END_TEST

/* More requests end at once than streams are kept for reuse: those behind are freed, while callers on the stack still
 * look at them. */
START_TEST(many_requests_may_end_together)
{
	enum { MANY = 300 };
	int clients[MANY];
	struct rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	add_route("paths=/");
	begin();
	upstream.mode = IS_SILENT;
	for (int i = 0; i < MANY; i++) {
		clients[i] = connect_client();
		turns_send(clients[i], GET "\r\n");
		turns_for(loop, 1);
	}
	for (int i = 0; i < 100 && upstream.requests < MANY; i++)
		turns_for(loop, 20);
	ck_assert_int_eq(upstream.requests, MANY);
	for (int i = 0; i < upstream.accepted; i++)
		turns_send(event_get_fd(upstream.peers[i]), upstream.answer);
	for (int i = 0; i < MANY; i++) {
		turns_receive(loop, clients[i], "done");
		close(clients[i]);
	}
}
END_TEST

/* ---- what is forwarded ----------------------------------------------------------------------------------------- */

START_TEST(a_replaced_body_is_framed_by_its_own_length)
{
	add_plugin("replace whole");
	add_route("paths=/");
	begin();
	ask("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 20\r\n\r\n01234567890123456789", "done");
	expect_received("Content-Length: 9\r\n");
	expect_received("\r\n\r\nother END");
	ask("POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "done");
	ck_assert_ptr_null(strstr(received(), "chunked"));
	ck_assert_ptr_null(strstr(received(), "abc"));
	ck_assert_int_eq(upstream.accepted, 1);
}
END_TEST

START_TEST(a_body_may_be_put_where_there_was_none_or_where_it_was_not_read)
{
	add_plugin("replace");
	add_route("paths=/");
	begin();
	ask("DELETE /x HTTP/1.1\r\nHost: h\r\n\r\n", "done");
	expect_received("Content-Length: 9\r\n");
	text_clear(&upstream.received);
	ask("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 20\r\n\r\n01234567890123456789", "done");
	expect_received("Content-Length: 9\r\n");
	ck_assert_ptr_null(strstr(received(), "0123"));
}
END_TEST

START_TEST(connection_cannot_remove_what_is_protected)
{
	add_route("paths=/");
	begin();
	ask(GET "Connection: X-Forwarded-User, authorization, cookie, via, forwarded, x-drop\r\nX-Forwarded-User: u\r\n"
	        "Authorization: a\r\nCookie: c\r\nVia: v\r\nForwarded: f\r\nX-Drop: d\r\n\r\n",
	        "done");
	expect_received("X-Forwarded-User: u\r\n");
	expect_received("Authorization: a\r\n");
	expect_received("Cookie: c\r\n");
	expect_received("Via: v, 1.1 gatehouse/x\r\n");
	expect_received("Forwarded: f\r\n");
	ck_assert_ptr_null(strstr(received(), "X-Drop"));
}
END_TEST

START_TEST(our_latency_takes_the_place_of_the_upstreams)
{
	add_route("paths=/");
	begin();
	upstream.answer = "HTTP/1.1 200 OK\r\nX-Kong-Upstream-Latency: 77777\r\nContent-Length: 4\r\n\r\ndone";
	const char *answer = ask(GET "\r\n", "done");
	ck_assert_ptr_nonnull(strstr(answer, "X-Kong-Upstream-Latency: "));
	ck_assert_ptr_null(strstr(answer, "77777"));
}
END_TEST

START_TEST(a_plugin_finds_in_access_what_it_left_in_rewrite)
{
	add_plugin("state");
	add_route("paths=/");
	begin();
	ask(GET "\r\n", "done");
	expect_received("X-State: kept\r\n");
	ck_assert_int_eq(logged, 1);
}
END_TEST

/* ---- clients that leave (B4 77, 78) ---------------------------------------------------------------------------- */

static bool has_request(void *arg)
{
	return upstream.requests > 0;
}

START_TEST(a_client_that_leaves_takes_the_upstream_connection_along)
{
	add_plugin("");
	add_route("paths=/");
	begin();
	upstream.mode = IS_SILENT;
	client = connect_client();
	turns_send(client, GET "\r\n");
	ck_assert(turns_until(loop, 2000, has_request, NULL));
	leave();
	ck_assert_int_eq(upstream.closed, 1);
	ck_assert_int_eq(upstream.accepted, 1);
	ck_assert_int_eq(logged, 1);
}
END_TEST

START_TEST(a_client_may_leave_while_its_body_is_collected)
{
	add_plugin("replace whole");
	add_route("paths=/");
	begin();
	client = connect_client();
	turns_send(client, "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 20\r\n\r\n0123");
	turns_for(loop, 20);
	leave();
	ck_assert_int_eq(upstream.accepted, 0);
}
END_TEST

START_TEST(a_client_may_leave_while_a_plugin_waits)
{
	int port, fd = turns_listen(&port);
	silent_redis = (struct redis_conf){.host = S("127.0.0.1"), .port = port, .timeout = 60};
	add_plugin("wait");
	add_route("paths=/");
	begin();
	client = connect_client();
	turns_send(client, GET "\r\n");
	turns_for(loop, 20);
	leave();
	turns_for(loop, 100); /* beyond the deadline of the call */
	ck_assert_int_eq(upstream.accepted, 0);
	ck_assert_int_eq(logged, 1);
	close(fd);
}
END_TEST

START_TEST(a_plugin_goes_on_when_its_store_is_silent)
{
	int port, fd = turns_listen(&port);
	silent_redis = (struct redis_conf){.host = S("127.0.0.1"), .port = port, .timeout = 40};
	add_plugin("wait");
	add_route("paths=/");
	begin();
	ask(GET "\r\n", "done");
	ask(GET "\r\n", "done"); /* at once now: the server is known to be away */
	ck_assert_int_eq(upstream.requests, 2);
	close(fd);
}
END_TEST

START_TEST(a_client_may_leave_while_a_name_is_looked_up)
{
	service.host = S("silent.test");
	add_route("paths=/");
	begin();
	client = connect_client();
	turns_send(client, GET "\r\n");
	turns_for(loop, 5);
	leave();
	turns_for(loop, 50);
	ck_assert_int_eq(upstream.accepted, 0);
}
END_TEST

START_TEST(the_end_of_the_server_ends_what_is_under_way)
{
	add_route("paths=/");
	begin();
	upstream.mode = IS_SILENT;
	client = connect_client();
	turns_send(client, GET "\r\n");
	ck_assert(turns_until(loop, 2000, has_request, NULL));
}
END_TEST

/* ---- incomplete answers (B5 90) -------------------------------------------------------------------------------- */

START_TEST(an_answer_that_breaks_off_is_seen_to_break_off)
{
	add_route("paths=/");
	begin();
	upstream.answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n";
	ask(GET "\r\n", "half");
	upstream.mode = CLOSES;
	peer_close(0);
	turns_for(loop, 30);
	ck_assert(turns_is_closed(client));
	ck_assert_int_eq(upstream.accepted, 1); /* and is not tried again */
}
END_TEST

int main(void)
{
	Suite *s = suite_create("proxy");
	TCase *t = tcase_create("all");
	log_set_level(LOG_CRIT);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_connection_is_used_again);
	tcase_add_test(t, a_stale_connection_costs_no_try_but_a_fresh_one_does);
	tcase_add_test(t, a_post_is_not_sent_twice);
	tcase_add_test(t, a_silent_upstream_is_tried_again_and_then_504);
	tcase_add_test(t, an_early_answer_reaches_the_client_and_ends_the_upstream_connection);
	tcase_add_test(t, many_requests_may_end_together);
	tcase_add_test(t, a_replaced_body_is_framed_by_its_own_length);
	tcase_add_test(t, a_body_may_be_put_where_there_was_none_or_where_it_was_not_read);
	tcase_add_test(t, connection_cannot_remove_what_is_protected);
	tcase_add_test(t, our_latency_takes_the_place_of_the_upstreams);
	tcase_add_test(t, a_plugin_finds_in_access_what_it_left_in_rewrite);
	tcase_add_test(t, a_client_that_leaves_takes_the_upstream_connection_along);
	tcase_add_test(t, a_client_may_leave_while_its_body_is_collected);
	tcase_add_test(t, a_client_may_leave_while_a_plugin_waits);
	tcase_add_test(t, a_plugin_goes_on_when_its_store_is_silent);
	tcase_add_test(t, a_client_may_leave_while_a_name_is_looked_up);
	tcase_add_test(t, the_end_of_the_server_ends_what_is_under_way);
	tcase_add_test(t, an_answer_that_breaks_off_is_seen_to_break_off);
	suite_add_tcase(s, t);
	return run_suite(s);
}
