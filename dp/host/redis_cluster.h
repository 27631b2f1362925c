/* redis_cluster: the map of a Redis Cluster: which of 16384 slots each master has. Every key has a slot: CRC16 of it,
 * or of what stands between the first '{' and the next '}'.
 *
 * The map is asked for when it is needed first, when a node says that a slot has moved and when a node is away; any
 * node is asked, beginning with one that is known to live. */
#ifndef DP_HOST_REDIS_CLUSTER_H
#define DP_HOST_REDIS_CLUSTER_H

#include "dp/host/redis_node.h"

enum { REDIS_SLOTS = 16384 };

struct redis_cluster;

/* Whether there is a map; else nobody could be asked. Once for each time that it was asked for, perhaps from inside
 * of redis_cluster_map(). */
typedef void (*redis_map_fn)(void *arg, bool known);

/* login and conf outlive it; conf names at least one node. */
struct redis_cluster *redis_cluster_new(
        const struct redis_login *login, const struct redis_conf *conf, redis_map_fn fn, void *arg);
void redis_cluster_free(struct redis_cluster *c); /* NULL is fine */

unsigned redis_cluster_slot(struct slice key);

enum redis_map { REDIS_MAP_KNOWN, REDIS_MAP_COMING, REDIS_MAP_AWAY };
/* COMING: wait for redis_map_fn. AWAY: it was asked for in vain just now. Asks when nobody has. */
enum redis_map redis_cluster_map(struct redis_cluster *c);
/* When the map is known. NULL: nobody has the slot. */
struct redis_node *redis_cluster_node(struct redis_cluster *c, unsigned slot);
/* The i-th master, of so many. */
struct redis_node *redis_cluster_master(struct redis_cluster *c, unsigned i);
unsigned redis_cluster_masters(const struct redis_cluster *c);

/* What an error says: "MOVED 3999 127.0.0.1:6381", "ASK ...". NULL: it is neither, or cannot be read. from: who said
 * it. Of MOVED the map takes note. */
struct redis_node *redis_cluster_redirected(
        struct redis_cluster *c, const struct redis_node *from, const char *error, bool *is_ask);
/* The map may be out of date: it is asked for soon, at most once a second. */
void redis_cluster_doubt(struct redis_cluster *c);

#endif
