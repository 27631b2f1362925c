/* h1_private: what the files of the HTTP/1 parser share. h1_parse.c reads start lines, h1_fields.c field lines,
 * h1_framing.c decides what the fields mean for the message. */
#ifndef COMMON_HTTP_H1_PRIVATE_H
#define COMMON_HTTP_H1_PRIVATE_H

#include "common/http/h1_parse.h"
#include "common/http/h1_scan.h"

/* One pass over one head. Fields whose meaning is framing are noted on the way, so that nobody searches for them. */
struct h1_reader {
	const char *start; /* of the head */
	const char *at;    /* start of the line being read; moves when a line is over */
	const char *stop;  /* no byte from here on belongs to the current line: end of data, or a limit */
	const char *end;   /* end of the data, or the limit of the block */
	const struct h1_limits *limits;
	struct head *head;
	struct h1_error *error;
	struct slice host, length, coding, authority; /* authority: of an absolute-form target */
	uint16_t hosts, lengths, codings;
	bool connection, upgrade, expect; /* such a field was there */
	bool response, bare_lf;           /* bare_lf: accepted as a line end */
	bool controls;                    /* a response value has control characters that are to become SP */
};

/* Always H1_BAD. Responses: the status is 502 whatever is given. */
enum h1_result h1_bad(struct h1_reader *r, int status, const char *why);

/* Where a line that begins at p must be over: the end of the data, or a limit. */
static inline const char *h1_line_stop(const struct h1_reader *r, const char *p)
{
	return (size_t)(r->end - p) > r->limits->line ? p + r->limits->line : r->end;
}

static inline void h1_begin_line(struct h1_reader *r, const char *p)
{
	r->at = p;
	r->stop = h1_line_stop(r, p);
}

/* The line goes on beyond r->stop: H1_MORE, or H1_BAD with the status when stop is a limit. */
enum h1_result h1_short(struct h1_reader *r, int status);

/* p stands behind the last byte of a line. Returns where the next line begins, or NULL and *result. */
const char *h1_odd_line_end(struct h1_reader *r, const char *p, int too_long, enum h1_result *result);
static inline const char *h1_line_end(struct h1_reader *r, const char *p, int too_long, enum h1_result *result)
{
	if (__builtin_expect(r->stop - p >= 2 && p[0] == '\r' && p[1] == '\n', 1))
		return p + 2;
	return h1_odd_line_end(r, p, too_long, result);
}

/* Scans text up to a line end or NUL; other control characters end it in requests and are noted in responses. */
const char *h1_skip_controls(struct h1_reader *r, const char *p, const char *stop);
static inline const char *h1_scan_text(struct h1_reader *r, const char *p, const char *stop)
{
	p = h1_scan_value(r->start, p, stop);
	return r->response ? h1_skip_controls(r, p, stop) : p;
}

/* From the first field line to the empty line. H1_DONE: r->at is behind the head. */
enum h1_result h1_read_fields(struct h1_reader *r);

enum h1_result h1_frame_request(struct h1_reader *r);
enum h1_result h1_frame_response(struct h1_reader *r, struct slice request_method);

#endif
