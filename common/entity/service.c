/* service: schema and shorthand `url`. Contract: entities.md 4.1. */
#include "common/entity/service.h"

#include "common/entity/protocols.h"

#define TIMEOUT .dflt = "60000", BETWEEN(1, 2147483646)

static const struct field fields[] = {
	ID_FIELD(struct service),
	CREATED_AT_FIELD(struct service),
	UPDATED_AT_FIELD(struct service),
	FIELD(struct service, name, .format = FORMAT_UTF8_NAME, .flags = UNIQUE | ENDPOINT_KEY,
		.doc = "A unique name; usable in the place of the id in URLs."),
	FIELD(struct service, retries, .dflt = "5", BETWEEN(0, 32767),
		.doc = "How many more times to try when an attempt to reach the upstream fails."),
	FIELD(struct service, protocol, .dflt = "'http'", .one_of = PROTOCOL_NAMES, .flags = REQUIRED,
		.doc = "The protocol spoken with the upstream."),
	FIELD(struct service, host, .format = FORMAT_HOST, .flags = REQUIRED,
		.doc = "The upstream's host, or the name of an upstream entity."),
	FIELD(struct service, port, .dflt = "80", BETWEEN(0, 65535), .flags = REQUIRED, .doc = "The upstream's port."),
	FIELD(struct service, path, .format = FORMAT_PATH, .doc = "Put before the path of every request sent upstream."),
	FIELD(struct service, connect_timeout, TIMEOUT, .doc = "Milliseconds to establish a connection."),
	FIELD(struct service, write_timeout, TIMEOUT, .doc = "Milliseconds between two successful writes."),
	FIELD(struct service, read_timeout, TIMEOUT, .doc = "Milliseconds between two successful reads."),
	TAGS_FIELD(struct service),
	FIELD(struct service, client_certificate, .ref = "certificates",
		.doc = "The certificate shown to the upstream in the TLS handshake."),
	FIELD(struct service, tls_verify, .doc = "Whether to verify the upstream's certificate; null: the node's default."),
	FIELD(struct service, tls_verify_depth, BETWEEN(0, 64), .doc = "How long a chain of certificates may be."),
	FIELD(struct service, ca_certificates, STRINGS(.format = FORMAT_UUID),
		.doc = "Ids of the CA certificates that the upstream's certificate is verified against."),
	FIELD(struct service, enabled, .dflt = "true", .flags = REQUIRED,
		.doc = "When false, the service's routes match no request."),
	{0},
};

#define ONLY_TLS(name)                                                                                               \
	{                                                                                                            \
		.kind = CHECK_CONDITIONAL, .if_field = "protocol", .if_match = MATCH(.not_one_of = ONE_OF("https", "tls")), \
		.then_field = (name), .then_match = MATCH(.eq = "null")                                              \
	}

static const struct entity_check checks[] = {
	{.kind = CHECK_CONDITIONAL, .if_field = "protocol", .if_match = MATCH(.one_of = ONE_OF("tcp", "tls", "udp", "grpc", "grpcs")),
		.then_field = "path", .then_match = MATCH(.eq = "null")},
	ONLY_TLS("client_certificate"),
	ONLY_TLS("tls_verify"),
	ONLY_TLS("tls_verify_depth"),
	ONLY_TLS("ca_certificates"),
	{0},
};

static json_t *text_or_null(struct slice s)
{
	return s.len ? json_stringn(s.ptr, s.len) : json_null();
}

/* Cuts "scheme://" off; unset when there is none. */
static struct slice cut_scheme(struct slice *url)
{
	for (size_t i = 0; i + 2 < url->len; i++)
		if (slice_starts(slice_from(*url, i), S("://"))) {
			struct slice scheme = slice_of(url->ptr, i);
			*url = slice_from(*url, i + 3);
			return scheme;
		}
	return (struct slice){NULL, 0};
}

/* Cuts ":port" off a host; -1 when there is none. A colon inside brackets belongs to an address. */
static int64_t cut_port(struct slice *host)
{
	int64_t port;
	for (size_t i = host->len; i-- > 0 && host->ptr[i] != ']';)
		if (host->ptr[i] == ':' && slice_to_int(slice_from(*host, i + 1), &port)) {
			host->len = i;
			return port;
		}
	return -1;
}

/* url = "scheme://host[:port][/path]"; overrides what was given beside it. */
static bool expand_url(json_t *object, const json_t *value, struct err *e)
{
	(void)e;
	struct slice rest = slice_cstr(json_string_value(value)), scheme, host = {NULL, 0};
	int64_t port = -1;

	scheme = cut_scheme(&rest);
	if (slice_is_set(scheme)) {
		ptrdiff_t slash = slice_find(rest, '/');
		host = slash < 0 ? rest : slice_of(rest.ptr, (size_t)slash);
		rest = slice_from(rest, host.len);
		port = cut_port(&host);
	}
	const char *by_port = port == 443 ? "https" : "http";
	json_object_set_new(object, "protocol", scheme.len ? json_stringn(scheme.ptr, scheme.len) : json_string(by_port));
	json_object_set_new(object, "host", text_or_null(host));
	json_object_set_new(object, "port", json_integer(port >= 0 ? port : slice_eq(scheme, S("https")) ? 443 : 80));
	json_object_set_new(object, "path", text_or_null(rest));
	return true;
}

static const struct shorthand shorthands[] = {
	{.name = "url", .type = TYPE_STRING, .expand = expand_url, .doc = "protocol, host, port and path at once."},
	{0},
};

const struct schema service_schema = {
	.name = "services",
	.path = "services",
	.size = sizeof(struct service),
	.fields = fields,
	.checks = checks,
	.shorthands = shorthands,
	.doc = "An upstream API.",
};
