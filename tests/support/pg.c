/* pg: see pg.h. pg_ctl starts the server in the background, so any process of the test can halt and resume it. A
 * guard process holds one end of a pipe and cleans up when the last process of the test program has let go of the
 * other end: that happens at a normal end, at a failed assertion and at SIGKILL alike. */
#include "tests/support/pg.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/core/text.h"
#include "common/core/uuid.h"

enum { PORT_FIRST = 21100, PORTS = 100 };

static struct {
	char folder[64], data[80], bin[128];
	char host[128], port[16], user[64], password[128];
	pid_t guard;   /* 0: the server is not ours */
	int guard_end; /* kept open as long as the server is wanted */
} server;

static void give_up(const char *what)
{
	fprintf(stderr, "tests/support/pg: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- programs -------------------------------------------------------------------------------------------------- */

static void find_programs(void)
{
	glob_t g = {0};

	if (glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &g) != 0 || g.gl_pathc == 0) {
		errno = ENOENT;
		give_up("no /usr/lib/postgresql/*/bin/initdb");
	}
	const char *newest = g.gl_pathv[g.gl_pathc - 1];
	snprintf(server.bin, sizeof server.bin, "%.*s", (int)(strrchr(newest, '/') - newest), newest);
	globfree(&g);
}

/* Only in a child: become the user that may run PostgreSQL. */
static void leave_root(void)
{
	struct passwd *pw = getuid() == 0 ? getpwnam("postgres") : NULL;

	if (getuid() == 0 && (!pw || initgroups("postgres", pw->pw_gid) || setgid(pw->pw_gid) || setuid(pw->pw_uid)))
		give_up("becoming user postgres");
}

/* By its full path: PostgreSQL's programs look for each other beside argv[0]. Others have a path already. */
static void exec_program(const char *program, char *argv[])
{
	char path[160];
	int log = open("log", O_WRONLY | O_CREAT | O_APPEND, 0600);

	snprintf(path, sizeof path, "%s%s%s", strchr(program, '/') ? "" : server.bin, strchr(program, '/') ? "" : "/",
	        program);
	dup2(log, STDOUT_FILENO);
	dup2(log, STDERR_FILENO);
	argv[0] = path;
	execv(path, argv);
	give_up(path);
}

/* Starts a program in the folder, as user postgres. */
static pid_t spawn(const char *program, char *argv[])
{
	pid_t pid = fork();

	if (pid < 0)
		give_up("fork");
	if (pid > 0)
		return pid;
	leave_root();
	if (chdir(server.folder) != 0)
		give_up(server.folder);
	exec_program(program, argv);
	_exit(1);
}

static void show_log(void)
{
	char path[80], line[512];

	snprintf(path, sizeof path, "%s/log", server.folder);
	FILE *f = fopen(path, "r");
	while (f && fgets(line, sizeof line, f))
		fputs(line, stderr);
	if (f)
		fclose(f);
}

static bool try_program(const char *program, char *argv[])
{
	int status = 0;
	pid_t pid = spawn(program, argv);

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	return status == 0;
}

static void run_program(const char *program, char *argv[])
{
	if (!try_program(program, argv)) {
		show_log();
		fprintf(stderr, "tests/support/pg: %s failed\n", program);
		exit(1);
	}
}

/* ---- the cluster ----------------------------------------------------------------------------------------------- */

static bool is_free(int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	bool ok = fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0;
	close(fd);
	return ok;
}

/* Below the range that the system gives to outgoing connections, so that nobody takes it while the server is halted.
 */
static void choose_port(void)
{
	unsigned offset;

	random_bytes(&offset, sizeof offset);
	for (unsigned i = 0; i < PORTS; i++) {
		int port = PORT_FIRST + (int)((offset + i) % PORTS);
		if (!is_free(port))
			continue;
		snprintf(server.port, sizeof server.port, "%d", port);
		return;
	}
	give_up("no free port");
}

static void make_folder(void)
{
	struct passwd *pw = getuid() == 0 ? getpwnam("postgres") : NULL;

	snprintf(server.folder, sizeof server.folder, "/tmp/gatehouse-pg-XXXXXX");
	if (!mkdtemp(server.folder))
		give_up("mkdtemp");
	if (getuid() == 0 && (!pw || chown(server.folder, pw->pw_uid, pw->pw_gid) != 0))
		give_up("giving the folder to user postgres");
	snprintf(server.data, sizeof server.data, "%s/data", server.folder);
}

static void make_cluster(void)
{
	char *made = getenv("GATEHOUSE_TEST_PG_CLUSTER");

	if (made)
		run_program("/bin/cp", (char *[]){"cp", "-a", made, server.data, NULL});
	else
		run_program("initdb", (char *[]){"initdb", "-D", server.data, "-U", "postgres", "-A", "trust", "-E",
		                              "UTF8", "--locale=C", "-N", NULL});
}

static bool try_server(void)
{
	char options[256];

	snprintf(options, sizeof options,
	        "-p %s -k %s -c listen_addresses=127.0.0.1 -c fsync=off -c synchronous_commit=off -c full_page_writes=off "
	        "-c max_connections=60 -c shared_buffers=32MB",
	        server.port, server.folder);
	return try_program("pg_ctl", (char *[]){"pg_ctl", "-D", server.data, "-w", "-t", "60", "-l", "server.log",
	                                     "-o", options, "start", NULL});
}

/* Somebody else may have taken the port since it was chosen: then another one. */
static void start_on_some_port(void)
{
	for (int i = 0; i < 5; i++) {
		choose_port();
		if (try_server())
			return;
	}
	show_log();
	give_up("pg_ctl start");
}

static void stop_server(const char *mode)
{
	run_program("pg_ctl", (char *[]){"pg_ctl", "-D", server.data, "-w", "-m", (char *)mode, "stop", NULL});
}

static bool is_running(void)
{
	char path[96];

	snprintf(path, sizeof path, "%s/postmaster.pid", server.data);
	return access(path, F_OK) == 0;
}

/* ---- the guard ------------------------------------------------------------------------------------------------- */

static int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	return remove(path);
}

static void guard(int end)
{
	char byte;

	setsid(); /* a Ctrl-C for the test must not stop the cleaning up */
	while (read(end, &byte, 1) < 0 && errno == EINTR)
		continue;
	if (is_running())
		stop_server("immediate");
	nftw(server.folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	_exit(0);
}

static void start_guard(void)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		give_up("pipe2");
	server.guard = fork();
	if (server.guard < 0)
		give_up("fork");
	if (server.guard == 0) {
		close(ends[1]);
		guard(ends[0]);
	}
	close(ends[0]);
	server.guard_end = ends[1];
}

/* ---- for tests ------------------------------------------------------------------------------------------------- */

/* Takes host, port, user and password from a conninfo. */
static void use_given(const char *conninfo)
{
	char *message = NULL;
	PQconninfoOption *options = PQconninfoParse(conninfo, &message);

	if (!options) {
		fprintf(stderr, "tests/support/pg: GATEHOUSE_TEST_PG: %s\n", message);
		exit(1);
	}
	for (PQconninfoOption *o = options; o->keyword; o++) {
		if (!o->val)
			continue;
		if (strcmp(o->keyword, "host") == 0)
			snprintf(server.host, sizeof server.host, "%s", o->val);
		if (strcmp(o->keyword, "port") == 0)
			snprintf(server.port, sizeof server.port, "%s", o->val);
		if (strcmp(o->keyword, "user") == 0)
			snprintf(server.user, sizeof server.user, "%s", o->val);
		if (strcmp(o->keyword, "password") == 0)
			snprintf(server.password, sizeof server.password, "%s", o->val);
	}
	PQconninfoFree(options);
}

void test_pg_start(void)
{
	const char *given = getenv("GATEHOUSE_TEST_PG");

	snprintf(server.host, sizeof server.host, "127.0.0.1");
	snprintf(server.port, sizeof server.port, "5432");
	snprintf(server.user, sizeof server.user, "postgres");
	if (given) {
		use_given(given);
		return;
	}
	find_programs();
	make_folder();
	start_guard();
	make_cluster();
	start_on_some_port();
}

void test_pg_stop(void)
{
	if (!server.guard)
		return;
	close(server.guard_end);
	while (waitpid(server.guard, NULL, 0) < 0 && errno == EINTR)
		continue;
	server.guard = 0;
}

bool test_pg_is_private(void)
{
	return server.guard != 0;
}

void test_pg_halt(void)
{
	stop_server("fast");
}

void test_pg_resume(void)
{
	if (!try_server())
		give_up("pg_ctl start");
}

static PGconn *dial(const char *database)
{
	const char *keys[] = {"host", "port", "user", "password", "dbname", NULL};
	const char *values[] = {server.host, server.port, server.user, server.password, database, NULL};
	PGconn *conn = PQconnectdbParams(keys, values, 0);

	if (PQstatus(conn) != CONNECTION_OK)
		ck_abort_msg("connecting to %s: %s", database, PQerrorMessage(conn));
	return conn;
}

static char *run_sql(const char *database, const char *sql)
{
	PGconn *conn = dial(database);
	PGresult *r = PQexec(conn, sql);
	ExecStatusType status = PQresultStatus(r);

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		ck_abort_msg("%s: %s", sql, PQerrorMessage(conn));
	char *value = slice_strdup(slice_cstr(PQntuples(r) > 0 ? PQgetvalue(r, 0, 0) : ""));
	PQclear(r);
	PQfinish(conn);
	return value;
}

struct settings test_pg_database(void)
{
	static char names[32][16]; /* settings point to them; no test needs nearly as many */
	static size_t used;
	char suffix[13], sql[64];

	ck_assert_uint_lt(used, sizeof names / sizeof *names);
	char *name = names[used++];
	random_alphanumeric(suffix, 12);
	snprintf(name, sizeof *names, "t_%s", suffix);
	snprintf(sql, sizeof sql, "CREATE DATABASE \"%s\"", name);
	free(run_sql("postgres", sql));
	return (struct settings){.pg_host = slice_cstr(server.host),
	        .pg_port = atoi(server.port),
	        .pg_user = slice_cstr(server.user),
	        .pg_password = slice_cstr(server.password),
	        .pg_database = slice_cstr(name),
	        .pg_timeout = 5000};
}

void test_pg_exec(const struct settings *s, const char *sql)
{
	free(run_sql(s->pg_database.ptr, sql));
}

char *test_pg_value(const struct settings *s, const char *sql)
{
	return run_sql(s->pg_database.ptr, sql);
}
