/* log_conf: see log_conf.h. */
#include "common/plugin/log_conf.h"

void log_conf_check(const json_t *merged, bool is_update, struct violations *v)
{
	const json_t *lua = json_object_get(json_object_get(merged, "config"), "custom_fields_by_lua");
	if (json_object_size(lua))
		violations_replace(
		        v, "config.custom_fields_by_lua", "this release runs no Lua; leave custom_fields_by_lua out");
}

const struct entity_check log_conf_checks[] = {CUSTOM(log_conf_check), {0}};

enum verdict log_conf_send(struct call *c)
{
	call_sink(c, c->compiled, call_log_record(c));
	return GO;
}
