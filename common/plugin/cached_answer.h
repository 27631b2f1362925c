/* cached_answer: an answer as the bytes that a cache keeps: status, when and for how long, headers, body. Written by
 * proxy-cache, read by it and by whoever shows what is in the cache. Integers are little-endian: nodes share Redis.
 */
#ifndef COMMON_PLUGIN_CACHED_ANSWER_H
#define COMMON_PLUGIN_CACHED_ANSWER_H

#include "common/core/text.h"
#include "common/http/head.h"

/* What keys of answers begin with in the node's cache, and in Redis: with the key in braces behind it. */
#define CACHED_ANSWER_PREFIX "proxy-cache:"

struct cached_answer {
	int status;
	int64_t stored_s, ttl_s; /* Unix time; how long it may be used without asking */
	size_t headers_count;
	struct slice headers; /* encoded, see cached_answer_next() */
	struct slice body;
};

/* The beginning of an answer; the body's bytes follow, as they come. keep says which headers are written. False: too
 * many of them, or too long. */
bool cached_answer_begin(struct text *out, int status, int64_t stored_s, int64_t ttl_s, const struct head *head,
        bool (*keep)(const struct header *h, void *arg), void *arg);
/* False: these are not the bytes of an answer. Slices point into them. */
bool cached_answer_read(struct slice bytes, struct cached_answer *out);
/* Steps over the headers: start with a copy of ->headers. */
bool cached_answer_next(struct slice *rest, struct slice *name, struct slice *value);

#endif
