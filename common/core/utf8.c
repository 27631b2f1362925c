/* utf8: see utf8.h. */
#include "common/core/utf8.h"

static bool is_tail(unsigned char c, unsigned char low, unsigned char high)
{
	return c >= low && c <= high;
}

size_t utf8_sequence(struct slice s)
{
	if (s.len == 0)
		return 0;
	const unsigned char *p = (const unsigned char *)s.ptr;
	unsigned char c = p[0];
	if (c < 0x80)
		return 1;
	if (c < 0xC2 || c > 0xF4)
		return 0;
	size_t n = c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
	if (s.len < n)
		return 0;
	unsigned char low = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80;
	unsigned char high = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
	if (!is_tail(p[1], low, high))
		return 0;
	for (size_t i = 2; i < n; i++)
		if (!is_tail(p[i], 0x80, 0xBF))
			return 0;
	return n;
}

ptrdiff_t utf8_invalid_at(struct slice s)
{
	for (size_t i = 0; i < s.len;) {
		size_t n = utf8_sequence(slice_from(s, i));
		if (n == 0)
			return (ptrdiff_t)i;
		i += n;
	}
	return -1;
}
