/* sinks: queues, batches, repetitions and bounds (plugins.md 0.9), and the ways of delivering, against sockets of the
 * test. */
#include <check.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/core/log.h"
#include "dp/host/sinks.h"
#include "tests/support/loading.h"
#include "tests/support/turns.h"

static struct loop *loop;
static struct host_worker worker;
static struct sink sink;

/* ---- a collector ----------------------------------------------------------------------------------------------- */

static struct {
	int fd, port, accepted;
	const char *answers[8]; /* one after the other; the last again and again; NULL: nothing */
	int answered;
	struct text received;
	struct event *event, *peers[64];
} collector;

static void on_peer(evutil_socket_t fd, short what, void *arg)
{
	char bytes[65536];
	ssize_t n = recv(fd, bytes, sizeof bytes, 0);
	struct event **peer = arg;
	if (n <= 0) {
		event_free(*peer);
		*peer = NULL;
		close(fd);
		return;
	}
	text_put(&collector.received, slice_of(bytes, (size_t)n));
	if (!collector.answers[0])
		return;
	int i = collector.answered++;
	while (i > 0 && !collector.answers[i])
		i--;
	turns_send(fd, collector.answers[i]);
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
	int peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK);
	struct event **at = &collector.peers[collector.accepted++ % 64];
	*at = event_new(loop->base, peer, EV_READ | EV_PERSIST, on_peer, at);
	event_add(*at, NULL);
}

static void collector_open(void)
{
	collector.fd = turns_listen(&collector.port);
	collector.event = event_new(loop->base, collector.fd, EV_READ | EV_PERSIST, on_accept, NULL);
	event_add(collector.event, NULL);
}

static void collector_close(void)
{
	for (int i = 0; i < 64; i++)
		if (collector.peers[i]) {
			close(event_get_fd(collector.peers[i]));
			event_free(collector.peers[i]);
		}
	event_free(collector.event);
	close(collector.fd);
	text_fini(&collector.received);
}

static void setup(void)
{
	loop = turns_loop();
	worker = (struct host_worker){.loop = loop};
	host_worker_init(&worker);
	collector_open();
	sink = (struct sink){.plugin = "test", .name = S("q"), .timeout_ms = 2000, .keepalive_ms = 1000};
	sink.queue = (struct sink_queue){
	        .batch_size = 1, .retry_ms = 60000, .retry_first_ms = 1, .retry_last_ms = 50, .entries_max = 100};
}

static void teardown(void)
{
	host_worker_fini(&worker);
	collector_close();
	turns_for(loop, 1);
	loop_free(loop);
}

static void to_http(void)
{
	static char url[64];
	snprintf(url, sizeof url, "http://127.0.0.1:%d/in?k=v", collector.port);
	sink.kind = SINK_HTTP;
	sink.url = slice_cstr(url);
	sink.method = S("POST");
	collector.answers[0] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
}

static void put(const char *entry)
{
	sink_ready(&sink);
	sinks_put(worker.sinks, &sink, slice_cstr(entry));
}

static bool is_empty(void *arg)
{
	return sinks_pending(worker.sinks) == 0;
}

static void until_empty(void)
{
	ck_assert(turns_until(loop, 5000, is_empty, NULL));
}

static unsigned received(const char *what)
{
	unsigned n = 0;
	for (const char *at = text_cstr(&collector.received); (at = strstr(at, what)); at += strlen(what))
		n++;
	return n;
}

/* ---- HTTP ------------------------------------------------------------------------------------------------------ */

START_TEST(one_entry_is_one_request)
{
	to_http();
	put("{\"n\":1}");
	put("{\"n\":2}");
	until_empty();
	ck_assert_uint_eq(received("POST /in?k=v HTTP/1.1\r\n"), 2);
	ck_assert_uint_eq(received("Content-Length: 7\r\n"), 2);
	ck_assert_uint_eq(received("{\"n\":1}"), 1);
	ck_assert_int_eq(collector.accepted, 1); /* kept alive */
	ck_assert_uint_eq(sinks_dropped(worker.sinks), 0);
}
END_TEST

START_TEST(a_batch_waits_for_company_and_is_an_array)
{
	to_http();
	sink.queue.batch_size = 10;
	sink.queue.coalesce_ms = 50;
	sink.encode = sink_encode_array;
	put("1");
	put("2");
	put("3");
	turns_for(loop, 10);
	ck_assert_uint_eq(received("POST"), 0);
	until_empty();
	ck_assert_uint_eq(received("POST"), 1);
	ck_assert_uint_eq(received("\r\n\r\n[1,2,3]"), 1);
}
END_TEST

START_TEST(a_full_batch_goes_at_once)
{
	to_http();
	sink.queue.batch_size = 2;
	sink.queue.coalesce_ms = 600000;
	put("1");
	put("2");
	until_empty();
	ck_assert_uint_eq(received("\r\n\r\n12"), 1);
}
END_TEST

START_TEST(what_fails_is_repeated_and_arrives_once) /* example 126 */
{
	to_http();
	collector.answers[0] = collector.answers[1] = "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n";
	collector.answers[2] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
	put("{}");
	until_empty();
	ck_assert_uint_eq(received("POST"), 3);
	ck_assert_uint_eq(sinks_dropped(worker.sinks), 0);
}
END_TEST

START_TEST(without_retry_it_is_lost_after_the_first_failure) /* example 126 */
{
	to_http();
	sink.queue.retry_ms = -1;
	collector.answers[0] = "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n";
	put("{}");
	until_empty();
	ck_assert_uint_eq(received("POST"), 1);
	ck_assert_uint_eq(sinks_dropped(worker.sinks), 1);
}
END_TEST

START_TEST(a_dead_collector_costs_the_oldest_entries_and_no_more_memory)
{
	to_http();
	collector.answers[0] = NULL; /* takes it and says nothing */
	sink.queue.entries_max = 10;
	for (int i = 0; i < 1000; i++) {
		put("{}");
		turns_for(loop, 0);
	}
	ck_assert_uint_le(sinks_pending(worker.sinks), 11); /* and one under way */
	ck_assert_uint_eq(sinks_dropped(worker.sinks) + sinks_pending(worker.sinks), 1000);
}
END_TEST

START_TEST(bytes_are_bounded_too)
{
	to_http();
	sink.queue.bytes_max = 100;
	sink.queue.coalesce_ms = 60000;
	sink.queue.batch_size = 1000;
	for (int i = 0; i < 50; i++)
		put("0123456789");
	ck_assert_uint_eq(sinks_pending(worker.sinks), 10);
	char large[102];
	memset(large, 'x', 101);
	large[101] = '\0';
	put(large);
	ck_assert_uint_eq(sinks_pending(worker.sinks), 10);
	ck_assert_uint_eq(sinks_dropped(worker.sinks), 41);
}
END_TEST

START_TEST(each_alone_does_not_wait_for_the_one_before)
{
	to_http();
	collector.answers[0] = NULL;
	sink.queue.each_alone = true;
	put("1");
	put("2");
	turns_for(loop, 50);
	ck_assert_uint_eq(received("POST"), 2);
}
END_TEST

START_TEST(a_node_that_stops_waits_for_no_company)
{
	to_http();
	sink.queue.batch_size = 10;
	sink.queue.coalesce_ms = 600000;
	put("1");
	sinks_flush(worker.sinks);
	until_empty();
	ck_assert_uint_eq(received("POST"), 1);
}
END_TEST

START_TEST(a_queue_follows_the_latest_configuration)
{
	to_http();
	put("1");
	until_empty();
	sink.method = S("PUT");
	put("2");
	until_empty();
	ck_assert_uint_eq(received("PUT /in"), 1);
}
END_TEST

/* ---- other ways ------------------------------------------------------------------------------------------------ */

START_TEST(lines_over_tcp_use_one_connection)
{
	sink.kind = SINK_TCP;
	sink.host = S("127.0.0.1");
	sink.port = collector.port;
	put("one\n");
	until_empty();
	put("two\n");
	until_empty();
	turns_for(loop, 20);
	ck_assert_str_eq(text_cstr(&collector.received), "one\ntwo\n");
	ck_assert_int_eq(collector.accepted, 1);
}
END_TEST

START_TEST(lines_end_and_are_sent_together)
{
	sink.kind = SINK_TCP;
	sink.host = S("127.0.0.1");
	sink.port = collector.port;
	sink.queue.batch_size = 3;
	sink.queue.coalesce_ms = 600000;
	sink.encode = sink_encode_lines;
	put("one");
	put("two");
	put("three");
	until_empty();
	turns_for(loop, 20);
	ck_assert_str_eq(text_cstr(&collector.received), "one\ntwo\nthree\n");
}
END_TEST

START_TEST(a_refused_connection_loses_what_is_not_repeated)
{
	sink.kind = SINK_TCP;
	sink.host = S("127.0.0.1");
	sink.port = 1;
	sink.queue.retry_ms = -1;
	put("one\n");
	until_empty();
	ck_assert_uint_eq(sinks_dropped(worker.sinks), 1);
}
END_TEST

START_TEST(an_entry_is_a_datagram)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof to;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	char bytes[64];
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&to, len), 0);
	getsockname(fd, (struct sockaddr *)&to, &len);
	sink.kind = SINK_UDP;
	sink.host = S("127.0.0.1");
	sink.port = ntohs(to.sin_port);
	put("one");
	put("two");
	until_empty();
	ck_assert_int_eq(recv(fd, bytes, sizeof bytes, 0), 3);
	ck_assert_int_eq(recv(fd, bytes, sizeof bytes, 0), 3);
	close(fd);
}
END_TEST

static char path[64];

static const char *file_content(void)
{
	static char bytes[256];
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(bytes, 1, sizeof bytes - 1, f) : 0;
	bytes[n] = '\0';
	if (f)
		fclose(f);
	return bytes;
}

START_TEST(a_file_is_appended_to)
{
	struct stat st;
	snprintf(path, sizeof path, "/tmp/gatehouse-sink-%d", (int)getpid());
	sink.kind = SINK_FILE;
	sink.path = slice_cstr(path);
	sink.queue.batch_size = 64;
	put("one\n");
	put("two\n");
	until_empty();
	ck_assert_str_eq(file_content(), "one\ntwo\n");
	ck_assert_int_eq(stat(path, &st), 0);
	unlink(path);
	put("three\n"); /* still the old file */
	until_empty();
	ck_assert_str_eq(file_content(), "");
	sink.reopen = true;
	put("four\n");
	until_empty();
	ck_assert_str_eq(file_content(), "four\n");
	unlink(path);
	put("five\n");
	until_empty();
	ck_assert_str_eq(file_content(), "five\n");
	unlink(path);
}
END_TEST

START_TEST(a_file_that_cannot_be_opened_loses_entries)
{
	sink.kind = SINK_FILE;
	sink.path = S("/nonexistent/file");
	sink.queue.retry_ms = -1;
	put("one\n");
	until_empty();
	ck_assert_uint_eq(sinks_dropped(worker.sinks), 1);
}
END_TEST

START_TEST(what_is_under_way_at_the_end_is_let_go)
{
	to_http();
	collector.answers[0] = NULL;
	put("1");
	turns_for(loop, 20);
	put("2"); /* and the end of the turn is never reached */
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sinks");
	TCase *t = tcase_create("all");
	log_set_level(LOG_EMERG);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, one_entry_is_one_request);
	tcase_add_test(t, a_batch_waits_for_company_and_is_an_array);
	tcase_add_test(t, a_full_batch_goes_at_once);
	tcase_add_test(t, what_fails_is_repeated_and_arrives_once);
	tcase_add_test(t, without_retry_it_is_lost_after_the_first_failure);
	tcase_add_test(t, a_dead_collector_costs_the_oldest_entries_and_no_more_memory);
	tcase_add_test(t, bytes_are_bounded_too);
	tcase_add_test(t, each_alone_does_not_wait_for_the_one_before);
	tcase_add_test(t, a_node_that_stops_waits_for_no_company);
	tcase_add_test(t, a_queue_follows_the_latest_configuration);
	tcase_add_test(t, lines_over_tcp_use_one_connection);
	tcase_add_test(t, lines_end_and_are_sent_together);
	tcase_add_test(t, a_refused_connection_loses_what_is_not_repeated);
	tcase_add_test(t, an_entry_is_a_datagram);
	tcase_add_test(t, a_file_is_appended_to);
	tcase_add_test(t, a_file_that_cannot_be_opened_loses_entries);
	tcase_add_test(t, what_is_under_way_at_the_end_is_let_go);
	suite_add_tcase(s, t);
	return run_suite(s);
}
