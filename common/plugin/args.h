/* args: arguments in "a=1&b&c=2" form, of queries and urlencoded bodies. Private to this folder. */
#ifndef COMMON_PLUGIN_ARGS_H
#define COMMON_PLUGIN_ARGS_H

#include "common/core/arena.h"

/* As call_query(). */
struct slice args_get(struct arena *a, struct slice args, struct slice name, size_t *count);
/* Without the arguments of that name; the others keep order and spelling. The result may be args itself. */
struct slice args_remove(struct arena *a, struct slice args, struct slice name);

#endif
