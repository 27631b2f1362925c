/* redis_script: see redis_script.h. */
#include "dp/host/redis_script.h"

#include <stdio.h>

/* KEYS: the counters. ARGV: what to do (0: count when all are below their limits, 1: count, 2: only look), then
 * limit, window and weight of each. Returns the values before this request. */
#define SCRIPT                                                                                  \
	"local used, allowed = {}, true\n"                                                      \
	"for i, key in ipairs(KEYS) do\n"                                                       \
	"  used[i] = tonumber(redis.call('GET', key) or 0)\n"                                   \
	"  if used[i] + ARGV[3 * i + 1] > tonumber(ARGV[3 * i - 1]) then allowed = false end\n" \
	"end\n"                                                                                 \
	"if ARGV[1] == '1' or (allowed and ARGV[1] == '0') then\n"                              \
	"  for i, key in ipairs(KEYS) do\n"                                                     \
	"    redis.call('INCRBY', key, ARGV[3 * i + 1])\n"                                      \
	"    if used[i] == 0 then redis.call('EXPIRE', key, ARGV[3 * i]) end\n"                 \
	"  end\n"                                                                               \
	"end\n"                                                                                 \
	"return used\n"

const struct slice redis_script = SLICE(SCRIPT);

static void add(struct redis_script_args *a, struct slice text)
{
	a->items[a->count++] = text;
}

static void add_number(struct redis_script_args *a, int64_t n)
{
	char *to = a->numbers[a->used++];
	add(a, slice_of(to, (size_t)snprintf(to, sizeof a->numbers[0], "%lld", (long long)n)));
}

/* EVAL numbers its arguments: script, count of keys, keys, what to do, then limit, window and weight of each. */
void redis_script_args(struct redis_script_args *a, const struct count *count, struct slice digest)
{
	bool whole = !slice_is_set(digest);

	a->count = a->used = 0;
	add(a, whole ? S("EVAL") : S("EVALSHA"));
	add(a, whole ? redis_script : digest);
	add_number(a, (int64_t)count->n);
	for (size_t i = 0; i < count->n; i++)
		add(a, count->counters[i].key);
	add(a, count->peek ? S("2") : count->count_denied ? S("1") : S("0"));
	for (size_t i = 0; i < count->n; i++) {
		const struct counter *one = &count->counters[i];
		add_number(a, one->limit);
		add_number(a, one->window_s);
		add_number(a, one->add ? one->add : 1);
	}
}

bool redis_script_read(const redisReply *r, const struct count *count)
{
	if (r->type != REDIS_REPLY_ARRAY || r->elements != count->n)
		return false;
	for (size_t i = 0; i < count->n; i++)
		if (r->element[i]->type != REDIS_REPLY_INTEGER)
			return false;
	for (size_t i = 0; i < count->n; i++)
		count->counters[i].used = r->element[i]->integer;
	return true;
}
