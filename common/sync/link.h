/* link: the mutual-TLS tunnel that carries nanomsg between planes (house.md section 7).
 *
 * nanomsg has no TLS and no peer identity, and a PUB socket aborts the process when a peer sends it a message. So
 * nanomsg only uses ipc:// sockets in private folders (0700), and link relays bytes between those and TLS 1.3
 * connections with certificates on both sides. ALPN says which socket a connection is for: "gatehouse-pub/1" or
 * "gatehouse-rep/1".
 *
 * The server side lets nothing but nanomsg's 8-byte greeting pass towards PUB, and towards REP only well-formed
 * frames of at most LINK_POLL_MAX bytes, each with the node id of the peer's certificate appended as Poll.peer. */
#ifndef COMMON_SYNC_LINK_H
#define COMMON_SYNC_LINK_H

#include "common/net/listener.h"

enum { LINK_POLL_MAX = 64 * 1024, LINK_FRAME_MAX = 1024 * 1024, LINK_HANDSHAKE_MS = 10000 };

struct link_certs {
	const char *ca, *cert, *key; /* PEM files */
};

/* Control plane. pub_path, rep_path: the ipc sockets (without "ipc://"). Limits: at most max_connections. */
struct link_server;
struct link_server *link_server_open(struct loop *l, const struct listen_spec *spec, const struct link_certs *certs,
        const char *pub_path, const char *rep_path, unsigned max_connections, struct err *e);
void link_server_close(struct link_server *s);

/* Data plane: listens on two private unix sockets for this process's SUB and REQ sockets and relays each connection
 * to the control plane at host:port. */
struct link_client;
struct link_client *link_client_open(struct loop *l, const char *host, int port, const struct link_certs *certs,
        const char *pub_path, const char *rep_path, struct err *e);
void link_client_close(struct link_client *c);
/* Since when (monotonic ms) there has been no connection to the control plane; 0: there is one now. */
uint64_t link_client_down_since(const struct link_client *c);

#endif
