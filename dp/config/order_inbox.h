/* order_inbox: carries out what the control plane wants done beside the configuration, each once and in order, and
 * keeps what came of it until the control plane has heard. Belongs to the main thread: what takes time is handed on.
 *
 * A new kind of order: a line in the table of dp/main.c, a function here, and orders_give() in the control plane
 * (cp/publish/orders.h). */
#ifndef DP_CONFIG_ORDER_INBOX_H
#define DP_CONFIG_ORDER_INBOX_H

#include <jansson.h>

#include "common/core/slice.h"
#include "proto/sync.pb-c.h"

/* Results are part of a Poll, which has a limit: one that is longer as text is reported as null. */
enum { ORDER_RESULT_MAX = 40 * 1024 };

struct order_handler {
	const char *kind; /* NULL ends the table */
	/* The result, a new reference; NULL: null. payload is JSON of any shape. */
	json_t *(*fn)(const json_t *payload, void *arg);
};

/* What has been carried out, whichever control plane passed it on. Starts zeroed; one for all inboxes of a node. */
struct order_memory {
	uint64_t ids[1024]; /* the newest ones */
	size_t next;
};

/* One per control plane. Embedded; starts with the handlers, arg and memory set and the rest zero. */
struct order_inbox {
	struct order_memory *memory;
	const struct order_handler *handlers; /* NULL: none; every order is done by doing nothing */
	void *arg;
	uint64_t origin, done;
	struct order_result *results, **end; /* oldest first */
};
void order_inbox_fini(struct order_inbox *o);

/* Is there an order that has not been carried out? Then it is time to poll. */
bool order_inbox_are_news(const struct order_inbox *o, const Gatehouse__Sync__Envelope *announcement);
/* The answer to a Poll: what that one carried has been heard; new orders are carried out. True: there are results, it
 * is time to poll. */
bool order_inbox_take(struct order_inbox *o, const Gatehouse__Sync__Envelope *answer);
/* Writes what has been done. The Poll borrows; release it once it has been packed. */
void order_inbox_fill(struct order_inbox *o, Gatehouse__Sync__Poll *p);
void order_inbox_release(Gatehouse__Sync__Poll *p);

#endif
