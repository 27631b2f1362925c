/* route: schema and what its protocols allow. Contract: entities.md 4.2, proxy.md 1.4. */
#include "common/entity/route.h"

#include "common/entity/protocols.h"
#include "common/schema/violations.h"

static bool check_header_name(const struct field *f, json_t **value, struct err *e)
{
	(void)f;
	return !slice_ieq(slice_cstr(json_string_value(*value)), S("host")) ||
	       err_set(e, "cannot contain 'host' header, which must be specified in the 'hosts' attribute");
}

/* Protocols of one route belong to one family. */
static bool check_families(const struct field *f, json_t **value, struct err *e)
{
	static const char *const families[4][4] = {
		{"http", "https"}, {"tcp", "tls", "udp"}, {"tls_passthrough"}, {"grpc", "grpcs"}};
	int seen = 0;
	(void)f;
	for (int i = 0; i < 4; i++) {
		bool any = false;
		for (size_t j = 0; j < json_array_size(*value); j++)
			for (int k = 0; k < 4 && families[i][k]; k++)
				any |= strcmp(families[i][k], json_string_value(json_array_get(*value, j))) == 0;
		seen += any;
	}
	return seen <= 1 || err_set(e, "these sets are mutually exclusive: ('http', 'https'), ('tcp', 'tls', 'udp'), "
				       "('tls_passthrough'), ('grpc', 'grpcs')");
}

static const struct field cidr_port_fields[] = {
	FIELD(struct cidr_port, ip, .format = FORMAT_IP_OR_CIDR, .doc = "An address or a CIDR range."),
	FIELD(struct cidr_port, port, BETWEEN(0, 65535), .doc = "A port."),
	{0},
};
static const struct entity_check cidr_port_checks[] = {
	{.kind = CHECK_AT_LEAST_ONE_OF, .fields = FIELDS("ip", "port")},
	{0},
};
static const struct schema cidr_port_schema = {
	.size = sizeof(struct cidr_port), .fields = cidr_port_fields, .checks = cidr_port_checks};

static const struct field fields[] = {
	ID_FIELD(struct route),
	CREATED_AT_FIELD(struct route),
	UPDATED_AT_FIELD(struct route),
	FIELD(struct route, name, .format = FORMAT_UTF8_NAME, .flags = UNIQUE | ENDPOINT_KEY, .doc = "A unique name."),
	FIELD(struct route, protocols, .dflt = "['http','https']", .flags = REQUIRED | AS_SET, LEN_MIN(1),
		STRINGS(.one_of = PROTOCOL_NAMES), .check = check_families, .doc = "The protocols it accepts; of one family."),
	FIELD(struct route, https_redirect_status_code, .dflt = "426", .flags = REQUIRED,
		.doc = "The answer to a plain http request when only https is allowed: 426, 301, 302, 307 or 308."),
	FIELD(struct route, strip_path, .dflt = "true", .flags = REQUIRED,
		.doc = "Whether the matched prefix is removed before the request is sent upstream."),
	FIELD(struct route, preserve_host, .dflt = "false", .flags = REQUIRED,
		.doc = "Whether the client's Host header is sent upstream."),
	FIELD(struct route, request_buffering, .dflt = "true", .flags = REQUIRED,
		.doc = "Whether small request bodies are read before the upstream is asked."),
	FIELD(struct route, response_buffering, .dflt = "true", .flags = REQUIRED, .doc = "Whether responses may be buffered."),
	TAGS_FIELD(struct route),
	FIELD(struct route, service, .ref = "services", .doc = "Where its requests go."),
	FIELD(struct route, snis, .flags = AS_SET, STRINGS(.format = FORMAT_WILDCARD_HOST), .doc = "TLS server names."),
	FIELD(struct route, sources, .flags = AS_SET, RECORDS(cidr_port_schema), .doc = "Where connections come from."),
	FIELD(struct route, destinations, .flags = AS_SET, RECORDS(cidr_port_schema), .doc = "Where connections go to."),
	FIELD(struct route, methods, .flags = AS_SET, STRINGS(.format = FORMAT_HTTP_METHOD), .doc = "HTTP methods."),
	FIELD(struct route, hosts, STRINGS(.format = FORMAT_ROUTE_HOST), .doc = "Hosts, with one wildcard label at either end."),
	FIELD(struct route, paths, STRINGS(.format = FORMAT_ROUTER_PATH), .doc = "Path prefixes, or regexes that begin with ~/."),
	FIELD(struct route, headers, KEYS(.format = FORMAT_HEADER_NAME, .check = check_header_name),
		VALUES(.type = TYPE_ARRAY, STRINGS()), .doc = "Values by header name; a value that begins with ~* is a regex."),
	FIELD(struct route, regex_priority, .dflt = "0", .doc = "Among regex paths, the higher comes first."),
	FIELD(struct route, path_handling, .dflt = "'v0'", .one_of = ONE_OF("v0", "v1"),
		.doc = "How service path and request path are joined."),
	{0},
};

/* ---- what the protocols allow --------------------------------------------------------------------------------------- */

struct family {
	const char *protocols[3];
	const char *forbidden[5];
	const char *forbidden_text; /* 'protocols' is ... */
	const char *needs[6];
	const char *needs_text;
};

/* The first that shares a protocol with the route counts (entities.md 4.2). */
static const struct family families[] = {
	{{"https"}, {"sources", "destinations"}, "'http' or 'https'", {"methods", "hosts", "headers", "paths", "snis"},
		"must set one of 'methods', 'hosts', 'headers', 'paths', 'snis' when 'protocols' is 'https'"},
	{{"http"}, {"sources", "destinations"}, "'http' or 'https'", {"methods", "hosts", "headers", "paths"},
		"must set one of 'methods', 'hosts', 'headers', 'paths' when 'protocols' is 'http'"},
	{{"tcp", "tls", "udp"}, {"methods", "hosts", "paths", "headers"}, "'tcp', 'tls', 'tls_passthrough' or 'udp'",
		{"sources", "destinations", "snis"},
		"must set one of 'sources', 'destinations', 'snis' when 'protocols' is 'tcp', 'tls' or 'udp'"},
	{{"tls_passthrough"}, {"methods", "hosts", "paths", "headers"}, "'tcp', 'tls', 'tls_passthrough' or 'udp'", {"snis"},
		"must set snis when 'protocols' is 'tls_passthrough'"},
	{{"grpcs"}, {"methods", "sources", "destinations"}, "'grpc' or 'grpcs'", {"hosts", "headers", "paths", "snis"},
		"must set one of 'hosts', 'headers', 'paths', 'snis' when 'protocols' is 'grpcs'"},
	{{"grpc"}, {"methods", "sources", "destinations"}, "'grpc' or 'grpcs'", {"hosts", "headers", "paths"},
		"must set one of 'hosts', 'headers', 'paths' when 'protocols' is 'grpc'"},
};

static bool has_protocol(const json_t *route, const char *const *list, size_t n)
{
	const json_t *protocols = json_object_get(route, "protocols");
	for (size_t i = 0; i < json_array_size(protocols); i++) {
		const char *name = json_string_value(json_array_get(protocols, i));
		for (size_t j = 0; name && j < n && list[j]; j++)
			if (strcmp(list[j], name) == 0)
				return true;
	}
	return false;
}

static bool is_given(const json_t *route, const char *name)
{
	const json_t *v = json_object_get(route, name);
	return json_array_size(v) > 0 || json_object_size(v) > 0;
}

static void check_forbidden(const struct family *f, const json_t *route, struct violations *v)
{
	for (int i = 0; i < 5 && f->forbidden[i]; i++) {
		const json_t *value = json_object_get(route, f->forbidden[i]);
		if (value && !json_is_null(value))
			violations_add(v, f->forbidden[i], "cannot set '%s' when 'protocols' is %s", f->forbidden[i],
				f->forbidden_text);
	}
	if (f->protocols[0][0] == 'g' && json_is_true(json_object_get(route, "strip_path")))
		violations_add(v, "strip_path", "cannot set 'strip_path' when 'protocols' is 'grpc' or 'grpcs'");
}

static void check_protocols(const json_t *route, bool is_update, struct violations *v)
{
	const struct family *f = NULL;
	(void)is_update;
	for (size_t i = 0; !f && i < sizeof families / sizeof families[0]; i++)
		if (has_protocol(route, families[i].protocols, 3))
			f = &families[i];
	if (!f)
		return;
	check_forbidden(f, route, v);
	for (int i = 0; i < 6 && f->needs[i]; i++)
		if (is_given(route, f->needs[i]))
			return;
	violations_add_entity(v, "%s", f->needs_text);
}

static void check_snis(const json_t *route, bool is_update, struct violations *v)
{
	static const char *const tls[] = {"grpcs", "https", "tls", "tls_passthrough"};
	(void)is_update;
	if (!is_given(route, "snis") || has_protocol(route, tls, 4))
		return;
	violations_add(v, "snis", "length must be 0");
	violations_add_entity(v, "'snis' can only be set when 'protocols' is 'grpcs', 'https', 'tls' or 'tls_passthrough'");
}

static void check_redirect(const json_t *route, bool is_update, struct violations *v)
{
	static const int allowed[] = {426, 301, 302, 307, 308};
	json_int_t status = json_integer_value(json_object_get(route, "https_redirect_status_code"));
	(void)is_update;
	for (int i = 0; i < 5; i++)
		if (allowed[i] == status)
			return;
	violations_add(v, "https_redirect_status_code", "expected one of: 426, 301, 302, 307, 308");
}

static const struct entity_check checks[] = {
	{.kind = CHECK_CUSTOM, .check = check_redirect},
	{.kind = CHECK_CUSTOM, .check = check_snis},
	{.kind = CHECK_CUSTOM, .check = check_protocols},
	{0},
};

/* grpc routes keep the path unless told otherwise. */
static void adjust(json_t *input)
{
	static const char *const grpc[] = {"grpc", "grpcs"};
	if (has_protocol(input, grpc, 2) && !json_object_get(input, "strip_path"))
		json_object_set_new(input, "strip_path", json_false());
}

const struct schema route_schema = {
	.name = "routes",
	.path = "routes",
	.size = sizeof(struct route),
	.fields = fields,
	.checks = checks,
	.adjust = adjust,
	.doc = "Which requests go to which service.",
};
