/* form: see form.h. A multipart body is cut at its delimiters, CRLF "--" boundary (RFC 2046 5.1.1); what stands
 * before the first and behind the last one means nothing. Lengths are never trusted: each part ends where a delimiter
 * is. */
#include "common/http/form.h"

#include "common/http/uri.h"

enum { FORM_FIRST = 16, BOUNDARY_MAX = 70 /* RFC 2046 5.1.1 */ };

/* fields doubles whenever count reaches a power of two from FORM_FIRST on: no room has to be kept with it. */
static bool add(struct arena *a, struct form *f, struct form_field field, struct err *e)
{
	if (f->count >= FORM_MAX_FIELDS)
		return err_set(e, "Too many arguments"); /* the spelling of the Admin API */
	if (f->count == 0 || (f->count >= FORM_FIRST && (f->count & (f->count - 1)) == 0)) {
		size_t room = f->count ? f->count * 2 : FORM_FIRST;
		struct form_field *more = arena_alloc(a, room * sizeof *more);
		if (f->count)
			memcpy(more, f->fields, f->count * sizeof *more);
		f->fields = more;
	}
	f->fields[f->count++] = field;
	return true;
}

bool form_parse_urlencoded(struct arena *a, struct slice body, struct form *out, struct err *e)
{
	struct form_field field = {0};

	*out = (struct form){0};
	while (query_next(&body, &field.name, &field.value)) {
		if (field.name.len == 0)
			continue;
		field.name = uri_decode(a, field.name, true);
		field.value = uri_decode(a, field.value, true);
		if (!add(a, out, field, e))
			return false;
	}
	return true;
}

/* --- parameters of header values ------------------------------------------------------------------------- */

/* Takes a quoted string off *rest, which stands at its '"'. Only \" and \\ are escapes: browsers send file names with
 * single backslashes. Unset when it does not end. */
static struct slice cut_quoted(struct arena *a, struct slice *rest)
{
	char *out = arena_alloc(a, rest->len + 1);
	size_t n = 0;

	for (size_t i = 1; i < rest->len; i++) {
		char c = rest->ptr[i];
		if (c == '"') {
			*rest = slice_from(*rest, i + 1);
			out[n] = '\0';
			return slice_of(out, n);
		}
		if (c == '\\' && i + 1 < rest->len && (rest->ptr[i + 1] == '"' || rest->ptr[i + 1] == '\\'))
			c = rest->ptr[++i];
		out[n++] = c;
	}
	return (struct slice){NULL, 0};
}

/* Steps over the parameters: *rest begins at a ';'. False at the end, or at something that is no parameter. */
static bool next_parameter(struct arena *a, struct slice *rest, struct slice *name, struct slice *value)
{
	if (!rest->len || rest->ptr[0] != ';')
		return false;
	*rest = slice_from(*rest, 1);
	size_t n = 0;
	while (n < rest->len && rest->ptr[n] != '=' && rest->ptr[n] != ';')
		n++;
	*name = slice_trim(slice_of(rest->ptr, n));
	*value = S("");
	if (n == rest->len || rest->ptr[n] == ';') {
		*rest = slice_from(*rest, n);
		return true;
	}
	*rest = slice_trim(slice_from(*rest, n + 1));
	if (rest->len && rest->ptr[0] == '"') {
		*value = cut_quoted(a, rest);
		*rest = slice_trim(*rest);
		return slice_is_set(*value);
	}
	ptrdiff_t end = slice_find(*rest, ';');
	n = end < 0 ? rest->len : (size_t)end;
	*value = slice_trim(slice_of(rest->ptr, n));
	*rest = slice_from(*rest, n);
	return true;
}

/* Where the parameters of a header value begin. */
static struct slice parameters_of(struct slice value)
{
	ptrdiff_t at = slice_find(value, ';');
	return slice_from(value, at < 0 ? value.len : (size_t)at);
}

static struct slice boundary_of(struct arena *a, struct slice content_type)
{
	struct slice rest = parameters_of(content_type), name, value;
	while (next_parameter(a, &rest, &name, &value))
		if (slice_ieq(name, S("boundary")))
			return value;
	return (struct slice){NULL, 0};
}

/* --- parts ----------------------------------------------------------------------------------------------- */

static void read_disposition(struct arena *a, struct slice value, struct form_field *part)
{
	struct slice rest = parameters_of(value), name, parameter;
	while (next_parameter(a, &rest, &name, &parameter)) {
		if (slice_ieq(name, S("name")))
			part->name = parameter;
		else if (slice_ieq(name, S("filename")))
			part->filename = parameter;
	}
}

/* Takes a line with its CRLF off *rest; false when there is none. */
static bool cut_line(struct slice *rest, struct slice *line)
{
	const char *end = rest->len ? memmem(rest->ptr, rest->len, "\r\n", 2) : NULL;
	if (!end)
		return false;
	*line = slice_of(rest->ptr, (size_t)(end - rest->ptr));
	*rest = slice_from(*rest, line->len + 2);
	return true;
}

/* One part: header lines, an empty line, content. */
static bool read_part(struct arena *a, struct slice s, struct form_field *part, struct err *e)
{
	struct slice value;

	*part = (struct form_field){0};
	for (;;) {
		if (!cut_line(&s, &value))
			return err_set(e, "malformed multipart body: a part has no end of its headers");
		if (value.len == 0)
			break;
		struct slice name = slice_trim(slice_cut(&value, ':'));
		if (slice_ieq(name, S("Content-Disposition")))
			read_disposition(a, value, part);
		else if (slice_ieq(name, S("Content-Type")))
			part->type = slice_trim(value);
	}
	part->value = s;
	return true;
}

/* Behind a delimiter: "--" for the last one, or blanks and CRLF. *rest moves to the content. */
static bool read_delimiter_end(struct slice *rest, bool *last, struct err *e)
{
	struct slice blanks;

	*last = slice_starts(*rest, S("--"));
	if (*last)
		return true;
	if (!cut_line(rest, &blanks) || slice_trim(blanks).len)
		return err_set(e, "malformed multipart body: a delimiter is followed by neither CRLF nor --");
	return true;
}

/* Where the first delimiter ends: it may be the very beginning of the body. */
static bool skip_preamble(struct slice *rest, struct slice delimiter)
{
	struct slice first = slice_from(delimiter, 2);
	if (slice_starts(*rest, first)) {
		*rest = slice_from(*rest, first.len);
		return true;
	}
	const char *at = rest->len ? memmem(rest->ptr, rest->len, delimiter.ptr, delimiter.len) : NULL;
	if (!at)
		return false;
	*rest = slice_from(*rest, (size_t)(at - rest->ptr) + delimiter.len);
	return true;
}

static bool read_parts(struct arena *a, struct slice rest, struct slice delimiter, struct form *out, struct err *e)
{
	struct form_field part;
	bool last;

	while (read_delimiter_end(&rest, &last, e)) {
		if (last)
			return true;
		const char *end = rest.len ? memmem(rest.ptr, rest.len, delimiter.ptr, delimiter.len) : NULL;
		if (!end)
			return err_set(e, "malformed multipart body: no closing delimiter");
		size_t len = (size_t)(end - rest.ptr);
		if (!read_part(a, slice_of(rest.ptr, len), &part, e))
			return false;
		if (part.name.len && !add(a, out, part, e))
			return false;
		rest = slice_from(rest, len + delimiter.len);
	}
	return false;
}

bool form_parse_multipart(
        struct arena *a, struct slice content_type, struct slice body, struct form *out, struct err *e)
{
	struct slice boundary = boundary_of(a, content_type);

	*out = (struct form){0};
	if (boundary.len == 0 || boundary.len > BOUNDARY_MAX)
		return err_set(e, "multipart body without a boundary of 1 to 70 characters in Content-Type");
	if (body.len == 0)
		return true;
	struct slice delimiter = arena_printf(a, "\r\n--%.*s", SLICE_ARG(boundary));
	if (!skip_preamble(&body, delimiter))
		return err_set(e, "malformed multipart body: no delimiter");
	return read_parts(a, body, delimiter, out, e);
}
