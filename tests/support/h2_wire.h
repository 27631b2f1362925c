/* h2_wire: HTTP/2 frames as text, for tests: a client that writes any frame, right or wrong, and reads what came
 * back.
 *
 * Scripts: frames separated by ';' ('|': and the server has its turn between them), the stream behind the letter of
 * the type, flags behind the stream: H1e :method=GET :path=/ ...   HEADERS with END_HEADERS; e: END_STREAM, c: not
 * END_HEADERS, fields are literals C1 name=value ...             CONTINUATION, the last one (c: not) D1e text DATA R1
 * 8, W1 100, P, S, S 4=0     RST_STREAM, WINDOW_UPDATE, PING, SETTINGS A                             SETTINGS with
 * ACK X type flags stream hex       anything: numbers in decimal, then bytes of the payload in hexadecimal In fields
 * '+' stands for a blank, %XX for a byte, and $GET for the four pseudo-header fields of a GET of /hello, $POST of a
 * POST to /echo.
 *
 * What is read comes back as words: 1:200 (HEADERS), 1=hello (DATA), each with '/' at the end of a stream;
 * 1:trailers; 1!PROTOCOL_ERROR (RST_STREAM); goaway:NO_ERROR:1; pong; ping; 1^100 (WINDOW_UPDATE); settings; ack. */
#ifndef TESTS_SUPPORT_H2_WIRE_H
#define TESTS_SUPPORT_H2_WIRE_H

#include <nghttp2/nghttp2.h>

#include "tests/support/serve_rig.h"

struct h2_wire {
	struct rig *rig;
	nghttp2_hd_inflater *inflater;
	struct text words, fields; /* fields: "name: value\n" of the last HEADERS */
	bool is_first;
	bool quiet; /* without settings, ack and WINDOW_UPDATE: what most tests do not look at */
};

/* Makes the rig's listener one with http2 and connects. */
void h2_wire_open(struct h2_wire *w, struct rig *r);
void h2_wire_close(struct h2_wire *w);
/* The preface and an empty SETTINGS. */
void h2_wire_hello(struct h2_wire *w);
void h2_wire_say(struct h2_wire *w, const char *script);
/* The bytes of a script, for whoever sends them otherwise. */
void h2_wire_write(struct text *out, const char *script);
/* Words since the last call. */
const char *h2_wire_heard(struct h2_wire *w);
/* A field of the last header block; NULL: it is not there. */
const char *h2_wire_field(struct h2_wire *w, const char *name);

#endif
