/* handover: listening sockets outlive the process that opened them, so that a reload refuses no connection.
 *
 * A process that is to be replaced passes its listening sockets on; whoever takes its place finds them by address,
 * and connections that came meanwhile wait in their queues. A data plane starts a successor beside itself and goes on
 * with what it has begun (proxy.md 10.4); a control plane, which holds nobody's traffic, becomes its own successor by
 * exec. Both only under `gatectl start` (GATEHOUSE_SUPERVISED in the environment), which knows that a pid may change.
 *
 * listener.c tells which sockets there are; main.c decides when. One table per process; any thread. */
#ifndef COMMON_NET_HANDOVER_H
#define COMMON_NET_HANDOVER_H

#include <sys/types.h>

#include "common/core/err.h"
#include "common/core/slice.h"
#include "common/net/loop.h"

/* ---- for listener.c -------------------------------------------------------------------------------------------- */

/* An inherited socket for this address that nobody has taken yet; -1: none. */
int handover_take(struct slice address);
bool handover_has(struct slice address);
void handover_note(struct slice address, int fd); /* is open from now on */
void handover_forget(int fd);                     /* is about to be closed */

/* ---- for main.c ------------------------------------------------------------------------------------------------ */

/* Does somebody watch over this process who expects handovers? */
bool handover_is_supervised(void);
/* Everything listens: closes inherited sockets that nobody has taken, and asks the predecessor, if any, to finish
 * what it has begun and end (SIGQUIT). */
void handover_complete(struct loop *l);

struct successor;
/* Starts this program again with the same arguments and this process's listening sockets. When it ends before it has
 * taken over, or has not taken over within timeout_ms (then it is ended), failed() is called. NULL with e. */
struct successor *successor_start(
        struct loop *l, char *const *argv, int timeout_ms, void (*failed)(void *arg), void *arg, struct err *e);
/* It has taken over: from now on it is only seen to when it ends. */
void successor_has_taken_over(struct successor *s);
void successor_free(struct successor *s); /* NULL is fine; the process goes on */

/* Keeps the listening sockets that are open now beyond the closing of their listeners, for handover_exec(). */
void handover_keep(void);
/* Becomes this program anew, with what handover_keep() has kept. Returns only when that failed. */
void handover_exec(char *const *argv, struct err *e);

#endif
