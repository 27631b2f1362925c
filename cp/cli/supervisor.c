/* supervisor: see supervisor.h. Signals arrive through sigwait, so nothing happens behind the code's back. */
#include "cp/cli/supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/core/clock.h"
#include "common/core/log.h"

enum { POLL_MS = 20, BACKOFF_FIRST_MS = 200, BACKOFF_LAST_MS = 10000, STOP_MS = 15000 };

static void watched_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGQUIT);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGUSR1);
	sigaddset(set, SIGCHLD);
}

static void exec_child(const struct child *c, pid_t parent)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);       /* a supervisor that is killed does not leave orphans */
	setenv("GATEHOUSE_SUPERVISED", "1", 1); /* common/net/handover.h */
	if (getppid() != parent)
		_exit(1);
	if (c->conf)
		execl(c->path, c->name, "--conf", c->conf, (char *)NULL);
	else
		execl(c->path, c->name, (char *)NULL);
	fprintf(stderr, "gatectl: cannot run '%s': %s\n", c->path, strerror(errno));
	_exit(127);
}

static bool spawn(struct child *c, struct err *e)
{
	pid_t parent = getpid();
	unlink(c->pid_file);
	c->pid = fork();
	if (c->pid == 0)
		exec_child(c, parent);
	if (c->pid < 0) {
		c->pid = 0;
		return err_set(e, "cannot start %s: %s", c->name, strerror(errno));
	}
	return true;
}

pid_t supervisor_pid(const char *pid_file)
{
	FILE *f = fopen(pid_file, "re");
	long pid = 0;
	if (!f)
		return 0;
	if (fscanf(f, "%ld", &pid) != 1)
		pid = 0;
	fclose(f);
	return pid > 0 && kill((pid_t)pid, 0) == 0 ? (pid_t)pid : 0;
}

/* ---- processes that hand over ---------------------------------------------------------------------------------- */

static void drop_former(struct child *c, int at)
{
	memmove(&c->formers[at], &c->formers[at + 1], (size_t)(FORMERS_MAX - 1 - at) * sizeof c->formers[0]);
	c->formers[FORMERS_MAX - 1] = 0;
}

static void add_former(struct child *c, pid_t pid)
{
	int n = 0;

	if (c->formers[FORMERS_MAX - 1]) { /* the oldest has had its time */
		kill(c->formers[0], SIGTERM);
		drop_former(c, 0);
	}
	while (c->formers[n])
		n++;
	c->formers[n] = pid;
}

static bool has_vanished(pid_t pid)
{
	return pid && kill(pid, 0) < 0 && errno == ESRCH;
}

/* The successor named by the pid file becomes the child; the one before it is only waited for. As long as that lives,
 * the successor is its child, not ours; then it is ours, because orphans of this tree come to us. */
static void adopt(struct child *c)
{
	pid_t named = supervisor_pid(c->pid_file);

	if (!named || named == c->pid || !c->pid)
		return;
	log_notice("a new process has taken over", LOG_STR("process", c->name), LOG_INT("pid", named));
	add_former(c, c->pid);
	c->pid = named;
}

/* Forgets formers that have ended, whoever was told of it. */
static void forget_formers(struct child *c, pid_t ended)
{
	for (int i = 0; i < FORMERS_MAX && c->formers[i];) {
		if (c->formers[i] == ended || has_vanished(c->formers[i]))
			drop_former(c, i);
		else
			i++;
	}
}

/* Collects what has ended; returns the child that is to be started again, or NULL. */
static struct child *reap(struct supervisor *s, int *status)
{
	pid_t pid = waitpid(-1, status, WNOHANG);
	for (int i = 0; i < s->count; i++) {
		struct child *c = &s->children[i];
		adopt(c);
		forget_formers(c, pid > 0 ? pid : 0);
		if ((pid > 0 && c->pid == pid) || has_vanished(c->pid)) {
			c->pid = 0;
			return c;
		}
	}
	return NULL;
}

static void sleep_ms(int ms)
{
	struct timespec t = {ms / 1000, (ms % 1000) * 1000000L};
	nanosleep(&t, NULL);
}

static bool any_running(const struct supervisor *s)
{
	for (int i = 0; i < s->count; i++)
		if (s->children[i].pid || s->children[i].formers[0])
			return true;
	return false;
}

static void signal_all(struct supervisor *s, int number)
{
	for (int i = 0; i < s->count; i++) {
		adopt(&s->children[i]); /* the one of now is meant */
		if (s->children[i].pid)
			kill(s->children[i].pid, number);
		for (int k = 0; k < FORMERS_MAX && s->children[i].formers[k] && number != SIGHUP; k++)
			kill(s->children[i].formers[k], number);
	}
}

static void end_all(struct supervisor *s)
{
	int status;
	signal_all(s, SIGTERM);
	for (int waited = 0; any_running(s) && waited < STOP_MS; waited += POLL_MS)
		if (!reap(s, &status))
			sleep_ms(POLL_MS);
	signal_all(s, SIGKILL);
	while (any_running(s))
		if (!reap(s, &status))
			sleep_ms(POLL_MS);
}

static bool wait_ready(struct supervisor *s, struct child *c, long long deadline_ms, struct err *e)
{
	while (supervisor_pid(c->pid_file) != c->pid) {
		int status;
		struct child *gone = reap(s, &status);
		if (gone)
			return err_set(e, "%s did not start (its message is above)", gone->name);
		if ((long long)clock_mono_ms() > deadline_ms)
			return err_set(e, "%s was not ready in time", c->name);
		sleep_ms(POLL_MS);
	}
	return true;
}

bool supervisor_start(struct supervisor *s, int timeout_s, struct err *e)
{
	long long deadline_ms = (long long)clock_mono_ms() + timeout_s * 1000LL;
	sigset_t set;

	watched_signals(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	for (int i = 0; i < s->count; i++)
		if (!spawn(&s->children[i], e) || !wait_ready(s, &s->children[i], deadline_ms, e)) {
			end_all(s);
			return false;
		}
	return true;
}

long long supervisor_pause_ms(unsigned failures)
{
	long long pause_ms = (long long)BACKOFF_FIRST_MS << (failures < 6 ? failures : 6);
	return pause_ms < BACKOFF_LAST_MS ? pause_ms : BACKOFF_LAST_MS;
}

static void plan_restart(struct child *c, int status)
{
	long long wait_ms = supervisor_pause_ms(c->failures);
	c->failures++;
	c->restart_ms = (long long)clock_mono_ms() + wait_ms;
	log_error("process ended, restarting it", LOG_STR("process", c->name),
	        LOG_INT("exit", WIFEXITED(status) ? WEXITSTATUS(status) : -1),
	        LOG_INT("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0), LOG_INT("wait_ms", wait_ms));
}

static void restart_due(struct supervisor *s)
{
	long long now = (long long)clock_mono_ms();
	for (int i = 0; i < s->count; i++) {
		struct child *c = &s->children[i];
		struct err e;
		if (c->pid && supervisor_pid(c->pid_file) == c->pid)
			c->failures = 0;
		if (!c->pid && now >= c->restart_ms && !spawn(c, &e))
			log_error(e.message);
	}
}

/* Until all have ended, or somebody loses patience. */
static void end_politely(struct supervisor *s, const sigset_t *set)
{
	struct timespec patience = {0, POLL_MS * 1000000L};
	int status;

	signal_all(s, SIGQUIT);
	while (any_running(s)) {
		int number = sigtimedwait(set, NULL, &patience);
		if (number == SIGTERM || number == SIGINT)
			return;
		reap(s, &status);
	}
}

void supervisor_run(struct supervisor *s)
{
	sigset_t set;
	watched_signals(&set);
	for (;;) {
		struct timespec patience = {0, 200 * 1000000L};
		int number = sigtimedwait(&set, NULL, &patience), status;
		if (number == SIGQUIT)
			end_politely(s, &set);
		if (number == SIGTERM || number == SIGINT || number == SIGQUIT)
			break;
		if (number == SIGHUP || number == SIGUSR1)
			signal_all(s, number);
		for (struct child *c; (c = reap(s, &status)) != NULL;)
			plan_restart(c, status);
		restart_due(s);
	}
	end_all(s);
}
