/* form_write: see form_write.h. */
#include "common/http/form_write.h"

#include "common/core/uuid.h"

enum { BOUNDARY = 32 };

/* A parameter's value in quotes; CR and LF cannot be part of one. */
static void put_parameter(struct text *out, const char *name, struct slice value)
{
	text_printf(out, "; %s=\"", name);
	for (size_t i = 0; i < value.len; i++) {
		char ch = value.ptr[i];
		if (ch == '"' || ch == '\\')
			text_putc(out, '\\');
		text_putc(out, ch == '\r' || ch == '\n' ? ' ' : ch);
	}
	text_putc(out, '"');
}

static void put_part(struct text *out, const char *boundary, const struct form_field *part)
{
	text_printf(out, "--%s\r\nContent-Disposition: form-data", boundary);
	put_parameter(out, "name", part->name);
	if (slice_is_set(part->filename))
		put_parameter(out, "filename", part->filename);
	if (slice_is_set(part->type))
		text_printf(out, "\r\nContent-Type: %.*s", SLICE_ARG(part->type));
	text_printf(out, "\r\n\r\n");
	text_put(out, part->value);
	text_puts(out, "\r\n");
}

void form_write_multipart(struct arena *a, const struct form *form, struct text *out, struct slice *type)
{
	char boundary[BOUNDARY + 1];

	random_alphanumeric(boundary, BOUNDARY);
	for (size_t i = 0; i < form->count; i++)
		put_part(out, boundary, &form->fields[i]);
	text_printf(out, "--%s--\r\n", boundary);
	*type = arena_printf(a, "multipart/form-data; boundary=%s", boundary);
}
