/* uuid: see uuid.h. */
#include "common/core/uuid.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)ascii_lower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_dash_at(size_t i)
{
	return i == 8 || i == 13 || i == 18 || i == 23;
}

bool uuid_parse(struct slice text, struct uuid *out)
{
	struct uuid u = {{0}};
	size_t nibble = 0;

	if (text.len != UUID_TEXT)
		return false;
	for (size_t i = 0; i < UUID_TEXT; i++) {
		if (is_dash_at(i)) {
			if (text.ptr[i] != '-')
				return false;
			continue;
		}
		int d = hex_digit(text.ptr[i]);
		if (d < 0)
			return false;
		u.bytes[nibble / 2] = (unsigned char)(u.bytes[nibble / 2] << 4 | d);
		nibble++;
	}
	*out = u;
	return true;
}

bool is_uuid(struct slice text)
{
	struct uuid u;
	return uuid_parse(text, &u);
}

void uuid_format(const struct uuid *u, char out[UUID_TEXT + 1])
{
	static const char hex[] = "0123456789abcdef";
	for (size_t i = 0; i < sizeof u->bytes; i++) {
		*out++ = hex[u->bytes[i] >> 4];
		*out++ = hex[u->bytes[i] & 15];
		if (i == 3 || i == 5 || i == 7 || i == 9)
			*out++ = '-';
	}
	*out = '\0';
}

struct uuid uuid_v4(void)
{
	struct uuid u;
	random_bytes(u.bytes, sizeof u.bytes);
	u.bytes[6] = (unsigned char)((u.bytes[6] & 0x0f) | 0x40);
	u.bytes[8] = (unsigned char)((u.bytes[8] & 0x3f) | 0x80);
	return u;
}

void random_bytes(void *out, size_t n)
{
	unsigned char *p = out;
	while (n) {
		ssize_t got = getrandom(p, n, 0);
		if (got < 0 && errno != EINTR)
			abort();
		if (got > 0) {
			p += got;
			n -= (size_t)got;
		}
	}
}

void random_alphanumeric(char *out, size_t n)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	for (size_t i = 0; i < n;) {
		unsigned char b;
		random_bytes(&b, 1);
		if (b < 248) /* 4 * 62: every letter equally likely */
			out[i++] = letters[b % 62];
	}
	out[n] = '\0';
}
