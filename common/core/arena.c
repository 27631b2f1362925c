/* arena: see arena.h. Chunks double from 4 KiB to 256 KiB; larger requests get a chunk of their own. */
#include "common/core/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { ARENA_FIRST = 4096, ARENA_LARGEST = 256 * 1024 };

struct arena_chunk {
	struct arena_chunk *next;
	size_t size; /* of data */
	_Alignas(16) char data[];
};

struct arena_cleanup {
	struct arena_cleanup *next;
	arena_cleanup_fn fn; /* NULL: undeferred */
	void *arg;
};

void arena_init(struct arena *a)
{
	*a = (struct arena){0};
}

void arena_init_small(struct arena *a, size_t first)
{
	*a = (struct arena){.first = first};
}

static void run_cleanups(struct arena *a)
{
	while (a->cleanups) {
		struct arena_cleanup *c = a->cleanups;
		a->cleanups = c->next;
		if (c->fn)
			c->fn(c->arg);
	}
}

void arena_fini(struct arena *a)
{
	run_cleanups(a);
	for (struct arena_chunk *c = a->chunks, *next; c; c = next) {
		next = c->next;
		free(c);
	}
	arena_init(a);
}

void arena_reset(struct arena *a)
{
	run_cleanups(a);
	struct arena_chunk *keep = a->chunks;
	if (!keep)
		return;
	for (struct arena_chunk *c = keep->next, *next; c; c = next) {
		next = c->next;
		free(c);
	}
	if (keep->size > ARENA_LARGEST) {
		free(keep);
		arena_init(a);
		return;
	}
	keep->next = NULL;
	a->at = keep->data;
	a->end = keep->data + keep->size;
	a->used = keep->size;
}

void *arena_alloc_slow(struct arena *a, size_t size)
{
	if (size > SIZE_MAX / 2)
		abort();
	size_t need = ((size ? size : 1) + 15) & ~(size_t)15;
	size_t grow = a->chunks ? a->chunks->size * 2 : a->first ? a->first : ARENA_FIRST;
	if (grow > ARENA_LARGEST)
		grow = ARENA_LARGEST;
	if (grow < need)
		grow = need;

	struct arena_chunk *c = malloc(sizeof *c + grow);
	if (!c)
		abort();
	c->size = grow;
	a->used += grow;
	c->next = a->chunks;
	a->chunks = c;
	a->at = c->data + need;
	a->end = c->data + grow;
	return c->data;
}

void *arena_zalloc(struct arena *a, size_t size)
{
	return memset(arena_alloc(a, size), 0, size);
}

char *arena_cstr(struct arena *a, struct slice s)
{
	char *copy = arena_alloc(a, s.len + 1);
	if (s.len)
		memcpy(copy, s.ptr, s.len);
	copy[s.len] = '\0';
	return copy;
}

struct slice arena_dup(struct arena *a, struct slice s)
{
	return slice_is_set(s) ? slice_of(arena_cstr(a, s), s.len) : s;
}

struct slice arena_join(struct arena *a, const struct slice *parts, size_t n)
{
	size_t len = 0;
	for (size_t i = 0; i < n; i++)
		len += parts[i].len;
	char *out = arena_alloc(a, len + 1), *at = out;
	for (size_t i = 0; i < n; i++) {
		if (parts[i].len)
			memcpy(at, parts[i].ptr, parts[i].len);
		at += parts[i].len;
	}
	*at = '\0';
	return slice_of(out, len);
}

#define TEN(d) d "0" d "1" d "2" d "3" d "4" d "5" d "6" d "7" d "8" d "9"
static const char two_digits[] = TEN("0") TEN("1") TEN("2") TEN("3") TEN("4") TEN("5") TEN("6") TEN("7") TEN("8")
        TEN("9");
#undef TEN

struct slice arena_decimal(struct arena *a, int64_t n)
{
	char *end = (char *)arena_alloc(a, 24) + 23, *at = end;
	uint64_t left = n < 0 ? -(uint64_t)n : (uint64_t)n;
	*at = '\0';
	for (; left >= 100; left /= 100)
		memcpy(at -= 2, &two_digits[left % 100 * 2], 2);
	if (left >= 10)
		memcpy(at -= 2, &two_digits[left * 2], 2);
	else
		*--at = (char)('0' + left);
	if (n < 0)
		*--at = '-';
	return slice_of(at, (size_t)(end - at));
}

struct slice arena_printf(struct arena *a, const char *format, ...)
{
	va_list ap, again;
	va_start(ap, format);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	char *out = arena_alloc(a, (size_t)n + 1);
	vsnprintf(out, (size_t)n + 1, format, again);
	va_end(again);
	return slice_of(out, (size_t)n);
}

struct arena_cleanup *arena_defer(struct arena *a, arena_cleanup_fn fn, void *arg)
{
	struct arena_cleanup *c = arena_alloc(a, sizeof *c);
	*c = (struct arena_cleanup){a->cleanups, fn, arg};
	a->cleanups = c;
	return c;
}

void arena_undefer(struct arena_cleanup *c)
{
	c->fn = NULL;
}
