/* args: arguments in "a=1&b&c=2" form, of queries and urlencoded bodies. Private to this folder. */
#ifndef COMMON_PLUGIN_ARGS_H
#define COMMON_PLUGIN_ARGS_H

#include "common/plugin/plugin.h"

/* As call_query(). */
struct slice args_get(struct arena *a, struct slice args, struct slice name, size_t *count);
/* Without the arguments of that name; the others keep order and spelling. The result may be args itself. */
struct slice args_remove(struct arena *a, struct slice args, struct slice name);
/* Decoded, at most CALL_MAX_ARGS. */
struct arg_list args_list(struct arena *a, struct slice args);
/* Encoded again. */
struct slice args_text(struct arena *a, const struct arg_list *list);

/* Compact. */
struct slice args_json(struct arena *a, const json_t *json);

#endif
