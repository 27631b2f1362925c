/* h2_head: from the decoded fields of an HTTP/2 header block to a head (RFC 9113 8.1 to 8.3; pitfalls.md B6).
 *
 * Fields come one by one, as HPACK decodes them, and are copied to the head's arena. What HTTP/1 could read as
 * something else (a line end in a value, a Connection field, a second length) is refused here, before anybody sees
 * the message: whatever passes can be written as HTTP/1. The same reader serves requests, responses and trailers. */
#ifndef COMMON_HTTP_H2_HEAD_H
#define COMMON_HTTP_H2_HEAD_H

#include "common/http/h1_parse.h"

enum h2_kind { H2_REQUEST, H2_RESPONSE, H2_TRAILERS };

enum h2_field {
	H2_FIELD_OK,        /* taken; or dropped, when a limit has been passed: h2_reader_end() tells */
	H2_FIELD_MALFORMED, /* RFC 9113 8.1.1: a stream error PROTOCOL_ERROR. The rest need not be looked at */
	H2_FIELD_FLOOD,     /* several times as much as the limit: no reason to decode any further */
};

enum h2_result {
	H2_DONE,
	H2_BAD,       /* answered with err->status, as h1_parse_request() would */
	H2_MALFORMED, /* a stream error PROTOCOL_ERROR */
};

struct h2_reader {
	enum h2_kind kind;
	const struct h1_limits *limits;
	struct head *head;
	struct slice scheme, host; /* host: the Host field */
	size_t size;               /* of the list, as SETTINGS_MAX_HEADER_LIST_SIZE counts it */
	uint32_t fields, cookies;
	unsigned pseudo; /* which were there */
	bool regular;    /* a field that is none was there */
	int status;      /* the limit that was passed: 414 or 494; 0: none */
	const char *why; /* of H2_FIELD_MALFORMED */
};

/* h is initialised, on its arena. Limits: a field longer than limits->line, a list above limits->block or more than
 * limits->fields fields are H2_BAD with 494, a longer :path with 414; for responses and trailers H2_MALFORMED. */
void h2_reader_begin(struct h2_reader *x, enum h2_kind kind, const struct h1_limits *limits, struct head *h);
enum h2_field h2_reader_field(struct h2_reader *x, struct slice name, struct slice value);
/* The block is complete; `ends`: so is the message (END_STREAM). H2_DONE: the head is complete with its framing:
 * method, target and a Host field, or status; cookie crumbs joined (RFC 9113 8.2.3); content_length, or chunked when
 * a body of unknown length follows. Trailers: the fields. */
enum h2_result h2_reader_end(struct h2_reader *x, bool ends, struct h1_error *err);

#endif
