/* sinks_private: what sinks.c and the ways of delivering (sink_send.c) share. */
#ifndef DP_HOST_SINKS_PRIVATE_H
#define DP_HOST_SINKS_PRIVATE_H

#include "dp/host/dial.h"
#include "dp/host/fetch.h"
#include "dp/host/sinks.h"

struct entry {
	struct entry *next;
	size_t len;
	char bytes[];
};

struct queue {
	struct sinks *sinks;
	struct host_worker *worker;
	struct sink sink; /* a copy, on the arena */
	struct arena arena;
	struct entry *first, **last;
	uint32_t count;
	uint64_t bytes;
	struct delivery *under_way; /* list */
	uint32_t deliveries;        /* its length */
	bool warned;                /* of being nearly full */
	bool is_due;                /* `due` is deferred */
	bool is_gone;               /* and is the last that knows of it */
	struct timeout timer;       /* coalescing, or idle */
	struct loop_deferred due;
	/* what the ways of delivering keep between deliveries */
	int fd;
	struct conn *conn;
	struct delivery *user; /* of conn */
};

struct delivery {
	struct queue *queue;
	struct delivery *prev, *next;
	struct entry *first;
	uint32_t count;
	struct text body;
	struct arena arena;
	uint64_t since_ms; /* of the first try */
	uint32_t pause_ms;
	struct timeout timer;
	struct fetching *fetching;
	struct fetch fetch;
	struct dial *dial;
	struct dns_query *query;
};

/* Tries to deliver; sink_sent() follows, perhaps from inside. */
void sink_send(struct delivery *d);
void sink_sent(struct delivery *d, const char *error); /* NULL: delivered */
/* Forgets what is under way and what is kept. */
void sink_cancel(struct delivery *d);
void sink_close(struct queue *q);

#endif
