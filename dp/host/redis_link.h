/* redis_link: one connection to a Redis server, and commands that wait for one.
 *
 * Commands go out behind each other, those of one turn of the loop in one write; answers come in the same order. The
 * server is not trusted: an answer to nothing, one that is no RESP, one without end end the connection, never the
 * process. hiredis reads and formats; the connection is ours, so it may be TLS and never blocks. */
#ifndef DP_HOST_REDIS_LINK_H
#define DP_HOST_REDIS_LINK_H

#include <hiredis/hiredis.h>

#include "common/core/text.h"
#include "dp/host/dial.h"

/* reply NULL: there will be none. Valid during the call. */
typedef void (*redis_reply_fn)(void *arg, const redisReply *reply);

/* Commands, formatted, and who waits for their answers. A zeroed struct is empty. */
struct redis_queue {
	struct text bytes;
	struct redis_asked *first, *last;
};

/* fn NULL: nobody waits. False, and nothing is put in: too much is waiting already. */
bool redis_queue_put(struct redis_queue *q, const struct slice *args, size_t n, redis_reply_fn fn, void *arg);
/* Each fn runs without an answer; what they put in meanwhile is not touched. */
void redis_queue_fail(struct redis_queue *q);

struct redis_link;

struct redis_link_ops {
	void (*on_open)(void *arg);
	/* The link is over, and gone when this returns; then those who wait are told. */
	void (*on_over)(void *arg, const char *why);
};

/* Never calls back from inside. */
struct redis_link *redis_link_open(
        const struct dialer *from, const struct dial_to *to, const struct redis_link_ops *ops, void *arg);
/* on_over is not called; those who wait are told. NULL is fine. */
void redis_link_close(struct redis_link *k);
/* Nothing more is sent; closed as soon as all are answered, or in a moment. on_over is not called. */
void redis_link_retire(struct redis_link *k);

/* As redis_queue_put. What is sent before on_open goes out then. */
bool redis_link_send(struct redis_link *k, const struct slice *args, size_t n, redis_reply_fn fn, void *arg);
/* All of q, behind what was sent. */
void redis_link_send_all(struct redis_link *k, struct redis_queue *q);
bool redis_link_is_waited_for(const struct redis_link *k); /* for an answer */

#endif
