/* supervisor: keeps the processes of one machine running: starts them, waits until they are ready, restarts what
 * dies. */
#ifndef CP_CLI_SUPERVISOR_H
#define CP_CLI_SUPERVISOR_H

#include <sys/types.h>

#include "common/core/err.h"

enum { CHILDREN_MAX = 2, FORMERS_MAX = 8 };

struct child {
	const char *name;    /* "gatehouse-cp" */
	char path[4096];     /* of the program */
	char pid_file[4096]; /* the program writes it when it is ready */
	const char *conf;    /* NULL: none */
	pid_t pid;           /* 0: not running */
	/* Have handed over and finish what they have begun, oldest first; 0: none. */
	pid_t formers[FORMERS_MAX];
	unsigned failures;    /* in a row, for the back-off */
	long long restart_ms; /* when to start it again; 0: now */
};

struct supervisor {
	struct child children[CHILDREN_MAX];
	int count;
};

/* Starts all and waits until each has written its pid file, at most timeout_s. On failure everything is ended again;
 * the program's own line on stderr says why. */
bool supervisor_start(struct supervisor *s, int timeout_s, struct err *e);
/* Watches until SIGTERM or SIGINT, then ends the children gracefully within STOP_MS; SIGQUIT: without a limit, until
 * a SIGTERM. SIGHUP and SIGUSR1 are passed on. A child may hand over to a successor on SIGHUP: the pid file then
 * names that. */
void supervisor_run(struct supervisor *s);
/* The pid in a pid file when that process lives, else 0. */
pid_t supervisor_pid(const char *pid_file);
/* How long to wait before a process is started again that has failed this often since it was last ready. */
long long supervisor_pause_ms(unsigned failures);

#endif
