/* serve_rig: a server on one end of a socket pair, a scripted handler, and a client made of bytes. Everything runs in
 * one thread: the test says when the loop turns, so nothing depends on timing but what is about time.
 *
 * What the handler does depends on the path: /hello answers "hello"; /echo answers with the body once it is complete;
 * /stream answers with the body as it comes, holding back above STREAM_HIGH_WATER; /later answers when the test says
 * so (rig_answer); /early answers without looking at the body; /big answers 1 MiB in pieces of 16 KiB, waiting for
 * on_drained; /trailers
 * answers as /stream and ends with the trailers of the request; /open begins a chunked response and leaves it to the
 * test; /tunnel answers 101 and then echoes. `events` tells what the handler was told, as words separated by blanks.
 */
#ifndef TESTS_SUPPORT_SERVE_RIG_H
#define TESTS_SUPPORT_SERVE_RIG_H

#include "common/core/text.h"
#include "common/serve/stream.h"

struct rig {
	struct loop *loop;
	struct server server;
	struct listen_spec listener;
	int client;           /* non-blocking */
	struct text received; /* by the client, without Date fields */
	unsigned dates;       /* that were there */
	bool eof;             /* the client has seen FIN */
	int error;            /* errno of a failed read of the client */
	struct text events;
	struct stream *later; /* an open stream of /later or /open */
	size_t queued_most;
	bool keep_reading; /* /later: reads the body at once */
};

struct rig_stream; /* the handler's state of a stream */

struct rig *rig_new(void); /* with one connection */
void rig_free(struct rig *r);
/* Closes the client's socket (if open) and makes a new connection: a pair of Unix sockets, or TCP on 127.0.0.1. */
void rig_connect(struct rig *r);
void rig_connect_tcp(struct rig *r);
/* A connection whose client is the test's business. */
int rig_connect_other(struct rig *r);

/* Sends as much as fits without blocking, then lets the loop turn until it has nothing to do; returns bytes sent. */
size_t rig_send(struct rig *r, const char *bytes, size_t n);
void rig_say(struct rig *r, const char *text);
void rig_turn(struct rig *r);              /* and receives what is there */
void rig_turn_deaf(struct rig *r);         /* without receiving */
void rig_wait(struct rig *r, unsigned ms); /* turns for that long */
/* What came since the last call. */
const char *rig_heard(struct rig *r);
const char *rig_events(struct rig *r);
/* Ends /later: 200 with this body. */
void rig_answer(struct rig *r, const char *body);

#endif
