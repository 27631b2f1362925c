/* proxy_protocol: see proxy_protocol.h. */
#include "common/net/proxy_protocol.h"

#include <errno.h>
enum { V1_MAX = 107, V2_HEAD = 16, V2_TCP4 = 12, V2_TCP6 = 36 };

static const char v1_begin[] = "PROXY ";
static const unsigned char v2_signature[12] = "\r\n\r\n\0\r\nQUIT\n";

/* Is buf the beginning of what `want` says, as far as it goes? */
static bool agrees(const char *buf, size_t len, const void *want, size_t n)
{
	return memcmp(buf, want, len < n ? len : n) == 0;
}

/* ---- version 1 ------------------------------------------------------------------------------------------------- */

static bool read_port(struct slice text, int *port)
{
	int64_t n;
	bool is_number = text.len && text.ptr[0] >= '0' && text.ptr[0] <= '9' &&
	                 (text.len == 1 || text.ptr[0] != '0');
	if (!is_number || !slice_to_int(text, &n) || n > 65535)
		return false;
	*port = (int)n;
	return true;
}

/* "TCP4 192.0.2.1 192.0.2.2 1234 443", exactly one space between. */
static bool read_line(struct slice line, struct proxied *out)
{
	struct slice rest = line;
	struct slice family = slice_cut(&rest, ' ');

	if (slice_eq(family, S("UNKNOWN")))
		return true;
	bool v4 = slice_eq(family, S("TCP4"));
	if (!v4 && !slice_eq(family, S("TCP6")))
		return false;
	struct slice part[4];
	for (int i = 0; i < 4; i++) {
		if (!slice_is_set(rest))
			return false;
		part[i] = slice_cut(&rest, ' ');
	}
	out->has_address = true;
	return !slice_is_set(rest) && (slice_find(part[0], ':') < 0) == v4 && (slice_find(part[1], ':') < 0) == v4 &&
	       ip_parse(part[0], &out->source) && ip_parse(part[1], &out->destination) &&
	       read_port(part[2], &out->source_port) && read_port(part[3], &out->destination_port);
}

static enum proxy_result parse_v1(const char *buf, size_t len, struct proxied *out, size_t *used)
{
	size_t most = len < V1_MAX ? len : V1_MAX;
	const char *lf = memchr(buf, '\n', most);

	if (!lf)
		return len < V1_MAX ? PROXY_MORE : PROXY_BAD;
	if (lf[-1] != '\r' || memchr(buf, '\0', (size_t)(lf - buf)))
		return PROXY_BAD;
	const char *text = buf + sizeof v1_begin - 1;
	if (lf - 1 < text || !read_line(slice_of(text, (size_t)(lf - 1 - text)), out))
		return PROXY_BAD;
	*used = (size_t)(lf + 1 - buf);
	return PROXY_DONE;
}

/* ---- version 2 ------------------------------------------------------------------------------------------------- */

static int big_endian16(const unsigned char *p)
{
	return p[0] << 8 | p[1];
}

static void set_ip(struct ip *out, const unsigned char *p, bool v4)
{
	*out = (struct ip){{[10] = 0xff, [11] = 0xff}};
	memcpy(out->bytes + (v4 ? 12 : 0), p, v4 ? 4 : 16);
}

/* p: source, destination, source port, destination port. */
static void read_addresses(const unsigned char *p, bool v4, struct proxied *out)
{
	size_t n = v4 ? 4 : 16;
	out->has_address = true;
	set_ip(&out->source, p, v4);
	set_ip(&out->destination, p + n, v4);
	out->source_port = big_endian16(p + 2 * n);
	out->destination_port = big_endian16(p + 2 * n + 2);
}

static enum proxy_result parse_v2(const unsigned char *p, size_t len, struct proxied *out, size_t *used)
{
	enum { LOCAL = 0x20, PROXY = 0x21, TCP4 = 0x11, TCP6 = 0x21 };

	if (len < V2_HEAD)
		return PROXY_MORE;
	size_t more = (size_t)big_endian16(p + 14);
	if ((p[12] != LOCAL && p[12] != PROXY) || V2_HEAD + more > PROXY_PREAMBLE_MAX)
		return PROXY_BAD;
	if (p[12] == PROXY && ((p[13] == TCP4 && more < V2_TCP4) || (p[13] == TCP6 && more < V2_TCP6)))
		return PROXY_BAD;
	if (len < V2_HEAD + more)
		return PROXY_MORE;
	if (p[12] == PROXY && (p[13] == TCP4 || p[13] == TCP6))
		read_addresses(p + V2_HEAD, p[13] == TCP4, out);
	*used = V2_HEAD + more;
	return PROXY_DONE;
}

enum proxy_result proxy_parse(const char *buf, size_t len, struct proxied *out, size_t *used)
{
	*out = (struct proxied){0};
	if (len == 0)
		return PROXY_MORE;
	if (agrees(buf, len, v1_begin, sizeof v1_begin - 1))
		return len < sizeof v1_begin - 1 ? PROXY_MORE : parse_v1(buf, len, out, used);
	if (agrees(buf, len, v2_signature, sizeof v2_signature))
		return parse_v2((const unsigned char *)buf, len, out, used);
	return PROXY_BAD;
}

/* ---- from a socket --------------------------------------------------------------------------------------------- */

/* Takes n bytes from the socket for good. */
static bool take(struct proxy_reader *r, int fd, size_t n)
{
	ssize_t got = recv(fd, r->bytes + r->len, n, 0);

	r->len += n;
	return got == (ssize_t)n;
}

enum proxy_result proxy_read(struct proxy_reader *r, int fd, struct proxied *out)
{
	size_t used = 0;
	ssize_t n;

	do
		n = recv(fd, r->bytes + r->len, sizeof r->bytes - r->len, MSG_PEEK);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return PROXY_MORE;
	enum proxy_result result = n > 0 ? proxy_parse(r->bytes, r->len + (size_t)n, out, &used) : PROXY_BAD;
	size_t ours = result == PROXY_DONE ? used - r->len : (size_t)n;
	return result == PROXY_BAD || !take(r, fd, ours) ? PROXY_BAD : result;
}
