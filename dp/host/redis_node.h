/* redis_node: one Redis server (or Sentinel) as a worker knows it: a connection that is logged in, made when it is
 * needed and made again when it was lost.
 *
 * IDLE: nobody has asked, or the server closed a quiet connection. OPENING: what is sent waits until login is done.
 * UP. AWAY: the last attempt failed: what is sent is refused at once, while the node tries again by itself with a
 * growing pause, so that a dead server slows nobody. */
#ifndef DP_HOST_REDIS_NODE_H
#define DP_HOST_REDIS_NODE_H

#include "common/plugin/redis_conf.h"
#include "dp/host/redis_link.h"

struct redis_node;
struct redis_sentinel;

/* What nodes of one configuration have in common. Outlives them, with its strings. */
struct redis_login {
	struct dialer from;
	struct slice username, password, server_name;
	int64_t database;
	bool tls, tls_verify;
	uint32_t connect_ms, answer_ms;
	struct slice script;             /* loaded at login; unset: none */
	const char *role;                /* "master", "slave": what the server must be; NULL: anything */
	struct redis_sentinel *sentinel; /* says where the server is; NULL: the node's own address */
};

struct redis_node *redis_node_new(const struct redis_login *login, struct slice host, int port);
void redis_node_free(struct redis_node *n); /* who waits is told */

/* False: it is away, or too much is waiting. */
bool redis_node_send(struct redis_node *n, const struct slice *args, size_t count, redis_reply_fn fn, void *arg);
/* An answer did not come in time: the connection is given up. */
void redis_node_is_silent(struct redis_node *n);
/* The server is not the one that is wanted (any more): looks for it anew. Who waits for its answer gets it; what is
 * sent from now on waits. */
void redis_node_renew(struct redis_node *n);
/* Login was done and an answer has come: the pause before the next attempt is the shortest again. */
void redis_node_is_well(struct redis_node *n);

bool redis_node_is_up(const struct redis_node *n);
bool redis_node_is_away(const struct redis_node *n);
bool redis_node_is_busy(const struct redis_node *n);      /* somebody waits */
struct slice redis_node_host(const struct redis_node *n); /* where it was last */
int redis_node_port(const struct redis_node *n);

#endif
