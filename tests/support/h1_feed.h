/* h1_feed: gives one head to the parser in every way in which a network may cut it, and insists on one answer. */
#ifndef TESTS_SUPPORT_H1_FEED_H
#define TESTS_SUPPORT_H1_FEED_H

#include "common/http/h1_parse.h"

struct h1_fed {
	enum h1_result result;
	size_t used;
	struct h1_error error; /* status 0 when the head was accepted */
};

/* Parses bytes whole, grown by one byte at a time, and in two parts cut at every offset. Fails the running test when
 * these disagree, or when h1_parse_ready() would have kept the decision back. h belongs to the whole parse; its
 * slices point into bytes. method: of the request that a response answers; unset: bytes are a request. */
struct h1_fed h1_feed(struct slice bytes, const struct h1_limits *limits, struct slice method, struct head *h);

#endif
