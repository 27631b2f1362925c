/* h2_write: a head as the list of fields that HPACK encodes. Framing is written from what was decided, never copied;
 * names become lower case, fields about the connection stay behind (RFC 9113 8.2.2), and no value carries control
 * characters or surrounding blanks. */
#ifndef COMMON_HTTP_H2_WRITE_H
#define COMMON_HTTP_H2_WRITE_H

#include <nghttp2/nghttp2.h>

#include "common/http/head.h"

/* How many fields the writers below produce at most. */
static inline size_t h2_write_bound(const struct head *h)
{
	return h->count + 6;
}

/* Each returns how many fields were written to out. They point into h, into its arena and to constants: nothing is
 * copied but what has to be changed. flags: of every field, NGHTTP2_NV_FLAG_*. */

/* :status, the fields, content-length when h->content_length >= 0, date when there is none. */
size_t h2_write_response(nghttp2_nv *out, const struct head *h, uint8_t flags);
/* :method, :scheme, :authority from the Host field, :path, then the rest. */
size_t h2_write_request(nghttp2_nv *out, const struct head *h, struct slice scheme, uint8_t flags);
size_t h2_write_trailers(nghttp2_nv *out, const struct head *h, uint8_t flags);

#endif
