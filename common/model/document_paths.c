/* document_paths: routes of formats 1.1 and 2.1 as format 3.0 writes them (declarative-config.md 1).
 *
 * Before 3.0 a path with any character that is not usual in plain paths was a regex. */
#include <ctype.h>

#include "common/http/uri.h"
#include "common/model/document_private.h"

static bool is_usual(unsigned char c)
{
	return isalnum(c) || (c && strchr(".-_~/%", c));
}

static bool is_plain(struct slice path)
{
	for (size_t i = 0; i < path.len; i++)
		if (!is_usual((unsigned char)path.ptr[i]))
			return false;
	return true;
}

static int hex_value(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : ascii_lower((unsigned char)c) - 'a' + 10;
}

static bool is_triplet(struct slice s)
{
	return s.len >= 3 && s.ptr[0] == '%' && isxdigit((unsigned char)s.ptr[1]) &&
	       isxdigit((unsigned char)s.ptr[2]);
}

/* Triplets decoded, but for reserved characters; what would mean something to the regex gets a backslash. */
static void put_regex(struct text *out, struct slice path)
{
	static const char reserved[] = "!*'();:@&=+$,/?%#[]", meta[] = ".^-{}\\|";

	for (size_t i = 0; i < path.len; i++) {
		struct slice rest = slice_from(path, i);
		if (!is_triplet(rest)) {
			text_putc(out, path.ptr[i]);
			continue;
		}
		unsigned char c = (unsigned char)(hex_value(rest.ptr[1]) << 4 | hex_value(rest.ptr[2]));
		if (c == '\0' || strchr(reserved, c))
			text_printf(out, "%%%02X", c);
		else
			text_printf(out, "%s%c", strchr(meta, c) ? "\\" : "", c);
		i += 2;
	}
}

static json_t *migrate(const json_t *path)
{
	struct slice s = slice_of(json_string_value(path), json_string_length(path)), normal;
	struct arena a;
	struct text t = {0};

	arena_init(&a);
	if (!is_plain(s)) {
		text_putc(&t, '~');
		put_regex(&t, s);
	} else {
		text_put(&t, uri_normalise(&a, s, &normal) ? normal : s);
	}
	json_t *out = json_stringn(text_cstr(&t), t.len);
	text_fini(&t);
	arena_fini(&a);
	return out; /* NULL: a triplet that is no UTF-8; the path stays as it is */
}

void document_migrate_route(json_t *input)
{
	json_t *paths = json_object_get(input, "paths"), *path;
	size_t i;

	if (!json_is_array(paths))
		return;
	paths = json_copy(paths);
	json_array_foreach(paths, i, path)
	{
		json_t *now = json_is_string(path) ? migrate(path) : NULL;
		if (now)
			json_array_set_new(paths, i, now);
	}
	json_object_set_new(input, "paths", paths);
}
