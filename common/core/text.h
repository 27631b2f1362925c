/* text: a string that grows, on the heap. A zeroed struct is a valid empty text; text_fini() frees.
 * Invariant: when ptr is not NULL it is NUL-terminated at ptr[len]. Out of memory aborts. */
#ifndef COMMON_CORE_TEXT_H
#define COMMON_CORE_TEXT_H

#include <stdarg.h>

#include "common/core/slice.h"

struct text {
	char *ptr;
	size_t len, cap;
};

void text_fini(struct text *t);
void text_clear(struct text *t); /* keeps the memory */
/* Makes room for n more bytes and a NUL and returns where they go; the caller writes both and adds to len. */
char *text_grow(struct text *t, size_t n);
static inline char *text_reserve(struct text *t, size_t n)
{
	return t->len + n + 1 > t->cap ? text_grow(t, n) : t->ptr + t->len;
}
void text_append(struct text *t, struct slice s);
/* Short literals are a few moves in place; for anything else the compiler's own copying is slower than libc's. */
static inline void text_put(struct text *t, struct slice s)
{
	if (!__builtin_constant_p(s.len) || s.len == 0 || s.len > 32) {
		text_append(t, s);
		return;
	}
	text_reserve(t, s.len);
	memcpy(t->ptr + t->len, s.ptr, s.len);
	t->len += s.len;
	t->ptr[t->len] = '\0';
}
static inline void text_puts(struct text *t, const char *s)
{
	text_put(t, slice_cstr(s));
}
static inline void text_putc(struct text *t, char c)
{
	text_reserve(t, 1);
	t->ptr[t->len++] = c;
	t->ptr[t->len] = '\0';
}
void text_put_int(struct text *t, int64_t n);
void text_printf(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_vprintf(struct text *t, const char *format, va_list ap);
/* s as a JSON string with its quotes; bytes that are not UTF-8 become U+FFFD, control characters are escaped. */
void text_put_json(struct text *t, struct slice s);
/* The same with ASCII's capital letters made small. */
void text_put_json_lower(struct text *t, struct slice s);

static inline struct slice text_slice(const struct text *t)
{
	return slice_of(t->ptr ? t->ptr : "", t->len);
}

/* The text as a C string, never NULL. Valid until the text is changed. */
static inline const char *text_cstr(const struct text *t)
{
	return t->ptr ? t->ptr : "";
}

#endif
