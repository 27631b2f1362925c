/* redis: a server that says what it should not: to counting, as a Sentinel and as a node of a cluster. Nothing of it
 * may end the process, be taken for a count or leave a call without its end. */
#include <arpa/inet.h>
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/core/log.h"
#include "dp/host/redis.h"
#include "tests/support/loading.h"
#include "tests/support/turns.h"

enum { STEPS_MAX = 10 };
#define OK "+OK\r\n"

static struct loop *loop;
static struct redis_set *set;
static struct redis_conf conf;
static int listening;
static pid_t child;

/* Says the steps one after the other, each to what was read; then nothing more. */
static void serve(int fd, const char *const *steps)
{
	char bytes[4096];
	for (int i = 0; i < STEPS_MAX && steps[i] && read(fd, bytes, sizeof bytes) > 0; i++)
		if (write(fd, steps[i], strlen(steps[i])) < 0)
			break;
	while (read(fd, bytes, sizeof bytes) > 0)
		continue;
	close(fd);
}

/* Each connection is served in the same way, in a process of its own. */
static void start_server(const char *const *steps)
{
	child = fork();
	if (child > 0) {
		close(listening);
		return;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGCHLD, SIG_IGN);
	fcntl(listening, F_SETFL, 0);
	for (int fd; (fd = accept(listening, NULL, NULL)) >= 0; close(fd))
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			serve(fd, steps);
			_exit(0);
		}
	_exit(1);
}

static void setup(void)
{
	loop = turns_loop();
	set = redis_set_new(&(struct dialer){.loop = loop});
	int port;
	listening = turns_listen(&port);
	conf = (struct redis_conf){.host = S("127.0.0.1"), .port = port, .timeout = 300};
}

static void teardown(void)
{
	redis_set_free(set);
	loop_free(loop);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static int calls;
static bool last_ok;

static void on_count(void *arg, bool ok)
{
	calls++;
	last_ok = ok;
}

static bool was_called(void *arg)
{
	return calls > 0;
}

/* Was it counted? Ends in any case. */
static bool count(void)
{
	static struct counter counter;
	static struct count what;

	counter = (struct counter){.key = S("{k}1"), .limit = 5, .window_s = 60};
	what = (struct count){.redis = &conf, .counters = &counter, .n = 1};
	calls = 0;
	if (!redis_count(set, &what, on_count, NULL))
		return false;
	ck_assert(turns_until(loop, 5000, was_called, NULL));
	turns_for(loop, 5);
	ck_assert_int_eq(calls, 1);
	return last_ok;
}

static const char *const answers[] = {
        "HTTP/1.1 400 Bad Request\r\n\r\n",
        "*1000000000\r\n",
        "*-7\r\n",
        "$99999999999999999999\r\n",
        "$-9\r\n",
        "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
        "*2\r\n:1\r\n:1\r\n",
        "*1\r\n$1\r\n1\r\n",
        "*1\r\n$-1\r\n",
        "*0\r\n",
        "*-1\r\n",
        "$-1\r\n",
        ":1\r\n",
        "+1\r\n",
        "-ERR no\r\n",
        "-MOVED 1 127.0.0.1:1\r\n",
        "-\r\n",
        "\r\n\r\n",
        "*1\r\n:",
};

START_TEST(what_is_no_answer_is_not_counted)
{
	const char *const steps[STEPS_MAX] = {OK, answers[_i]};
	start_server(steps);
	ck_assert(!count());
}
END_TEST

START_TEST(a_surplus_answer_ends_the_connection_and_nothing_else)
{
	static const char *const steps[STEPS_MAX] = {OK, "*1\r\n:3\r\n:4\r\n:5\r\n"};
	start_server(steps);
	for (int i = 0; i < 3; i++)
		ck_assert(count());
}
END_TEST

START_TEST(an_answer_before_any_question_ends_the_connection)
{
	static const char *const steps[STEPS_MAX] = {"+OK\r\n*1\r\n:3\r\n", "*1\r\n:3\r\n"};
	start_server(steps);
	count();
	count();
}
END_TEST

static const char *const sentinel_answers[] = {
        "*-1\r\n",
        "*2\r\n:1\r\n:1\r\n",
        "*2\r\n$0\r\n\r\n$4\r\n6379\r\n",
        "*2\r\n$9\r\n127.0.0.1\r\n$5\r\n99999\r\n",
        "*2\r\n$9\r\n127.0.0.1\r\n$1\r\nx\r\n",
        "*1\r\n$9\r\n127.0.0.1\r\n",
        "*1\r\n*3\r\n$2\r\nip\r\n$4\r\nport\r\n:3\r\n",
        "-ERR no\r\n",
        "nonsense\r\n",
};

START_TEST(a_sentinel_that_makes_no_sense_knows_nothing)
{
	static const char *const roles[] = {"master", "slave", "any"};
	const char *const steps[STEPS_MAX] = {OK, sentinel_answers[_i], sentinel_answers[_i]};
	struct redis_address node = {conf.host, conf.port};

	start_server(steps);
	conf.sentinel_nodes = (struct record_list){&node, 1, sizeof node};
	conf.sentinel_master = S("m");
	for (int i = 0; i < 3; i++) {
		conf.sentinel_role = slice_cstr(roles[i]);
		ck_assert(!count());
	}
}
END_TEST

static const char *const maps[] = {
        "*0\r\n",
        "*-1\r\n",
        "*1\r\n:1\r\n",
        "*1\r\n*2\r\n:0\r\n:1\r\n",
        "*1\r\n*3\r\n:0\r\n:99999\r\n*2\r\n$9\r\n127.0.0.1\r\n:1\r\n",
        "*1\r\n*3\r\n:-1\r\n:5\r\n*2\r\n$9\r\n127.0.0.1\r\n:1\r\n",
        "*1\r\n*3\r\n:9\r\n:5\r\n*2\r\n$9\r\n127.0.0.1\r\n:1\r\n",
        "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:0\r\n",
        "*1\r\n*3\r\n:0\r\n:16383\r\n*0\r\n",
        "*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$9\r\n127.0.0.1\r\n:1\r\n", /* nobody has our slot */
        "-ERR This instance has cluster support disabled\r\n",
};

static void use_cluster(struct redis_address *node)
{
	conf.cluster_nodes = (struct record_list){node, 1, sizeof *node};
}

START_TEST(a_map_that_makes_no_sense_is_none)
{
	const char *const steps[STEPS_MAX] = {OK, maps[_i]};
	struct redis_address node = {conf.host, conf.port};

	start_server(steps);
	use_cluster(&node);
	ck_assert(!count());
	ck_assert(!count());
}
END_TEST

static const char *const redirections[] = {
        "-MOVED\r\n",
        "-MOVED 1\r\n",
        "-MOVED 1 \r\n",
        "-MOVED 1 127.0.0.1\r\n",
        "-MOVED 1 127.0.0.1:\r\n",
        "-MOVED 1 127.0.0.1:99999\r\n",
        "-MOVED x 127.0.0.1:1\r\n",
        "-MOVED 16384 127.0.0.1:1\r\n",
        "-MOVED 1 127.0.0.1:1\r\n", /* nobody listens there */
        "-ASK 1 127.0.0.1:1\r\n",
        "-ASK\r\n",
        "-CLUSTERDOWN Hash slot not served\r\n",
};

START_TEST(a_redirection_to_nowhere_is_a_failure)
{
	char map[64];
	const char *const steps[STEPS_MAX] = {OK, map, redirections[_i]};
	struct redis_address node = {conf.host, conf.port};

	/* all slots are where the map was asked for */
	snprintf(map, sizeof map, "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$0\r\n\r\n:%d\r\n", (int)conf.port);
	start_server(steps);
	use_cluster(&node);
	ck_assert(!count());
}
END_TEST

START_TEST(a_redirection_in_a_circle_ends)
{
	char map[64], moved[64];
	const char *const steps[] = {OK, map, moved, moved, moved, moved, moved, moved, moved, moved};
	struct redis_address node = {conf.host, conf.port};

	snprintf(map, sizeof map, "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$0\r\n\r\n:%d\r\n", (int)conf.port);
	snprintf(moved, sizeof moved, "-MOVED 1 127.0.0.1:%d\r\n", (int)conf.port);
	start_server(steps);
	use_cluster(&node);
	conf.timeout = 5000;
	ck_assert(!count());
}
END_TEST

#define COUNT(list) (int)(sizeof(list) / sizeof(list)[0])

int main(void)
{
	Suite *s = suite_create("redis_hostile");
	TCase *t = tcase_create("all");
	log_set_level(LOG_CRIT);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 30);
	tcase_add_loop_test(t, what_is_no_answer_is_not_counted, 0, COUNT(answers));
	tcase_add_test(t, a_surplus_answer_ends_the_connection_and_nothing_else);
	tcase_add_test(t, an_answer_before_any_question_ends_the_connection);
	tcase_add_loop_test(t, a_sentinel_that_makes_no_sense_knows_nothing, 0, COUNT(sentinel_answers));
	tcase_add_loop_test(t, a_map_that_makes_no_sense_is_none, 0, COUNT(maps));
	tcase_add_loop_test(t, a_redirection_to_nowhere_is_a_failure, 0, COUNT(redirections));
	tcase_add_test(t, a_redirection_in_a_circle_ends);
	suite_add_tcase(s, t);
	return run_suite(s);
}
