/* redis: see redis.h. The kernel ends the server when the test program goes, however it goes. */
#include "tests/support/redis.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PORT_FIRST = 21600, PORTS = 100, TRIES = 500, TRY_US = 10000 };

static pid_t server;
static int port;

static void give_up(const char *what)
{
	fprintf(stderr, "tests/support/redis: %s: %s\n", what, strerror(errno));
	exit(1);
}

static struct sockaddr_in address(int number)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
	        .sin_port = htons((uint16_t)number),
	        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static bool is_free(int number)
{
	struct sockaddr_in a = address(number);
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	bool ok = fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0;
	close(fd);
	return ok;
}

static bool answers(void)
{
	struct sockaddr_in a = address(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok = connect(fd, (struct sockaddr *)&a, sizeof a) == 0;
	close(fd);
	return ok;
}

static void run_server(void)
{
	char number[16];
	int null = open("/dev/null", O_WRONLY);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(null, STDOUT_FILENO);
	snprintf(number, sizeof number, "%d", port);
	execlp("redis-server", "redis-server", "--port", number, "--bind", "127.0.0.1", "--save", "", "--appendonly",
	        "no", "--dir", "/tmp", "--databases", "4", (char *)NULL);
	give_up("redis-server");
}

void test_redis_start(void)
{
	for (port = PORT_FIRST + getpid() % PORTS; !is_free(port);)
		port = PORT_FIRST + (port + 1 - PORT_FIRST) % PORTS;
	server = fork();
	if (server < 0)
		give_up("fork");
	if (server == 0)
		run_server();
	for (int i = 0; !answers(); i++) {
		if (i == TRIES || waitpid(server, NULL, WNOHANG) == server)
			give_up("the server did not start");
		usleep(TRY_US);
	}
}

void test_redis_stop(void)
{
	kill(server, SIGKILL);
	while (waitpid(server, NULL, 0) < 0 && errno == EINTR)
		continue;
}

int test_redis_port(void)
{
	return port;
}

void test_redis_hold(bool held)
{
	kill(server, held ? SIGSTOP : SIGCONT);
}
