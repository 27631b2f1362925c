/* inflate: bodies with a Content-Encoding, in plain, for whoever has to look into them. Bounded: what would become
 * larger than the caller allows is found out while it grows, so a few bytes cannot take more memory than that. */
#ifndef COMMON_HTTP_INFLATE_H
#define COMMON_HTTP_INFLATE_H

#include "common/core/arena.h"

enum inflated { INFLATED, INFLATE_UNKNOWN, INFLATE_MALFORMED, INFLATE_TOO_LARGE };

/* encoding: of Content-Encoding: unset or "identity" (*out is body itself), "gzip", "x-gzip", "deflate"; any other,
 * and several, are UNKNOWN. A body that ends early, or is followed by something else, is MALFORMED. */
enum inflated http_inflate(struct arena *a, struct slice encoding, struct slice body, size_t max, struct slice *out);

#endif
