/* calls: what the control planes on one database ask each other, since each knows its own data planes only: to pass
 * an order on, how targets are. A question and its answers go through the database (cp/store/presence.h) on the
 * thread of peers.c, in milliseconds. Without a database, or with nobody else on it, nobody answers and nobody is
 * waited for. One table per process; any thread. */
#ifndef CP_PUBLISH_CALLS_H
#define CP_PUBLISH_CALLS_H

#include <jansson.h>

#include "common/core/slice.h"

enum { CALLS_TIMEOUT_MAX_MS = 10000, CALLS_PEERS_MAX = 32 };

/* For calls and for what they carry: positive, at random, and whole in JSON. */
int64_t calls_new_id(void);

/* Asks all others. payload is borrowed, until the return only. */
struct call;
struct call *calls_begin(const char *what, const json_t *payload, int timeout_ms);
/* Waits until each has answered that has been heard of lately, or the time is over. The answers as an array, a new
 * reference; c is gone. */
json_t *calls_end(struct call *c);
json_t *calls_ask(const char *what, const json_t *payload, int timeout_ms); /* both */

/* Who answers such a question: on a thread of its own, so fn may wait. A new reference. fn NULL: nobody any more.
 * what: a literal. */
typedef json_t *(*call_fn)(const json_t *payload, void *arg);
void calls_serve(const char *what, call_fn fn, void *arg);

/* ---- for peers.c: how they get there ---- */

/* wake(arg): there is something to send; from any thread. NULL: the way is closed, whoever waits is answered with
 * what there is; returns when nobody serves any more. */
void calls_connect(void (*wake)(void *arg), void *arg);
/* Who is there to answer: 36 characters each. */
void calls_set_peers(const struct slice *ids, size_t count);
/* The next question to send: false: none. The text is the caller's to free. Unsent ones of whom nobody waits any more
 * are left out. */
bool calls_next_question(int64_t *id, char **what, char **payload);
/* It cannot be sent, nor can others: whoever waits is not kept waiting. */
void calls_fail(void);
bool calls_are_open(void); /* answers are awaited */
void calls_take_answer(int64_t id, const char *peer, json_t *answer);
/* A question of another one; the same one again is none. */
void calls_take_question(int64_t id, const char *what, const json_t *payload);
bool calls_next_answer(int64_t *id, char **answer);

#endif
