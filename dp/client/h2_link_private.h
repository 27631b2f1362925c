/* h2_link_private: what h2_link.c (the connection) and h2_client.c (the exchanges) share.
 *
 * As in the server (common/serve/h2_private.h), nghttp2's callbacks call nobody: they note what has happened, and
 * dispatch() tells it afterwards; nothing is written but at the end of a turn. */
#ifndef DP_CLIENT_H2_LINK_PRIVATE_H
#define DP_CLIENT_H2_LINK_PRIVATE_H

#include "dp/client/h2_client.h"

enum {
	H2_LINK_STREAMS = 100, /* at a time, or fewer when the upstream says so */
	H2_LINK_INTERIM_MAX = 16,
	H2_LINK_WINDOW = 1024 * 1024, /* of the connection; of a stream it is the initial 64 KiB */
	H2_LINK_READS_PER_TURN = 16,
};

struct h2_link {
	struct conn *conn;
	nghttp2_session *session;
	struct h2_link_limits limits;
	void (*on_gone)(struct h2_link *link, void *arg);
	void *arg;

	struct h2_out out;
	struct h2_client *exchanges;
	uint32_t count, carried;
	struct h2_client *due, *due_last;

	struct h2_reader reader;   /* of the header block that is being received ... */
	struct h2_client *heading; /* ... and whose it is; NULL: nobody's */

	uint64_t asked; /* bytes in when the PING was sent that waits for its answer */
	bool ready, gone, closed, pumping, asking;
	enum client_failure failure; /* what its end is for the exchanges it had */
	const char *why;
	struct loop_deferred grave;
};

/* ---- h2_link.c ---- */

void h2_link_wake(struct h2_link *link);
void h2_link_due(struct h2_client *x);
/* Takes the exchange off its link. */
void h2_link_detach(struct h2_client *x);

/* ---- h2_client.c: what nghttp2 tells ---- */

nghttp2_session *h2_client_session(struct h2_link *link);
/* Tells the owner one of the things that have happened. */
void h2_client_tell(struct h2_client *x);
void h2_client_arm(struct h2_client *x);

#endif
