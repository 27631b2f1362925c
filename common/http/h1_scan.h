/* h1_scan: where does a run of harmless bytes end? The inner loops of the parser and of the writer.
 *
 * Each scan returns the first byte that does not belong to its class, or end; none reads beyond end. The widest
 * variant that the compiler may use is chosen at compile time (-mavx2, else SSE2, else bytes); the others stay
 * callable, so that a test can hold them against each other. Private to common/http and its tests. */
#ifndef COMMON_HTTP_H1_SCAN_H
#define COMMON_HTTP_H1_SCAN_H

#include <stdint.h>

#include "common/core/slice.h"

#if defined(__x86_64__) && defined(__SSE2__)
#define H1_SCAN_SSE2 1
#include <immintrin.h>
#endif

enum h1_class {
	H1_TOKEN = 1,    /* tchar of RFC 9110 5.6.2 */
	H1_METHOD = 2,   /* tchar without lower-case letters */
	H1_VALUE = 4,    /* anything but control characters; TAB is allowed */
	H1_TARGET = 8,   /* anything but control characters, SP and '#' */
	H1_REGNAME = 16, /* unreserved and sub-delims of RFC 3986 */
	H1_HEX = 32,
	H1_DIGIT = 64,
};
extern const uint8_t h1_class[256];

static inline bool h1_is(char c, uint8_t classes)
{
	return (h1_class[(unsigned char)c] & classes) != 0;
}

static inline const char *h1_scan_bytes(const char *p, const char *end, uint8_t class)
{
	while (p < end && h1_is(*p, class))
		p++;
	return p;
}

static inline bool h1_copy_value_bytes(char *out, const char *p, size_t n)
{
	bool clean = true;
	for (size_t i = 0; i < n; i++) {
		out[i] = p[i];
		clean = clean && h1_is(p[i], H1_VALUE);
	}
	return clean;
}

#ifdef H1_SCAN_SSE2

/* Bytes that are control characters other than TAB are 0xff, others 0. */
static inline __m128i h1_controls(__m128i c)
{
	__m128i low = _mm_cmpeq_epi8(_mm_min_epu8(c, _mm_set1_epi8(0x1f)), c);
	__m128i tab = _mm_cmpeq_epi8(c, _mm_set1_epi8('\t'));
	__m128i del = _mm_cmpeq_epi8(c, _mm_set1_epi8(0x7f));
	return _mm_or_si128(_mm_andnot_si128(tab, low), del);
}

/* The same as bits. */
static inline unsigned h1_controls16(__m128i c)
{
	return (unsigned)_mm_movemask_epi8(h1_controls(c));
}

static inline unsigned h1_target_stops16(__m128i c)
{
	__m128i low = _mm_cmpeq_epi8(_mm_min_epu8(c, _mm_set1_epi8(0x20)), c);
	__m128i del = _mm_cmpeq_epi8(c, _mm_set1_epi8(0x7f));
	__m128i hash = _mm_cmpeq_epi8(c, _mm_set1_epi8('#'));
	return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(low, del), hash));
}

/* Bit n is set when byte n is neither a letter nor '-': nearly all field names consist of these. */
static inline unsigned h1_unusual16(__m128i c)
{
	__m128i from_a = _mm_sub_epi8(_mm_or_si128(c, _mm_set1_epi8(0x20)), _mm_set1_epi8('a'));
	__m128i letter = _mm_cmpeq_epi8(_mm_min_epu8(from_a, _mm_set1_epi8(25)), from_a);
	__m128i dash = _mm_cmpeq_epi8(c, _mm_set1_epi8('-'));
	return (unsigned)_mm_movemask_epi8(_mm_or_si128(letter, dash)) ^ 0xffffu;
}

/* The last bytes are read together with some that stand before them, which the caller knows to be readable too. */
#define H1_SCAN16(stops, class)                                                                                \
	for (; end - p >= 16; p += 16) {                                                                       \
		unsigned stop = stops(_mm_loadu_si128((const __m128i *)(const void *)p));                      \
		if (stop)                                                                                      \
			return p + __builtin_ctz(stop);                                                        \
	}                                                                                                      \
	if (end - begin < 16)                                                                                  \
		return h1_scan_bytes(p, end, class);                                                           \
	unsigned last = stops(_mm_loadu_si128((const __m128i *)(const void *)(end - 16))) >> (16 - (end - p)); \
	return last ? p + __builtin_ctz(last) : end

static inline const char *h1_scan_value_sse2(const char *begin, const char *p, const char *end)
{
	H1_SCAN16(h1_controls16, H1_VALUE);
}

static inline const char *h1_scan_target_sse2(const char *begin, const char *p, const char *end)
{
	H1_SCAN16(h1_target_stops16, H1_TARGET);
}

/* First byte that is neither a letter nor '-'. */
static inline const char *h1_scan_usual_sse2(const char *begin, const char *p, const char *end)
{
	H1_SCAN16(h1_unusual16, H1_TOKEN);
}

static inline const char *h1_scan_token_sse2(const char *begin, const char *p, const char *end)
{
	p = h1_scan_usual_sse2(begin, p, end);
	if (p < end && *p == ':') /* as good as always */
		return p;
	return h1_scan_bytes(p, end, H1_TOKEN);
}

__attribute__((target("avx2"))) static inline const char *h1_scan_value_avx2(
        const char *begin, const char *p, const char *end)
{
	for (; end - p >= 32; p += 32) {
		__m256i c = _mm256_loadu_si256((const __m256i *)(const void *)p);
		__m256i low = _mm256_cmpeq_epi8(_mm256_min_epu8(c, _mm256_set1_epi8(0x1f)), c);
		__m256i tab = _mm256_cmpeq_epi8(c, _mm256_set1_epi8('\t'));
		__m256i del = _mm256_cmpeq_epi8(c, _mm256_set1_epi8(0x7f));
		__m256i stops = _mm256_or_si256(_mm256_andnot_si256(tab, low), del);
		unsigned stop = (unsigned)_mm256_movemask_epi8(stops);
		if (stop)
			return p + __builtin_ctz(stop);
	}
	H1_SCAN16(h1_controls16, H1_VALUE);
}

__attribute__((target("avx2"))) static inline const char *h1_scan_target_avx2(
        const char *begin, const char *p, const char *end)
{
	for (; end - p >= 32; p += 32) {
		__m256i c = _mm256_loadu_si256((const __m256i *)(const void *)p);
		__m256i low = _mm256_cmpeq_epi8(_mm256_min_epu8(c, _mm256_set1_epi8(0x20)), c);
		__m256i del = _mm256_cmpeq_epi8(c, _mm256_set1_epi8(0x7f));
		__m256i hash = _mm256_cmpeq_epi8(c, _mm256_set1_epi8('#'));
		__m256i stops = _mm256_or_si256(_mm256_or_si256(low, del), hash);
		unsigned stop = (unsigned)_mm256_movemask_epi8(stops);
		if (stop)
			return p + __builtin_ctz(stop);
	}
	H1_SCAN16(h1_target_stops16, H1_TARGET);
}

typedef uint64_t h1_load64 __attribute__((may_alias, aligned(1)));
typedef int32_t h1_load32 __attribute__((may_alias, aligned(1)));

/* Copies, and looks at what it copies in the same registers: names and values are short, so a call to memcpy() and a
 * scan cost more than the bytes do. The last step overlaps the one before. */
static inline bool h1_copy_value_sse2(char *out, const char *p, size_t n)
{
	__m128i bad = _mm_setzero_si128(), c;
	if (n >= 16) {
		for (size_t i = 0; i + 16 < n; i += 16) {
			c = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
			_mm_storeu_si128((__m128i *)(void *)(out + i), c);
			bad = _mm_or_si128(bad, h1_controls(c));
		}
		c = _mm_loadu_si128((const __m128i *)(const void *)(p + n - 16));
		_mm_storeu_si128((__m128i *)(void *)(out + n - 16), c);
	} else if (n >= 8) {
		int64_t first = (int64_t) * (const h1_load64 *)(const void *)p;
		int64_t last = (int64_t) * (const h1_load64 *)(const void *)(p + n - 8);
		*(h1_load64 *)(void *)out = (uint64_t)first;
		*(h1_load64 *)(void *)(out + n - 8) = (uint64_t)last;
		c = _mm_set_epi64x(last, first);
	} else if (n >= 4) {
		int32_t first = *(const h1_load32 *)(const void *)p;
		int32_t last = *(const h1_load32 *)(const void *)(p + n - 4);
		*(h1_load32 *)(void *)out = first;
		*(h1_load32 *)(void *)(out + n - 4) = last;
		c = _mm_set_epi32(last, first, last, first);
	} else {
		return h1_copy_value_bytes(out, p, n);
	}
	return _mm_movemask_epi8(_mm_or_si128(bad, h1_controls(c))) == 0;
}

#endif /* H1_SCAN_SSE2 */

/* Of a field value: stops at control characters (TAB is none). */
static inline const char *h1_scan_value(const char *begin, const char *p, const char *end)
{
#if defined(H1_SCAN_SSE2) && defined(__AVX2__)
	return h1_scan_value_avx2(begin, p, end);
#elif defined(H1_SCAN_SSE2)
	return h1_scan_value_sse2(begin, p, end);
#else
	return h1_scan_bytes(p, end, H1_VALUE);
#endif
}

/* Of a request target: stops at control characters, SP and '#'. */
static inline const char *h1_scan_target(const char *begin, const char *p, const char *end)
{
#if defined(H1_SCAN_SSE2) && defined(__AVX2__)
	return h1_scan_target_avx2(begin, p, end);
#elif defined(H1_SCAN_SSE2)
	return h1_scan_target_sse2(begin, p, end);
#else
	return h1_scan_bytes(p, end, H1_TARGET);
#endif
}

/* Of a field name: stops at what is no tchar. Names are short, so wider registers gain nothing. */
static inline const char *h1_scan_token(const char *begin, const char *p, const char *end)
{
#ifdef H1_SCAN_SSE2
	return h1_scan_token_sse2(begin, p, end);
#else
	return h1_scan_bytes(p, end, H1_TOKEN);
#endif
}

/* Copies n bytes. Is there no control character (but TAB) among them? */
static inline bool h1_copy_value(char *out, const char *p, size_t n)
{
#ifdef H1_SCAN_SSE2
	return h1_copy_value_sse2(out, p, n);
#else
	return h1_copy_value_bytes(out, p, n);
#endif
}

/* Has s no control character (but TAB)? */
static inline bool h1_is_clean(struct slice s)
{
	return s.len == 0 || h1_scan_value(s.ptr, s.ptr, s.ptr + s.len) == s.ptr + s.len;
}

static inline bool h1_is_token(struct slice s)
{
	return s.len > 0 && h1_scan_token(s.ptr, s.ptr, s.ptr + s.len) == s.ptr + s.len;
}

#endif
