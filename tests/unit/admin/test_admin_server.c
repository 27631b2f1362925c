/* admin_server: the Admin API over sockets: heads, limits, clients that leave (admin-api.md 1).
 * Threads: the server runs in one of its own. */
#include "tests/unit/admin/fixture.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/core/log.h"
#include "cp/admin/admin_server.h"
#include "tests/support/tmp.h"

enum { PORT = 21290 };

static struct settings settings;
static struct loop *loop;
static struct admin_server *server;
static pthread_t thread;

static void *run(void *arg)
{
	loop_run(arg);
	return NULL;
}

static void setup(void)
{
	struct err e;

	settings = test_pg_database();
	settings.prefix = slice_cstr(tmp_make());
	settings.role = S("traditional");
	settings.admin_listen = S("127.0.0.1:21290 reuseport");
	settings.admin_threads = 2;
	settings.admin_max_body_size = S("2k");
	settings.admin_max_document_size = S("4k");
	settings.admin_body_timeout = 60;
	settings.headers = S("server_tokens, latency_tokens");
	settings.server_token = S("gatehouse/test");
	settings.kong_version = S("3.9.3");
	struct store *st = store_open(&settings, &e);
	ck_assert_msg(st && migrate_run(st, NULL, NULL, &e), "%s", e.message);
	store_close(st);
	loop = loop_new(&e);
	ck_assert_ptr_nonnull(loop);
	server = admin_server_start(loop, &settings, &e);
	ck_assert_msg(server != NULL, "%s", e.message);
	pthread_create(&thread, NULL, run, loop);
}

static void teardown(void)
{
	loop_stop(loop);
	pthread_join(thread, NULL);
	admin_server_free(server);
	loop_free(loop);
	tmp_remove();
}

static int dial(void)
{
	struct sockaddr_in to = {
	        .sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	ck_assert_int_eq(
	        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_sec = 10}, sizeof(struct timeval)), 0);
	return fd;
}

static void send_text(int fd, const char *text)
{
	ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Sends and reads until the server closes; the requests say Connection: close. */
static const char *talk(const char *request)
{
	static char answer[65536];
	size_t n = 0;
	ssize_t got;
	int fd = dial();

	send_text(fd, request);
	while (n < sizeof answer - 1 && (got = recv(fd, answer + n, sizeof answer - 1 - n, 0)) > 0)
		n += (size_t)got;
	answer[n] = '\0';
	close(fd);
	return answer;
}

static void expect_in(const char *answer, const char *part)
{
	ck_assert_msg(strstr(answer, part) != NULL, "no %s in: %s", part, answer);
}

#define TAIL "Host: a\r\nConnection: close\r\n"

START_TEST(an_answer_carries_the_headers_of_the_admin_api)
{
	const char *a = talk("GET /services HTTP/1.1\r\n" TAIL "\r\n");

	expect_in(a, "HTTP/1.1 200 OK\r\n");
	expect_in(a, "Server: gatehouse/test\r\n");
	expect_in(a, "X-Kong-Admin-Latency: ");
	expect_in(a, "Content-Type: application/json; charset=utf-8\r\n");
	expect_in(a, "Access-Control-Allow-Origin: *\r\n");
	expect_in(a, "Access-Control-Allow-Credentials: true\r\n");
	expect_in(a, "{\"data\":[],\"next\":null}");
}
END_TEST

START_TEST(head_has_the_headers_of_get_and_no_body)
{
	const char *a = talk("HEAD /services HTTP/1.1\r\n" TAIL "\r\n");

	expect_in(a, "HTTP/1.1 200 OK\r\n");
	expect_in(a, "Content-Length: 23\r\n");
	ck_assert_ptr_null(strchr(a, '{'));
}
END_TEST

START_TEST(options_answers_a_preflight)
{
	const char *a = talk("OPTIONS /services HTTP/1.1\r\nOrigin: http://ui.test\r\n"
	                     "Access-Control-Request-Headers: x-a\r\n" TAIL "\r\n");

	expect_in(a, "HTTP/1.1 204 No Content\r\n");
	expect_in(a, "Allow: GET, HEAD, OPTIONS, POST\r\n");
	expect_in(a, "Access-Control-Allow-Origin: http://ui.test\r\n");
	expect_in(a, "Access-Control-Allow-Headers: x-a\r\n");
}
END_TEST

START_TEST(a_write_tells_its_version_and_who_runs_it)
{
	const char *a = talk(
	        "POST /services HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 12\r\n" TAIL
	        "\r\n{\"host\":\"h\"}");

	expect_in(a, "HTTP/1.1 201 Created\r\n");
	expect_in(a, "X-Gatehouse-Config-Version: 1\r\n");
	expect_in(a, "X-Gatehouse-Applied: 0/0\r\n");
	/* nothing to delete: the version in force */
	a = talk("DELETE /services/none HTTP/1.1\r\n" TAIL "\r\n");
	expect_in(a, "HTTP/1.1 204 No Content\r\n");
	expect_in(a, "X-Gatehouse-Config-Version: 1\r\n");
}
END_TEST

START_TEST(a_body_above_the_limit_is_413)
{
	char request[8192];

	expect_in(talk("POST /services HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n" TAIL
	               "\r\n"),
	        "HTTP/1.1 413 ");
	snprintf(request, sizeof request,
	        "POST /services HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n" TAIL
	        "\r\nc00\r\n%03072d\r\n0\r\n\r\n",
	        0);
	expect_in(talk(request), "HTTP/1.1 413 ");
	expect_in(talk("GET / HTTP/1.1\r\n" TAIL "\r\n"), "HTTP/1.1 200 OK\r\n");
}
END_TEST

/* Only what is a whole document may be larger, by its length or counted. */
static const struct {
	const char *target;
	int length;
	const char *answer;
} documents[] = {
        {"POST /config", 3072, "HTTP/1.1 400 "}, /* read, and no document */
        {"POST /config/?dry_run=1", 3072, "HTTP/1.1 400 "},
        {"POST /config", 5000, "HTTP/1.1 413 "},
        {"PUT /config", 3072, "HTTP/1.1 413 "},
        {"POST /configs", 3072, "HTTP/1.1 413 "},
        {"POST /services?/config", 3072, "HTTP/1.1 413 "},
        {"POST /services/config", 3072, "HTTP/1.1 413 "},
};

START_TEST(a_document_has_a_limit_of_its_own)
{
	char request[8192];

	snprintf(request, sizeof request,
	        "%s HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: %d\r\n" TAIL "\r\n%0*d",
	        documents[_i].target, documents[_i].length, documents[_i].length, 0);
	expect_in(talk(request), documents[_i].answer);
	snprintf(request, sizeof request,
	        "%s HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n" TAIL
	        "\r\n%x\r\n%0*d\r\n0\r\n\r\n",
	        documents[_i].target, documents[_i].length, documents[_i].length, 0);
	expect_in(talk(request), documents[_i].answer);
}
END_TEST

START_TEST(a_malformed_request_gets_a_message)
{
	const char *a = talk("GET / HTTP/1.1\r\nbad header: x\r\n" TAIL "\r\n");

	expect_in(a, "HTTP/1.1 400 ");
	expect_in(a, "{\"message\":");
}
END_TEST

START_TEST(a_client_that_leaves_does_not_stop_its_write)
{
	for (int i = 0; i < 20; i++) {
		char request[512];
		int fd = dial();
		snprintf(request, sizeof request,
		        "PUT /consumers/c%02d HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 2\r\nHost: a\r\n\r\n{}",
		        i);
		send_text(fd, request);
		if (i % 2 == 0)
			usleep(500);
		/* RST at once, whatever has been answered */
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
		close(fd);
	}
	for (int tries = 0; tries < 100; tries++) {
		if (strstr(talk("GET /consumers/c18 HTTP/1.1\r\n" TAIL "\r\n"), "200 OK"))
			return;
		usleep(50000);
	}
	ck_abort_msg("the write was not done");
}
END_TEST

START_TEST(a_client_that_leaves_inside_its_body_leaves_nothing_behind)
{
	int fd = dial();

	send_text(fd,
	        "POST /services HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 100\r\nHost: a\r\n\r\n{\"host");
	close(fd);
	expect_in(talk("GET /services HTTP/1.1\r\n" TAIL "\r\n"), "{\"data\":[],\"next\":null}");
}
END_TEST

START_TEST(many_requests_on_one_connection_are_answered_in_order)
{
	const char *a = talk("GET /robots.txt HTTP/1.1\r\nHost: a\r\n\r\nGET /nope HTTP/1.1\r\nHost: a\r\n\r\n"
	                     "GET /cache/x HTTP/1.1\r\n" TAIL "\r\n");
	const char *second = strstr(a, "HTTP/1.1 404");

	expect_in(a, "User-agent: *\nDisallow: /\n");
	ck_assert_ptr_nonnull(second);
	expect_in(second + 1, "HTTP/1.1 404");
}
END_TEST

START_TEST(the_log_level_goes_back_after_its_time)
{
	log_set_level(LOG_NOTICE);
	expect_in(talk("PUT /debug/node/log-level/zork HTTP/1.1\r\n" TAIL "\r\n"), "unknown log level: zork");
	expect_in(talk("PUT /debug/node/log-level/info?timeout=-1 HTTP/1.1\r\n" TAIL "\r\n"),
	        "timeout must be greater than or equal to 0");
	expect_in(talk("PUT /debug/node/log-level/error?timeout=0.2 HTTP/1.1\r\n" TAIL "\r\n"), "log level changed");
	expect_in(talk("PUT /debug/node/log-level/error HTTP/1.1\r\n" TAIL "\r\n"), "log level is already error");
	for (int tries = 0; tries < 100 && log_get_level() != LOG_NOTICE; tries++)
		usleep(50000);
	expect_in(talk("GET /debug/node/log-level HTTP/1.1\r\n" TAIL "\r\n"), "log level: notice");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("admin_server");
	TCase *t = tcase_create("all");

	test_pg_start();
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, an_answer_carries_the_headers_of_the_admin_api);
	tcase_add_test(t, head_has_the_headers_of_get_and_no_body);
	tcase_add_test(t, options_answers_a_preflight);
	tcase_add_test(t, a_write_tells_its_version_and_who_runs_it);
	tcase_add_test(t, a_body_above_the_limit_is_413);
	tcase_add_loop_test(t, a_document_has_a_limit_of_its_own, 0, sizeof documents / sizeof documents[0]);
	tcase_add_test(t, a_malformed_request_gets_a_message);
	tcase_add_test(t, a_client_that_leaves_does_not_stop_its_write);
	tcase_add_test(t, a_client_that_leaves_inside_its_body_leaves_nothing_behind);
	tcase_add_test(t, many_requests_on_one_connection_are_answered_in_order);
	tcase_add_test(t, the_log_level_goes_back_after_its_time);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	test_pg_stop();
	return failed != 0;
}
