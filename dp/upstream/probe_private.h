/* What probe.c and probe_grpc.c share. */
#ifndef DP_UPSTREAM_PROBE_PRIVATE_H
#define DP_UPSTREAM_PROBE_PRIVATE_H

#include "common/core/text.h"
#include "common/net/conn.h"
#include "dp/upstream/probe.h"

struct probe_grpc;

struct probe {
	struct loop *loop;
	probe_fn fn; /* NULL: cancelled */
	void *arg;
	struct conn *conn;
	bool is_tcp, is_grpc, is_tls, over;
	uint32_t timeout_ms;
	struct text request; /* its bytes; of grpc: the authority */
	struct probe_grpc *grpc;
	struct loop_deferred start, grave;
};

void probe_end(struct probe *p, enum probe_outcome outcome, int status, const char *detail);

/* probe_grpc.c: grpc.health.v1.Health/Check of the empty service; SERVING is 200, anything else 503 (DEV-13). */
void probe_grpc_begin(struct probe *p); /* connected */
void probe_grpc_read(struct probe *p);
void probe_grpc_free(struct probe *p);

#endif
