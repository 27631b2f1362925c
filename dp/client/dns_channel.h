/* dns_channel: c-ares on one of our loops: its sockets, its time-outs, its servers. Private to
 * dns_question.c. */
#ifndef DP_CLIENT_DNS_CHANNEL_H
#define DP_CLIENT_DNS_CHANNEL_H

#include <ares.h>

#include "common/core/map.h"
#include "common/net/loop.h"

struct dns_channel {
	struct loop *loop;
	ares_channel ares;
	struct map sockets; /* fd -> struct event */
	struct loop_timer *tick;
};

/* resolvers: "ip[:port],..."; unset: those of /etc/resolv.conf. */
bool dns_channel_open(struct dns_channel *c, struct loop *l, struct slice resolvers, struct err *e);
/* The servers from the second one on, the first behind them. False: there is but one, or none. */
bool dns_channel_rotate(struct dns_channel *c);
/* Queries that are under way are told so (ARES_EDESTRUCTION). Also after an open that has failed. */
void dns_channel_close(struct dns_channel *c);

#endif
