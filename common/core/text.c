/* text: see text.h. */
#include "common/core/text.h"

#include <stdio.h>
#include <stdlib.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "common/core/utf8.h"

void text_fini(struct text *t)
{
	free(t->ptr);
	*t = (struct text){0};
}

void text_clear(struct text *t)
{
	t->len = 0;
	if (t->ptr)
		t->ptr[0] = '\0';
}

char *text_grow(struct text *t, size_t n)
{
	size_t cap = t->cap ? t->cap * 2 : 64;
	while (cap < t->len + n + 1)
		cap *= 2;
	t->ptr = realloc(t->ptr, cap);
	if (!t->ptr)
		abort();
	t->cap = cap;
	t->ptr[t->len] = '\0';
	return t->ptr + t->len;
}

void text_append(struct text *t, struct slice s)
{
	text_reserve(t, s.len);
	if (s.len)
		memcpy(t->ptr + t->len, s.ptr, s.len);
	t->len += s.len;
	t->ptr[t->len] = '\0';
}

void text_vprintf(struct text *t, const char *format, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, format, ap);
	vsnprintf(text_reserve(t, (size_t)n), (size_t)n + 1, format, again);
	va_end(again);
	t->len += (size_t)n;
}

void text_printf(struct text *t, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	text_vprintf(t, format, ap);
	va_end(ap);
}

static void put_json_byte(struct text *t, unsigned char c)
{
	static const char short_form[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};

	if (c == '"' || c == '\\')
		text_printf(t, "\\%c", c);
	else if (c < sizeof short_form && short_form[c])
		text_printf(t, "\\%c", short_form[c]);
	else
		text_printf(t, "\\u%04x", c);
}

void text_put_int(struct text *t, int64_t n)
{
	static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
	                            "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
	                            "8081828384858687888990919293949596979899";
	enum { DIGITS_MAX = 24 };
	if (n >= 0 && n < 10) {
		text_putc(t, (char)('0' + n));
		return;
	}
	char digits[2 * DIGITS_MAX] = "", *end = digits + DIGITS_MAX, *at = end;
	uint64_t left = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
	for (; left >= 10; left /= 100)
		memcpy(at -= 2, pairs + left % 100 * 2, 2);
	if (left || at == end)
		*--at = (char)('0' + left);
	if (n < 0)
		*--at = '-';
	memcpy(text_reserve(t, DIGITS_MAX), at, DIGITS_MAX); /* all at once: what is behind the end does not count */
	t->len += (size_t)(end - at);
	t->ptr[t->len] = '\0';
}

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Has a byte of x its highest bit set, or is it below 0x20, '"', '\\' or 0x7f? */
static inline bool has_special(uint64_t x)
{
	uint64_t quote = x ^ EACH('"'), slash = x ^ EACH('\\'), del = x ^ EACH(0x7f);
	uint64_t found = ((x - EACH(0x20)) & ~x) | ((quote - EACH(1)) & ~quote) | ((slash - EACH(1)) & ~slash) |
	                 ((del - EACH(1)) & ~del) | x;
	return (found & EACH(0x80)) != 0;
}

/* Eight bytes at once, each by itself; x has none of 0x80 and above. */
static inline uint64_t lower_of(uint64_t x)
{
	uint64_t from_a = x + EACH(0x80 - 'A'), beyond_z = x + EACH(0x7f - 'Z');
	return x | ((from_a & ~beyond_z & EACH(0x80)) >> 2);
}

/* How many bytes stand for themselves: printable ASCII. */
static size_t plain_run(struct slice s)
{
	size_t n = 0;
	for (uint64_t x; n + sizeof x <= s.len; n += sizeof x) {
		memcpy(&x, s.ptr + n, sizeof x);
		if (has_special(x))
			break;
	}
	while (n < s.len && s.ptr[n] >= 0x20 && s.ptr[n] < 0x7f && s.ptr[n] != '"' && s.ptr[n] != '\\')
		n++;
	return n;
}

/* Eight bytes from `from` to `to`. False: one of them does not stand for itself. */
static inline bool copy_plain(char *to, const char *from, bool lower)
{
	uint64_t x;
	memcpy(&x, from, sizeof x);
	if (has_special(x))
		return false;
	x = lower ? lower_of(x) : x;
	memcpy(to, &x, sizeof x);
	return true;
}

/* Up to seven bytes in a word, each of them in it; those that are over are harmless. */
static inline uint64_t few_bytes(struct slice s)
{
	uint32_t first = 0, last = 0;

	if (s.len < 4) {
		unsigned char a = (unsigned char)s.ptr[0], b = (unsigned char)s.ptr[s.len / 2],
		              c = (unsigned char)s.ptr[s.len - 1];
		return (EACH('x') & ~UINT64_C(0xffffff)) | a | (uint64_t)b << 8 | (uint64_t)c << 16;
	}
	memcpy(&first, s.ptr, sizeof first);
	memcpy(&last, s.ptr + s.len - sizeof last, sizeof last);
	return first | (uint64_t)last << 32;
}

static bool copy_few_plain(char *to, struct slice s, bool lower)
{
	if (s.len == 0)
		return true;
	uint64_t x = few_bytes(s);
	if (has_special(x))
		return false;
	x = lower ? lower_of(x) : x;
	if (s.len < 4) {
		to[0] = (char)x;
		to[s.len / 2] = (char)(x >> 8);
		to[s.len - 1] = (char)(x >> 16);
		return true;
	}
	uint32_t first = (uint32_t)x, last = (uint32_t)(x >> 32);
	memcpy(to, &first, sizeof first);
	memcpy(to + s.len - sizeof last, &last, sizeof last);
	return true;
}

#ifdef __SSE2__
/* Sixteen bytes, as copy_plain(). Above 0x7f they are negative here. */
static inline bool copy_plain16(char *to, const char *from, bool lower)
{
	__m128i x = _mm_loadu_si128((const __m128i *)from);
	__m128i low = _mm_cmplt_epi8(x, _mm_set1_epi8(0x20)), del = _mm_cmpeq_epi8(x, _mm_set1_epi8(0x7f));
	__m128i quote = _mm_cmpeq_epi8(x, _mm_set1_epi8('"')), slash = _mm_cmpeq_epi8(x, _mm_set1_epi8('\\'));

	if (_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(low, del), _mm_or_si128(quote, slash))))
		return false;
	if (lower) {
		__m128i capital = _mm_and_si128(
		        _mm_cmpgt_epi8(x, _mm_set1_epi8('A' - 1)), _mm_cmplt_epi8(x, _mm_set1_epi8('Z' + 1)));
		x = _mm_or_si128(x, _mm_and_si128(capital, _mm_set1_epi8(0x20)));
	}
	_mm_storeu_si128((__m128i *)to, x);
	return true;
}
#else
static inline bool copy_plain16(char *to, const char *from, bool lower)
{
	return copy_plain(to, from, lower) && copy_plain(to + 8, from + 8, lower);
}
#endif

/* The last bytes may be copied twice, with some of those before. */
static inline bool copy_all_plain(char *to, struct slice s, bool lower)
{
	size_t n = 0;

	if (s.len < 8)
		return copy_few_plain(to, s, lower);
	for (; n + 16 <= s.len; n += 16)
		if (!copy_plain16(to + n, s.ptr + n, lower))
			return false;
	if (n == s.len)
		return true;
	if (s.len >= 16)
		return copy_plain16(to + s.len - 16, s.ptr + s.len - 16, lower);
	return copy_plain(to, s.ptr, lower) && copy_plain(to + s.len - 8, s.ptr + s.len - 8, lower);
}

/* All of s when it stands for itself: the usual case. */
static inline bool put_plain(struct text *t, struct slice s, bool lower)
{
	char *to = text_reserve(t, s.len + 2);

	if (!copy_all_plain(to + 1, s, lower))
		return false;
	to[0] = to[1 + s.len] = '"';
	t->len += s.len + 2;
	t->ptr[t->len] = '\0';
	return true;
}

void text_put_json(struct text *t, struct slice s)
{
	if (put_plain(t, s, false))
		return;
	text_putc(t, '"');
	for (size_t i = 0; i < s.len;) {
		size_t run = plain_run(slice_from(s, i));
		if (run) {
			text_put(t, slice_of(s.ptr + i, run));
			i += run;
			continue;
		}
		size_t n = utf8_sequence(slice_from(s, i));
		unsigned char c = (unsigned char)s.ptr[i];
		if (n == 0)
			text_puts(t, "\xEF\xBF\xBD");
		else if (n == 1 && (c < 0x20 || c == '"' || c == '\\' || c == 0x7f))
			put_json_byte(t, c);
		else if (c == 0xC2 && (unsigned char)s.ptr[i + 1] < 0xA0) /* U+0080..9F steer terminals as well */
			put_json_byte(t, (unsigned char)s.ptr[i + 1]);
		else
			text_put(t, slice_of(s.ptr + i, n));
		i += n ? n : 1;
	}
	text_putc(t, '"');
}

void text_put_json_lower(struct text *t, struct slice s)
{
	if (put_plain(t, s, true))
		return;
	size_t from = t->len;
	text_put_json(t, s);
	for (; from < t->len; from++)
		t->ptr[from] = (char)ascii_lower((unsigned char)t->ptr[from]);
}
