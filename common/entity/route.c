/* route: see route.h. Which fields a route may and must set depends on its protocols; that table stands below the
 * fields. Contract: entities.md 4.2, proxy.md 1.4. */
#include "common/entity/route.h"

#include "common/entity/protocols.h"
#include "common/expr/expr.h"
#include "common/expr/rust_regex.h"
#include "common/schema/violations.h"

static bool check_not_host(const struct field *f, json_t **value, struct err *e)
{
	return !slice_ieq(slice_cstr(json_string_value(*value)), S("host")) ||
	       err_set(e, "cannot contain 'host' header, which must be specified in the 'hosts' attribute");
}

static const struct field cidr_port_fields[] = {
        FIELD(struct cidr_port, ip, .format = FORMAT_IP_OR_CIDR,
                .doc = "An address or a range: 10.0.0.1, 10.0.0.0/8."),
        FIELD(struct cidr_port, port, BETWEEN(0, 65535), .doc = "A port."),
        {0},
};

static const struct entity_check cidr_port_checks[] = {
        AT_LEAST_ONE_OF("ip", "port"),
        {0},
};

static const struct schema cidr_port_schema = {
        .name = "cidr_port",
        .size = sizeof(struct cidr_port),
        .fields = cidr_port_fields,
        .checks = cidr_port_checks,
};

#define FAMILIES                                                                                   \
	EXCLUSIVE(FIELDS("http", "https"), FIELDS("tcp", "tls", "udp"), FIELDS("tls_passthrough"), \
	        FIELDS("grpc", "grpcs"))

static const struct field fields[] = {
        ID_FIELD(struct route),
        CREATED_AT_FIELD(struct route),
        UPDATED_AT_FIELD(struct route),
        FIELD(struct route, name, .format = FORMAT_UTF8_NAME, .flags = UNIQUE | ENDPOINT_KEY,
                .doc = "A unique name; plugins and URLs can refer to the route by it."),
        FIELD(struct route, protocols, .dflt = "['http','https']", .flags = REQUIRED | AS_SET, LEN_MIN(1),
                STRINGS(.one_of = PROTOCOL_NAMES), .exclusive = FAMILIES,
                .doc = "The protocols that the route accepts; all of one family."),
        FIELD(struct route, https_redirect_status_code, .dflt = "426", .flags = REQUIRED,
                .one_of = ONE_OF("426", "301", "302", "307", "308"),
                .doc = "Status of the answer to a plain http request when the route only accepts https."),
        FIELD(struct route, strip_path, .dflt = "true", .flags = REQUIRED,
                .doc = "Whether the matched prefix is removed before the request goes upstream. False for grpc."),
        FIELD(struct route, preserve_host, .dflt = "false", .flags = REQUIRED,
                .doc = "Whether the upstream gets the client's Host header instead of the service's host."),
        FIELD(struct route, request_buffering, .dflt = "true", .flags = REQUIRED,
                .doc = "Whether a request body is read whole before it is sent upstream."),
        FIELD(struct route, response_buffering, .dflt = "true", .flags = REQUIRED,
                .doc = "Whether responses are buffered."),
        TAGS_FIELD(struct route),
        FIELD(struct route, service, .ref = "services", .doc = "The service that requests are sent to."),
        FIELD(struct route, snis, .flags = AS_SET, STRINGS(.format = FORMAT_WILDCARD_HOST),
                .doc = "Server names of the TLS handshake, with at most one * at either end."),
        FIELD(struct route, sources, .flags = AS_SET, RECORDS(cidr_port_schema),
                .doc = "Where connections come from, for tcp, tls and udp: addresses, ports, or both."),
        FIELD(struct route, destinations, .flags = AS_SET, RECORDS(cidr_port_schema),
                .doc = "Where connections go to, for tcp, tls and udp: addresses, ports, or both."),
        FIELD(struct route, methods, .flags = AS_SET, STRINGS(.format = FORMAT_HTTP_METHOD), .doc = "HTTP methods."),
        FIELD(struct route, hosts, STRINGS(.format = FORMAT_ROUTE_HOST),
                .doc = "Host names, with * as the first or the last label; a port may follow."),
        FIELD(struct route, paths, STRINGS(.format = FORMAT_ROUTER_PATH),
                .doc = "Prefixes of the path: /api, or regular expressions after a tilde: ~/api/v[0-9]+."),
        FIELD(struct route, headers,
                KEYS(.format = FORMAT_HEADER_NAME, .check = check_not_host,
                        .described_as =
                                "{'match_none':[{'err':'cannot contain \\u0027host\\u0027 header, which must be "
                                "specified in the \\u0027hosts\\u0027 attribute','pattern':'^[Hh][Oo][Ss][Tt]$'}]}"),
                VALUES(.type = TYPE_ARRAY, STRINGS()),
                .doc = "Header names and the values of which one must be there."),
        FIELD(struct route, regex_priority, .dflt = "0",
                .doc = "Among regular expressions the one with the higher priority wins."),
        FIELD(struct route, path_handling, .dflt = "'v0'", .one_of = ONE_OF("v0", "v1"),
                .doc = "How the paths of service, route and request are joined; v1 only works with router_flavor traditional."),
        FIELD(struct route, expression, .flags = EXPRESSIONS,
                .doc = "What requests must satisfy, instead of all other fields that match: http.path ^= \"/api\"."),
        FIELD(struct route, priority, .dflt = "0", BETWEEN(0, 70368744177663.0), .flags = REQUIRED | EXPRESSIONS,
                .doc = "Of several expressions that are satisfied the one with the highest priority wins."),
        {0},
};

/* ---- what the protocols ask for -------------------------------------------------------------------------------- */

/* One family of protocols. The family of a route is that of its first protocol. */
struct family {
	const char *const *protocols;
	const char *named;            /* in "cannot set" messages */
	const char *const *forbidden; /* fields that make no sense */
	struct {
		const char *protocol; /* NULL: whichever */
		const char *const *one_of;
		const char *text;
	} needs[2]; /* the first whose protocol is there counts */
	bool keeps_path;
};

static const struct family families[] = {
        {
                .protocols = FIELDS("http", "https"),
                .named = "'http' or 'https'",
                .forbidden = FIELDS("sources", "destinations"),
                .needs = {{"https", FIELDS("methods", "hosts", "headers", "paths", "snis"),
                                  "must set one of 'methods', 'hosts', 'headers', 'paths', 'snis' when 'protocols' is 'https'"},
                        {NULL, FIELDS("methods", "hosts", "headers", "paths"),
                                "must set one of 'methods', 'hosts', 'headers', 'paths' when 'protocols' is 'http'"}},
        },
        {
                .protocols = FIELDS("tcp", "tls", "udp"),
                .named = "'tcp', 'tls', 'tls_passthrough' or 'udp'",
                .forbidden = FIELDS("methods", "hosts", "paths", "headers"),
                .needs = {{NULL, FIELDS("sources", "destinations", "snis"),
                        "must set one of 'sources', 'destinations', 'snis' when 'protocols' is 'tcp', 'tls' or 'udp'"}},
        },
        {
                .protocols = FIELDS("tls_passthrough"),
                .named = "'tcp', 'tls', 'tls_passthrough' or 'udp'",
                .forbidden = FIELDS("methods", "hosts", "paths", "headers"),
                .needs = {{NULL, FIELDS("snis"), "must set snis when 'protocols' is 'tls_passthrough'"}},
        },
        {
                .protocols = FIELDS("grpc", "grpcs"),
                .named = "'grpc' or 'grpcs'",
                .forbidden = FIELDS("methods", "sources", "destinations"),
                .needs = {{"grpcs", FIELDS("hosts", "headers", "paths", "snis"),
                                  "must set one of 'hosts', 'headers', 'paths', 'snis' when 'protocols' is 'grpcs'"},
                        {NULL, FIELDS("hosts", "headers", "paths"),
                                "must set one of 'hosts', 'headers', 'paths' when 'protocols' is 'grpc'"}},
                .keeps_path = true,
        },
};

static bool holds(const char *const *words, const char *word)
{
	for (; word && *words; words++)
		if (strcmp(*words, word) == 0)
			return true;
	return false;
}

static const struct family *family_of(const char *protocol)
{
	for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
		if (holds(families[i].protocols, protocol))
			return &families[i];
	return NULL;
}

static const char *protocol_at(const json_t *route, size_t i)
{
	return json_string_value(json_array_get(json_object_get(route, "protocols"), i));
}

static size_t protocol_count(const json_t *route)
{
	return json_array_size(json_object_get(route, "protocols"));
}

static bool has_protocol(const json_t *route, const char *name)
{
	for (size_t i = 0; i < protocol_count(route); i++)
		if (protocol_at(route, i) && strcmp(protocol_at(route, i), name) == 0)
			return true;
	return false;
}

static const struct family *first_family(const json_t *route)
{
	const struct family *found = NULL;
	for (size_t i = 0; !found && i < protocol_count(route); i++)
		found = family_of(protocol_at(route, i));
	return found;
}

static bool is_set(const json_t *route, const char *name)
{
	const json_t *value = json_object_get(route, name);
	return json_array_size(value) || json_object_size(value) || json_is_string(value);
}

static bool sets_one_of(const json_t *route, const char *const *names)
{
	for (; *names; names++)
		if (is_set(route, *names))
			return true;
	return false;
}

/* An expression can look at the addresses of any connection. */
static bool is_forbidden(const char *name)
{
	return !schema_has_expressions() || !holds(FIELDS("sources", "destinations"), name);
}

static void check_forbidden(const json_t *route, const struct family *family, struct violations *v)
{
	for (const char *const *name = family->forbidden; *name; name++) {
		const json_t *value = json_object_get(route, *name);
		if (value && !json_is_null(value) && is_forbidden(*name))
			violations_replace(v, *name, "cannot set '%s' when 'protocols' is %s", *name, family->named);
	}
	if (family->keeps_path && json_is_true(json_object_get(route, "strip_path")))
		violations_replace(v, "strip_path", "cannot set 'strip_path' when 'protocols' is %s", family->named);
}

/* "must set one of 'hosts', 'paths' when ...": the list ends before " when". */
static void report_needs(const char *text, struct violations *v)
{
	const char *when = strstr(text, "' when ");

	if (schema_has_expressions() && when)
		violations_add_entity(v, "%.*s', 'expression%s", (int)(when - text), text, when);
	else
		violations_add_entity(v, "%s", text);
}

static void check_family(const json_t *route, bool is_update, struct violations *v)
{
	const struct family *family = first_family(route);
	if (!family)
		return;
	check_forbidden(route, family, v);
	const char *first = family->needs[0].protocol;
	size_t which = first && !has_protocol(route, first);
	bool has_expression = schema_has_expressions() && is_set(route, "expression");
	if (!has_expression && !sets_one_of(route, family->needs[which].one_of))
		report_needs(family->needs[which].text, v);
}

/* ---- expressions ----------------------------------------------------------------------------------------------- */

#define MATCHING "methods", "hosts", "paths", "headers", "snis", "sources", "destinations"
#define FAILED   "Router Expression failed validation: "
#define WITH     "with 'methods', 'hosts', 'paths', 'headers', 'snis', 'sources' or 'destinations' simultaneously"

static bool rust_regexes;

void route_use_rust_regexes(bool on)
{
	rust_regexes = on;
}

void route_use_flavor(struct slice router_flavor)
{
	schema_use_expressions(slice_eq(router_flavor, S("expressions")));
	route_use_rust_regexes(!slice_eq(router_flavor, S("traditional")));
}

static void check_rust_regex(const char *text, const char *mark, struct violations *v)
{
	struct err e;

	if (text && strncmp(text, mark, strlen(mark)) == 0 &&
	        !rust_regex_accepts(slice_cstr(text + strlen(mark)), &e))
		violations_add_entity(v, FAILED "%s", e.message);
}

/* The fields become an expression in the end, so their regexes must be such as expressions have. */
static void check_regexes(const json_t *route, bool is_update, struct violations *v)
{
	const json_t *item, *values;
	const char *name;
	size_t i;

	if (!rust_regexes)
		return;
	json_array_foreach(json_object_get(route, "paths"), i, item)
	        check_rust_regex(json_string_value(item), "~", v);
	json_object_foreach((json_t *)json_object_get(route, "headers"), name, values)
	        json_array_foreach(values, i, item) check_rust_regex(json_string_value(item), "~*", v);
}

static void check_text(const json_t *route, struct violations *v)
{
	const char *text = json_string_value(json_object_get(route, "expression"));
	bool is_stream = first_family(route) &&
	                 holds(FIELDS("tcp", "tls_passthrough"), first_family(route)->protocols[0]);
	struct arena a;
	struct err e;

	arena_init(&a);
	if (!expr_parse(slice_cstr(text), is_stream ? EXPR_STREAM : EXPR_HTTP, &a, &e))
		violations_add_entity(v, FAILED "%s", e.message);
	arena_fini(&a);
}

static void check_expression(const json_t *route, bool is_update, struct violations *v)
{
	bool others = sets_one_of(route, FIELDS(MATCHING));

	if (!schema_has_expressions())
		return;
	if (!is_set(route, "expression")) {
		if (others && json_integer_value(json_object_get(route, "priority")) != 0)
			violations_add_entity(v, FAILED "cannot set 'priority' " WITH);
		return;
	}
	if (others)
		violations_add_entity(v, FAILED "cannot set 'expression' " WITH);
	else if (json_integer_value(json_object_get(route, "regex_priority")) != 0)
		violations_add_entity(v, FAILED "cannot set 'regex_priority' with 'expression' simultaneously");
	else
		check_text(route, v);
}

#define WITHOUT_SNI                                  \
	MATCH(.elements = MATCH(.type = TYPE_STRING, \
	              .not_one_of = NOT_ONE_OF("grpcs", "https", "tls", "tls_passthrough")))

static const struct entity_check checks[] = {
        WHEN("protocols", WITHOUT_SNI, "snis", MATCH(LEN_EQ(0)),
                .text = "'snis' can only be set when 'protocols' is 'grpcs', 'https', 'tls' or 'tls_passthrough'"),
        CUSTOM(check_family, .described_as = "{'field_sources':['path_handling']}"),
        CUSTOM(check_expression,
                .described_as =
                        "{'run_with_missing_fields':true,'field_sources':['id','protocols','snis','sources',"
                        "'destinations','methods','hosts','paths','headers','expression','regex_priority','priority']}"),
        CUSTOM(check_regexes, .fields = FIELDS("paths", "headers"), .described_as = ""),
        {0},
};

/* No config is chosen here, but a route none of whose protocols is known has only this one error. */
static const struct schema *choose_family(const json_t *route, const char **field, struct err *e)
{
	const char *first = protocol_at(route, 0);
	if (first && !first_family(route)) {
		*field = "protocols";
		err_set(e, "unknown type: %s", first);
	}
	return NULL;
}

/* Grpc routes keep the path unless told otherwise. */
static void keep_grpc_path(json_t *input)
{
	const struct family *family = first_family(input);
	if (family && family->keeps_path && !json_object_get(input, "strip_path"))
		json_object_set_new(input, "strip_path", json_false());
}

const struct schema route_schema = {
        .name = "routes",
        .path = "routes",
        .size = sizeof(struct route),
        .fields = fields,
        .checks = checks,
        .adjust = keep_grpc_path,
        .subschema = choose_family,
        .doc = "Which requests go to which service.",
};
