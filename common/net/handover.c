/* handover: see handover.h. The sockets' numbers travel in the environment, as "127.0.0.1:8000=7;127.0.0.1:8000=8".
 */
#include "common/net/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/core/clock.h"
#include "common/core/log.h"
#include "common/core/text.h"

enum { SOCKETS_MAX = 2048, ADDRESS_MAX = 80, LOOK_MS = 50 };

static const char FDS[] = "GATEHOUSE_LISTEN_FDS", PREDECESSOR[] = "GATEHOUSE_PREDECESSOR",
                  SUPERVISED[] = "GATEHOUSE_SUPERVISED", SELF[] = "/proc/self/exe", DELETED[] = " (deleted)";

struct entry {
	char address[ADDRESS_MAX];
	int fd;
};

static struct {
	pthread_mutex_t lock;
	bool is_read;
	struct entry open[SOCKETS_MAX], inherited[SOCKETS_MAX];
	size_t open_count, inherited_count;
	pid_t predecessor;
} table = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- what was inherited ---------------------------------------------------------------------------------------- */

static bool is_listening(int fd)
{
	int listening = 0;
	socklen_t len = sizeof listening;

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0 && listening;
}

static void inherit(struct slice item)
{
	struct slice address = slice_cut(&item, '=');
	int64_t fd;

	if (!slice_is_set(item) || !slice_to_int(item, &fd) || fd < 3 || fd > INT32_MAX ||
	        address.len >= ADDRESS_MAX || table.inherited_count == SOCKETS_MAX || !is_listening((int)fd))
		return;
	struct entry *e = &table.inherited[table.inherited_count++];
	snprintf(e->address, sizeof e->address, "%.*s", SLICE_ARG(address));
	e->fd = (int)fd;
	fcntl(e->fd, F_SETFD, FD_CLOEXEC); /* for us, not for programs that we may start */
}

static void enter(void)
{
	pthread_mutex_lock(&table.lock);
	if (table.is_read)
		return;
	table.is_read = true;
	const char *fds = getenv(FDS), *predecessor = getenv(PREDECESSOR);
	for (struct slice rest = slice_cstr(fds); slice_is_set(rest) && fds;)
		inherit(slice_cut(&rest, ';'));
	table.predecessor = predecessor ? (pid_t)atoi(predecessor) : 0;
	unsetenv(FDS);
	unsetenv(PREDECESSOR);
}

static void leave(void)
{
	pthread_mutex_unlock(&table.lock);
}

static ptrdiff_t find(struct slice address)
{
	for (size_t i = 0; i < table.inherited_count; i++)
		if (slice_eq(slice_cstr(table.inherited[i].address), address))
			return (ptrdiff_t)i;
	return -1;
}

int handover_take(struct slice address)
{
	enter();
	ptrdiff_t at = find(address);
	int fd = at < 0 ? -1 : table.inherited[at].fd;
	if (at >= 0)
		table.inherited[at] = table.inherited[--table.inherited_count];
	leave();
	return fd;
}

bool handover_has(struct slice address)
{
	enter();
	bool has = find(address) >= 0;
	leave();
	return has;
}

void handover_note(struct slice address, int fd)
{
	enter();
	if (table.open_count < SOCKETS_MAX && address.len < ADDRESS_MAX) {
		struct entry *e = &table.open[table.open_count++];
		snprintf(e->address, sizeof e->address, "%.*s", SLICE_ARG(address));
		e->fd = fd;
	}
	leave();
}

void handover_forget(int fd)
{
	enter();
	for (size_t i = 0; i < table.open_count; i++)
		if (table.open[i].fd == fd) {
			table.open[i] = table.open[--table.open_count];
			break;
		}
	leave();
}

bool handover_is_supervised(void)
{
	return getenv(SUPERVISED) != NULL;
}

/* ---- taking over ----------------------------------------------------------------------------------------------- */

/* When the predecessor has ended, whoever watched over it is our parent: end with it, as a first process would. */
static void look_at_parent(void *arg)
{
	struct loop_timer **timer = arg;

	if (getppid() == table.predecessor)
		return;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	loop_timer_free(*timer);
	*timer = NULL;
}

void handover_complete(struct loop *l)
{
	static struct loop_timer *timer;

	enter();
	while (table.inherited_count > 0)
		close(table.inherited[--table.inherited_count].fd);
	pid_t predecessor = table.predecessor;
	leave();
	if (predecessor <= 1 || getppid() != predecessor)
		return;
	kill(predecessor, SIGQUIT);
	timer = loop_timer_new(l, LOOK_MS, true, look_at_parent, &timer);
}

/* ---- passing on
 * ---------------------------------------------------------------------------------------------------- */

static void put_fds(struct text *out)
{
	text_printf(out, "%s=", FDS);
	for (size_t i = 0; i < table.open_count; i++)
		text_printf(out, "%s%s=%d", i > 0 ? ";" : "", table.open[i].address, table.open[i].fd);
}

struct successor {
	struct loop *loop;
	struct loop_timer *timer;
	pid_t pid;
	uint64_t until_ms; /* 0: it has taken over */
	void (*failed)(void *arg);
	void *arg;
};

/* This program as it is on disk now: after an upgrade of the package that is the new one, and SELF still the old. */
static const char *program(char path[PATH_MAX])
{
	ssize_t n = readlink(SELF, path, PATH_MAX - 1);

	if (n <= 0)
		return SELF;
	path[n] = '\0';
	size_t end = (size_t)n - (sizeof DELETED - 1);
	if ((size_t)n > sizeof DELETED && strcmp(path + end, DELETED) == 0)
		path[end] = '\0';
	return access(path, X_OK) == 0 ? path : SELF;
}

static bool start_program(pid_t *pid, char *const *argv, char **environment, struct err *e)
{
	char path[PATH_MAX];
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none;

	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawn_file_actions_init(&actions);
	for (size_t i = 0; i < table.open_count; i++) /* onto itself: kept open beyond exec */
		posix_spawn_file_actions_adddup2(&actions, table.open[i].fd, table.open[i].fd);
	int problem = posix_spawn(pid, program(path), &actions, &attr, argv, environment);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	return problem == 0 || err_set(e, "cannot start a successor: %s", strerror(problem));
}

/* Our environment and two more; caller frees the array. */
static char **environment_with(char *first, char *second)
{
	size_t n = 0;

	while (environ[n])
		n++;
	char **out = calloc(n + 3, sizeof *out);
	if (!out)
		abort();
	memcpy(out, environ, n * sizeof *out);
	out[n] = first;
	out[n + 1] = second;
	return out;
}

static void end_timer(struct successor *s)
{
	loop_timer_free(s->timer);
	s->timer = NULL;
}

/* Also sees to it that an ended successor does not stay a zombie. */
static void look_at_successor(void *arg)
{
	struct successor *s = arg;
	bool is_late = s->until_ms && clock_mono_ms() > s->until_ms;

	if (is_late)
		kill(s->pid, SIGKILL);
	if (waitpid(s->pid, NULL, is_late ? 0 : WNOHANG) == 0)
		return;
	bool failed = s->until_ms != 0;
	end_timer(s);
	if (failed)
		s->failed(s->arg);
}

struct successor *successor_start(
        struct loop *l, char *const *argv, int timeout_ms, void (*failed)(void *arg), void *arg, struct err *e)
{
	struct successor *s = calloc(1, sizeof *s);
	struct text fds = {0};
	char predecessor[64];

	if (!s)
		abort();
	*s = (struct successor){
	        .loop = l, .until_ms = clock_mono_ms() + (uint64_t)timeout_ms, .failed = failed, .arg = arg};
	enter();
	put_fds(&fds);
	snprintf(predecessor, sizeof predecessor, "%s=%d", PREDECESSOR, (int)getpid());
	char **environment = environment_with(fds.ptr, predecessor);
	bool ok = start_program(&s->pid, argv, environment, e);
	leave();
	free(environment);
	text_fini(&fds);
	if (ok) {
		s->timer = loop_timer_new(l, LOOK_MS, true, look_at_successor, s);
		return s;
	}
	free(s);
	return NULL;
}

void successor_has_taken_over(struct successor *s)
{
	s->until_ms = 0;
}

void successor_free(struct successor *s)
{
	if (!s)
		return;
	end_timer(s);
	free(s);
}

/* ---- exec
 * ---------------------------------------------------------------------------------------------------------- */

void handover_keep(void)
{
	enter();
	for (size_t i = 0; i < table.open_count; i++)
		table.open[i].fd = dup(table.open[i].fd); /* without FD_CLOEXEC */
	leave();
}

void handover_exec(char *const *argv, struct err *e)
{
	char path[PATH_MAX];
	struct text fds = {0};
	sigset_t none;

	enter();
	put_fds(&fds);
	leave();
	putenv(fds.ptr);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execv(program(path), argv);
	err_set(e, "cannot become a new process: %s", strerror(errno));
}
