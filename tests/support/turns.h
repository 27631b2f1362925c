/* turns: runs a loop inside a test, and connects it with sockets that the test holds the other end of. */
#ifndef TESTS_SUPPORT_TURNS_H
#define TESTS_SUPPORT_TURNS_H

#include "common/net/conn.h"

struct loop *turns_loop(void);
/* Runs the loop until done(arg), at most ms; what done() says at last. done NULL: runs for ms. */
bool turns_until(struct loop *l, uint32_t ms, bool (*done)(void *arg), void *arg);
void turns_for(struct loop *l, uint32_t ms);

/* A TCP connection over loopback: both ends as non-blocking sockets; returns the near one. */
int turns_sockets(int *far_end);
/* The near end as a conn that nobody owns. */
struct conn *turns_pair(struct loop *l, int *far_end);
/* A listening socket on a free port of 127.0.0.1. */
int turns_listen(int *port);

void turns_send(int fd, const char *bytes);
/* Waits until what the far end has received holds `mark`, at most 2 s; what it has received. Fails the test
 * otherwise. The result is valid until the next call. */
const char *turns_receive(struct loop *l, int fd, const char *mark);
/* Has the near end closed, after all that was received? */
bool turns_is_closed(int fd);

#endif
