/* inflate: see inflate.h. zlib reads gzip (RFC 1952) and zlib (RFC 1950) by itself; what some clients call deflate is
 * the bare format of RFC 1951. */
#include "common/http/inflate.h"

#include <stdlib.h>
#include <zlib.h>

#include "common/core/text.h"

enum { AUTOMATIC = 15 + 32, BARE = -15, PIECE = 16 * 1024 };

static enum inflated run(z_stream *z, size_t max, struct text *out)
{
	int state = Z_OK;
	while (state == Z_OK) {
		z->next_out = (Bytef *)text_reserve(out, PIECE);
		z->avail_out = PIECE;
		state = inflate(z, Z_NO_FLUSH);
		size_t got = PIECE - z->avail_out;
		out->len += got;
		if (out->len > max)
			return INFLATE_TOO_LARGE;
		if (state == Z_OK && got == 0 && z->avail_in == 0)
			return INFLATE_MALFORMED; /* it ends early */
	}
	return state == Z_STREAM_END && z->avail_in == 0 ? INFLATED : INFLATE_MALFORMED;
}

static enum inflated decode(struct slice body, int window, size_t max, struct text *out)
{
	z_stream z = {.next_in = (Bytef *)body.ptr, .avail_in = (uInt)body.len};
	if (inflateInit2(&z, window) != Z_OK)
		abort();
	enum inflated end = run(&z, max, out);
	inflateEnd(&z);
	return end;
}

/* A zlib header: method 8, and a checksum over its two bytes. */
static bool has_header(struct slice body)
{
	const unsigned char *b = (const unsigned char *)body.ptr;
	return body.len >= 2 && (b[0] & 0x0f) == 8 && (b[0] * 256 + b[1]) % 31 == 0;
}

enum inflated http_inflate(struct arena *a, struct slice encoding, struct slice body, size_t max, struct slice *out)
{
	struct text plain = {0};
	bool deflate = slice_ieq(slice_trim(encoding), S("deflate"));

	encoding = slice_trim(encoding);
	*out = body;
	if (!slice_is_set(encoding) || encoding.len == 0 || slice_ieq(encoding, S("identity")))
		return body.len > max ? INFLATE_TOO_LARGE : INFLATED;
	if (!deflate && !slice_ieq(encoding, S("gzip")) && !slice_ieq(encoding, S("x-gzip")))
		return INFLATE_UNKNOWN;
	enum inflated end = decode(body, deflate && !has_header(body) ? BARE : AUTOMATIC, max, &plain);
	if (end == INFLATED)
		*out = arena_dup(a, text_slice(&plain));
	text_fini(&plain);
	return end;
}
