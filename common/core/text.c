/* text: see text.h. */
#include "common/core/text.h"

#include <stdio.h>
#include <stdlib.h>

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

char *text_reserve(struct text *t, size_t n)
{
	if (t->len + n + 1 > t->cap) {
		size_t cap = t->cap ? t->cap * 2 : 64;
		while (cap < t->len + n + 1)
			cap *= 2;
		t->ptr = realloc(t->ptr, cap);
		if (!t->ptr)
			abort();
		t->cap = cap;
		t->ptr[t->len] = '\0';
	}
	return t->ptr + t->len;
}

void text_put(struct text *t, struct slice s)
{
	char *to = text_reserve(t, s.len);
	if (s.len)
		memcpy(to, s.ptr, s.len);
	t->len += s.len;
	t->ptr[t->len] = '\0';
}

void text_puts(struct text *t, const char *s)
{
	text_put(t, slice_cstr(s));
}

void text_putc(struct text *t, char c)
{
	text_put(t, slice_of(&c, 1));
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

/* How many bytes stand for themselves: printable ASCII. */
static size_t plain_run(struct slice s)
{
	size_t n = 0;
	while (n < s.len && s.ptr[n] >= 0x20 && s.ptr[n] < 0x7f && s.ptr[n] != '"' && s.ptr[n] != '\\')
		n++;
	return n;
}

void text_put_json(struct text *t, struct slice s)
{
	text_reserve(t, s.len + 2);
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
