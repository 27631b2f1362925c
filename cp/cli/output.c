/* output: see output.h. */
#include "cp/cli/output.h"

#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { COLUMNS_MAX = 12, GAP = 2, LAST_MIN = 10 };

struct table {
	size_t columns;
	struct text *cells; /* row by row, headings first */
	size_t count, cap;
};

void output_json(const json_t *value)
{
	json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
	putchar('\n');
}

const char *output_string(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));
	return s ? s : "";
}

const char *output_time(double unix_s, char out[20])
{
	time_t t = (time_t)unix_s;
	struct tm parts;

	localtime_r(&t, &parts);
	strftime(out, 20, "%Y-%m-%d %H:%M:%S", &parts);
	return out;
}

/* ---- tables ---------------------------------------------------------------------------------------------------- */

struct table *table_new(const char *const *headings)
{
	struct table *t = calloc(1, sizeof *t);

	if (!t)
		abort();
	for (; headings[t->columns] && t->columns < COLUMNS_MAX; t->columns++)
		table_add(t, headings[t->columns]);
	return t;
}

void table_add(struct table *t, const char *cell)
{
	if (t->count == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 64;
		t->cells = realloc(t->cells, t->cap * sizeof *t->cells);
		if (!t->cells)
			abort();
	}
	struct text *out = &t->cells[t->count++];
	*out = (struct text){0};
	for (; *cell; cell++)
		text_putc(out, (unsigned char)*cell < 0x20 || *cell == 0x7f ? '?' : *cell);
}

void table_addf(struct table *t, const char *format, ...)
{
	struct text cell = {0};
	va_list ap;

	va_start(ap, format);
	text_vprintf(&cell, format, ap);
	va_end(ap);
	table_add(t, text_cstr(&cell));
	text_fini(&cell);
}

/* Characters, not bytes: what UTF-8 goes on with is not counted. */
static size_t width_of(const struct text *cell)
{
	size_t n = 0;

	for (size_t i = 0; i < cell->len; i++)
		n += ((unsigned char)cell->ptr[i] & 0xc0) != 0x80;
	return n;
}

/* At most `width` characters of a cell, with ".." where it was cut. */
static void put_cut(struct text *out, const struct text *cell, size_t width)
{
	size_t all = width_of(cell), keep = all <= width ? all : width - 2, n = 0;

	for (size_t i = 0; i < cell->len; i++) {
		n += ((unsigned char)cell->ptr[i] & 0xc0) != 0x80;
		if (n > keep)
			break;
		text_putc(out, cell->ptr[i]);
	}
	if (all > width)
		text_puts(out, "..");
}

static void put_row(const struct table *t, size_t row, const size_t *widths, size_t last_width, struct text *out)
{
	for (size_t c = 0; c < t->columns && row + c < t->count; c++) {
		const struct text *cell = &t->cells[row + c];
		if (c + 1 == t->columns) {
			put_cut(out, cell, last_width);
			break;
		}
		text_put(out, text_slice(cell));
		for (size_t n = width_of(cell); n < widths[c] + GAP; n++)
			text_putc(out, ' ');
	}
	while (out->len > 0 && out->ptr[out->len - 1] == ' ')
		out->ptr[--out->len] = '\0';
	text_putc(out, '\n');
}

void table_render(const struct table *t, unsigned width, struct text *out)
{
	size_t widths[COLUMNS_MAX] = {0}, before_last = 0;

	for (size_t i = 0; i < t->count; i++) {
		size_t w = width_of(&t->cells[i]);
		if (w > widths[i % t->columns])
			widths[i % t->columns] = w;
	}
	for (size_t c = 0; c + 1 < t->columns; c++)
		before_last += widths[c] + GAP;
	size_t last = width == 0 ? SIZE_MAX : width > before_last + LAST_MIN ? width - before_last : LAST_MIN;
	for (size_t row = 0; row < t->count; row += t->columns)
		put_row(t, row, widths, last, out);
}

static unsigned terminal_width(void)
{
	struct winsize size = {0};

	if (!isatty(STDOUT_FILENO))
		return 0;
	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

void table_print(struct table *t)
{
	struct text out = {0};

	table_render(t, terminal_width(), &out);
	fputs(text_cstr(&out), stdout);
	text_fini(&out);
	table_free(t);
}

void table_free(struct table *t)
{
	for (size_t i = 0; i < t->count; i++)
		text_fini(&t->cells[i]);
	free(t->cells);
	free(t);
}
