/* publisher: see publisher.h. */
#include "cp/publish/publisher.h"

#include <nanomsg/nn.h>
#include <nanomsg/pubsub.h>
#include <stdlib.h>

#include "common/core/log.h"
#include "common/sync/sp.h"
#include "cp/publish/orders.h"

struct publisher {
	int socket;
};

struct publisher *publisher_open(const char *path, struct err *e)
{
	struct publisher *p = calloc(1, sizeof *p);
	if (!p)
		abort();
	p->socket = sp_bind(NN_PUB, path, e);
	if (p->socket >= 0)
		return p;
	free(p);
	return NULL;
}

void publisher_close(struct publisher *p)
{
	if (!p)
		return;
	nn_close(p->socket);
	free(p);
}

static void send_bytes(struct publisher *p, const void *bytes, size_t len)
{
	if (nn_send(p->socket, bytes, len, NN_DONTWAIT) < 0)
		log_warn("cannot publish", LOG_STR("error", nn_strerror(nn_errno())), LOG_INT("bytes", len));
}

void publisher_send(struct publisher *p, const struct packed_delta *d)
{
	uint8_t *bytes;
	if (delta_parts(d) > 1) {
		publisher_announce(p, d->epoch, d->version);
		return;
	}
	size_t len = delta_envelope(d, 0, &bytes);
	send_bytes(p, bytes, len);
	free(bytes);
}

void publisher_announce(struct publisher *p, const char *epoch, uint64_t version)
{
	Gatehouse__Sync__Envelope e = GATEHOUSE__SYNC__ENVELOPE__INIT;
	e.epoch = (char *)epoch;
	e.version = version;
	orders_fill(&e, NULL);
	uint8_t bytes[256];
	if (gatehouse__sync__envelope__get_packed_size(&e) <= sizeof bytes)
		send_bytes(p, bytes, gatehouse__sync__envelope__pack(&e, bytes));
}
