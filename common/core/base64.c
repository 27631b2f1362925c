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

/* Of every byte: IS and which digit it is; 0: none. */
enum { IS = 0x40 };
#define LETTERS_AND_FIGURES                                                                                   \
	['A'] = IS | 0, ['B'] = IS | 1, ['C'] = IS | 2, ['D'] = IS | 3, ['E'] = IS | 4, ['F'] = IS | 5,       \
	['G'] = IS | 6, ['H'] = IS | 7, ['I'] = IS | 8, ['J'] = IS | 9, ['K'] = IS | 10, ['L'] = IS | 11,     \
	['M'] = IS | 12, ['N'] = IS | 13, ['O'] = IS | 14, ['P'] = IS | 15, ['Q'] = IS | 16, ['R'] = IS | 17, \
	['S'] = IS | 18, ['T'] = IS | 19, ['U'] = IS | 20, ['V'] = IS | 21, ['W'] = IS | 22, ['X'] = IS | 23, \
	['Y'] = IS | 24, ['Z'] = IS | 25, ['a'] = IS | 26, ['b'] = IS | 27, ['c'] = IS | 28, ['d'] = IS | 29, \
	['e'] = IS | 30, ['f'] = IS | 31, ['g'] = IS | 32, ['h'] = IS | 33, ['i'] = IS | 34, ['j'] = IS | 35, \
	['k'] = IS | 36, ['l'] = IS | 37, ['m'] = IS | 38, ['n'] = IS | 39, ['o'] = IS | 40, ['p'] = IS | 41, \
	['q'] = IS | 42, ['r'] = IS | 43, ['s'] = IS | 44, ['t'] = IS | 45, ['u'] = IS | 46, ['v'] = IS | 47, \
	['w'] = IS | 48, ['x'] = IS | 49, ['y'] = IS | 50, ['z'] = IS | 51, ['0'] = IS | 52, ['1'] = IS | 53, \
	['2'] = IS | 54, ['3'] = IS | 55, ['4'] = IS | 56, ['5'] = IS | 57, ['6'] = IS | 58, ['7'] = IS | 59, \
	['8'] = IS | 60, ['9'] = IS | 61
static const uint8_t digits[2][256] = {
        {LETTERS_AND_FIGURES, ['+'] = IS | 62, ['/'] = IS | 63},
        {LETTERS_AND_FIGURES, ['-'] = IS | 62, ['_'] = IS | 63},
};

/* Four digits are three bytes. False: one of them is none. */
static inline bool decode_four(const uint8_t *known, const unsigned char *p, char *out)
{
	unsigned a = known[p[0]], b = known[p[1]], c = known[p[2]], d = known[p[3]];

	out[0] = (char)(a << 2 | (b & 63) >> 4);
	out[1] = (char)(b << 4 | (c & 63) >> 2);
	out[2] = (char)(c << 6 | (d & 63));
	return a & b & c & d & IS;
}

/* What is left of two or three digits, without stray bits. */
static bool decode_rest(const uint8_t *known, const unsigned char *p, size_t len, char *out)
{
	unsigned a = known[p[0]], b = known[p[1]], c = len > 2 ? known[p[2]] : IS;

	out[0] = (char)(a << 2 | (b & 63) >> 4);
	out[1] = (char)(len > 2 ? b << 4 | (c & 63) >> 2 : 0);
	return (a & b & c & IS) && (len > 2 ? (c & 3) == 0 : (b & 15) == 0);
}

bool base64_decode(struct arena *a, struct slice text, enum base64_kind kind, struct slice *out)
{
	if (text.len % 4 == 0)
		for (int i = 0; i < 2 && text.len && text.ptr[text.len - 1] == '='; i++)
			text.len--;
	size_t rest = text.len % 4, n = text.len / 4 * 3;
	if (rest == 1)
		return false;

	const unsigned char *p = (const unsigned char *)text.ptr, *end = p + text.len - rest;
	char *bytes = arena_alloc(a, n + 3), *to = bytes;
	for (; p < end; p += 4, to += 3)
		if (!decode_four(digits[kind], p, to))
			return false;
	if (rest && !decode_rest(digits[kind], p, rest, to))
		return false;
	n += rest ? rest - 1 : 0;
	bytes[n] = '\0';
	*out = slice_of(bytes, n);
	return true;
}
