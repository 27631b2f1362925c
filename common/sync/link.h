/* link: the mutual-TLS tunnel that carries nanomsg between planes (house.md section 7).
 *
 * nanomsg has no TLS and no peer identity, and a PUB socket aborts the process when a peer sends it a message. So
 * nanomsg only uses ipc:// sockets in private folders (0700), and link relays bytes between those and TLS 1.3
 * connections with certificates on both sides. ALPN says which socket a connection is for: "gatehouse-pub/1" or
 * "gatehouse-rep/1". "gatehouse-sign/1" is for nodes that want a certificate (sign_client.h), and only there a client
 * may come without one.
 *
 * The server side lets nothing but nanomsg's 8-byte greeting pass towards PUB, and towards REP only well-formed
 * frames of at most LINK_POLL_MAX bytes, each with the node id of the peer's certificate appended as Poll.peer. */
#ifndef COMMON_SYNC_LINK_H
#define COMMON_SYNC_LINK_H

#include "common/net/listener.h"

enum { LINK_POLL_MAX = 64 * 1024, LINK_FRAME_MAX = 1024 * 1024, LINK_HANDSHAKE_MS = 10000 };

/* PEM files, read once, when the link is opened. CRLs in the CA's file, if any, are honoured. */
struct link_certs {
	const char *ca, *cert, *key;
};

/* Would a link open with these? Files that are there, belong together, and a key that nobody else can read. */
bool link_check_certs(const struct link_certs *certs, struct err *e);

/* Who may come in, and who is given a certificate; common to all servers of a process. All of it may be NULL. */
struct link_asked;
struct link_gate {
	/* Is nothing to be told to this node any more? On the link's thread, for each connection. */
	bool (*is_revoked)(const char *node_id, void *arg);
	/* Somebody asks for a certificate. Answered by link_answer() (link_sign.h) from any thread, always. NULL:
	 * nobody is given any. */
	void (*sign)(struct link_asked *asked, void *arg);
	void *arg;
};

/* Control plane. pub_path, rep_path: the ipc sockets (without "ipc://"). Limits: at most max_connections. */
struct link_server;
struct link_server *link_server_open(struct loop *l, const struct listen_spec *spec, const struct link_certs *certs,
        const char *pub_path, const char *rep_path, unsigned max_connections, const struct link_gate *gate,
        struct err *e);
void link_server_close(struct link_server *s);
/* Closes all connections of nodes that gate->is_revoked() names now. */
void link_server_cut_revoked(struct link_server *s);
/* New connections use these from now on; those that are there stay as they are. False: nothing has changed. */
bool link_server_use(struct link_server *s, const struct link_certs *certs, struct err *e);

/* Data plane: listens on two private unix sockets for this process's SUB and REQ sockets and relays each connection
 * to the control plane at host:port. */
struct link_client;
struct link_client *link_client_open(struct loop *l, const char *host, int port, const struct link_certs *certs,
        const char *pub_path, const char *rep_path, struct err *e);
void link_client_close(struct link_client *c);
/* Goes over to other certificates: what is connected connects anew. False: nothing has changed. */
bool link_client_use(struct link_client *c, const struct link_certs *certs, struct err *e);
/* Since when (monotonic ms) there has been no connection to the control plane; 0: there is one now. */
uint64_t link_client_down_since(const struct link_client *c);

#endif
