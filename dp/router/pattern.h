/* pattern: a compiled regular expression of a route, shared by all routers that use the same text.
 *
 * Compiling (with JIT) is by far the dearest part of building a router, and most patterns are the same in the next
 * version: pattern_get() keeps every pattern in use in one table of the process, so that a rebuild only looks them
 * up. */
#ifndef DP_ROUTER_PATTERN_H
#define DP_ROUTER_PATTERN_H

#include "common/core/arena.h"
#include "common/core/err.h"
#include "common/schema/schema.h"

enum pattern_kind {
	PATTERN_PATH_TRADITIONAL,   /* PCRE, every alternative anchored at the start */
	PATTERN_PATH_COMPATIBLE,    /* '^' before the text: only the first top-level alternative is anchored */
	PATTERN_HEADER_TRADITIONAL, /* searched in the lower-cased value */
	PATTERN_HEADER_COMPATIBLE,  /* searched, case-insensitive (DEV-9) */
	PATTERN_EXPRESSION,         /* searched */
};

struct pattern;

/* One reference more; NULL with e set when the text does not compile. Any thread. */
const struct pattern *pattern_get(enum pattern_kind kind, struct slice text, struct err *e);
void pattern_put(const struct pattern *p);

/* Whatever matches begins with these bytes; may be empty. */
struct slice pattern_literal(const struct pattern *p);

/* Room for matching on a request's arena. Start with the arena set and the rest zero. */
struct pattern_scratch {
	struct arena *arena;
	void *data; /* pcre2_match_data */
	uint32_t pairs;
	const struct pattern *last; /* whose match is in data; NULL: nobody's */
};

/* A pattern that needs more than its share of steps or memory does not match. *hit: the text that matched. */
bool pattern_match(const struct pattern *p, struct slice subject, struct pattern_scratch *s, struct slice *hit);

/* Groups of a match that took part, after pattern_match() on the same subject succeeded: "0", "1", ..., then names.
 * For PATTERN_PATH_TRADITIONAL "0" reaches to the end of the subject, and there is nothing when no group took part.
 */
size_t pattern_captures(
        const struct pattern *p, struct slice subject, struct pattern_scratch *s, const struct slice_pair **out);

#endif
