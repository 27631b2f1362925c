/* peers: the other control planes on this database, and their data planes: so that "all data planes" means all of
 * them, whichever control plane they poll.
 *
 * Once a second, on the upkeep's thread: this control plane writes what it knows when that has changed (every few
 * seconds otherwise), and reads what the others wrote. What is known of others' data planes is about a second old. */
#ifndef CP_PUBLISH_PEERS_H
#define CP_PUBLISH_PEERS_H

#include "cp/store/store.h"

enum { PEERS_EVERY_MS = 1000, PEERS_LOST_MS = 15000 };

struct peers;
/* id: of this node. */
struct peers *peers_new(const char *id);
void peers_free(struct peers *p);
/* A round. version: that is published. */
bool peers_round(struct peers *p, struct store *st, uint64_t version, struct fault *f);
/* This control plane stops. */
void peers_leave(struct peers *p, struct store *st);

/* Appends an object per other control plane, as the overview shows them; and to problems, in words, which are lost.
 * Any thread. */
void peers_overview(json_t *array, json_t *problems);

#endif
