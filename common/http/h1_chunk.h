/* h1_chunk: decodes a chunked body piece by piece (RFC 9112 7.1), strictly: bare LF is always refused, extensions are
 * dropped within a limit, trailers are parsed with the header rules and dropped (pitfalls.md B3 56-61). */
#ifndef COMMON_HTTP_H1_CHUNK_H
#define COMMON_HTTP_H1_CHUNK_H

#include "common/core/slice.h"

struct h1_chunk {
	uint64_t left;            /* bytes of the current chunk still to come */
	uint32_t extension_bytes; /* over the whole message, at most 16 KiB */
	uint32_t line_bytes;      /* of the current size or trailer line */
	uint32_t trailer_bytes;
	uint16_t trailer_fields;
	uint8_t state;
	uint8_t digits;
};

enum h1_chunk_result {
	H1_CHUNK_DATA, /* *data is a piece of the body, pointing into the input */
	H1_CHUNK_MORE, /* all input used, more needed */
	H1_CHUNK_END,  /* the last chunk and its trailers are over; *used bytes belonged to the body */
	H1_CHUNK_BAD,
};

void h1_chunk_init(struct h1_chunk *c);
/* Takes from in; *used says how much. Call again with the rest until it does not return H1_CHUNK_DATA. */
enum h1_chunk_result h1_chunk_next(struct h1_chunk *c, struct slice in, size_t *used, struct slice *data);

/* Writes "<hex>\r\n" for a chunk of n bytes into out (at least 18 bytes); returns its length. */
size_t h1_chunk_head(char *out, uint64_t n);

#endif
