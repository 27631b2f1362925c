/* h1_parse: start lines and the entry points; see h1_parse.h. RFC 9112 unless another document is named. */
#include "common/http/h1_private.h"

#include "common/http/uri.h"

const struct h1_limits h1_default_limits = {.line = 8192, .block = 32768, .fields = 1000};

enum { EMPTY_LINES = 4, STATUS_LINE_MIN = 12 /* "HTTP/1.1 200" */ };

enum h1_result h1_bad(struct h1_reader *r, int status, const char *why)
{
	r->error->status = r->response ? 502 : status;
	r->error->why = why;
	r->error->first = r->error->second = (struct slice){0};
	return H1_BAD;
}

enum h1_result h1_short(struct h1_reader *r, int status)
{
	bool is_long = (size_t)(r->stop - r->at) >= r->limits->line ||
	               (size_t)(r->stop - r->start) >= r->limits->block;
	if (is_long && r->response)
		return h1_bad(r, status, "head larger than proxy_buffer_size");
	if ((size_t)(r->stop - r->at) >= r->limits->line)
		return h1_bad(r, status, status == 414 ? "request line too long" : "header line too long");
	if ((size_t)(r->stop - r->start) >= r->limits->block)
		return h1_bad(r, status, "header block too large");
	return H1_MORE;
}

const char *h1_odd_line_end(struct h1_reader *r, const char *p, int too_long, enum h1_result *result)
{
	if (p == r->stop)
		*result = h1_short(r, too_long);
	else if (*p == '\n') {
		if (r->bare_lf)
			return p + 1;
		*result = h1_bad(r, 400, "bare LF as line end (RFC 9112 2.2)");
	} else if (*p != '\r')
		*result = h1_bad(r, 400, *p ? "control character (RFC 9110 5.5)" : "NUL (RFC 9110 5.5)");
	else if (p + 1 == r->stop)
		*result = h1_short(r, too_long);
	else
		*result = h1_bad(r, 400, "bare CR (RFC 9112 2.2)");
	return NULL;
}

/* Keeps the array of fields of an earlier call that wanted more bytes. */
static void begin(struct h1_reader *r, const char *buf, size_t len)
{
	struct head *h = r->head;
	struct header *headers = h->headers;
	uint32_t cap = h->cap;

	head_init(h, h->arena);
	h->headers = headers;
	h->cap = cap;
	r->start = r->at = buf;
	r->end = buf + (len < r->limits->block ? len : r->limits->block);
}

/* --- request line ---------------------------------------------------------------------------------------- */

static enum h1_result skip_empty_lines(struct h1_reader *r)
{
	for (int lines = 0;; lines++) {
		enum h1_result result;
		const char *next;

		h1_begin_line(r, r->at);
		if (r->at == r->stop)
			return h1_short(r, 414);
		if (*r->at != '\r' && *r->at != '\n')
			return H1_DONE;
		if (lines == EMPTY_LINES)
			return h1_bad(r, 400, "too many empty lines before the request line");
		next = h1_line_end(r, r->at, 414, &result);
		if (!next)
			return result;
		r->at = next;
	}
}

/* SP behind the method or the target; compat takes several. NULL and *result when there is none. */
static const char *separator(struct h1_reader *r, const char *p, enum h1_result *result)
{
	if (p == r->stop) {
		*result = h1_short(r, 414);
		return NULL;
	}
	if (*p != ' ') {
		*result = h1_bad(r, 400, "request line is not method SP target SP version (RFC 9112 3)");
		return NULL;
	}
	for (p++; r->limits->compat && p < r->stop && *p == ' ';)
		p++;
	return p;
}

static const char *scan_target(struct h1_reader *r, const char *p)
{
	p = h1_scan_target(r->start, p, r->stop);
	while (r->limits->compat && p < r->stop && *p == '#')
		p = h1_scan_target(r->start, p + 1, r->stop);
	return p;
}

static enum h1_result check_version(struct h1_reader *r, struct slice v)
{
	bool shaped = v.len == 8 && memcmp(v.ptr, "HTTP/", 5) == 0 && v.ptr[6] == '.' && h1_is(v.ptr[5], H1_DIGIT) &&
	              h1_is(v.ptr[7], H1_DIGIT);

	if (!shaped || v.ptr[5] == '0')
		return h1_bad(r, 400, "malformed HTTP version (RFC 9112 2.3)");
	if (v.ptr[5] != '1')
		return h1_bad(r, 505, "HTTP version not supported in a request line");
	if (v.ptr[7] > '1' && !r->limits->compat && !r->response)
		return h1_bad(r, 400, "unknown minor HTTP version (RFC 9112 2.3)");
	r->head->version = v.ptr[7] == '0' ? HTTP_1_0 : HTTP_1_1;
	return H1_DONE;
}

/* From p to the end of the line; moves r->at to the next line. */
static enum h1_result read_version(struct h1_reader *r, const char *p)
{
	enum h1_result result;
	const char *end = h1_scan_value(r->start, p, r->stop);
	const char *next = h1_line_end(r, end, 414, &result);

	if (!next)
		return result;
	while (r->limits->compat && end > p && end[-1] == ' ')
		end--;
	r->at = next;
	return check_version(r, slice_of(p, (size_t)(end - p)));
}

/* What stands between the spaces: origin-form or absolute-form. The host of the latter is checked with the Host
 * field. */
static enum h1_result check_target(struct h1_reader *r)
{
	struct uri uri;

	if (r->head->target.len && r->head->target.ptr[0] == '/')
		return H1_DONE;
	if (!uri_split(r->head->target, &uri))
		return h1_bad(r, 400, "target is neither origin-form nor absolute-form (RFC 9112 3.2)");
	r->authority = uri.authority;
	return H1_DONE;
}

static enum h1_result read_request_line(struct h1_reader *r)
{
	enum h1_result result;
	const char *method = r->at;
	const char *p = h1_scan_bytes(method, r->stop, H1_METHOD);

	if (p == method)
		return h1_bad(r, 400, "method is not an upper-case token (RFC 9112 3.1)");
	r->head->method = slice_of(method, (size_t)(p - method));
	if (!(p = separator(r, p, &result)))
		return result;

	const char *target = p;
	p = scan_target(r, p);
	r->head->target = slice_of(target, (size_t)(p - target));
	if (p < r->stop && *p == '#')
		return h1_bad(r, 400, "fragment in the target (RFC 9112 3.2)");
	if (!(p = separator(r, p, &result)))
		return result;

	if (__builtin_expect(r->stop - p >= 10 && memcmp(p, "HTTP/1.1\r\n", 10) == 0, 1))
		r->at = p + 10;
	else if ((result = read_version(r, p)) != H1_DONE)
		return result;
	return check_target(r);
}

enum h1_result h1_parse_request(const char *buf, size_t len, const struct h1_limits *limits, struct head *h,
        size_t *used, struct h1_error *err)
{
	struct h1_reader r = {.limits = limits, .head = h, .error = err, .bare_lf = limits->compat};
	enum h1_result result;

	if (len == 0)
		return H1_MORE;
	begin(&r, buf, len);
	if ((result = skip_empty_lines(&r)) != H1_DONE)
		return result;
	if ((result = read_request_line(&r)) != H1_DONE)
		return result;
	if ((result = h1_read_fields(&r)) != H1_DONE)
		return result;
	*used = (size_t)(r.at - buf);
	return h1_frame_request(&r);
}

/* --- status line ----------------------------------------------------------------------------------------- */

/* "200" and what follows: nothing, or SP and a reason, which may be empty. */
static enum h1_result read_status(struct h1_reader *r, struct slice s)
{
	if (s.len < 3 || !h1_is(s.ptr[0], H1_DIGIT) || !h1_is(s.ptr[1], H1_DIGIT) || !h1_is(s.ptr[2], H1_DIGIT))
		return h1_bad(r, 502, "status is not three digits (RFC 9112 4)");
	if (s.len > 3 && s.ptr[3] != ' ')
		return h1_bad(r, 502, "no space behind the status (RFC 9112 4)");
	r->head->status = (s.ptr[0] - '0') * 100 + (s.ptr[1] - '0') * 10 + (s.ptr[2] - '0');
	if (r->head->status < 100)
		return h1_bad(r, 502, "status below 100 (RFC 9110 15)");
	r->head->reason = slice_from(s, 4);
	return H1_DONE;
}

static enum h1_result read_status_line(struct h1_reader *r)
{
	enum h1_result result;
	const char *p = r->at, *next;

	h1_begin_line(r, r->at);
	size_t known = (size_t)(r->stop - p) < 5 ? (size_t)(r->stop - p) : 5;
	if (memcmp(p, "HTTP/", known) != 0)
		return h1_bad(r, 502, "no status line (RFC 9112 4)");
	p = h1_scan_text(r, p, r->stop);
	if (!(next = h1_line_end(r, p, 502, &result)))
		return result;

	struct slice line = slice_of(r->at, (size_t)(p - r->at));
	if (line.len < STATUS_LINE_MIN || line.ptr[8] != ' ')
		return h1_bad(r, 502, "malformed status line (RFC 9112 4)");
	if ((result = check_version(r, slice_of(line.ptr, 8))) != H1_DONE)
		return result;
	r->at = next;
	return read_status(r, slice_from(line, 9));
}

enum h1_result h1_parse_response(const char *buf, size_t len, const struct h1_limits *limits,
        struct slice request_method, struct head *h, size_t *used, struct h1_error *err)
{
	struct h1_reader r = {.limits = limits, .head = h, .error = err, .response = true, .bare_lf = true};
	enum h1_result result;

	if (len == 0)
		return H1_MORE;
	begin(&r, buf, len);
	if ((result = read_status_line(&r)) != H1_DONE)
		return result;
	if ((result = h1_read_fields(&r)) != H1_DONE)
		return result;
	*used = (size_t)(r.at - buf);
	return h1_frame_response(&r, request_method);
}

bool h1_parse_ready(const char *buf, size_t was, size_t len, const struct h1_limits *limits)
{
	if (was == 0 || len >= limits->block || memchr(buf + was, '\n', len - was))
		return true;
	const char *line = memrchr(buf, '\n', was);
	return len - (line ? (size_t)(line + 1 - buf) : 0) >= limits->line;
}
