/* yaml_write: JSON values as YAML in block style. See yaml.h. Called by whoever exports a configuration. */
#include <math.h>

#include "common/core/utf8.h"
#include "common/model/yaml.h"

/* Plain only what nobody can take for anything else. */
static bool is_plain(struct slice s)
{
	static const char also[] = "-_./";
	if (s.len == 0 || s.len > 200 || (s.len == 1 && strchr("yYnN", s.ptr[0])))
		return false; /* y and n are booleans to some */
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i], lower = ascii_lower(c);
		bool letter = lower >= 'a' && lower <= 'z';
		if (!letter && !(i > 0 && ((c >= '0' && c <= '9') || strchr(also, c))) && !(i == 0 && c == '/'))
			return false;
		if (c == '\0')
			return false;
	}
	json_t *read = yaml_scalar(s);
	bool string = json_is_string(read);
	json_decref(read);
	return string;
}

static bool fits_single_quotes(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		if (c < 0x20 || c >= 0x7f)
			return false;
	}
	return true;
}

/* As JSON has it, but for what YAML calls not printable. */
static void put_double_quoted(struct text *out, struct slice s)
{
	text_putc(out, '"');
	for (size_t i = 0; i < s.len;) {
		size_t n = utf8_sequence(slice_from(s, i));
		unsigned char c = (unsigned char)s.ptr[i];
		bool control = c < 0x20 || c == 0x7f;
		if (control)
			text_printf(out, "\\x%02X", c);
		else if (n == 2 && c == 0xc2 && (unsigned char)s.ptr[i + 1] < 0xa0)
			text_printf(out, "\\x%02X", (unsigned char)s.ptr[i + 1]);
		else if (n == 3 && (c == 0xef || c == 0xe2)) /* line ends, byte order marks, U+FFFE */
			text_printf(out, "\\u%04X", (c & 15) << 12 | (s.ptr[i + 1] & 63) << 6 | (s.ptr[i + 2] & 63));
		else if (c == '"' || c == '\\')
			text_printf(out, "\\%c", c);
		else
			text_put(out, slice_of(s.ptr + i, n ? n : 1));
		i += n ? n : 1;
	}
	text_putc(out, '"');
}

static void put_string(struct text *out, struct slice s)
{
	if (is_plain(s)) {
		text_put(out, s);
		return;
	}
	if (!fits_single_quotes(s)) {
		put_double_quoted(out, s);
		return;
	}
	text_putc(out, '\'');
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '\'')
			text_putc(out, '\'');
		text_putc(out, s.ptr[i]);
	}
	text_putc(out, '\'');
}

static void put_real(struct text *out, double n)
{
	char number[40];

	snprintf(number, sizeof number, "%.17g", n);
	double shorter = 0;
	char brief[40];
	snprintf(brief, sizeof brief, "%.15g", n);
	if (sscanf(brief, "%lf", &shorter) == 1 && shorter == n)
		memcpy(number, brief, sizeof number);
	text_puts(out, number);
	if (!strpbrk(number, ".e"))
		text_puts(out, ".0");
}

static void put_scalar(struct text *out, const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_STRING: put_string(out, slice_of(json_string_value(value), json_string_length(value))); break;
	case JSON_INTEGER: text_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value)); break;
	case JSON_REAL: put_real(out, json_real_value(value)); break;
	case JSON_TRUE: text_puts(out, "true"); break;
	case JSON_FALSE: text_puts(out, "false"); break;
	case JSON_OBJECT: text_puts(out, "{}"); break; /* an empty one */
	case JSON_ARRAY: text_puts(out, "[]"); break;
	case JSON_NULL: text_putc(out, '~'); break;
	}
}

static bool is_filled(const json_t *value)
{
	return json_array_size(value) > 0 || json_object_size(value) > 0;
}

static void put_blanks(struct text *out, int n)
{
	memset(text_reserve(out, (size_t)n), ' ', (size_t)n);
	out->len += (size_t)n;
	out->ptr[out->len] = '\0';
}

static void put_array(struct text *out, const json_t *array, int indent)
{
	size_t i;
	json_t *element;

	json_array_foreach(array, i, element)
	{
		put_blanks(out, indent);
		text_puts(out, "- ");
		if (is_filled(element)) {
			struct text below = {0};
			yaml_write(&below, element, indent + 2);
			text_put(out,
			        slice_from(text_slice(&below), (size_t)indent + 2)); /* the first line goes on here */
			text_fini(&below);
		} else {
			put_scalar(out, element);
			text_putc(out, '\n');
		}
	}
}

static void put_object(struct text *out, const json_t *object, int indent)
{
	const char *key;
	size_t len;
	json_t *value;

	json_object_keylen_foreach((json_t *)object, key, len, value)
	{
		put_blanks(out, indent);
		put_string(out, slice_of(key, len));
		text_putc(out, ':');
		if (is_filled(value)) {
			text_putc(out, '\n');
			yaml_write(out, value, json_is_array(value) ? indent : indent + 2);
		} else {
			text_putc(out, ' ');
			put_scalar(out, value);
			text_putc(out, '\n');
		}
	}
}

void yaml_write(struct text *out, const json_t *value, int indent)
{
	if (json_is_array(value) && is_filled(value))
		put_array(out, value, indent);
	else if (json_is_object(value) && is_filled(value))
		put_object(out, value, indent);
	else {
		put_scalar(out, value);
		text_putc(out, '\n');
	}
}
