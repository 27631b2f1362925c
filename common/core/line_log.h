/* line_log: a file of lines that busy threads write without ever waiting for it: access logs.
 *
 * Each producer has a ring of its own, which only it fills and only the log's thread empties; nothing is locked. What
 * finds no room, because the disk is slower than the traffic, is dropped and counted: a log never holds a request up.
 * The thread collects for some milliseconds before it writes, and sleeps while there is nothing. */
#ifndef COMMON_CORE_LINE_LOG_H
#define COMMON_CORE_LINE_LOG_H

#include "common/core/err.h"
#include "common/core/slice.h"

struct line_log;
struct line_ring;

enum { LINE_RING_SIZE = 256 * 1024, LINE_LOG_RINGS = 512 };

/* Opens (appending, made when it is not there) and starts the thread. */
struct line_log *line_log_open(const char *path, struct err *e);
/* Ends the thread after all that was put has been written. Producers must have stopped. NULL is fine. */
void line_log_close(struct line_log *l);
/* A way in for one thread; NULL when there are LINE_LOG_RINGS already. Ends with the log. From any thread. */
struct line_ring *line_log_ring(struct line_log *l);

/* Takes a line, with its final line feed. */
void line_ring_put(struct line_ring *r, struct slice line);

/* Opens the file anew before the next write (after rotation). From any thread, also a signal handler. */
void line_log_reopen(struct line_log *l);
/* Lines that were dropped so far. From any thread. */
uint64_t line_log_lost(const struct line_log *l);

#endif
