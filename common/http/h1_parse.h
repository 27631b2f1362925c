/* h1_parse: the strict HTTP/1.1 parser (RFC 9112), in place: slices of the head point into the buffer.
 *
 * Called with everything received so far, from the first byte of the head. It keeps no state between calls: on
 * H1_MORE, call again with more bytes (h1_parse_ready() says cheaply whether that is worth it). What it refuses, and
 * with which status, is pitfalls.md B1-B3, column "Gatehouse". Never reads beyond buf + len. */
#ifndef COMMON_HTTP_H1_PARSE_H
#define COMMON_HTTP_H1_PARSE_H

#include "common/http/head.h"

struct h1_limits {
	size_t line;     /* a request line or header line, default 8192: 414 or 494 (400 "Request header or cookie too
	                    large") */
	size_t block;    /* the whole head, default 32768 */
	uint32_t fields; /* default 1000 */
	bool compat;     /* http_strictness = compat (DEV-18) */
	bool tolerate_equal; /* responses: upstream_duplicate_framing = tolerate_equal */
};
extern const struct h1_limits h1_default_limits;

enum h1_result { H1_DONE, H1_MORE, H1_BAD };

struct h1_error {
	int status;                 /* 400, 405, 414, 417, 431 -> 494, 501, 505; responses: always 502 */
	const char *why;            /* for the log: "space before colon in header field (RFC 9112 5.1)" */
	struct slice first, second; /* of a framing field that was there twice; in the buffer; else unset */
};

/* H1_DONE: *used bytes belong to the head; h is complete incl. framing. H1_BAD: err says why; nothing may be
 * forwarded and the connection is closed after the answer. */
enum h1_result h1_parse_request(const char *buf, size_t len, const struct h1_limits *limits, struct head *h,
        size_t *used, struct h1_error *err);
/* request_method: a response to HEAD has no body (h->content_length still tells what was announced). 1xx heads are
 * returned like others: the caller skips them (DEV-20). */
enum h1_result h1_parse_response(const char *buf, size_t len, const struct h1_limits *limits,
        struct slice request_method, struct head *h, size_t *used, struct h1_error *err);

/* Is it worth to parse buf[0..len) when buf[0..was) gave H1_MORE? True when nothing was parsed yet, when the new
 * bytes hold a line end, or when a limit was passed: bounds the work a slow client can cause. Never false when the
 * answer would be H1_DONE; what is wrong inside of an unfinished line is found when the line is over. */
bool h1_parse_ready(const char *buf, size_t was, size_t len, const struct h1_limits *limits);

/* How a response's body ends (RFC 9112 6.3). */
enum h1_body { H1_BODY_NONE, H1_BODY_LENGTH, H1_BODY_CHUNKED, H1_BODY_UNTIL_CLOSE };
enum h1_body h1_response_body(const struct head *response, struct slice request_method);
enum h1_body h1_request_body(const struct head *request); /* never UNTIL_CLOSE */

#endif
