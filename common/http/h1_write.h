/* h1_write: puts a head on the wire as HTTP/1.1. Framing is written from what was decided, never copied. */
#ifndef COMMON_HTTP_H1_WRITE_H
#define COMMON_HTTP_H1_WRITE_H

#include "common/http/head.h"

/* Upper bound of what the writers below produce for h. */
size_t h1_write_bound(const struct head *h);
/* "METHOD target HTTP/1.1", then all fields of h except Content-Length, Transfer-Encoding, Connection and Keep-Alive,
 * then our own: Content-Length when h->content_length >= 0, Transfer-Encoding: chunked when h->chunked, and
 * `connection` as Connection (unset: none; at most 64 bytes). Returns the length; out has at least h1_write_bound(h)
 * bytes. Whatever names and values hold, CR, LF and other control characters in them become SP; those and SP in the
 * target are escaped. h->reason unset: the standard phrase. */
size_t h1_write_request(char *out, const struct head *h, struct slice connection);
size_t h1_write_response(char *out, const struct head *h, struct slice connection);
/* The standard reason phrase, "Unknown" when there is none. */
struct slice http_reason(int status);

#endif
