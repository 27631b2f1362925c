/* upstream: schema, checks of what to hash on, and how algorithm and hash_on pull each other. Contract: entities.md 4.6. */
#include "common/entity/upstream.h"

#define CHECK_TYPES  .dflt = "'http'", .one_of = ONE_OF("tcp", "http", "https", "grpc", "grpcs")
#define SECONDS      BETWEEN(0, 65535)
#define COUNT        .dflt = "0", BETWEEN(0, 255)
#define STATUSES(list) .dflt = (list), INTEGERS(BETWEEN(100, 999))
#define HASH_INPUTS  "none", "consumer", "ip", "header", "cookie", "path", "query_arg", "uri_capture"

static const struct field active_healthy_fields[] = {
	FIELD(struct active_healthy, interval, .dflt = "0", SECONDS, .doc = "Seconds between probes of healthy targets; 0: no probes."),
	FIELD(struct active_healthy, http_statuses, STATUSES("[200,302]"), .doc = "Statuses of a probe that count as success."),
	FIELD(struct active_healthy, successes, COUNT, .doc = "Successes that make a target healthy; 0: never."),
	{0},
};
static const struct schema active_healthy_schema = {.size = sizeof(struct active_healthy), .fields = active_healthy_fields};

static const struct field active_unhealthy_fields[] = {
	FIELD(struct active_unhealthy, interval, .dflt = "0", SECONDS,
		.doc = "Seconds between probes of unhealthy targets; 0: no probes."),
	FIELD(struct active_unhealthy, http_statuses, STATUSES("[429,404,500,501,502,503,504,505]"),
		.doc = "Statuses of a probe that count as failure."),
	FIELD(struct active_unhealthy, tcp_failures, COUNT, .doc = "Failed connections that make a target unhealthy; 0: never."),
	FIELD(struct active_unhealthy, timeouts, COUNT, .doc = "Timeouts that make a target unhealthy; 0: never."),
	FIELD(struct active_unhealthy, http_failures, COUNT, .doc = "Bad statuses that make a target unhealthy; 0: never."),
	{0},
};
static const struct schema active_unhealthy_schema = {
	.size = sizeof(struct active_unhealthy), .fields = active_unhealthy_fields};

static const struct field active_fields[] = {
	FIELD(struct active_checks, type, CHECK_TYPES, .doc = "How targets are probed."),
	FIELD(struct active_checks, timeout, .dflt = "1", SECONDS, .doc = "Seconds a probe may take."),
	FIELD(struct active_checks, concurrency, .dflt = "10", BETWEEN(1, 2147483648.0), .doc = "Probes at the same time."),
	FIELD(struct active_checks, http_path, .dflt = "'/'", .format = FORMAT_PATH, .doc = "What http probes ask for."),
	FIELD(struct active_checks, https_sni, .format = FORMAT_SNI, .doc = "The server name of https probes."),
	FIELD(struct active_checks, https_verify_certificate, .dflt = "true", .flags = REQUIRED,
		.doc = "Whether https probes verify the certificate."),
	FIELD(struct active_checks, headers, KEYS(.format = FORMAT_HEADER_NAME), VALUES(.type = TYPE_ARRAY, STRINGS()),
		.doc = "Headers of http probes: lists of values by name."),
	FIELD(struct active_checks, healthy, .record = &active_healthy_schema, .doc = "What makes a target healthy."),
	FIELD(struct active_checks, unhealthy, .record = &active_unhealthy_schema, .doc = "What makes a target unhealthy."),
	{0},
};
static const struct schema active_schema = {.size = sizeof(struct active_checks), .fields = active_fields};

static const struct field passive_healthy_fields[] = {
	FIELD(struct passive_healthy, http_statuses,
		STATUSES("[200,201,202,203,204,205,206,207,208,226,300,301,302,303,304,305,306,307,308]"),
		.doc = "Statuses of proxied responses that count as success."),
	FIELD(struct passive_healthy, successes, COUNT, .doc = "Successes that make a target healthy; 0: never."),
	{0},
};
static const struct schema passive_healthy_schema = {.size = sizeof(struct passive_healthy), .fields = passive_healthy_fields};

static const struct field passive_unhealthy_fields[] = {
	FIELD(struct passive_unhealthy, http_statuses, STATUSES("[429,500,503]"),
		.doc = "Statuses of proxied responses that count as failure."),
	FIELD(struct passive_unhealthy, tcp_failures, COUNT, .doc = "Failed connections that make a target unhealthy; 0: never."),
	FIELD(struct passive_unhealthy, timeouts, COUNT, .doc = "Timeouts that make a target unhealthy; 0: never."),
	FIELD(struct passive_unhealthy, http_failures, COUNT, .doc = "Bad statuses that make a target unhealthy; 0: never."),
	{0},
};
static const struct schema passive_unhealthy_schema = {
	.size = sizeof(struct passive_unhealthy), .fields = passive_unhealthy_fields};

static const struct field passive_fields[] = {
	FIELD(struct passive_checks, type, CHECK_TYPES, .doc = "How proxied traffic is judged."),
	FIELD(struct passive_checks, healthy, .record = &passive_healthy_schema, .doc = "What makes a target healthy."),
	FIELD(struct passive_checks, unhealthy, .record = &passive_unhealthy_schema, .doc = "What makes a target unhealthy."),
	{0},
};
static const struct schema passive_schema = {.size = sizeof(struct passive_checks), .fields = passive_fields};

static const struct field healthchecks_fields[] = {
	FIELD(struct healthchecks, threshold, .dflt = "0", BETWEEN(0, 100),
		.doc = "Percent of the weight that must be healthy for the upstream to be used."),
	FIELD(struct healthchecks, active, .record = &active_schema, .doc = "Probes of our own."),
	FIELD(struct healthchecks, passive, .record = &passive_schema, .doc = "Judging proxied traffic."),
	{0},
};
static const struct schema healthchecks_schema = {.size = sizeof(struct healthchecks), .fields = healthchecks_fields};

static const struct field fields[] = {
	ID_FIELD(struct upstream),
	CREATED_AT_FIELD(struct upstream),
	UPDATED_AT_FIELD(struct upstream),
	FIELD(struct upstream, name, .format = FORMAT_UPSTREAM_NAME, .flags = REQUIRED | UNIQUE | ENDPOINT_KEY,
		.doc = "A host name; services use it as their host."),
	FIELD(struct upstream, algorithm, .dflt = "'round-robin'",
		.one_of = ONE_OF("consistent-hashing", "least-connections", "round-robin", "latency"),
		.doc = "How a target is chosen."),
	FIELD(struct upstream, hash_on, .dflt = "'none'", .one_of = ONE_OF(HASH_INPUTS), .doc = "What is hashed."),
	FIELD(struct upstream, hash_fallback, .dflt = "'none'", .one_of = ONE_OF(HASH_INPUTS),
		.doc = "What is hashed when the first has no value."),
	FIELD(struct upstream, hash_on_header, .format = FORMAT_HEADER_NAME, .doc = "The header to hash."),
	FIELD(struct upstream, hash_fallback_header, .format = FORMAT_HEADER_NAME, .doc = "The header to hash as fallback."),
	FIELD(struct upstream, hash_on_cookie, .format = FORMAT_COOKIE_NAME, .doc = "The cookie to hash; set when absent."),
	FIELD(struct upstream, hash_on_cookie_path, .dflt = "'/'", .format = FORMAT_PATH, .doc = "Path of that cookie."),
	FIELD(struct upstream, hash_on_query_arg, .doc = "The query argument to hash."),
	FIELD(struct upstream, hash_fallback_query_arg, .doc = "The query argument to hash as fallback."),
	FIELD(struct upstream, hash_on_uri_capture, .doc = "The capture of the route's regex to hash."),
	FIELD(struct upstream, hash_fallback_uri_capture, .doc = "The capture to hash as fallback."),
	FIELD(struct upstream, slots, .dflt = "10000", BETWEEN(10, 65536), .doc = "Points of the hash ring."),
	FIELD(struct upstream, healthchecks, .record = &healthchecks_schema, .doc = "When a target may be used."),
	TAGS_FIELD(struct upstream),
	FIELD(struct upstream, host_header, .format = FORMAT_HOST_OPT_PORT, .doc = "The Host header sent to targets."),
	FIELD(struct upstream, client_certificate, .ref = "certificates", .doc = "The certificate shown to targets."),
	FIELD(struct upstream, use_srv_name, .dflt = "false", .doc = "Whether Host is the name of the SRV record."),
	{0},
};

#define NEEDS(on, input, field)                                                                                      \
	{                                                                                                            \
		.kind = CHECK_CONDITIONAL, .if_field = (on), .if_match = MATCH(.eq = "'" input "'"), .then_field = (field), \
		.then_match = MATCH(.flags = REQUIRED)                                                               \
	}
#define FALLBACK(input, ...)                                                                                         \
	{                                                                                                            \
		.kind = CHECK_CONDITIONAL, .if_field = "hash_on", .if_match = MATCH(.eq = "'" input "'"),            \
		.then_field = "hash_fallback", .then_match = MATCH(.one_of = ONE_OF(__VA_ARGS__))                    \
	}
#define DIFFERENT(a, b) {.kind = CHECK_DISTINCT, .fields = FIELDS(a, b)}

static const struct entity_check checks[] = {
	NEEDS("hash_on", "header", "hash_on_header"),
	NEEDS("hash_fallback", "header", "hash_fallback_header"),
	NEEDS("hash_on", "cookie", "hash_on_cookie"),
	NEEDS("hash_fallback", "cookie", "hash_on_cookie"),
	FALLBACK("none", "none"),
	FALLBACK("cookie", "none"),
	FALLBACK("consumer", "none", "ip", "header", "cookie", "path", "query_arg", "uri_capture"),
	FALLBACK("ip", "none", "consumer", "header", "cookie", "path", "query_arg", "uri_capture"),
	FALLBACK("path", "none", "consumer", "header", "cookie", "query_arg", "ip", "uri_capture"),
	DIFFERENT("hash_on_header", "hash_fallback_header"),
	NEEDS("hash_on", "query_arg", "hash_on_query_arg"),
	NEEDS("hash_fallback", "query_arg", "hash_fallback_query_arg"),
	DIFFERENT("hash_on_query_arg", "hash_fallback_query_arg"),
	NEEDS("hash_on", "uri_capture", "hash_on_uri_capture"),
	NEEDS("hash_fallback", "uri_capture", "hash_fallback_uri_capture"),
	DIFFERENT("hash_on_uri_capture", "hash_fallback_uri_capture"),
	{0},
};

static bool is_text(const json_t *v, const char *text)
{
	return json_is_string(v) && strcmp(json_string_value(v), text) == 0;
}

/* Only keys that are there count, algorithm first (entities.md 4.6, "input coupling"). */
static void adjust(json_t *input)
{
	json_t *algorithm = json_object_get(input, "algorithm"), *hash_on = json_object_get(input, "hash_on");
	bool unhashed = is_text(algorithm, "least-connections") || is_text(algorithm, "latency");

	if (json_is_null(hash_on))
		json_object_set_new(input, "hash_on", json_string("none"));
	hash_on = json_object_get(input, "hash_on");
	if (unhashed)
		json_object_set_new(input, "hash_on", json_string("none"));
	else if (hash_on && is_text(hash_on, "none"))
		json_object_set_new(input, "algorithm", json_string("round-robin"));
	else if (json_is_string(hash_on))
		json_object_set_new(input, "algorithm", json_string("consistent-hashing"));
}

const struct schema upstream_schema = {
	.name = "upstreams",
	.path = "upstreams",
	.size = sizeof(struct upstream),
	.fields = fields,
	.checks = checks,
	.adjust = adjust,
	.doc = "A named set of targets among which requests are shared out.",
};
