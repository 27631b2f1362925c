/* json_body: see json_body.h. */
#include "common/plugin/json_body.h"

/* Counts what separates values, outside of strings; what is no JSON is the parser's to find out. */
static enum json_body measure(struct slice text)
{
	size_t values = 1, depth = 0;
	bool in_string = false;

	for (size_t i = 0; i < text.len; i++) {
		char ch = text.ptr[i];
		if (in_string) {
			i += ch == '\\';
			in_string = ch != '"';
			continue;
		}
		in_string = ch == '"';
		values += ch == ',' || ch == '[' || ch == '{';
		depth += ch == '[' || ch == '{';
		if ((ch == ']' || ch == '}') && depth > 0)
			depth--;
		if (depth > JSON_BODY_DEPTH_MAX)
			return JSON_BODY_TOO_DEEP;
		if (values > JSON_BODY_VALUES_MAX)
			return JSON_BODY_TOO_MANY;
	}
	return JSON_BODY_OK;
}

static json_t *load(struct slice text, size_t flags, json_error_t *why)
{
	return json_loadb(text.ptr ? text.ptr : "", text.len, JSON_ALLOW_NUL | JSON_DECODE_ANY | flags, why);
}

enum json_body json_body_parse_strictly(struct slice text, json_t **out)
{
	enum json_body size = measure(text);
	json_error_t why;

	*out = NULL;
	if (size != JSON_BODY_OK)
		return size;
	*out = load(text, JSON_REJECT_DUPLICATES, &why);
	if (!*out && json_error_code(&why) == json_error_numeric_overflow)
		*out = load(text, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &why);
	return *out ? JSON_BODY_OK : JSON_BODY_MALFORMED;
}

enum json_body json_body_parse(struct slice text, json_t **out)
{
	enum json_body size = measure(text);
	*out = NULL;
	if (size != JSON_BODY_OK)
		return size;
	*out = load(text, 0, NULL);
	return *out ? JSON_BODY_OK : JSON_BODY_MALFORMED;
}
