/* slice: a pointer and a length into memory that somebody else owns.
 *
 * Invariant: ptr may be NULL only when len is 0; a NULL ptr is "unset", which is not the same as "empty".
 * Slices are passed by value, never NUL-terminated, and may hold any byte. */
#ifndef COMMON_CORE_SLICE_H
#define COMMON_CORE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
	const char *ptr;
	size_t len;
};

/* A slice of a string literal; usable in static initialisers. */
#define SLICE(literal)                         \
	{                                      \
		(literal), sizeof(literal) - 1 \
	}
#define S(literal) ((struct slice){(literal), sizeof("" literal) - 1})
/* For printf: "%.*s", SLICE_ARG(s) */
#define SLICE_ARG(s) (int)(s).len, (s).ptr ? (s).ptr : ""

static inline struct slice slice_of(const char *ptr, size_t len)
{
	return (struct slice){ptr, len};
}

/* NULL gives the unset slice. */
static inline struct slice slice_cstr(const char *s)
{
	return (struct slice){s, s ? strlen(s) : 0};
}

static inline bool slice_is_set(struct slice s)
{
	return s.ptr != NULL;
}

static inline bool slice_eq(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool slice_starts(struct slice s, struct slice prefix)
{
	return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

static inline bool slice_ends(struct slice s, struct slice suffix)
{
	return s.len >= suffix.len &&
	       (suffix.len == 0 || memcmp(s.ptr + s.len - suffix.len, suffix.ptr, suffix.len) == 0);
}

/* Drops the first n bytes; n beyond the end gives an empty slice. */
static inline struct slice slice_from(struct slice s, size_t n)
{
	if (n > s.len)
		n = s.len;
	return (struct slice){s.ptr ? s.ptr + n : NULL, s.len - n};
}

/* ASCII lower case of one byte, whatever the locale. */
static inline unsigned char ascii_lower(unsigned char c)
{
	return (c >= 'A' && c <= 'Z') ? (unsigned char)(c | 0x20) : c;
}

bool slice_ieq(struct slice a, struct slice b); /* ASCII case-insensitive */
int slice_cmp(struct slice a, struct slice b);  /* byte order, shorter first */
ptrdiff_t slice_find(struct slice s, char c);   /* index of the first c, or -1 */
struct slice slice_trim(struct slice s);        /* without blanks, tabs, CR and LF at both ends */

/* Cuts the part before the first sep off *rest and returns it; at the end *rest becomes unset (ptr NULL).
 *   for (struct slice rest = list, item; slice_is_set(rest);) { item = slice_cut(&rest, ','); ... } */
struct slice slice_cut(struct slice *rest, char sep);

/* The whole slice as a decimal number, with an optional '-'. False when it is anything else or overflows. */
bool slice_to_int(struct slice s, int64_t *out);

/* 64-bit hash, seeded once per process so that clients cannot choose collisions. */
uint64_t slice_hash(struct slice s);
uint64_t slice_ihash(struct slice s); /* of the ASCII lower-case form; at most the first 256 bytes count */

/* A NUL-terminated copy from malloc(); never NULL (out of memory aborts). Caller frees. */
char *slice_strdup(struct slice s);

#endif
