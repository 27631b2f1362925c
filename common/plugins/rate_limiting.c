/* rate-limiting: at most so many requests per second, minute, ... year, for each consumer, address and so on
 * (plugins.md 3.1). Windows are those of the UTC calendar; counting is the host's (call_count). */
#include <math.h>

#include "common/core/log.h"
#include "common/plugin/plugin.h"
#include "common/plugin/redis_conf.h"
#include "common/plugin/windows.h"
#include "common/schema/violations.h"

struct rate_limiting {
	struct opt_num second, minute, hour, day, month, year;
	struct slice limit_by, header_name, path, policy;
	bool fault_tolerant;
	struct redis_conf redis;
	bool hide_client_headers;
	struct opt_num error_code;
	struct slice error_message;
	double sync_rate;
	struct slice on_store_error;
};

#define LIMIT(period) \
	FIELD(struct rate_limiting, period, GT(0), .doc = "How many requests may be made per " #period ".")

static const struct field fields[] = {
        LIMIT(second),
        LIMIT(minute),
        LIMIT(hour),
        LIMIT(day),
        LIMIT(month),
        LIMIT(year),
        FIELD(struct rate_limiting, limit_by, .dflt = "'consumer'",
                .one_of = ONE_OF("consumer", "credential", "ip", "service", "header", "path"),
                .doc = "What is counted separately. A request without it is counted by its client address."),
        FIELD(struct rate_limiting, header_name, .format = FORMAT_HEADER_NAME,
                .doc = "The header to count by, with `limit_by` header."),
        FIELD(struct rate_limiting, path, .format = FORMAT_PATH,
                .doc = "The path to count, with `limit_by` path; it must be equal."),
        FIELD(struct rate_limiting, policy, .dflt = "'local'", .flags = EMPTY_OK,
                .one_of = ONE_OF("local", "cluster", "redis"),
                .doc = "Where counters are kept: in each node's memory (local), in Redis for all nodes together (redis), or "
                       "in each node's memory and told to the others by way of the control plane (cluster): that takes "
                       "a tenth of a second, at the first a whole one, and what comes in meanwhile may pass the limit; "
                       "each control plane adds up its own data planes. cluster needs a database."),
        FIELD(struct rate_limiting, fault_tolerant, .flags = REQUIRED, .dflt = "true",
                .doc = "When the counters cannot be reached: let requests pass (true) or answer 500 (false)."),
        FIELD(struct rate_limiting, redis, .flags = REQUIRED, .record = &redis_conf_schema,
                .doc = "The Redis server, with `policy` redis."),
        FIELD(struct rate_limiting, hide_client_headers, .flags = REQUIRED, .dflt = "false",
                .doc = "Tell clients nothing about limits in response headers."),
        FIELD(struct rate_limiting, error_code, .dflt = "429", GT(0), .doc = "Status of a refusal."),
        FIELD(struct rate_limiting, error_message, .dflt = "'API rate limit exceeded'",
                .doc = "Message of a refusal."),
        FIELD(struct rate_limiting, sync_rate, .flags = REQUIRED, .dflt = "-1",
                .doc = "Kong's interval in seconds for pushing counters to Redis. Accepted; counters in Redis are always "
                       "exact and shared at once here, as with -1."),
        FIELD(struct rate_limiting, on_store_error, .flags = ADDITION, .one_of = ONE_OF("open", "closed", "local"),
                .doc = "Gatehouse's own, stronger than `fault_tolerant`: when Redis does not answer, let requests pass "
                       "(open), answer 500 (closed), or count in each node's memory meanwhile (local)."),
        {0},
};

/* ---- periods --------------------------------------------------------------------------------------------------- */

static const struct period {
	const char *name;
	struct slice suffix; /* of a counter's key */
	enum header_id limit_header, left_header;
	int64_t seconds; /* a month is 30 days, whatever the calendar says (plugins.md 0.12) */
	size_t limit;    /* offset of its struct opt_num */
} periods[] = {
#define PERIOD(name, NAME, seconds)                                                                            \
	{                                                                                                      \
#name, SLICE(":" #name), HEADER_X_RATELIMIT_LIMIT_##NAME, HEADER_X_RATELIMIT_REMAINING_##NAME, \
		        (seconds), offsetof(struct rate_limiting, name)                                        \
	}
        PERIOD(second, SECOND, 1),
        PERIOD(minute, MINUTE, 60),
        PERIOD(hour, HOUR, 3600),
        PERIOD(day, DAY, 86400),
        PERIOD(month, MONTH, 2592000),
        PERIOD(year, YEAR, 31536000),
#undef PERIOD
};
enum { PERIODS = sizeof periods / sizeof periods[0] };

/* ---- checks beyond fields -------------------------------------------------------------------------------------- */

static void check_order(const json_t *conf, struct violations *v)
{
	struct err e;
	if (!windows_check_order(conf, "The", &e))
		violations_add(v, "config", "%s", e.message);
}

static void check_sync_rate(const json_t *conf, struct violations *v)
{
	const char *policy = json_string_value(json_object_get(conf, "policy"));
	double rate = json_number_value(json_object_get(conf, "sync_rate"));
	if (rate == -1)
		return;
	if (!policy || strcmp(policy, "redis") != 0)
		violations_add(v, "config", "sync_rate can only be used with the redis policy");
	else if (rate < 0.02)
		violations_add(v, "config", "sync_rate must be greater than 0.02, or -1 to disable");
}

static void check_conf(const json_t *merged, bool is_update, struct violations *v)
{
	const json_t *conf = json_object_get(merged, "config");
	redis_conf_check_policy(conf, v);
	check_order(conf, v);
	check_sync_rate(conf, v);
}

#define IS(word) MATCH(.eq = "'" word "'")
#define NEEDED   MATCH(.flags = REQUIRED)

static const struct entity_check checks[] = {
        AT_LEAST_ONE_OF("second", "minute", "hour", "day", "month", "year"),
        WHEN("policy", IS("redis"), "redis.host", NEEDED),
        WHEN("policy", IS("redis"), "redis.port", NEEDED),
        WHEN("policy", IS("redis"), "redis.timeout", NEEDED),
        WHEN("limit_by", IS("header"), "header_name", NEEDED),
        WHEN("limit_by", IS("path"), "path", NEEDED),
        CUSTOM(check_conf),
        {0},
};

static const struct schema config = {
        .name = "rate-limiting",
        .size = sizeof(struct rate_limiting),
        .fields = fields,
        .checks = checks,
        .shorthands = redis_conf_aliases,
};

/* ---- access ---------------------------------------------------------------------------------------------------- */

/* What is counted for one request: from on_access to on_counted. */
struct plan {
	struct count count;
	struct counter counters[PERIODS];
	struct window {
		const struct period *period;
		double limit;
		int64_t reset_s;
	} windows[PERIODS];
};

static bool is_word(struct slice s, const char *word)
{
	return slice_eq(s, slice_cstr(word));
}

/* Unset when the request has none. */
static struct slice identifier_by(struct call *c, const struct rate_limiting *conf)
{
	const struct exchange *x = c->x;
	const struct slice by = conf->limit_by, none = {NULL, 0};

	if (is_word(by, "ip"))
		return none;
	if (is_word(by, "service"))
		return x->service ? call_uuid_text(c, &x->service->id) : none;
	if (is_word(by, "header"))
		return call_header(c, conf->header_name, NULL);
	if (is_word(by, "path"))
		return slice_eq(x->path, conf->path) ? conf->path : none;
	if (x->consumer && !is_word(by, "credential"))
		return call_uuid_text(c, &x->consumer->id);
	return x->has_credential ? call_uuid_text(c, &x->credential_id) : none;
}

static void plan_window(
        struct call *c, struct plan *plan, const struct period *p, double limit, struct slice identifier)
{
	int64_t now_s = c->x->started_ms / 1000, start_s = window_start_s(p->seconds, now_s);
	int64_t left_s = p->seconds - (now_s - start_s); /* below 1 on the 31st of a month */
	struct redis_tag tag = redis_conf_tag(&((const struct rate_limiting *)c->conf)->redis);
	size_t i = plan->count.n++;

	plan->windows[i] = (struct window){p, limit, left_s > 1 ? left_s : 1};
	plan->counters[i] = (struct counter){
	        .key = ARENA_JOIN(c->x->arena, tag.begin, S("ratelimit:"), call_uuid_text(c, c->route_id), S(":"),
	                call_uuid_text(c, c->service_id), S(":"), identifier, tag.end, S(":"),
	                arena_decimal(c->x->arena, start_s * 1000), p->suffix),
	        .limit = limit < 9e15 ? (int64_t)ceil(limit) : (int64_t)9e15, /* n < 2.5 when n < 3 */
	        .window_s = (uint32_t)p->seconds,
	};
}

static double remaining_before(const struct plan *plan, size_t i)
{
	return plan->windows[i].limit - (double)plan->counters[i].used;
}

static bool is_exhausted(const struct plan *plan)
{
	for (size_t i = 0; i < plan->count.n; i++)
		if (remaining_before(plan, i) <= 0)
			return true;
	return false;
}

/* What is shown: after this request when it passes; a window that stops it has nothing left. */
static double remaining_after(const struct plan *plan, size_t i, bool stopped)
{
	double left = remaining_before(plan, i) - (stopped ? 0 : 1);
	return left > 0 ? left : 0;
}

static struct slice number(struct call *c, double value)
{
	struct arena *a = c->x->arena;
	bool whole = value < 9e15 && value == (double)(int64_t)value;
	return whole ? arena_decimal(a, (int64_t)value) : arena_printf(a, "%.14g", value);
}

/* The window with the least left is the one that RateLimit-* describe; of equals the longest. */
static void tell_client(struct call *c, const struct plan *plan, bool stopped)
{
	struct slice tightest_limit = {NULL, 0}, tightest_left = {NULL, 0};
	double least = INFINITY;
	int64_t reset_s = 0;

	for (size_t i = 0; i < plan->count.n; i++) {
		const struct window *w = &plan->windows[i];
		double left = remaining_after(plan, i, stopped);
		struct slice limit_text = number(c, w->limit), left_text = number(c, left);
		call_respond_id(c, w->period->limit_header, limit_text);
		call_respond_id(c, w->period->left_header, left_text);
		if (left > least)
			continue;
		least = left;
		tightest_limit = limit_text, tightest_left = left_text, reset_s = w->reset_s;
	}
	struct slice reset = arena_decimal(c->x->arena, reset_s);
	call_respond_id(c, HEADER_RATELIMIT_LIMIT, tightest_limit);
	call_respond_id(c, HEADER_RATELIMIT_REMAINING, tightest_left);
	call_respond_id(c, HEADER_RATELIMIT_RESET, reset);
	if (stopped)
		call_respond_id(c, HEADER_RETRY_AFTER, reset);
}

static enum verdict refuse(struct call *c, const struct rate_limiting *conf)
{
	double code = conf->error_code.value;
	bool usable = conf->error_code.set && code >= 200 && code < 600;
	return call_reject(c, usable ? (int)code : 429, conf->error_message);
}

static enum verdict on_counted(struct call *c);

static const struct metric store_errors = {.name = "gatehouse_rate_limiting_store_errors_total",
        .kind = METRIC_COUNTER,
        .help = "Requests that rate-limiting could not count in Redis, by what became of them"};

static struct slice on_error(const struct rate_limiting *conf)
{
	if (slice_is_set(conf->on_store_error))
		return conf->on_store_error;
	return conf->fault_tolerant ? S("open") : S("closed");
}

static void count_error(struct call *c, struct slice action)
{
	struct text labels = {0};
	metric_label(&labels, "action", action);
	call_meter(c, &store_errors, text_slice(&labels), 1);
	text_fini(&labels);
	log_debug("request not counted in redis", LOG_STR("plugin", c->plugin->name), LOG_SLICE("action", action),
	        LOG_SLICE("request", c->x->request_id));
}

/* The store does not answer: the operator has chosen what that means. */
static enum verdict without_store(struct call *c, const struct rate_limiting *conf, struct plan *plan)
{
	struct slice action = on_error(conf);

	count_error(c, action);
	if (is_word(action, "closed"))
		return call_fault(c, "the counters cannot be reached");
	if (slice_is_set(conf->on_store_error) && !conf->hide_client_headers) /* Kong's own setting says nothing */
		call_respond_header(c, S("X-RateLimit-Store"), ARENA_JOIN(c->x->arena, S("unavailable; "), action));
	if (is_word(action, "open"))
		return GO;
	plan->count.redis = NULL;
	plan->count.count_denied = plan->count.failed = false;
	return call_count(c, &plan->count, on_counted);
}

static enum verdict on_counted(struct call *c)
{
	const struct rate_limiting *conf = c->conf;
	struct plan *plan = c->data;

	if (plan->count.failed)
		return without_store(c, conf, plan);
	bool stopped = is_exhausted(plan);
	if (!conf->hide_client_headers)
		tell_client(c, plan, stopped);
	return stopped ? refuse(c, conf) : GO;
}

static enum verdict on_access(struct call *c)
{
	const struct rate_limiting *conf = c->conf;
	struct plan *plan = arena_new(c->x->arena, struct plan);
	struct slice identifier = identifier_by(c, conf);

	if (!slice_is_set(identifier))
		identifier = c->x->client_ip;
	for (size_t i = 0; i < PERIODS; i++) {
		const struct opt_num *limit = (const void *)((const char *)conf + periods[i].limit);
		if (limit->set)
			plan_window(c, plan, &periods[i], limit->value, identifier);
	}
	plan->count.counters = plan->counters;
	plan->count.is_shared = is_word(conf->policy, "cluster");
	if (is_word(conf->policy, "redis")) {
		plan->count.redis = &conf->redis;
		plan->count.count_denied = true; /* Redis counts while it reads */
	}
	c->data = plan;
	return call_count(c, &plan->count, on_counted);
}

const struct plugin rate_limiting_plugin = {
        .name = "rate-limiting",
        .priority = 910,
        .scopes = SCOPE_ALL,
        .protocols = PROTOCOLS_HTTP,
        .config = &config,
        .access = on_access,
        .doc = "At most so many requests per second, minute, hour, day, month or year.",
        .example = "{'minute':60,'policy':'redis','redis':{'host':'redis.example.com'}}",
};
