/* peers: the other control planes on this database, and their data planes: so that "all data planes" means all of
 * them, whichever control plane they poll.
 *
 * On a thread of its own, with a connection of its own: this control plane writes what it knows when that has changed
 * (every few seconds otherwise), and reads what the others write when they ring, at the latest after a second. What
 * is known of others' data planes is some tenths of a second old. Questions between control planes (calls.h) and the
 * counters that data planes share (shared_counters.h) take the same way. A database that is away is tried again. */
#ifndef CP_PUBLISH_PEERS_H
#define CP_PUBLISH_PEERS_H

#include "common/settings/settings.h"
#include "cp/store/store.h"

enum { PEERS_LOST_MS = 15000 };

struct peers;
/* s must live until peers_stop(). published: which version is, for others (any thread). */
struct peers *peers_start(const struct settings *s, uint64_t (*published)(void *arg), void *arg, struct err *e);
/* This control plane stops, and says so. NULL is fine. */
void peers_stop(struct peers *p);

/* Appends an object per other control plane, as the overview shows them; and to problems, in words, which are lost.
 * Any thread. */
void peers_overview(json_t *array, json_t *problems);

#endif
