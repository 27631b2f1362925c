/* ordering: where one configuration of a plugin stands among others, in place of its plugin's priority (the
 * `ordering` record of plugin entities; ours in the open-source shape of Kong's API). Counts for requests and for
 * sessions of streams; configurations for a consumer or a group stand where the plugin's others do. */
#ifndef COMMON_PLUGIN_ORDERING_H
#define COMMON_PLUGIN_ORDERING_H

#include "common/schema/schema.h"

struct ordering_phase {
	struct slice_list access; /* names of plugins */
};
struct ordering {
	struct ordering_phase before, after;
};

extern const struct schema ordering_schema;

#endif
