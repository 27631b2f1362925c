/* balance_thread: the thread on which a node's balancers live: names of targets are looked up there, addresses
 * probed, views built. Apart from the main thread, so that a large configuration that compiles makes no probe late.
 *
 * Called by the main thread only, which waits for what it asks. */
#ifndef DP_UPSTREAM_BALANCE_THREAD_H
#define DP_UPSTREAM_BALANCE_THREAD_H

#include "common/settings/settings.h"
#include "dp/upstream/report.h"

struct balance_thread;

/* outward: for probes; NULL: none over TLS. changed(arg) runs on `home`, the main thread's loop, soon after something
 * has changed that reports tell. */
struct balance_thread *balance_thread_start(const struct settings *s, struct outward *outward, struct loop *home,
        void (*changed)(void *arg), void *arg, struct err *e);
/* Ends the thread; workers have ended before. NULL is fine. */
void balance_thread_stop(struct balance_thread *t);
/* When no snapshot is left. NULL is fine. */
void balance_thread_free(struct balance_thread *t);

struct balancers *balance_thread_balancers(const struct balance_thread *t);
/* balancers_apply(); then waits until names that are new have been looked up, at most wait_ms: at the start, so that
 * the first requests find their targets (pitfalls.md A4-5). */
void balance_thread_apply(
        struct balance_thread *t, const struct snapshot *was, const struct snapshot *is, uint32_t wait_ms);

/* As balancers_report(), balancers_describe(), balancers_mark(). */
void balance_thread_report(
        struct balance_thread *t, uint64_t after, size_t room, struct arena *a, struct health_batch *out);
Gatehouse__Sync__UpstreamHealth *balance_thread_describe(
        struct balance_thread *t, struct slice name, struct arena *a);
bool balance_thread_mark(struct balance_thread *t, const struct target_mark *m);

#endif
