/* phases: what plugins may do with a request and its answer, through a whole worker's proxy (proxy.md 8.1, 8.5;
 * plugins.md 0.2, 0.10). One plugin whose configuration says what it does. */
#include <check.h>

#include "common/core/text.h"
#include "common/plugin/plugin.h"
#include "common/plugin/redis_conf.h"

static struct redis_conf silent_redis;
static char record[8192];
static int logged;

static bool says(const struct call *c, const char *what)
{
	return strstr(c->conf, what) != NULL;
}

/* Waits for a store that never answers: until its timeout. */
static enum verdict linger(struct call *c, phase_fn done)
{
	struct count *count = arena_new(c->x->arena, struct count);
	count->counters = arena_new(c->x->arena, struct counter);
	*count->counters = (struct counter){.key = S("k"), .limit = 1, .window_s = 60};
	count->redis = &silent_redis;
	count->n = 1;
	return call_count(c, count, done);
}

static enum verdict go(struct call *c)
{
	return GO;
}

static enum verdict refuse(struct call *c)
{
	return call_reject(c, 403, S("not this"));
}

static enum verdict linger_again(struct call *c)
{
	return linger(c, go);
}

static enum verdict tell_size(struct call *c)
{
	call_set_header(c, S("X-Size"), arena_decimal(c->x->arena, (int64_t)call_body(c).len));
	return GO;
}

static char fetch_url[64];
static int other_port;

static enum verdict on_fetched(struct call *c)
{
	const struct fetch *f = c->data;
	if (f->error)
		return call_exit(c, 599, slice_cstr(f->error), slice_of(NULL, 0));
	call_set_header(
	        c, S("X-Fetched"), ARENA_JOIN(c->x->arena, arena_decimal(c->x->arena, f->status), S(" "), f->answer));
	return GO;
}

static enum verdict fetch(struct call *c)
{
	struct fetch *f = c->data = arena_new(c->x->arena, struct fetch);
	f->url = slice_cstr(fetch_url);
	f->timeout_ms = 100;
	f->keepalive_ms = 1000;
	return call_fetch(c, f, on_fetched);
}

static enum verdict on_access(struct call *c)
{
	if (says(c, "change upstream")) {
		call_set_method(c, S("PUT"));
		call_set_path(c, S("/other path"));
		call_set_query(c, S("q=1"));
		call_set_header(c, S("Host"), S("other.test"));
		call_add_header(c, S("X-A"), S("1"));
		call_add_header(c, S("X-A"), S("2"));
	}
	if (says(c, "goes elsewhere"))
		call_set_upstream(c, S("127.0.0.1"), other_port);
	if (says(c, "access waits twice"))
		return linger(c, linger_again);
	if (says(c, "caches")) {
		struct slice found = S("nothing");
		call_cache_get(c, S("test:k"), &found);
		call_set_header(c, S("X-Found"), found);
		call_cache_put(c, S("test:k"), S("something"), 60000);
	}
	if (says(c, "sleeps"))
		return call_after(c, 30, go);
	if (says(c, "fetches"))
		return fetch(c);
	if (says(c, "reads body"))
		return call_read_body(c, tell_size);
	if (says(c, "hangs up"))
		return call_exit(c, 444, slice_of(NULL, 0), slice_of(NULL, 0));
	if (says(c, "answers"))
		return call_exit(c, 201, S("here"), S("text/x"));
	return GO;
}

static enum verdict on_response_head(struct call *c)
{
	call_respond_header(c, S("X-Seen"), arena_decimal(c->x->arena, call_response_status(c)));
	if (says(c, "looks at pieces"))
		call_use_response_body(c, USE_READ);
	else if (!says(c, "piece") && !says(c, "whole"))
		call_use_response_body(c, USE_NOTHING);
	if (says(c, "head waits"))
		return linger(c, says(c, "and refuses") ? refuse : go);
	return says(c, "head refuses") ? refuse(c) : GO;
}

static enum verdict on_response_body(struct call *c)
{
	if (says(c, "whole waits"))
		return linger(c, go);
	if (says(c, "whole refuses"))
		return refuse(c);
	if (says(c, "whole untouched"))
		return GO;
	if (says(c, "whole")) {
		call_set_response_status(c, 203);
		call_replace_piece(c, ARENA_JOIN(c->x->arena, S("<"), c->piece, S(">")));
	} else if (says(c, "change pieces")) {
		text_printf(call_scratch(c), "[%.*s]", SLICE_ARG(c->piece));
		call_replace_piece(c, text_slice(call_scratch(c)));
	}
	return GO;
}

static enum verdict on_request_body(struct call *c)
{
	if (says(c, "refuse body") && memmem(c->piece.ptr, c->piece.len, "BAD", 3))
		return call_reject(c, 413, slice_of(NULL, 0));
	if (!says(c, "change body"))
		return GO;
	struct text *out = call_scratch(c);
	for (size_t i = 0; i < c->piece.len; i++)
		text_putc(out, (char)ascii_lower((unsigned char)c->piece.ptr[i]));
	if (c->piece_last)
		text_puts(out, "END");
	call_replace_piece(c, text_slice(out));
	return GO;
}

static enum verdict on_log(struct call *c)
{
	if (says(c, "adds members")) {
		call_log_set(c, S("a.b"), json_integer(1));
		call_log_set(c, S("route"), NULL);
	}
	call_log_set(c, S("mark"), json_string("x"));
	struct slice text = call_log_record(c);
	ck_assert_uint_lt(text.len, sizeof record);
	memcpy(record, text.ptr, text.len);
	record[text.len] = '\0';
	logged++;
	return GO;
}

static unsigned wants(const void *conf)
{
	return strstr(conf, "whole") ? WHOLE_RESPONSE_BODY : 0;
}

static const struct plugin only = {.name = "only",
        .priority = 1,
        .scopes = SCOPE_ALL,
        .access = on_access,
        .request_body = on_request_body,
        .response_head = on_response_head,
        .response_body = on_response_body,
        .log = on_log,
        .wants = wants};

#include "tests/unit/proxy/fixture.h"

static int silent_fd = -1;

/* A Redis that takes connections and says nothing. */
static void begin_with(const char *conf)
{
	int port;
	silent_fd = turns_listen(&port);
	silent_redis = (struct redis_conf){.host = S("127.0.0.1"), .port = port, .timeout = 30};
	add_plugin(conf);
	add_route("paths=/");
	begin();
}

static void setup_phases(void)
{
	setup();
	logged = 0;
	record[0] = '\0';
}

static void teardown_phases(void)
{
	teardown();
	close(silent_fd);
}

static void ck_contains(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) != NULL, "'%s' is not in '%s'", part, text);
}

static void ck_lacks(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) == NULL, "'%s' is in '%s'", part, text);
}

/* ---- the request ----------------------------------------------------------------------------------------------- */

START_TEST(access_may_change_what_goes_upstream)
{
	begin_with("change upstream");
	upstream.mode = ANSWERS_AT_ONCE;
	ask("GET /x?a HTTP/1.1\r\nHost: h\r\n\r\n", "done");
	expect_received("PUT /other%20path?q=1 HTTP/1.1\r\nHost: other.test\r\n");
	expect_received("X-A: 1\r\nX-A: 2\r\n");
	expect_received("X-Forwarded-Host: h\r\n");
}
END_TEST

START_TEST(access_may_send_a_request_elsewhere)
{
	other_port = upstream.port;
	service.port = 1; /* nobody is there */
	begin_with("goes elsewhere");
	ask(GET "\r\n", "done");
	char host[64];
	snprintf(host, sizeof host, "Host: 127.0.0.1:%d\r\n", upstream.port);
	expect_received(host);
}
END_TEST

START_TEST(one_effect_may_follow_another)
{
	begin_with("access waits twice");
	ask(GET "\r\n", "done");
	ck_assert_int_eq(upstream.requests, 1);
}
END_TEST

START_TEST(a_plugin_may_ask_for_the_body_in_access)
{
	begin_with("reads body");
	ask("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n123456END", "done");
	expect_received("X-Size: 9\r\n");
	expect_received("123456END");
	ask(GET "\r\n", "done");
	expect_received("X-Size: 0\r\n");
}
END_TEST

START_TEST(a_collected_body_is_one_piece_with_a_length)
{
	begin_with("change body");
	ask("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nHELLO", "done");
	expect_received("Content-Length: 8\r\n");
	expect_received("helloEND");
}
END_TEST

START_TEST(a_body_that_streams_is_changed_piece_by_piece)
{
	begin_with("change body");
	char *big = malloc(200001);
	memset(big, 'A', 200000);
	big[200000] = '\0';
	client = connect_client();
	turns_send(client, "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 200000\r\n\r\n");
	ask(big, "done");
	expect_received("Transfer-Encoding: chunked\r\n");
	ck_assert_ptr_null(memchr(strstr(received(), "\r\n\r\n"), 'A', 200000));
	size_t count = 0;
	for (const char *at = strstr(received(), "\r\n\r\n"); (at = strchr(at, 'a')); at++)
		count++;
	ck_assert_uint_ge(count, 200000); /* and digits of chunk sizes */
	free(big);
}
END_TEST

START_TEST(a_body_may_be_refused_before_and_while_it_streams)
{
	begin_with("refuse body");
	ck_contains(ask("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nBAD", "request_id"), "HTTP/1.1 413");
	ck_assert_int_eq(upstream.accepted, 0);
	char *big = malloc(200001);
	memset(big, 'A', 200000);
	memcpy(big + 150000, "BAD", 4);
	client = connect_client();
	turns_send(client, "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 200000\r\n\r\n");
	ck_contains(ask(big, "request_id"), "HTTP/1.1 413");
	ck_assert_int_eq(upstream.requests, 0);
	free(big);
}
END_TEST

START_TEST(a_plugin_may_sleep)
{
	begin_with("sleeps");
	ask(GET "\r\n", "done");
	client = connect_client();
	turns_send(client, GET "\r\n");
	turns_for(loop, 10);
	leave(); /* and what it waited for goes along */
	ck_assert_int_eq(upstream.requests, 1);
}
END_TEST

START_TEST(a_plugin_may_ask_somebody_else)
{
	begin_with("fetches");
	upstream.mode = ANSWERS_AT_ONCE;
	snprintf(fetch_url, sizeof fetch_url, "http://u:p@127.0.0.1:%d?q#f", upstream.port);
	ask(GET "\r\n", "done");
	expect_received("GET /?q HTTP/1.1\r\n");
	expect_received("Authorization: Basic dTpw\r\n");
	expect_received("X-Fetched: 200 done\r\n");
	ask(GET "\r\n", "done");
	ck_assert_int_le(upstream.accepted, 3); /* its connection is kept */
}
END_TEST

START_TEST(a_fetch_that_fails_says_why)
{
	begin_with("fetches");
	snprintf(fetch_url, sizeof fetch_url, "http://127.0.0.1:1/");
	ck_contains(ask(GET "\r\n", "refused"), "HTTP/1.1 599");
	snprintf(fetch_url, sizeof fetch_url, "ftp://127.0.0.1:1/");
	ck_contains(ask(GET "\r\n", "not one of http"), "HTTP/1.1 599");
	upstream.mode = IS_SILENT;
	snprintf(fetch_url, sizeof fetch_url, "http://127.0.0.1:%d/", upstream.port);
	ck_contains(ask(GET "\r\n", "timeout"), "HTTP/1.1 599");
	upstream.mode = ANSWERS_AT_ONCE;
	upstream.answer = "HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\nx";
	ck_contains(ask(GET "\r\n", "timeout"), "HTTP/1.1 599");
}
END_TEST

START_TEST(the_cache_is_shared_by_requests)
{
	begin_with("caches");
	ask(GET "\r\n", "done");
	expect_received("X-Found: nothing");
	ask(GET "\r\n", "done");
	expect_received("X-Found: something");
}
END_TEST

/* ---- the answer ------------------------------------------------------------------------------------------------ */

START_TEST(a_head_may_wait)
{
	begin_with("head waits");
	const char *answer = ask(GET "\r\n", "done");
	ck_contains(answer, "HTTP/1.1 200");
	ck_contains(answer, "Content-Length: 4");
	ck_contains(answer, "X-Seen: 200");
}
END_TEST

START_TEST(an_answer_may_be_replaced)
{
	begin_with("head refuses");
	const char *answer = ask(GET "\r\n", "request_id");
	ck_contains(answer, "HTTP/1.1 403");
	ck_contains(answer, "\"message\":\"not this\"");
	ck_contains(answer, "X-Seen: 200"); /* the plugin has seen the first answer, not its own */
	ck_lacks(answer, "done");
	ask(GET "\r\n", "request_id");
	turns_for(loop, 30);
	ck_contains(record, "\"source\":\"kong\"");
}
END_TEST

START_TEST(an_answer_may_be_replaced_after_a_wait)
{
	begin_with("head waits and refuses");
	ck_contains(ask(GET "\r\n", "request_id"), "HTTP/1.1 403");
	ck_contains(ask(GET "\r\n", "request_id"), "HTTP/1.1 403");
}
END_TEST

START_TEST(a_client_may_leave_while_a_head_waits)
{
	begin_with("head waits");
	silent_redis.timeout = 60000;
	client = connect_client();
	turns_send(client, GET "\r\n");
	turns_for(loop, 40);
	leave();
	ck_assert_int_eq(logged, 1);
	ck_contains(record, "\"status\":499");
}
END_TEST

START_TEST(a_whole_body_is_seen_before_the_head_is_sent)
{
	begin_with("whole");
	upstream.answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n";
	client = connect_client();
	turns_send(client, GET "\r\n");
	turns_for(loop, 40);
	turns_send(event_get_fd(upstream.peers[0]), "4\r\nmore\r\n0\r\n\r\n");
	const char *answer = turns_receive(loop, client, ">");
	ck_contains(answer, "HTTP/1.1 203");
	ck_contains(answer, "Content-Length: 10\r\n");
	ck_contains(answer, "<halfmore>");
}
END_TEST

START_TEST(a_whole_body_may_wait_and_may_be_refused)
{
	begin_with("whole waits");
	ck_contains(ask(GET "\r\n", "done"), "HTTP/1.1 200");
}
END_TEST

START_TEST(a_whole_body_may_be_refused)
{
	begin_with("whole refuses");
	ck_contains(ask(GET "\r\n", "request_id"), "HTTP/1.1 403");
	ck_contains(ask(GET "\r\n", "request_id"), "HTTP/1.1 403"); /* the connection goes on */
}
END_TEST

START_TEST(an_upstream_that_breaks_off_before_the_head_was_sent_is_a_502)
{
	begin_with("whole untouched");
	upstream.answer = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf";
	client = connect_client();
	turns_send(client, GET "\r\n");
	turns_for(loop, 40);
	peer_close(0);
	ck_contains(turns_receive(loop, client, "request_id"), "HTTP/1.1 502");
	ck_assert_int_eq(upstream.accepted, 1);
}
END_TEST

START_TEST(pieces_of_unknown_length_are_chunked_and_whole_ones_have_a_length)
{
	begin_with("change pieces");
	ck_contains(ask(GET "\r\n", "[done]"), "Content-Length: 6\r\n");
	upstream.answer = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf";
	turns_send(client, GET "\r\n");
	ck_contains(turns_receive(loop, client, "[half]"), "Transfer-Encoding: chunked\r\n");
	turns_send(event_get_fd(upstream.peers[0]), "more");
	turns_receive(loop, client, "[more]");
}
END_TEST

START_TEST(who_only_looks_leaves_the_length)
{
	begin_with("looks at pieces");
	upstream.answer = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf";
	client = connect_client();
	turns_send(client, GET "\r\n");
	ck_contains(turns_receive(loop, client, "half"), "Content-Length: 8\r\n");
}
END_TEST

START_TEST(a_plugin_may_hang_up)
{
	begin_with("hangs up");
	client = connect_client();
	turns_send(client, GET "\r\n");
	turns_for(loop, 30);
	ck_assert(turns_is_closed(client));
	ck_assert_int_eq(logged, 1);
	ck_contains(record, "\"status\":444");
}
END_TEST

/* ---- the log --------------------------------------------------------------------------------------------------- */

START_TEST(the_record_of_a_proxied_request)
{
	static const char request[] = "GET /x?a=1&a=2&b HTTP/1.1\r\nHost: H.test:99\r\n"
	                              "Authorization: Basic secret\r\nX-M: 1\r\nx-m: 2\r\n\r\n";
	begin_with("");
	ask(request, "done");
	turns_for(loop, 10);
	json_t *r = json_loads(record, 0, NULL);
	ck_assert_msg(r != NULL, "%s", record);
	const char *method, *uri, *url, *auth, *source, *upstream_uri, *upstream_status, *mark, *client_ip;
	int status, size, proxy_ms, tries_port;
	json_t *query, *many;
	ck_assert_int_eq(
	        json_unpack(r, "{s:{s:s,s:s,s:s,s:o,s:i,s:{s:s,s:o}},s:{s:i},s:{s:i},s:s,s:s,s:s,s:s,s:s,s:[{s:i}]}",
	                "request", "method", &method, "uri", &uri, "url", &url, "querystring", &query, "size", &size,
	                "headers", "authorization", &auth, "x-m", &many, "response", "status", &status, "latencies",
	                "proxy", &proxy_ms, "source", &source, "upstream_uri", &upstream_uri, "upstream_status",
	                &upstream_status, "mark", &mark, "client_ip", &client_ip, "tries", "port", &tries_port),
	        0);
	ck_assert_str_eq(method, "GET");
	ck_assert_str_eq(uri, "/x?a=1&a=2&b");
	ck_assert_str_eq(url, "http://h.test:8000/x?a=1&a=2&b");
	ck_assert_str_eq(auth, "REDACTED");
	ck_assert_str_eq(source, "upstream");
	ck_assert_str_eq(upstream_uri, "/x?a=1&a=2&b");
	ck_assert_str_eq(upstream_status, "200");
	ck_assert_int_eq(status, 200);
	ck_assert_int_ge(proxy_ms, 0);
	ck_assert_int_eq(tries_port, upstream.port);
	ck_assert_int_eq(size, (int)strlen(request));
	is(many, "['1','2']");
	is(query, "{'a':['1','2'],'b':true}");
	json_decref(r);
}
END_TEST

START_TEST(members_are_nested_replaced_and_taken_out)
{
	begin_with("adds members");
	ask("GET /x?%00=1 HTTP/1.1\r\nHost: h\r\n\r\n", "done");
	turns_for(loop, 10);
	json_t *r = json_loads(record, 0, NULL);
	ck_assert_int_eq(json_integer_value(json_object_get(json_object_get(r, "a"), "b")), 1);
	ck_assert_ptr_null(json_object_get(r, "route"));
	json_decref(r);
}
END_TEST

START_TEST(requests_without_a_route_are_logged_by_global_plugins)
{
	begin_with("");
	ask("GET /x HTTP/1.1\r\nHost: a b\r\n\r\n", "HTTP/1.1 400");
	turns_for(loop, 10);
	ck_assert_int_eq(logged, 1);
	ck_contains(record, "\"response\":{\"status\":400");
	ck_contains(record, "\"upstream_status\":\"\"");
	ck_contains(record, "\"proxy\":-1");
	ck_contains(record, "\"source\":\"kong\"");
	ck_lacks(record, "\"tries\"");
}
END_TEST

START_TEST(failed_tries_are_told)
{
	begin_with("");
	upstream.mode = CLOSES;
	ask(GET "\r\n", "HTTP/1.1 502");
	turns_for(loop, 10);
	ck_contains(record, "\"upstream_status\":\"502, 502, 502\"");
	ck_contains(record, "\"state\":\"failed\",\"code\":502");
}
END_TEST

START_TEST(an_answer_of_access_goes_through_the_later_phases)
{
	begin_with("answers whole");
	const char *answer = ask(GET "\r\n", "<here>");
	ck_contains(answer, "HTTP/1.1 203");
	ck_contains(answer, "Content-Type: text/x");
	ck_contains(answer, "X-Seen: 201");
	ck_assert_int_eq(upstream.accepted, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("phases");
	TCase *t = tcase_create("all");
	log_set_level(LOG_CRIT);
	tcase_add_checked_fixture(t, setup_phases, teardown_phases);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, access_may_change_what_goes_upstream);
	tcase_add_test(t, access_may_send_a_request_elsewhere);
	tcase_add_test(t, one_effect_may_follow_another);
	tcase_add_test(t, a_plugin_may_ask_for_the_body_in_access);
	tcase_add_test(t, a_collected_body_is_one_piece_with_a_length);
	tcase_add_test(t, a_body_that_streams_is_changed_piece_by_piece);
	tcase_add_test(t, a_body_may_be_refused_before_and_while_it_streams);
	tcase_add_test(t, a_plugin_may_sleep);
	tcase_add_test(t, a_plugin_may_ask_somebody_else);
	tcase_add_test(t, a_fetch_that_fails_says_why);
	tcase_add_test(t, the_cache_is_shared_by_requests);
	tcase_add_test(t, a_head_may_wait);
	tcase_add_test(t, an_answer_may_be_replaced);
	tcase_add_test(t, an_answer_may_be_replaced_after_a_wait);
	tcase_add_test(t, a_client_may_leave_while_a_head_waits);
	tcase_add_test(t, a_whole_body_is_seen_before_the_head_is_sent);
	tcase_add_test(t, a_whole_body_may_wait_and_may_be_refused);
	tcase_add_test(t, a_whole_body_may_be_refused);
	tcase_add_test(t, an_upstream_that_breaks_off_before_the_head_was_sent_is_a_502);
	tcase_add_test(t, pieces_of_unknown_length_are_chunked_and_whole_ones_have_a_length);
	tcase_add_test(t, who_only_looks_leaves_the_length);
	tcase_add_test(t, a_plugin_may_hang_up);
	tcase_add_test(t, the_record_of_a_proxied_request);
	tcase_add_test(t, members_are_nested_replaced_and_taken_out);
	tcase_add_test(t, requests_without_a_route_are_logged_by_global_plugins);
	tcase_add_test(t, failed_tries_are_told);
	tcase_add_test(t, an_answer_of_access_goes_through_the_later_phases);
	suite_add_tcase(s, t);
	return run_suite(s);
}
