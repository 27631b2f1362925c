/* header_id: from a field name to its id, inline: this runs for every field of every message.
 *
 * A hash of the length and four letters leads into an open-addressed table of ids; the one candidate is compared
 * eight bytes at a time. Private to common/http; others call header_id_of() of head.h. */
#ifndef COMMON_HTTP_HEADER_ID_H
#define COMMON_HTTP_HEADER_ID_H

#include "common/http/head.h"

enum { HEADER_SLOTS = 512, HEADER_LONGEST = 32 };

/* Lower-case form, and 0x20 where that has a letter: (x | fold) == lower is a comparison without regard to case that
 * takes no other byte for a letter or a dash. */
struct header_known {
	char lower[HEADER_LONGEST], fold[HEADER_LONGEST];
};

struct header_table {
	bool ready;
	uint8_t slots[HEADER_SLOTS];   /* ids; 0 is free */
	uint8_t lengths[HEADER_COUNT]; /* of names */
	struct header_known known[HEADER_COUNT];
};
extern struct header_table header_table;
_Static_assert(HEADER_COUNT <= 128, "ids are bytes, and the table is to stay sparse");

void header_table_fill(void);
/* To be called before header_look_up(). */
static inline void header_table_prepare(void)
{
	if (__builtin_expect(!__atomic_load_n(&header_table.ready, __ATOMIC_ACQUIRE), 0))
		header_table_fill();
}

/* Loads at any address. Not memcpy() into a variable: with its address taken, every call would be guarded. */
typedef uint16_t header_load16 __attribute__((may_alias, aligned(1)));
typedef uint32_t header_load32 __attribute__((may_alias, aligned(1)));
typedef uint64_t header_load64 __attribute__((may_alias, aligned(1)));
#define HEADER_LOAD(bits, p) (*(const header_load##bits *)(const void *)(p))
#define HEADER_SAME(bits, at) \
	((HEADER_LOAD(bits, s + (at)) | HEADER_LOAD(bits, k->fold + (at))) == HEADER_LOAD(bits, k->lower + (at)))

static inline unsigned header_slot(const char *s, size_t n)
{
	uint32_t key = HEADER_LOAD(16, s + n - 2) | (uint32_t)(unsigned char)s[0] << 16 |
	               (uint32_t)(unsigned char)s[n / 2] << 24;
	return (((key | 0x20202020u) ^ (uint32_t)n << 13) * 0x9e3779b1u) >> 23;
}

/* The last step overlaps the one before, so that no length needs single bytes. */
static inline bool header_same(const char *s, size_t n, const struct header_known *k)
{
	if (n >= 8) {
		for (size_t i = 0; i + 8 < n; i += 8)
			if (!HEADER_SAME(64, i))
				return false;
		return HEADER_SAME(64, n - 8);
	}
	if (n >= 4)
		return HEADER_SAME(32, 0) && HEADER_SAME(32, n - 4);
	return HEADER_SAME(16, 0) && HEADER_SAME(16, n - 2);
}

static inline enum header_id header_look_up(const char *s, size_t n)
{
	const struct header_table *t = &header_table;
	unsigned id;

	if (n < 2 || n > HEADER_LONGEST)
		return HEADER_OTHER;
	for (unsigned at = header_slot(s, n); (id = t->slots[at]) != 0; at = (at + 1) % HEADER_SLOTS)
		if (t->lengths[id] == n && header_same(s, n, &t->known[id]))
			return (enum header_id)id;
	return HEADER_OTHER;
}

#endif
