/* uuid: see uuid.h. */
#include "common/core/uuid.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
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

typedef unsigned char bytes16 __attribute__((vector_size(16)));

/* All digits at once, in the compiler's vectors: a request formats several ids. */
void uuid_format(const struct uuid *u, char out[UUID_TEXT + 1])
{
	bytes16 b, nibbles[2], digits[2];

	memcpy(&b, u->bytes, sizeof b);
	bytes16 high = b >> 4, low = b & 15;
	nibbles[0] = __builtin_shufflevector(high, low, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
	nibbles[1] = __builtin_shufflevector(high, low, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
	for (int i = 0; i < 2; i++)
		digits[i] = nibbles[i] + '0' + ((bytes16)(nibbles[i] > 9) & ('a' - '0' - 10));
	const char *text = (const char *)digits;
	memcpy(out, text, 8);
	memcpy(out + 9, text + 8, 4);
	memcpy(out + 14, text + 12, 4);
	memcpy(out + 19, text + 16, 4);
	memcpy(out + 24, text + 20, 12);
	out[8] = out[13] = out[18] = out[23] = '-';
	out[36] = '\0';
}

struct slice arena_uuid(struct arena *a, const struct uuid *u)
{
	char *text = arena_alloc(a, UUID_TEXT + 1);
	uuid_format(u, text);
	return slice_of(text, UUID_TEXT);
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

uint32_t random_below(uint32_t n)
{
	uint32_t r;

	random_bytes(&r, sizeof r);
	return n ? r % n : 0;
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
