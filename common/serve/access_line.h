/* access_line: one line of an access log (proxy.md 11.1), for the proxy and the Admin API. Pure text; where it goes
 * is common/core/line_log. */
#ifndef COMMON_SERVE_ACCESS_LINE_H
#define COMMON_SERVE_ACCESS_LINE_H

#include "common/core/text.h"
#include "common/http/head.h"

enum access_format { ACCESS_PLAIN, ACCESS_JSON };

/* The status of a request whose client left before it was answered: only logs see it. */
enum { ACCESS_CLIENT_GONE = 499 };

/* Unset slices are not shown in JSON, and are '-' in the plain form. */
struct access_entry {
	const struct head *request;
	struct slice client_ip;
	struct slice request_id; /* unset: the plain line ends before it */
	struct slice route, service, upstream;
	int status;
	uint64_t body_bytes; /* sent, without the head */
	uint64_t duration_ms;
	int64_t now_s; /* wall clock */
};

/* Appends the line, with its line feed. Whatever a client sent stays one line: bytes that could end it, or a quoted
 * value in it, are written as \xXX (JSON: by its own rules). */
void access_line(struct text *out, enum access_format format, const struct access_entry *e);

/* "02/Jan/2026:15:04:05 +0000", valid until the next call on this thread. */
struct slice access_time(int64_t now_s);

#endif
