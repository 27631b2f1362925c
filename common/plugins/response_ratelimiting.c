/* response-ratelimiting: limits what the upstream says a request has used, in a header of its answer: "x-kong-limit:
 * video=3, image=1" (plugins.md 3.2). Access reads the counters; the answer's head says what to add, and waits until
 * it is counted: whoever asks next, asks against the new count. */
#include <math.h>

#include "common/core/log.h"
#include "common/plugin/plugin.h"
#include "common/plugin/redis_conf.h"
#include "common/plugin/windows.h"
#include "common/schema/violations.h"

struct response_ratelimiting {
	struct slice header_name, limit_by, policy;
	bool fault_tolerant, block_on_first_violation, hide_client_headers;
	struct redis_conf redis;
	json_t *limits;
};

/* ---- configuration --------------------------------------------------------------------------------------------- */

struct limit_record {
	struct opt_num second, minute, hour, day, month, year;
};

#define LIMIT(period) FIELD(struct limit_record, period, GT(0), .doc = "How much may be used per " #period ".")

static const struct field limit_fields[] = {
        LIMIT(second), LIMIT(minute), LIMIT(hour), LIMIT(day), LIMIT(month), LIMIT(year), {0}};

static const struct entity_check limit_checks[] = {
        AT_LEAST_ONE_OF("second", "minute", "hour", "day", "month", "year"), {0}};

static const struct schema limit_schema = {
        .name = "limits", .size = sizeof(struct limit_record), .fields = limit_fields, .checks = limit_checks};

static bool check_order(const struct field *f, json_t **value, struct err *e)
{
	return windows_check_order(*value, "the", e);
}

static const struct field fields[] = {
        FIELD(struct response_ratelimiting, header_name, .dflt = "'x-kong-limit'",
                .doc = "The header of answers that says what was used: `name=number`, several with commas."),
        FIELD(struct response_ratelimiting, limit_by, .dflt = "'consumer'",
                .one_of = ONE_OF("consumer", "credential", "ip"),
                .doc = "What is counted separately. A request without it is counted by its client address."),
        FIELD(struct response_ratelimiting, policy, .dflt = "'local'", .one_of = ONE_OF("local", "cluster", "redis"),
                .doc = "Where counters are kept: in each node's memory (local), in Redis for all nodes together (redis), or "
                       "in each node's memory and told to the others by way of the control plane (cluster): that takes "
                       "a tenth of a second, at the first a whole one, and what comes in meanwhile may pass the limit; "
                       "each control plane adds up its own data planes. cluster needs a database."),
        FIELD(struct response_ratelimiting, fault_tolerant, .flags = REQUIRED, .dflt = "true",
                .doc = "When the counters cannot be reached: let requests pass (true) or answer 500 (false)."),
        FIELD(struct response_ratelimiting, redis, .flags = REQUIRED, .record = &redis_conf_schema,
                .doc = "The Redis server, with `policy` redis."),
        FIELD(struct response_ratelimiting, block_on_first_violation, .flags = REQUIRED, .dflt = "false",
                .doc = "Refuse every request as soon as one of the limits is used up."),
        FIELD(struct response_ratelimiting, hide_client_headers, .flags = REQUIRED, .dflt = "false",
                .doc = "Tell clients nothing about limits in response headers."),
        {.name = "limits",
                .type = TYPE_MAP,
                .member = MEMBER_JSON,
                .offset = offsetof(struct response_ratelimiting, limits),
                .flags = REQUIRED,
                LEN_MIN(1),
                KEYS(),
                VALUES(.type = TYPE_RECORD, .record = &limit_schema, .flags = REQUIRED, .check = check_order),
                .doc = "Limits by name."},
        {0},
};

static void check_conf(const json_t *merged, bool is_update, struct violations *v)
{
	redis_conf_check_policy(json_object_get(merged, "config"), v);
}

#define IS(word) MATCH(.eq = "'" word "'")
#define NEEDED   MATCH(.flags = REQUIRED)

static const struct entity_check checks[] = {
        WHEN("policy", IS("redis"), "redis.host", NEEDED),
        WHEN("policy", IS("redis"), "redis.port", NEEDED),
        WHEN("policy", IS("redis"), "redis.timeout", NEEDED),
        CUSTOM(check_conf),
        {0},
};

static const struct schema config = {
        .name = "response-ratelimiting",
        .size = sizeof(struct response_ratelimiting),
        .fields = fields,
        .checks = checks,
        .shorthands = redis_conf_aliases,
};

/* ---- compiling ------------------------------------------------------------------------------------------------- */

/* One limit of one name in one window. */
struct limit {
	const struct window_kind *window;
	double value;
	struct slice limit_header, left_header;
};

struct quota {
	struct slice name, left_header; /* the latter for the upstream */
	struct limit limits[WINDOWS];
	unsigned count;
};

struct quotas {
	struct quota *items;
	size_t len, limits; /* limits: of all of them */
};

static void compile_quota(struct quota *q, struct slice name, const json_t *record, struct arena *a)
{
	q->name = arena_dup(a, name);
	q->left_header = ARENA_JOIN(a, S("X-RateLimit-Remaining-"), name);
	for (size_t i = 0; i < WINDOWS; i++) {
		const json_t *value = json_object_get(record, window_kinds[i].name);
		struct slice window = slice_cstr(window_kinds[i].name);
		if (!json_is_number(value))
			continue;
		q->limits[q->count++] = (struct limit){
		        .window = &window_kinds[i],
		        .value = json_number_value(value),
		        .limit_header = ARENA_JOIN(a, S("X-RateLimit-Limit-"), name, S("-"), window),
		        .left_header = ARENA_JOIN(a, S("X-RateLimit-Remaining-"), name, S("-"), window),
		};
	}
}

/* Names become names of headers. */
static bool is_name(struct slice name)
{
	for (size_t i = 0; i < name.len; i++)
		if (name.ptr[i] <= ' ' || name.ptr[i] == 127 || strchr("\"(),/:;<=>?@[\\]{}", name.ptr[i]))
			return false;
	return name.len > 0;
}

static bool compile(const void *config_record, struct arena *a, const void **compiled, struct err *e)
{
	const struct response_ratelimiting *conf = config_record;
	struct quotas *all = arena_new(a, struct quotas);
	const char *name;
	json_t *record;

	all->items = arena_array(a, struct quota, json_object_size(conf->limits));
	json_object_foreach(conf->limits, name, record)
	{
		struct quota *q = &all->items[all->len++];
		if (!is_name(slice_cstr(name)))
			return err_set(e, "limits: '%s' cannot be part of a header's name", name);
		compile_quota(q, slice_cstr(name), record, a);
		all->limits += q->count;
	}
	*compiled = all;
	return true;
}

/* ---- counters -------------------------------------------------------------------------------------------------- */

enum { COUNTERS_AT_ONCE = 6 }; /* Redis is asked for so many */

/* Of one request, from access to the answer's head. */
struct usage {
	struct slice identifier;
	struct counter *counters; /* all limits of all quotas, in their order */
	size_t read;              /* so many of them are known */
	struct count count;       /* under way */
	int64_t *used;            /* by this request, per quota */
	struct counter *additions;
	size_t additions_len, added;
};

static struct slice identify(struct call *c, const struct response_ratelimiting *conf)
{
	const struct exchange *x = c->x;
	if (slice_eq(conf->limit_by, S("consumer")) && x->consumer)
		return call_uuid_text(c, &x->consumer->id);
	if (!slice_eq(conf->limit_by, S("ip")) && x->has_credential)
		return call_uuid_text(c, &x->credential_id);
	return x->client_ip;
}

static struct counter counter_of(
        struct call *c, const struct usage *u, const struct quota *q, const struct window_kind *window)
{
	int64_t start_s = window_start_s(window->seconds, c->x->started_ms / 1000);
	struct redis_tag tag = redis_conf_tag(&((const struct response_ratelimiting *)c->conf)->redis);
	return (struct counter){
	        .key = ARENA_JOIN(c->x->arena, tag.begin, S("response-ratelimit:"), call_uuid_text(c, c->route_id),
	                S(":"), call_uuid_text(c, c->service_id), S(":"), u->identifier, tag.end, S(":"),
	                arena_decimal(c->x->arena, start_s * 1000), S(":"), q->name, S(":"),
	                slice_cstr(window->name)),
	        .limit = INT64_MAX,
	        .window_s = (uint32_t)window->seconds,
	};
}

static double remaining(const struct limit *l, const struct counter *counter)
{
	return l->value - (double)counter->used;
}

static struct slice number(struct call *c, double value)
{
	value = value > 0 ? value : 0;
	bool whole = value < 9e15 && value == floor(value);
	return whole ? arena_decimal(c->x->arena, (int64_t)value) : arena_printf(c->x->arena, "%.14g", value);
}

/* ---- access ---------------------------------------------------------------------------------------------------- */

struct state {
	struct usage *usage; /* NULL: nothing is known, and nothing is counted */
};

static enum verdict judge(struct call *c, struct usage *u)
{
	const struct response_ratelimiting *conf = c->conf;
	const struct quotas *all = c->compiled;
	const struct counter *counter = u->counters;

	for (size_t i = 0; i < all->len; i++) {
		const struct quota *q = &all->items[i];
		double least = INFINITY;
		for (unsigned k = 0; k < q->count; k++, counter++)
			least = fmin(least, remaining(&q->limits[k], counter));
		if (least <= 0 && conf->block_on_first_violation)
			return call_reject(c, 429,
			        arena_printf(c->x->arena, "API rate limit exceeded for '%.*s'", SLICE_ARG(q->name)));
		call_set_header(c, q->left_header, number(c, least));
	}
	((struct state *)c->state)->usage = u;
	return GO;
}

static const struct metric store_errors = {.name = "gatehouse_response_ratelimiting_store_errors_total",
        .kind = METRIC_COUNTER,
        .help = "Requests whose limits could not be read from Redis, and answers whose use could not be added there"};

/* That Redis is away is in the log once; here only the requests are counted. */
static void count_error(struct call *c, const char *operation)
{
	struct text labels = {0};
	metric_label(&labels, "operation", slice_cstr(operation));
	call_meter(c, &store_errors, text_slice(&labels), 1);
	text_fini(&labels);
	log_debug("not counted in redis", LOG_STR("plugin", c->plugin->name), LOG_STR("operation", operation),
	        LOG_SLICE("request", c->x->request_id));
}

static enum verdict without_store(struct call *c)
{
	const struct response_ratelimiting *conf = c->conf;
	count_error(c, "read");
	return conf->fault_tolerant ? GO : call_fault(c, "the counters cannot be reached");
}

static enum verdict read_more(struct call *c);

static enum verdict on_read(struct call *c)
{
	struct usage *u = c->data;
	if (u->count.failed)
		return without_store(c);
	u->read += u->count.n;
	return read_more(c);
}

/* Some counters after the others, until all are known. */
static enum verdict read_more(struct call *c)
{
	const struct response_ratelimiting *conf = c->conf;
	const struct quotas *all = c->compiled;
	struct usage *u = c->data;
	size_t left = all->limits - u->read;

	if (left == 0)
		return judge(c, u);
	u->count = (struct count){
	        .redis = slice_eq(conf->policy, S("redis")) ? &conf->redis : NULL,
	        .is_shared = slice_eq(conf->policy, S("cluster")),
	        .counters = u->counters + u->read,
	        .n = left < COUNTERS_AT_ONCE ? left : COUNTERS_AT_ONCE,
	        .peek = true,
	};
	return call_count(c, &u->count, on_read);
}

static enum verdict on_access(struct call *c)
{
	const struct quotas *all = c->compiled;
	struct usage *u = arena_new(c->x->arena, struct usage);
	struct counter *counter;

	u->identifier = identify(c, c->conf);
	counter = u->counters = arena_array(c->x->arena, struct counter, all->limits);
	for (size_t i = 0; i < all->len; i++)
		for (unsigned k = 0; k < all->items[i].count; k++)
			*counter++ = counter_of(c, u, &all->items[i], all->items[i].limits[k].window);
	c->data = u;
	return read_more(c);
}

/* ---- the answer ------------------------------------------------------------------------------------------------ */

enum { USED_MAX = 1000000000 }; /* in one answer: keeps sums far from overflow */

/* "video=3": adds it up; unknown names and what is no positive number mean nothing. */
static void take_item(const struct quotas *all, struct slice item, int64_t *used)
{
	int64_t n;
	struct slice name = slice_trim(slice_cut(&item, '='));

	if (!slice_to_int(slice_trim(item), &n) || n <= 0)
		return;
	for (size_t i = 0; i < all->len; i++)
		if (slice_eq(all->items[i].name, name))
			used[i] += n < USED_MAX ? n : USED_MAX;
}

static int64_t *read_header(struct call *c)
{
	const struct response_ratelimiting *conf = c->conf;
	const struct quotas *all = c->compiled;
	int64_t *used = arena_array(c->x->arena, int64_t, all->len);
	enum header_id id = header_id_of(conf->header_name);

	for (const struct header *h = NULL; (h = head_next(c->x->response, h, id, conf->header_name));)
		for (struct slice rest = h->value; slice_is_set(rest);)
			take_item(all, slice_cut(&rest, ','), used);
	call_remove_respond_header(c, conf->header_name);
	return used;
}

/* True: something was used of what was used up already. */
static bool tell_client(struct call *c, const struct usage *u)
{
	const struct response_ratelimiting *conf = c->conf;
	const struct quotas *all = c->compiled;
	const struct counter *counter = u->counters;
	bool stop = false;

	for (size_t i = 0; i < all->len; i++)
		for (unsigned k = 0; k < all->items[i].count; k++, counter++) {
			const struct limit *l = &all->items[i].limits[k];
			double left = remaining(l, counter);
			stop |= u->used[i] > 0 && left <= 0;
			if (conf->hide_client_headers)
				continue;
			call_respond_header(c, l->limit_header, number(c, l->value));
			call_respond_header(c, l->left_header, number(c, left - (double)u->used[i]));
		}
	return stop;
}

static enum verdict add_more(struct call *c);

static enum verdict on_added(struct call *c)
{
	struct usage *u = c->data;
	if (u->count.failed) /* the answer is there: it is not taken back for that */
		count_error(c, "add");
	u->added += u->count.n;
	return add_more(c);
}

static enum verdict add_more(struct call *c)
{
	const struct response_ratelimiting *conf = c->conf;
	struct usage *u = c->data;
	size_t left = u->additions_len - u->added;

	if (left == 0)
		return GO;
	u->count = (struct count){
	        .redis = slice_eq(conf->policy, S("redis")) ? &conf->redis : NULL,
	        .is_shared = slice_eq(conf->policy, S("cluster")),
	        .counters = u->additions + u->added,
	        .n = left < COUNTERS_AT_ONCE ? left : COUNTERS_AT_ONCE,
	        .count_denied = true,
	};
	return call_count(c, &u->count, on_added);
}

/* Every window of a name counts, also those without a limit: one may be set later. */
static void plan_additions(struct call *c, struct usage *u)
{
	const struct quotas *all = c->compiled;
	u->additions = arena_array(c->x->arena, struct counter, all->len * WINDOWS);
	for (size_t i = 0; i < all->len; i++)
		for (size_t k = 0; k < WINDOWS && u->used[i] > 0; k++) {
			struct counter *counter = &u->additions[u->additions_len++];
			*counter = counter_of(c, u, &all->items[i], &window_kinds[k]);
			counter->add = u->used[i];
		}
}

static enum verdict on_response_head(struct call *c)
{
	struct usage *u = ((struct state *)c->state)->usage;

	if (!u)
		return GO;
	u->used = read_header(c);
	if (tell_client(c, u))
		return call_exit(c, 429, S(""), slice_of(NULL, 0));
	plan_additions(c, u);
	c->data = u;
	return add_more(c);
}

const struct plugin response_ratelimiting_plugin = {
        .name = "response-ratelimiting",
        .priority = 900,
        .scopes = SCOPE_ALL,
        .protocols = PROTOCOLS_HTTP,
        .config = &config,
        .compile = compile,
        .state_size = sizeof(struct state),
        .access = on_access,
        .response_head = on_response_head,
        .doc = "Limits what the upstream says its answers have used.",
        .example = "{'limits':{'video':{'minute':10}}}",
};
