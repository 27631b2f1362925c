/* publisher: the PUB socket. What it sends may get lost (nanomsg drops when a subscriber's buffers are full), so it
 * only makes things quick; Polls make them right. */
#ifndef CP_PUBLISH_PUBLISHER_H
#define CP_PUBLISH_PUBLISHER_H

#include "common/sync/delta.h"

struct publisher;

/* path: of the unix socket, in a folder that only we can enter: whoever can reach this socket can abort the process.
 */
struct publisher *publisher_open(const char *path, struct err *e);
void publisher_close(struct publisher *p);

/* The whole delta when it fits one envelope (two in a row to the same subscriber would mostly lose the second), else
 * only word that there is a newer version. */
void publisher_send(struct publisher *p, const struct packed_delta *d);
/* Word that this version is current, and which order is the newest: whoever has not got them polls. */
void publisher_announce(struct publisher *p, const char *epoch, uint64_t version);

#endif
