/* args: see args.h. */
#include "common/plugin/args.h"

#include "common/core/text.h"

/* Decodes only what may be encoded: names rarely are. */
static bool is_named(struct arena *a, struct slice raw, struct slice name)
{
	if (slice_find(raw, '%') < 0 && slice_find(raw, '+') < 0)
		return slice_eq(raw, name);
	return slice_eq(uri_decode(a, raw, true), name);
}

struct slice args_get(struct arena *a, struct slice args, struct slice name, size_t *count)
{
	struct slice raw, value, first = {NULL, 0};
	size_t n = 0;

	for (int i = 0; i < CALL_MAX_ARGS && query_next(&args, &raw, &value); i++) {
		if (!is_named(a, raw, name))
			continue;
		if (!slice_is_set(first) && slice_is_set(value))
			first = uri_decode(a, value, true);
		n++;
	}
	if (count)
		*count = n;
	return first;
}

/* Also what CALL_MAX_ARGS hides from args_get() is removed: a credential must not get through behind a hundred
 * others. */
struct slice args_remove(struct arena *a, struct slice args, struct slice name)
{
	char *kept = arena_alloc(a, args.len + 1), *end = kept;
	bool any = false;

	for (struct slice rest = args; slice_is_set(rest);) {
		struct slice argument = slice_cut(&rest, '&'), after = argument;
		if (is_named(a, slice_cut(&after, '='), name)) {
			any = true;
			continue;
		}
		if (end > kept)
			*end++ = '&';
		memcpy(end, argument.ptr, argument.len);
		end += argument.len;
	}
	return any ? slice_of(kept, (size_t)(end - kept)) : args;
}

struct arg_list args_list(struct arena *a, struct slice args)
{
	struct arg_list list = {arena_alloc(a, sizeof(struct arg) * (CALL_MAX_ARGS + 1)), 0};
	struct slice name, value;

	while (list.len < CALL_MAX_ARGS && query_next(&args, &name, &value)) {
		bool has_value = slice_is_set(value);
		list.items[list.len++] = (struct arg){
		        uri_decode(a, name, true), has_value ? uri_decode(a, value, true) : slice_of(NULL, 0)};
	}
	return list;
}

struct slice args_text(struct arena *a, const struct arg_list *list)
{
	struct text out = {0};
	for (size_t i = 0; i < list->len; i++) {
		if (i > 0)
			text_putc(&out, '&');
		uri_put_escaped(&out, list->items[i].name);
		if (!slice_is_set(list->items[i].value))
			continue;
		text_putc(&out, '=');
		uri_put_escaped(&out, list->items[i].value);
	}
	struct slice text = arena_dup(a, text_slice(&out));
	text_fini(&out);
	return text;
}

static int append(const char *bytes, size_t n, void *out)
{
	text_put(out, slice_of(bytes, n));
	return 0;
}

struct slice args_json(struct arena *a, const json_t *json)
{
	struct text out = {0};
	json_dump_callback(json, append, &out, JSON_COMPACT | JSON_ENCODE_ANY);
	struct slice text = arena_dup(a, text_slice(&out));
	text_fini(&out);
	return text;
}
