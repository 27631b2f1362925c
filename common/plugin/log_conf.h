/* log_conf: what the configurations of logging plugins share (plugins.md 0.10). */
#ifndef COMMON_PLUGIN_LOG_CONF_H
#define COMMON_PLUGIN_LOG_CONF_H

#include "common/plugin/plugin.h"
#include "common/schema/violations.h"

/* The field custom_fields_by_lua of a config struct: a map from member names of the record to Lua code. This release
 * runs no Lua: what names any is refused when it is written, so that no record lacks what its reader counts on. */
#define CUSTOM_FIELDS_BY_LUA(T)                                                                   \
	FIELD(T, custom_fields_by_lua, KEYS(LEN_MIN(1)), VALUES(.type = TYPE_STRING, LEN_MIN(1)), \
	        .doc = "Lua code that makes members of the record. Not served by this release: it is refused.")

/* For a checks table: CUSTOM(log_conf_check). */
void log_conf_check(const json_t *merged, bool is_update, struct violations *v);
/* The checks table of those that check nothing else. */
extern const struct entity_check log_conf_checks[];

/* How many lines go out together: while some are under way, others gather behind them. */
enum { LOG_LINES_AT_ONCE = 256 };
/* The log phase of a plugin whose compiled configuration is a sink: the request's record goes there. */
enum verdict log_conf_send(struct call *c);

#endif
