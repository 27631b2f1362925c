/* file-log: a line of JSON per request, appended to a file of the data plane (plugins.md 6). */
#include "common/plugin/log_conf.h"

struct file_log {
	struct slice path;
	bool reopen;
	struct slice_map custom_fields_by_lua;
};

static bool check_path(const struct field *f, json_t **value, struct err *e)
{
	const char *path = json_string_value(*value);
	return (*path && !strpbrk(path, "*&%\\`")) || err_set(e, "not a valid filename");
}

static const struct field fields[] = {
        FIELD(struct file_log, path, .flags = REQUIRED, .check = check_path,
                .described_as = "{'match':'^[^*&%%\\\\`]+$','err':'not a valid filename'}",
                .doc = "The file. It is made when it is not there, with mode 0644. `/dev/stdout` is allowed."),
        FIELD(struct file_log, reopen, .flags = REQUIRED, .dflt = "false",
                .doc = "Open the file anew for every delivery, so that it can be rotated."),
        CUSTOM_FIELDS_BY_LUA(struct file_log),
        {0},
};

static const struct schema config = {
        .name = "file-log",
        .size = sizeof(struct file_log),
        .fields = fields,
        .checks = log_conf_checks,
};

static bool compile(const void *conf, struct arena *a, const void **compiled, struct err *e)
{
	const struct file_log *f = conf;
	struct sink *sink = arena_new(a, struct sink);

	*sink = (struct sink){.kind = SINK_FILE,
	        .encode = sink_encode_lines,
	        .plugin = "file-log",
	        .name = f->path,
	        .path = f->path,
	        .reopen = f->reopen,
	        .queue = {.batch_size = LOG_LINES_AT_ONCE, .retry_ms = -1}};
	return log_conf_compile(a, sink, &f->custom_fields_by_lua, compiled, e);
}

const struct plugin file_log_plugin = {
        .name = "file-log",
        .priority = 9,
        .scopes = SCOPE_ALL,
        .protocols = PROTOCOLS_ANY,
        .config = &config,
        .compile = compile,
        .log = log_conf_send,
        .doc = "Writes a line of JSON per request to a file.",
        .example = "{'path':'/var/log/gatehouse/requests.json'}",
};
