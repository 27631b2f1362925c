/* sp: nanomsg sockets on unix sockets, with every size set explicitly (house.md section 7). */
#ifndef COMMON_SYNC_SP_H
#define COMMON_SYNC_SP_H

#include "common/core/err.h"

/* Opens a socket of this nanomsg protocol (NN_PUB, NN_REP) and binds it to the unix socket `path`; -1 with e on
 * failure. */
int sp_bind(int protocol, const char *path, struct err *e);
/* Opens a socket (NN_SUB: subscribed to all, NN_REQ) that connects to `path`, again and again while there is nobody.
 */
int sp_connect(int protocol, const char *path, struct err *e);
/* The descriptor that is readable while a message waits to be received. */
int sp_readable_fd(int socket);

#endif
