/* request-size-limiting: refuses requests whose bodies are too large (plugins.md 3.3).
 *
 * A length that is announced is looked at before anything is read; a body without one is counted on its way, and cut
 * off as soon as it has passed the limit. */
#include "common/plugin/plugin.h"

struct size_limiting {
	struct opt_int allowed_payload_size;
	struct slice size_unit;
	bool require_content_length;
};

static const struct field fields[] = {
        FIELD(struct size_limiting, allowed_payload_size, .dflt = "128",
                .doc = "The largest body that passes, in units of `size_unit`. Unset: any."),
        FIELD(struct size_limiting, size_unit, .flags = REQUIRED, .dflt = "'megabytes'",
                .one_of = ONE_OF("megabytes", "kilobytes", "bytes"),
                .doc = "What the size is counted in: a megabyte is 1,048,576 bytes."),
        FIELD(struct size_limiting, require_content_length, .flags = REQUIRED, .dflt = "false",
                .doc = "Refuse requests that do not say how long their body is."),
        {0},
};

static const struct schema config = {
        .name = "request-size-limiting",
        .size = sizeof(struct size_limiting),
        .fields = fields,
};

struct state {
	int64_t seen; /* bytes of the body */
};

static int64_t limit_of(const struct size_limiting *conf)
{
	int64_t unit = slice_eq(conf->size_unit, S("bytes"))       ? 1
	               : slice_eq(conf->size_unit, S("kilobytes")) ? 1024
	                                                           : 1048576;
	int64_t limit;

	if (!conf->allowed_payload_size.set)
		return INT64_MAX;
	return __builtin_mul_overflow(conf->allowed_payload_size.value, unit, &limit) ? INT64_MAX : limit;
}

static enum verdict refuse(struct call *c)
{
	return call_reject(c, c->x->request->expect_continue ? 417 : 413, S("Request size limit exceeded"));
}

static enum verdict on_access(struct call *c)
{
	const struct size_limiting *conf = c->conf;
	const struct head *request = c->x->request;
	bool is_announced = request->content_length >= 0;

	call_use_request_body(c, is_announced ? USE_NOTHING : USE_READ);
	if (is_announced)
		return request->content_length > limit_of(conf) ? refuse(c) : GO;
	if (conf->require_content_length && !request->chunked)
		return call_reject(c, 411, S("A valid Content-Length header is required"));
	return GO;
}

static enum verdict on_request_body(struct call *c)
{
	struct state *state = c->state;

	state->seen += (int64_t)c->piece.len;
	return state->seen > limit_of(c->conf) ? refuse(c) : GO;
}

const struct plugin request_size_limiting_plugin = {
        .name = "request-size-limiting",
        .priority = 951,
        .scopes = SCOPE_ALL,
        .protocols = PROTOCOLS_HTTP,
        .config = &config,
        .state_size = sizeof(struct state),
        .access = on_access,
        .request_body = on_request_body,
        .doc = "Refuses requests whose bodies are too large.",
        .example = "{'allowed_payload_size':8}",
};
