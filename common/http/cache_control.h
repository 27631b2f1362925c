/* cache_control: the directives of Cache-Control that a shared cache looks at (RFC 9111 5.2), and what follows for
 * how long an answer may be used. */
#ifndef COMMON_HTTP_CACHE_CONTROL_H
#define COMMON_HTTP_CACHE_CONTROL_H

#include "common/http/head.h"

struct cache_control {
	bool no_store, no_cache, is_private, only_if_cached;
	int64_t max_age, s_maxage, max_stale, min_fresh; /* seconds; -1: not said, or no number */
};

/* Of all fields of that name. */
struct cache_control cache_control_of(const struct head *h);
/* s-maxage, else max-age, else what is left until Expires; 0 and less: it may not be used again. */
int64_t cache_control_lifetime_s(const struct cache_control *cc, const struct head *response, int64_t now_s);

#endif
