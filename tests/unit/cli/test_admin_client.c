/* admin_client: what it sends, what it makes of answers, and what it says when there is none.
 * Threads: the Admin API of a test is a thread that answers each connection with canned bytes. */
#include <arpa/inet.h>
#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cp/cli/admin_client.h"

static struct {
	int fd;
	pthread_t thread;
	const char *answers[4]; /* one per connection */
	char seen[4096];        /* of the last request */
} server;

static void *serve(void *arg)
{
	for (int i = 0; i < 4 && server.answers[i]; i++) {
		int fd = accept(server.fd, NULL, NULL);
		size_t len = 0;
		memset(server.seen, 0, sizeof server.seen);
		while (!strstr(server.seen, "\r\n\r\n") && len < sizeof server.seen - 1) {
			ssize_t n = recv(fd, server.seen + len, sizeof server.seen - 1 - len, 0);
			if (n <= 0)
				break;
			len += (size_t)n;
		}
		if (write(fd, server.answers[i], strlen(server.answers[i])) < 0)
			abort();
		close(fd);
	}
	return arg;
}

static struct arena arena;
static char *words[8];
static struct cli c;
static char url[64];

static struct admin_client *client_of(const char *first, const char *second)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof at;

	server.fd = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(server.fd, (struct sockaddr *)&at, sizeof at), 0);
	ck_assert_int_eq(listen(server.fd, 4), 0);
	ck_assert_int_eq(getsockname(server.fd, (struct sockaddr *)&at, &len), 0);
	server.answers[0] = first;
	server.answers[1] = second;
	ck_assert_int_eq(pthread_create(&server.thread, NULL, serve, NULL), 0);

	arena_init(&arena);
	snprintf(url, sizeof url, "http://127.0.0.1:%d/", ntohs(at.sin_port));
	words[0] = (char *)"--admin";
	words[1] = url;
	words[2] = (char *)"--token=t0k3n";
	c = (struct cli){.arena = &arena, .argc = 3, .argv = words};
	struct admin_client *a = admin_client_open(&c);
	ck_assert_ptr_nonnull(a);
	ck_assert_int_eq(c.argc, 0);
	return a;
}

static void done(struct admin_client *a, struct admin_answer *answer)
{
	admin_answer_fini(answer);
	admin_client_close(a);
	pthread_join(server.thread, NULL);
	close(server.fd);
	arena_fini(&arena);
}

START_TEST(a_request_carries_host_token_and_body_and_the_answer_its_json_and_version)
{
	struct admin_client *a = client_of("HTTP/1.1 201 Created\r\nContent-Length: 9\r\nX-Gatehouse-Config-Version: "
	                                   "42\r\n\r\n{\"id\": 7}",
	        NULL);
	struct admin_answer answer = {0};
	struct admin_body body = {S("application/json"), S("{}")};
	struct err e;

	ck_assert(admin_client_call(a, "POST", "/services?a=b", &body, &answer, &e));
	ck_assert_int_eq(answer.status, 201);
	ck_assert_uint_eq(answer.version, 42);
	ck_assert_int_eq(json_integer_value(json_object_get(answer.json, "id")), 7);
	ck_assert(strstr(server.seen, "POST /services?a=b HTTP/1.1\r\n") == server.seen);
	ck_assert_ptr_nonnull(strstr(server.seen, "Authorization: Bearer t0k3n\r\n"));
	ck_assert_ptr_nonnull(strstr(server.seen, "Content-Length: 2\r\n"));
	ck_assert_ptr_nonnull(strstr(server.seen, "Host: 127.0.0.1:"));
	done(a, &answer);
}
END_TEST

START_TEST(chunks_interim_answers_and_bodies_that_end_with_the_connection_are_read)
{
	struct admin_client *a = client_of("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: "
	                                   "chunked\r\n\r\n3\r\n[1,\r\n2\r\n2]\r\n0\r\n\r\n",
	        "HTTP/1.1 200 OK\r\n\r\nnot json");
	struct admin_answer answer = {0};
	struct err e;

	ck_assert(admin_client_call(a, "GET", "/", NULL, &answer, &e));
	ck_assert_uint_eq(json_array_size(answer.json), 2);
	ck_assert(admin_client_call(a, "GET", "/", NULL, &answer, &e));
	ck_assert_ptr_null(answer.json);
	ck_assert_str_eq(text_cstr(&answer.body), "not json");
	done(a, &answer);
}
END_TEST

START_TEST(refusals_have_their_exit_codes)
{
	struct admin_client *a = client_of("HTTP/1.1 401 Unauthorized\r\nContent-Length: 15\r\nConnection: "
	                                   "close\r\n\r\n{\"message\":\"no\"}",
	        "HTTP/1.1 304 Not Modified\r\n\r\n");
	struct admin_answer answer = {0};

	ck_assert_int_eq(admin_client_ask(a, "GET", "/", NULL, &answer), EXIT_NOT_ALLOWED);
	ck_assert_int_eq(admin_client_ask(a, "GET", "/", NULL, &answer), EXIT_OK);
	done(a, &answer);
}
END_TEST

START_TEST(an_answer_that_is_cut_off_is_an_error)
{
	struct admin_client *a = client_of("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}",
	        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc");
	struct admin_answer answer = {0};
	struct err e;

	ck_assert(!admin_client_call(a, "GET", "/", NULL, &answer, &e));
	ck_assert_str_eq(e.message, "the answer ended after 2 bytes");
	ck_assert(!admin_client_call(a, "GET", "/", NULL, &answer, &e));
	ck_assert_str_eq(e.message, "the answer ended too early");
	done(a, &answer);
}
END_TEST

START_TEST(nobody_there_names_the_address_and_never_the_token)
{
	struct admin_answer answer = {0};
	struct err e;

	arena_init(&arena);
	words[0] = (char *)"--admin=http://127.0.0.1:1";
	words[1] = (char *)"--token=t0k3n";
	c = (struct cli){.arena = &arena, .argc = 2, .argv = words};
	struct admin_client *a = admin_client_open(&c);
	ck_assert(!admin_client_call(a, "GET", "/", NULL, &answer, &e));
	ck_assert_ptr_nonnull(strstr(e.message, "cannot reach the Admin API at http://127.0.0.1:1"));
	ck_assert_ptr_null(strstr(e.message, "t0k3n"));
	admin_client_close(a);
	arena_fini(&arena);
}
END_TEST

START_TEST(addresses_that_are_none_are_refused)
{
	static const char *const bad[] = {"--admin=http://", "--admin=http://a/b", "--admin=:8001", "--admin=a:"};

	arena_init(&arena);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		words[0] = (char *)bad[i];
		c = (struct cli){.arena = &arena, .argc = 1, .argv = words};
		ck_assert_msg(!admin_client_open(&c), "%s", bad[i]);
	}
	arena_fini(&arena);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("admin_client");
	TCase *t = tcase_create("all");

	tcase_add_test(t, a_request_carries_host_token_and_body_and_the_answer_its_json_and_version);
	tcase_add_test(t, chunks_interim_answers_and_bodies_that_end_with_the_connection_are_read);
	tcase_add_test(t, refusals_have_their_exit_codes);
	tcase_add_test(t, an_answer_that_is_cut_off_is_an_error);
	tcase_add_test(t, nobody_there_names_the_address_and_never_the_token);
	tcase_add_test(t, addresses_that_are_none_are_refused);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
