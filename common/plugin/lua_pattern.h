/* lua_pattern: the patterns of Lua's string library (%a, [set], * + - ?, captures, anchors), without %b, %f and
 * references to captures. A match that takes more than its share of steps is given up. */
#ifndef COMMON_PLUGIN_LUA_PATTERN_H
#define COMMON_PLUGIN_LUA_PATTERN_H

#include "common/core/slice.h"

enum { LUA_CAPTURES_MAX = 9, LUA_STEPS_MAX = 20000 };

struct lua_match {
	struct slice whole, captures[LUA_CAPTURES_MAX];
	unsigned count; /* of captures */
};

/* The first match at or behind `from`: 1 found, 0 not found, -1 the pattern is malformed, not supported or too slow.
 * *steps counts down over several calls; start it with LUA_STEPS_MAX. */
int lua_pattern_find(struct slice pattern, struct slice text, size_t from, struct lua_match *out, unsigned *steps);

#endif
