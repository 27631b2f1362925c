/* base64: see base64.h. */
#include "common/core/base64.h"

static const char alphabets[2][65] = {
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
};

struct slice base64_encode(struct arena *a, struct slice bytes, enum base64_kind kind, bool pad)
{
	const char *alphabet = alphabets[kind];
	char *out = arena_alloc(a, (bytes.len + 2) / 3 * 4 + 1), *o = out;
	const unsigned char *p = (const unsigned char *)bytes.ptr;

	for (size_t i = 0; i < bytes.len; i += 3) {
		size_t left = bytes.len - i;
		uint32_t v = (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
		             (left > 2 ? p[i + 2] : 0);
		*o++ = alphabet[v >> 18];
		*o++ = alphabet[v >> 12 & 63];
		if (left > 1)
			*o++ = alphabet[v >> 6 & 63];
		else if (pad && kind == BASE64_STANDARD)
			*o++ = '=';
		if (left > 2)
			*o++ = alphabet[v & 63];
		else if (pad && kind == BASE64_STANDARD)
			*o++ = '=';
	}
	*o = '\0';
	return slice_of(out, (size_t)(o - out));
}

static int digit_of(char c, enum base64_kind kind)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == alphabets[kind][62])
		return 62;
	return c == alphabets[kind][63] ? 63 : -1;
}

bool base64_decode(struct arena *a, struct slice text, enum base64_kind kind, struct slice *out)
{
	if (text.len % 4 == 0)
		for (int i = 0; i < 2 && text.len && text.ptr[text.len - 1] == '='; i++)
			text.len--;
	if (text.len % 4 == 1)
		return false;

	char *bytes = arena_alloc(a, text.len / 4 * 3 + 3);
	size_t n = 0;
	uint32_t bits = 0;
	int have = 0;
	for (size_t i = 0; i < text.len; i++) {
		int d = digit_of(text.ptr[i], kind);
		if (d < 0)
			return false;
		bits = bits << 6 | (uint32_t)d;
		have += 6;
		if (have >= 8) {
			have -= 8;
			bytes[n++] = (char)(bits >> have);
			bits &= (1u << have) - 1;
		}
	}
	if (bits != 0)
		return false;
	bytes[n] = '\0';
	*out = slice_of(bytes, n);
	return true;
}
