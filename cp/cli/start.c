/* gatectl start, stop, quit, restart, reload, health: one machine's processes, as `kong start` and its kin are to our
 * users. `role` says which: traditional (both), control_plane, data_plane. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/core/clock.h"
#include "common/core/file.h"
#include "common/core/log.h"
#include "cp/cli/command.h"
#include "cp/cli/machine.h"
#include "cp/cli/notify.h"
#include "cp/cli/output.h"
#include "cp/cli/supervisor.h"

enum { START_TIMEOUT_S = 30, STOP_TIMEOUT_MS = 30000, RELOAD_TIMEOUT_MS = 40000 };

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

static bool write_own_pid(const struct settings *s, struct err *e)
{
	char path[PATH_MAX], text[24];
	pid_path(s, "gatectl", path, sizeof path);
	snprintf(text, sizeof text, "%d\n", (int)getpid());
	return file_replace(path, slice_cstr(text), 0644, e);
}

/* In the process that stays: start everything, say through `ready` (a pipe; -1: none) and to a service manager that
 * it runs, watch. */
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
	if (!notify("READY=1", &e))
		log_warn(e.message);
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

/* "gatehouse stopped", or {"status":"stopped"}. */
static void report(const struct cli *c, const char *status)
{
	json_t *out = json_pack("{s:s}", "status", status);

	if (c->json)
		output_json(out);
	else
		printf("gatehouse %s\n", status);
	json_decref(out);
}

static enum exit_code in_background(struct supervisor *v, const struct settings *s, const struct cli *c)
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
		report(c, "started");
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
	if (!machine_prepare(&s, &e))
		return cli_fail("%s", e.message);
	if (!slice_eq(s.role, S("data_plane")))
		add_child(v, c, &s, "gatehouse-cp");
	if (!slice_eq(s.role, S("control_plane")))
		add_child(v, c, &s, "gatehouse-dp");
	log_set_level(LOG_NOTICE);
	return c->foreground ? supervise(v, &s, -1) : in_background(v, &s, c);
}

const struct command start_command = {
        .name = "start",
        .usage = "[--conf FILE] [--prefix DIR] [--foreground] [-o json]",
        .summary = "start what `role` says on this machine and keep it running",
        .examples = "  gatectl start --conf /etc/gatehouse/gatehouse.conf\n"
                    "  GATEHOUSE_ROLE=data_plane gatectl start --foreground\n",
        .run = run_start,
};

/* ---- the running gateway --------------------------------------------------------------------------------------- */

/* The running supervisor's pid; 0 with a message when there is none. */
static pid_t running(struct cli *c, struct settings *s)
{
	char path[PATH_MAX];
	if (!cli_settings(c, s))
		return 0;
	pid_path(s, "gatectl", path, sizeof path);
	pid_t pid = supervisor_pid(path);
	if (!pid)
		cli_fail("gatehouse is not running in %.*s; gatectl start starts it", SLICE_ARG(s->prefix));
	return pid;
}

static bool wait_for_end(pid_t pid, int64_t timeout_ms)
{
	uint64_t until_ms = clock_mono_ms() + (uint64_t)timeout_ms;

	while (kill(pid, 0) == 0 && clock_mono_ms() < until_ms)
		usleep(20000);
	return kill(pid, 0) != 0;
}

static bool terminate(pid_t pid)
{
	kill(pid, SIGTERM);
	if (wait_for_end(pid, STOP_TIMEOUT_MS))
		return true;
	cli_fail("gatehouse (pid %d) did not stop in %d s", (int)pid, STOP_TIMEOUT_MS / 1000);
	return false;
}

static enum exit_code end(const struct cli *c, pid_t pid)
{
	if (!terminate(pid))
		return EXIT_TIMED_OUT;
	report(c, "stopped");
	return EXIT_OK;
}

static enum exit_code run_stop(struct cli *c)
{
	struct settings s;
	pid_t pid = running(c, &s);
	return pid ? end(c, pid) : EXIT_FAILED;
}

const struct command stop_command = {
        .name = "stop",
        .usage = "[--conf FILE] [--prefix DIR] [-o json]",
        .summary = "stop what start started; running requests get shutdown_grace seconds",
        .examples = "  gatectl stop\n  gatectl stop --prefix /var/lib/gatehouse\n",
        .run = run_stop,
};

/* What is wrong with settings or document is found out while there is still somebody to serve. */
static enum exit_code run_restart(struct cli *c)
{
	struct settings s;
	char path[PATH_MAX];

	if (!cli_no_more(c))
		return EXIT_USAGE;
	if (!cli_settings(c, &s) || !machine_check_document(c, &s, "nothing is stopped: "))
		return EXIT_FAILED;
	pid_path(&s, "gatectl", path, sizeof path);
	pid_t pid = supervisor_pid(path);
	if (pid && !terminate(pid))
		return EXIT_TIMED_OUT;
	return run_start(c);
}

const struct command restart_command = {
        .name = "restart",
        .usage = "[--conf FILE] [--prefix DIR] [--foreground] [-o json]",
        .summary = "stop what runs, if anything, and start; reload does the same without a gap",
        .examples = "  gatectl restart\n  gatectl restart --conf /etc/gatehouse/gatehouse.conf\n",
        .run = run_restart,
};

static bool seconds_option(struct cli *c, const char *short_name, const char *long_name, int64_t *ms)
{
	const char *text = cli_option(c, long_name);

	if (!text)
		text = cli_option(c, short_name);
	if (!text)
		return true;
	if (strcmp(text, "0") != 0)
		return cli_duration(long_name, text, ms);
	*ms = 0;
	return true;
}

/* As kong quit: no new connections, running requests end; who is not done by then is stopped. */
static enum exit_code run_quit(struct cli *c)
{
	int64_t timeout_ms = 10000, wait_ms = 0;
	struct settings s;

	if (!seconds_option(c, "-t", "--timeout", &timeout_ms) || !seconds_option(c, "-w", "--wait", &wait_ms) ||
	        !cli_no_more(c))
		return EXIT_USAGE;
	pid_t pid = running(c, &s);
	if (!pid)
		return EXIT_FAILED;
	usleep((useconds_t)wait_ms * 1000);
	kill(pid, SIGQUIT);
	if (!wait_for_end(pid, timeout_ms)) {
		if (!c->json)
			printf("timed out, stopping what still runs\n");
		return end(c, pid);
	}
	report(c, "stopped");
	return EXIT_OK;
}

const struct command quit_command = {
        .name = "quit",
        .usage = "[-t SECONDS] [-w SECONDS] [--conf FILE] [--prefix DIR] [-o json]",
        .summary = "stop when running requests have ended, at most -t seconds (10) after waiting -w seconds (0)",
        .examples = "  gatectl quit\n  gatectl quit -t 60 -w 5 --conf /etc/gatehouse/gatehouse.conf\n",
        .run = run_quit,
};

/* ---- reload ---------------------------------------------------------------------------------------------------- */

static const char *const programs[] = {"gatehouse-cp", "gatehouse-dp"};
enum { PROGRAMS = sizeof programs / sizeof programs[0] };

static bool is_wanted(const struct settings *s, int program)
{
	return !slice_eq(s->role, program == 0 ? S("data_plane") : S("control_plane"));
}

/* Which process wrote the pid file, and when: a reload replaces the file. */
static ino_t pid_file_id(const struct settings *s, int program)
{
	char path[PATH_MAX];
	struct stat st;

	pid_path(s, programs[program], path, sizeof path);
	return supervisor_pid(path) && stat(path, &st) == 0 ? st.st_ino ^ (ino_t)st.st_mtim.tv_nsec : 0;
}

static bool wait_for_reload(const struct settings *s, const ino_t before[PROGRAMS])
{
	uint64_t until_ms = clock_mono_ms() + RELOAD_TIMEOUT_MS;

	for (int i = 0; i < PROGRAMS; i++) {
		ino_t now = before[i];
		while (is_wanted(s, i) && ((now = pid_file_id(s, i)) == 0 || now == before[i])) {
			if (clock_mono_ms() > until_ms)
				return false;
			usleep(20000);
		}
	}
	return true;
}

static enum exit_code run_reload(struct cli *c)
{
	ino_t before[PROGRAMS];
	struct settings s;
	pid_t pid = running(c, &s); /* and the settings are well */

	/* a broken document would only be refused by the control plane, where nobody looks at this moment */
	if (!pid || !machine_check_document(c, &s, "nothing is reloaded: "))
		return EXIT_FAILED;
	for (int i = 0; i < PROGRAMS; i++)
		before[i] = pid_file_id(&s, i);
	kill(pid, SIGHUP);
	if (wait_for_reload(&s, before)) {
		report(c, "reloaded");
		return EXIT_OK;
	}
	cli_fail("gatehouse has not reloaded in %d s and goes on as before; %.*s/logs/error.log says why",
	        RELOAD_TIMEOUT_MS / 1000, SLICE_ARG(s.prefix));
	return EXIT_TIMED_OUT;
}

const struct command reload_command = {
        .name = "reload",
        .usage = "[--conf FILE] [--prefix DIR] [-o json]",
        .summary =
                "read settings and declarative file anew: new processes take over, no connection is refused, running requests end",
        .examples = "  gatectl reload\n  gatectl reload --conf /etc/gatehouse/gatehouse.conf\n",
        .run = run_reload,
};

/* ---- health ---------------------------------------------------------------------------------------------------- */

static bool look_at(const struct cli *c, const struct settings *s, int program, json_t *processes)
{
	char path[PATH_MAX];

	pid_path(s, programs[program], path, sizeof path);
	pid_t pid = supervisor_pid(path);
	if (!c->json)
		printf("%-14s %s\n", programs[program], pid ? "running" : "not running");
	json_array_append_new(processes,
	        json_pack("{s:s, s:b, s:i}", "name", programs[program], "running", pid != 0, "pid", (int)pid));
	return pid != 0;
}

static enum exit_code run_health(struct cli *c)
{
	struct settings s;
	bool all = running(c, &s) != 0;

	if (!all)
		return EXIT_FAILED;
	json_t *processes = json_array();
	for (int i = 0; i < PROGRAMS; i++)
		if (is_wanted(&s, i) && !look_at(c, &s, i, processes))
			all = false;
	json_t *out = json_pack("{s:b, s:s%, s:o}", "healthy", (int)all, "prefix", s.prefix.ptr, s.prefix.len,
	        "processes", processes);
	if (c->json)
		output_json(out);
	else
		printf("gatehouse is %shealthy at %.*s\n", all ? "" : "not ", SLICE_ARG(s.prefix));
	json_decref(out);
	return all ? EXIT_OK : EXIT_FAILED;
}

const struct command health_command = {
        .name = "health",
        .usage = "[--conf FILE] [--prefix DIR] [-o json]",
        .summary = "say whether this machine's processes run",
        .examples = "  gatectl health\n  gatectl health --prefix /var/lib/gatehouse -o json\n",
        .run = run_health,
};
