/* args: see args.h. */
#include "common/plugin/args.h"

#include "common/http/uri.h"
#include "common/plugin/plugin.h"

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
