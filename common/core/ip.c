/* ip: see ip.h. */
#include "common/core/ip.h"

#include <arpa/inet.h>

static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};

static void set_v4(struct ip *a, const void *bytes)
{
	memcpy(a->bytes, mapped, sizeof mapped);
	memcpy(a->bytes + 12, bytes, 4);
}

bool ip_is_v4(const struct ip *a)
{
	return memcmp(a->bytes, mapped, sizeof mapped) == 0;
}

bool ip_parse(struct slice text, struct ip *out)
{
	char copy[IP_TEXT_MAX];
	unsigned char v4[4];

	if (text.len == 0 || text.len >= sizeof copy || memchr(text.ptr, '\0', text.len))
		return false;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	if (inet_pton(AF_INET, copy, v4) == 1) {
		set_v4(out, v4);
		return true;
	}
	return inet_pton(AF_INET6, copy, out->bytes) == 1;
}

static bool read_port(struct slice text, int *port)
{
	int64_t n;
	if (text.len == 0 || text.len > 5 || text.ptr[0] < '0' || text.ptr[0] > '9' || !slice_to_int(text, &n) ||
	        n > 65535)
		return false;
	*port = (int)n;
	return true;
}

bool ip_parse_port(struct slice text, struct ip *out, int *port)
{
	*port = 0;
	if (text.len && text.ptr[0] == '[') {
		ptrdiff_t close = slice_find(text, ']');
		if (close < 0 || !ip_parse(slice_of(text.ptr + 1, (size_t)close - 1), out) || ip_is_v4(out))
			return false;
		struct slice rest = slice_from(text, (size_t)close + 1);
		return rest.len == 0 || (rest.ptr[0] == ':' && read_port(slice_from(rest, 1), port));
	}
	if (ip_parse(text, out))
		return true;
	ptrdiff_t colon = slice_find(text, ':');
	return colon > 0 && ip_parse(slice_of(text.ptr, (size_t)colon), out) &&
	       read_port(slice_from(text, (size_t)colon + 1), port);
}

bool ip_of_sockaddr(const struct sockaddr *sa, struct ip *out)
{
	if (sa->sa_family == AF_INET)
		set_v4(out, &((const struct sockaddr_in *)sa)->sin_addr);
	else if (sa->sa_family == AF_INET6)
		memcpy(out->bytes, &((const struct sockaddr_in6 *)sa)->sin6_addr, sizeof out->bytes);
	else
		return false;
	return true;
}

static char *put_byte(char *out, unsigned n)
{
	if (n >= 100)
		*out++ = (char)('0' + n / 100);
	if (n >= 10)
		*out++ = (char)('0' + n / 10 % 10);
	*out++ = (char)('0' + n % 10);
	return out;
}

/* Every request shows its client's address, so IPv4 does not go through the C library, which needs a printf for it.
 */
size_t ip_text(const struct ip *a, char *out)
{
	char *p = out;

	if (!ip_is_v4(a)) {
		char text[IP_TEXT_MAX];
		inet_ntop(AF_INET6, a->bytes, text, sizeof text);
		size_t n = strlen(text);
		memcpy(out, text, n);
		return n;
	}
	for (int i = 12; i < 16; i++) {
		p = put_byte(p, a->bytes[i]);
		*p++ = '.';
	}
	return (size_t)(p - out) - 1;
}

static void clear_beyond(struct ip *a, unsigned bits)
{
	for (unsigned i = 0; i < 16; i++) {
		unsigned kept = bits > i * 8 ? bits - i * 8 : 0;
		if (kept < 8)
			a->bytes[i] &= (unsigned char)(0xff00 >> kept);
	}
}

bool ip_range_parse(struct slice text, struct ip_range *out)
{
	struct slice bits = text;
	struct slice address = slice_cut(&bits, '/');
	int64_t n;

	if (!ip_parse(address, &out->base))
		return false;
	bool v4 = ip_is_v4(&out->base) && slice_find(address, ':') < 0;
	unsigned most = v4 ? 32 : 128;
	out->bits = 128;
	if (!slice_is_set(bits))
		return true;
	if (bits.len == 0 || bits.len > 3 || bits.ptr[0] < '0' || bits.ptr[0] > '9' || !slice_to_int(bits, &n) ||
	        n > most)
		return false;
	out->bits = (unsigned)n + 128 - most;
	clear_beyond(&out->base, out->bits);
	return true;
}

bool ip_range_has(const struct ip_range *r, const struct ip *a)
{
	unsigned whole = r->bits / 8, rest = r->bits % 8;
	if (memcmp(r->base.bytes, a->bytes, whole) != 0)
		return false;
	return rest == 0 || ((r->base.bytes[whole] ^ a->bytes[whole]) >> (8 - rest)) == 0;
}

bool ip_in_any(const struct ip_range *ranges, size_t n, const struct ip *a)
{
	for (size_t i = 0; i < n; i++)
		if (ip_range_has(&ranges[i], a))
			return true;
	return false;
}
