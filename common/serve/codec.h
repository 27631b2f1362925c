/* codec: how one protocol version serves streams. See stream.h for what each function does. */
#ifndef COMMON_SERVE_CODEC_H
#define COMMON_SERVE_CODEC_H

#include "common/serve/stream.h"

struct server_conn; /* server_private.h: what the connections of all versions begin with */

struct codec {
	const char *name; /* "HTTP/1.1" */
	/* Takes over a connection: its ops, its owner and its end. */
	void (*accept)(struct server *sv, const struct listen_spec *listener, struct conn *c);
	void (*drain)(struct server_conn *sc); /* see server_drain(), for one connection */
	void (*close)(struct server_conn *sc); /* removes it from the server's list */
	void (*read_body)(struct stream *s, bool on);
	void (*respond)(struct stream *s, const struct head *response, struct slice piece, bool last);
	void (*send)(struct stream *s, struct slice piece, bool last);
	void (*send_trailers)(struct stream *s, const struct head *trailers);
	size_t (*queued)(const struct stream *s);
	void (*abort)(struct stream *s);
	void (*close_after)(struct stream *s);
};

extern const struct codec h1_codec, h2_codec;

#endif
