/* conn_private: what conn.c (life and events), conn_io.c (bytes) and conn_tls.c (TLS) share. */
#ifndef COMMON_NET_CONN_PRIVATE_H
#define COMMON_NET_CONN_PRIVATE_H

#include "common/net/conn.h"

/* May bytes of the owner go out now? */
static inline bool conn_is_open(const struct conn *c)
{
	return !c->connecting && !c->handshaking && !c->closed;
}

/* Sends from the queue while the socket takes it. False: broken. */
bool conn_flush(struct conn *c);
/* FIN, once nothing is queued. */
void conn_send_fin(struct conn *c);

/* ---- conn_tls.c ---- */

void conn_tls_begin(struct conn *c, bool server);
enum handshake_result { HANDSHAKE_DONE, HANDSHAKE_WAIT, HANDSHAKE_FAILED };
enum handshake_result conn_tls_handshake(struct conn *c);
enum io_result conn_tls_read(struct conn *c, char *to, size_t room, size_t *n);
/* Bytes taken, perhaps fewer than given (can_write is false then); -1: broken. */
ssize_t conn_tls_write(struct conn *c, const struct iovec *parts, int n);
void conn_tls_notify_close(struct conn *c);
void conn_tls_free(struct conn *c);

#endif
