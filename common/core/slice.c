/* slice: see slice.h. */
#include "common/core/slice.h"

#include <stdlib.h>
#include <sys/random.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

bool slice_ieq(struct slice a, struct slice b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (ascii_lower((unsigned char)a.ptr[i]) != ascii_lower((unsigned char)b.ptr[i]))
			return false;
	return true;
}

int slice_cmp(struct slice a, struct slice b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int d = n ? memcmp(a.ptr, b.ptr, n) : 0;
	return d ? d : (a.len > b.len) - (a.len < b.len);
}

ptrdiff_t slice_find(struct slice s, char c)
{
	const char *p = s.len ? memchr(s.ptr, c, s.len) : NULL;
	return p ? p - s.ptr : -1;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct slice slice_trim(struct slice s)
{
	while (s.len && is_blank(s.ptr[0]))
		s.ptr++, s.len--;
	while (s.len && is_blank(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

struct slice slice_cut(struct slice *rest, char sep)
{
	struct slice item = *rest;
	ptrdiff_t at = slice_find(*rest, sep);
	if (at < 0) {
		*rest = (struct slice){NULL, 0};
		return item;
	}
	item.len = (size_t)at;
	*rest = slice_from(*rest, (size_t)at + 1);
	return item;
}

bool slice_to_int(struct slice s, int64_t *out)
{
	bool negative = s.len && s.ptr[0] == '-';
	int64_t v = 0;
	size_t i = negative;

	if (s.len == i || s.len > 20)
		return false;
	for (; i < s.len; i++) {
		if (s.ptr[i] < '0' || s.ptr[i] > '9')
			return false;
		if (__builtin_mul_overflow(v, 10, &v))
			return false;
		int digit = s.ptr[i] - '0';
		if (negative ? __builtin_sub_overflow(v, digit, &v) : __builtin_add_overflow(v, digit, &v))
			return false;
	}
	*out = v;
	return true;
}

static uint64_t hash_seed(void)
{
	static uint64_t seed; /* 0 until first used; the first thread to set it wins */
	uint64_t s = __atomic_load_n(&seed, __ATOMIC_RELAXED);
	if (s == 0) {
		uint64_t fresh = 0x9e3779b97f4a7c15u;
		if (getrandom(&fresh, sizeof fresh, 0) < 0)
			fresh ^= (uint64_t)(uintptr_t)&seed;
		fresh |= 1;
		if (!__atomic_compare_exchange_n(&seed, &s, fresh, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			return s;
		s = fresh;
	}
	return s;
}

uint64_t slice_hash(struct slice s)
{
	return XXH3_64bits_withSeed(s.ptr ? s.ptr : "", s.len, hash_seed());
}

uint64_t slice_ihash(struct slice s)
{
	unsigned char low[256];
	size_t n = s.len < sizeof low ? s.len : sizeof low;
	for (size_t i = 0; i < n; i++)
		low[i] = ascii_lower((unsigned char)s.ptr[i]);
	return XXH3_64bits_withSeed(low, n, hash_seed());
}

char *slice_strdup(struct slice s)
{
	char *copy = malloc(s.len + 1);
	if (!copy)
		abort();
	if (s.len)
		memcpy(copy, s.ptr, s.len);
	copy[s.len] = '\0';
	return copy;
}
