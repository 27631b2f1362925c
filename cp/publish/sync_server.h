/* sync_server: the REP socket; answers Polls from the history and tells the node table. Belongs to the publishing
 * thread. */
#ifndef CP_PUBLISH_SYNC_SERVER_H
#define CP_PUBLISH_SYNC_SERVER_H

#include "common/net/loop.h"
#include "cp/publish/history.h"

struct sync_server;

/* last_read_ms: when the database last answered, for telling a data plane that is ahead for a moment (it has followed
 * another control plane) from one of a history that no longer exists. */
struct sync_server *sync_server_open(struct loop *l, const char *path, struct history *h,
        uint64_t (*last_read_ms)(void *arg), void *arg, struct err *e);
void sync_server_close(struct sync_server *s);

/* The answer to one packed Poll, as a packed Envelope; malloc'ed, caller frees. */
size_t sync_server_answer(struct sync_server *s, struct slice poll, uint8_t **out);

#endif
