/* name_value: see name_value.h. */
#include "common/plugin/name_value.h"

struct slice name_value_at(const struct slice_list *list, size_t i, struct slice *value)
{
	*value = list->items[i];
	struct slice name = slice_cut(value, ':');
	if (!slice_is_set(*value))
		*value = S("");
	return name;
}

bool name_value_check(const struct field *f, json_t **value, struct err *e)
{
	const char *text = json_string_value(*value), *colon = strchr(text, ':');
	return (colon && colon > text) || err_set(e, "invalid value: %s", text);
}

bool name_value_is_header_name(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char ch = (unsigned char)s.ptr[i], low = ascii_lower(ch);
		if (!((low >= 'a' && low <= 'z') || (ch >= '0' && ch <= '9') || ch == '-' || ch == '_'))
			return false;
	}
	return s.len > 0;
}

bool name_value_check_header_names(const struct field *f, json_t **value, struct err *e)
{
	struct slice to = slice_cstr(json_string_value(*value));
	if (!name_value_check(f, value, e))
		return false;
	struct slice from = slice_cut(&to, ':'), bad = name_value_is_header_name(from) ? to : from;
	return (name_value_is_header_name(from) && name_value_is_header_name(to)) ||
	       err_set(e, "'%.*s' is not a valid header", SLICE_ARG(bad));
}
