/* log_conf: what the configurations of logging plugins share (plugins.md 0.10). */
#ifndef COMMON_PLUGIN_LOG_CONF_H
#define COMMON_PLUGIN_LOG_CONF_H

#include "common/plugin/plugin.h"
#include "common/schema/violations.h"

/* The field custom_fields_by_lua of a config struct: a map from members of the record to chunks (chunk.h). */
#define CUSTOM_FIELDS_BY_LUA(T)                                                                                           \
	FIELD(T, custom_fields_by_lua, KEYS(LEN_MIN(1)), VALUES(.type = TYPE_STRING, LEN_MIN(1)),                         \
	        .doc = "Members of the record, each by Lua code that returns what it is; `nil` takes it out. A dot in a " \
	               "name: a member of a member. Of Lua there are expressions, tables, `local`, `if`, `return`, "      \
	               "`string.*`, `math.*`, and what reads of `kong.*` and `ngx.*`.")

/* For a checks table: CUSTOM(log_conf_check). Code that is not understood is refused when it is written. */
void log_conf_check(const json_t *merged, bool is_update, struct violations *v);
/* The checks table of those that check nothing else. */
extern const struct entity_check log_conf_checks[];

/* How many lines go out together: while some are under way, others gather behind them. */
enum { LOG_LINES_AT_ONCE = 256 };

/* custom_fields_by_lua, compiled. */
struct log_fields;
bool log_conf_fields(struct arena *a, const struct slice_map *map, const struct log_fields **out, struct err *e);
/* In the log phase, before call_log_record(): puts them into the record. One that cannot be computed is logged and
 * left as it was. */
void log_conf_add_fields(struct call *c, const struct log_fields *f);

/* What most logging plugins compile to. Also readies the sink. */
bool log_conf_compile(
        struct arena *a, struct sink *sink, const struct slice_map *map, const void **compiled, struct err *e);
/* The log phase of those: the request's record goes to the sink. */
enum verdict log_conf_send(struct call *c);

#endif
