/* upstream: see upstream.h. The health checks come first, from the innermost record outwards; the order of fields is
 * that of Kong's /schemas. Contract: entities.md 4.6. */
#include "common/entity/upstream.h"

/* ---- health checks --------------------------------------------------------------------------------------------- */

#define CHECK_TYPES    .dflt = "'http'", .one_of = ONE_OF("tcp", "http", "https", "grpc", "grpcs")
#define INTERVAL       .dflt = "0", BETWEEN(0, 65535)
#define COUNT          .dflt = "0", BETWEEN(0, 255)
#define STATUSES(list) .dflt = (list), INTEGERS(BETWEEN(100, 999))

static const struct field active_healthy_fields[] = {
        FIELD(struct active_healthy, interval, INTERVAL,
                .doc = "Seconds between probes of healthy targets; 0: no probes."),
        FIELD(struct active_healthy, successes, COUNT,
                .doc = "Successful probes that make a target healthy; 0: never."),
        FIELD(struct active_healthy, http_statuses, STATUSES("[200,302]"), .doc = "Statuses of a successful probe."),
        {0},
};
static const struct schema active_healthy_schema = {
        .name = "healthy",
        .size = sizeof(struct active_healthy),
        .fields = active_healthy_fields,
};

static const struct field active_unhealthy_fields[] = {
        FIELD(struct active_unhealthy, interval, INTERVAL,
                .doc = "Seconds between probes of unhealthy targets; 0: no probes."),
        FIELD(struct active_unhealthy, http_failures, COUNT,
                .doc = "Probes with a bad status that make a target unhealthy; 0: never."),
        FIELD(struct active_unhealthy, timeouts, COUNT, .doc = "Timeouts that make a target unhealthy; 0: never."),
        FIELD(struct active_unhealthy, http_statuses, STATUSES("[429,404,500,501,502,503,504,505]"),
                .doc = "Statuses of a failed probe."),
        FIELD(struct active_unhealthy, tcp_failures, COUNT,
                .doc = "Failed connections that make a target unhealthy; 0: never."),
        {0},
};
static const struct schema active_unhealthy_schema = {
        .name = "unhealthy",
        .size = sizeof(struct active_unhealthy),
        .fields = active_unhealthy_fields,
};

static const struct field active_fields[] = {
        FIELD(struct active_checks, type, CHECK_TYPES, .doc = "How targets are probed."),
        FIELD(struct active_checks, concurrency, .dflt = "10", BETWEEN(1, 2147483648.0),
                .doc = "Probes at the same time."),
        FIELD(struct active_checks, healthy, .flags = REQUIRED | SPELT_OUT, .record = &active_healthy_schema,
                .doc = "When a target becomes healthy."),
        FIELD(struct active_checks, unhealthy, .flags = REQUIRED | SPELT_OUT, .record = &active_unhealthy_schema,
                .doc = "When a target becomes unhealthy."),
        FIELD(struct active_checks, timeout, .dflt = "1", BETWEEN(0, 65535), .doc = "Seconds that a probe may take."),
        FIELD(struct active_checks, http_path, .dflt = "'/'", .format = FORMAT_PATH,
                .doc = "Path that http probes ask for."),
        FIELD(struct active_checks, https_sni, .format = FORMAT_SNI, .flags = OPTIONAL,
                .doc = "Server name in the TLS handshake of https probes."),
        FIELD(struct active_checks, https_verify_certificate, .dflt = "true", .flags = REQUIRED,
                .doc = "Whether https probes verify the target's certificate."),
        FIELD(struct active_checks, headers, .flags = OPTIONAL, KEYS(.format = FORMAT_HEADER_NAME),
                VALUES(.type = TYPE_ARRAY, STRINGS()), .doc = "Headers of http probes: lists of values by name."),
        {0},
};
static const struct schema active_schema = {
        .name = "active",
        .size = sizeof(struct active_checks),
        .fields = active_fields,
};

static const struct field passive_healthy_fields[] = {
        FIELD(struct passive_healthy, http_statuses,
                STATUSES("[200,201,202,203,204,205,206,207,208,226,300,301,302,303,304,305,306,307,308]"),
                .doc = "Statuses of a successful response."),
        FIELD(struct passive_healthy, successes, COUNT,
                .doc = "Successful responses that make a target healthy; 0: never."),
        {0},
};
static const struct schema passive_healthy_schema = {
        .name = "healthy",
        .size = sizeof(struct passive_healthy),
        .fields = passive_healthy_fields,
};

static const struct field passive_unhealthy_fields[] = {
        FIELD(struct passive_unhealthy, http_statuses, STATUSES("[429,500,503]"),
                .doc = "Statuses of a failed response."),
        FIELD(struct passive_unhealthy, http_failures, COUNT,
                .doc = "Responses with a bad status that make a target unhealthy; 0: never."),
        FIELD(struct passive_unhealthy, timeouts, COUNT, .doc = "Timeouts that make a target unhealthy; 0: never."),
        FIELD(struct passive_unhealthy, tcp_failures, COUNT,
                .doc = "Failed connections that make a target unhealthy; 0: never."),
        {0},
};
static const struct schema passive_unhealthy_schema = {
        .name = "unhealthy",
        .size = sizeof(struct passive_unhealthy),
        .fields = passive_unhealthy_fields,
};

static const struct field passive_fields[] = {
        FIELD(struct passive_checks, healthy, .flags = REQUIRED | SPELT_OUT, .record = &passive_healthy_schema,
                .doc = "When a target becomes healthy."),
        FIELD(struct passive_checks, type, CHECK_TYPES, .doc = "How responses are judged."),
        FIELD(struct passive_checks, unhealthy, .flags = REQUIRED | SPELT_OUT, .record = &passive_unhealthy_schema,
                .doc = "When a target becomes unhealthy."),
        {0},
};
static const struct schema passive_schema = {
        .name = "passive",
        .size = sizeof(struct passive_checks),
        .fields = passive_fields,
};

static const struct field healthchecks_fields[] = {
        FIELD(struct healthchecks, active, .flags = REQUIRED | SPELT_OUT, .record = &active_schema,
                .doc = "Probes that the gateway makes."),
        FIELD(struct healthchecks, passive, .flags = REQUIRED | SPELT_OUT, .record = &passive_schema,
                .doc = "What is learnt from the responses to clients' requests."),
        FIELD(struct healthchecks, threshold, .dflt = "0", BETWEEN(0, 100), .flags = UNSPOKEN,
                .doc = "Percentage of the targets' weight that must be available for the upstream to be healthy."),
        {0},
};
static const struct schema healthchecks_schema = {
        .name = "healthchecks",
        .size = sizeof(struct healthchecks),
        .fields = healthchecks_fields,
};

/* ---- the upstream ---------------------------------------------------------------------------------------------- */

#define HASH_INPUTS ONE_OF("none", "consumer", "ip", "header", "cookie", "path", "query_arg", "uri_capture")

static const struct field fields[] = {
        ID_FIELD(struct upstream),
        CREATED_AT_FIELD(struct upstream),
        FIELD(struct upstream, name, .format = FORMAT_UPSTREAM_NAME, .flags = REQUIRED | UNIQUE | ENDPOINT_KEY,
                .doc = "A host name; services whose host it is send their requests to this upstream."),
        UPDATED_AT_FIELD(struct upstream),
        FIELD(struct upstream, algorithm, .dflt = "'round-robin'",
                .one_of = ONE_OF("consistent-hashing", "least-connections", "round-robin", "latency"),
                .doc = "How a target is chosen."),
        FIELD(struct upstream, hash_on, .dflt = "'none'", .one_of = HASH_INPUTS,
                .doc = "What is hashed to choose a target; anything but none makes the algorithm consistent-hashing."),
        FIELD(struct upstream, hash_fallback, .dflt = "'none'", .one_of = HASH_INPUTS,
                .doc = "What is hashed when a request does not have what hash_on says."),
        FIELD(struct upstream, hash_on_header, .format = FORMAT_HEADER_NAME,
                .doc = "Header to hash, with hash_on header."),
        FIELD(struct upstream, hash_fallback_header, .format = FORMAT_HEADER_NAME,
                .doc = "Header to hash, with hash_fallback header."),
        FIELD(struct upstream, hash_on_cookie, .format = FORMAT_COOKIE_NAME,
                .doc = "Cookie to hash, with hash_on or hash_fallback cookie; made when a request has none."),
        FIELD(struct upstream, hash_on_cookie_path, .dflt = "'/'", .format = FORMAT_PATH,
                .doc = "Path of that cookie."),
        FIELD(struct upstream, hash_on_query_arg, LEN_MIN(1),
                .doc = "Query argument to hash, with hash_on query_arg."),
        FIELD(struct upstream, hash_fallback_query_arg, LEN_MIN(1),
                .doc = "Query argument to hash, with hash_fallback query_arg."),
        FIELD(struct upstream, hash_on_uri_capture, LEN_MIN(1),
                .doc = "Named group of the route's regular expression to hash, with hash_on uri_capture."),
        FIELD(struct upstream, hash_fallback_uri_capture, LEN_MIN(1),
                .doc = "Named group of the route's regular expression to hash, with hash_fallback uri_capture."),
        FIELD(struct upstream, slots, .dflt = "10000", BETWEEN(10, 65536),
                .doc = "Size of the ring for consistent-hashing."),
        FIELD(struct upstream, healthchecks, .flags = REQUIRED | SPELT_OUT, .record = &healthchecks_schema,
                .doc = "How targets are found to be healthy or not."),
        TAGS_FIELD(struct upstream),
        FIELD(struct upstream, host_header, .format = FORMAT_HOST_OPT_PORT,
                .doc = "Host header that targets get instead of the service's host."),
        FIELD(struct upstream, client_certificate, .ref = "certificates",
                .doc = "Certificate that is shown to targets in the TLS handshake."),
        FIELD(struct upstream, use_srv_name, .dflt = "false",
                .doc = "Whether the name of an SRV record becomes the Host header."),
        {0},
};

#define IS(word)        MATCH(.eq = "'" word "'", .described_as = "{'match':'^" word "$'}")
#define MUST_BE_SET     MATCH(.flags = REQUIRED)
#define MUST_BE_IN(...) MATCH(.one_of = ONE_OF(__VA_ARGS__))

static const struct entity_check checks[] = {
        WHEN("hash_on", IS("header"), "hash_on_header", MUST_BE_SET),
        WHEN("hash_fallback", IS("header"), "hash_fallback_header", MUST_BE_SET),
        WHEN("hash_on", IS("cookie"), "hash_on_cookie", MUST_BE_SET),
        WHEN("hash_fallback", IS("cookie"), "hash_on_cookie", MUST_BE_SET),
        WHEN("hash_on", IS("none"), "hash_fallback", MUST_BE_IN("none")),
        WHEN("hash_on", IS("cookie"), "hash_fallback", MUST_BE_IN("none")),
        WHEN("hash_on", IS("consumer"), "hash_fallback",
                MUST_BE_IN("none", "ip", "header", "cookie", "path", "query_arg", "uri_capture")),
        WHEN("hash_on", IS("ip"), "hash_fallback",
                MUST_BE_IN("none", "consumer", "header", "cookie", "path", "query_arg", "uri_capture")),
        WHEN("hash_on", IS("path"), "hash_fallback",
                MUST_BE_IN("none", "consumer", "header", "cookie", "query_arg", "ip", "uri_capture")),
        DISTINCT("hash_on_header", "hash_fallback_header"),
        WHEN("hash_on", IS("query_arg"), "hash_on_query_arg", MUST_BE_SET),
        WHEN("hash_fallback", IS("query_arg"), "hash_fallback_query_arg", MUST_BE_SET),
        DISTINCT("hash_on_query_arg", "hash_fallback_query_arg"),
        WHEN("hash_on", IS("uri_capture"), "hash_on_uri_capture", MUST_BE_SET),
        WHEN("hash_fallback", IS("uri_capture"), "hash_fallback_uri_capture", MUST_BE_SET),
        DISTINCT("hash_on_uri_capture", "hash_fallback_uri_capture"),
        {0},
};

static bool is_word(const json_t *value, const char *word)
{
	return json_is_string(value) && strcmp(json_string_value(value), word) == 0;
}

/* Algorithm and hash_on pull each other along. Only what the client sent counts, the algorithm first. */
static void couple(json_t *input)
{
	const json_t *algorithm = json_object_get(input, "algorithm"), *hash_on = json_object_get(input, "hash_on");
	bool unhashed = is_word(algorithm, "least-connections") || is_word(algorithm, "latency");
	bool none = json_is_null(hash_on) || is_word(hash_on, "none"), some = json_is_string(hash_on) && !none;

	if (unhashed || none)
		json_object_set_new(input, "hash_on", json_string("none"));
	if (!unhashed && (none || some))
		json_object_set_new(input, "algorithm", json_string(none ? "round-robin" : "consistent-hashing"));
}

const struct schema upstream_schema = {
        .name = "upstreams",
        .path = "upstreams",
        .size = sizeof(struct upstream),
        .fields = fields,
        .checks = checks,
        .adjust = couple,
        .doc = "A named set of targets, and how one of them is chosen.",
};

bool healthchecks_are_used(const struct healthchecks *h)
{
	const struct passive_unhealthy *p = &h->passive.unhealthy;

	return h->active.healthy.interval > 0 || h->active.unhealthy.interval > 0 || p->tcp_failures > 0 ||
	       p->timeouts > 0 || p->http_failures > 0;
}
