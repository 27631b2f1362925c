/* service: see service.h. The shorthand `url` stands for protocol, host, port and path at once. */
#include "common/entity/service.h"

#include "common/entity/protocols.h"
#include "common/schema/url.h"

static const struct field fields[] = {
        ID_FIELD(struct service),
        CREATED_AT_FIELD(struct service),
        UPDATED_AT_FIELD(struct service),
        FIELD(struct service, name, .format = FORMAT_UTF8_NAME, .flags = UNIQUE | ENDPOINT_KEY,
                .doc = "A unique name; routes, plugins and URLs can refer to the service by it."),
        FIELD(struct service, retries, .dflt = "5", BETWEEN(0, 32767),
                .doc = "How many more times a request is tried when the upstream cannot be reached."),
        FIELD(struct service, protocol, .dflt = "'http'", .one_of = PROTOCOL_NAMES, .flags = REQUIRED,
                .doc = "How to speak to the upstream."),
        FIELD(struct service, host, .format = FORMAT_HOST, .flags = REQUIRED,
                .doc = "Host name or address of the upstream, or the name of an upstream entity."),
        FIELD(struct service, port, .dflt = "80", BETWEEN(0, 65535), .flags = REQUIRED,
                .doc = "Port of the upstream."),
        FIELD(struct service, path, .format = FORMAT_PATH,
                .doc = "Put before the path of every request to the upstream."),
        FIELD(struct service, connect_timeout, .dflt = "60000", BETWEEN(1, 2147483646),
                .doc = "Milliseconds to wait for a connection to the upstream."),
        FIELD(struct service, write_timeout, .dflt = "60000", BETWEEN(1, 2147483646),
                .doc = "Milliseconds between two successful writes to the upstream."),
        FIELD(struct service, read_timeout, .dflt = "60000", BETWEEN(1, 2147483646),
                .doc = "Milliseconds between two successful reads from the upstream."),
        TAGS_FIELD(struct service),
        FIELD(struct service, client_certificate, .ref = "certificates",
                .doc = "Certificate that is shown to the upstream in the TLS handshake."),
        FIELD(struct service, tls_verify,
                .doc = "Whether the upstream's certificate is verified; unset: as proxy_ssl_verify says."),
        FIELD(struct service, tls_verify_depth, .dflt = "null", BETWEEN(0, 64),
                .doc = "Longest chain of certificates that is accepted."),
        FIELD(struct service, ca_certificates, STRINGS(.format = FORMAT_UUID),
                .doc = "Ids of the CA certificates that the upstream's certificate is verified with."),
        FIELD(struct service, enabled, .dflt = "true", .flags = REQUIRED,
                .doc = "Routes of a disabled service do not exist."),
        {0},
};

#define PATHLESS     MATCH(.one_of = ONE_OF("tcp", "tls", "udp", "grpc", "grpcs"))
#define WITHOUT_TLS  MATCH(.not_one_of = NOT_ONE_OF("https", "tls"))
#define MUST_BE_NULL MATCH(.eq = "null")

static const struct entity_check checks[] = {
        WHEN("protocol", PATHLESS, "path", MUST_BE_NULL),
        WHEN("protocol", WITHOUT_TLS, "client_certificate", MUST_BE_NULL),
        WHEN("protocol", WITHOUT_TLS, "tls_verify", MUST_BE_NULL),
        WHEN("protocol", WITHOUT_TLS, "tls_verify_depth", MUST_BE_NULL),
        WHEN("protocol", WITHOUT_TLS, "ca_certificates", MUST_BE_NULL),
        {0},
};

/* ---- url ------------------------------------------------------------------------------------------------------- */

static json_t *text_or_null(struct slice s)
{
	return slice_is_set(s) ? json_stringn(s.ptr, s.len) : json_null();
}

static json_t *url_protocol(const struct url *u)
{
	if (slice_is_set(u->scheme))
		return json_stringn(u->scheme.ptr, u->scheme.len);
	return json_string(slice_eq(u->port, S("443")) ? "https" : "http");
}

/* A port that is no number is left to the field's own check. */
static json_t *url_port(const struct url *u)
{
	int64_t port;
	if (!slice_is_set(u->port))
		return json_integer(slice_eq(u->scheme, S("https")) ? 443 : 80);
	return slice_to_int(u->port, &port) ? json_integer(port) : text_or_null(u->port);
}

/* Every part of the url counts, also what it leaves out: "http://h" clears the path. */
static bool expand_url(json_t *service, const json_t *value, struct err *e)
{
	struct url u = url_split(slice_of(json_string_value(value), json_string_length(value)));
	json_object_set_new(service, "protocol", url_protocol(&u));
	json_object_set_new(service, "host", text_or_null(u.host));
	json_object_set_new(service, "port", url_port(&u));
	json_object_set_new(service, "path", text_or_null(u.path));
	return true;
}

static const struct shorthand shorthands[] = {
        {"url", TYPE_STRING, expand_url,
                .doc = "Sets protocol, host, port and path at once: https://example.com:8443/base"},
        {0},
};

const struct schema service_schema = {
        .name = "services",
        .path = "services",
        .size = sizeof(struct service),
        .fields = fields,
        .checks = checks,
        .shorthands = shorthands,
        .doc = "An upstream API that requests are forwarded to.",
};
