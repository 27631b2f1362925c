/* gatectl start, stop, reload, health: one machine's processes, as `kong start` and its kin are to our users.
 * `role` says which: traditional (both), control_plane, data_plane. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/core/file.h"
#include "common/core/log.h"
#include "cp/cli/command.h"
#include "cp/cli/supervisor.h"
#include "cp/store/memory.h"

enum { START_TIMEOUT_S = 30, STOP_TIMEOUT_MS = 30000 };

static void pid_path(const struct settings *s, const char *name, char *out, size_t size)
{
	snprintf(out, size, "%.*s/pids/%s.pid", SLICE_ARG(s->prefix), name);
}

/* The other programs stand beside this one. */
static void program_path(const struct cli *c, const char *name, char *out, size_t size)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	snprintf(self + (n > 0 ? n : 0), sizeof self - (size_t)(n > 0 ? n : 0), "%s", n > 0 ? "" : c->program);
	char *slash = strrchr(self, '/');
	snprintf(out, size, "%.*s%s", slash ? (int)(slash - self + 1) : 0, self, name);
}

static void add_child(struct supervisor *v, const struct cli *c, const struct settings *s, const char *name)
{
	struct child *child = &v->children[v->count++];
	child->name = name;
	child->conf = c->conf;
	program_path(c, name, child->path, sizeof child->path);
	pid_path(s, name, child->pid_file, sizeof child->pid_file);
}

static bool prepare(const struct settings *s, struct err *e)
{
	char dir[PATH_MAX];
	static const char *const parts[] = {"pids", "logs"};
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		snprintf(dir, sizeof dir, "%.*s/%s", SLICE_ARG(s->prefix), parts[i]);
		if (!file_make_dirs(dir, 0755, e))
			return err_prefix(e, "prefix");
	}
	return true;
}

static bool write_own_pid(const struct settings *s, struct err *e)
{
	char path[PATH_MAX], text[24];
	pid_path(s, "gatectl", path, sizeof path);
	snprintf(text, sizeof text, "%d\n", (int)getpid());
	return file_replace(path, slice_cstr(text), 0644, e);
}

/* In the process that stays: start everything, say through `ready` (a pipe; -1: none) that it runs, watch. */
static enum exit_code supervise(struct supervisor *v, const struct settings *s, int ready)
{
	struct err e;
	char path[PATH_MAX];

	if (!supervisor_start(v, START_TIMEOUT_S, &e) || !write_own_pid(s, &e))
		return cli_fail("%s", e.message);
	if (ready >= 0) {
		if (write(ready, "1", 1) < 0)
			return EXIT_FAILED;
		close(ready);
	}
	supervisor_run(v);
	pid_path(s, "gatectl", path, sizeof path);
	unlink(path);
	return EXIT_OK;
}

/* The log that the processes write to from the start: nothing that stays may hold the terminal, or whoever reads from
 * it waits for ever. */
static int open_log(const struct settings *s, struct err *e)
{
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%.*s/logs/error.log", SLICE_ARG(s->prefix));
	int log = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	if (log < 0)
		err_set(e, "cannot open '%s': %s", path, strerror(errno));
	return log;
}

static void detach(int log)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	setsid();
	dup2(null, STDIN_FILENO);
	dup2(log, STDOUT_FILENO);
	dup2(log, STDERR_FILENO);
}

/* What was logged since then, for the terminal: it says why nothing started. */
static void show_log(int log, off_t since)
{
	char bytes[4096];
	ssize_t n;
	for (; (n = pread(log, bytes, sizeof bytes, since)) > 0; since += n)
		fwrite(bytes, 1, (size_t)n, stderr);
}

static enum exit_code in_background(struct supervisor *v, const struct settings *s)
{
	int ready[2];
	char byte;
	struct err e;
	int log = open_log(s, &e);

	if (log < 0)
		return cli_fail("%s", e.message);
	if (pipe2(ready, O_CLOEXEC) < 0)
		return cli_fail("cannot make a pipe: %s", strerror(errno));
	off_t since = lseek(log, 0, SEEK_END);
	pid_t pid = fork();
	if (pid < 0)
		return cli_fail("cannot start: %s", strerror(errno));
	if (pid == 0) {
		close(ready[0]);
		detach(log);
		_exit(supervise(v, s, ready[1]));
	}
	close(ready[1]);
	ssize_t n = read(ready[0], &byte, 1);
	close(ready[0]);
	if (n != 1)
		show_log(log, since);
	else
		printf("gatehouse started\n");
	close(log);
	return n == 1 ? EXIT_OK : EXIT_FAILED;
}

static enum exit_code run_start(struct cli *c)
{
	struct settings s;
	struct err e;
	char path[PATH_MAX];
	struct supervisor *v = arena_new(c->arena, struct supervisor);

	if (!cli_settings(c, &s))
		return EXIT_FAILED;
	pid_path(&s, "gatectl", path, sizeof path);
	if (supervisor_pid(path))
		return cli_fail("gatehouse is running already in %.*s (pid %d)", SLICE_ARG(s.prefix),
		        (int)supervisor_pid(path));
	if (!prepare(&s, &e))
		return cli_fail("%s", e.message);
	if (!slice_eq(s.role, S("data_plane")))
		add_child(v, c, &s, "gatehouse-cp");
	if (!slice_eq(s.role, S("control_plane")))
		add_child(v, c, &s, "gatehouse-dp");
	log_set_level(LOG_NOTICE);
	return c->foreground ? supervise(v, &s, -1) : in_background(v, &s);
}

const struct command start_command = {
        .name = "start",
        .usage = "[--conf FILE] [--prefix DIR] [--foreground]",
        .summary = "start what `role` says on this machine and keep it running",
        .examples = "  gatectl start --conf /etc/gatehouse/gatehouse.conf\n"
                    "  GATEHOUSE_ROLE=data_plane gatectl start --foreground\n",
        .run = run_start,
};

/* The running supervisor's pid; 0 with a message when there is none. */
static pid_t running(struct cli *c, struct settings *s)
{
	char path[PATH_MAX];
	if (!cli_settings(c, s))
		return 0;
	pid_path(s, "gatectl", path, sizeof path);
	pid_t pid = supervisor_pid(path);
	if (!pid)
		cli_fail("gatehouse is not running in %.*s", SLICE_ARG(s->prefix));
	return pid;
}

static enum exit_code run_stop(struct cli *c)
{
	struct settings s;
	pid_t pid = running(c, &s);
	if (!pid)
		return EXIT_FAILED;
	kill(pid, SIGTERM);
	for (int waited = 0; waited < STOP_TIMEOUT_MS && kill(pid, 0) == 0; waited += 50)
		usleep(50000);
	if (kill(pid, 0) == 0) {
		cli_fail("gatehouse (pid %d) did not stop in %d s", (int)pid, STOP_TIMEOUT_MS / 1000);
		return EXIT_TIMED_OUT;
	}
	printf("gatehouse stopped\n");
	return EXIT_OK;
}

const struct command stop_command = {
        .name = "stop",
        .usage = "[--conf FILE] [--prefix DIR]",
        .summary = "stop what start started; running requests end first",
        .examples = "  gatectl stop\n  gatectl stop --prefix /var/lib/gatehouse\n",
        .run = run_stop,
};

/* A broken document would only be refused by the control plane, where nobody looks at this moment. */
static bool check_document(struct cli *c, const struct settings *s)
{
	struct document_source from = document_source_of(c->arena, s);
	struct text why = {0};

	if (!is_without_database(s) || !from.path)
		return true;
	struct document *d = document_source_load(c->arena, &from, &why);
	if (!d)
		cli_fail("nothing is reloaded: %s", text_cstr(&why));
	document_free(d);
	text_fini(&why);
	return d != NULL;
}

static enum exit_code run_reload(struct cli *c)
{
	struct settings s;
	pid_t pid = running(c, &s);
	if (!pid || !check_document(c, &s))
		return EXIT_FAILED;
	kill(pid, SIGHUP);
	printf("gatehouse reloaded\n");
	return EXIT_OK;
}

const struct command reload_command = {
        .name = "reload",
        .usage = "[--conf FILE] [--prefix DIR]",
        .summary = "reopen log files and, with database = off, read the declarative file again",
        .examples = "  gatectl reload\n  gatectl reload --conf /etc/gatehouse/gatehouse.conf\n",
        .run = run_reload,
};

static enum exit_code run_health(struct cli *c)
{
	struct settings s;
	bool all = running(c, &s) != 0;
	static const char *const names[] = {"gatehouse-cp", "gatehouse-dp"};

	if (!all)
		return EXIT_FAILED;
	for (int i = 0; i < 2; i++) {
		char path[PATH_MAX];
		bool wanted = i == 0 ? !slice_eq(s.role, S("data_plane")) : !slice_eq(s.role, S("control_plane"));
		if (!wanted)
			continue;
		pid_path(&s, names[i], path, sizeof path);
		pid_t pid = supervisor_pid(path);
		printf("%-14s %s\n", names[i], pid ? "running" : "not running");
		all = all && pid;
	}
	return all ? EXIT_OK : EXIT_FAILED;
}

const struct command health_command = {
        .name = "health",
        .usage = "[--conf FILE] [--prefix DIR]",
        .summary = "say whether this machine's processes run",
        .examples = "  gatectl health\n  gatectl health --prefix /var/lib/gatehouse\n",
        .run = run_health,
};
