/* node_status: the part of GET /status that both planes answer (admin-api.md 8.2). The key names are those of the
 * program we stand in for, because monitors read them. */
#ifndef COMMON_SERVE_NODE_STATUS_H
#define COMMON_SERVE_NODE_STATUS_H

#include <jansson.h>

#include "common/serve/stream.h"

/* How sizes are shown: ?unit= and ?scale=. */
struct size_form {
	char unit; /* b, k, m, g */
	int scale; /* decimals */
};

/* From the arguments unit and scale (unset: not there). e is for the client: 400. */
bool size_form_read(struct slice unit, struct slice scale, struct size_form *out, struct err *e);

/* "memory" and "server". New references. */
json_t *node_memory_json(const struct size_form *form);
json_t *node_server_json(const struct server_stats *s);

/* Bytes of this process: address space and what of it is in memory. */
void node_memory(uint64_t *total, uint64_t *resident);

#endif
