/* h1_write: see h1_write.h. Names and values are copied as they are, then looked at once: whatever a plugin or a
 * setting put there, a line end in it never reaches the wire (RFC 9110 5.5). */
#include "common/http/h1_write.h"

#include "common/http/h1_scan.h"

/* "Content-Length: " and 20 digits, "Transfer-Encoding: chunked", "Connection: ", three line ends and the start line.
 */
enum { OVERHEAD = 160 };

size_t h1_write_bound(const struct head *h)
{
	size_t n = OVERHEAD + h->method.len + 3 * h->target.len + (h->reason.len > 64 ? h->reason.len : 64);
	for (uint32_t i = 0; i < h->count; i++)
		n += h->headers[i].name.len + h->headers[i].value.len + 4;
	return n;
}

static char *put(char *out, struct slice s)
{
	if (s.len)
		memcpy(out, s.ptr, s.len);
	return out + s.len;
}

#define PUT(out, literal) put(out, S(literal))

/* Control characters in what was just written become SP. */
static void blank_controls(char *from, char *end)
{
	const char *begin = from;
	while ((from += h1_scan_value(begin, from, end) - from) < end)
		*from++ = ' ';
}

/* As put(), without control characters. */
static inline char *put_clean(char *out, struct slice s)
{
	bool clean = h1_copy_value(out, s.ptr, s.len);
	if (__builtin_expect(!clean, 0))
		blank_controls(out, out + s.len);
	return out + s.len;
}

static inline char *put_line(char *out, struct slice name, struct slice value)
{
	out = put_clean(out, name);
	*out++ = ':';
	*out++ = ' ';
	out = put_clean(out, value);
	*out++ = '\r';
	*out++ = '\n';
	return out;
}

static char *put_number(char *out, uint64_t n)
{
	char digits[20];
	size_t i = sizeof digits;

	do {
		digits[--i] = (char)('0' + n % 10);
	} while (n /= 10);
	return put(out, slice_of(digits + i, sizeof digits - i));
}

/* Fields that are written from what was decided, or end at this hop. */
static bool is_ours(enum header_id id)
{
	return id == HEADER_CONTENT_LENGTH || id == HEADER_TRANSFER_ENCODING || id == HEADER_CONNECTION ||
	       id == HEADER_KEEP_ALIVE;
}

static char *put_fields(char *out, const struct head *h, struct slice connection)
{
	for (uint32_t i = 0; i < h->count; i++)
		if (!is_ours((enum header_id)h->headers[i].id))
			out = put_line(out, h->headers[i].name, h->headers[i].value);
	if (h->chunked)
		out = PUT(out, "Transfer-Encoding: chunked\r\n");
	else if (h->content_length >= 0) {
		out = PUT(out, "Content-Length: ");
		out = put_number(out, (uint64_t)h->content_length);
		out = PUT(out, "\r\n");
	}
	if (slice_is_set(connection))
		out = put_line(out, S("Connection"), connection);
	return PUT(out, "\r\n");
}

/* Escapes what would end the target early; everything else is the caller's wish. */
static char *put_target(char *out, struct slice target)
{
	for (size_t i = 0; i < target.len; i++) {
		unsigned char c = (unsigned char)target.ptr[i];
		if (c > ' ' && c != 0x7f) {
			*out++ = (char)c;
			continue;
		}
		*out++ = '%';
		*out++ = "0123456789ABCDEF"[c >> 4];
		*out++ = "0123456789ABCDEF"[c & 15];
	}
	return out;
}

size_t h1_write_request(char *out, const struct head *h, struct slice connection)
{
	char *p = put(out, h->method);
	blank_controls(out, p);
	*p++ = ' ';
	p = put_target(p, h->target);
	p = PUT(p, " HTTP/1.1\r\n");
	return (size_t)(put_fields(p, h, connection) - out);
}

size_t h1_write_response(char *out, const struct head *h, struct slice connection)
{
	char *p = PUT(out, "HTTP/1.1 ");
	p = put_number(p, (uint64_t)h->status);
	*p++ = ' ';
	char *reason = p;
	p = put(p, slice_is_set(h->reason) ? h->reason : http_reason(h->status));
	blank_controls(reason, p);
	p = PUT(p, "\r\n");
	return (size_t)(put_fields(p, h, connection) - out);
}
