/* uuid: the 16 bytes of a UUID, and its 36-character text. Any version and variant is accepted (entities.md 1.2). */
#ifndef COMMON_CORE_UUID_H
#define COMMON_CORE_UUID_H

#include "common/core/arena.h"
#include "common/core/slice.h"

enum { UUID_TEXT = 36 };

struct uuid {
	unsigned char bytes[16];
};

bool uuid_parse(struct slice text, struct uuid *out); /* 8-4-4-4-12 hexadecimal digits, any case */
bool is_uuid(struct slice text);
void uuid_format(const struct uuid *u, char out[UUID_TEXT + 1]); /* lower case, NUL-terminated */
struct slice arena_uuid(struct arena *a, const struct uuid *u);  /* the same, in the arena */
struct uuid uuid_v4(void);

static inline bool uuid_eq(const struct uuid *a, const struct uuid *b)
{
	return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

static inline struct slice uuid_slice(const struct uuid *u)
{
	return slice_of((const char *)u->bytes, sizeof u->bytes);
}

/* Fills n bytes from the system's generator; aborts when there is none. */
void random_bytes(void *out, size_t n);
uint32_t random_below(uint32_t n); /* 0 to n - 1; 0 when n is 0 */
/* n random characters of [A-Za-z0-9] and a NUL: keys and secrets that we make up (entities.md 3). */
void random_alphanumeric(char *out, size_t n);

#endif
