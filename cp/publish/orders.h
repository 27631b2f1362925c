/* orders: what data planes are to do now, and what came of it: to empty a cache, to mark a target. Not configuration:
 * nothing is stored, and who was away for longer than ORDERS_KEPT_MS never hears of it. proto/README.md says how
 * orders travel; dp/config/order_inbox.h is where they are carried out. One table per process; any thread. */
#ifndef CP_PUBLISH_ORDERS_H
#define CP_PUBLISH_ORDERS_H

#include <jansson.h>

#include "common/core/uuid.h"
#include "proto/sync.pb-c.h"

enum { ORDERS_KEPT = 256, ORDERS_KEPT_MS = 10 * 60 * 1000, ORDERS_PAYLOAD_MAX = 32 * 1024 };

/* Has every data plane carry it out, also those of other control planes on this database (calls.h), and waits, at
 * most timeout_ms, until all that are connected have said what came of it. Returns their results in an array, in no
 * particular order (a new reference); *silent (may be NULL): how many connected ones have not answered yet. kind: any
 * string. payload is borrowed, and has at most ORDERS_PAYLOAD_MAX bytes as text: NULL otherwise, and nothing happens.
 */
json_t *orders_give(const char *kind, const json_t *payload, int timeout_ms, unsigned *silent);

/* How another control plane passes an order on (calls.h): {"id","kind","payload","timeout_ms"} ->
 * {"results":{node: value},"silent":[node]}. */
#define ORDERS_CALL "order"
json_t *orders_call(const json_t *order, void *arg);

/* ---- for the publishing thread ---- */

/* fn(arg) runs on the thread that gives an order, once it can be fetched. fn NULL: nobody is told any more. */
void orders_announce_with(void (*fn)(void *arg), void *arg);
/* What a Poll says of orders. */
void orders_take_results(const struct uuid *node, const Gatehouse__Sync__Poll *p);
/* Writes what there is to announce, and for the answer to a Poll (NULL: an announcement) what that node has not done.
 * The envelope borrows; orders_release() after it has been packed. */
void orders_fill(Gatehouse__Sync__Envelope *e, const Gatehouse__Sync__Poll *p);
void orders_release(Gatehouse__Sync__Envelope *e);

void orders_clear(void); /* Forgets all. */

#endif
