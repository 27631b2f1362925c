/* correlation-id: gives every request a header by which it can be followed, unless the client has given it one
 * (plugins.md 4.3). */
#include <unistd.h>

#include "common/core/clock.h"
#include "common/plugin/plugin.h"

struct correlation_id {
	struct slice header_name, generator;
	bool echo_downstream;
};

static const struct field fields[] = {
        FIELD(struct correlation_id, header_name, .dflt = "'Kong-Request-ID'", .format = FORMAT_HEADER_NAME,
                .doc = "The header that carries the id."),
        FIELD(struct correlation_id, generator, .flags = REQUIRED, .dflt = "'uuid#counter'",
                .one_of = ONE_OF("uuid", "uuid#counter", "tracker"),
                .doc = "How ids are made: a UUID for each; a UUID of the worker and a counter; or from addresses, "
                       "process, connection and time."),
        FIELD(struct correlation_id, echo_downstream, .flags = REQUIRED, .dflt = "false",
                .doc = "Give the id to the client as well."),
        {0},
};

static const struct schema config = {
        .name = "correlation-id",
        .size = sizeof(struct correlation_id),
        .fields = fields,
};

struct state {
	struct slice id;
};

static struct slice new_uuid(struct call *c)
{
	struct uuid id = uuid_v4();
	return call_uuid_text(c, &id);
}

static struct slice counted(struct call *c)
{
	return ARENA_JOIN(
	        c->x->arena, call_worker_uuid(c), S("#"), arena_decimal(c->x->arena, (int64_t)call_next_number(c)));
}

static struct slice tracked(struct call *c)
{
	struct slice ip = call_server_ip(c);
	int64_t ms = clock_wall_ms();
	return arena_printf(c->x->arena, "%.*s-%d-%d-%llu-%u-%lld.%03d", SLICE_ARG(ip), c->x->port, (int)getpid(),
	        (unsigned long long)c->x->connection, c->x->connection_requests, (long long)(ms / 1000),
	        (int)(ms % 1000));
}

static struct slice generate(struct call *c, const struct correlation_id *conf)
{
	if (slice_eq(conf->generator, S("uuid")))
		return new_uuid(c);
	return slice_eq(conf->generator, S("tracker")) ? tracked(c) : counted(c);
}

static enum verdict on_access(struct call *c)
{
	const struct correlation_id *conf = c->conf;
	struct state *state = c->state;

	if (!slice_is_set(conf->header_name))
		return GO;
	state->id = call_header(c, conf->header_name, NULL);
	if (state->id.len == 0) {
		state->id = generate(c, conf);
		call_set_header(c, conf->header_name, state->id);
	}
	call_log_set(c, S("correlation_id"), json_stringn(state->id.ptr, state->id.len));
	return GO;
}

/* Also of requests that never got as far as access. */
static enum verdict on_response_head(struct call *c)
{
	const struct correlation_id *conf = c->conf;
	struct state *state = c->state;

	if (!conf->echo_downstream || !slice_is_set(conf->header_name))
		return GO;
	if (!slice_is_set(state->id))
		on_access(c);
	call_respond_header(c, conf->header_name, state->id);
	return GO;
}

const struct plugin correlation_id_plugin = {
        .name = "correlation-id",
        .priority = 100001,
        .scopes = SCOPE_ALL,
        .protocols = PROTOCOLS_HTTP,
        .config = &config,
        .state_size = sizeof(struct state),
        .access = on_access,
        .response_head = on_response_head,
        .doc = "Gives every request an id to follow it by.",
        .example = "{'header_name':'X-Request-Id','generator':'uuid','echo_downstream':true}",
};
