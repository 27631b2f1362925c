/* header_id: from a field name to its id. Runs for every field of every message.
 *
 * A hash of the length and four letters leads into an open-addressed table of ids; the one candidate is compared
 * eight bytes at a time. The table is filled on first use from headers.def, so that a new name is one line there. */
#include "common/http/head.h"

#include <pthread.h>

enum { SLOTS = 512, LONGEST = 32 };

static const struct slice names[HEADER_COUNT] = {
        [HEADER_OTHER] = SLICE(""),
#define HEADER(id, name) [HEADER_##id] = SLICE(name),
#include "common/http/headers.def"
#undef HEADER
};

#define HEADER(id, name) _Static_assert(sizeof name - 1 >= 2 && sizeof name - 1 <= LONGEST, name);
#include "common/http/headers.def"
#undef HEADER

/* Lower-case form, and 0x20 where that has a letter: (x | fold) == lower is a comparison without regard to case that
 * takes no other byte for a letter or a dash. */
struct known {
	char lower[LONGEST], fold[LONGEST];
};
static struct known known[HEADER_COUNT];
static uint8_t slots[SLOTS];
static bool ready;
_Static_assert(HEADER_COUNT <= 128, "ids are bytes, and the table is to stay sparse");

static inline unsigned slot_of(const char *s, size_t n)
{
	uint32_t key;
	uint16_t tail;
	memcpy(&tail, s + n - 2, 2);
	key = ((uint32_t)tail | (uint32_t)(unsigned char)s[0] << 16 | (uint32_t)(unsigned char)s[n / 2] << 24) |
	      0x20202020u;
	return ((key ^ (uint32_t)n << 13) * 0x9e3779b1u) >> 23;
}

static inline bool same8(const char *s, const struct known *k, size_t at)
{
	uint64_t v, lower, fold;
	memcpy(&v, s + at, 8);
	memcpy(&lower, k->lower + at, 8);
	memcpy(&fold, k->fold + at, 8);
	return (v | fold) == lower;
}

static inline bool same2(const char *s, const struct known *k, size_t at)
{
	uint16_t v, lower, fold;
	memcpy(&v, s + at, 2);
	memcpy(&lower, k->lower + at, 2);
	memcpy(&fold, k->fold + at, 2);
	return (uint16_t)(v | fold) == lower;
}

/* The last step overlaps the one before, so that no length needs a loop over single bytes. */
static inline bool same(const char *s, size_t n, const struct known *k)
{
	size_t i = 0;
	if (n < 8) {
		for (; i + 2 < n; i += 2)
			if (!same2(s, k, i))
				return false;
		return same2(s, k, n - 2);
	}
	for (; i + 8 < n; i += 8)
		if (!same8(s, k, i))
			return false;
	return same8(s, k, n - 8);
}

static void fill(void)
{
	for (unsigned id = 1; id < HEADER_COUNT; id++) {
		struct slice name = names[id];
		struct known k = {{0}, {0}};
		for (size_t i = 0; i < name.len; i++) {
			k.lower[i] = (char)ascii_lower((unsigned char)name.ptr[i]);
			k.fold[i] = k.lower[i] >= 'a' && k.lower[i] <= 'z' ? 0x20 : 0;
		}
		known[id] = k;
		unsigned at = slot_of(name.ptr, name.len);
		while (slots[at])
			at = (at + 1) % SLOTS;
		slots[at] = (uint8_t)id;
	}
	__atomic_store_n(&ready, true, __ATOMIC_RELEASE);
}

static inline enum header_id look_up(struct slice name)
{
	unsigned id;
	for (unsigned at = slot_of(name.ptr, name.len); (id = slots[at]) != 0; at = (at + 1) % SLOTS)
		if (names[id].len == name.len && same(name.ptr, name.len, &known[id]))
			return (enum header_id)id;
	return HEADER_OTHER;
}

enum header_id header_id_of(struct slice name)
{
	if (name.len < 2 || name.len > LONGEST)
		return HEADER_OTHER;
	if (__builtin_expect(!__atomic_load_n(&ready, __ATOMIC_ACQUIRE), 0)) {
		static pthread_once_t once = PTHREAD_ONCE_INIT;
		pthread_once(&once, fill);
	}
	return look_up(name);
}

struct slice header_name(enum header_id id)
{
	return names[id];
}
