/* media_type: see media_type.h. */
#include "common/http/media_type.h"

static bool is_token(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] <= ' ' || s.ptr[i] == 127 || memchr("\"(),/:;<=>?@[\\]{}", s.ptr[i], 17))
			return false;
	return s.len > 0;
}

/* The part before the next ';' that is not in quotes. */
static struct slice cut_parameter(struct slice *rest)
{
	bool quoted = false;
	for (size_t i = 0; i < rest->len; i++) {
		char ch = rest->ptr[i];
		if (quoted && ch == '\\')
			i++;
		else if (ch == '"')
			quoted = !quoted;
		else if (ch == ';' && !quoted) {
			struct slice part = slice_of(rest->ptr, i);
			*rest = slice_from(*rest, i + 1);
			return part;
		}
	}
	struct slice all = *rest;
	*rest = slice_of(NULL, 0);
	return all;
}

static bool take_parameter(struct slice text, struct media_type *out)
{
	struct slice value = text, name = slice_trim(slice_cut(&value, '='));

	if (slice_trim(text).len == 0) /* "a/b;" */
		return true;
	value = slice_trim(value);
	if (!is_token(name) || value.len == 0 || out->count == MEDIA_TYPE_PARAMETERS)
		return false;
	if (value.ptr[0] == '"' && value.len >= 2 && value.ptr[value.len - 1] == '"')
		value = slice_of(value.ptr + 1, value.len - 2);
	else if (!is_token(value))
		return false;
	out->parameters[out->count++] = (struct media_parameter){name, value};
	return true;
}

bool media_type_parse(struct slice text, struct media_type *out)
{
	*out = (struct media_type){0};
	struct slice subtype = cut_parameter(&text), type = slice_cut(&subtype, '/');
	out->type = slice_trim(type);
	out->subtype = slice_trim(subtype);
	if (!is_token(out->type) || !is_token(out->subtype))
		return false;
	while (slice_is_set(text))
		if (!take_parameter(cut_parameter(&text), out))
			return false;
	return true;
}

static bool fits(struct slice is, struct slice pattern)
{
	return slice_eq(pattern, S("*")) || slice_ieq(is, pattern);
}

bool media_type_is(const struct media_type *is, const struct media_type *pattern)
{
	return fits(is->type, pattern->type) && fits(is->subtype, pattern->subtype);
}

static bool has(const struct media_type *m, const struct media_parameter *p, bool any_case)
{
	for (unsigned i = 0; i < m->count; i++) {
		struct slice value = m->parameters[i].value;
		if (slice_ieq(m->parameters[i].name, p->name) &&
		        (any_case ? slice_ieq(value, p->value) : slice_eq(value, p->value)))
			return true;
	}
	return false;
}

bool media_type_same_parameters(const struct media_type *a, const struct media_type *b, bool any_case)
{
	for (unsigned i = 0; i < a->count; i++)
		if (!has(b, &a->parameters[i], any_case))
			return false;
	for (unsigned i = 0; i < b->count; i++)
		if (!has(a, &b->parameters[i], any_case))
			return false;
	return true;
}
