/* cache_control: see cache_control.h. */
#include "common/http/cache_control.h"

#include "common/http/date.h"

static int64_t seconds(struct slice value)
{
	int64_t n;
	value = slice_trim(value);
	if (value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"')
		value = slice_of(value.ptr + 1, value.len - 2);
	return slice_to_int(value, &n) && n >= 0 ? n : -1;
}

static void take(struct cache_control *cc, struct slice name, struct slice value)
{
	const struct {
		struct slice name;
		bool *flag;
		int64_t *number;
	} all[] = {
	        {S("no-store"), &cc->no_store, NULL},
	        {S("no-cache"), &cc->no_cache, NULL},
	        {S("private"), &cc->is_private, NULL},
	        {S("only-if-cached"), &cc->only_if_cached, NULL},
	        {S("max-age"), NULL, &cc->max_age},
	        {S("s-maxage"), NULL, &cc->s_maxage},
	        {S("max-stale"), NULL, &cc->max_stale},
	        {S("min-fresh"), NULL, &cc->min_fresh},
	};
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		if (!slice_ieq(all[i].name, name))
			continue;
		if (all[i].flag)
			*all[i].flag = true;
		else
			*all[i].number = seconds(value);
	}
}

struct cache_control cache_control_of(const struct head *h)
{
	struct cache_control cc = {.max_age = -1, .s_maxage = -1, .max_stale = -1, .min_fresh = -1};
	struct slice name = S("Cache-Control");

	for (const struct header *f = NULL; (f = head_next(h, f, header_id_of(name), name));)
		for (struct slice rest = f->value; slice_is_set(rest);) {
			struct slice value = slice_cut(&rest, ','), word = slice_trim(slice_cut(&value, '='));
			take(&cc, word, value);
		}
	return cc;
}

int64_t cache_control_lifetime_s(const struct cache_control *cc, const struct head *response, int64_t now_s)
{
	const struct header *expires = head_find_name(response, S("Expires"));
	int64_t at_s;

	if (cc->s_maxage >= 0)
		return cc->s_maxage;
	if (cc->max_age >= 0)
		return cc->max_age;
	return expires && http_date_parse(expires->value, &at_s) ? at_s - now_s : 0;
}
